//! A share's rules: the patterns that it was created with, and the `.syncignore` at the root of its host folder.
//!
//! A `.syncignore` that is wrong never changes what is synchronised: the last good one, of which a copy is kept, stays in
//! force, and the share says so.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use causeway_api::Patterns;
use causeway_sync::ignore::{RuleTexts, Rules, RulesError, SYNCIGNORE_BYTES_MAX, SYNCIGNORE_NAME};

/// Name of the copy of the last good `.syncignore` in a share's directory.
const KEPT_NAME: &str = "syncignore";

/// Why a `.syncignore` can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{} can't be read: {source}", path.display())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Reads the `.syncignore` of a folder; `None` where there is none. One byte more than is allowed is read of a file that is too
/// long, so that it is refused as such.
pub fn read(folder: &Path) -> Result<Option<Vec<u8>>, ReadError> {
    let path = folder.join(SYNCIGNORE_NAME);
    match read_file(&path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        // A directory or a symlink of this name has no rules in it. The guest could have put it there.
        Err(_) if fs::symlink_metadata(&path).is_ok_and(|m| !m.is_file()) => Ok(None),
        Err(source) => Err(ReadError { path, source }),
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    open_without_following(path)?.take(SYNCIGNORE_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(unix)]
fn open_without_following(path: &Path) -> io::Result<File> {
    use std::fs::OpenOptions;
    use std::os::unix::fs::OpenOptionsExt;
    // Without waiting, should it be a FIFO.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// On Windows symlinks take a right that programs in the guest don't have.
#[cfg(not(unix))]
fn open_without_following(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// The rules as texts.
pub fn texts(patterns: &Patterns, syncignore: Option<Vec<u8>>) -> RuleTexts {
    RuleTexts {
        syncignore,
        exclude: patterns.exclude.clone(),
        upload_exclude: patterns.upload_exclude.clone(),
        download_exclude: patterns.download_exclude.clone(),
    }
}

/// Compiles them.
pub fn compile(texts: &RuleTexts) -> Result<Rules, RulesError> {
    Rules::new(texts)
}

/// A pattern in the syntax of `.gitignore` that matches just this path, relative to the share's root.
pub fn pattern_for(path: &Path) -> String {
    let mut pattern = String::new();
    for name in path.components() {
        pattern.push('/');
        for c in name.as_os_str().to_string_lossy().chars() {
            if matches!(c, '*' | '?' | '[' | ']' | '\\' | '!' | '#' | ' ') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
    }
    pattern
}

/// The rules in force, and what is wrong with the file if they aren't the file's.
#[derive(Clone, Debug)]
pub struct InForce {
    /// As texts.
    pub texts: RuleTexts,
    /// Compiled.
    pub rules: Rules,
    /// Why the present `.syncignore` isn't in force, as a sentence's beginning, and since when, in milliseconds since 1970.
    pub fault: Option<(String, u64)>,
}

/// Reads a folder's `.syncignore` and makes the rules. Where it can't be read or is wrong, the copy kept in `kept_in` is taken;
/// where it is good, it becomes that copy.
pub fn load(folder: &Path, patterns: &Patterns, kept_in: &Path, now_ms: u64) -> InForce {
    let kept = kept_in.join(KEPT_NAME);
    let fault = match read(folder) {
        Ok(syncignore) => {
            let texts = texts(patterns, syncignore);
            match compile(&texts) {
                Ok(rules) => {
                    if let Err(error) = keep(&kept, texts.syncignore.as_deref()) {
                        tracing::warn!(path = %kept.display(), %error, "no copy of .syncignore could be kept");
                    }
                    return InForce { texts, rules, fault: None };
                }
                Err(error) => error.to_string(),
            }
        }
        Err(error) => error.to_string(),
    };
    let texts = texts(patterns, read_file(&kept).ok());
    // The copy was good when it was made; if it isn't now, the patterns alone hold, which were checked at the creation.
    let (texts, rules) = match compile(&texts) {
        Ok(rules) => (texts, rules),
        Err(error) => {
            tracing::error!(path = %kept.display(), %error, "the kept copy of .syncignore is not in force");
            let bare = RuleTexts { syncignore: None, ..texts };
            let rules = compile(&bare).unwrap_or_default();
            (bare, rules)
        }
    };
    InForce { texts, rules, fault: Some((fault, now_ms)) }
}

fn keep(kept: &Path, syncignore: Option<&[u8]>) -> io::Result<()> {
    let Some(text) = syncignore else {
        return match fs::remove_file(kept) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        };
    };
    if fs::read(kept).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let aside = kept.with_extension("new");
    let mut file = File::create(&aside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&aside, kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_sync::RelPath;
    use causeway_sync::ignore::Verdict;

    fn ignores(rules: &Rules, path: &str) -> bool {
        rules.ignored(RelPath::new(path.as_bytes()).unwrap(), false) != Verdict::Included
    }

    #[test]
    fn a_wrong_file_leaves_the_last_good_rules_in_force() {
        let (folder, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = folder.path().join(SYNCIGNORE_NAME);
        let patterns = Patterns { exclude: vec!["*.o".to_owned()], ..Patterns::default() };
        let load = || load(folder.path(), &patterns, kept.path(), 7);

        let none = load();
        assert!(none.fault.is_none() && ignores(&none.rules, "a.o") && !ignores(&none.rules, "log"));
        fs::write(&file, "log\n").unwrap();
        let good = load();
        assert!(good.fault.is_none() && ignores(&good.rules, "log"));
        fs::write(&file, "other\n[\n").unwrap();
        for _ in 0..2 {
            let wrong = load();
            assert!(wrong.fault.unwrap().0.contains("line 2"));
            assert!(ignores(&wrong.rules, "log") && !ignores(&wrong.rules, "other") && ignores(&wrong.rules, "a.o"));
        }
        fs::remove_file(&file).unwrap();
        let gone = load();
        assert!(gone.fault.is_none() && !ignores(&gone.rules, "log"));
    }

    #[cfg(unix)]
    #[test]
    fn a_symlink_or_fifo_has_no_rules() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(SYNCIGNORE_NAME);
        std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
    }

    #[test]
    fn a_pattern_for_a_path_matches_it_alone() {
        let pattern = pattern_for(Path::new("a [x]/b*"));
        let patterns = Patterns { exclude: vec![pattern], ..Patterns::default() };
        let rules = compile(&texts(&patterns, None)).unwrap();
        assert!(ignores(&rules, "a [x]/b*") && !ignores(&rules, "a [x]/bc") && !ignores(&rules, "c/a [x]/b*"));
    }
}
