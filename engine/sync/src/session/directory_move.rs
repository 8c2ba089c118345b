//! A directory that was renamed on one side is renamed on the other: one operation, whatever it holds.
//!
//! It is done alone: nothing further is taken in until the ledger knows, so that every path means the same to everyone. Where it
//! isn't that simple (the other side has changed the directory's place, or the mode forbids it), it *unfolds*: gone there, new here.

use crate::change::{Change, Seq};
use crate::ledger::{LedgerError, Moved, Update};
use crate::plan::{Action, Lane, Operation, Outcome};
use crate::reconcile::Mode;
use crate::session::Session;
use crate::session::by_path::PathMap;
use crate::session::intents::UnfinishedMove;
use crate::session::items::{Item, Told};
use crate::{Entry, Ledger, RelPath, RelPathBuf, Side};

/// How long a directory's rename waits for what is at work in it.
const WAIT_MS: u64 = 10_000;
/// How long it waits for what is at work elsewhere: a large file may be on its way.
const DRAIN_MS: u64 = 500;

/// A rename that is being dealt with.
#[derive(Debug)]
pub(super) struct DirectoryMove {
    side: Side,
    from: RelPathBuf,
    to: RelPathBuf,
    as_of: Seq,
    /// The window that told of it.
    window: Option<u64>,
    /// Something newer than the rename is known of one of its ends.
    outdated: bool,
    /// An earlier session had sent it; its side tells of it again.
    resumed: bool,
    phase: Phase,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Something is still at work. Since when, and how long that is waited for; `None` before it was waited for.
    Waiting { since_ms: Option<u64>, until_ms: Option<u64> },
    /// The other side is renaming it.
    Running,
    /// The ledger is being told.
    Committing,
}

impl DirectoryMove {
    /// Whether changes that the sides haven't told yet decide on it.
    pub fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }

    /// The window of this side that mustn't count as absorbed: the ledger wouldn't know of the rename.
    pub fn holds_up(&self, side: Side) -> Option<u64> {
        let is_undecided = self.phase != Phase::Committing;
        self.window.filter(|_| is_undecided && self.side == side)
    }

    pub fn due_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::Waiting { until_ms, .. } => until_ms,
            Phase::Running | Phase::Committing => None,
        }
    }
}

/// Changes that a side told before it renamed a directory on the session's behalf speak of the old place.
#[derive(Debug)]
pub(super) struct PastMove {
    seq: Seq,
    from: RelPathBuf,
    to: RelPathBuf,
}

impl PastMove {
    /// Whether it is told among these. It isn't taken in again then, so that moves told before it have to follow it.
    pub fn is_among<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) -> bool {
        changes.into_iter().any(|change| matches!(change, Change::Moved { seq, .. } if *seq == self.seq))
    }

    /// Whether the change is a move before it. Each move is told by the places at its time, and all else by those after all moves.
    pub fn comes_after(&self, change: &Change) -> bool {
        matches!(change, Change::Moved { seq, .. } if *seq < self.seq)
    }

    /// Whether a window up to `upto` speaks of the new place.
    pub fn is_known_by(&self, upto: Seq) -> bool {
        upto >= self.seq
    }

    /// Whether a path is the new place, or below it.
    pub fn came_to(&self, path: &RelPath) -> bool {
        path.starts_with(&self.to)
    }

    /// What was carried out in the directory goes along; what was at its new place before has gone.
    pub fn carry(&self, carried_out: &mut PathMap<(Seq, bool)>) {
        carried_out.retain(|path, _| !self.came_to(path));
        let below: Vec<_> = carried_out.extract_if(|path, _| path.starts_with(&self.from)).collect();
        carried_out
            .extend(below.into_iter().filter_map(|(path, done)| Some((path.rebase(&self.from, &self.to)?, done))));
        carried_out.insert(self.from.clone(), (self.seq, false));
        carried_out.insert(self.to.clone(), (self.seq, true));
    }

    /// Lets a change from before speak of the new place. `false`: it is void, being about what stood there before.
    pub fn follow(&self, change: &mut Change) -> bool {
        let rebase = |path: &mut RelPathBuf| {
            if let Some(moved) = path.rebase(&self.from, &self.to) {
                *path = moved;
            }
        };
        match change {
            Change::Now { path, .. } | Change::Forgotten { path } => {
                if self.came_to(path) {
                    return false;
                }
                rebase(path);
            }
            Change::Moved { from, to, .. } => {
                rebase(from);
                rebase(to);
            }
        }
        true
    }
}

enum Verdict {
    Go,
    /// Until the ledger has taken account of all that was told before, so that after a crash the sides tell of the rename first.
    Drain,
    /// Until both sides have been looked at whole.
    AwaitCrawl,
    Wait,
    Unfold,
}

impl<L: Ledger> Session<L> {
    pub(super) fn begin_directory_move(
        &mut self,
        side: Side,
        from: RelPathBuf,
        to: RelPathBuf,
        as_of: Seq,
        window: Option<u64>,
    ) {
        let told = |path: &RelPath| self.items.get(path)?.told[side as usize].as_ref();
        let outdated = [&from, &to].into_iter().filter_map(|path| told(path)).any(|told| told.as_of > as_of);
        let phase = Phase::Waiting { since_ms: None, until_ms: None };
        self.directory_move = Some(DirectoryMove { side, from, to, as_of, window, outdated, resumed: false, phase });
    }

    /// A rename that an earlier session sent last: where it was carried out, the ledger has to know before anything is taken in.
    /// Its side noted it before it told, so that what that side tells next goes on from there, unless a power cut took that.
    pub(super) fn resume_directory_move(&mut self) -> Result<(), LedgerError> {
        let Some(UnfinishedMove { side: to_side, from, to, as_of }) = self.intents.take_unfinished_move() else {
            return Ok(());
        };
        let side = to_side.other();
        let is_directory = self.ledger.agreed(&from)?.is_some_and(|entry| entry.is_directory());
        let known = self.knows_move(side, as_of) || as_of <= self.sides[side as usize].absorbed();
        if known || self.sides[side as usize].rebooted || !is_directory || self.ledger.agreed(&to)?.is_some() {
            return Ok(());
        }
        let action = Action {
            path: from.clone(),
            expect: Some(Entry::Directory),
            operation: Operation::Rename { to: to.clone() },
        };
        let phase = Phase::Running;
        let moving = DirectoryMove { side, from, to, as_of, window: None, outdated: false, resumed: true, phase };
        self.directory_move = Some(moving);
        self.enqueue_alone(action, to_side)
    }

    /// Carries the rename out as soon as nothing else is at work in the directory.
    pub(super) fn advance_directory_move(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        let Some(DirectoryMove { side, from, to, phase: Phase::Waiting { since_ms, .. }, .. }) = &self.directory_move
        else {
            return Ok(());
        };
        let (side, from, to, since_ms) = (*side, from.clone(), to.clone(), since_ms.unwrap_or(now_ms));
        match self.judge_move(side, &from, &to)? {
            Verdict::Drain if now_ms < since_ms + DRAIN_MS => {
                self.await_move(since_ms, since_ms + DRAIN_MS);
                Ok(())
            }
            Verdict::Go | Verdict::Drain => {
                if let Some(seq) = self.sides[side.other() as usize].has_told_move(&from, &to) {
                    // An earlier session has renamed it there, and didn't hear so.
                    self.note_directory_move(seq);
                    return Ok(());
                }
                if let Some(directory_move) = &mut self.directory_move {
                    directory_move.phase = Phase::Running;
                }
                let action = Action { path: from, expect: Some(Entry::Directory), operation: Operation::Rename { to } };
                self.enqueue_alone(action, side.other())
            }
            Verdict::AwaitCrawl => Ok(()),
            Verdict::Wait if now_ms < since_ms + WAIT_MS => {
                self.await_move(since_ms, since_ms + WAIT_MS);
                Ok(())
            }
            Verdict::Wait | Verdict::Unfold => self.unfold_move(),
        }
    }

    fn await_move(&mut self, since_ms: u64, until_ms: u64) {
        if let Some(directory_move) = &mut self.directory_move {
            directory_move.phase = Phase::Waiting { since_ms: Some(since_ms), until_ms: Some(until_ms) };
        }
    }

    fn judge_move(&self, side: Side, from: &RelPath, to: &RelPath) -> Result<Verdict, LedgerError> {
        let directory = |entry: Option<Entry>| entry.is_some_and(|e| e.is_directory());
        let both_ways = matches!(self.settings.mode, Mode::TwoWaySafe | Mode::TwoWayResolved);
        if !self.sides.iter().all(super::SideState::has_crawled) {
            return Ok(Verdict::AwaitCrawl);
        }
        let state = &self.sides[side as usize];
        let newer = |item: &Item, as_of: Seq| item.told[side as usize].as_ref().is_some_and(|told| told.as_of > as_of);
        // What is known below the old place and is newer stands in another directory, which has come there since.
        let outdated = |m: &DirectoryMove| {
            m.outdated
                || [from, to].iter().any(|path| state.superseded(path, m.as_of))
                || state.has_carried_out_below(from, m.as_of)
                || self.items_below(from).any(|(_, item)| newer(item, m.as_of))
        };
        if self.directory_move.as_ref().is_some_and(outdated) {
            return Ok(Verdict::Unfold);
        }
        if !(both_ways || side == Side::Host) || !self.may_cross(to, side.other(), Some(&Entry::Directory)) {
            return Ok(Verdict::Unfold);
        }
        let parent = to.parent().unwrap_or(RelPath::ROOT);
        let at_ends = [from, to, parent].iter().any(|path| self.items.contains(path));
        let at_work =
            self.items_below(from).any(|(_, item)| item.running() || item.settled() || item.last_update().is_some());
        // What was told of the new place is about what stood there before.
        let left_behind = self.items_below(to).next().is_some();
        if at_ends || at_work || left_behind {
            // While a rename waits nothing is taken in. What waits for that in turn would wait in vain.
            let in_vain = self.is_stuck() || !self.sides.iter().all(super::SideState::caught_up);
            return Ok(if in_vain { Verdict::Unfold } else { Verdict::Wait });
        }
        let other = side.other();
        let simple = directory(self.ledger.agreed(from)?)
            && directory(self.view(from, other)?)
            && self.ledger.agreed(to)?.is_none()
            && self.ledger.diverged(to)?.is_none()
            && self.ledger.diverged(from)?.is_none()
            && directory(self.agreed(parent)?)
            && directory(self.view(parent, other)?);
        let drained = self.is_stuck() || (self.is_at_rest() && self.items.paths().all(|path| path.starts_with(from)));
        Ok(match (simple, drained) {
            (true, true) => Verdict::Go,
            (true, false) => Verdict::Drain,
            (false, _) => Verdict::Unfold,
        })
    }

    /// What is below a directory that is to be renamed waits until that is done, and goes along.
    pub(super) fn moved_above(&self, path: &RelPath) -> Option<RelPathBuf> {
        let from = &self.directory_move.as_ref()?.from;
        (path != &**from && path.starts_with(from)).then(|| from.clone())
    }

    /// Whether a directory's rename is being carried out, or noted. Nothing else is sent then: after a crash the rename is known as
    /// unfinished by being the last that was intended.
    pub(super) fn is_moving(&self) -> bool {
        self.directory_move.as_ref().is_some_and(|moving| !moving.is_waiting())
    }

    /// The change by which the other side has renamed the directory, if that is what is being carried out.
    pub(super) fn directory_moved(&self, from: &RelPath) -> Option<Seq> {
        let moving = self.directory_move.as_ref().filter(|moving| moving.phase == Phase::Running)?;
        (*moving.from == *from).then_some(moving.as_of)
    }

    /// What a side tells as of before a move speaks of the old places.
    pub(super) fn remember_move(&mut self, side: Side, from: &RelPath, to: &RelPath, seq: Seq) {
        let past = PastMove { seq, from: from.to_owned(), to: to.to_owned() };
        self.sides[side as usize].remember_move(past);
    }

    fn end_directory_move(&mut self) -> Option<DirectoryMove> {
        let ended = self.directory_move.take()?;
        self.unblock(&ended.from);
        Some(ended)
    }

    fn enqueue_alone(&mut self, action: Action, to: Side) -> Result<(), LedgerError> {
        self.send_batches()?;
        self.add(action, to, Lane::Quick, 0)?;
        self.send_batches()
    }

    /// The directory is gone from its old place, and a new one stands at the other.
    fn unfold_move(&mut self) -> Result<(), LedgerError> {
        let Some(DirectoryMove { side, from, to, as_of, window, .. }) = self.end_directory_move() else {
            return Ok(());
        };
        let before = std::mem::replace(&mut self.sides[side as usize].taking_in, window);
        self.take_in_now(side, from.clone(), Told::gone(as_of))?;
        let crosses = self.may_cross(&to, side.other(), Some(&Entry::Directory));
        self.set_counted(&from, crosses);
        self.take_in_now(side, to.clone(), Told { entry: Some(Entry::Directory), as_of })?;
        self.sides[side as usize].taking_in = before;
        // What it holds was told by the old place, or not at all.
        self.relist(side, to);
        Ok(())
    }

    /// Whether the outcome was that of the rename under way.
    pub(super) fn finish_directory_move(
        &mut self,
        to_side: Side,
        action: &Action,
        outcome: &Outcome,
    ) -> Result<bool, LedgerError> {
        let Some(directory_move) = self
            .directory_move
            .as_mut()
            .filter(|m| m.phase == Phase::Running && m.side != to_side && m.from == action.path)
        else {
            return Ok(false);
        };
        let Outcome::Done { seq, .. } = outcome else {
            if directory_move.resumed {
                self.end_directory_move();
            } else {
                self.unfold_move()?;
            }
            return Ok(true);
        };
        self.note_directory_move(*seq);
        Ok(true)
    }

    /// The other side has renamed the directory as well, by its change `seq`: the ledger is told.
    fn note_directory_move(&mut self, seq: Seq) {
        let Some(directory_move) = &mut self.directory_move else { return };
        directory_move.phase = Phase::Committing;
        let DirectoryMove { side, from, to, as_of, resumed, .. } = &*directory_move;
        let (side, from, to, as_of, resumed) = (*side, from.clone(), to.clone(), *as_of, *resumed);
        let changes = if side == Side::Host { [as_of, seq] } else { [seq, as_of] };
        self.push_update(Update::Move(Moved { from: from.clone(), to: to.clone(), as_of: changes }));
        self.remember_move(side.other(), &from, &to, seq);
        if resumed {
            self.remember_move(side, &from, &to, as_of);
        }
    }

    pub(super) fn finish_move_commit(&mut self, updates: &[Update]) {
        for update in updates {
            if let Update::Move(moved) = update {
                self.moves.push(moved.clone());
                self.end_directory_move();
                self.rebase_items(&moved.from, &moved.to);
            }
        }
        let absorbed = Side::BOTH.map(|side| self.sides[side as usize].absorbed());
        self.moves.retain(|moved| moved.as_of[0] > absorbed[0] || moved.as_of[1] > absorbed[1]);
    }

    /// Reads which moves the sides may tell of once more.
    pub(super) fn recall_moves(&mut self) -> Result<(), LedgerError> {
        self.moves = self.ledger.moves()?;
        for Moved { from, to, as_of } in self.moves.clone() {
            for side in Side::BOTH {
                self.remember_move(side, &from, &to, as_of[side as usize]);
            }
        }
        Ok(())
    }

    /// Whether the ledger knows of the move that was this change of a side.
    pub(super) fn knows_move(&self, side: Side, seq: Seq) -> bool {
        self.moves.iter().any(|moved| moved.as_of[side as usize] == seq)
    }
}
