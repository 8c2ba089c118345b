//! What stays diverged: decided anew when a person, new rules or time say so.

use crate::change::Seq;
use crate::ignore::Rules;
use crate::ledger::{Diverged, Hold, LedgerError};
use crate::session::items::Told;
use crate::session::{Keep, Session};
use crate::{Ledger, RelPath, RelPathBuf, Side};

/// When problems are tried again, and how far the present round has come.
#[derive(Debug)]
pub(super) struct Retry {
    due_ms: Option<u64>,
    delay_ms: u64,
    after: Option<RelPathBuf>,
    /// How many problems there were when some were last tried.
    problems: u64,
}

const RETRY_MS_MIN: u64 = 1_000;
const RETRY_MS_MAX: u64 = 30_000;
/// Problems that are tried again at once.
const RETRY_ROUND: usize = 1_024;
/// Diverged paths that are looked through at once for problems: most may be something else.
const RETRY_ROWS: usize = 16_384;

impl Retry {
    /// All problems are due at once.
    pub fn due(now_ms: u64) -> Self {
        Self { due_ms: Some(now_ms), delay_ms: RETRY_MS_MIN, after: None, problems: 0 }
    }

    pub fn due_ms(&self) -> Option<u64> {
        self.due_ms
    }

    /// There is a problem from now on.
    pub fn begin(&mut self, now_ms: u64) {
        if self.due_ms.is_none() {
            self.delay_ms = RETRY_MS_MIN;
            self.due_ms = Some(now_ms + self.delay_ms);
        }
    }
}

impl<L: Ledger> Session<L> {
    /// New rules are in force: for what is told from now on and for what stays one-sided.
    pub fn set_rules(&mut self, rules: Rules, now_ms: u64) -> Result<(), LedgerError> {
        self.settings.rules = rules;
        let mut after: Option<RelPathBuf> = None;
        loop {
            let page = self.ledger.diverged_below(RelPath::ROOT, after.as_deref(), RETRY_ROUND)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (path, diverged) in page {
                if diverged.hold == Hold::OneSided {
                    self.revive(&path, &diverged, None);
                }
            }
        }
        self.advance(now_ms)
    }

    /// Settles a conflict as a person wants it. `false`: there is none at this path.
    pub fn resolve(&mut self, path: &RelPath, keep: Keep, now_ms: u64) -> Result<bool, LedgerError> {
        let Some(diverged) = self.ledger.diverged(path)? else { return Ok(false) };
        if diverged.hold != Hold::Conflict {
            return Ok(false);
        }
        self.revive(path, &diverged, Some(keep));
        self.advance(now_ms)?;
        Ok(true)
    }

    /// Makes an item of a diverged path. What has been told since counts more than what the ledger noted.
    pub(super) fn revive(&mut self, path: &RelPath, diverged: &Diverged, keep: Option<Keep>) {
        let item = self.items.item(path);
        for side in Side::BOTH {
            item.told[side as usize]
                .get_or_insert_with(|| Told { entry: diverged.on(side).cloned(), as_of: Seq::default() });
        }
        if keep.is_some() {
            item.keep = keep;
        }
        self.make_ready(path);
    }

    pub(super) fn retry_problems(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        if self.halted.is_some() || self.retry.due_ms.is_none_or(|due| due > now_ms) {
            return Ok(());
        }
        let tried = self.revive_problems()?;
        self.retry.problems = self.ledger.holds()?.problems;
        if self.retry.after.is_none() {
            self.retry.delay_ms = (self.retry.delay_ms * 2).min(RETRY_MS_MAX);
        }
        // What is on its way to the ledger may be a problem.
        let some = self.retry.problems > 0 || !self.settling.is_empty();
        let goes_on = tried == 0 && self.retry.after.is_some();
        let delay_ms = if goes_on { RETRY_MS_MIN } else { self.retry.delay_ms };
        self.retry.due_ms = some.then(|| now_ms + delay_ms);
        Ok(())
    }

    /// Where some problems have gone, what was in their way may be gone for all: a full disk has space again.
    pub(super) fn hasten_retries(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        let problems = self.ledger.holds()?.problems;
        if problems < self.retry.problems {
            self.retry.problems = problems;
            self.retry.delay_ms = RETRY_MS_MIN;
            self.retry.due_ms = self.retry.due_ms.map(|due_ms| due_ms.min(now_ms + RETRY_MS_MIN));
        }
        Ok(())
    }

    /// Has the next problems decided anew. Gives how many.
    fn revive_problems(&mut self) -> Result<usize, LedgerError> {
        let (mut tried, mut rows) = (0, 0);
        while tried < RETRY_ROUND && rows < RETRY_ROWS {
            let page = self.ledger.diverged_below(RelPath::ROOT, self.retry.after.as_deref(), RETRY_ROUND)?;
            rows += page.len();
            self.retry.after = page.last().filter(|_| page.len() == RETRY_ROUND).map(|(path, _)| path.clone());
            for (path, diverged) in &page {
                if matches!(diverged.hold, Hold::Problem(_)) && !self.items.contains(path) {
                    self.revive(path, diverged, None);
                    tried += 1;
                }
            }
            if self.retry.after.is_none() {
                break;
            }
        }
        Ok(tried)
    }
}
