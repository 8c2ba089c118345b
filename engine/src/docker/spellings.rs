//! How paths were given, where that isn't how they are found again: through a symlink, with a slash behind.
//!
//! One JSON file, replaced whole. It is for looks alone: where it is lost, answers name the folder's own path.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::settings::replace_durably;

/// Name of the file in the data directory.
const SPELLINGS_FILE: &str = "docker-paths.json";
/// Version of its format.
const VERSION: u32 = 1;
/// Containers, services and volumes that are remembered; the oldest are forgotten.
const OWNERS_MAX: usize = 2048;

/// How paths were given.
pub struct Spellings {
    path: PathBuf,
    owners: Mutex<VecDeque<Owner>>,
}

/// A container, service or volume.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Owner {
    /// What Docker calls it.
    name: String,
    /// The places that it has, and how each was given.
    given: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    owners: VecDeque<Owner>,
}

impl Spellings {
    /// Reads them from the data directory.
    pub fn open(data: &Path) -> Self {
        let path = data.join(SPELLINGS_FILE);
        let owners = match std::fs::read(&path) {
            Ok(text) => read(&text).unwrap_or_else(|| {
                tracing::warn!(path = %path.display(), "is not understood, and begun anew");
                VecDeque::new()
            }),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(path = %path.display(), %error, "can't be read");
                }
                VecDeque::new()
            }
        };
        Self { path, owners: Mutex::new(owners) }
    }

    /// How an owner's place was given.
    pub fn get(&self, owner: &str, place: &str) -> Option<String> {
        let owners = self.owners();
        let owner = owners.iter().rev().find(|known| !owner.is_empty() && known.name == owner)?;
        owner.given.iter().find(|(known, _)| known == place).map(|(_, given)| given.clone())
    }

    /// Remembers how an owner's places were given.
    pub fn put(&self, owner: &str, given: Vec<(String, String)>) {
        let mut owners = self.owners();
        owners.retain(|known| known.name != owner);
        owners.push_back(Owner { name: owner.to_owned(), given });
        while owners.len() > OWNERS_MAX {
            owners.pop_front();
        }
        let stored = Stored { version: VERSION, owners: owners.clone() };
        let text = serde_json::to_vec(&stored).expect("strings always serialise");
        if let Err(error) = replace_durably(&self.path, &text) {
            tracing::warn!(path = %self.path.display(), %error, "can't be written");
        }
    }

    fn owners(&self) -> MutexGuard<'_, VecDeque<Owner>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(text: &[u8]) -> Option<VecDeque<Owner>> {
    let stored: Stored = serde_json::from_slice(text).ok()?;
    (stored.version == VERSION).then_some(stored.owners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_found_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let spellings = Spellings::open(dir.path());
        spellings.put("c", vec![("/m/a".to_owned(), "/link".to_owned())]);
        for number in 0..OWNERS_MAX - 1 {
            spellings.owners().push_back(Owner { name: number.to_string(), given: Vec::new() });
        }
        spellings.put("d", vec![("/m/a".to_owned(), "/other".to_owned())]);
        let again = Spellings::open(dir.path());
        assert_eq!(again.get("d", "/m/a").as_deref(), Some("/other"));
        assert_eq!((again.get("d", "/m/b"), again.get("", "/m/a")), (None, None));
        assert_eq!(again.get("c", "/m/a"), None, "the oldest is forgotten");
        std::fs::write(dir.path().join(SPELLINGS_FILE), "{").unwrap();
        assert_eq!(Spellings::open(dir.path()).get("d", "/m/a"), None);
    }
}
