//! Batches whose content is all there: made durable, and carried out.

use causeway_sync::ledger::Intent;
use causeway_sync::{BatchId, Outcome, Problem};

use super::act::Act;
use super::receive::{Received, Receiving};
use super::staging::Staging;
use crate::endpoint::Endpoint;
use crate::fs::Fs;
use crate::hash::Buffer;
use crate::problem;

/// Up to so many received files are made durable one by one; for more, the whole file system is synced once.
pub(super) const SYNCED_SINGLY_MAX: usize = 8;

/// Complete batches, in their order. What isn't carried out is thrown away.
pub struct Complete<'e, F: Fs> {
    ep: &'e Endpoint<F>,
    batches: Vec<Receiving<F>>,
    /// Files that were received for them.
    files: usize,
    /// Where their content stands.
    staging: Option<Staging<'e, F>>,
}

impl<'e, F: Fs> Complete<'e, F> {
    pub(super) fn new(
        ep: &'e Endpoint<F>,
        batches: Vec<Receiving<F>>,
        files: usize,
        staging: Option<Staging<'e, F>>,
    ) -> Self {
        Self { ep, batches, files, staging }
    }

    /// Files that were received for them.
    pub fn files(&self) -> usize {
        self.files
    }

    /// Adds those that come after them: all of them are made durable together.
    pub fn append(&mut self, mut later: Self) {
        self.batches.append(&mut later.batches);
        self.files += later.files;
        self.staging = self.staging.take().or_else(|| later.staging.take());
    }

    /// Carries them out. `now_ms` is in milliseconds since 1970.
    pub fn carry_out(mut self, now_ms: u64) -> Vec<(BatchId, Vec<Outcome>)> {
        self.carry_out_with(now_ms, &mut Buffer::default())
    }

    pub(super) fn carry_out_with(&mut self, now_ms: u64, buffer: &mut Buffer) -> Vec<(BatchId, Vec<Outcome>)> {
        let staging = match self.staging.take().map_or_else(|| Staging::enter(self.ep), Ok) {
            Ok(staging) => self.staging.insert(staging),
            Err(error) => {
                let shown = problem::of_fs(self.ep.side, &error);
                return self.batches.drain(..).map(|receiving| refused(&receiving, &shown)).collect();
            }
        };
        let root = staging.root().clone();
        self.ep.stage_copies(&root, &mut self.batches, buffer);
        make_durable(self.ep, staging, &mut self.batches);
        let reads: Vec<_> = self.batches.iter().flat_map(reads).collect();
        self.ep.note_reads(&reads);
        let outcomes = match Act::begin(self.ep, root, now_ms, buffer) {
            Ok(mut act) => {
                let carried_out = self.batches.drain(..).map(|receiving| (receiving.batch.id, act.batch(receiving)));
                carried_out.collect()
            }
            Err(error) => {
                let shown = problem::of_fs(self.ep.side, &error);
                self.batches.iter().for_each(|receiving| staging.discard(receiving));
                self.batches.drain(..).map(|receiving| refused(&receiving, &shown)).collect()
            }
        };
        self.ep.commit_own();
        outcomes
    }
}

impl<F: Fs> Drop for Complete<'_, F> {
    fn drop(&mut self) {
        if let Some(staging) = &mut self.staging {
            self.batches.iter().for_each(|receiving| staging.discard(receiving));
        }
    }
}

/// What was read of files whose digest the session doesn't know.
fn reads<F: Fs>(receiving: &Receiving<F>) -> impl Iterator<Item = Intent> {
    let Receiving { batch, received, .. } = receiving;
    batch.actions.iter().zip(received).filter_map(|(action, received)| match received {
        Received::File(staged) => Intent::read(batch.to, action, &staged.entry),
        Received::Nothing | Received::Failed(_) => None,
    })
}

fn refused<F: Fs>(receiving: &Receiving<F>, shown: &Problem) -> (BatchId, Vec<Outcome>) {
    (receiving.batch.id, vec![Outcome::Problem(shown.clone()); receiving.batch.actions.len()])
}

/// Makes received content durable before anything of it can be seen. What can't be made durable isn't put in place. Where there are few
/// files the disk only begins with those by themselves: it works while their places are looked at, and
/// [`Act`] waits for it before it puts one in place.
fn make_durable<F: Fs>(ep: &Endpoint<F>, staging: &mut Staging<'_, F>, batches: &mut [Receiving<F>]) {
    // Whatever made an earlier sync fail may have been content of these.
    let failures = batches.iter().map(|receiving| receiving.failures).min().unwrap_or_default();
    let staged = batches.iter_mut().flat_map(|receiving| receiving.received.iter_mut());
    let mut files: Vec<_> = staged.filter(|received| matches!(received, Received::File(_))).collect();
    if files.is_empty() {
        return;
    }
    let one_by_one = files.len() <= SYNCED_SINGLY_MAX
        && files.iter().all(|received| matches!(received, Received::File(staged) if staged.file.is_some()));
    let whole = if one_by_one { Ok(()) } else { ep.sync_fs(failures) };
    for received in &mut files {
        let Received::File(staged) = &mut **received else { continue };
        let synced = match &staged.file {
            Some(file) if one_by_one && !staged.is_in_tree() => {
                ep.fs.begin_sync(file);
                continue;
            }
            Some(file) if one_by_one => ep.fs.sync_file(file).map_err(|error| problem::of_fs(ep.side, &error)),
            _ => whole.clone(),
        };
        staged.file = None;
        if let Err(shown) = synced {
            staging.discard_one(&staged.at);
            **received = Received::Failed(Outcome::Problem(shown));
        }
    }
}
