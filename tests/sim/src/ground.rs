//! What is real in a run, beside the code under test: two disks, their users and watchers, the clock, and what happened.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_endpoint::fs::Area;
use causeway_endpoint::watch::Hint;
use causeway_sync::{RelPathBuf, Side};

use crate::disk::{Disk, Ino};
use crate::faults::Faults;
use crate::history::History;
use crate::random::Random;
use crate::users::Pending;
use crate::watcher::Watcher;

/// When a run begins, in microseconds since 1970.
const BEGIN_US: u64 = 1_763_730_000_000_000;
/// In one of so many runs containers have files bound.
const BINDS_ONE_IN: u64 = 3;
/// Step of the clock that stamps files: a tick of a kernel with 250 Hz.
const STAMP_US: u64 = 4_000;

/// All that is real, behind one lock.
#[derive(Debug)]
pub struct Ground(Mutex<Real>);

/// All that is real.
#[derive(Debug)]
pub struct Real {
    /// Chance.
    pub random: Random,
    /// Which faults come.
    pub faults: Faults,
    /// The time, in microseconds since 1970.
    pub now_us: u64,
    /// The disks.
    pub disks: [Disk; 2],
    /// The watchers.
    pub watchers: [Watcher; 2],
    /// What users wrote.
    pub history: History,
    /// What users have begun and not ended.
    pub pending: Vec<Pending>,
    /// Which directory users renamed last, and where it stood.
    pub left: [Option<(Ino, Ino, Vec<u8>)>; 2],
    /// Edits that users may still make.
    pub edits_left: u32,
    /// Whether users are at it between two calls of an endpoint.
    pub racing: bool,
    /// Processes that have ended while they were at work: all their calls fail.
    pub dead: [bool; 2],
    /// Calls until a process ends.
    pub ends_in: [Option<u32>; 2],
    /// The files that nobody else can open now.
    pub held: [Option<crate::disk::Ino>; 2],
    /// Whether containers have files of the guest bound.
    pub binds: bool,
    /// How often Causeway has changed a share.
    pub own_changes: [u64; 2],
    /// What went against a rule.
    pub violations: Vec<String>,
    /// What happened, where somebody wants to know.
    pub story: Option<Vec<String>>,
}

impl Ground {
    /// Begins.
    pub fn new(seed: u64, faults: Faults, tells: bool) -> Self {
        let mut random = Random::new(seed);
        random.number();
        let host_case = !faults.case_insensitive_host;
        let now_ns = (BEGIN_US * 1_000) as i64;
        let disks = [Disk::new(host_case, faults.power_cuts, now_ns), Disk::new(true, faults.power_cuts, now_ns)];
        Self(Mutex::new(Real {
            random,
            faults,
            now_us: BEGIN_US + 60_000_000,
            disks,
            watchers: [Watcher::default(), Watcher::default()],
            history: History { ignores_case: !host_case, ..History::default() },
            pending: Vec::new(),
            left: [None, None],
            edits_left: 0,
            racing: false,
            dead: [false; 2],
            ends_in: [None; 2],
            held: [None; 2],
            binds: seed % BINDS_ONE_IN == 1,
            own_changes: [0; 2],
            violations: Vec::new(),
            story: tells.then(Vec::new),
        }))
    }

    /// Everything.
    pub fn lock(&self) -> MutexGuard<'_, Real> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Real {
    /// The time that stamps files.
    pub fn stamp_ns(&self) -> i64 {
        ((self.now_us - self.now_us % STAMP_US) * 1_000) as i64
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.now_us / 1_000
    }

    /// Adds to the story.
    pub fn tell(&mut self, what: impl FnOnce() -> String) {
        let ms = (self.now_us - BEGIN_US) / 1_000;
        if let Some(story) = &mut self.story {
            story.push(format!("{ms:>8} {}", what()));
        }
    }

    /// Notes that a rule was broken.
    pub fn violate(&mut self, what: impl Display) {
        let what = what.to_string();
        self.tell(|| format!("!! {what}"));
        self.violations.push(what);
    }

    /// Something has changed at a path of a share: the watcher will tell.
    pub fn changed(&mut self, side: Side, path: &[u8], hint: Hint, own: bool) {
        if let Some(path) = self.seen(side, path, own) {
            let at_us = self.told_at_us();
            self.watchers[side as usize].push(at_us, path, hint);
        }
    }

    /// A directory was renamed within a share. The watcher tells that there is something new, or where from as well.
    pub fn renamed(&mut self, side: Side, from: &[u8], to: &[u8], own: bool) {
        self.changed(side, from, Hint::Moved, own);
        if self.random.one_in(4) {
            return self.changed(side, to, Hint::Moved, own);
        }
        if let (Some(to), Ok(from)) = (self.seen(side, to, own), RelPathBuf::new(from.to_vec())) {
            let at_us = self.told_at_us();
            self.watchers[side as usize].push_renamed(at_us, from, to);
        }
    }

    /// The path, if the watcher tells of what was done there.
    fn seen(&mut self, side: Side, path: &[u8], own: bool) -> Option<RelPathBuf> {
        if own {
            self.own_changes[side as usize] += 1;
        }
        // The guest's watcher tells its own process apart (fanotify), the host's can't (inotify).
        if own && side == Side::Guest {
            return None;
        }
        RelPathBuf::new(path.to_vec()).ok().filter(|path| !path.is_root())
    }

    fn told_at_us(&mut self) -> u64 {
        let delay_us = if self.random.one_in(4) { self.random.below(60_000) } else { self.random.below(500) } as u64;
        self.now_us + delay_us
    }

    /// Where an inode stands in the share.
    pub fn share_path(&self, side: Side, ino: Ino) -> Option<Vec<u8>> {
        match self.disks[side as usize].locate(ino) {
            Some((Area::Share, path)) => Some(path),
            _ => None,
        }
    }
}
