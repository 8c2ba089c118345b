//! Carrying out what the session decided: content is received aside, made durable, and put in place action by action.
//!
//! An action goes through the same steps whatever it does:
//!
//! ```text
//! announce (flight) ─► index row as expected? ─► disk as the row says? ─► act ─► what was taken out as expected? ─► row ─► land
//!                           └─ Unexpected             └─ Unexpected, looked at again  └─ put back, Unexpected
//! ```
//!
//! Nothing is overwritten: what stands there is exchanged for the new, looked at once it is out of everybody's reach by name, and
//! goes to the recycle bin or back. A crash at any step leaves either state, and in staging what the next opening clears up.

mod act;
mod attributes;
mod clash;
mod copy;
mod expect;
mod put;
mod put_tree;
mod receive;
mod remove;
mod rename;
mod staged;
mod symlink;
mod tree;

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use causeway_sync::content::{Content, Signature};
use causeway_sync::plan::BATCH_ACTIONS_MAX;
use causeway_sync::{Batch, BatchId, Operation, Outcome, Source};

use crate::dirs::Dirs;
use crate::endpoint::Endpoint;
use crate::error::ProtocolError;
use crate::fs::{self, Area, Fs};
use crate::hash::Buffer;
use crate::problem;

use act::Act;
use receive::{Received, Receiving};

/// Received files at which a flush is due. A sync of the file system takes some hundredths of a second whatever it writes: with
/// 1024 files each, the syncs alone took a third of a first copy.
const FLUSH_FILES: usize = 8192;
/// Received bytes at which a flush is due.
const FLUSH_BYTES: u64 = 256 << 20;
/// Received files below which nothing waits: what a person does is seen at once.
const STREAM_FILES: usize = 32;
/// How long a stream may pause before what came of it is carried out.
const STREAM_PAUSE: Duration = Duration::from_millis(10);
/// Up to so many received files are made durable one by one; for more, the whole file system is synced once.
const SYNCED_SINGLY_MAX: usize = 8;

/// Receives batches for one side of a share, and carries them out. One for each lane; several work side by side.
///
/// Batches are begun in their order; their content comes in the same order, action by action. [`Self::flush`] carries out all
/// batches that are complete: call it when no input is waiting, or when [`Self::is_flush_due`]. After an error of the protocol,
/// or when it is dropped, what was received and not yet carried out is thrown away.
pub struct Applier<'e, F: Fs> {
    ep: &'e Endpoint<F>,
    /// Staging, while something stands there.
    staging: Option<Dirs<'e, F>>,
    batches: VecDeque<Receiving<F>>,
    buffer: Buffer,
    files: usize,
    bytes: u64,
    /// Files of the flush before.
    flushed: usize,
}

impl<F: Fs> Endpoint<F> {
    /// A receiver of batches for this side.
    pub fn applier(&self) -> Applier<'_, F> {
        Applier {
            ep: self,
            staging: None,
            batches: VecDeque::new(),
            buffer: Buffer::default(),
            files: 0,
            bytes: 0,
            flushed: 0,
        }
    }

    /// Opens staging for one who will call [`Self::leave_staging`].
    pub(crate) fn enter_staging(&self) -> fs::Result<F::Dir> {
        let mut users = self.staging_users.lock().unwrap_or_else(PoisonError::into_inner);
        let staging = self.fs.root(Area::Staging)?;
        *users += 1;
        Ok(staging)
    }

    /// The last one removes staging from the share, if it stands there.
    pub(crate) fn leave_staging(&self) {
        let mut users = self.staging_users.lock().unwrap_or_else(PoisonError::into_inner);
        *users -= 1;
        if *users == 0
            && let Err(error) = self.fs.release_staging()
        {
            tracing::warn!(%error, "staging could not be removed");
        }
    }
}

impl<'e, F: Fs> Applier<'e, F> {
    /// Begins a batch. Gives the numbers of the actions for which the supplier waits for a signature, in order.
    pub fn begin(&mut self, batch: Batch) -> Result<Vec<u32>, ProtocolError> {
        check(self.ep, &batch)?;
        let deltas = batch.actions.iter().zip(0..).filter_map(|(action, number)| match &action.operation {
            Operation::File { source: Source::Transfer { delta: true }, .. } => Some(number),
            _ => None,
        });
        let deltas = deltas.collect();
        self.batches.push_back(Receiving::new(batch));
        Ok(deltas)
    }

    /// What stands at the path of an action of the batch begun last, for the supplier to send what differs. Empty where
    /// there is nothing to compare with.
    pub fn signature(&mut self, action: u32) -> Signature {
        let batch = self.batches.back().map(|receiving| &receiving.batch);
        match batch.and_then(|batch| batch.actions.get(action as usize)) {
            Some(action) => self.sign(&action.path.clone()),
            None => crate::delta::nothing(),
        }
    }

    /// Takes what is told of an action's content.
    pub fn content(&mut self, batch: BatchId, action: u32, content: Content<'_>) -> Result<(), ProtocolError> {
        let at = self.batches.iter().position(|receiving| !receiving.is_complete());
        let at = at.filter(|at| self.batches[*at].batch.id == batch).ok_or(ProtocolError::OutOfOrder)?;
        self.receive(at, action, content)
    }

    /// Whether it is time to flush, though more is waiting.
    pub fn is_flush_due(&self) -> bool {
        self.files >= FLUSH_FILES || self.bytes >= FLUSH_BYTES
    }

    /// How long to wait for more before a flush that isn't due. In a stream each flush waits for twice the files of the one before:
    /// the first of them are seen at once, and all of them cost few syncs.
    pub fn patience(&self) -> Duration {
        let in_stream = (STREAM_FILES..2 * self.flushed).contains(&self.files);
        if in_stream { STREAM_PAUSE } else { Duration::ZERO }
    }

    /// Whether a flush would do anything.
    pub fn has_complete(&self) -> bool {
        self.batches.front().is_some_and(Receiving::is_complete)
    }

    /// Carries out the complete batches, in their order. `now_ms` is in milliseconds since 1970.
    pub fn flush(&mut self, now_ms: u64) -> Vec<(BatchId, Vec<Outcome>)> {
        let complete = self.batches.iter().take_while(|receiving| receiving.is_complete()).count();
        if complete == 0 {
            return Vec::new();
        }
        let mut ready: Vec<_> = self.batches.drain(..complete).collect();
        self.stage_copies(&mut ready);
        self.make_durable(&mut ready);
        let outcomes = self.act(ready, now_ms);
        self.flushed = self.files;
        (self.files, self.bytes) = (0, 0);
        if self.batches.iter().all(Receiving::is_clean) && self.staging.take().is_some() {
            self.ep.leave_staging();
        }
        outcomes
    }

    fn act(&mut self, ready: Vec<Receiving<F>>, now_ms: u64) -> Vec<(BatchId, Vec<Outcome>)> {
        let needs_staging = self.staging.is_none();
        let staging = match &self.staging {
            Some(staging) => Ok(staging.root().clone()),
            None => self.ep.enter_staging(),
        };
        let entered = needs_staging && staging.is_ok();
        let begun = staging.and_then(|staging| Act::begin(self.ep, staging, now_ms, &mut self.buffer));
        let outcomes = match begun {
            Ok(mut act) => ready.into_iter().map(|receiving| (receiving.batch.id, act.batch(receiving))).collect(),
            Err(error) => {
                let shown = problem::of_fs(self.ep.side, &error);
                let refuse = |receiving: Receiving<F>| {
                    self.discard(&receiving);
                    let outcomes = vec![Outcome::Problem(shown.clone()); receiving.batch.actions.len()];
                    (receiving.batch.id, outcomes)
                };
                ready.into_iter().map(refuse).collect()
            }
        };
        if entered {
            self.ep.leave_staging();
        }
        self.ep.commit_own();
        outcomes
    }

    /// Makes received content durable before anything of it can be seen. What can't be made durable isn't put in place.
    fn make_durable(&mut self, ready: &mut [Receiving<F>]) {
        let staged = ready.iter_mut().flat_map(|receiving| receiving.received.iter_mut());
        let mut files: Vec<_> = staged.filter(|received| matches!(received, Received::File(_))).collect();
        if files.is_empty() {
            return;
        }
        let one_by_one = files.len() <= SYNCED_SINGLY_MAX
            && files.iter().all(|received| matches!(received, Received::File(staged) if staged.file.is_some()));
        let whole = if one_by_one { Ok(()) } else { self.ep.fs.sync_fs() };
        for received in &mut files {
            let Received::File(staged) = &**received else { continue };
            let synced = match (&whole, &staged.file) {
                (Err(error), _) => Err(problem::of_fs(self.ep.side, error)),
                (Ok(()), Some(file)) if one_by_one => {
                    self.ep.fs.sync_file(file).map_err(|error| problem::of_fs(self.ep.side, &error))
                }
                (Ok(()), _) => Ok(()),
            };
            if let Err(shown) = synced {
                self.discard_one(&staged.at);
                **received = Received::Failed(Outcome::Problem(shown));
            }
        }
    }
}

impl<F: Fs> Drop for Applier<'_, F> {
    fn drop(&mut self) {
        for receiving in std::mem::take(&mut self.batches) {
            self.discard(&receiving);
        }
        if self.staging.take().is_some() {
            self.ep.leave_staging();
        }
    }
}

/// Refuses a batch that no session would make.
fn check<F: Fs>(ep: &Endpoint<F>, batch: &Batch) -> Result<(), ProtocolError> {
    if batch.to != ep.side {
        return Err(ProtocolError::WrongSide);
    }
    if batch.actions.len() > BATCH_ACTIONS_MAX {
        return Err(ProtocolError::TooManyActions);
    }
    for (action, number) in batch.actions.iter().zip(0..) {
        let into_itself = match &action.operation {
            Operation::Rename { to } => to.starts_with(&action.path) || action.path.starts_with(to),
            _ => false,
        };
        if action.path.is_root() || into_itself {
            return Err(ProtocolError::BadPath(number));
        }
    }
    Ok(())
}
