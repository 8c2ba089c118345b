//! The watcher of a side: started, started again when it fails, and replaced by polling where it doesn't see everything.

use std::collections::BTreeSet;
use std::time::Duration;

use causeway_sync::{RelPath, RelPathBuf};
use causeway_wire::share::{WatchBy, WatchMode};

use crate::watch::{Sink, Skip, Watch, WatchError, WatchLimit};

/// Starts a watcher of the share, which tells the sink what it sees, and may leave out what is skipped. Called again when the
/// watcher has lost the root, when it may see more by now, and when the rules have changed.
pub type StartWatch = Box<dyn Fn(Sink, Skip) -> Result<Started, WatchError> + Send + Sync>;

/// A watcher that runs.
pub struct Started {
    /// The watcher.
    pub watch: Box<dyn Watch>,
    /// What it is.
    pub by: WatchBy,
}

/// Subtrees that are polled one by one, at most; where there are more, the whole share is polled.
const POLLED_MAX: usize = 256;
/// Shortest time between two polls.
pub(super) const POLL_EVERY: Duration = Duration::from_secs(2);
/// A poll may take this part of the time: the next comes after twenty times what it took.
const POLL_REST: u32 = 20;
/// How long until a watcher that doesn't see everything is started again: a limit may have been raised.
pub(super) const WATCH_AGAIN: Duration = Duration::from_secs(60);

/// How a side notices changes.
pub(super) struct Watching {
    pub by: WatchBy,
    /// Subtrees that nobody watches; none inside another.
    polled: BTreeSet<RelPathBuf>,
    because: String,
}

impl Default for Watching {
    fn default() -> Self {
        Self { by: WatchBy::Polling, polled: BTreeSet::new(), because: String::new() }
    }
}

impl Watching {
    /// Forgets limits, before a watcher is started.
    pub(super) fn clear(&mut self) {
        self.polled.clear();
        self.because.clear();
        self.by = WatchBy::Polling;
    }

    /// No watcher runs.
    pub(super) fn failed(&mut self, error: &WatchError) {
        self.polled = BTreeSet::from([RelPathBuf::default()]);
        self.because = error.to_string();
    }

    /// The watcher doesn't see everything from now on.
    pub(super) fn limited(&mut self, limit: &WatchLimit) {
        self.because = limit.to_string();
        let subtree = match limit {
            WatchLimit::Watches { subtree, .. } | WatchLimit::Unwatchable { subtree, .. } => &**subtree,
            WatchLimit::Instances { .. } => RelPath::ROOT,
        };
        if self.polled.iter().any(|polled| subtree.starts_with(polled)) {
            return;
        }
        self.polled.retain(|polled| !polled.starts_with(subtree));
        if self.polled.len() == POLLED_MAX {
            self.polled.clear();
            self.polled.insert(RelPathBuf::default());
        } else {
            self.polled.insert(subtree.to_owned());
        }
    }

    /// What has to be polled.
    pub(super) fn polled(&self) -> &BTreeSet<RelPathBuf> {
        &self.polled
    }

    pub(super) fn mode(&self) -> WatchMode {
        let mut polling_because = self.because.clone();
        polling_because.truncate(polling_because.floor_char_boundary(1024));
        WatchMode { by: self.by, polling_because, polled: self.polled.len() as u64 }
    }
}

/// How long to wait after a poll that took this long.
pub(super) fn poll_pause(took: Duration) -> Duration {
    POLL_EVERY.max(took.saturating_mul(POLL_REST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(at: &str) -> WatchLimit {
        let subtree = RelPathBuf::new(at.into()).unwrap();
        WatchLimit::Unwatchable { subtree, reason: "no".into() }
    }

    #[test]
    fn polled_subtrees_do_not_overlap_and_are_few() {
        let mut watching = Watching::default();
        for at in ["a/b", "a/b/c", "d", "a"] {
            watching.limited(&limit(at));
        }
        let polled: Vec<_> = watching.polled().iter().map(ToString::to_string).collect();
        assert_eq!(polled, ["a", "d"]);
        assert_eq!(watching.mode().polled, 2);

        for number in 0..1000 {
            watching.limited(&limit(&format!("x{number}")));
        }
        assert_eq!(watching.polled().iter().collect::<Vec<_>>(), [&RelPathBuf::default()]);
        assert!(!watching.mode().polling_because.is_empty());
        watching.clear();
        assert_eq!(watching.mode(), WatchMode { by: WatchBy::Polling, polling_because: String::new(), polled: 0 });
    }

    #[test]
    fn a_long_poll_is_followed_by_a_longer_rest() {
        assert_eq!(poll_pause(Duration::ZERO), POLL_EVERY);
        assert_eq!(poll_pause(Duration::from_secs(1)), Duration::from_secs(20));
    }
}
