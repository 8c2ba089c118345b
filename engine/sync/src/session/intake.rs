//! Intake: what the endpoints tell becomes items.

use crate::change::{Change, Changes, Seq};
use crate::ignore::Verdict;
use crate::ledger::{LedgerError, Update};
use crate::session::items::{Item, Stage, Told};
use crate::session::side_state::Heard;
use crate::session::{ITEMS_MAX, Output, PULL_MAX, Session};
use crate::{Entry, Ledger, RelPath, RelPathBuf, Side};

/// Children of a directory that are looked up at once.
const CHILDREN_ROUND: usize = 1_024;

impl<L: Ledger> Session<L> {
    /// A side tells what has changed.
    pub fn handle_changes(&mut self, side: Side, changes: Changes, now_ms: u64) -> Result<(), LedgerError> {
        let state = &mut self.sides[side as usize];
        state.pull_outstanding = false;
        state.pulled = state.pulled.max(changes.upto);
        state.crawled |= changes.crawled;
        state.open_window(changes.upto, self.lanes.next_batch());
        state.extend_intake(changes);
        for path in std::mem::take(&mut self.sides[side as usize].unclaimed) {
            self.hold_window(side, &path);
        }
        self.advance(now_ms)
    }

    /// Asks each side for more, while there is room.
    pub(super) fn ask_for_changes(&mut self) {
        if self.halted.is_some() || self.leaving || self.unseen != [None; 2] {
            return;
        }
        if let Some(moving) = &self.directory_move {
            if moving.is_waiting() {
                self.ask_for_crawl();
            }
            return;
        }
        let room = self.items.len() < ITEMS_MAX;
        // With nothing at work, the items wait for what hasn't been told yet: a limit would make that for ever.
        let stuck = self.is_stuck();
        for side in Side::BOTH {
            let state = &mut self.sides[side as usize];
            if !state.pull_outstanding && state.intake.is_empty() && (room || stuck) {
                state.pull_outstanding = true;
                self.outputs.push_back(Output::Pull { side, after: state.pulled, limit: PULL_MAX });
            }
        }
    }

    /// Whether nothing that is at work goes on by itself.
    pub(super) fn is_stuck(&self) -> bool {
        self.ready.is_empty() && self.lanes.idle() && self.settling.is_empty()
    }

    /// A rename of a directory is decided on when both sides have been looked at whole, and nothing is taken in before that.
    fn ask_for_crawl(&mut self) {
        for side in Side::BOTH {
            let state = &mut self.sides[side as usize];
            if !state.pull_outstanding && !state.crawled && state.intake.len() < ITEMS_MAX {
                state.pull_outstanding = true;
                self.outputs.push_back(Output::Pull { side, after: state.pulled, limit: PULL_MAX });
            }
        }
    }

    /// Makes items of what was told, up to a directory move that has to wait.
    pub(super) fn take_in(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        loop {
            for side in Side::BOTH {
                self.take_in_from(side)?;
            }
            self.advance_directory_move(now_ms)?;
            if self.directory_move.is_some() || self.sides.iter().all(|side| side.intake.is_empty()) {
                return Ok(());
            }
        }
    }

    fn take_in_from(&mut self, side: Side) -> Result<(), LedgerError> {
        while self.directory_move.is_none() {
            let Some(Heard { change, as_of, .. }) = self.sides[side as usize].take_next() else { break };
            match change {
                Change::Now { path, entry } => self.take_in_now(side, path, Told { entry, as_of })?,
                Change::Moved { from, to, entry, seq } => {
                    self.take_in_moved(side, from, to, Told { entry: Some(entry), as_of: seq })?;
                }
                Change::Forgotten { path } => self.take_in_forgotten(&path, as_of)?,
            }
        }
        self.sides[side as usize].taking_in = None;
        Ok(())
    }

    pub(super) fn take_in_now(&mut self, side: Side, path: RelPathBuf, told: Told) -> Result<(), LedgerError> {
        if path.is_root() || self.ignored(&path, told.entry.as_ref()) {
            return Ok(());
        }
        let as_of = told.as_of;
        let was_directory = self.view(&path, side)?.is_some_and(|e| e.is_directory());
        let directory_told = told.entry.as_ref().is_some_and(Entry::is_directory);
        self.note_arrival(side, &path, told.entry.as_ref())?;
        if !self.tell(side, &path, told) {
            // Something newer is known here, but what stood below before went all the same, unless a whole directory has come.
            if directory_told {
                return Ok(());
            }
            self.tell_gone_below(side, &path, as_of, false)?;
            return self.unfold(&path, side, as_of, false);
        }
        let is_directory = self.view(&path, side)?.is_some_and(|e| e.is_directory());
        if was_directory && !is_directory {
            self.tell_gone_below(side, &path, as_of, false)?;
        } else if !is_directory {
            // The ledger may know already of what this window still speaks of.
            for below in self.paths_below(&path) {
                if !self.sides[side as usize].came_after(&path, &below, as_of) {
                    self.tell(side, &below, Told::gone(as_of));
                }
            }
        }
        if is_directory && !was_directory {
            self.unfold(&path, side, as_of, false)?;
        }
        Ok(())
    }

    fn ignored(&self, path: &RelPath, entry: Option<&Entry>) -> bool {
        let verdict = self.settings.rules.ignored(path, entry.is_some_and(Entry::is_directory));
        matches!(verdict, Verdict::Ignored) && entry.is_some()
    }

    /// Notes what a side says of a path. `false`: something newer is known already.
    pub(super) fn tell(&mut self, side: Side, path: &RelPath, news: Told) -> bool {
        let intended = self.was_intended(side, path, &news);
        self.tell_of(side, path, news, intended)
    }

    /// `common`: both sides held it.
    fn tell_of(&mut self, side: Side, path: &RelPath, mut news: Told, common: bool) -> bool {
        if self.items.contains(path)
            && let Some(seq) = self.sides[side as usize].gone_with_above(path, news.as_of)
        {
            news = Told::gone(seq);
        }
        let superseded = self.sides[side as usize].superseded(path, news.as_of);
        let newer = |item: &Item| item.told[side as usize].as_ref().is_some_and(|told| told.as_of > news.as_of);
        if superseded || self.items.get(path).is_some_and(newer) {
            // What is newer must be durable before this counts as absorbed.
            self.hold_window(side, path);
            return false;
        }
        let item = self.items.item(path);
        // Only news is a reason to try again at once.
        if item.told[side as usize].as_ref().is_none_or(|before| before.entry != news.entry) {
            item.attempts = 0;
        }
        item.learn(side, news, common);
        self.hold_window(side, path);
        self.make_ready(path);
        true
    }

    /// The window that is being taken in can't be absorbed before the item has been dealt with.
    fn hold_window(&mut self, side: Side, path: &RelPath) {
        if let Some(number) = self.sides[side as usize].present_window() {
            self.hold(side, path, number);
        }
    }

    /// Nor can the one that covers what was carried out at the path: it tells nothing of that, and may have come before the outcome.
    pub(super) fn hold_own(&mut self, side: Side, path: &RelPath, seq: Seq) {
        match self.sides[side as usize].window_with(seq) {
            Some(number) => self.hold(side, path, number),
            None => self.sides[side as usize].unclaimed.push(path.to_owned()),
        }
    }

    /// An item holds the earliest of the windows that speak of it, and by that those after it.
    fn hold(&mut self, side: Side, path: &RelPath, number: u64) {
        let state = &mut self.sides[side as usize];
        let Some(item) = self.items.get_mut(path) else { return };
        if item.windows[side as usize].is_some_and(|held| held <= number) {
            return;
        }
        let at_work = !item.settled() && item.stage != Stage::New;
        if let Some(later) = item.windows[side as usize].replace(number) {
            state.release(later);
            if at_work {
                state.count_unsettled(later, false);
            }
        }
        state.hold(number);
        if at_work {
            state.count_unsettled(number, true);
        }
    }

    /// A directory is gone from a side, and with it all that was known to be below. `common`: from the other side as well.
    pub(super) fn tell_gone_below(
        &mut self,
        side: Side,
        path: &RelPath,
        as_of: Seq,
        common: bool,
    ) -> Result<(), LedgerError> {
        for below in self.paths_below(path) {
            if !self.sides[side as usize].came_after(path, &below, as_of) {
                self.tell_gone(side, &below, as_of, common);
            }
        }
        for (below, diverged) in self.all_diverged_below(path)? {
            if *below != *path && diverged.on(side).is_some() {
                self.tell_gone(side, &below, as_of, common);
            }
        }
        Ok(())
    }

    fn tell_gone(&mut self, side: Side, path: &RelPath, as_of: Seq, common: bool) {
        let common = common || self.may_have_gone(side, path, as_of);
        self.tell_of(side, path, Told::gone(as_of), common);
    }

    /// A directory is new on a side where the ledger has one with something in it: nothing of that stands on this side until it is told.
    /// `common`: what it held has gone from both.
    pub(super) fn unfold(&mut self, path: &RelPath, side: Side, as_of: Seq, common: bool) -> Result<(), LedgerError> {
        let mut after: Option<crate::NameBuf> = None;
        let counted = self.is_counted(path);
        loop {
            let children = self.ledger.agreed_children(path, after.as_deref(), CHILDREN_ROUND)?;
            for (name, _) in &children {
                let child = path.join(name);
                if self.items.get(&child).is_none_or(|item| item.told[side as usize].is_none()) {
                    self.tell_gone(side, &child, as_of, common);
                    self.set_counted(&child, counted);
                }
            }
            match children.into_iter().last() {
                Some((name, _)) => after = Some(name),
                None => return Ok(()),
            }
        }
    }

    fn take_in_moved(&mut self, side: Side, from: RelPathBuf, to: RelPathBuf, told: Told) -> Result<(), LedgerError> {
        if self.knows_move(side, told.as_of) {
            return Ok(());
        }
        if told.entry.as_ref().is_some_and(Entry::is_directory) {
            let window = self.sides[side as usize].taking_in;
            self.begin_directory_move(side, from, to, told.as_of, window);
            return Ok(());
        }
        self.take_in_now(side, from.clone(), Told::gone(told.as_of))?;
        self.take_in_now(side, to.clone(), told)?;
        if let Some(item) = self.items.get_mut(&from) {
            item.renamed_to = Some(to.clone());
        }
        if let Some(item) = self.items.get_mut(&to) {
            item.renamed_from = Some(from);
        }
        Ok(())
    }

    /// The path is ignored from now on: nothing is agreed, nothing is at work, nothing stays behind.
    fn take_in_forgotten(&mut self, path: &RelPath, as_of: Seq) -> Result<(), LedgerError> {
        let below: Vec<_> = self.items_below(path).map(|(at, _)| at.clone()).collect();
        for at in below {
            for side in Side::BOTH {
                self.tell(side, &at, Told::gone(as_of));
            }
        }
        for (at, _) in self.all_diverged_below(path)? {
            self.push_update(Update::Diverge(at, None));
        }
        if self.ledger.agreed(path)?.is_some() {
            self.push_update(Update::Agree(path.to_owned(), None));
        }
        Ok(())
    }
}
