//! Which paths are being changed by the endpoint itself, so that a look at the disk doesn't journal what it saw half-way.
//!
//! The rule: an action announces its paths (a *flight*) under the endpoint's lock before it touches the disk, and lands under
//! the lock when the index knows the result. A look notes the tick at which it began to read rows and disk; before it writes
//! anything about a path, under the lock, it asks whether any flight at, above or below that path was under way since, and whether
//! the row is still the one it read. If not, it writes nothing and looks again later.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use causeway_sync::{RelPath, RelPathBuf};

/// A point in the order of flights and looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u64);

/// Number of a look in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LookId(u64);

#[derive(Default)]
pub(crate) struct Flights {
    now: u64,
    /// Paths under way, or landed while a look was in progress, with the tick of their landing (`u64::MAX`: under way).
    paths: BTreeMap<RelPathBuf, u64>,
    /// The looks in progress, with the tick since which each reads.
    looks: HashMap<LookId, u64>,
    next_look: u64,
}

const UNDER_WAY: u64 = u64::MAX;

impl Flights {
    /// Whether a flight under way has to do with `path`: stands at, above or below it.
    pub(crate) fn is_busy(&self, path: &RelPath) -> bool {
        self.any_since(path, UNDER_WAY)
    }

    /// Announces a flight. The caller has asked [`Self::is_busy`] under the same lock.
    pub(crate) fn depart(&mut self, path: &RelPath) {
        self.paths.insert(path.to_owned(), UNDER_WAY);
    }

    /// Ends a flight.
    pub(crate) fn land(&mut self, path: &RelPath) {
        if self.looks.is_empty() {
            self.paths.remove(path);
            return;
        }
        self.now += 1;
        if let Some(at) = self.paths.get_mut(path) {
            *at = self.now;
        }
    }

    /// A look begins.
    pub(crate) fn begin_look(&mut self) -> (LookId, Tick) {
        self.next_look += 1;
        let id = LookId(self.next_look);
        (id, self.renew_look(id))
    }

    /// A look goes on with what it reads from now on; flights that landed before don't matter to it any more.
    pub(crate) fn renew_look(&mut self, id: LookId) -> Tick {
        self.now += 1;
        self.looks.insert(id, self.now);
        self.drop_landed();
        Tick(self.now)
    }

    /// A look ends.
    pub(crate) fn end_look(&mut self, id: LookId) {
        self.looks.remove(&id);
        self.drop_landed();
    }

    /// Whether a flight that has to do with `path` was under way at or after `since`.
    pub(crate) fn crossed(&self, path: &RelPath, since: Tick) -> bool {
        !self.paths.is_empty() && self.any_since(path, since.0)
    }

    fn any_since(&self, path: &RelPath, since: u64) -> bool {
        let at = |p: &RelPath| self.paths.get(p).is_some_and(|landed| *landed >= since);
        at(path)
            || path.ancestors().any(at)
            || self
                .paths
                .range::<RelPath, _>((Bound::Excluded(path), Bound::Unbounded))
                .take_while(|(below, _)| below.starts_with(path))
                .any(|(_, landed)| *landed >= since)
    }

    fn drop_landed(&mut self) {
        let oldest = self.looks.values().copied().min().unwrap_or(UNDER_WAY);
        if self.paths.values().any(|landed| *landed < oldest) {
            self.paths.retain(|_, landed| *landed >= oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> &RelPath {
        RelPath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_flight_concerns_what_stands_at_above_and_below_it() {
        let mut flights = Flights::default();
        flights.depart(path("a/b"));
        for (at, busy) in [("a", true), ("a/b", true), ("a/b/c/d", true), ("a/bc", false), ("b", false), ("", true)] {
            assert_eq!(flights.is_busy(path(at)), busy, "{at}");
        }
        flights.land(path("a/b"));
        assert!(!flights.is_busy(path("a/b")));
    }

    #[test]
    fn a_look_knows_of_flights_that_landed_since_it_began() {
        let mut flights = Flights::default();
        flights.depart(path("old"));
        flights.land(path("old"));
        let (look, since) = flights.begin_look();
        assert!(!flights.crossed(path("old"), since));
        flights.depart(path("new"));
        assert!(flights.crossed(path("new/x"), since));
        flights.land(path("new"));
        assert!(flights.crossed(path("new/x"), since));
        let since = flights.renew_look(look);
        assert!(!flights.crossed(path("new/x"), since));
        flights.end_look(look);
        assert!(flights.paths.is_empty());
    }

    #[test]
    fn landed_flights_stay_as_long_as_the_oldest_look() {
        let mut flights = Flights::default();
        let (first, since_first) = flights.begin_look();
        flights.depart(path("x"));
        flights.land(path("x"));
        let (second, since_second) = flights.begin_look();
        assert!(flights.crossed(path("x"), since_first));
        assert!(!flights.crossed(path("x"), since_second));
        flights.end_look(second);
        assert!(flights.crossed(path("x"), since_first));
        flights.end_look(first);
        assert!(flights.paths.is_empty());
    }
}
