//! What the files of a project of Docker Compose say about its share: `x-causeway` on a service or a volume.
//!
//! ```yaml
//! services:
//!   web:
//!     x-causeway: {mode: two-way-resolved, exclude: [node_modules, /dist]}
//! ```
//!
//! Files are merged as Compose merges them: of one service the last mode counts, and patterns add up, unless a file takes away what was said
//! before (`!reset`, `!override`); `extends` and `include` are followed. A project has one share, so its services have to agree on the mode.
//! Compose itself has read the files before.
//!
//! Not here: variables (their values are the shell's that Compose ran in; who names one is told), profiles, and files that aren't on this
//! computer, which are named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use causeway_api::{CreateShare, Mode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_saphyr::Tagged;

/// The word.
const WORD: &str = "x-causeway";
/// Longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Most files of a project that are read; what further ones say isn't known.
const FILES_MAX: usize = 64;
/// Longest chain of services that extend one another; what is behind it isn't known.
const EXTENDS_MAX: u32 = 16;

/// Why the files of a project can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ComposeFileError {
    /// The file is there, and can't be read.
    #[error("{} can't be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It isn't understood.
    #[error("{} isn't understood: {why}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Where in it, and why.
        why: String,
    },
    /// It is too long.
    #[error("{} is longer than {FILE_BYTES_MAX} bytes", path.display())]
    TooLong {
        /// Which.
        path: PathBuf,
    },
    /// Two services want different things.
    #[error("{first} and {second} have different modes in {WORD}, and the project's folder is one share")]
    Modes {
        /// One service or volume.
        first: String,
        /// Another.
        second: String,
    },
}

/// What is wanted of a share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    mode: Option<Mode>,
    exclude: Vec<String>,
    upload_exclude: Vec<String>,
    download_exclude: Vec<String>,
    /// Files that belong to the project, as they are named, and that aren't on this computer.
    elsewhere: BTreeSet<String>,
}

/// What a file says of something.
struct Said<T> {
    value: Option<T>,
    how: How,
}

/// What becomes of what was said before (compose-spec, "Reset value" and "Replace value").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// It is added to it.
    Also,
    /// `!override`: it takes its place.
    Instead,
    /// `!reset`: nothing is said any more, and what stands there doesn't count.
    Reset,
}

impl<T> Default for Said<T> {
    fn default() -> Self {
        Self { value: None, how: How::Also }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Said<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(value, tag) = Tagged::<Option<T>>::deserialize(deserializer)?;
        Ok(match tag.as_deref() {
            Some("!reset") => Self { value: None, how: How::Reset },
            Some("!override") => Self { value, how: How::Instead },
            _ => Self { value, how: How::Also },
        })
    }
}

/// The word's mapping.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Words {
    mode: Said<Mode>,
    exclude: Said<Literals>,
    upload_exclude: Said<Literals>,
    download_exclude: Said<Literals>,
}

/// Texts as Compose takes them (compose-spec, "Interpolation"): a dollar is written twice, and alone begins a variable.
struct Literals(Vec<String>);

impl<'de> Deserialize<'de> for Literals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let literal = |text: String| match text.replace("$$", "").contains('$') {
            true => Err(D::Error::custom(format!(
                "\"{text}\" has a variable in it, which {WORD} can't have: write its value"
            ))),
            false => Ok(text.replace("$$", "$")),
        };
        texts.into_iter().map(literal).collect::<Result<_, _>>().map(Self)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ComposeFile {
    services: Option<BTreeMap<String, Said<Part>>>,
    volumes: Option<BTreeMap<String, Said<Part>>>,
    include: Option<Vec<Include>>,
}

/// A service or a volume.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    #[serde(rename = "x-causeway")]
    words: Said<Words>,
    extends: Option<Extends>,
}

/// The service that another one begins as.
#[derive(Deserialize)]
#[serde(untagged)]
enum Extends {
    Beside(String),
    Of { service: String, file: Option<PathBuf> },
}

/// Files that belong to the project, too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Include {
    One(PathBuf),
    Merged { path: Paths },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Paths {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

impl Include {
    fn paths(&self) -> &[PathBuf] {
        match self {
            Self::One(path) | Self::Merged { path: Paths::One(path) } => std::slice::from_ref(path),
            Self::Merged { path: Paths::Several(paths) } => paths,
        }
    }
}

/// A file, and the directory that paths in it begin at.
#[derive(Clone)]
struct Source {
    file: Rc<ComposeFile>,
    directory: PathBuf,
}

/// The files of a project while they are read.
#[derive(Default)]
struct Reading {
    files: BTreeMap<PathBuf, Option<Rc<ComposeFile>>>,
    included: BTreeSet<PathBuf>,
    parts: BTreeMap<String, Wanted>,
    elsewhere: BTreeSet<String>,
}

impl Reading {
    /// Takes in what a file says, and what it includes.
    fn take(&mut self, path: &Path, directory: &Path) -> Result<(), ComposeFileError> {
        let Some(file) = self.file(path)? else { return Ok(()) };
        for path in file.include.iter().flatten().flat_map(Include::paths) {
            let Some(path) = self.here(path, directory) else { continue };
            if self.included.insert(path.clone()) {
                self.take(&path, directory_of(&path))?;
            }
        }
        let source = Source { directory: directory.to_owned(), file: Rc::clone(&file) };
        for (kind, named) in [("the service", &file.services), ("the volume", &file.volumes)] {
            for (name, part) in named.iter().flatten() {
                let known = format!("{kind} \"{name}\"");
                if part.how != How::Also {
                    self.parts.remove(&known);
                }
                let Some(part) = &part.value else { continue };
                let base = self.base(part, &source, EXTENDS_MAX)?;
                let wanted = self.parts.entry(known).or_default();
                wanted.add(base);
                wanted.take(&part.words);
            }
        }
        Ok(())
    }

    /// What the service says that a part begins as; nothing where it begins as none.
    fn base(&mut self, part: &Part, source: &Source, left: u32) -> Result<Wanted, ComposeFileError> {
        let Some(base) = part.extends.as_ref().filter(|_| left > 0) else { return Ok(Wanted::default()) };
        let (name, source) = match base {
            Extends::Beside(name) | Extends::Of { service: name, file: None } => (name, source.clone()),
            Extends::Of { service: name, file: Some(path) } => {
                let Some(path) = self.here(path, &source.directory) else { return Ok(Wanted::default()) };
                let Some(file) = self.file(&path)? else { return Ok(Wanted::default()) };
                (name, Source { file, directory: directory_of(&path).to_owned() })
            }
        };
        let file = Rc::clone(&source.file);
        let Some(part) = file.services.as_ref().and_then(|services| services.get(name)?.value.as_ref()) else {
            return Ok(Wanted::default());
        };
        let mut wanted = self.base(part, &source, left - 1)?;
        wanted.take(&part.words);
        Ok(wanted)
    }

    /// The path of a file that another one names; `None` where it isn't on this computer, which is noted.
    fn here(&mut self, named: &Path, directory: &Path) -> Option<PathBuf> {
        match named.to_str().filter(|name| is_elsewhere(name)) {
            Some(name) if self.elsewhere.len() < FILES_MAX => drop(self.elsewhere.insert(name.to_owned())),
            Some(_) => {}
            None => return Some(directory.join(named)),
        }
        None
    }

    /// A file; `None` where it isn't there, or can't say anything.
    fn file(&mut self, path: &Path) -> Result<Option<Rc<ComposeFile>>, ComposeFileError> {
        if let Some(known) = self.files.get(path) {
            return Ok(known.clone());
        }
        if self.files.len() == FILES_MAX {
            return Ok(None);
        }
        let file = text_of(path)?.map(|text| parse(path, &text)).transpose()?.map(Rc::new);
        self.files.insert(path.to_owned(), file.clone());
        Ok(file)
    }
}

/// Whether Compose fetches what is named so: from a Git repository, or a registry.
fn is_elsewhere(name: &str) -> bool {
    name.contains("://") || ["git@", "github.com/"].iter().any(|beginning| name.starts_with(beginning))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Reads a text. One without the word need not be understood: Compose has understood it.
fn parse(path: &Path, text: &str) -> Result<ComposeFile, ComposeFileError> {
    match serde_saphyr::from_str(text) {
        Ok(file) => Ok(file),
        Err(error) if text.contains(WORD) => {
            Err(ComposeFileError::Content { path: path.to_owned(), why: error.to_string() })
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "isn't understood, so what it leads to isn't looked at");
            Ok(ComposeFile::default())
        }
    }
}

impl Wanted {
    /// Reads it from the files of a project, in their order. One that isn't there any more says nothing. Paths in them begin at the
    /// project's folder.
    pub fn read(files: &[PathBuf], folder: &Path) -> Result<Self, ComposeFileError> {
        let mut reading = Reading::default();
        for path in files {
            reading.take(path, folder)?;
        }
        Ok(Self { elsewhere: reading.elsewhere, ..Self::of_all(reading.parts)? })
    }

    fn of_all(parts: BTreeMap<String, Self>) -> Result<Self, ComposeFileError> {
        let mut all = Self::default();
        let mut said: Option<(String, Mode)> = None;
        for (part, wanted) in parts {
            match (&said, wanted.mode) {
                (Some((first, mode)), Some(other)) if *mode != other => {
                    return Err(ComposeFileError::Modes { first: first.clone(), second: part });
                }
                (None, Some(mode)) => said = Some((part, mode)),
                _ => {}
            }
            all.add(wanted);
        }
        Ok(all)
    }

    fn add(&mut self, later: Self) {
        self.mode = later.mode.or(self.mode);
        for (known, new) in [
            (&mut self.exclude, later.exclude),
            (&mut self.upload_exclude, later.upload_exclude),
            (&mut self.download_exclude, later.download_exclude),
        ] {
            add_new(known, new);
        }
    }

    /// Takes in what a file says.
    fn take(&mut self, said: &Said<Words>) {
        if said.how != How::Also {
            *self = Self::default();
        }
        let Some(words) = &said.value else { return };
        if words.mode.how != How::Also {
            self.mode = None;
        }
        self.mode = words.mode.value.or(self.mode);
        for (known, said) in [
            (&mut self.exclude, &words.exclude),
            (&mut self.upload_exclude, &words.upload_exclude),
            (&mut self.download_exclude, &words.download_exclude),
        ] {
            if said.how != How::Also {
                known.clear();
            }
            add_new(known, said.value.iter().flat_map(|patterns| &patterns.0).cloned());
        }
    }

    /// Says what isn't known of what is wanted, as a sentence with a space before it; nothing where all is.
    pub fn unknown(&self) -> String {
        if self.elsewhere.is_empty() {
            return String::new();
        }
        let names: Vec<&str> = self.elsewhere.iter().map(String::as_str).collect();
        format!(" What {WORD} says in files that aren't on this computer isn't known: {}.", names.join(", "))
    }

    /// Puts it into a wish for a share.
    pub fn apply(self, wish: &mut CreateShare) {
        wish.mode = self.mode.unwrap_or(wish.mode);
        wish.patterns.exclude.extend(self.exclude);
        wish.patterns.upload_exclude.extend(self.upload_exclude);
        wish.patterns.download_exclude.extend(self.download_exclude);
    }

    /// The options of `causeway share create` that say the same, each with a space before it.
    pub fn options(&self) -> String {
        let mode = self.mode.and_then(|mode| serde_json::to_value(mode).ok());
        let mode = mode.as_ref().and_then(serde_json::Value::as_str);
        let mut options = mode.map_or(String::new(), |mode| format!(" --mode {mode}"));
        for (option, patterns) in [
            ("exclude", &self.exclude),
            ("upload-exclude", &self.upload_exclude),
            ("download-exclude", &self.download_exclude),
        ] {
            for pattern in patterns {
                options.push_str(&format!(" --{option} '{}'", pattern.replace('\'', "'\\''")));
            }
        }
        options
    }
}

fn add_new(known: &mut Vec<String>, new: impl IntoIterator<Item = String>) {
    for pattern in new {
        if !known.contains(&pattern) {
            known.push(pattern);
        }
    }
}

fn text_of(path: &Path) -> Result<Option<String>, ComposeFileError> {
    let failed = |source| ComposeFileError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        // It was given on standard input, or is gone since.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(ComposeFileError::TooLong { path: path.to_owned() });
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What some files say, by their texts.
    fn read(texts: &[&str]) -> Result<Wanted, String> {
        let dir = tempfile::tempdir().unwrap();
        let mut files = vec![dir.path().join("missing.yaml")];
        for (number, text) in texts.iter().enumerate() {
            let path = dir.path().join(format!("{number}.yaml"));
            std::fs::write(&path, text).unwrap();
            files.push(path);
        }
        Wanted::read(&files, dir.path()).map_err(|error| error.to_string().replace(dir.path().to_str().unwrap(), ""))
    }

    fn wanted(mode: Option<Mode>, exclude: &[&str]) -> Wanted {
        let exclude = exclude.iter().map(|pattern| (*pattern).to_owned()).collect();
        Wanted { mode, exclude, ..Wanted::default() }
    }

    #[test]
    fn what_files_want() {
        use Mode::{OneWayReplica, TwoWayResolved};
        for (texts, expected) in [
            (&[][..], wanted(None, &[])),
            (&["services: {web: {image: x}}"], wanted(None, &[])),
            (
                &[
                    "services:\n  web:\n    image: x\n    x-causeway:\n      mode: two-way-resolved\n      exclude: [a, /b]\n",
                ],
                wanted(Some(TwoWayResolved), &["a", "/b"]),
            ),
            (&["volumes: {data: {x-causeway: {mode: one-way-replica}}, other: }"], wanted(Some(OneWayReplica), &[])),
            // Of one service the last file counts; patterns add up.
            (
                &[
                    "services: {web: {x-causeway: {mode: one-way-replica, exclude: [a]}}}",
                    "services: {web: {x-causeway: {mode: two-way-resolved, exclude: [b, a]}}}",
                ],
                wanted(Some(TwoWayResolved), &["a", "b"]),
            ),
            (
                &["services: {a: {x-causeway: {mode: one-way-replica}}, b: {x-causeway: {exclude: [x]}}}"],
                wanted(Some(OneWayReplica), &["x"]),
            ),
            // What is Compose's own: anchors, merged mappings, its tags, several documents' start.
            (
                &[
                    "---\nx-common: &common\n  x-causeway: {exclude: [a]}\nservices:\n  web:\n    <<: *common\n    ports: !reset []\n    \
                   command: !override [\"x\"]\n",
                ],
                wanted(None, &["a"]),
            ),
            // What takes away what was said before.
            (
                &[
                    "services: {web: {x-causeway: {mode: one-way-replica, exclude: [a]}}}",
                    "services: {web: {x-causeway: {mode: !reset null, exclude: !override [b]}}}",
                ],
                wanted(None, &["b"]),
            ),
            (
                &[
                    "services: {web: {x-causeway: {mode: one-way-replica, exclude: [a]}}}",
                    "services: {web: {x-causeway: !override {exclude: [b]}}}",
                    "services: {web: {x-causeway: {exclude: [c]}}}",
                ],
                wanted(None, &["b", "c"]),
            ),
            (
                &[
                    "services: {web: {x-causeway: {exclude: [a]}}, api: {x-causeway: {exclude: [b]}}}",
                    "services: {web: {x-causeway: !reset {exclude: [x]}}, api: {x-causeway: {exclude: !reset []}}}",
                ],
                wanted(None, &[]),
            ),
            (
                &[
                    "services: {web: {x-causeway: {exclude: [a]}}, api: {x-causeway: {exclude: [b]}}}",
                    "services: {web: !reset null, api: !override {image: x}}",
                ],
                wanted(None, &[]),
            ),
            (
                &[
                    "services: {a: {extends: b, x-causeway: {exclude: !override [a]}}, b: !reset {x-causeway: {exclude: [b]}}}",
                ],
                wanted(None, &["a"]),
            ),
            (&["services:\n  web:\n    x-causeway:\n"], wanted(None, &[])),
            (&["services: {web: {x-causeway: {exclude: [\"$$a$$$$\"]}}}"], wanted(None, &["$a$$"])),
        ] {
            assert_eq!(read(texts), Ok(expected), "{texts:?}");
        }
    }

    #[test]
    fn what_is_extended_and_included_counts_too() {
        use Mode::{OneWayReplica, OneWaySafe};
        let files = [
            (
                "deep/base.yaml",
                "services: {b: {extends: {service: c, file: deeper/c.yaml}, x-causeway: {exclude: [b]}}}",
            ),
            ("deep/deeper/c.yaml", "services: {c: {x-causeway: {mode: one-way-safe, exclude: [c]}}}"),
            ("more/one.yaml", "include: [two.yaml]\nservices: {one: {x-causeway: {exclude: [one]}}}"),
            ("more/two.yaml", "include: [one.yaml]\nvolumes: {two: {x-causeway: {exclude: [two]}}}"),
            ("strange.yaml", "services: [*nowhere"),
        ];
        for (text, expected) in [
            ("services: {a: {extends: b}, b: {x-causeway: {exclude: [b]}}}", wanted(None, &["b"])),
            (
                "services: {a: {extends: {service: b, file: deep/base.yaml}, x-causeway: {mode: one-way-replica}}}",
                wanted(Some(OneWayReplica), &["c", "b"]),
            ),
            ("services: {a: {extends: {service: b, file: deep/base.yaml}}}", wanted(Some(OneWaySafe), &["c", "b"])),
            // The mapping that an alias stands for.
            (
                "x-b: &b {service: b, file: deep/base.yaml}\nservices: {a: {extends: *b}}",
                wanted(Some(OneWaySafe), &["c", "b"]),
            ),
            ("include: [more/one.yaml]", wanted(None, &["one", "two"])),
            ("include: [{path: more/two.yaml, env_file: x}]", wanted(None, &["one", "two"])),
            ("include: [{path: [more/two.yaml, more/one.yaml]}]", wanted(None, &["one", "two"])),
            // Nothing that could be followed.
            ("services: {a: {extends: b}, b: {extends: a}, c: {extends: x}}", wanted(None, &[])),
            ("include: [missing.yaml, \"${WHERE}/x.yaml\", strange.yaml]", wanted(None, &[])),
        ] {
            let dir = tempfile::tempdir().unwrap();
            for (path, text) in files.into_iter().chain([("sub/compose.yaml", text)]) {
                let path = dir.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            let read = Wanted::read(&[dir.path().join("sub/compose.yaml")], dir.path());
            assert_eq!(read.map_err(|error| error.to_string()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn files_that_are_elsewhere_are_named() {
        let wanted = read(&[
            "include: [\"https://nowhere.invalid/x.git\", {path: [\"git@nowhere.invalid:x\"]}]\nservices: {a: {extends: {service: b, \
             file: \"oci://nowhere.invalid/y\"}, x-causeway: {exclude: [a]}}}",
        ]);
        let wanted = wanted.unwrap();
        assert_eq!(wanted.exclude, ["a"]);
        assert_eq!(
            wanted.unknown(),
            " What x-causeway says in files that aren't on this computer isn't known: git@nowhere.invalid:x, https://nowhere.invalid/x.git, \
             oci://nowhere.invalid/y."
        );
        assert_eq!(read(&["services: {}"]).unwrap().unknown(), "");
    }

    #[test]
    fn what_is_not_understood_is_said_with_its_place() {
        for (texts, expected) in [
            (&["services: {web: {x-causeway: {mode: both-ways}}}"][..], "/0.yaml isn't understood"),
            (&["services: {web: {x-causeway: {modes: two-way-safe}}}"], "modes"),
            (&["services: {web: {x-causeway: {exclude: a}}}"], "/0.yaml isn't understood"),
            (&["services: {web: {x-causeway: {exclude: [\"${OUT}/a\"]}}}"], "\"${OUT}/a\" has a variable in it"),
            (&["services: {web: {x-causeway: {upload-exclude: [$$$OUT]}}}"], "has a variable in it"),
            (&["services: {web: {x-causeway: {mode: \"${MODE}\"}}}"], "${MODE}"),
            (&["services: {}", "services: [x-causeway"], "/1.yaml isn't understood"),
            (
                &["services: {a: {x-causeway: {mode: one-way-safe}}, b: {x-causeway: {mode: two-way-safe}}}"],
                "the service \"a\" and the service \"b\" have different modes",
            ),
        ] {
            let error = read(texts).unwrap_err();
            assert!(error.contains(expected), "{texts:?}: {error}");
        }
        let long = format!("# {WORD}{}", " ".repeat(FILE_BYTES_MAX as usize));
        assert!(read(&[&long]).unwrap_err().contains("longer"));
    }

    #[test]
    fn a_file_that_grows_without_end_is_refused() {
        let bomb: String =
            (1..30).map(|at| format!("l{at}: &l{at} [{}]\n", format!("*l{}, ", at - 1).repeat(9))).collect();
        assert!(read(&[&format!("l0: &l0 [x-causeway]\n{bomb}")]).is_err());
    }

    #[test]
    fn the_command_says_the_same() {
        let text =
            "services: {web: {x-causeway: {mode: one-way-safe, exclude: [\"a b\", \"it's\"], upload-exclude: [u]}}}";
        assert_eq!(
            read(&[text]).unwrap().options(),
            r" --mode one-way-safe --exclude 'a b' --exclude 'it'\''s' --upload-exclude 'u'"
        );
    }
}
