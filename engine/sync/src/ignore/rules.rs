//! All rules of a share together.

use serde::{Deserialize, Serialize};

use super::error::RulesError;
use super::patterns::Patterns;
use super::syncignore::{Judgement, SyncIgnore, Trail};
use crate::path::{Name, RelPath};

/// The file with the rules, at the share's root and nowhere else.
pub const SYNCIGNORE_NAME: &str = ".syncignore";

/// The rules as they were written; what crosses to the other side. Lengths are bounded by [`Rules::new`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTexts {
    /// The bytes of `.syncignore`; `None` where there is none.
    #[serde(with = "serde_bytes")]
    pub syncignore: Option<Vec<u8>>,
    /// The patterns of `--exclude`.
    pub exclude: Vec<String>,
    /// The patterns of `--upload-exclude`.
    pub upload_exclude: Vec<String>,
    /// The patterns of `--download-exclude`.
    pub download_exclude: Vec<String>,
}

/// What a share ignores, and which way its paths may cross.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    syncignore: SyncIgnore,
    exclude: Patterns,
    upload_exclude: Patterns,
    download_exclude: Patterns,
}

/// Whether an entry is synchronised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Included,
    /// It isn't, nor is anything below it: a walk needn't look there.
    Ignored,
    /// A directory that is ignored itself, but below which something may be included again. A walk has to look there; the
    /// directory is synchronised as the parent of what is included, and only if there is such a thing.
    IgnoredParent,
}

/// Where a walk is: what the rules know of one directory. Made by [`Rules::root`] and [`Rules::enter`] of the same rules.
#[derive(Clone, Debug)]
pub struct DirState {
    trail: Trail,
    /// Whether `--exclude` excludes the directory, and with it all below.
    excluded: bool,
    /// The directory's path with a slash behind it; nothing for the root, nor where there are no `--exclude` patterns.
    path: Vec<u8>,
    at_root: bool,
}

impl Rules {
    /// Compiles the rules.
    pub fn new(texts: &RuleTexts) -> Result<Self, RulesError> {
        Ok(Self {
            syncignore: SyncIgnore::new(texts.syncignore.as_deref().unwrap_or_default())?,
            exclude: Patterns::new(&texts.exclude).map_err(RulesError::Exclude)?,
            upload_exclude: Patterns::new(&texts.upload_exclude).map_err(RulesError::UploadExclude)?,
            download_exclude: Patterns::new(&texts.download_exclude).map_err(RulesError::DownloadExclude)?,
        })
    }

    /// Judges a path on its own, by itself and all its parents. The root is included.
    ///
    /// A walk that never goes below an ignored directory comes to the same verdict by [`Self::enter`] and [`Self::judge`].
    pub fn ignored(&self, path: &RelPath, is_directory: bool) -> Verdict {
        let Some((parent, name)) = path.split_last() else { return Verdict::Included };
        if is_rules_file(parent.is_root(), name, is_directory) {
            return Verdict::Included;
        }
        if self.exclude.excludes(path, is_directory) {
            return Verdict::Ignored;
        }
        self.syncignore.judge(&self.syncignore.trail(parent), name, is_directory).into()
    }

    /// Where a walk begins.
    pub fn root(&self) -> DirState {
        DirState { trail: self.syncignore.root(), excluded: false, path: Vec::new(), at_root: true }
    }

    /// Goes down into the directory `name` of `dir`, whatever its verdict was.
    pub fn enter(&self, dir: &DirState, name: &Name) -> DirState {
        let mut path = Vec::new();
        let mut excluded = dir.excluded;
        if !excluded && !self.exclude.is_empty() {
            path = dir.path_of(name);
            excluded = self.exclude.excludes_itself(&path, true);
            path.push(b'/');
        }
        DirState { trail: self.syncignore.enter(&dir.trail, name), excluded, path, at_root: false }
    }

    /// Whether everything below two directories is surely judged alike, whatever it is called.
    pub fn same_below(&self, one: &DirState, other: &DirState) -> bool {
        match (one.excluded, other.excluded) {
            (true, true) => true,
            (false, false) => one.trail == other.trail && !self.exclude.depend_on_place(),
            _ => false,
        }
    }

    /// Judges the entry `name` of `dir`.
    pub fn judge(&self, dir: &DirState, name: &Name, is_directory: bool) -> Verdict {
        if is_rules_file(dir.at_root, name, is_directory) {
            return Verdict::Included;
        }
        if dir.excluded {
            return Verdict::Ignored;
        }
        match self.syncignore.judge(&dir.trail, name, is_directory) {
            Judgement::Ignored => Verdict::Ignored,
            _ if !self.exclude.is_empty() && self.exclude.excludes_itself(&dir.path_of(name), is_directory) => {
                Verdict::Ignored
            }
            judgement => judgement.into(),
        }
    }

    /// Whether the path may cross from the host to the guest, as far as `--upload-exclude` says.
    pub fn uploads(&self, path: &RelPath, is_directory: bool) -> bool {
        !self.upload_exclude.excludes(path, is_directory)
    }

    /// Whether the path may cross from the guest to the host, as far as `--download-exclude` says.
    pub fn downloads(&self, path: &RelPath, is_directory: bool) -> bool {
        !self.download_exclude.excludes(path, is_directory)
    }
}

/// Whether this is the file with the rules, which no rule can ignore.
fn is_rules_file(at_root: bool, name: &Name, is_directory: bool) -> bool {
    at_root && !is_directory && name.as_bytes() == SYNCIGNORE_NAME.as_bytes()
}

impl DirState {
    fn path_of(&self, name: &Name) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.path.len() + name.as_bytes().len() + 1);
        path.extend_from_slice(&self.path);
        path.extend_from_slice(name.as_bytes());
        path
    }
}

impl From<Judgement> for Verdict {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Included => Self::Included,
            Judgement::Ignored => Self::Ignored,
            Judgement::IgnoredAndOpen => Self::IgnoredParent,
        }
    }
}
