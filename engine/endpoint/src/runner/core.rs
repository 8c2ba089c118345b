//! What the threads of a runner share.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use causeway_sync::ignore::{RuleTexts, Rules, RulesError, Verdict};
use causeway_sync::{RelPath, Seq};

use super::boot::now_ms;
use super::feed::{self, Feed};
use super::queue::{BarrierId, Queue, Work};
use super::report::Report;
use super::side::Answer;
use super::watching::{StartWatch, Watching};
use crate::endpoint::Endpoint;
use crate::fs::Fs;
use crate::recycle_bin::Usage;
use crate::settings::{Dirty, Look};
use crate::watch::{Sink, Skip, Watch, WatchEvent};

/// How long after a failure everything is looked at again, in milliseconds.
pub(super) const AGAIN_MS: u64 = 1_000;

/// What the threads of a runner share. Locks are taken in the order of the fields, and none while an answer is called.
pub(super) struct Core<F: Fs> {
    pub endpoint: Arc<Endpoint<F>>,
    pub start_watch: StartWatch,
    pub rules: Mutex<InForce>,
    /// Ends looks that are under way.
    pub stop: AtomicBool,
    /// Ends the page of a verification that is being read. A verification that begins takes it back.
    pub stop_verifying: AtomicBool,
    /// Bytes that the present verification has read.
    pub verify_read: AtomicU64,
    pub session: Mutex<Session>,
    pub feed: Mutex<Feed>,
    pub watch: Mutex<Option<Box<dyn Watch>>>,
    agenda: Mutex<Agenda>,
    /// The agenda has changed.
    changed: Condvar,
    pub watching: Mutex<Watching>,
    /// What excluded copies come to, as far as it was measured since the rules changed.
    pub prunable: Mutex<Option<Usage>>,
    /// When the recycle bin is next looked through for what it isn't to keep any longer, in milliseconds since 1970.
    pub expire_due_ms: AtomicU64,
    pub report: Report,
}

/// The rules of the moment, as they were written and compiled.
pub(super) struct InForce {
    pub texts: RuleTexts,
    pub rules: Arc<Rules>,
}

impl InForce {
    pub(super) fn new(texts: RuleTexts) -> Result<Self, RulesError> {
        let rules = Arc::new(Rules::new(&texts)?);
        Ok(Self { texts, rules })
    }
}

/// The session of the moment.
#[derive(Default)]
pub(super) struct Session {
    /// Grows with every session that begins or ends.
    pub number: u64,
    pub barriers: HashMap<BarrierId, Answer<Seq>>,
    /// Number of the last barrier: they don't repeat from session to session.
    pub last_barrier: u64,
}

/// What the scanner's thread has to do, and when; times in milliseconds since 1970.
#[derive(Default)]
pub(super) struct Agenda {
    pub queue: Queue,
    pub quit: bool,
    /// Barriers for which the watcher has been asked for a cookie.
    pub cookies: HashSet<BarrierId>,
    /// The endpoint has paths to look at again.
    pub endpoint_dirty: bool,
    /// Number of the watcher of the moment; events of others are late.
    pub watcher: u64,
    /// When the watcher is to be started (again).
    pub watch_due_ms: Option<u64>,
    /// When everything is to be looked at: at the beginning, and after a failure. Until then nothing else is looked at.
    pub whole_due_ms: Option<u64>,
    /// When the subtrees that nobody watches are to be looked at.
    pub poll_due_ms: Option<u64>,
    /// When to try again to answer the pull, after the index has failed.
    pub tell_due_ms: Option<u64>,
    /// When to tell what can't be looked at.
    pub problems_due_ms: Option<u64>,
    /// When to tidy up.
    pub maintain_due_ms: Option<u64>,
}

/// What the scanner's thread does next.
pub(super) enum Step {
    Quit,
    Tell,
    Watch,
    Whole,
    Look(Work),
    Poll,
    Problems,
    Maintain,
}

impl Agenda {
    /// What is to be done now, the most urgent first.
    fn next(&mut self, now_ms: u64) -> Option<Step> {
        let due = |at: Option<u64>| at.is_some_and(|at| at <= now_ms);
        if self.quit {
            return Some(Step::Quit);
        }
        if due(self.tell_due_ms) {
            self.tell_due_ms = None;
            return Some(Step::Tell);
        }
        if due(self.watch_due_ms) {
            self.watch_due_ms = None;
            return Some(Step::Watch);
        }
        if due(self.whole_due_ms) {
            self.whole_due_ms = None;
            return Some(Step::Whole);
        }
        if self.whole_due_ms.is_some() {
            return None;
        }
        if self.endpoint_dirty || !self.queue.is_idle(now_ms) {
            return Some(Step::Look(Work::default()));
        }
        if due(self.poll_due_ms) {
            self.poll_due_ms = None;
            return Some(Step::Poll);
        }
        if due(self.problems_due_ms) {
            self.problems_due_ms = None;
            return Some(Step::Problems);
        }
        if due(self.maintain_due_ms) {
            self.maintain_due_ms = None;
            return Some(Step::Maintain);
        }
        None
    }

    /// When something will have to be done, if nothing happens before.
    fn next_due_ms(&self) -> Option<u64> {
        let mut times = vec![self.tell_due_ms, self.watch_due_ms, self.whole_due_ms];
        if self.whole_due_ms.is_none() {
            times.extend([self.queue.next_due_ms(), self.poll_due_ms, self.problems_due_ms, self.maintain_due_ms]);
        }
        times.into_iter().flatten().min()
    }

    /// The watcher won't answer for the barriers that it was asked for: whatever is looked at from now on answers.
    pub(super) fn release_cookies(&mut self) {
        for barrier in self.cookies.drain() {
            self.queue.reach(barrier);
        }
    }
}

impl<F: Fs> Core<F> {
    pub(super) fn new(endpoint: Arc<Endpoint<F>>, rules: InForce, start_watch: StartWatch) -> Arc<Self> {
        let agenda = Agenda { watch_due_ms: Some(0), whole_due_ms: Some(0), ..Agenda::default() };
        let core = Arc::new(Self {
            endpoint,
            start_watch,
            rules: Mutex::new(rules),
            stop: AtomicBool::new(false),
            stop_verifying: AtomicBool::new(false),
            verify_read: AtomicU64::new(0),
            session: Mutex::default(),
            feed: Mutex::default(),
            watch: Mutex::new(None),
            agenda: Mutex::new(agenda),
            changed: Condvar::new(),
            watching: Mutex::default(),
            prunable: Mutex::new(None),
            expire_due_ms: AtomicU64::new(0),
            report: Report::default(),
        });
        let weak = Arc::downgrade(&core);
        core.endpoint.on_dirty(move || {
            if let Some(core) = weak.upgrade() {
                core.plan(|agenda| agenda.endpoint_dirty = true);
            }
        });
        let weak = Arc::downgrade(&core);
        core.endpoint.on_news(move || {
            if let Some(core) = weak.upgrade() {
                feed::tell(&core);
            }
        });
        core
    }

    pub(super) fn session(&self) -> MutexGuard<'_, Session> {
        lock(&self.session)
    }

    /// Changes the agenda, and has the scanner's thread look at it.
    pub(super) fn plan<T>(&self, change: impl FnOnce(&mut Agenda) -> T) -> T {
        let planned = change(&mut lock(&self.agenda));
        self.changed.notify_one();
        planned
    }

    /// Waits for something to do.
    pub(super) fn next_step(&self) -> Step {
        let mut agenda = lock(&self.agenda);
        loop {
            let now_ms = now_ms();
            match agenda.next(now_ms) {
                Some(Step::Look(_)) => {
                    if std::mem::take(&mut agenda.endpoint_dirty) {
                        drop(agenda);
                        let (dirty, taken_back) = (self.endpoint.take_dirty(), self.endpoint.was_taken_back());
                        agenda = lock(&self.agenda);
                        dirty.into_iter().for_each(|dirty| agenda.queue.push(dirty));
                        if taken_back {
                            // What can't be written now can't be written at once again: a full disk stays so for a while.
                            agenda.whole_due_ms.get_or_insert(now_ms + AGAIN_MS);
                            continue;
                        }
                    }
                    return Step::Look(agenda.queue.take(now_ms));
                }
                Some(step) => return step,
                None => agenda = self.wait(agenda, now_ms),
            }
        }
    }

    fn wait<'a>(&self, agenda: MutexGuard<'a, Agenda>, now_ms: u64) -> MutexGuard<'a, Agenda> {
        match agenda.next_due_ms() {
            None => self.changed.wait(agenda).unwrap_or_else(PoisonError::into_inner),
            Some(due_ms) => {
                let limit = Duration::from_millis(due_ms.saturating_sub(now_ms).max(1));
                self.changed.wait_timeout(agenda, limit).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Which directories a watcher leaves out by the rules of the moment.
    pub(super) fn skip(&self) -> Skip {
        let rules = Arc::clone(&lock(&self.rules).rules);
        Arc::new(move |directory| rules.ignored(directory, true) == Verdict::Ignored)
    }

    /// Where the watcher with this number tells its events.
    pub(super) fn sink(self: &Arc<Self>, watcher: u64) -> Sink {
        let core: Weak<Self> = Arc::downgrade(self);
        Arc::new(move |event| {
            if let Some(core) = core.upgrade() {
                core.watched(watcher, event);
            }
        })
    }

    fn watched(&self, watcher: u64, event: WatchEvent) {
        let mut agenda = lock(&self.agenda);
        if agenda.watcher != watcher {
            return;
        }
        match event {
            WatchEvent::Dirty { own: true, .. } => return,
            WatchEvent::Dirty { path, hint, own: false } => agenda.queue.hint(path, hint, now_ms()),
            WatchEvent::Renamed { from, to } => agenda.queue.renamed(from, to),
            WatchEvent::Overflow { subtree } => {
                tracing::info!(%subtree, "events were lost");
                agenda.queue.push(Dirty { path: subtree, look: Look::Below });
                // A cookie may be among what was lost.
                agenda.release_cookies();
            }
            WatchEvent::CookieSeen(number) => {
                let barrier = BarrierId(number);
                if agenda.cookies.remove(&barrier) {
                    agenda.queue.reach(barrier);
                }
            }
            WatchEvent::RootGone => {
                tracing::info!("the watcher has lost the share's folder");
                agenda.watch_due_ms = Some(0);
                agenda.whole_due_ms = Some(0);
            }
            WatchEvent::Limit(limit) => {
                agenda.poll_due_ms = Some(0);
                drop(agenda);
                let mut watching = lock(&self.watching);
                let known = !watching.polled().is_empty();
                watching.limited(&limit);
                if !known {
                    tracing::warn!(%limit, "not everything can be watched");
                }
                // Told by the scanner's thread: a walk may report thousands of them.
                agenda = lock(&self.agenda);
                agenda.problems_due_ms.get_or_insert(now_ms());
            }
        }
        drop(agenda);
        self.changed.notify_one();
    }

    /// Asks the watcher to prove that it has caught up; where it can't, everything is looked at.
    pub(super) fn barrier(&self, barrier: BarrierId) {
        let polled: Vec<_> = lock(&self.watching).polled().iter().cloned().collect();
        self.plan(|agenda| {
            agenda.cookies.insert(barrier);
            for path in polled {
                agenda.queue.push(Dirty { path, look: Look::Below });
            }
        });
        let asked = lock(&self.watch).as_ref().map(|watch| watch.cookie(barrier.0));
        match asked {
            Some(Ok(())) => return,
            Some(Err(error)) => tracing::warn!(%error, "everything is looked at instead"),
            None => {}
        }
        self.plan(|agenda| {
            if agenda.cookies.remove(&barrier) {
                agenda.queue.push(Dirty { path: RelPath::ROOT.to_owned(), look: Look::Below });
                agenda.queue.reach(barrier);
            }
        });
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
