//! What a check is asked to look at, by the names that it has by now.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Included, Unbounded};

use causeway_sync::{RelPath, RelPathBuf};

use super::Scan;
use crate::fs::Fs;
use crate::settings::{Dirty, Look};
use crate::watch::Hint;

/// What the hints about a path come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wants {
    /// What is below may have changed as well.
    pub below: bool,
    /// It is complete as it stands.
    pub complete: bool,
    /// Somebody has it open and writes.
    pub written: bool,
    /// It was moved here, or away.
    pub moved: bool,
}

impl Wants {
    pub fn add(&mut self, look: Look) {
        match look {
            Look::Below => self.below = true,
            Look::Anew => *self = Self { below: true, complete: true, written: false, moved: true },
            Look::Again | Look::Hint(Hint::Attributes | Hint::Unknown) => {}
            Look::Hint(Hint::Written) => (self.written, self.complete) = (true, false),
            Look::Hint(Hint::Created) => {
                self.below = true;
                self.written |= !self.complete;
            }
            Look::Hint(Hint::Moved) => (self.written, self.complete, self.moved) = (false, true, true),
            Look::Hint(Hint::ClosedAfterWrite | Hint::Removed) => (self.written, self.complete) = (false, true),
        }
    }

    /// Wants what the other wants, of the same thing by another path.
    pub fn join(&mut self, other: Self) {
        self.below |= other.below;
        self.complete |= other.complete;
        self.written = (self.written || other.written) && !self.complete;
        self.moved |= other.moved;
    }
}

/// What a check has been asked, and come to, so far.
#[derive(Default)]
pub(super) struct Asked {
    pub wants: BTreeMap<RelPathBuf, Wants>,
    /// What had no row yet and was looked at because something below it was asked for.
    pub above: BTreeSet<RelPathBuf>,
    /// Paths at which nothing could be looked at, because nothing is known of a directory above them.
    pub nowhere: Vec<RelPathBuf>,
    /// The same, because a known directory above them doesn't stand there.
    pub left: Vec<RelPathBuf>,
}

impl<F: Fs> Scan<'_, F> {
    /// The dirty paths, by the names they have by now.
    pub(super) fn by_path(&mut self, dirty: &[Dirty]) -> BTreeMap<RelPathBuf, Wants> {
        let mut state = self.ep.lock();
        let (told, found) = state.renames.begin_check(self.now_ms);
        self.told = told;
        let mut todo = BTreeMap::<RelPathBuf, Wants>::new();
        for Dirty { path, look } in dirty {
            for name in state.renames.names_by_now(path) {
                todo.entry(name).or_default().add(*look);
            }
        }
        for path in found {
            todo.entry(path).or_default().add(Look::Below);
        }
        todo
    }

    /// What was asked for below a directory that has turned up elsewhere is to be looked at there.
    pub(super) fn follow_moves(&mut self, asked: &Asked, todo: &mut BTreeMap<RelPathBuf, Wants>) {
        for (from, to) in std::mem::take(&mut self.moved) {
            let below = asked.wants.range::<RelPath, _>((Included(&*from), Unbounded));
            for (path, want) in below.take_while(|(path, _)| path.starts_with(&from)) {
                let is_itself = *path == from;
                if let Some(path) = path.rebase(&from, &to).filter(|_| !is_itself || want.below) {
                    todo.entry(path).or_default().join(*want);
                }
            }
        }
    }

    /// Remembers the paths that may be those of something in a directory of which only later is heard where it has gone. Where that
    /// stands again they are looked at once more.
    pub(super) fn remember_astray(&mut self, asked: Asked) {
        let mut state = self.ep.lock();
        let departed = &state.departed;
        let is_on_its_way =
            |path: &RelPathBuf| !departed.is_empty() && path.ancestors().any(|above| departed.contains_key(above));
        let (mut astray, back): (Vec<_>, Vec<_>) = asked.left.into_iter().partition(is_on_its_way);
        astray.extend(asked.nowhere);
        for path in astray {
            state.renames.lose(path, self.now_ms);
        }
        drop(state);
        back.iter().for_each(|path| self.was_renamed_above(path));
    }
}
