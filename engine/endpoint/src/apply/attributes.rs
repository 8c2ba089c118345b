//! Changing a file's executable bit and modification time in place.

use causeway_index::{Fingerprint, Journal};
use causeway_sync::{Digest, Entry, File, Outcome};

use super::act::{Act, Landed, Place, Step};
use crate::fs::{Fs, Stat};
use crate::hash::{self, Reading};
use crate::seen;

/// Up to this length a file is read again after its time was set, in bytes; of longer ones the next look does it.
const READ_AGAIN_BYTES_MAX: u64 = 1 << 20;

impl<F: Fs> Act<'_, '_, F> {
    pub(super) fn set_attributes(&mut self, place: &Place<F>, stat: Option<&Stat>, wanted: &File) -> Step<Outcome> {
        let known = place.row.as_ref().and_then(|row| row.entry.as_file()).cloned();
        let (Some(stat), Some(known)) = (stat, known) else { return Err(self.unexpected(&place.path)) };
        let fs = &self.ep.fs;
        let file = fs.open_file(&place.dir, &place.name).map_err(|error| self.failed(&place.path, &error))?;
        let fs = &self.ep.fs;
        let opened = fs.stat_file(&file).map_err(|error| self.problem(&error))?;
        if opened != *stat {
            return Err(self.unexpected(&place.path));
        }
        if self.ep.eyes.executable_bit && stat.executable != wanted.executable {
            fs.set_executable(&file, wanted.executable).map_err(|error| self.problem(&error))?;
        }
        // Whoever has written meanwhile keeps the time of the write.
        let before = fs.stat_file(&file).map_err(|error| self.problem(&error))?;
        if !seen::same_but_name(stat, &before) {
            return Err(self.unexpected(&place.path));
        }
        fs.set_file_mtime(&file, wanted.mtime_ns).map_err(|error| self.problem(&error))?;
        let now = fs.stat_file(&file).map_err(|error| self.problem(&error))?;
        let entry = Entry::File(File { executable: wanted.executable, ..known.clone() });
        let outcome = self.record_doing(place, entry, &Landed::As(now), self.doing_of(place))?;
        if !self.is_still(place, &now, known.digest) {
            self.distrust(place, &now);
        }
        Ok(outcome)
    }

    /// Whose content stands there. Somebody else's stays that, and is told as such again, until a session has taken account of it.
    fn doing_of(&self, place: &Place<F>) -> Journal {
        let known = place.row.as_ref().map(|row| self.ep.lock().index.doing_of(row));
        match known {
            Some(Ok(journal)) => journal,
            // What is told once too often does no harm.
            None | Some(Err(_)) => Journal::Foreign,
        }
    }

    /// Whether the content is still the known one. A write in the moment before the time was set has left no other trace.
    fn is_still(&mut self, place: &Place<F>, now: &Stat, known: Option<Digest>) -> bool {
        let Some(known) = known else { return now.size <= READ_AGAIN_BYTES_MAX };
        now.size <= READ_AGAIN_BYTES_MAX
            && matches!(
                hash::read_digest(&self.ep.fs, &place.dir, &place.name, now, self.buffer),
                Ok(Reading::Whole(digest)) if digest == known
            )
    }

    /// Has the file read again, at once and whatever it looks like.
    fn distrust(&mut self, place: &Place<F>, now: &Stat) {
        let fingerprint: Fingerprint = seen::unsettled(now);
        let mut state = self.ep.lock();
        let refreshed = state.index.refresh(place.id, &place.name, fingerprint);
        if let Err(error) = self.ep.check_write(&mut state, refreshed) {
            tracing::warn!(%error, "a fingerprint could not be noted");
        }
        self.ep.dirty_locked(&mut state, &place.path, crate::settings::Look::Again);
    }
}
