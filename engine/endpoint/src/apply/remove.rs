//! Removing: everything removed rests in the recycle bin first.

use causeway_sync::{Outcome, RelPathBuf};

use super::act::{Act, Place, Step};
use super::tree::Tree;
use crate::fs::{Fs, FsErrorKind, Kind, Stat};
use crate::recycle_bin::Reason;
use crate::settings::Look;
use crate::walk::{Step as WalkStep, Walk};

impl<F: Fs> Act<'_, '_, F> {
    /// Removes what stands at a place.
    pub(super) fn remove(&mut self, place: &Place<F>, stat: Option<&Stat>) -> Step<Outcome> {
        let Some(stat) = stat else { return Err(self.unexpected(&place.path)) };
        if stat.kind != Kind::Directory {
            self.take_out(place, stat)?;
            return self.record_gone(place);
        }
        match self.compare_tree(place)? {
            Tree::Same => {
                self.take_out(place, stat)?;
                self.record_gone(place)
            }
            Tree::HoldsUntracked => self.remove_tracked(place),
            Tree::Differs(path) => {
                self.ep.dirty(&path, Look::Below);
                Err(Outcome::Unexpected)
            }
        }
    }

    /// Moves what stands at a place to the recycle bin, and checks there that it was what was to be removed.
    fn take_out(&mut self, place: &Place<F>, stat: &Stat) -> Step<()> {
        self.dirs.forget(&place.path);
        let ep = self.ep;
        let from = (&place.dir, &*place.name);
        let taken = ep.bin.take(&ep.fs, from, &place.path, Reason::Removed, self.now_ms);
        let taken = taken.map_err(|error| self.failed(&place.path, &error))?;
        let is_right = self.took_right(place.row.as_ref(), stat, (&taken.dir, &taken.name))
            && (stat.kind != Kind::Directory || {
                let opened = ep.fs.open_dir(&taken.dir, &taken.name);
                opened.is_ok_and(|dir| matches!(self.compare_taken(place, dir), Ok(Tree::Same)))
            });
        if !is_right {
            self.put_back(place, taken);
            self.ep.dirty(&place.path, Look::Below);
            return Err(Outcome::Unexpected);
        }
        self.keep(taken, &place.path, Reason::Removed);
        Ok(())
    }

    /// Removes the tracked entries of a directory one by one, and the directories that are empty then.
    fn remove_tracked(&mut self, top: &Place<F>) -> Step<Outcome> {
        let opened = self.ep.fs.open_dir(&top.dir, &top.name);
        let walk = opened.and_then(|dir| Walk::new(&self.ep.fs, dir));
        let mut walk = walk.map_err(|error| self.failed(&top.path, &error))?;
        let mut gone = Vec::new();
        let mut kept = false;
        while let Some(step) = walk.next() {
            let removed = match step {
                WalkStep::Entry(below, _) => self.remove_entry(top, below, &mut walk, &mut gone, &mut kept),
                WalkStep::Leave(below) => self.remove_emptied(top, &below, &mut gone, &mut kept),
            };
            if let Err(outcome) = removed {
                return Err(self.tell_partial(&gone, outcome));
            }
        }
        self.remove_emptied(top, causeway_sync::RelPath::ROOT, &mut gone, &mut kept)
            .map_err(|outcome| self.tell_partial(&gone, outcome))?;
        if kept { Ok(Outcome::Kept) } else { Ok(Outcome::Done { entry: None, seq: self.ep.seq() }) }
    }

    fn remove_entry(
        &mut self,
        top: &Place<F>,
        below: RelPathBuf,
        walk: &mut Walk<'_, F>,
        gone: &mut Vec<RelPathBuf>,
        kept: &mut bool,
    ) -> Step<()> {
        let path = below.rebase(causeway_sync::RelPath::ROOT, &top.path).expect("everything is below the root");
        let place = self.place(&path)?;
        let Some(stat) = self.stat(&place)? else { return Ok(()) };
        match &place.row {
            None => *kept = true,
            Some(row) if row.entry == causeway_sync::Entry::Untracked => *kept = true,
            Some(row) if row.entry.is_directory() => {
                walk.enter(&below).map_err(|error| self.failed(&path, &error))?;
            }
            Some(_) => {
                if !self.shows_row(&place, Some(&stat))? {
                    return Err(self.unexpected(&path));
                }
                self.take_out(&place, &stat)?;
                self.record_gone(&place)?;
                gone.push(path);
            }
        }
        Ok(())
    }

    /// Removes a directory, if nothing is left in it.
    fn remove_emptied(
        &mut self,
        top: &Place<F>,
        below: &causeway_sync::RelPath,
        gone: &mut Vec<RelPathBuf>,
        kept: &mut bool,
    ) -> Step<()> {
        let path = below.rebase(causeway_sync::RelPath::ROOT, &top.path).expect("everything is below the root");
        let place = self.place(&path)?;
        self.dirs.forget(&path);
        match self.ep.fs.remove_dir(&place.dir, &place.name) {
            Ok(()) => {
                self.record_gone(&place)?;
                gone.push(path);
            }
            Err(error) if error.kind == FsErrorKind::NotEmpty => *kept = true,
            Err(error) => return Err(self.failed(&path, &error)),
        }
        Ok(())
    }

    /// A removal stopped half-way: what is gone is told, since the outcome says that nothing was done.
    fn tell_partial(&self, gone: &[RelPathBuf], outcome: Outcome) -> Outcome {
        for path in gone {
            if let Err(error) = self.ep.touch(path) {
                tracing::warn!(%path, %error, "a removal could not be told");
            }
        }
        outcome
    }
}
