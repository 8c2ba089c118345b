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
//! goes to the recycle bin or back. A crash at any step leaves either state, and in staging what the next opening clears up. Only a
//! file that somebody has pinned is written in place ([`in_place`]).

mod act;
mod attributes;
mod clash;
mod complete;
mod copy;
mod expect;
mod in_place;
pub(crate) mod original;
mod put;
mod put_tree;
mod receive;
mod remove;
mod rename;
mod staged;
mod staging;
mod symlink;
mod tree;

use std::collections::VecDeque;

use causeway_sync::content::{Content, Signature};
use causeway_sync::plan::BATCH_ACTIONS_MAX;
use causeway_sync::{Batch, BatchId, Operation, Outcome, Source};

use crate::endpoint::Endpoint;
use crate::error::ProtocolError;
use crate::fs::Fs;
use crate::hash::Buffer;

use complete::SYNCED_SINGLY_MAX;
use receive::Receiving;
use staging::Staging;

pub use complete::Complete;

/// Received bytes up to which a flush takes but a moment.
const LITTLE_BYTES: u64 = 1 << 20;

/// Receives batches for one side of a share, and carries them out. One for each lane; several work side by side.
///
/// Batches are begun in their order; their content comes in the same order, action by action. Batches that are complete are carried
/// out by [`Self::flush`], or elsewhere by [`Complete::carry_out`] while the next are received. After an error of the protocol, or when
/// it is dropped, what was received and not yet carried out is thrown away.
pub struct Applier<'e, F: Fs> {
    ep: &'e Endpoint<F>,
    /// While something of the batches stands there.
    staging: Option<Staging<'e, F>>,
    batches: VecDeque<Receiving<F>>,
    buffer: Buffer,
    /// Files and bytes received since something was complete.
    files: usize,
    bytes: u64,
}

impl<F: Fs> Endpoint<F> {
    /// A receiver of batches for this side.
    pub fn applier(&self) -> Applier<'_, F> {
        Applier { ep: self, staging: None, batches: VecDeque::new(), buffer: Buffer::default(), files: 0, bytes: 0 }
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
        self.batches.push_back(Receiving::new(batch, self.ep.sync_failures()));
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

    /// Whether a batch is complete.
    pub fn has_complete(&self) -> bool {
        self.batches.front().is_some_and(Receiving::is_complete)
    }

    /// Whether what is complete is made durable and carried out in a moment.
    pub fn is_little(&self) -> bool {
        self.files <= SYNCED_SINGLY_MAX && self.bytes <= LITTLE_BYTES
    }

    /// The complete batches, in their order, to be carried out while the next are received. `None` if there are none.
    pub fn complete(&mut self) -> Option<Complete<'e, F>> {
        let complete = self.batches.iter().take_while(|receiving| receiving.is_complete()).count();
        if complete == 0 {
            return None;
        }
        let batches = self.batches.drain(..complete).collect();
        let files = std::mem::take(&mut self.files);
        self.bytes = 0;
        let is_clean = self.batches.iter().all(Receiving::is_clean);
        let staging = if is_clean { self.staging.take() } else { self.staging.as_ref().map(Staging::another) };
        Some(Complete::new(self.ep, batches, files, staging))
    }

    /// Carries out the complete batches at once. `now_ms` is in milliseconds since 1970.
    pub fn flush(&mut self, now_ms: u64) -> Vec<(BatchId, Vec<Outcome>)> {
        match self.complete() {
            Some(mut complete) => complete.carry_out_with(now_ms, &mut self.buffer),
            None => Vec::new(),
        }
    }
}

impl<F: Fs> Drop for Applier<'_, F> {
    fn drop(&mut self) {
        if let Some(staging) = &mut self.staging {
            self.batches.iter().for_each(|receiving| staging.discard(receiving));
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
