//! Items: what is known of a path that is at work, and where it stands in that work.

use std::cell::RefCell;

use crate::change::Seq;
use crate::plan::Lane;
use crate::session::{Keep, Session};
use crate::{Entry, Ledger, RelPath, RelPathBuf, Side};

/// What a side said, and by which of its changes it knew it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub entry: Option<Entry>,
    pub as_of: Seq,
}

impl Told {
    /// Nothing stands there.
    pub fn gone(as_of: Seq) -> Self {
        Self { entry: None, as_of }
    }
}

/// A path at work.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// What each side said during this item's life; `None`: it is as the ledger has it.
    pub told: [Option<Told>; 2],
    /// What both sides held last during this item's life, whatever the ledger says: a batch put it there, or both told of it.
    pub common: Option<Option<Entry>>,
    /// What the ledger says, as of its commit with this number.
    pub in_ledger: RefCell<Option<(u64, Option<Entry>)>>,
    /// What was agreed but isn't in the ledger yet, with the number of that update.
    pub agreed: Option<(Option<Entry>, u64)>,
    /// Number of an update on its way by which nothing is agreed below, whatever the ledger says until then.
    pub wiped: Option<u64>,
    pub stage: Stage,
    /// The window of each side that can't be absorbed while this item lives.
    pub windows: [Option<u64>; 2],
    /// A batch has changed what stands here.
    pub carried_out: bool,
    /// How often it was tried in vain.
    pub attempts: u8,
    /// The file that stands here stood there before (on the side that told so).
    pub renamed_from: Option<RelPathBuf>,
    /// The file that stood here stands there now.
    pub renamed_to: Option<RelPathBuf>,
    /// What is being carried out here joins the changes of both sides: neither held it.
    pub joins: bool,
    /// What is being carried out makes it a directory.
    pub makes_directory: bool,
    /// Copying from content that the other side holds has failed.
    pub no_copy: bool,
    /// An update on its way to the ledger lists the path as diverged, or no longer; with its number.
    pub diverges: Option<(bool, u64)>,
    /// Its removal has been counted by the guard, or needn't be.
    pub counted: bool,
    /// How a person settles the conflict here.
    pub keep: Option<Keep>,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// In none of the session's lists: new, or about to be decided.
    #[default]
    New,
    /// To be decided.
    Ready,
    /// Until a time, in milliseconds.
    Waiting(u64),
    /// Until both sides have been crawled.
    Deferred,
    /// Until another path has been dealt with.
    Blocked,
    /// In a batch for this side, on this lane.
    Running(Side, Lane),
    /// Nothing to do any more; the ledger takes account of it with this update.
    Settled(u64),
}

impl Item {
    /// Takes what a side holds for what is known. `common`: both sides held it.
    pub fn learn(&mut self, side: Side, news: Told, common: bool) {
        let same = |other: &Told| crate::reconcile::same(other.entry.as_ref(), news.entry.as_ref());
        // While something is being carried out, it changes what the other side told. Absence may only not have been told yet.
        let agrees =
            news.entry.is_some() && !self.running() && self.told[side.other() as usize].as_ref().is_some_and(same);
        if common || agrees {
            self.common = Some(news.entry.clone());
        }
        self.told[side as usize] = Some(news);
    }

    pub fn settled(&self) -> bool {
        matches!(self.stage, Stage::Settled(_))
    }

    /// The last update on its way to the ledger that is about this path.
    pub fn last_update(&self) -> Option<u64> {
        let agreed = self.agreed.as_ref().map(|(_, number)| *number);
        let diverges = self.diverges.map(|(_, number)| number);
        agreed.max(diverges).max(self.wiped)
    }

    /// Whether a side has told of it in this session, or something was carried out here.
    pub fn has_been_at_work(&self) -> bool {
        self.carried_out || self.windows.iter().any(Option::is_some)
    }

    pub fn running(&self) -> bool {
        matches!(self.stage, Stage::Running(..))
    }
}

impl<L: Ledger> Session<L> {
    /// Changes an item's stage, and keeps the session's lists and counts right.
    pub(super) fn set_stage(&mut self, path: &RelPath, stage: Stage) {
        let Some(item) = self.items.get_mut(path) else { return };
        let before = std::mem::replace(&mut item.stage, stage);
        let was_open = !matches!(before, Stage::Settled(_) | Stage::New);
        let is_open = !matches!(stage, Stage::Settled(_) | Stage::New);
        let windows = item.windows;
        match before {
            Stage::Ready => drop(self.ready.remove(path)),
            Stage::Waiting(due_ms) => drop(self.waiting.remove(&(due_ms, path.to_owned()))),
            Stage::Deferred => drop(self.deferred.remove(path)),
            Stage::New | Stage::Blocked | Stage::Running(..) | Stage::Settled(_) => {}
        }
        match stage {
            Stage::Ready => drop(self.ready.insert(path.to_owned())),
            Stage::Waiting(due_ms) => drop(self.waiting.insert((due_ms, path.to_owned()))),
            Stage::Deferred => drop(self.deferred.insert(path.to_owned())),
            Stage::New | Stage::Blocked | Stage::Running(..) | Stage::Settled(_) => {}
        }
        if was_open != is_open {
            self.count_unsettled(windows, is_open);
        }
    }

    fn count_unsettled(&mut self, windows: [Option<u64>; 2], open: bool) {
        self.settling.unsettled =
            if open { self.settling.unsettled + 1 } else { self.settling.unsettled.saturating_sub(1) };
        for side in Side::BOTH {
            if let Some(number) = windows[side as usize] {
                self.sides[side as usize].count_unsettled(number, open);
            }
        }
    }

    /// Lets an item be decided, unless it is being carried out: then its outcome will do so.
    pub(super) fn make_ready(&mut self, path: &RelPath) {
        match self.items.get(path).map(|item| item.stage) {
            None | Some(Stage::Running(..) | Stage::Ready) => {}
            Some(_) => self.set_stage(path, Stage::Ready),
        }
    }

    /// Looks at an item again later, longer each time.
    pub(super) fn back_off(&mut self, path: &RelPath, now_ms: u64) {
        const BACK_OFF_MS: u64 = 20;
        const BACK_OFF_MS_MAX: u64 = 5_000;
        let Some(item) = self.items.get_mut(path) else { return };
        item.attempts = item.attempts.saturating_add(1);
        let delay_ms = (BACK_OFF_MS << item.attempts.min(10)).min(BACK_OFF_MS_MAX);
        self.set_stage(path, Stage::Waiting(now_ms + delay_ms));
    }

    /// Lets an item wait until `on` has been dealt with.
    pub(super) fn block(&mut self, path: &RelPath, on: &RelPath) {
        self.blocked.entry(on.to_owned()).or_default().push(path.to_owned());
        self.set_stage(path, Stage::Blocked);
    }

    /// What waited for `path` is looked at again.
    pub(super) fn unblock(&mut self, path: &RelPath) {
        for waiter in self.blocked.remove(path).unwrap_or_default() {
            if self.items.get(&waiter).is_some_and(|item| item.stage == Stage::Blocked) {
                self.make_ready(&waiter);
            }
        }
    }

    /// An item's work is over, and the ledger knows.
    pub(super) fn drop_item(&mut self, path: &RelPath) {
        self.set_stage(path, Stage::New);
        let Some(item) = self.items.remove(path) else { return };
        for side in Side::BOTH {
            if let Some(number) = item.windows[side as usize] {
                self.sides[side as usize].release(number);
            }
        }
        self.unblock(path);
    }

    /// The items below a directory go along with it.
    pub(super) fn rebase_items(&mut self, from: &RelPath, to: &RelPath) {
        for path in self.paths_below(from) {
            self.set_stage(&path, Stage::New);
            let Some(target) = path.rebase(from, to) else { continue };
            if let Some(item) = self.items.remove(&path) {
                item.in_ledger.take();
                self.items.insert(target.clone(), item);
                self.set_stage(&target, Stage::Ready);
            }
            self.unblock(&path);
        }
    }

    /// The items at and below a path.
    pub(super) fn items_below<'a>(&'a self, path: &'a RelPath) -> impl Iterator<Item = (&'a RelPathBuf, &'a Item)> {
        self.items.below(path)
    }

    pub(super) fn paths_below(&self, path: &RelPath) -> Vec<RelPathBuf> {
        self.items_below(path).filter(|(at, _)| ***at != *path).map(|(at, _)| at.clone()).collect()
    }

    pub(super) fn unsettled(&self) -> usize {
        self.settling.unsettled
    }
}
