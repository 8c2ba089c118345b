//! Deciding: an item becomes an action in a batch, or is settled, or stays behind.

use crate::ledger::{Diverged, Hold, LedgerError};
use crate::plan::{Action, Lane, Operation, Problem, ProblemKind, Source};
use crate::reconcile::{Decision, Facts, reconcile};
use crate::session::items::Stage;
use crate::session::{Keep, Output, Session};
use crate::{Entry, File, Ledger, RelPath, RelPathBuf, Side};

/// Smallest file that is copied from content the other side holds, and that the ledger finds by its content. Below it, sending costs
/// less than asking.
pub const COPY_BYTES_MIN: u64 = 64 * 1024;
/// Smallest file of which only the differences are sent. Below it, both sides' chunking costs more than the bytes.
pub const DELTA_BYTES_MIN: u64 = 1024 * 1024;
/// How often a file is asked for its digest before that is a problem.
const READ_ATTEMPTS_MAX: u8 = 8;

/// Where an item may go, given its parent.
enum Parent {
    /// Both sides' views of it hold.
    Settled,
    /// It is being made on this side by this lane: what follows on the same lane finds it.
    Coming(Side, Lane),
    /// The item has to wait for this path.
    Unsettled(RelPathBuf),
}

impl<L: Ledger> Session<L> {
    /// Decides all that is ready, as far as the lanes have room.
    pub(super) fn decide_ready(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        while self.halted.is_none() && self.lanes.has_room() && !self.is_moving() {
            let Some(path) = self.ready.first().cloned() else { break };
            self.set_stage(&path, Stage::Waiting(u64::MAX));
            self.decide(&path, now_ms)?;
            if !self.leaving && self.items.get(&path).is_some_and(|item| item.stage == Stage::Waiting(u64::MAX)) {
                self.back_off(&path, now_ms);
            }
        }
        self.send_batches()
    }

    /// Decides one item. Whoever leaves the stage untouched gets it back after a while.
    fn decide(&mut self, path: &RelPath, now_ms: u64) -> Result<(), LedgerError> {
        if let Some(moved) = self.moved_above(path) {
            self.block(path, &moved);
            return Ok(());
        }
        let lane = match self.parent(path)? {
            Parent::Settled => None,
            Parent::Coming(side, lane) => Some((side, lane)),
            Parent::Unsettled(parent) => {
                self.block(path, &parent);
                return Ok(());
            }
        };
        if self.must_defer(path) {
            self.set_stage(path, Stage::Deferred);
            return Ok(());
        }
        let (host, guest) = (self.view(path, Side::Host)?, self.view(path, Side::Guest)?);
        let ancestor = self.agreed(path)?;
        let (host, guest) = self.fill_in_executable(host, guest, ancestor.as_ref());
        if let Some(below) = self.running_below(path, host.as_ref(), guest.as_ref()) {
            self.block(path, &below);
            return Ok(());
        }
        let survivors = self.survivors(path, host.as_ref(), guest.as_ref())?;
        let facts = Facts {
            ancestor: ancestor.as_ref(),
            host: host.as_ref(),
            guest: guest.as_ref(),
            survivors,
            mtime_step_ns: Side::BOTH.map(|side| self.capabilities(side).mtime_step_ns).into_iter().max().unwrap_or(1),
        };
        let decision = match self.items.get(path).and_then(|item| item.keep) {
            Some(keep) if !crate::reconcile::same(facts.host, facts.guest) => match keep {
                Keep::Host => Decision::Apply(Side::Guest, host.clone()),
                Keep::Guest => Decision::Apply(Side::Host, guest.clone()),
                Keep::Both if self.leaving => return Ok(()),
                Keep::Both => return self.keep_both(path, guest.as_ref()),
            },
            _ => self.reconcile(path, facts),
        };
        let parent = path.parent().unwrap_or(RelPath::ROOT);
        if self.leaving && matches!(decision, Decision::Apply(..) | Decision::Read) {
            return Ok(());
        }
        if lane.is_some() && !matches!(decision, Decision::Apply(..)) {
            self.block(path, parent);
            return Ok(());
        }
        match decision {
            Decision::Agree(Some(_)) | Decision::Hold(Some(_))
                if !self.agreed(parent)?.is_some_and(|e| e.is_directory()) =>
            {
                self.ask_about(parent);
                self.back_off(path, now_ms);
                Ok(())
            }
            Decision::Agree(entry) => self.agree(path, entry),
            Decision::Apply(to, entry) => self.apply(path, to, entry, [host, guest], lane, now_ms),
            Decision::Hold(agreed) => {
                if host.is_none() && agreed == Some(Entry::Directory) {
                    self.unfold(path, Side::Host, self.sides[Side::Host as usize].pulled(), false)?;
                }
                self.stay(path, Some(agreed), [host, guest], Hold::OneSided, now_ms)
            }
            Decision::Conflict => self.stay(path, None, [host, guest], Hold::Conflict, now_ms),
            Decision::Read => self.read(path, [host, guest], now_ms),
        }
    }

    /// What both sides held last is the ancestor, whatever the ledger says until then.
    fn reconcile(&self, path: &RelPath, facts: Facts<'_>) -> Decision {
        let told = |side: Side| self.items.get(path).and_then(|item| item.told[side as usize].as_ref());
        let may_be_intended =
            |side: Side| told(side).is_some_and(|told| self.may_be_intended(side, path, told.entry.as_ref()));
        if Side::BOTH.into_iter().any(may_be_intended) {
            return Decision::Read;
        }
        let common = self.items.get(path).and_then(|item| item.common.as_ref());
        let ancestor = common.map_or(facts.ancestor, Option::as_ref);
        reconcile(Facts { ancestor, ..facts }, self.settings.mode)
    }

    fn parent(&self, path: &RelPath) -> Result<Parent, LedgerError> {
        let Some(parent) = path.parent().filter(|parent| !parent.is_root()) else { return Ok(Parent::Settled) };
        let Some(item) = self.items.get(parent) else { return Ok(Parent::Settled) };
        Ok(match item.stage {
            Stage::Settled(_) | Stage::New => Parent::Settled,
            Stage::Running(side, lane)
                if item.makes_directory && self.view(parent, side.other())?.is_some_and(|e| e.is_directory()) =>
            {
                Parent::Coming(side, lane)
            }
            _ => Parent::Unsettled(parent.to_owned()),
        })
    }

    /// A side that has not told of a path may only not have come to it yet.
    fn must_defer(&self, path: &RelPath) -> bool {
        Side::BOTH.into_iter().any(|side| {
            let told = self.items.get(path).is_some_and(|item| item.told[side as usize].is_some());
            !told && !self.sides[side as usize].caught_up()
        })
    }

    /// A side that can't hold the executable bit says what the other one, or the ancestor, says.
    fn fill_in_executable(
        &self,
        mut host: Option<Entry>,
        mut guest: Option<Entry>,
        ancestor: Option<&Entry>,
    ) -> (Option<Entry>, Option<Entry>) {
        for side in Side::BOTH {
            if self.capabilities(side).executable {
                continue;
            }
            let (mine, other) = if side == Side::Host { (&mut host, &guest) } else { (&mut guest, &host) };
            let from = other.as_ref().or(ancestor).and_then(Entry::as_file).map(|f| f.executable);
            if let (Some(Entry::File(file)), Some(executable)) = (mine, from) {
                file.executable = executable;
            }
        }
        (host, guest)
    }

    /// A directory that is to give way waits for what is being carried out below it.
    fn running_below(&self, path: &RelPath, host: Option<&Entry>, guest: Option<&Entry>) -> Option<RelPathBuf> {
        let directory = |entry: Option<&Entry>| entry.is_some_and(Entry::is_directory);
        if directory(host) == directory(guest) {
            return None;
        }
        let mut below = self.items_below(path).filter(|(at, item)| ***at != *path && item.running());
        below.next().map(|(at, _)| at.clone())
    }

    fn survivors(&self, path: &RelPath, host: Option<&Entry>, guest: Option<&Entry>) -> Result<[bool; 2], LedgerError> {
        let directory = |entry: Option<&Entry>| entry.is_some_and(Entry::is_directory);
        Ok(match (directory(host), directory(guest)) {
            (true, false) => [self.survives_below(path, Side::Host)?, false],
            (false, true) => [false, self.survives_below(path, Side::Guest)?],
            _ => [false, false],
        })
    }

    /// Makes `to` hold `entry`.
    fn apply(
        &mut self,
        path: &RelPath,
        to: Side,
        entry: Option<Entry>,
        views: [Option<Entry>; 2],
        lane: Option<(Side, Lane)>,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        if !self.may_cross(path, to, entry.as_ref().or(views[to as usize].as_ref())) {
            return self.stay(path, None, views, Hold::OneSided, now_ms);
        }
        if lane.is_some_and(|(side, _)| side != to) {
            let parent = path.parent().unwrap_or(RelPath::ROOT).to_owned();
            self.block(path, &parent);
            return Ok(());
        }
        let parent = path.parent().unwrap_or(RelPath::ROOT);
        if lane.is_none() && entry.is_some() && !self.view(parent, to)?.is_some_and(|e| e.is_directory()) {
            return self.without_parent(path, parent, views, now_ms);
        }
        if entry.as_ref().is_some_and(Entry::is_directory)
            && !views[to as usize].as_ref().is_some_and(Entry::is_directory)
            && self.agreed(path)?.is_some_and(|e| e.is_directory())
        {
            // The directory was removed or replaced here and comes back: what it held stays removed unless the other side changed it.
            // Where it was this session that removed it, what it held went from both sides.
            let item = self.items.get(path);
            let removed = item.is_some_and(|item| {
                item.common == Some(None) && item.told[to as usize].as_ref().is_some_and(|told| told.entry.is_none())
            });
            self.unfold(path, to, self.sides[to as usize].pulled(), removed)?;
        }
        let expect = views[to as usize].clone();
        if self.rename_instead(path, to, entry.as_ref(), expect.as_ref())? {
            return Ok(());
        }
        let directory = |entry: Option<&Entry>| entry.is_some_and(Entry::is_directory);
        let removes = entry.as_ref().is_none_or(|entry| *entry == Entry::Untracked);
        if removes || (directory(expect.as_ref()) && !directory(entry.as_ref())) {
            if directory(expect.as_ref()) && self.is_relisting(to, path) {
                self.back_off(path, now_ms);
                return Ok(());
            }
            if !self.deletion_allowed(path, to, now_ms)? {
                return Ok(());
            }
        } else {
            self.set_counted(path, false);
        }
        if let Some(item) = self.items.get_mut(path) {
            item.joins = !crate::reconcile::same(entry.as_ref(), views[to.other() as usize].as_ref());
            item.makes_directory = entry.as_ref().is_some_and(Entry::is_directory);
        }
        let operation = self.operation(path, to, entry, expect.as_ref())?;
        self.enqueue(Action { path: path.to_owned(), expect, operation }, to, lane.map(|(_, lane)| lane))
    }

    pub(super) fn may_cross(&self, path: &RelPath, to: Side, entry: Option<&Entry>) -> bool {
        let is_directory = entry.is_some_and(Entry::is_directory);
        match to {
            Side::Guest => self.settings.rules.uploads(path, is_directory),
            Side::Host => self.settings.rules.downloads(path, is_directory),
        }
    }

    /// The directory that should hold the path isn't one on the side that should change.
    fn without_parent(
        &mut self,
        path: &RelPath,
        parent: &RelPath,
        views: [Option<Entry>; 2],
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        if self.is_diverged(parent)? {
            // It comes back when the directory does.
            return self.stay(path, None, views, Hold::OneSided, now_ms);
        }
        self.ask_about(parent);
        self.back_off(path, now_ms);
        Ok(())
    }

    /// Nobody has told of a directory that must be there.
    fn ask_about(&mut self, path: &RelPath) {
        for side in Side::BOTH {
            self.outputs.push_back(Output::Recheck { side, path: path.to_owned() });
        }
    }

    fn operation(
        &mut self,
        path: &RelPath,
        to: Side,
        entry: Option<Entry>,
        expect: Option<&Entry>,
    ) -> Result<Operation, LedgerError> {
        Ok(match entry {
            None | Some(Entry::Untracked) => Operation::Remove,
            Some(Entry::Directory) => Operation::Directory,
            Some(Entry::Symlink(target)) => Operation::Symlink(target),
            Some(Entry::File(file)) => {
                let before = expect.and_then(Entry::as_file);
                if file.digest.is_some() && before.is_some_and(|b| b.digest == file.digest) {
                    return Ok(Operation::Attributes(file));
                }
                let source = self.source(path, to, &file, before)?;
                Operation::File { file, source }
            }
        })
    }

    fn source(&self, path: &RelPath, to: Side, file: &File, before: Option<&File>) -> Result<Source, LedgerError> {
        let no_copy = self.items.get(path).is_some_and(|item| item.no_copy);
        if let (Some(digest), false, true) = (file.digest, no_copy, file.size >= COPY_BYTES_MIN)
            && let Some(from) = self.ledger.find_content(&digest)?
            && self.view(&from, to)?.as_ref().and_then(Entry::as_file).is_some_and(|f| f.digest == file.digest)
        {
            return Ok(Source::Copy { from });
        }
        let delta = file.size >= DELTA_BYTES_MIN && before.is_some_and(|b| b.size >= DELTA_BYTES_MIN);
        Ok(Source::Transfer { delta })
    }

    /// A file that was renamed on one side is renamed on the other, if it is still the same file there.
    fn rename_instead(
        &mut self,
        path: &RelPath,
        to: Side,
        entry: Option<&Entry>,
        expect: Option<&Entry>,
    ) -> Result<bool, LedgerError> {
        let Some(item) = self.items.get(path) else { return Ok(false) };
        // Of the two items, the one that vanished comes first as often as not: it hands over to the other, unless that waits for it as
        // what was renamed there and back does.
        if let (None, Some(target)) = (entry, item.renamed_to.clone()) {
            let waits = self.items.get(&target).is_some_and(|t| {
                t.renamed_from.as_deref() == Some(path)
                    && t.renamed_to.as_deref() != Some(path)
                    && matches!(t.stage, Stage::Ready | Stage::Blocked | Stage::Deferred)
            });
            if waits {
                self.block(path, &target);
            }
            return Ok(waits);
        }
        let (Some(Entry::File(file)), None, Some(from)) = (entry, expect, item.renamed_from.clone()) else {
            return Ok(false);
        };
        let source_free = self.items.get(&from).is_some_and(|source| !source.running());
        let there = self.view(&from, to)?;
        let same =
            there.as_ref().and_then(Entry::as_file).is_some_and(|f| f.digest.is_some() && f.digest == file.digest);
        if !source_free || !same || self.view(&from, to.other())?.is_some() {
            return Ok(false);
        }
        let operation = Operation::Rename { to: path.to_owned() };
        self.set_counted(&from, true);
        self.enqueue_rename(Action { path: from, expect: there, operation }, path, to)?;
        Ok(true)
    }

    /// Keeps both versions: the guest's gets a name of its own.
    fn keep_both(&mut self, path: &RelPath, guest: Option<&Entry>) -> Result<(), LedgerError> {
        let Some(guest) = guest else {
            return self.settle_keep(path);
        };
        let mut number = 0;
        let aside = loop {
            let Some(candidate) = aside_name(path, number) else { return self.settle_keep(path) };
            let free = Side::BOTH.into_iter().map(|side| self.view(&candidate, side)).collect::<Result<Vec<_>, _>>()?;
            if free.iter().all(Option::is_none) {
                break candidate;
            }
            number += 1;
        };
        let action = Action {
            path: path.to_owned(),
            expect: Some(guest.clone()),
            operation: Operation::Rename { to: aside.clone() },
        };
        self.items.item(&aside);
        self.enqueue_rename(action, &aside, Side::Guest)
    }

    /// There is nothing to keep twice: the host's version is what is left.
    fn settle_keep(&mut self, path: &RelPath) -> Result<(), LedgerError> {
        if let Some(item) = self.items.get_mut(path) {
            item.keep = Some(Keep::Host);
        }
        self.set_stage(path, Stage::Ready);
        Ok(())
    }

    fn read(&mut self, path: &RelPath, views: [Option<Entry>; 2], now_ms: u64) -> Result<(), LedgerError> {
        let unread =
            |entry: &Option<Entry>| entry.as_ref().and_then(Entry::as_file).is_some_and(|f| f.digest.is_none());
        let attempts = self.items.get(path).map_or(0, |item| item.attempts);
        if attempts >= READ_ATTEMPTS_MAX {
            let side = if unread(&views[0]) { Side::Host } else { Side::Guest };
            let problem = Problem { side, kind: ProblemKind::Io, detail: "its content can't be read".into() };
            return self.stay(path, None, views, Hold::Problem(problem), now_ms);
        }
        for side in Side::BOTH {
            if unread(&views[side as usize]) {
                self.outputs.push_back(Output::Read { side, paths: vec![path.to_owned()] });
            }
        }
        self.back_off(path, now_ms);
        Ok(())
    }

    /// Leaves both sides as they are, and notes why.
    pub(super) fn stay(
        &mut self,
        path: &RelPath,
        agreed: Option<Option<Entry>>,
        [host, guest]: [Option<Entry>; 2],
        hold: Hold,
        now_ms: u64,
    ) -> Result<(), LedgerError> {
        let since_ms = match self.diverged(path)? {
            Some(before) if std::mem::discriminant(&before.hold) == std::mem::discriminant(&hold) => before.since_ms,
            _ => now_ms,
        };
        if matches!(hold, Hold::Problem(_)) {
            self.retry.begin(now_ms);
        }
        let agreed = match agreed {
            Some(agreed) => Some(agreed),
            None => self.held_by_both(path)?,
        };
        let directory = |entry: &Option<Entry>| entry.as_ref().is_some_and(Entry::is_directory);
        if let Some(agreed) = &agreed
            && directory(agreed) != directory(&self.agreed(path)?)
        {
            self.revive_below(path)?;
        }
        self.settle_item(path, agreed, Some(Diverged { host, guest, hold, since_ms }))
    }

    /// What both sides held last, no directory, where the ledger doesn't know that yet and can take it: whatever is in the way of what
    /// came after it, that isn't forgotten.
    fn held_by_both(&self, path: &RelPath) -> Result<Option<Option<Entry>>, LedgerError> {
        let Some(common) = self.items.get(path).and_then(|item| item.common.clone()) else { return Ok(None) };
        let is_known = match &common {
            Some(Entry::File(file)) => file.digest.is_some(),
            Some(Entry::Symlink(_) | Entry::Directory) => true,
            Some(Entry::Untracked) => false,
            None => return Ok(Some(None)),
        };
        let parent = self.agreed(path.parent().unwrap_or(RelPath::ROOT))?;
        let fits = is_known && parent.is_some_and(|parent| parent.is_directory());
        Ok(fits.then_some(common))
    }
}

/// A free-standing name for the guest's version: `notes.guest.md`, then `notes.guest-2.md`. `None` when the name would be too long.
fn aside_name(path: &RelPath, number: u32) -> Option<RelPathBuf> {
    let (parent, name) = path.split_last()?;
    let name = name.as_bytes();
    let dot = name.iter().rposition(|b| *b == b'.').filter(|at| *at > 0).unwrap_or(name.len());
    let mark = if number == 0 { ".guest".to_owned() } else { format!(".guest-{}", number + 1) };
    let bytes = [&name[..dot], mark.as_bytes(), &name[dot..]].concat();
    Some(parent.join(crate::Name::new(&bytes).ok()?))
}
