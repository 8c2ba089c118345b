//! How paths were given, where that isn't how they are found again: through a symlink, with a slash behind.
//!
//! One JSON file, replaced whole. It is for looks alone: where it is lost, answers name the folder's own path.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::remembered::Remembered;

/// Name of the file in the data directory.
const SPELLINGS_FILE: &str = "docker-paths.json";
/// Version of its format.
const VERSION: u32 = 1;
/// Containers, services and volumes that are remembered; the oldest are forgotten.
const OWNERS_MAX: usize = 2048;

/// How paths were given.
pub struct Spellings(Mutex<Remembered<Owners>>);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Owners {
    owners: VecDeque<Owner>,
}

/// A container, service or volume.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    /// What Docker calls it.
    name: String,
    /// The places that it has, and how each was given.
    given: Vec<(String, String)>,
}

impl Spellings {
    /// Reads them from the data directory.
    pub fn open(data: &Path) -> Self {
        Self(Mutex::new(Remembered::open(data.join(SPELLINGS_FILE), VERSION)))
    }

    /// How an owner's place was given.
    pub fn get(&self, owner: &str, place: &str) -> Option<String> {
        let known = self.known();
        let owner = known.get().owners.iter().rev().find(|known| !owner.is_empty() && known.name == owner)?;
        owner.given.iter().find(|(known, _)| known == place).map(|(_, given)| given.clone())
    }

    /// Remembers how an owner's places were given.
    pub fn put(&self, owner: &str, given: Vec<(String, String)>) {
        self.known().change(|Owners { owners }| {
            owners.retain(|known| known.name != owner);
            owners.push_back(Owner { name: owner.to_owned(), given });
            owners.drain(..owners.len().saturating_sub(OWNERS_MAX));
        });
    }

    fn known(&self) -> MutexGuard<'_, Remembered<Owners>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_found_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let spellings = Spellings::open(dir.path());
        spellings.put("c", vec![("/m/a".to_owned(), "/link".to_owned())]);
        spellings.known().change(|known| {
            let others = (0..OWNERS_MAX - 1).map(|number| Owner { name: number.to_string(), given: Vec::new() });
            known.owners.extend(others);
        });
        spellings.put("d", vec![("/m/a".to_owned(), "/other".to_owned())]);
        let again = Spellings::open(dir.path());
        assert_eq!(again.get("d", "/m/a").as_deref(), Some("/other"));
        assert_eq!((again.get("d", "/m/b"), again.get("", "/m/a")), (None, None));
        assert_eq!(again.get("c", "/m/a"), None, "the oldest is forgotten");
        std::fs::write(dir.path().join(SPELLINGS_FILE), "{").unwrap();
        assert_eq!(Spellings::open(dir.path()).get("d", "/m/a"), None);
    }
}
