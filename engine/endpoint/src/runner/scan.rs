//! The thread that looks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_sync::{Problem, RelPath};

use super::boot::now_ms;
use super::core::{AGAIN_MS, Core, Step, lock};
use super::feed;
use super::queue::Work;
use super::watching::{POLL_EVERY, WATCH_AGAIN, poll_pause};
use crate::error::LookError;
use crate::fs::Fs;
use crate::problem;
use crate::settings::{Dirty, Look, Looked};

/// How long after a failure everything is looked at again.
const AGAIN: Duration = Duration::from_millis(AGAIN_MS);
/// How long what can't be looked at may wait to be told: a list of it isn't made for each edit.
const PROBLEMS_AFTER: Duration = Duration::from_millis(200);
/// How long nothing must happen before it is tidied up.
const MAINTAIN_AFTER: Duration = Duration::from_millis(500);

/// The thread that looks, and what it remembers.
pub(super) struct Scanner<F: Fs> {
    core: Arc<Core<F>>,
    /// Why the last look at everything came to no end, where it wasn't for the root.
    failure: Option<Problem>,
}

impl<F: Fs> Scanner<F> {
    pub(super) fn new(core: Arc<Core<F>>) -> Self {
        Self { core, failure: None }
    }

    /// Looks until it is told to quit.
    pub(super) fn run(mut self) {
        loop {
            match self.core.next_step() {
                Step::Quit => return,
                Step::Tell => feed::tell(&self.core),
                Step::Watch => self.watch(),
                Step::Whole => self.look_at_everything(),
                Step::Look(work) => self.look(work),
                Step::Poll => self.poll(),
                Step::Problems => self.tell_problems(),
                Step::Maintain => self.maintain(),
            }
        }
    }

    /// Starts the watcher, or starts it again, upon which everything has to be looked at.
    fn watch(&mut self) {
        let core = &self.core;
        let old = lock(&core.watch).take();
        drop(old);
        lock(&core.watching).clear();
        let number = core.plan(|agenda| {
            agenda.watcher += 1;
            agenda.release_cookies();
            agenda.poll_due_ms = None;
            agenda.whole_due_ms.get_or_insert(0);
            agenda.watcher
        });
        match (core.start_watch)(core.sink(number), core.skip()) {
            Ok(started) => {
                lock(&core.watching).by = started.by;
                *lock(&core.watch) = Some(started.watch);
            }
            Err(error) => {
                tracing::warn!(%error, "the share is polled");
                lock(&core.watching).failed(&error);
                core.plan(|agenda| agenda.poll_due_ms = Some(after(POLL_EVERY)));
            }
        }
        let watching = lock(&core.watching);
        let incomplete = !watching.polled().is_empty();
        core.report.mode(watching.mode());
        drop(watching);
        if incomplete {
            core.plan(|agenda| agenda.watch_due_ms = Some(after(WATCH_AGAIN)));
        }
    }

    fn look_at_everything(&mut self) {
        match self.core.endpoint.crawl(RelPath::ROOT, now_ms(), &self.core.stop) {
            Ok(looked) => {
                self.failure = None;
                self.core.report.fault(None);
                self.looked(Work::default(), looked);
            }
            Err(error) => self.failed(Work::default(), &error),
        }
    }

    fn look(&mut self, work: Work) {
        match self.look_at(&work) {
            Ok(looked) => self.looked(work, looked),
            Err(error) => self.failed(work, &error),
        }
    }

    fn look_at(&self, work: &Work) -> Result<Looked, LookError> {
        let Core { endpoint, stop, .. } = &*self.core;
        let mut all = Looked { complete: true, ..Looked::default() };
        for (from, to) in &work.renamed {
            endpoint.renamed(from, to, now_ms());
        }
        if !work.dirty.is_empty() {
            add(&mut all, endpoint.check(&work.dirty, now_ms(), stop)?);
        }
        for path in &work.rechecks {
            add(&mut all, endpoint.recheck(path, now_ms())?);
        }
        if !work.reads.is_empty() {
            add(&mut all, endpoint.read(&work.reads, now_ms(), stop)?);
        }
        Ok(all)
    }

    fn looked(&mut self, work: Work, looked: Looked) {
        let core = &self.core;
        let passed = core.plan(|agenda| {
            agenda.problems_due_ms.get_or_insert(after(PROBLEMS_AFTER));
            agenda.maintain_due_ms = Some(after(MAINTAIN_AFTER));
            agenda.queue.looked(work, looked.later)
        });
        if !passed.is_empty() {
            let seq = core.endpoint.owe_changes();
            let mut session = core.session();
            let answers: Vec<_> = passed.iter().filter_map(|barrier| session.barriers.remove(barrier)).collect();
            drop(session);
            answers.into_iter().for_each(|answer| answer(seq));
        }
        if looked.rules_changed {
            match core.endpoint.syncignore() {
                Ok(text) => core.report.syncignore(text),
                Err(error) => tracing::warn!(%error, ".syncignore can't be read"),
            }
        }
    }

    /// A look came to no end: everything is looked at again, after a while, and what waits for it waits on.
    fn failed(&mut self, work: Work, error: &LookError) {
        let core = &self.core;
        tracing::warn!(%error, "a look came to no end; everything is looked at again");
        match error {
            LookError::Root(fault) => {
                core.report.fault(Some(*fault));
                // A watcher of a root that is gone, or was, sees nothing of the one that comes.
                if !matches!(fault, causeway_sync::session::RootFault::Emptied { .. }) {
                    core.plan(|agenda| agenda.watch_due_ms = Some(after(AGAIN)));
                }
            }
            LookError::Fs(error) => self.failure = Some(problem::of_fs(core.endpoint.side(), error)),
            LookError::Index(error) => self.failure = Some(problem::of_index(core.endpoint.side(), error)),
        }
        core.plan(|agenda| {
            agenda.queue.put_back(work);
            agenda.whole_due_ms = Some(after(AGAIN));
            agenda.problems_due_ms.get_or_insert(0);
        });
        self.tell_problems();
    }

    fn poll(&mut self) {
        let polled = lock(&self.core.watching).polled().clone();
        if polled.is_empty() {
            return;
        }
        let begun = Instant::now();
        let dirty = polled.into_iter().map(|path| Dirty { path, look: Look::Below }).collect();
        self.look(Work { dirty, ..Work::default() });
        let due_ms = after(poll_pause(begun.elapsed()));
        self.core.plan(|agenda| agenda.poll_due_ms = Some(due_ms));
    }

    fn tell_problems(&self) {
        let mut problems = self.core.endpoint.scan_problems();
        if let Some(failure) = &self.failure {
            problems.push((RelPath::ROOT.to_owned(), failure.clone()));
        }
        self.core.report.problems(problems);
        let mode = lock(&self.core.watching).mode();
        self.core.report.mode(mode);
    }

    fn maintain(&mut self) {
        match self.core.endpoint.settle(now_ms(), &self.core.stop) {
            Ok(None) => {}
            Ok(Some(due_ms)) => self.core.plan(|agenda| agenda.maintain_due_ms = Some(due_ms)),
            Err(error) => return self.failed(Work::default(), &error),
        }
        match self.core.endpoint.maintain() {
            // Whatever has come in meanwhile goes first.
            Ok(true) => self.core.plan(|agenda| agenda.maintain_due_ms = Some(0)),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the index could not be tidied up"),
        }
    }
}

fn add(all: &mut Looked, more: Looked) {
    all.later.extend(more.later);
    all.rules_changed |= more.rules_changed;
    all.complete &= more.complete;
}

fn after(pause: Duration) -> u64 {
    now_ms().saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
}
