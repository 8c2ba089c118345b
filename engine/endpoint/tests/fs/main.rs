//! The real file system against the contract of `Fs`, in temporary directories.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod content;
mod entries;
mod mounts;
mod names;
mod races;
mod renames;

use std::path::{Path, PathBuf};

use causeway_endpoint::fs::{Area, Dir, FileMode, Fs, FsError, FsErrorKind, OsFs, OsFsConfig};
use causeway_sync::path::{Name, RelPath};

/// A share with its private directory, gone at the end of the test.
struct Place {
    _temp: tempfile::TempDir,
    share: PathBuf,
    private: PathBuf,
}

impl Place {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let (share, private) = (temp.path().join("share"), temp.path().join("private"));
        std::fs::create_dir(&share).unwrap();
        Self { _temp: temp, share, private }
    }

    fn open(&self, mode: FileMode) -> (OsFs, Dir) {
        open(&self.share, &self.private, mode)
    }
}

fn open(share: &Path, private: &Path, mode: FileMode) -> (OsFs, Dir) {
    let fs = OsFs::open(OsFsConfig { share: share.into(), private: private.into(), mode }).unwrap();
    let root = fs.root(Area::Share).unwrap();
    (fs, root)
}

fn name(name: &str) -> &Name {
    Name::new(name.as_bytes()).unwrap()
}

fn path(path: &str) -> &RelPath {
    RelPath::new(path.as_bytes()).unwrap()
}

/// The kind of the error; `None` for success.
fn failure<T>(result: Result<T, FsError>) -> Option<FsErrorKind> {
    result.err().map(|error| error.kind)
}
