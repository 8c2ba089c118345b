//! What has crossed lately, kept in memory for whoever wants to see it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use causeway_api::activity::{CHANGES_MAX, INTERVAL_MS, INTERVALS_MAX};
use causeway_api::{Activity, Interval, LastChange, PathBytes, ShareChange, ShareId, Side, Timestamp};

/// Latencies that are kept of one interval. Of more, the last ones count.
const LATENCIES_MAX: usize = 64;

/// The activity of all shares. Bounded for each: its last changes, and its last ten minutes in intervals.
#[derive(Debug)]
pub struct ActivityBook {
    began: Instant,
    shares: Mutex<BTreeMap<ShareId, Lately>>,
}

#[derive(Debug, Default)]
struct Lately {
    changes: VecDeque<LastChange>,
    intervals: VecDeque<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    /// Which interval since the book began.
    number: u64,
    to_guest: u64,
    to_host: u64,
    latencies_ms: VecDeque<u64>,
}

impl Default for ActivityBook {
    fn default() -> Self {
        Self { began: Instant::now(), shares: Mutex::default() }
    }
}

impl ActivityBook {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ShareId, Lately>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began);
        u64::try_from(since.as_millis() / u128::from(INTERVAL_MS)).unwrap_or(u64::MAX)
    }

    /// A change has crossed.
    pub fn note(&self, share: &ShareId, change: &LastChange) {
        self.note_at(share, change, Instant::now());
    }

    fn note_at(&self, share: &ShareId, change: &LastChange, now: Instant) {
        let number = self.number(now);
        let mut shares = self.lock();
        let lately = shares.entry(share.clone()).or_default();
        lately.changes.push_front(change.clone());
        lately.changes.truncate(CHANGES_MAX);
        if lately.intervals.back().is_none_or(|last| last.number != number) {
            lately.intervals.push_back(Counted { number, ..Counted::default() });
        }
        if lately.intervals.len() > INTERVALS_MAX {
            lately.intervals.pop_front();
        }
        let Some(interval) = lately.intervals.back_mut() else { return };
        match change.to {
            Side::Guest => interval.to_guest += change.paths,
            Side::Host => interval.to_host += change.paths,
        }
        interval.latencies_ms.extend(change.latency_ms);
        if interval.latencies_ms.len() > LATENCIES_MAX {
            interval.latencies_ms.pop_front();
        }
    }

    /// So many entries are in the directory that was renamed then.
    pub fn count(&self, share: &ShareId, at: Timestamp, path: &PathBytes, entries: Option<u64>) {
        let mut shares = self.lock();
        let changes = shares.get_mut(share).into_iter().flat_map(|lately| &mut lately.changes);
        for change in changes.filter(|change| (change.at, &change.path) == (at, path)) {
            change.entries = entries;
        }
    }

    /// A share is gone.
    pub fn forget(&self, share: &ShareId) {
        self.lock().remove(share);
    }

    /// What has crossed lately, in one share or in all.
    pub fn of(&self, share: Option<&ShareId>) -> Activity {
        self.of_at(share, Instant::now())
    }

    fn of_at(&self, share: Option<&ShareId>, now: Instant) -> Activity {
        let last = self.number(now);
        let first = (last + 1).saturating_sub(INTERVALS_MAX as u64);
        let shares = self.lock();
        let meant = || shares.iter().filter(|(id, _)| share.is_none_or(|share| share == *id));
        let counted = || meant().flat_map(|(_, lately)| &lately.intervals);
        let intervals = (first..=last).map(|number| sum(counted().filter(|interval| interval.number == number)));
        let mut all: Vec<u64> =
            counted().filter(|one| one.number >= first).flat_map(|one| one.latencies_ms.iter().copied()).collect();
        all.sort_unstable();
        let of_share = |(id, lately): (&ShareId, &Lately)| {
            let id = id.clone();
            lately.changes.iter().map(move |change| ShareChange { share: id.clone(), change: change.clone() }).collect()
        };
        let mut changes: Vec<ShareChange> = meant().flat_map(|one| -> Vec<_> { of_share(one) }).collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.change.at));
        changes.truncate(CHANGES_MAX);
        Activity {
            changes,
            intervals: intervals.collect(),
            interval_ms: INTERVAL_MS,
            p50_ms: percentile(&all, 50),
            p95_ms: percentile(&all, 95),
        }
    }
}

fn sum<'a>(parts: impl Iterator<Item = &'a Counted>) -> Interval {
    let mut interval = Interval::default();
    let mut latencies = Vec::new();
    for part in parts {
        interval.to_guest += part.to_guest;
        interval.to_host += part.to_host;
        latencies.extend(&part.latencies_ms);
    }
    latencies.sort_unstable();
    Interval { p50_ms: percentile(&latencies, 50), p95_ms: percentile(&latencies, 95), ..interval }
}

/// The least of `sorted` that `percent` of them don't exceed.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use causeway_api::ChangeKind;

    use super::*;

    const INTERVAL: std::time::Duration = std::time::Duration::from_millis(INTERVAL_MS);

    fn change(at: i64, to: Side, paths: u64, latency_ms: u64) -> LastChange {
        let path = PathBytes::from("a");
        let at = Timestamp::from_ns(at);
        let kind = ChangeKind::Modified;
        LastChange { at, to, path, from: None, kind, paths, entries: None, bytes: None, latency_ms: Some(latency_ms) }
    }

    fn id(text: &str) -> ShareId {
        ShareId(text.into())
    }

    #[test]
    fn intervals_and_percentiles_are_of_what_crossed_in_them() {
        let book = ActivityBook::default();
        let at = |n: u32| book.began + INTERVAL * n;
        book.note_at(&id("a"), &change(1, Side::Guest, 3, 10), at(0));
        book.note_at(&id("b"), &change(2, Side::Host, 1, 30), at(2));
        book.note_at(&id("a"), &change(3, Side::Guest, 1, 20), at(2));
        let all = book.of_at(None, at(2));
        let counts: Vec<_> = all.intervals.iter().map(|one| (one.to_guest, one.to_host, one.p95_ms)).collect();
        assert_eq!(counts, [(3, 0, Some(10)), (0, 0, None), (1, 1, Some(30))]);
        assert_eq!((all.p50_ms, all.p95_ms), (Some(20), Some(30)));
        let order: Vec<_> = all.changes.iter().map(|one| (one.share.0.as_str(), one.change.at.as_ns())).collect();
        assert_eq!(order, [("a", 3), ("b", 2), ("a", 1)]);
        assert_eq!(book.of_at(Some(&id("b")), at(2)).changes.len(), 1);
        book.forget(&id("a"));
        assert_eq!(book.of_at(None, at(2)).changes.len(), 1);
    }

    #[test]
    fn what_is_in_a_renamed_directory_is_added_to_its_change() {
        let book = ActivityBook::default();
        for at in [1, 2] {
            book.note(&id("a"), &change(at, Side::Guest, 1, 1));
        }
        book.count(&id("a"), Timestamp::from_ns(1), &"a".into(), Some(7));
        book.count(&id("a"), Timestamp::from_ns(2), &"b".into(), Some(8));
        book.count(&id("b"), Timestamp::from_ns(2), &"a".into(), Some(9));
        let entries: Vec<_> = book.of(None).changes.iter().map(|one| one.change.entries).collect();
        assert_eq!(entries, [None, Some(7)]);
    }

    #[test]
    fn it_is_bounded_and_ages() {
        let book = ActivityBook::default();
        for n in 0..1_000 {
            book.note_at(&id("a"), &change(n, Side::Guest, 1, 1), book.began + INTERVAL * n as u32);
        }
        let now = book.of_at(None, book.began + INTERVAL * 999);
        assert_eq!((now.changes.len(), now.intervals.len()), (CHANGES_MAX, INTERVALS_MAX));
        assert_eq!(now.changes[0].change.at.as_ns(), 999);
        let later = book.of_at(None, book.began + INTERVAL * 5_000);
        assert!(later.intervals.iter().all(|one| *one == Interval::default()));
        assert_eq!((later.intervals.len(), later.p50_ms), (INTERVALS_MAX, None));
    }
}
