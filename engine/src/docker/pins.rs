//! What containers have bound, for the agent, which updates a file of these in place: a container holds on to the file, not to its name.
//!
//! It is remembered in one JSON file: what was changed while no engine ran crosses before Docker has told anything.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::remembered::Remembered;

/// Name of the file in the data directory.
const BOUND_FILE: &str = "docker-bound.json";
/// Version of its format.
const VERSION: u32 = 1;
/// How long a container that is about to start needn't be on Docker's list: a list that was asked for before may come after.
const STARTING: Duration = Duration::from_secs(10);

/// Places in the machine that containers have bound.
#[derive(Debug)]
pub struct Pins {
    listed: Remembered<Listed>,
    starting: HashMap<String, Instant>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Listed {
    places: BTreeSet<String>,
}

impl Pins {
    /// Reads them from the data directory.
    pub fn open(data: &Path) -> Self {
        Self { listed: Remembered::open(data.join(BOUND_FILE), VERSION), starting: HashMap::new() }
    }

    /// The places below a directory of the machine, from there.
    pub fn below(&self, directory: &Path) -> impl Iterator<Item = &str> {
        let places: BTreeSet<&String> = self.listed.get().places.iter().chain(self.starting.keys()).collect();
        let below = places.into_iter().filter_map(move |place| Path::new(place).strip_prefix(directory).ok()?.to_str());
        below.filter(|below| !below.is_empty()).collect::<Vec<_>>().into_iter()
    }

    /// Docker's list has these. Tells whether anything has changed.
    pub fn are(&mut self, places: BTreeSet<String>) -> bool {
        let before = self.starting.len();
        self.starting.retain(|_, since| since.elapsed() < STARTING);
        if self.listed.get().places == places {
            return self.starting.len() != before;
        }
        self.listed.change(|listed| listed.places = places);
        true
    }

    /// A container that has these is about to start.
    pub fn start(&mut self, places: &[String]) {
        let now = Instant::now();
        self.starting.extend(places.iter().map(|place| (place.clone(), now)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(places: &[&str]) -> BTreeSet<String> {
        places.iter().map(|place| (*place).to_owned()).collect()
    }

    #[test]
    fn places_are_remembered_and_told_by_directory() {
        let dir = tempfile::tempdir().unwrap();
        let mut pins = Pins::open(dir.path());
        assert!(pins.are(set(&["/m/a/x", "/m/a/sub/y", "/m/a", "/m/ab/z"])));
        assert!(!pins.are(set(&["/m/a/x", "/m/a/sub/y", "/m/a", "/m/ab/z"])));
        let below = |pins: &Pins| pins.below(Path::new("/m/a")).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(below(&pins), ["sub/y", "x"]);
        let mut again = Pins::open(dir.path());
        assert_eq!(below(&again), ["sub/y", "x"]);
        std::fs::write(dir.path().join(BOUND_FILE), "{").unwrap();
        assert!(below(&Pins::open(dir.path())).is_empty());
        assert!(again.are(set(&[])) && below(&again).is_empty());
    }

    #[test]
    fn what_starts_is_not_dropped_by_a_list_from_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut pins = Pins::open(dir.path());
        pins.start(&["/m/a/x".to_owned()]);
        assert!(!pins.are(set(&[])));
        assert_eq!(pins.below(Path::new("/m/a")).collect::<Vec<_>>(), ["x"]);
        *pins.starting.get_mut("/m/a/x").unwrap() = Instant::now().checked_sub(STARTING).unwrap();
        assert!(pins.are(set(&[])));
        assert_eq!(pins.below(Path::new("/m/a")).count(), 0);
    }
}
