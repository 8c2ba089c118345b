//! Polling, for as long as a limit keeps a watcher from seeing everything. Not a second scanner: it only asks for crawls.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use causeway_sync::path::RelPathBuf;

use super::{Sink, WatchEvent};

/// Never more often: a crawl of a small share costs little, but the computer should sleep.
const INTERVAL_MIN: Duration = Duration::from_secs(2);
/// Never more rarely, however long a crawl takes: an edit is seen within minutes.
const INTERVAL_MAX: Duration = Duration::from_secs(300);
/// Crawling takes at most a twentieth of the time.
const CRAWL_SHARE: u32 = 20;

/// Emits [`WatchEvent::Overflow`] for a subtree at an interval, first after one interval. Dropping it ends it.
pub struct Poller {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    /// `None` when it is to end.
    interval: Mutex<Option<Duration>>,
    changed: Condvar,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Option<Duration>> {
        // A duration is never half-written.
        self.interval.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one interval after `start`, as it is set then. False when polling is to end.
    fn wait(&self, start: Instant) -> bool {
        let mut interval = self.lock();
        loop {
            let Some(wanted) = *interval else { return false };
            let Some(rest) = wanted.checked_sub(start.elapsed()).filter(|rest| !rest.is_zero()) else { return true };
            interval = self.changed.wait_timeout(interval, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Poller {
    /// The interval that suits crawls which take this long.
    pub fn interval_for(last_crawl: Duration) -> Duration {
        last_crawl.saturating_mul(CRAWL_SHARE).clamp(INTERVAL_MIN, INTERVAL_MAX)
    }

    /// Begins to ask for crawls of `subtree`, at most one per `interval`.
    pub fn start(subtree: RelPathBuf, interval: Duration, sink: Sink) -> std::io::Result<Self> {
        let state = Arc::new(State { interval: Mutex::new(Some(interval)), changed: Condvar::new() });
        let thread = {
            let state = state.clone();
            std::thread::Builder::new().name("causeway-poll".into()).spawn(move || {
                while state.wait(Instant::now()) {
                    sink(WatchEvent::Overflow { subtree: subtree.clone() });
                }
            })?
        };
        Ok(Self { state, thread: Some(thread) })
    }

    /// Sets the interval, the running one included: called when a crawl has ended, with [`Self::interval_for`].
    pub fn set_interval(&self, interval: Duration) {
        *self.state.lock() = Some(interval);
        self.state.changed.notify_one();
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        *self.state.lock() = None;
        self.state.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // It can have panicked only in the sink, which has said so.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_bounded() {
        for (crawl_ms, want_ms) in [(0, 2_000), (50, 2_000), (1_000, 20_000), (15_000, 300_000), (900_000, 300_000)] {
            let got = Poller::interval_for(Duration::from_millis(crawl_ms));
            assert_eq!(got, Duration::from_millis(want_ms), "for a crawl of {crawl_ms} ms");
        }
    }

    #[test]
    fn it_asks_again_and_again_until_dropped() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let sink: Sink = Arc::new(move |event| {
            let _ = sender.send(event);
        });
        let subtree = RelPathBuf::new(b"sub".to_vec()).unwrap();
        let poller = Poller::start(subtree.clone(), Duration::from_secs(3600), sink).unwrap();
        poller.set_interval(Duration::from_millis(1));
        for _ in 0..3 {
            let event = receiver.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_eq!(event, WatchEvent::Overflow { subtree: subtree.clone() });
        }
        drop(poller);
        while receiver.try_recv().is_ok() {}
        assert_eq!(receiver.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
    }
}
