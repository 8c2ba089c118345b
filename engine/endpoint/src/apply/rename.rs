//! Renaming what stands at one path to another, at which nothing stands.

use causeway_index::{DirId, Journal};
use causeway_sync::{Name, Outcome, RelPath};

use super::act::{Act, Place, Step};
use crate::fs::{Fs, FsErrorKind, Kind, Rename, Stat};
use crate::look;
use crate::recycle_bin::Reason;
use crate::seen;
use crate::settings::Look;

impl<F: Fs> Act<'_, '_, F> {
    /// Renames; a directory takes along all that it holds.
    pub(super) fn rename(&mut self, place: &Place<F>, stat: Option<&Stat>, to: &RelPath) -> Step<Outcome> {
        let Some(stat) = stat else { return Err(self.unexpected(&place.path)) };
        self.refuse_ignored(to, stat.kind == Kind::Directory)?;
        let target = self.place(to)?;
        if target.row.is_some() {
            return Err(Outcome::Unexpected);
        }
        match self.stat(&target)? {
            None => self.rename_now(place, &target)?,
            Some(standing) if self.is_own_alias(place, stat, &target, &standing)? => {
                self.rename_by_way_of_staging(place, &target)?;
            }
            Some(standing) => return Err(self.clash(&target, &standing)),
        }
        self.dirs.forget(&place.path);
        let now = self.ep.fs.stat(&target.dir, &target.name);
        self.record_move(place, &target, stat, now.ok().flatten().as_ref())
    }

    fn rename_now(&mut self, place: &Place<F>, target: &Place<F>) -> Step<()> {
        let fs = &self.ep.fs;
        match fs.rename(&place.dir, &place.name, &target.dir, &target.name, Rename::NoReplace) {
            Ok(()) => Ok(()),
            Err(error) if error.kind == FsErrorKind::Exists => Err(match self.stat(target)? {
                Some(standing) => self.clash(target, &standing),
                None => self.unexpected(&target.path),
            }),
            Err(error) => Err(self.failed(&place.path, &error)),
        }
    }

    /// Whether what answers to the new name is the very thing that is to be renamed: the names differ only in case, or in Unicode
    /// normalisation.
    fn is_own_alias(&self, place: &Place<F>, stat: &Stat, target: &Place<F>, standing: &Stat) -> Step<bool> {
        if standing.inode != stat.inode || place.id != target.id {
            return Ok(false);
        }
        let alias = self.alias(target, standing).map_err(|error| self.problem(&error))?;
        Ok(alias.is_some_and(|alias| alias == place.name))
    }

    /// Two steps, because the file system takes both names for one.
    fn rename_by_way_of_staging(&mut self, place: &Place<F>, target: &Place<F>) -> Step<()> {
        let aside = self.ep.bin.taken_name(&place.path, Reason::Raced, self.now_ms);
        let fs = &self.ep.fs;
        let out = fs.rename(&place.dir, &place.name, &self.staging, &aside, Rename::NoReplace);
        out.map_err(|error| self.failed(&place.path, &error))?;
        let fs = &self.ep.fs;
        let Err(error) = fs.rename(&self.staging, &aside, &target.dir, &target.name, Rename::NoReplace) else {
            return Ok(());
        };
        self.put_back(place, self.taken_aside(aside));
        Err(self.failed(&place.path, &error))
    }

    /// Moves the row. Where something else came along than was looked at, or other things are ignored there, the new place is looked
    /// at again.
    fn record_move(&mut self, place: &Place<F>, target: &Place<F>, before: &Stat, now: Option<&Stat>) -> Step<Outcome> {
        let is_same = now.is_some_and(|now| seen::same_but_name(before, now));
        let mut state = self.ep.lock();
        let from: (DirId, &Name) = (place.id, &place.name);
        let moved = state.index.move_row(from, (target.id, &target.name), Journal::Own);
        let moved = self.ep.check_write(&mut state, moved);
        let row = match moved.and_then(|row| state.wrote().map(|()| row)) {
            Ok(row) => row,
            Err(error) => return Err(Outcome::Problem(self.ep.index_problem(&mut state, &error))),
        };
        if row.entry.is_directory() {
            state.moved(&place.path, &target.path, self.now_ms);
        }
        if let Some(now) = now.filter(|_| is_same && row.fingerprint.ctime_ns != 0) {
            // The rename has changed the ctime.
            let refreshed = state.index.refresh(target.id, &target.name, seen::fingerprint(now));
            if let Err(error) = self.ep.check_write(&mut state, refreshed) {
                return Err(Outcome::Problem(self.ep.index_problem(&mut state, &error)));
            }
        }
        let same_rules = !row.entry.is_directory() || look::same_rules_below(&self.rules, &place.path, &target.path);
        if !is_same || !same_rules {
            self.ep.dirty_locked(&mut state, &target.path, Look::Below);
        }
        Ok(Outcome::Done { entry: Some(row.entry), seq: row.seq })
    }
}
