//! Putting things in place: where nothing stands by a rename that replaces nothing, elsewhere by an exchange.

use causeway_sync::{Entry, Name, NameBuf, Outcome, RelPath};

use super::act::{Act, Landed, Place, Step};
use super::staged::Staged;
use super::tree::Tree;
use crate::fs::{Fs, FsErrorKind, Kind, Rename, Stat};
use crate::left_aside::LeftAside;
use crate::problem;
use crate::recycle_bin::{Reason, Taken};
use crate::seen;
use crate::settings::Look;
use crate::walk;

/// How often something is put back when somebody replaces it in that very moment. After that both versions are kept, one of them in
/// the recycle bin.
const PUT_BACK_MAX: u32 = 4;

impl<F: Fs> Act<'_, '_, F> {
    /// Puts a received file in place.
    pub(super) fn put_file(&mut self, place: &Place<F>, stat: Option<&Stat>, staged: Staged<F>) -> Step<Outcome> {
        let entry = Entry::File(staged.entry.clone());
        let Some(stat) = stat else {
            let landed =
                self.put_new(place, staged.name(), |stat| stat.kind == Kind::File && stat.size == staged.entry.size)?;
            return self.record(place, entry, &landed);
        };
        if stat.kind == Kind::File {
            if let Some(outcome) = self.put_in_place(place, stat, &staged)? {
                return Ok(outcome);
            }
            self.inherit(&staged, stat)?;
        }
        let landed = self.replace(place, stat, staged.name())?;
        self.record(place, entry, &landed)
    }

    /// The new file gets the owner and the permissions of the old.
    fn inherit(&mut self, staged: &Staged<F>, replaced: &Stat) -> Step<()> {
        let fs = &self.ep.fs;
        let inherited = match &staged.file {
            Some(file) => fs.inherit(file, replaced),
            None => fs.open_file_for_update(&self.staging, staged.name()).and_then(|file| fs.inherit(&file, replaced)),
        };
        inherited.map_err(|error| self.problem(&error))
    }

    /// Moves what is staged to a place where nothing stands. `is_ours` tells it from what somebody puts there right afterwards.
    pub(super) fn put_new(&mut self, place: &Place<F>, staged: &Name, is_ours: impl Fn(&Stat) -> bool) -> Step<Landed> {
        let moved = self.ep.fs.rename(&self.staging, staged, &place.dir, &place.name, Rename::NoReplace);
        match moved {
            Ok(()) => {}
            Err(error) if error.kind == FsErrorKind::Exists => {
                return Err(match self.stat(place)? {
                    Some(stat) => self.clash(place, &stat),
                    None => self.unexpected(&place.path),
                });
            }
            Err(error) => return Err(self.failed(&place.path, &error)),
        }
        Ok(match self.ep.fs.stat(&place.dir, &place.name) {
            Ok(Some(stat)) if is_ours(&stat) => Landed::As(stat),
            _ => Landed::Overwritten,
        })
    }

    /// Puts what is staged in place of what stands there, which looked like `stat`; that goes to the recycle bin.
    pub(super) fn replace(&mut self, place: &Place<F>, stat: &Stat, staged: &Name) -> Step<Landed> {
        if stat.kind == Kind::Directory {
            self.refuse_untracked(place)?;
        }
        let ours = self.ep.fs.stat(&self.staging, staged).map_err(|error| self.problem(&error))?;
        let ours = ours.ok_or(Outcome::SourceChanged)?;
        let out = if self.ep.can.exchange_rename {
            self.exchange(place, stat, staged, &ours)?
        } else {
            self.swap(place, stat, staged)?
        };
        self.dirs.forget(&place.path);
        self.keep(self.taken_aside(out), &place.path, Reason::Replaced);
        Ok(match self.ep.fs.stat(&place.dir, &place.name) {
            Ok(Some(now)) if seen::same_but_name(&ours, &now) => Landed::As(now),
            _ => Landed::Overwritten,
        })
    }

    /// A directory is replaced only when nothing untracked would go with it.
    fn refuse_untracked(&mut self, place: &Place<F>) -> Step<()> {
        match self.compare_tree(place)? {
            Tree::Same => Ok(()),
            Tree::Differs(path) => {
                self.ep.dirty(&path, Look::Below);
                Err(Outcome::Unexpected)
            }
            Tree::HoldsUntracked => Err(self.occupied("the folder holds untracked things")),
        }
    }

    /// Swaps what is staged with what stands there, and checks what came out. Gives the name in staging of what came out.
    fn exchange(&mut self, place: &Place<F>, stat: &Stat, staged: &Name, ours: &Stat) -> Step<NameBuf> {
        // Under this name a crash doesn't lose it.
        let out = self.ep.bin.taken_name(&place.path, Reason::Replaced, self.now_ms);
        let fs = &self.ep.fs;
        let renamed = fs.rename(&self.staging, staged, &self.staging, &out, Rename::NoReplace);
        renamed.map_err(|error| self.problem(&error))?;
        let swapped = fs.rename(&place.dir, &place.name, &self.staging, &out, Rename::Exchange);
        if let Err(error) = swapped {
            self.throw_away(&out);
            return Err(self.failed(&place.path, &error));
        }
        let staging = self.staging.clone();
        if self.took_right(place.row.as_ref(), stat, (&staging, &out)) && self.took_whole_tree(place, stat, &out)? {
            return Ok(out);
        }
        self.exchange_back(place, &out, ours);
        Err(self.was_away(place))
    }

    /// Whether the directory that came out holds what the index says; true of anything else.
    fn took_whole_tree(&mut self, place: &Place<F>, stat: &Stat, out: &Name) -> Step<bool> {
        if stat.kind != Kind::Directory {
            return Ok(true);
        }
        let opened = self.ep.fs.open_dir(&self.staging, out);
        let compared = opened.map_err(|_| Outcome::Unexpected).and_then(|dir| self.compare_taken(place, dir));
        Ok(matches!(compared, Ok(Tree::Same)))
    }

    /// Undoes an exchange that took out something else than expected. What somebody puts there meanwhile stays there; what it
    /// replaced goes to the bin. So does what was put there by the exchange, even if it looks untouched: somebody may have opened it
    /// and be about to write.
    fn exchange_back(&mut self, place: &Place<F>, out: &Name, ours: &Stat) {
        for _ in 0..PUT_BACK_MAX {
            let fs = &self.ep.fs;
            let back = fs.rename(&place.dir, &place.name, &self.staging, out, Rename::Exchange);
            match back {
                Ok(()) => {}
                // Somebody has removed what we put there.
                Err(error) if error.kind == FsErrorKind::NotFound => {
                    let back = fs.rename(&self.staging, out, &place.dir, &place.name, Rename::NoReplace);
                    match back {
                        Ok(()) => return,
                        Err(error) if error.kind == FsErrorKind::Exists => continue,
                        Err(_) => break,
                    }
                }
                Err(_) => break,
            }
            match fs.stat(&self.staging, out) {
                Ok(Some(now)) if now.inode == ours.inode && seen::same_but_name(&now, ours) => break,
                _ => {}
            }
        }
        self.keep(self.taken_aside(out.to_owned()), &place.path, Reason::Raced);
    }

    /// Where the file system can't exchange: takes out what stands there, checks it, and puts the new in place. For a moment
    /// nothing stands there.
    fn swap(&mut self, place: &Place<F>, stat: &Stat, staged: &Name) -> Step<NameBuf> {
        let out = self.ep.bin.taken_name(&place.path, Reason::Replaced, self.now_ms);
        let fs = &self.ep.fs;
        let taken = fs.rename(&place.dir, &place.name, &self.staging, &out, Rename::NoReplace);
        taken.map_err(|error| self.failed(&place.path, &error))?;
        let staging = self.staging.clone();
        let is_right =
            self.took_right(place.row.as_ref(), stat, (&staging, &out)) && self.took_whole_tree(place, stat, &out)?;
        let fs = &self.ep.fs;
        if is_right && fs.rename(&self.staging, staged, &place.dir, &place.name, Rename::NoReplace).is_ok() {
            return Ok(out);
        }
        self.put_back(place, self.taken_aside(out));
        Err(self.was_away(place))
    }

    /// What stood there was out of the share for a moment: nobody has told what was changed in it then.
    fn was_away(&self, place: &Place<F>) -> Outcome {
        self.ep.dirty(&place.path, Look::Below);
        Outcome::Unexpected
    }

    /// What stands in staging by this name, having been taken out of the share.
    pub(super) fn taken_aside(&self, name: NameBuf) -> Taken<F> {
        Taken { dir: self.staging.clone(), name, aside: true }
    }

    /// Lets what was taken out rest in the recycle bin; as soon as that can be, where it can't now.
    pub(super) fn keep(&self, taken: Taken<F>, path: &RelPath, reason: Reason) {
        if let Err(error) = self.ep.bin.keep(&self.ep.fs, &taken, path, reason, self.now_ms) {
            tracing::warn!(%path, %error, "what was taken out could not be moved to the recycle bin");
            self.ep.note_left_aside(LeftAside { taken, path: path.to_owned(), reason: Some(reason) });
        }
    }

    /// Puts back what was taken out, as soon as that can be; unless somebody has put something else there: then it goes to the bin.
    pub(super) fn put_back(&mut self, place: &Place<F>, taken: Taken<F>) {
        let fs = &self.ep.fs;
        match fs.rename(&taken.dir, &taken.name, &place.dir, &place.name, Rename::NoReplace) {
            Ok(()) => {}
            Err(error) if error.kind == FsErrorKind::Exists || problem::is_stale(&error) => {
                // It gets a new name in the bin as well, which tells why it is there.
                self.keep(Taken { aside: true, ..taken }, &place.path, Reason::Raced);
            }
            Err(error) => {
                tracing::warn!(path = %place.path, %error, "what was taken out could not be put back yet");
                self.ep.note_left_aside(LeftAside { taken, path: place.path.clone(), reason: None });
            }
        }
    }

    /// Removes what was made in staging for this action.
    pub(super) fn throw_away(&self, name: &Name) {
        if let Err(error) = walk::remove_tree(&self.ep.fs, &self.staging, name) {
            tracing::debug!(%error, "something staged stays behind");
        }
    }
}
