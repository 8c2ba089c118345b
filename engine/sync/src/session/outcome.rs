//! Outcomes: what became of a batch.

use crate::change::Seq;
use crate::ledger::{Hold, LedgerError};
use crate::plan::{Action, BatchId, Operation, Outcome, Problem, ProblemKind, Source};
use crate::session::items::Told;
use crate::session::{Output, Session};
use crate::{Entry, Ledger, RelPath, RelPathBuf, Side};

/// How often a path is planned anew before it is listed as a problem.
const ATTEMPTS_MAX: u8 = 12;

impl<L: Ledger> Session<L> {
    /// A batch has been carried out: one outcome per action, in their order.
    pub fn handle_outcomes(&mut self, id: BatchId, outcomes: Vec<Outcome>, now_ms: u64) -> Result<(), LedgerError> {
        let Some(running) = self.lanes.take(id) else { return Ok(()) };
        let missing = std::iter::repeat(Outcome::Unexpected);
        for (action, outcome) in running.actions.into_iter().zip(outcomes.into_iter().chain(missing)) {
            self.handle_outcome(running.to, action, outcome, now_ms)?;
        }
        self.advance(now_ms)
    }

    fn handle_outcome(&mut self, to: Side, action: Action, outcome: Outcome, now_ms: u64) -> Result<(), LedgerError> {
        if self.finish_directory_move(to, &action, &outcome)? {
            return Ok(());
        }
        if let Operation::Rename { to: target } = &action.operation {
            return self.handle_rename(to, &action.path, target, outcome, now_ms);
        }
        let path = &action.path;
        match outcome {
            Outcome::Done { entry, seq } => self.done(to, &action, entry, seq, now_ms),
            Outcome::Kept => self.kept(to, path, now_ms),
            Outcome::Unexpected => self.look_again(to, path, now_ms),
            Outcome::SourceChanged => {
                if matches!(action.operation, Operation::File { source: Source::Copy { .. }, .. }) {
                    if let Some(item) = self.items.get_mut(path) {
                        item.no_copy = true;
                    }
                    self.stop_running(path);
                    return Ok(());
                }
                self.look_again(to.other(), path, now_ms)
            }
            Outcome::Problem(problem) => self.failed(path, problem, now_ms),
        }
    }

    fn done(
        &mut self,
        to: Side,
        action: &Action,
        entry: Option<Entry>,
        seq: Seq,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        let path = &*action.path;
        self.count_carried(action, now_ms);
        self.learn_digest(to.other(), action, entry.as_ref());
        let is_directory = entry.as_ref().is_some_and(Entry::is_directory);
        let common = self.gives_what_both_held(action) || self.is_common(to, path);
        self.learn(to, path, Told { entry, as_of: seq }, common);
        if !is_directory {
            self.tell_gone_below(to, path, seq, common)?;
        }
        self.stop_running(path);
        Ok(())
    }

    fn count_carried(&mut self, action: &Action, now_ms: u64) {
        self.status.last_change_ms = Some(now_ms);
        let (files, bytes) = super::batch::carries(action);
        self.status.carried_files += files;
        self.status.carried_bytes += bytes;
    }

    /// Whether a side holds what both held last.
    fn is_common(&self, side: Side, path: &RelPath) -> bool {
        let Some(item) = self.items.get(path) else { return false };
        item.told[side as usize].as_ref().is_some_and(|told| item.common.as_ref() == Some(&told.entry))
    }

    /// Takes an outcome for what stands there, unless the side has told of something newer.
    fn learn(&mut self, side: Side, path: &RelPath, mut news: Told, common: bool) {
        let held = common.then(|| news.entry.clone());
        let carried_out = news.as_of;
        if let Some(as_of) = self.gone_since(side, path, carried_out) {
            news = Told::gone(as_of);
        }
        let seq = news.as_of;
        let is_directory = news.entry.as_ref().is_some_and(Entry::is_directory);
        self.sides[side as usize].note_carried_out(path, seq, is_directory);
        self.intents.carried_out(side, path, carried_out);
        let item = self.items.item(path);
        item.carried_out = true;
        match &mut item.told[side as usize] {
            Some(newer) if newer.as_of > seq => {}
            _ => item.learn(side, news, false),
        }
        if held.is_some() {
            item.common = held;
        }
        self.hold_own(side, path, carried_out);
    }

    /// When a directory above the path went, if that was after `seq`.
    fn gone_since(&self, side: Side, path: &RelPath, seq: Seq) -> Option<Seq> {
        let told = |above: &RelPath| self.items.get(above)?.told[side as usize].as_ref();
        let gone = |told: &&Told| told.as_of > seq && !told.entry.as_ref().is_some_and(Entry::is_directory);
        path.ancestors().filter_map(told).find(gone).map(|told| told.as_of)
    }

    /// A file that was read while it was sent is known to its source, too.
    fn learn_digest(&mut self, from: Side, action: &Action, entry: Option<&Entry>) {
        let (Operation::File { file: sent, .. }, Some(Entry::File(received))) = (&action.operation, entry) else {
            return;
        };
        let Some(item) = self.items.get_mut(&action.path) else { return };
        if let Some(Told { entry: Some(Entry::File(source)), .. }) = &mut item.told[from as usize]
            && source == sent
            && source.digest.is_none()
        {
            source.digest = received.digest;
            source.size = received.size;
        }
    }

    /// The item is decided again; mostly that finds both sides the same.
    fn stop_running(&mut self, path: &RelPath) {
        if self.items.get(path).is_some_and(super::items::Item::running) {
            self.set_stage(path, super::items::Stage::Ready);
        }
        self.unblock(path);
    }

    /// Directories stay on `to` for the sake of what is untracked in them; the other side doesn't have them.
    fn kept(&mut self, to: Side, path: &RelPath, now_ms: u64) -> Result<(), LedgerError> {
        let mut views = [None, None];
        views[to as usize] = Some(Entry::Directory);
        self.stop_running(path);
        self.stay(path, Some(None), views, Hold::OneSided, now_ms)
    }

    /// `side` doesn't hold what was planned with: it is asked what it does hold.
    fn look_again(&mut self, side: Side, path: &RelPath, now_ms: u64) -> Result<(), LedgerError> {
        let parent = path.parent().unwrap_or(RelPath::ROOT);
        if self.is_diverged(parent)? && !self.view(parent, side)?.is_some_and(|entry| entry.is_directory()) {
            // The directory could not be made. It comes back when that can.
            let views = [self.view(path, Side::Host)?, self.view(path, Side::Guest)?];
            self.stop_running(path);
            return self.stay(path, None, views, Hold::OneSided, now_ms);
        }
        let attempts = self.items.get(path).map_or(0, |item| item.attempts);
        if attempts >= ATTEMPTS_MAX {
            let problem = Problem { side, kind: ProblemKind::KeepsChanging, detail: String::new() };
            return self.failed(path, problem, now_ms);
        }
        // If it isn't the path itself, a directory above it isn't what it was thought to be.
        let above = path.ancestors().filter(|above| attempts > 0 && !above.is_root());
        let recheck = |at: &RelPath| Output::Recheck { side, path: at.to_owned() };
        self.outputs.extend(above.map(recheck).chain([recheck(path)]));
        self.stop_running(path);
        self.back_off(path, now_ms);
        Ok(())
    }

    fn failed(&mut self, path: &RelPath, problem: Problem, now_ms: u64) -> Result<(), LedgerError> {
        let views = [self.view(path, Side::Host)?, self.view(path, Side::Guest)?];
        self.stop_running(path);
        self.stay(path, None, views, Hold::Problem(problem), now_ms)
    }

    fn handle_rename(
        &mut self,
        side: Side,
        from: &RelPath,
        to: &RelPathBuf,
        outcome: Outcome,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        let common = self.follows_rename(from, to);
        for path in [from, to] {
            if let Some(item) = self.items.get_mut(path) {
                item.renamed_from = None;
                item.renamed_to = None;
            }
        }
        match outcome {
            Outcome::Done { entry, seq } => {
                self.status.last_change_ms = Some(now_ms);
                let directory = entry.as_ref().is_some_and(Entry::is_directory);
                self.learn(side, from, Told::gone(seq), common);
                self.learn(side, to, Told { entry, as_of: seq }, common);
                if let Some(item) = self.items.get_mut(from) {
                    item.keep = None;
                }
                if directory {
                    self.tell_gone_below(side, from, seq, false)?;
                    self.relist(side, to.clone());
                }
            }
            Outcome::Problem(problem) => {
                self.failed(from, problem, now_ms)?;
            }
            Outcome::Kept | Outcome::Unexpected | Outcome::SourceChanged => {
                self.outputs.push_back(Output::Recheck { side, path: from.to_owned() });
                self.outputs.push_back(Output::Recheck { side, path: to.clone() });
            }
        }
        self.stop_running(from);
        self.stop_running(to);
        Ok(())
    }
}
