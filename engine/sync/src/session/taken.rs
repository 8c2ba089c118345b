//! What this session has just taken away from each side, told by its content.
//!
//! A file that both users rename alike, and one of them back before anybody has told of it, stands at one path here and at another
//! there, and each side tells that its own is the only one. Either removal is right by itself; both together leave the content in the recycle
//! bins alone. So where a side tells that content is gone which was taken from that same side a moment ago, it may be what was
//! taken: it is given back instead of being removed from the other side as well. (Told in the other order, both removals are carried out.)

use std::collections::BTreeSet;

use crate::reconcile::{Decision, Mode};
use crate::session::Session;
use crate::{Digest, Entry, Ledger, Operation, RelPath, RelPathBuf, Side};

/// For how long at least a side may tell of what it was before.
const RECENT_MS: u64 = 1_000;
/// What is remembered of that time at most.
const RECENT_MAX: usize = 4_096;

/// What was noted within [`RECENT_MS`], and up to twice that.
#[derive(Debug)]
struct Recent<T> {
    begun_ms: u64,
    now: BTreeSet<T>,
    before: BTreeSet<T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { begun_ms: 0, now: BTreeSet::new(), before: BTreeSet::new() }
    }
}

impl<T: Ord> Recent<T> {
    fn note(&mut self, what: T, now_ms: u64) {
        let age_ms = now_ms.saturating_sub(self.begun_ms);
        if age_ms >= RECENT_MS {
            let ended = std::mem::take(&mut self.now);
            self.before = if age_ms < 2 * RECENT_MS { ended } else { BTreeSet::new() };
            self.begun_ms = now_ms;
        }
        if self.now.len() < RECENT_MAX {
            self.now.insert(what);
        }
    }

    fn forget<Q: Ord + ?Sized>(&mut self, what: &Q)
    where
        T: std::borrow::Borrow<Q>,
    {
        self.now.remove(what);
        self.before.remove(what);
    }

    fn holds<Q: Ord + ?Sized>(&self, what: &Q, now_ms: u64) -> bool
    where
        T: std::borrow::Borrow<Q>,
    {
        let age_ms = now_ms.saturating_sub(self.begun_ms);
        (age_ms < 2 * RECENT_MS && self.now.contains(what)) || (age_ms < RECENT_MS && self.before.contains(what))
    }
}

/// Of one side.
#[derive(Debug, Default)]
pub(super) struct Taken {
    contents: Recent<Digest>,
    /// Where this session has put something: that it goes again is its user's doing.
    given: Recent<RelPathBuf>,
}

/// What tells a file from others: nothing does for an empty one.
fn content(entry: &Entry) -> Option<Digest> {
    entry.as_file().filter(|file| file.size > 0)?.digest
}

impl Taken {
    /// The side's user has put something at a path.
    pub fn note_own(&mut self, path: &RelPath) {
        self.given.forget(path);
    }
}

impl<L: Ledger> Session<L> {
    /// Notes what an action takes from its side, and where it gives something.
    pub(super) fn note_taken(
        &mut self,
        to: Side,
        path: &RelPath,
        expect: Option<&Entry>,
        operation: &Operation,
        now_ms: u64,
    ) {
        let side = &mut self.taken[to as usize];
        match operation {
            Operation::Attributes(_) | Operation::Rename { .. } => return,
            Operation::File { .. } => side.given.note(path.to_owned(), now_ms),
            Operation::Directory | Operation::Symlink(_) | Operation::Remove => {}
        }
        if let Some(digest) = expect.and_then(content) {
            side.contents.note(digest, now_ms);
        }
    }

    /// Gives back what one side tells to be gone, where it may be what was just taken from it.
    pub(super) fn or_give_back(
        &self,
        path: &RelPath,
        decision: Decision,
        views: [Option<&Entry>; 2],
        now_ms: u64,
    ) -> Decision {
        let Decision::Apply(to, None) = &decision else { return decision };
        let taken = &self.taken[to.other() as usize];
        let is_taken = |left: &Entry| content(left).is_some_and(|digest| taken.contents.holds(&digest, now_ms));
        let is_two_way = matches!(self.settings.mode, Mode::TwoWaySafe | Mode::TwoWayResolved);
        match views[*to as usize].filter(|left| is_two_way && is_taken(left)) {
            Some(left) if !taken.given.holds(path, now_ms) => Decision::Apply(to.other(), Some(left.clone())),
            _ => decision,
        }
    }
}
