//! Which shares there are, and how each is set up: one JSON file, replaced whole and durably with every change.
//!
//! Not here: what a share is doing (the ledger and the indexes know), and any check of what a person typed
//! ([`crate::share::check`]).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use causeway_api::{Mode, Patterns, ShareId, ShareName, Symlinks, Timestamp};
use serde::{Deserialize, Serialize};

/// Name of the file in the data directory.
pub const SETTINGS_FILE: &str = "shares.json";
/// Version of its format. A file of a newer one is refused, never rewritten.
pub const SETTINGS_VERSION: u32 = 1;
/// Longer than any file that a person's shares fill; a longer one is refused as damaged.
const SETTINGS_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One share, as it was set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareSettings {
    /// Random, 32 hexadecimal digits, never used again. Names its directories on both sides.
    pub id: ShareId,
    /// What a person calls it; unique.
    pub name: ShareName,
    /// The host folder: absolute, canonical.
    pub host_path: PathBuf,
    /// Mode.
    pub mode: Mode,
    /// Symlinks.
    pub symlinks: Symlinks,
    /// Patterns beside `.syncignore`.
    #[serde(default)]
    pub patterns: Patterns,
    /// Whether it rests until it is resumed.
    #[serde(default)]
    pub paused: bool,
    /// When it was created.
    pub created: Timestamp,
    /// The project of Docker Compose that it was made for, by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compose_project: Option<String>,
}

/// Why the settings can't be read or written. Whatever the reason, the file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The system refused.
    #[error("could not {op} {}: {source}", path.display())]
    Io {
        /// Completes "could not …".
        op: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It isn't what was written.
    #[error("{} is damaged: {reason}; put it right, or move it away to start without shares", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// Written by a newer Causeway.
    #[error("{} has version {found}, and this Causeway knows up to {SETTINGS_VERSION}: use the newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    shares: Vec<ShareSettings>,
}

/// The settings in memory and their file.
#[derive(Debug)]
pub struct SettingsStore {
    path: PathBuf,
    shares: Vec<ShareSettings>,
}

impl SettingsStore {
    /// Reads them from the data directory; none yet where there is no file.
    pub fn open(data: &Path) -> Result<Self, SettingsError> {
        let path = data.join(SETTINGS_FILE);
        let text = match read_bounded(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self { path, shares: Vec::new() }),
            Err(source) => return Err(SettingsError::Io { op: "read", path, source }),
        };
        let damaged = |e: serde_json::Error| SettingsError::Damaged { path: path.clone(), reason: e.to_string() };
        // The version first: the rest may look different in another one.
        let Version { version } = serde_json::from_slice(&text).map_err(damaged)?;
        if version > SETTINGS_VERSION {
            return Err(SettingsError::Newer { path, found: version });
        }
        let Stored { shares, .. } = serde_json::from_slice(&text).map_err(damaged)?;
        Ok(Self { path, shares })
    }

    /// The shares, in the order of their creation.
    pub fn shares(&self) -> &[ShareSettings] {
        &self.shares
    }

    /// Changes the list. When it returns, the change is durable; after an error nothing has changed.
    pub fn update(&mut self, change: impl FnOnce(&mut Vec<ShareSettings>)) -> Result<(), SettingsError> {
        let mut shares = self.shares.clone();
        change(&mut shares);
        let stored = Stored { version: SETTINGS_VERSION, shares };
        let mut text = serde_json::to_vec_pretty(&stored).expect("strings and numbers always serialise");
        text.push(b'\n');
        replace_durably(&self.path, &text).map_err(|source| SettingsError::Io {
            op: "write",
            path: self.path.clone(),
            source,
        })?;
        self.shares = stored.shares;
        Ok(())
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut text = Vec::new();
    File::open(path)?.take(SETTINGS_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}

/// Puts `content` at `path` so that after a crash either the old or the new stands there, whole.
pub(crate) fn replace_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("json.new");
    let mut file = File::create(&aside)?;
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&aside, path)?;
    sync_directory_of(path)
}

#[cfg(unix)]
fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Windows makes a rename durable with the file system's own journal; directories can't be opened for it.
#[cfg(not(unix))]
fn sync_directory_of(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(name: &str) -> ShareSettings {
        ShareSettings {
            id: ShareId("0123456789abcdef0123456789abcdef".to_owned()),
            name: ShareName::new(name).unwrap(),
            host_path: "/src/a b".into(),
            mode: Mode::TwoWaySafe,
            symlinks: Symlinks::Raw,
            patterns: Patterns { exclude: vec!["*.o".to_owned()], ..Patterns::default() },
            paused: true,
            created: Timestamp::from_ns(5),
            compose_project: None,
        }
    }

    #[test]
    fn what_was_updated_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = SettingsStore::open(dir.path()).unwrap();
        assert!(store.shares().is_empty());
        store.update(|shares| shares.push(share("one"))).unwrap();
        store.update(|shares| shares.push(share("two"))).unwrap();
        let again = SettingsStore::open(dir.path()).unwrap();
        assert_eq!(again.shares(), [share("one"), share("two")]);
    }

    #[test]
    fn damaged_and_newer_files_are_refused_and_kept() {
        for (text, reason) in [
            ("{", "damaged"),
            ("{\"version\":1,\"shares\":[{}]}", "damaged"),
            ("{\"version\":2,\"other\":0}", "version 2"),
            ("{\"version\":\"x\"}", "damaged"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(SETTINGS_FILE), text).unwrap();
            let error = SettingsStore::open(dir.path()).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert_eq!(fs::read_to_string(dir.path().join(SETTINGS_FILE)).unwrap(), text);
        }
    }

    #[test]
    fn a_failed_write_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = SettingsStore::open(dir.path()).unwrap();
        store.update(|shares| shares.push(share("one"))).unwrap();
        fs::create_dir(dir.path().join("shares.json.new")).unwrap();
        store.update(|shares| shares.clear()).unwrap_err();
        assert_eq!(store.shares(), [share("one")]);
        assert_eq!(SettingsStore::open(dir.path()).unwrap().shares(), [share("one")]);
    }
}
