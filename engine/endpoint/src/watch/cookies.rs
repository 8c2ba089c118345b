//! Cookie files: written to a private directory, so that their sighting proves that the watcher has caught up.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::WatchError;

const PREFIX: &str = "cookie-";

/// The cookies of one watcher that have not been seen yet.
pub(super) struct Cookies {
    dir: PathBuf,
    /// Cookie by its number, with how often it was written.
    outstanding: Mutex<BTreeMap<u64, u32>>,
}

impl Cookies {
    /// Creates the directory where missing. What stands in it from before is left to [`Self::write`], which removes what it makes.
    pub(super) fn open(dir: &Path) -> Result<Self, WatchError> {
        let start = |source| WatchError::Start { path: dir.to_owned(), source };
        create_private(dir).map_err(start)?;
        // Events name the directory as the system does.
        let dir = dir.canonicalize().map_err(start)?;
        Ok(Self { dir, outstanding: Mutex::default() })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn outstanding(&self) -> MutexGuard<'_, BTreeMap<u64, u32>> {
        // Nothing under this lock panics half-way.
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a cookie for the watcher to see.
    pub(super) fn write(&self, id: u64) -> Result<(), WatchError> {
        self.outstanding().insert(id, 0);
        self.create(id, 0).map_err(|(path, source)| {
            self.outstanding().remove(&id);
            WatchError::Cookie { path, source }
        })
    }

    /// The file is gone at once: its event counts, and nothing is left behind.
    fn create(&self, id: u64, attempt: u32) -> Result<(), (PathBuf, io::Error)> {
        let path = self.dir.join(format!("{PREFIX}{id}-{attempt}"));
        match File::create(&path).and_then(|_| std::fs::remove_file(&path)) {
            Ok(()) => Ok(()),
            Err(error) => Err((path, error)),
        }
    }

    /// A file of this name was seen in the directory: the cookie, if it was waited for.
    pub(super) fn seen(&self, name: &[u8]) -> Option<u64> {
        let (id, attempt) = parse(name)?;
        let mut outstanding = self.outstanding();
        if outstanding.get(&id) != Some(&attempt) {
            return None;
        }
        outstanding.remove(&id);
        Some(id)
    }

    /// Events were lost, cookies perhaps among them: writes all that are waited for once more. Those of before don't count any more, so that
    /// none overtakes what the watcher tells about the loss.
    pub(super) fn write_again(&self) {
        let again: Vec<(u64, u32)> = self
            .outstanding()
            .iter_mut()
            .map(|(id, attempt)| {
                *attempt = attempt.wrapping_add(1);
                (*id, *attempt)
            })
            .collect();
        for (id, attempt) in again {
            if let Err((path, error)) = self.create(id, attempt) {
                tracing::warn!(path = %path.display(), %error, "a cookie could not be written again");
            }
        }
    }
}

fn parse(name: &[u8]) -> Option<(u64, u32)> {
    let (id, attempt) = std::str::from_utf8(name).ok()?.strip_prefix(PREFIX)?.split_once('-')?;
    Some((id.parse().ok()?, attempt.parse().ok()?))
}

/// Creates a directory that is nobody else's to write to, whatever the umask.
fn create_private(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_seen_once_and_only_in_its_last_writing() {
        let temp = tempfile::tempdir().unwrap();
        let cookies = Cookies::open(&temp.path().join("cookies")).unwrap();
        assert_eq!(cookies.seen(b"cookie-7-0"), None, "nobody waits");
        cookies.write(7).unwrap();
        cookies.write_again();
        assert_eq!(cookies.seen(b"cookie-7-0"), None, "from before the loss");
        for name in ["", "cookie-", "cookie-7", "cookie-7-", "cookie-7-x", "cookie--1", "other"] {
            assert_eq!(cookies.seen(name.as_bytes()), None, "{name}");
        }
        assert_eq!(cookies.seen(b"cookie-7-1"), Some(7));
        assert_eq!(cookies.seen(b"cookie-7-1"), None);
        assert_eq!(std::fs::read_dir(cookies.dir()).unwrap().count(), 0);
    }

    #[test]
    fn a_cookie_that_cannot_be_written_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let cookies = Cookies::open(&temp.path().join("cookies")).unwrap();
        std::fs::remove_dir(cookies.dir()).unwrap();
        assert!(matches!(cookies.write(1), Err(WatchError::Cookie { .. })));
        assert!(cookies.outstanding().is_empty());
    }
}
