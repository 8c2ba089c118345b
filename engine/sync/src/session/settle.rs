//! Settling: what is decided goes into the ledger, once both sides hold it durably.

use crate::change::Seq;
use crate::ledger::{Diverged, Ledger, LedgerError, Update};
use crate::session::items::{Item, Stage};
use crate::session::{Output, Session};
use crate::{Entry, RelPath, RelPathBuf, Side};

/// How long updates gather before both sides are asked to sync: long enough to share a sync among a burst, short enough that little is
/// compared anew after a crash.
const GATHER_MS: u64 = 100;
/// The same while much is being carried across: each sync holds up whoever writes.
const GATHER_BUSY_MS: u64 = 1_000;
/// Updates at which gathering ends.
const GATHER_MAX: usize = 8_192;

#[derive(Debug)]
struct Syncing {
    token: u64,
    /// How many of the gathered updates this sync covers.
    covers: usize,
    done: [bool; 2],
}

/// Something that waits until both sides hold it durably.
#[derive(Debug)]
enum Gathered {
    /// The ledger is to be told.
    Write(Update),
    /// The ledger says so already, but a side may hold it in memory only: until it is durable, what was told of the path before must
    /// not be counted as absorbed, since after a power cut nobody would tell it again.
    Known(RelPathBuf),
}

impl Gathered {
    fn path(&self) -> Option<&RelPathBuf> {
        match self {
            Self::Write(Update::Agree(path, _) | Update::Diverge(path, _)) | Self::Known(path) => Some(path),
            Self::Write(Update::Move(_)) => None,
        }
    }
}

/// Updates on their way into the ledger.
#[derive(Debug, Default)]
pub(super) struct Settling {
    /// Items that are neither new nor settled.
    pub unsettled: usize,
    updates: Vec<Gathered>,
    /// Number of the first of `updates`.
    first: u64,
    gather_until_ms: Option<u64>,
    /// The ledger knows all that was found when the session began: until then somebody waits for the share to be ready.
    knows_beginning: bool,
    syncing: Option<Syncing>,
    committed: [Seq; 2],
}

impl Settling {
    pub fn is_empty(&self) -> bool {
        self.updates.is_empty() && self.syncing.is_none()
    }

    /// Number of the first update that the ledger doesn't have.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Number of the update that comes next.
    pub fn next(&self) -> u64 {
        self.first + self.updates.len() as u64
    }

    pub fn due_ms(&self) -> Option<u64> {
        if self.syncing.is_some() { None } else { self.gather_until_ms }
    }

    /// Whether no path is diverged, neither in the ledger nor on its way there.
    pub fn nothing_diverges<L: Ledger>(&self, ledger: &L) -> Result<bool, LedgerError> {
        let holds = ledger.holds()?;
        Ok(holds.conflicts + holds.problems + holds.one_sided == 0)
    }
}

impl<L: Ledger> Session<L> {
    pub(super) fn push_update(&mut self, update: Update) -> u64 {
        self.gather(Gathered::Write(update))
    }

    fn gather(&mut self, gathered: Gathered) -> u64 {
        self.settling.updates.push(gathered);
        self.settling.next() - 1
    }

    /// Both sides hold the same.
    pub(super) fn agree(&mut self, path: &RelPath, entry: Option<Entry>) -> Result<(), LedgerError> {
        let entry = entry.filter(|entry| *entry != Entry::Untracked);
        let is_directory = entry.as_ref().is_some_and(Entry::is_directory);
        let was_directory = self.agreed(path)?.is_some_and(|e| e.is_directory());
        let was_diverged = self.is_diverged(path)? || self.items.get(path).is_some_and(|item| item.diverges.is_some());
        if is_directory != was_directory || was_diverged {
            self.revive_below(path)?;
        }
        self.settle_item(path, Some(entry), None)
    }

    /// What is diverged below a path is decided on anew.
    pub(super) fn revive_below(&mut self, path: &RelPath) -> Result<(), LedgerError> {
        let on_their_way = self
            .items_below(path)
            .filter(|(at, item)| ***at != *path && item.diverges.is_some_and(|(listed, _)| listed));
        for below in on_their_way.map(|(at, _)| at.clone()).collect::<Vec<_>>() {
            self.make_ready(&below);
        }
        for (below, diverged) in self.all_diverged_below(path)? {
            if *below != *path {
                self.revive(&below, &diverged, None);
            }
        }
        Ok(())
    }

    /// The item's work is over: what the ledger should say of it.
    pub(super) fn settle_item(
        &mut self,
        path: &RelPath,
        agreed: Option<Option<Entry>>,
        diverged: Option<Diverged>,
    ) -> Result<(), LedgerError> {
        let mut last = None;
        let is_agreed = agreed.is_some();
        if let Some(agreed) = agreed
            && self.agreed(path)? != agreed
        {
            let number = self.push_update(Update::Agree(path.to_owned(), agreed.clone()));
            if let Some(item) = self.items.get_mut(path) {
                if !agreed.as_ref().is_some_and(Entry::is_directory) {
                    item.wiped = Some(number);
                }
                item.agreed = Some((agreed, number));
            }
            last = Some(number);
        }
        let listed = self.diverged(path)?;
        let on_its_way = self.items.get(path).is_some_and(|item| item.diverges.is_some());
        if listed != diverged || on_its_way {
            let listed = diverged.is_some();
            let number = self.push_update(Update::Diverge(path.to_owned(), diverged));
            if let Some(item) = self.items.get_mut(path) {
                item.diverges = Some((listed, number));
            }
            last = Some(number);
        }
        if last.is_none() && self.items.get(path).is_some_and(Item::has_been_at_work) {
            last = Some(self.gather(Gathered::Known(path.to_owned())));
        }
        let pending = self.items.get(path).and_then(Item::last_update);
        match last.or(pending) {
            Some(number) => {
                self.set_stage(path, Stage::Settled(number));
                if let Some(item) = self.items.get_mut(path) {
                    item.attempts = 0;
                    item.keep = None;
                    if is_agreed {
                        item.common = None;
                    }
                }
                self.unblock(path);
            }
            None => self.drop_item(path),
        }
        Ok(())
    }

    /// Gathers, syncs, commits.
    pub(super) fn settle(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        if self.settling.syncing.is_some() {
            return Ok(());
        }
        if self.settling.updates.is_empty() {
            self.settling.knows_beginning |= self.status.prepared;
            return self.note_absorbed(now_ms);
        }
        let gather_ms = if self.lanes.is_busy() { GATHER_BUSY_MS } else { GATHER_MS };
        let due_ms = *self.settling.gather_until_ms.get_or_insert(now_ms + gather_ms);
        let is_beginning = !self.settling.knows_beginning && self.is_whole();
        let hurried = self.leaving || !self.flushes.is_empty() || self.directory_move.is_some() || is_beginning;
        if now_ms >= due_ms || self.settling.updates.len() >= GATHER_MAX || (hurried && self.lanes.idle()) {
            let token = self.token();
            let covers = self.settling.updates.len();
            self.settling.syncing = Some(Syncing { token, covers, done: [false; 2] });
            self.settling.gather_until_ms = None;
            for side in Side::BOTH {
                self.outputs.push_back(Output::Sync { side, token });
            }
        }
        Ok(())
    }

    fn absorb(&mut self) -> [Seq; 2] {
        Side::BOTH.map(|side| {
            let held_up = self.directory_move.as_ref().and_then(|moving| moving.holds_up(side));
            self.sides[side as usize].absorb(self.lanes.oldest_running(side), held_up)
        })
    }

    /// Nothing has to become durable: the ledger only notes how far it has come.
    fn note_absorbed(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        let absorbed = self.absorb();
        if absorbed == self.settling.committed {
            self.settling.gather_until_ms = None;
            return Ok(());
        }
        let due_ms = *self.settling.gather_until_ms.get_or_insert(now_ms + GATHER_MS);
        if now_ms >= due_ms {
            self.settling.gather_until_ms = None;
            self.commit(0)?;
        }
        Ok(())
    }

    /// A side holds durably all that it told and did before it was asked.
    pub fn handle_synced(&mut self, side: Side, token: u64, now_ms: u64) -> Result<(), LedgerError> {
        if let Some(syncing) = self.settling.syncing.as_mut().filter(|syncing| syncing.token == token) {
            syncing.done[side as usize] = true;
            if syncing.done == [true; 2] {
                let covers = syncing.covers;
                self.settling.syncing = None;
                self.commit(covers)?;
            }
        }
        self.advance(now_ms)
    }

    fn commit(&mut self, covers: usize) -> Result<(), LedgerError> {
        let rest = self.settling.updates.split_off(covers);
        let gathered = std::mem::replace(&mut self.settling.updates, rest);
        self.settling.first += covers as u64;
        let before = self.settling.first;
        let paths: Vec<RelPathBuf> = gathered.iter().filter_map(Gathered::path).cloned().collect();
        let updates: Vec<Update> = gathered
            .into_iter()
            .filter_map(|gathered| match gathered {
                Gathered::Write(update) => Some(update),
                Gathered::Known(_) => None,
            })
            .collect();
        // The items go after the commit, but what they hold of the feed is absorbed by it.
        let gone: Vec<&RelPathBuf> = paths.iter().filter(|path| self.release_committed(path, before)).collect();
        let absorbed = self.absorb();
        self.ledger.commit(&updates, absorbed[0], absorbed[1])?;
        self.commits += 1;
        for path in gone {
            self.drop_item(path);
        }
        for side in Side::BOTH {
            if absorbed[side as usize] != self.settling.committed[side as usize] {
                self.outputs.push_back(Output::Acknowledge { side, seq: absorbed[side as usize] });
            }
        }
        self.settling.committed = absorbed;
        self.finish_move_commit(&updates);
        self.let_go_of_intents()
    }

    /// Lets go of an item's windows if all that it waits for is being committed. `true`: the item can go.
    fn release_committed(&mut self, path: &RelPath, before: u64) -> bool {
        let Some(item) = self.items.get_mut(path) else { return false };
        if item.agreed.as_ref().is_some_and(|(_, number)| *number < before) {
            item.agreed = None;
        }
        item.diverges = item.diverges.filter(|(_, number)| *number >= before);
        item.wiped = item.wiped.filter(|number| *number >= before);
        let done = matches!(item.stage, Stage::Settled(number) if number < before);
        if done {
            for (side, window) in Side::BOTH.into_iter().zip(std::mem::take(&mut item.windows)) {
                if let Some(number) = window {
                    self.sides[side as usize].release(number);
                }
            }
        }
        done
    }
}
