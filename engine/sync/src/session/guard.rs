//! The guard: when so much is to be deleted at once that a person is asked.
//!
//! Deletions on a side that come within a short while are a *run*. A run that grows over the limit halts the session. Who accepts
//! that accepts the run, however late the rest of it is told; the next one is asked about anew. What was renamed isn't deleted,
//! though the other side may have to remove it in one place and make it in another: a file whose content turns up elsewhere during
//! the run doesn't count.

use std::collections::HashMap;

use crate::change::Seq;
use crate::ledger::LedgerError;
use crate::session::items::{Item, Stage};
use crate::session::{Halt, Limits, Output, Session};
use crate::{Digest, Entry, Ledger, RelPath, RelPathBuf, Side};

/// How long a run gathers: later deletions don't add up with it.
const RUN_MS: u64 = 10_000;
/// How long nothing must have been deleted before an accepted run is over. A program that removes a tree never pauses for so long.
const PAUSE_MS: u64 = 1_000;

/// Contents remembered of a run, at most; at some 50 bytes each. Beyond that a renamed file counts as deleted.
const CONTENTS_MAX: usize = 65_536;

/// Deletions on a side that count together.
#[derive(Debug, Default)]
pub(super) struct Run {
    since_ms: Option<u64>,
    entries: u64,
    /// Contents that turned up on the other side (positive) or that were counted as deleted there (negative), and how often.
    contents: HashMap<Digest, i32>,
    /// Most entries that were agreed while it lasted.
    total: u64,
    accepted: Option<Acceptance>,
}

/// A person has agreed to a run.
#[derive(Debug)]
struct Acceptance {
    /// The barrier which proves that the other side has told all that it had deleted by then.
    token: u64,
    reached: Option<Seq>,
    last_ms: u64,
}

impl Run {
    /// Takes the answer to a barrier, if it was asked for here.
    pub fn reach(&mut self, token: u64, seq: Seq) {
        if let Some(acceptance) = self.accepted.as_mut().filter(|acceptance| acceptance.token == token) {
            acceptance.reached = Some(seq);
        }
    }

    /// Content has turned up where it wasn't before.
    fn arrive(&mut self, digest: Digest) {
        if self.count(digest, 1) && self.contents.get(&digest).is_some_and(|count| *count <= 0) {
            self.entries = self.entries.saturating_sub(1);
        }
    }

    /// Content is about to be removed. `true`: it has turned up elsewhere.
    fn depart(&mut self, digest: Digest) -> bool {
        self.count(digest, -1) && self.contents.get(&digest).is_some_and(|count| *count >= 0)
    }

    fn count(&mut self, digest: Digest, by: i32) -> bool {
        if self.contents.len() >= CONTENTS_MAX && !self.contents.contains_key(&digest) {
            return false;
        }
        let count = self.contents.entry(digest).or_default();
        *count = count.saturating_add(by);
        true
    }
}

impl Limits {
    fn entries_max(&self, to: Side, total: u64) -> u64 {
        ((total as f64 * self.deleted_part_max[to as usize]) as u64).max(self.deleted_min)
    }
}

impl<L: Ledger> Session<L> {
    /// Lets happen what is being deleted on `side`, and what was but hasn't been told yet. An emptied root is told as a fault, and
    /// only when that is accepted as deletions.
    pub fn accept_deletions(&mut self, side: Side, now_ms: u64) {
        let token = self.token();
        let run = &mut self.runs[side.other() as usize];
        run.accepted = Some(Acceptance { token, reached: None, last_ms: now_ms });
        self.outputs.push_back(Output::Barrier { side, token });
    }

    /// Ends runs that are over.
    pub(super) fn begin_runs(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        let total = self.ledger.agreed_total()?;
        for side in Side::BOTH {
            if self.is_over(side, now_ms) {
                self.runs[side as usize] = Run { since_ms: Some(now_ms), ..Run::default() };
            }
            let run = &mut self.runs[side as usize];
            run.total = run.total.max(total);
        }
        Ok(())
    }

    /// Takes note of what a side tells to stand at a path. What is new to a share that isn't prepared yet has come from nowhere else in it.
    pub(super) fn note_arrival(
        &mut self,
        side: Side,
        path: &RelPath,
        entry: Option<&Entry>,
    ) -> Result<(), LedgerError> {
        let Some(digest) = content(entry).filter(|_| self.status.prepared) else { return Ok(()) };
        let before = self.view(path, side)?;
        // A file whose digest is only known now hasn't come from anywhere.
        if before.as_ref().and_then(Entry::as_file).is_none_or(|file| file.digest.is_some_and(|known| known != digest))
        {
            self.runs[side.other() as usize].arrive(digest);
        }
        Ok(())
    }

    /// Whether what stands at a path on `to` may be removed now. Each entry is counted once. Where not, the session halts.
    pub(super) fn deletion_allowed(&mut self, path: &RelPath, to: Side, now_ms: u64) -> Result<bool, LedgerError> {
        if self.counts_no_more(path, to) {
            self.note_counted(path);
            return Ok(true);
        }
        let run = &self.runs[to as usize];
        let (before, total) = (run.entries, run.total);
        let most = self.settings.limits.entries_max(to, total);
        let agreed = self.ledger.agreed(path)?;
        let run = &mut self.runs[to as usize];
        if content(agreed.as_ref()).is_some_and(|digest| run.depart(digest)) {
            self.note_counted(path);
            return Ok(true);
        }
        self.excuse_below(path, to)?;
        let entries = before + self.uncounted(path, most + 1)?;
        let run = &mut self.runs[to as usize];
        match &mut run.accepted {
            Some(acceptance) => acceptance.last_ms = now_ms,
            None if entries > most => {
                self.set_stage(path, Stage::Ready);
                self.halt(Halt::MassDeletion { side: to, entries, total });
                return Ok(false);
            }
            None => {}
        }
        run.entries = entries;
        self.note_counted(path);
        Ok(true)
    }

    fn is_over(&self, to: Side, now_ms: u64) -> bool {
        let run = &self.runs[to as usize];
        match &run.accepted {
            None => run.since_ms.is_none_or(|since_ms| now_ms.saturating_sub(since_ms) > RUN_MS),
            Some(acceptance) => {
                let told = acceptance.reached.is_some_and(|seq| self.sides[to.other() as usize].settled_upto(seq));
                told && now_ms.saturating_sub(acceptance.last_ms) > PAUSE_MS
            }
        }
    }

    /// Whether it has been counted, by itself or with a directory around it, or was renamed to where it may cross.
    fn counts_no_more(&self, path: &RelPath, to: Side) -> bool {
        let counted = |at: &RelPath| self.items.get(at).is_some_and(|item| item.counted);
        let renamed = self.items.get(path).and_then(|item| item.renamed_to.as_deref());
        path.ancestors().chain([path]).any(counted) || renamed.is_some_and(|target| self.may_cross(target, to, None))
    }

    /// What has left a directory before the directory went may have turned up elsewhere.
    fn excuse_below(&mut self, path: &RelPath, to: Side) -> Result<(), LedgerError> {
        for below in self.paths_below(path) {
            let Some(item) = self.items.get(&below) else { continue };
            let told = item.told[to.other() as usize].as_ref();
            if item.counted || told.is_none_or(|told| told.entry.is_some()) {
                continue;
            }
            let renamed = item.renamed_to.as_deref().is_some_and(|target| self.may_cross(target, to, None));
            let agreed = self.ledger.agreed(&below)?;
            let run = &mut self.runs[to as usize];
            let elsewhere = renamed || content(agreed.as_ref()).is_some_and(|digest| run.depart(digest));
            self.set_counted(&below, elsewhere);
        }
        Ok(())
    }

    /// How many agreed entries at and below a path weren't counted, counted up to `limit`; those too that the ledger is only being told of.
    fn uncounted(&self, path: &RelPath, limit: u64) -> Result<u64, LedgerError> {
        let (mut counted, mut on_their_way) = (0, 0);
        let mut within: Option<&RelPathBuf> = None;
        for (at, item) in self.items_below(path) {
            if within.is_some_and(|above| at.starts_with(above)) {
                continue;
            }
            if item.counted || matches!(item.agreed, Some((None, _))) {
                counted += self.ledger.agreed_count(at, limit)?;
                within = Some(at);
            } else if matches!(item.agreed, Some((Some(_), _))) && self.ledger.agreed(at)?.is_none() {
                on_their_way += 1;
            }
        }
        let known = self.ledger.agreed_count(path, limit.saturating_add(counted))?.saturating_sub(counted);
        Ok(known + on_their_way)
    }

    fn note_counted(&mut self, path: &RelPath) {
        self.set_counted(path, true);
    }

    /// Notes whether the removal of a path has been counted, or needn't be.
    pub(super) fn set_counted(&mut self, path: &RelPath, counted: bool) {
        if let Some(item) = self.items.get_mut(path) {
            item.counted = counted;
        }
    }

    /// Whether the removal of a path has been counted, or needn't be.
    pub(super) fn is_counted(&self, path: &RelPath) -> bool {
        self.items.get(path).is_some_and(|item: &Item| item.counted)
    }
}

fn content(entry: Option<&Entry>) -> Option<Digest> {
    entry.and_then(Entry::as_file).and_then(|file| file.digest)
}
