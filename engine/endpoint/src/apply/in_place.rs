//! Updating a file in place: where somebody holds on to the file itself and not to its name, as a container does that has it bound.
//!
//! ```text
//! copy the old aside, durably ─► note beside it, durably ─► still the old? ─► write ─► still ours? ─► the copy becomes what rests in the
//!                                                            └─ Unexpected     └─ put back           bin (from here on it is done) ─► row
//! ```
//!
//! Until the last of these steps the copy and its note stand in staging, and whoever finds them there undoes the write
//! ([`Original`]): a crash leaves the old file, and never half of the new one to be taken for somebody's own edit.
//!
//! While it is written nobody else can open the file, where the system grants that ([`Fs::hold`]). Where somebody has it open
//! already it can't be granted: what that one writes between the last look and the write is lost.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::atomic::Ordering;

use causeway_sync::{Digest, Entry, Outcome, RelPath};

use super::act::{Act, Landed, Place, Step};
use super::original::Original;
use super::staged::Staged;
use crate::fs::{Fs, FsError, FsErrorKind, Stat};
use crate::hash::{self, Buffer};
use crate::recycle_bin::Reason;

impl<F: Fs> Act<'_, '_, F> {
    /// Writes a received file over the one that stands there, which looked like `stat`, if that is pinned; its content goes to the
    /// recycle bin. `None` for others, and where it can't be written: a program that runs can only be replaced.
    pub(super) fn put_in_place(&mut self, place: &Place<F>, stat: &Stat, staged: &Staged<F>) -> Step<Option<Outcome>> {
        if !self.ep.lock().pinned.contains(&place.path) {
            return Ok(None);
        }
        let mut file = match self.ep.fs.open_file_for_update(&place.dir, &place.name) {
            Err(error) if matches!(error.kind, FsErrorKind::TextBusy | FsErrorKind::PermissionDenied) => {
                return Ok(None);
            }
            opened => opened.map_err(|error| self.failed(&place.path, &error))?,
        };
        let original = self.keep_original(place, stat, &mut file)?;
        // Ends with the file's descriptor.
        self.ep.fs.hold(&file);
        if !self.holds_original(place, stat, &mut file, original.digest) {
            original.forget(&self.ep.fs, &self.staging);
            return Err(self.unexpected(&place.path));
        }
        let written = self.write_staged(&mut file, staged).and_then(|stat| {
            let out = self.ep.bin.taken_name(&place.path, Reason::Replaced, self.now_ms);
            original.settle(&self.ep.fs, &self.staging, &out).map(|()| (stat, out))
        });
        let (ours, out) = match written {
            Ok(written) => written,
            Err(error) => {
                self.put_original_back(place, &mut file, original);
                return Err(self.problem(&error));
            }
        };
        self.keep(self.taken_aside(out), &place.path, Reason::Replaced);
        let landed = self.landed(place, &ours, &mut file, staged.entry.digest);
        self.throw_away(staged.name());
        // Whoever put something else there meanwhile hasn't seen what was written: it was for what stood there before.
        let landed = landed.ok_or_else(|| self.unexpected(&place.path))?;
        self.record(place, Entry::File(staged.entry.clone()), &landed).map(Some)
    }

    /// Copies what stands there aside, durably.
    fn keep_original(&mut self, place: &Place<F>, stat: &Stat, file: &mut F::File) -> Step<Original> {
        let number = self.ep.staged_next.fetch_add(1, Ordering::Relaxed);
        let kept = Original::keep(&self.ep.fs, &self.staging, number, (&place.path, stat), file, self.buffer);
        let original = kept.map_err(|error| self.problem(&error))?;
        let known = place.row.as_ref().and_then(|row| row.entry.as_file()).and_then(|file| file.digest);
        if known.is_some_and(|known| known != original.digest) {
            original.forget(&self.ep.fs, &self.staging);
            return Err(self.unexpected(&place.path));
        }
        Ok(original)
    }

    /// Whether the opened file is what stands at the place, and holds what was copied.
    fn holds_original(&mut self, place: &Place<F>, stat: &Stat, file: &mut F::File, digest: Digest) -> bool {
        let fs = &self.ep.fs;
        let same = |seen: &Stat| seen == stat;
        matches!(fs.stat(&place.dir, &place.name), Ok(Some(now)) if same(&now))
            && matches!(digest_of(fs, file, stat.size, self.buffer), Ok(Some(now)) if now == digest)
            && fs.stat_file(file).is_ok_and(|now| same(&now))
    }

    /// Writes over the file durably. Gives what it looks like then.
    fn write_staged(&mut self, file: &mut F::File, staged: &Staged<F>) -> crate::fs::Result<Stat> {
        let fs = &self.ep.fs;
        let mut from = fs.open_file(&self.staging, staged.name())?;
        let entry = &staged.entry;
        write_over(fs, &mut from, file, entry.size, self.buffer)?;
        if self.ep.eyes.executable_bit {
            fs.set_executable(file, entry.executable)?;
        }
        fs.set_file_mtime(file, entry.mtime_ns)?;
        fs.sync_file(file)?;
        fs.stat_file(file)
    }

    /// After a failed write the old content is put back; where that fails too, by the next look at the path.
    fn put_original_back(&mut self, place: &Place<F>, file: &mut F::File, original: Original) {
        match original.put_back(&self.ep.fs, &self.staging, file, self.buffer) {
            Ok(()) => original.forget(&self.ep.fs, &self.staging),
            Err(error) => {
                tracing::warn!(path = %place.path, %error, "a file stays half written for now");
                self.ep.lock().half_written.insert(place.path.clone(), original.number);
            }
        }
        self.ep.dirty(&place.path, crate::settings::Look::Again);
    }

    /// How sure it is that the file holds what was written; `None` where it isn't at the place any more.
    fn landed(&mut self, place: &Place<F>, ours: &Stat, file: &mut F::File, digest: Option<Digest>) -> Option<Landed> {
        let fs = &self.ep.fs;
        let holds = matches!(digest_of(fs, file, ours.size, self.buffer), Ok(now) if now == digest);
        match fs.stat(&place.dir, &place.name) {
            Ok(Some(now)) if holds && now == *ours => Some(Landed::As(now)),
            Ok(Some(now)) if now.inode != ours.inode => None,
            Ok(None) => None,
            _ => Some(Landed::Overwritten),
        }
    }
}

/// Puts the first `size` bytes of one file in place of all that another holds. What is written over keeps its blocks, so that going back
/// needs no more room than there was.
pub(super) fn write_over<F: Fs>(
    fs: &F,
    from: &mut F::File,
    to: &mut F::File,
    size: u64,
    buffer: &mut Buffer,
) -> crate::fs::Result<()> {
    let failed = |error| FsError::new("write over the file", RelPath::ROOT, error);
    for file in [&mut *from, &mut *to] {
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
    }
    let copied = hash::read_parts(fs, from, size, buffer, |part| match part {
        hash::Part::Bytes(bytes) => to.write_all(bytes),
        hash::Part::Hole(bytes) => io::copy(&mut io::Read::take(io::repeat(0), bytes), to).map(|_| ()),
    });
    if !copied.map_err(failed)? {
        return Err(failed(io::ErrorKind::UnexpectedEof.into()));
    }
    fs.set_len(to, size)
}

/// The digest of an opened file of `size` bytes; `None` where it has another length.
pub(super) fn digest_of<F: Fs>(
    fs: &F,
    file: &mut F::File,
    size: u64,
    buffer: &mut Buffer,
) -> crate::fs::Result<Option<Digest>> {
    let failed = |error| FsError::new("read the opened file", RelPath::ROOT, error);
    let mut hasher = blake3::Hasher::new();
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let whole = hash::read_parts(fs, file, size, buffer, |part| {
        hash::feed(&mut hasher, &part);
        Ok(())
    });
    let is_all = whole.map_err(failed)? && hash::ends_at(file, size).map_err(failed)?;
    Ok(is_all.then(|| hasher.finalize().into()))
}
