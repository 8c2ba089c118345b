//! A watcher: events come late, in their order; where too many wait they are lost, and it says so.

use std::collections::VecDeque;

use causeway_endpoint::watch::{Hint, WatchEvent};
use causeway_sync::{RelPath, RelPathBuf};

/// One side's watcher.
#[derive(Debug, Default)]
pub struct Watcher {
    events: VecDeque<(u64, WatchEvent)>,
    /// Whether anybody listens.
    pub runs: bool,
}

impl Watcher {
    /// Something happened; told from `at_us` on.
    pub fn push(&mut self, at_us: u64, path: RelPathBuf, hint: Hint) {
        self.queue(at_us, WatchEvent::Dirty { path, hint, own: false });
    }

    /// A directory was renamed; told from `at_us` on.
    pub fn push_renamed(&mut self, at_us: u64, from: RelPathBuf, to: RelPathBuf) {
        self.queue(at_us, WatchEvent::Renamed { from, to });
    }

    /// A cookie was asked for.
    pub fn cookie(&mut self, at_us: u64, id: u64) {
        self.queue(at_us, WatchEvent::CookieSeen(id));
    }

    fn queue(&mut self, at_us: u64, event: WatchEvent) {
        if self.runs {
            let at_us = self.events.back().map_or(at_us, |(last, _)| at_us.max(*last));
            self.events.push_back((at_us, event));
        }
    }

    /// Loses what waits.
    pub fn overflow(&mut self, at_us: u64) {
        if !self.events.is_empty() {
            self.events.clear();
            self.queue(at_us, WatchEvent::Overflow { subtree: RelPath::ROOT.to_owned() });
        }
    }

    /// Starts it anew.
    pub fn start(&mut self) {
        self.events.clear();
        self.runs = true;
    }

    /// The process has ended.
    pub fn stop(&mut self) {
        self.events.clear();
        self.runs = false;
    }

    /// When the next event is due.
    pub fn due_us(&self) -> Option<u64> {
        self.events.front().map(|(at_us, _)| *at_us)
    }

    /// The next event that is due.
    pub fn pop(&mut self, now_us: u64) -> Option<WatchEvent> {
        self.events.pop_front_if(|(at_us, _)| *at_us <= now_us).map(|(_, event)| event)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}
