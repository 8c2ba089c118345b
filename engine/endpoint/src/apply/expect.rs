//! Whether what stands at a path is what an action expects: first by the index, then by the disk.

use causeway_index::Row;
use causeway_sync::{Action, Entry, File, Operation, Outcome};

use super::act::{Act, Place, Step};
use crate::fs::{Fs, Kind, Stat};
use crate::hash::{self, Reading};
use crate::look;
use crate::problem;
use crate::seen;

impl<F: Fs> Act<'_, '_, F> {
    /// The outcome, where what the action wants is so already: it was carried out before, and the session doesn't know.
    pub(super) fn already(&mut self, place: &Place<F>, stat: Option<&Stat>, action: &Action) -> Step<Option<Outcome>> {
        let row = place.row.as_ref();
        let entry = row.map(|row| &row.entry);
        let is_so = match (&action.operation, entry) {
            (Operation::Directory, Some(Entry::Directory)) => true,
            (Operation::File { file, .. }, Some(Entry::File(known))) => {
                file.digest.is_some() && known.digest == file.digest && self.same_attributes(known, file)
            }
            (Operation::Symlink(target), Some(Entry::Symlink(known))) => target == known,
            (Operation::Attributes(file), Some(Entry::File(known))) => {
                (file.digest.is_none() || known.digest == file.digest) && self.same_attributes(known, file)
            }
            (Operation::Remove, None) => stat.is_none(),
            (Operation::Rename { to }, None) if stat.is_none() => return self.already_renamed(to, action),
            _ => false,
        };
        if !is_so || (row.is_some() && !self.shows_row(place, stat)?) {
            return Ok(None);
        }
        // It holds as of now, however long it has: a row's number says nothing of how it came to this path with its directory.
        Ok(Some(Outcome::Done { entry: entry.cloned(), seq: place.seq }))
    }

    fn already_renamed(&mut self, to: &causeway_sync::RelPath, action: &Action) -> Step<Option<Outcome>> {
        let Ok(place) = self.place(to) else { return Ok(None) };
        let stat = self.stat(&place)?;
        let (Some(row), Some(expect)) = (&place.row, &action.expect) else { return Ok(None) };
        if !self.is_expected(&row.entry, expect) || !self.shows_row(&place, stat.as_ref())? {
            return Ok(None);
        }
        // One directory looks like another: only the one that stood there holds what belongs to it.
        let is_it = !row.entry.is_directory() || self.ep.lock().index.came_from(row, &action.path).unwrap_or(false);
        if !is_it {
            return Ok(None);
        }
        Ok(Some(Outcome::Done { entry: Some(row.entry.clone()), seq: row.seq }))
    }

    fn same_attributes(&self, known: &File, wanted: &File) -> bool {
        let eyes = &self.ep.eyes;
        (known.executable == wanted.executable || !eyes.executable_bit)
            && eyes.same_time(known.mtime_ns, wanted.mtime_ns)
    }

    /// Checks that what stands at the place is what the session expects.
    pub(super) fn expect(&mut self, place: &Place<F>, stat: Option<&Stat>, expect: Option<&Entry>) -> Step<()> {
        match (&place.row, expect) {
            (Some(Row { entry: Entry::Untracked, .. }), _) => Err(self.occupied("something untracked stands there")),
            (None, None) => match stat {
                None => Ok(()),
                Some(stat) => Err(self.clash(place, stat)),
            },
            (Some(row), Some(expect)) => {
                let known = self.read_if_asked(place, row, stat, expect)?;
                if !self.is_expected(&known, expect) {
                    return Err(self.unexpected(&place.path));
                }
                if self.shows_row(place, stat)? { Ok(()) } else { Err(self.unexpected(&place.path)) }
            }
            _ => Err(self.unexpected(&place.path)),
        }
    }

    /// The row's entry; with its digest, where nobody has read the file and the session knows one.
    fn read_if_asked(&mut self, place: &Place<F>, row: &Row, stat: Option<&Stat>, expect: &Entry) -> Step<Entry> {
        let (Entry::File(known), Entry::File(expect)) = (&row.entry, expect) else { return Ok(row.entry.clone()) };
        let Some(stat) = stat.filter(|stat| self.ep.eyes.is_unchanged(row, stat)) else { return Ok(row.entry.clone()) };
        if known.digest.is_some() || expect.digest.is_none() {
            return Ok(row.entry.clone());
        }
        let Some(digest) = self.digest_of(place, stat)? else { return Ok(row.entry.clone()) };
        let noted = self.ep.note_digest(place.id, &place.name, &row.fingerprint, digest, stat, self.now_ms);
        if let Err(error) = noted {
            tracing::warn!(%error, "a digest could not be noted");
        }
        Ok(Entry::File(File { digest: Some(digest), ..known.clone() }))
    }

    fn digest_of(&mut self, place: &Place<F>, stat: &Stat) -> Step<Option<causeway_sync::Digest>> {
        match hash::read_digest(&self.ep.fs, &place.dir, &place.name, stat, self.buffer) {
            Ok(Reading::Whole(digest)) => Ok(Some(digest)),
            Ok(Reading::Disturbed) => Ok(None),
            Err(error) => Err(self.failed(&place.path, &error)),
        }
    }

    /// Whether a row is what the session expects. Of two files with known and equal digests the time doesn't matter: nothing that
    /// somebody wrote is at stake.
    fn is_expected(&self, known: &Entry, expect: &Entry) -> bool {
        match (known, expect) {
            (Entry::File(known), Entry::File(expect)) => {
                let same_bit = known.executable == expect.executable || !self.ep.eyes.executable_bit;
                let same = match (known.digest, expect.digest) {
                    (Some(known), Some(expect)) => known == expect,
                    _ => known.size == expect.size && self.ep.eyes.same_time(known.mtime_ns, expect.mtime_ns),
                };
                same && same_bit
            }
            (known, expect) => known == expect,
        }
    }

    /// Whether the disk shows what the row says. A file of which the stat alone can't tell is read.
    pub(super) fn shows_row(&mut self, place: &Place<F>, stat: Option<&Stat>) -> Step<bool> {
        let (Some(row), Some(stat)) = (&place.row, stat) else { return Ok(place.row.is_none() && stat.is_none()) };
        if self.ep.eyes.is_unchanged(row, stat) {
            return Ok(true);
        }
        match (&row.entry, stat.kind) {
            (Entry::File(known), Kind::File) => {
                if known.digest.is_none() || known.size != stat.size {
                    return Ok(false);
                }
                let seen = self.ep.eyes.file(stat, Some(&row.entry));
                if !self.same_attributes(known, &seen) || self.digest_of(place, stat)? != known.digest {
                    return Ok(false);
                }
                self.refresh(place, stat);
                Ok(true)
            }
            (Entry::Symlink(target), Kind::Symlink) => match self.ep.fs.read_link(&place.dir, &place.name) {
                Ok(now) => Ok(now == *target),
                Err(error) if problem::is_stale(&error) => Ok(false),
                Err(error) => Err(self.problem(&error)),
            },
            _ => Ok(false),
        }
    }

    /// Notes what a file looks like that was just found to be as its row says.
    fn refresh(&mut self, place: &Place<F>, stat: &Stat) {
        if look::is_unsettled(stat, self.now_ms) {
            return;
        }
        let mut state = self.ep.lock();
        let refreshed = state.index.refresh(place.id, &place.name, seen::fingerprint(stat));
        if let Err(error) = self.ep.check_write(&mut state, refreshed) {
            tracing::warn!(%error, "a fingerprint could not be noted");
        }
    }

    /// Whether what was taken out of the share is what stood there when it was looked at: `stat` then, `out` now.
    pub(super) fn took_right(
        &mut self,
        row: Option<&Row>,
        stat: &Stat,
        (dir, name): (&F::Dir, &causeway_sync::Name),
    ) -> bool {
        let Ok(Some(out)) = self.ep.fs.stat(dir, name) else { return false };
        if !seen::same_but_name(stat, &out) {
            return false;
        }
        // A write in the same step of the clock as the one before doesn't show: read what can't be told otherwise.
        let known = row.and_then(|row| row.entry.as_file()).and_then(|file| file.digest);
        match known {
            Some(known) if out.kind == Kind::File && look::is_unsettled(stat, self.now_ms) => matches!(
                hash::read_digest(&self.ep.fs, dir, name, &out, self.buffer),
                Ok(Reading::Whole(digest)) if digest == known
            ),
            _ => true,
        }
    }
}
