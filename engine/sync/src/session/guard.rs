//! The guard: when so much is to be deleted at once that a person is asked.
//!
//! Deletions on a side that come within a short while are a *run*. A run that grows over the limit halts the session. Who accepts
//! that accepts the run, however late the rest of it is told; the next one is asked about anew. What was renamed isn't deleted,
//! though the other side may have to remove it in one place and make it in another.

use crate::change::Seq;
use crate::ledger::LedgerError;
use crate::session::items::{Item, Stage};
use crate::session::{Halt, Limits, Output, Session};
use crate::{Ledger, RelPath, RelPathBuf, Side};

/// How long a run gathers: later deletions don't add up with it.
const RUN_MS: u64 = 10_000;
/// How long nothing must have been deleted before an accepted run is over. A program that removes a tree never pauses for so long.
const PAUSE_MS: u64 = 1_000;

/// Deletions on a side that count together.
#[derive(Debug, Default)]
pub(super) struct Run {
    since_ms: Option<u64>,
    entries: u64,
    /// Entries that were agreed when it began.
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

    /// Whether what stands at a path on `to` may be removed now. Each entry is counted once. Where not, the session halts.
    pub(super) fn deletion_allowed(&mut self, path: &RelPath, to: Side, now_ms: u64) -> Result<bool, LedgerError> {
        if self.counts_no_more(path, to) {
            self.note_counted(path);
            return Ok(true);
        }
        let total = self.ledger.agreed_total()?;
        let over = self.is_over(to, now_ms);
        let run = &mut self.runs[to as usize];
        if over {
            *run = Run { since_ms: Some(now_ms), total, ..Run::default() };
        }
        let (before, total) = (run.entries, run.total.max(total));
        let most = self.settings.limits.entries_max(to, total);
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

    /// How many agreed entries at and below a path weren't counted, counted up to `limit`.
    fn uncounted(&self, path: &RelPath, limit: u64) -> Result<u64, LedgerError> {
        let mut counted = 0;
        let mut within: Option<&RelPathBuf> = None;
        for (at, _) in self.items_below(path).filter(|(_, item)| item.counted) {
            if within.is_none_or(|above| !at.starts_with(above)) {
                counted += self.ledger.agreed_count(at, limit)?;
                within = Some(at);
            }
        }
        Ok(self.ledger.agreed_count(path, limit.saturating_add(counted))?.saturating_sub(counted))
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

    pub(super) fn is_counted(&self, path: &RelPath) -> bool {
        self.items.get(path).is_some_and(|item: &Item| item.counted)
    }
}
