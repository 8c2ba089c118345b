//! What waits to be looked at: dirty paths, each once, paths to look at again at a time, and barriers.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use causeway_sync::{RelPath, RelPathBuf};

use crate::renames::TOLD_MAX;
use crate::settings::{Dirty, Later, Look};
use crate::watch::Hint;

/// Dirty paths that wait, at most, at some 150 bytes each. Where there are more, the whole share is looked at instead.
pub(super) const DIRTY_MAX: usize = 100_000;

/// How long nothing is made of it that files are being written, in milliseconds: an editor closes at once, and a look before that
/// would be in the way of the one that counts.
const WRITING_MS: u64 = 20;

/// Number of a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BarrierId(pub u64);

/// What waits to be looked at.
#[derive(Debug, Default)]
pub(super) struct Queue {
    dirty: Vec<Dirty>,
    at: HashMap<RelPathBuf, usize>,
    /// When the first dirty path was told, if all of them are only being written.
    writing_since_ms: Option<u64>,
    /// Directories that were renamed, from and to, in the order in which the watcher has told them.
    renamed: Vec<(RelPathBuf, RelPathBuf)>,
    later: BTreeSet<(u64, RelPathBuf)>,
    due: HashMap<RelPathBuf, u64>,
    /// Barriers that the watcher has reached: what was dirty before is in `dirty`, or has been looked at.
    reached: Vec<BarrierId>,
    /// Barriers that wait for these paths to be looked at again.
    held: BTreeMap<BarrierId, HashSet<RelPathBuf>>,
    rechecks: Vec<RelPathBuf>,
    /// Files whose digests are wanted: read one by one, when nothing else is to be looked at.
    reads: VecDeque<RelPathBuf>,
}

/// What is to be looked at now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub dirty: Vec<Dirty>,
    pub renamed: Vec<(RelPathBuf, RelPathBuf)>,
    pub barriers: Vec<BarrierId>,
    pub rechecks: Vec<RelPathBuf>,
    /// At most one.
    pub reads: Vec<RelPathBuf>,
}

impl Queue {
    /// Notes what the watcher has told.
    pub(super) fn hint(&mut self, path: RelPathBuf, hint: Hint, now_ms: u64) {
        let may_wait = hint == Hint::Written && (self.dirty.is_empty() || self.writing_since_ms.is_some());
        let since_ms = may_wait.then(|| self.writing_since_ms.unwrap_or(now_ms));
        self.push(Dirty { path, look: Look::Hint(hint) });
        self.writing_since_ms = since_ms;
    }

    /// Notes a dirty path. Several hints about one become one that is looked at as thoroughly as any of them asks.
    pub(super) fn push(&mut self, dirty: Dirty) {
        self.writing_since_ms = None;
        if let Some(at) = self.at.get(&dirty.path) {
            let known = &mut self.dirty[*at].look;
            *known = merge(*known, dirty.look);
            return;
        }
        if self.dirty.len() == DIRTY_MAX {
            self.dirty.clear();
            self.at.clear();
            return self.push(Dirty { path: RelPath::ROOT.to_owned(), look: Look::Below });
        }
        self.at.insert(dirty.path.clone(), self.dirty.len());
        self.dirty.push(dirty);
    }

    /// Notes that a directory was renamed: what both paths held before is known by the one and looked at by the other.
    pub(super) fn renamed(&mut self, from: RelPathBuf, to: RelPathBuf) {
        for path in [&from, &to] {
            self.push(Dirty { path: path.clone(), look: Look::Hint(Hint::Moved) });
        }
        // One more than counts, to show that there were too many.
        if self.renamed.len() <= TOLD_MAX {
            self.renamed.push((from, to));
        }
    }

    /// Notes paths to look at again at a time. One that waits already waits for the earlier time.
    pub(super) fn push_later(&mut self, later: Vec<Later>) {
        for Later { path, due_ms } in later {
            match self.due.get(&path) {
                Some(known) if *known <= due_ms => continue,
                Some(known) => {
                    self.later.remove(&(*known, path.clone()));
                }
                None => {}
            }
            self.due.insert(path.clone(), due_ms);
            self.later.insert((due_ms, path));
        }
    }

    /// Has a path looked at and told, whatever is found.
    pub(super) fn recheck(&mut self, path: RelPathBuf) {
        self.rechecks.push(path);
    }

    /// Has files read.
    pub(super) fn read(&mut self, paths: Vec<RelPathBuf>) {
        self.reads.extend(paths);
    }

    /// The watcher has delivered all that happened before this barrier was asked for.
    pub(super) fn reach(&mut self, barrier: BarrierId) {
        self.reached.push(barrier);
    }

    /// When the next path is due, in milliseconds since 1970.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        let later = self.later.first().map(|(due_ms, _)| *due_ms);
        let writing = self.writing_since_ms.map(|since_ms| since_ms + WRITING_MS);
        [later, writing].into_iter().flatten().min()
    }

    pub(super) fn is_idle(&self, now_ms: u64) -> bool {
        (self.dirty.is_empty() || self.writing_since_ms.is_some())
            && self.reached.is_empty()
            && self.rechecks.is_empty()
            && self.reads.is_empty()
            && self.next_due_ms().is_none_or(|due_ms| due_ms > now_ms)
    }

    /// Takes all that is to be looked at now. Give it back by [`Self::looked`] or [`Self::put_back`].
    pub(super) fn take(&mut self, now_ms: u64) -> Work {
        while let Some((due_ms, path)) = self.later.pop_first() {
            if due_ms > now_ms {
                self.later.insert((due_ms, path));
                break;
            }
            self.due.remove(&path);
            self.push(Dirty { path, look: Look::Again });
        }
        self.at.clear();
        self.writing_since_ms = None;
        let dirty = std::mem::take(&mut self.dirty);
        for Dirty { path, .. } in &dirty {
            // This look says anew when the next one is due. The old time may be in the middle of the next write.
            if let Some(due_ms) = self.due.remove(path) {
                self.later.remove(&(due_ms, path.clone()));
            }
        }
        let rechecks = std::mem::take(&mut self.rechecks);
        let renamed = std::mem::take(&mut self.renamed);
        let idle = dirty.is_empty() && rechecks.is_empty();
        let reads = if idle { self.reads.pop_front().into_iter().collect() } else { Vec::new() };
        Work { dirty, renamed, barriers: std::mem::take(&mut self.reached), rechecks, reads }
    }

    /// Ends a look, with what is to be looked at again. Gives the barriers that are passed: all that was dirty before them has been
    /// looked at, files that were being written too.
    pub(super) fn looked(&mut self, work: Work, later: Vec<Later>) -> Vec<BarrierId> {
        self.push_later(later);
        if !self.held.is_empty() {
            for Dirty { path, .. } in work.dirty.iter().filter(|dirty| !self.due.contains_key(&dirty.path)) {
                for waits in self.held.values_mut() {
                    waits.remove(path);
                }
            }
        }
        for barrier in work.barriers {
            self.held.insert(barrier, self.due.keys().cloned().collect());
        }
        let passed: Vec<BarrierId> =
            self.held.iter().filter(|(_, waits)| waits.is_empty()).map(|(barrier, _)| *barrier).collect();
        for barrier in &passed {
            self.held.remove(barrier);
        }
        passed
    }

    /// A look has failed, and everything will be looked at: what was taken and doesn't follow from that is taken again.
    pub(super) fn put_back(&mut self, work: Work) {
        self.reached.extend(work.barriers);
        self.rechecks.extend(work.rechecks);
        self.reads.extend(work.reads);
        // Whether they are still being written shows only when they are looked at again.
        work.dirty.into_iter().for_each(|dirty| self.push(dirty));
    }

    /// A session has ended: forgets what it asked for.
    pub(super) fn end_session(&mut self) {
        self.reached.clear();
        self.held.clear();
        self.rechecks.clear();
        self.reads.clear();
    }
}

/// A look that finds what either would find.
fn merge(first: Look, second: Look) -> Look {
    match (first, second) {
        (Look::Below, _) | (_, Look::Below) => Look::Below,
        (Look::Hint(first), Look::Hint(second)) => merge_hints(first, second),
        (Look::Anew, Look::Hint(hint)) | (Look::Hint(hint), Look::Anew) if waits(hint) => Look::Hint(Hint::Created),
        (Look::Anew, _) | (_, Look::Anew) => Look::Anew,
        // A hint says more: whether somebody is writing.
        (Look::Again, hint @ Look::Hint(_)) | (hint @ Look::Hint(_), Look::Again) => hint,
        (Look::Again, Look::Again) => Look::Again,
    }
}

fn merge_hints(first: Hint, second: Hint) -> Look {
    if first == second {
        return Look::Hint(first);
    }
    // Attributes change under a writer's hands too: they don't say that it is done.
    let last = if second == Hint::Attributes { first } else { second };
    let below = [first, second].into_iter().any(|hint| matches!(hint, Hint::Created | Hint::Unknown));
    let moved = [first, second].contains(&Hint::Moved);
    match (below, moved, waits(last)) {
        (true, _, true) | (_, true, true) => Look::Hint(Hint::Created),
        (true, _, false) => Look::Anew,
        (false, true, false) => Look::Hint(Hint::Moved),
        (false, false, true) => Look::Hint(Hint::Written),
        (false, false, false) => Look::Hint(last),
    }
}

/// Whether a file of which this was told last may be written to in a moment.
fn waits(hint: Hint) -> bool {
    matches!(hint, Hint::Written | Hint::Created)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPathBuf {
        RelPathBuf::new(text.into()).unwrap()
    }

    fn hint(at: &str, hint: Hint) -> Dirty {
        Dirty { path: path(at), look: Look::Hint(hint) }
    }

    #[test]
    fn hints_about_one_path_become_one() {
        use Hint::{Attributes, ClosedAfterWrite, Created, Moved, Removed, Unknown, Written};
        let cases: &[(&[Hint], Look)] = &[
            (&[Written, Written], Look::Hint(Written)),
            (&[Written, ClosedAfterWrite], Look::Hint(ClosedAfterWrite)),
            (&[Created, Written], Look::Hint(Created)),
            (&[Created, Written, ClosedAfterWrite], Look::Anew),
            (&[Created, Written, ClosedAfterWrite, Written], Look::Hint(Created)),
            (&[Created, Moved, Attributes], Look::Anew),
            (&[ClosedAfterWrite, Written], Look::Hint(Written)),
            (&[Written, Attributes], Look::Hint(Written)),
            (&[ClosedAfterWrite, Attributes], Look::Hint(ClosedAfterWrite)),
            (&[Removed, Created], Look::Hint(Created)),
            (&[Removed, Moved], Look::Hint(Moved)),
            (&[Moved, Removed], Look::Hint(Moved)),
            (&[Moved, Written], Look::Hint(Created)),
            (&[Unknown, ClosedAfterWrite], Look::Anew),
        ];
        for (hints, merged) in cases {
            let mut queue = Queue::default();
            for each in *hints {
                queue.push(hint("a", *each));
            }
            assert_eq!(queue.take(0).dirty, [Dirty { path: path("a"), look: *merged }], "{hints:?}");
        }
        let mut queue = Queue::default();
        queue.push(hint("a", Written));
        queue.push(Dirty { path: path("a"), look: Look::Below });
        queue.push(hint("a", Removed));
        queue.push(hint("b", Removed));
        assert_eq!(queue.take(0).dirty, [Dirty { path: path("a"), look: Look::Below }, hint("b", Removed)]);
        assert!(queue.is_idle(0));
    }

    #[test]
    fn too_many_dirty_paths_become_a_look_at_everything() {
        let mut queue = Queue::default();
        for number in 0..=DIRTY_MAX {
            queue.push(hint(&number.to_string(), Hint::Written));
        }
        assert_eq!(queue.take(0).dirty, [Dirty { path: RelPathBuf::default(), look: Look::Below }]);
    }

    #[test]
    fn later_paths_come_when_they_are_due() {
        let mut queue = Queue::default();
        let later = |at: &str, due_ms| Later { path: path(at), due_ms };
        let again = |at: &str| Dirty { path: path(at), look: Look::Again };
        queue.push_later(vec![later("a", 30), later("b", 20), later("a", 10), later("b", 40)]);
        assert_eq!(queue.next_due_ms(), Some(10));
        assert!(queue.is_idle(9) && !queue.is_idle(10));
        assert_eq!(queue.take(10).dirty, [again("a")]);
        assert_eq!(queue.take(25).dirty, [again("b")]);
        assert_eq!(queue.next_due_ms(), None);
    }

    #[test]
    fn files_that_are_only_being_written_wait_a_moment() {
        let mut queue = Queue::default();
        queue.hint(path("a"), Hint::Written, 100);
        queue.hint(path("b"), Hint::Written, 110);
        assert_eq!((queue.is_idle(100 + WRITING_MS - 1), queue.next_due_ms()), (true, Some(100 + WRITING_MS)));
        assert!(!queue.is_idle(100 + WRITING_MS));
        queue.hint(path("a"), Hint::ClosedAfterWrite, 111);
        assert!(!queue.is_idle(111));
        assert_eq!(queue.take(111).dirty, [hint("a", Hint::ClosedAfterWrite), hint("b", Hint::Written)]);
        // Nothing else waits for them.
        queue.hint(path("a"), Hint::Removed, 120);
        queue.hint(path("b"), Hint::Written, 120);
        assert!(!queue.is_idle(120));
        queue.take(120);
        queue.hint(path("a"), Hint::Written, 130);
        queue.reach(BarrierId(1));
        assert!(!queue.is_idle(130));
    }

    #[test]
    fn a_look_says_anew_when_the_next_one_is_due() {
        let mut queue = Queue::default();
        queue.push_later(vec![Later { path: path("a"), due_ms: 300 }]);
        queue.push(hint("a", Hint::ClosedAfterWrite));
        let work = queue.take(10);
        assert_eq!(queue.looked(work, Vec::new()), []);
        assert_eq!(queue.next_due_ms(), None);

        // One that is due in the middle of a write waits for its end.
        queue.push_later(vec![Later { path: path("a"), due_ms: 300 }]);
        queue.push(hint("a", Hint::Written));
        assert_eq!(queue.take(300).dirty, [hint("a", Hint::Written)]);
    }

    #[test]
    fn a_barrier_waits_for_files_that_were_being_written_before_it() {
        let mut queue = Queue::default();
        let later = |at: &str, due_ms| vec![Later { path: path(at), due_ms }];
        queue.push(hint("log", Hint::Written));
        queue.reach(BarrierId(1));
        let work = queue.take(0);
        assert_eq!(queue.looked(work, later("log", 50)), []);

        // One that comes after the next write waits for that too; the first doesn't wait any longer than for its own.
        queue.push(hint("other", Hint::Written));
        queue.reach(BarrierId(2));
        let work = queue.take(10);
        assert_eq!(queue.looked(work, later("other", 90)), []);
        let work = queue.take(50);
        assert_eq!(queue.looked(work, Vec::new()), [BarrierId(1)]);
        // Its close is as good as the time.
        queue.push(hint("other", Hint::ClosedAfterWrite));
        let work = queue.take(60);
        assert_eq!(queue.looked(work, Vec::new()), [BarrierId(2)]);
    }

    #[test]
    fn a_barrier_passes_with_the_look_that_it_came_with() {
        let mut queue = Queue::default();
        queue.push(hint("a", Hint::ClosedAfterWrite));
        queue.reach(BarrierId(7));
        let work = queue.take(0);
        assert_eq!(work.barriers, [BarrierId(7)]);
        assert_eq!(queue.looked(work, Vec::new()), [BarrierId(7)]);
        assert_eq!(queue.looked(Work::default(), Vec::new()), []);
    }

    #[test]
    fn what_a_failed_look_was_to_do_is_done_again() {
        let mut queue = Queue::default();
        queue.push(hint("a", Hint::Written));
        queue.recheck(path("b"));
        queue.reach(BarrierId(1));
        let work = queue.take(0);
        queue.put_back(work);
        let work = queue.take(0);
        assert_eq!((work.dirty.len(), work.rechecks.len(), work.barriers.len()), (1, 1, 1));
    }

    #[test]
    fn files_are_read_one_by_one_when_nothing_else_is_to_be_done() {
        let mut queue = Queue::default();
        queue.read(vec![path("x"), path("y")]);
        queue.push(hint("a", Hint::Removed));
        assert_eq!(queue.take(0).reads, []);
        assert_eq!(queue.take(0).reads, [path("x")]);
        assert!(!queue.is_idle(0));
        assert_eq!(queue.take(0).reads, [path("y")]);
        assert!(queue.is_idle(0));
    }
}
