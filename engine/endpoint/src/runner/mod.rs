//! One side of a share at work: an endpoint with its watcher, and the threads that look and make durable.
//!
//! ```text
//! watcher ──► agenda ──► scanner's thread ──► endpoint ──► answers to pulls
//! ```
//!
//! A [`Runner`] outlives sessions: between two of them it goes on looking, so that the next one finds the index true to the disk.
//! It is the same on both sides; in the agent, [`serve`](crate::serve) stands between it and the connection.
//!
//! Absent by design: deciding (the session does), the connection, batches (the lanes call the endpoint themselves).

mod boot;
mod core;
mod errands;
mod feed;
mod queue;
mod report;
mod scan;
mod side;
mod watching;
mod worker;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use causeway_sync::ignore::RuleTexts;
use causeway_sync::{Changes, Hello, Problem, RelPathBuf, Seq};
use causeway_wire::agent::{Failure, FailureKind};
use causeway_wire::errand::{Errand, ErrandReply};

pub use boot::{boot_id, now_ms};
pub use side::{Answer, Events, ShareSide};
pub use watching::{StartWatch, Started};

use self::core::{Core, InForce, lock};
use self::queue::BarrierId;
use self::scan::Scanner;
use self::worker::Worker;
use crate::endpoint::Endpoint;
use crate::fs::Fs;

/// One side of a share at work in this process. Dropping it ends its threads, and commits the index.
pub struct Runner<F: Fs> {
    core: Arc<Core<F>>,
    /// What the session tells, in its order.
    notes: Worker,
    /// Makes durable, beside everything else.
    syncs: Worker,
    errands: Worker,
    scanner: Option<JoinHandle<()>>,
}

impl<F: Fs> Runner<F> {
    /// Starts to watch the share, and to look at all of it. `rules` are those that the endpoint was opened with.
    pub fn start(endpoint: Arc<Endpoint<F>>, rules: RuleTexts, start_watch: StartWatch) -> io::Result<Self> {
        let core = Core::new(endpoint, InForce::new(rules).map_err(io::Error::other)?, start_watch);
        let mut runner = Self {
            core: Arc::clone(&core),
            notes: Worker::start("notes")?,
            syncs: Worker::start("syncs")?,
            errands: Worker::start("errands")?,
            scanner: None,
        };
        let scanner = Scanner::new(core);
        runner.scanner = Some(std::thread::Builder::new().name("scanner".to_owned()).spawn(move || scanner.run())?);
        Ok(runner)
    }

    /// The endpoint, for the lanes. Batches of a session have to end before the next one begins.
    pub fn endpoint(&self) -> &Arc<Endpoint<F>> {
        &self.core.endpoint
    }

    /// Runs a job, and answers if the session is still the same then.
    fn answer_from<T: Send + 'static>(
        &self,
        worker: &Worker,
        answer: Answer<T>,
        job: impl FnOnce(&Core<F>) -> T + Send + 'static,
    ) {
        let core = Arc::clone(&self.core);
        let number = core.session().number;
        worker.run(move || {
            let result = job(&core);
            if core.session().number == number {
                answer(result);
            }
        });
    }

    fn note(
        &self,
        doing: &'static str,
        job: impl FnOnce(&Core<F>) -> Result<(), causeway_index::IndexError> + Send + 'static,
    ) {
        let core = Arc::clone(&self.core);
        self.notes.run(move || {
            if let Err(error) = job(&core) {
                tracing::warn!(%error, doing, "the index failed");
            }
        });
    }
}

impl<F: Fs> ShareSide for Runner<F> {
    fn begin(&self, events: Events, answer: Answer<Result<Hello, Failure>>) {
        self.end();
        self.core.report.begin(events);
        // After what the session before had still to say.
        self.answer_from(&self.notes, answer, |core| {
            core.endpoint.hello().map_err(|error| Failure::new(FailureKind::Io, error))
        });
    }

    fn end(&self) {
        self.core.report.end();
        self.stop_verifying();
        let mut session = self.core.session();
        session.number += 1;
        let barriers = std::mem::take(&mut session.barriers);
        drop(session);
        feed::withdraw(&self.core);
        self.core.plan(|agenda| {
            agenda.cookies.clear();
            agenda.queue.end_session();
        });
        drop(barriers);
    }

    fn pull(&self, after: Seq, limit: u32, answer: Answer<Changes>) {
        // Behind the notes that came before it: what they put into the feed is part of the answer.
        let core = Arc::clone(&self.core);
        let number = core.session().number;
        self.notes.run(move || feed::pull(&core, number, after, limit, answer));
    }

    fn acknowledge(&self, seq: Seq) {
        self.note("acknowledge", move |core| core.endpoint.acknowledge(seq));
    }

    fn recheck(&self, path: RelPathBuf) {
        self.core.plan(|agenda| agenda.queue.recheck(path));
    }

    fn relist(&self, path: RelPathBuf) {
        self.note("relist", move |core| core.endpoint.relist(&path));
    }

    fn read(&self, paths: Vec<RelPathBuf>) {
        self.core.plan(|agenda| agenda.queue.read(paths));
    }

    fn set_rules(&self, rules: RuleTexts) {
        let core = Arc::clone(&self.core);
        self.notes.run(move || {
            if lock(&core.rules).texts == rules {
                return;
            }
            let in_force = match InForce::new(rules) {
                Ok(in_force) => in_force,
                // Whoever sets rules has parsed them before; what doesn't parse here leaves those before in force.
                Err(error) => return tracing::warn!(%error, "rules were refused"),
            };
            if let Err(error) = core.endpoint.set_rules((*in_force.rules).clone(), &core.stop) {
                // The rules hold; the look at everything that follows finds what wasn't forgotten.
                tracing::warn!(%error, "what the rules exclude could not be noted whole");
            }
            *lock(&core.rules) = in_force;
            *lock(&core.prunable) = None;
            core.plan(|agenda| {
                // Directories that were left out have to be watched now, and what is in them looked at.
                agenda.watch_due_ms = Some(0);
                agenda.whole_due_ms = Some(0);
            });
        });
    }

    fn pin(&self, paths: Vec<RelPathBuf>) {
        self.core.endpoint.pin(paths);
    }

    fn sync(&self, answer: Answer<Result<(), Problem>>) {
        // What becomes durable is told of, own changes too: the ledger takes account of it, and the journal can let it go.
        self.answer_from(&self.syncs, answer, |core| {
            core.endpoint.owe_changes();
            core.endpoint.sync()
        });
    }

    fn barrier(&self, answer: Answer<Seq>) {
        let mut session = self.core.session();
        session.last_barrier += 1;
        let barrier = BarrierId(session.last_barrier);
        session.barriers.insert(barrier, answer);
        drop(session);
        self.core.barrier(barrier);
    }

    fn stop_verifying(&self) {
        self.core.stop_verifying.store(true, Ordering::Relaxed);
    }

    fn ask(&self, errand: Errand, answer: Answer<Result<ErrandReply, Failure>>) {
        if matches!(errand, Errand::Verify { after: None, .. }) {
            // Here and not when its turn comes: whoever wants it to end may say so before.
            self.core.stop_verifying.store(false, Ordering::Relaxed);
        }
        self.answer_from(&self.errands, answer, move |core| errands::run(core, errand));
    }
}

impl<F: Fs> Drop for Runner<F> {
    fn drop(&mut self) {
        self.core.stop.store(true, Ordering::Relaxed);
        self.end();
        self.core.plan(|agenda| agenda.quit = true);
        // Its events go nowhere any more.
        drop(lock(&self.core.watch).take());
        if let Some(scanner) = self.scanner.take() {
            // A panic in it has been shown.
            let _ = scanner.join();
        }
        if let Err(error) = self.core.endpoint.close() {
            tracing::warn!(%error, "the index could not be closed in good order");
        }
    }
}
