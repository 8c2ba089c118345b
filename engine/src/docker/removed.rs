//! Shares that were removed: containers made before still have the places of their copies, and answers name the folders on the host for them.
//!
//! One JSON file, replaced whole. It is for looks alone: where it is lost, answers name the machine's own paths.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_api::PathBytes;
use serde::{Deserialize, Serialize};

use super::places::shown_in_copy;
use crate::remembered::Remembered;

/// Name of the file in the data directory.
const REMOVED_FILE: &str = "docker-removed.json";
/// Version of its format.
const VERSION: u32 = 1;
/// Shares that are remembered; the oldest are forgotten.
const SHARES_MAX: usize = 256;

/// Shares that were removed.
#[derive(Debug)]
pub struct Removed(Mutex<Remembered<Shares>>);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Shares {
    shares: VecDeque<Share>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Share {
    /// Where its copy stood in the machine.
    guest: String,
    /// Its folder.
    host: PathBytes,
}

impl Removed {
    /// Reads them from the data directory.
    pub fn open(data: &Path) -> Self {
        Self(Mutex::new(Remembered::open(data.join(REMOVED_FILE), VERSION)))
    }

    /// Remembers a share that is removed now.
    pub fn put(&self, guest: &PathBytes, host: &PathBytes) {
        let (guest, host) = (guest.to_text().into_owned(), host.clone());
        if guest.is_empty() {
            return;
        }
        self.known().change(|Shares { shares }| {
            shares.push_back(Share { guest, host });
            shares.drain(..shares.len().saturating_sub(SHARES_MAX));
        });
    }

    /// The path of the host for a place that was in one.
    pub fn shown(&self, place: &str) -> Option<String> {
        let known = self.known();
        let shares = known.get().shares.iter();
        shares.rev().find_map(|share| shown_in_copy(place, &share.guest, Path::new(&*share.host.to_text())))
    }

    fn known(&self) -> MutexGuard<'_, Remembered<Shares>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_a_share_that_was_removed_has_its_path_on_the_host() {
        let dir = tempfile::tempdir().unwrap();
        let removed = Removed::open(dir.path());
        removed.put(&"".into(), &"/home/nowhere".into());
        for number in 0..=SHARES_MAX {
            removed.put(&format!("/m/{number}/content").as_str().into(), &format!("/home/{number}").as_str().into());
        }
        let again = Removed::open(dir.path());
        for (place, expected) in [
            ("/m/1/content", Some("/home/1")),
            ("/m/1/content/sub/file", Some("/home/1/sub/file")),
            ("/m/1/contents", None),
            ("/m/0/content", None), // the oldest is forgotten
            ("/dev/null", None),
        ] {
            assert_eq!(again.shown(place).as_deref(), expected, "{place}");
        }
    }
}
