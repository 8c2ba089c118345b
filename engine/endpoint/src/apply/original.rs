//! What a file held before it is written over: a copy in staging and a note beside it, which outlive a crash.
//!
//! While both stand there, the write isn't done: whoever finds them puts the file back as it was. They stand durably before
//! the first byte is written, and the copy is renamed away durably before the index learns of the write.

use std::io::{Read, Write};

use causeway_sync::{Digest, Name, NameBuf, RelPath, RelPathBuf};

use super::in_place::{digest_of, write_over};
use crate::fs::{self, Area, Fs, FsError, FsErrorKind, Rename, Stat};
use crate::hash::Buffer;
use crate::names::Names;
use crate::problem;
use crate::recycle_bin::{Bin, Reason};
use crate::walk;

const COPY_PREFIX: &str = "o-";
const NOTE_PREFIX: &str = "w-";
/// What stood there instead, on its way to the recycle bin.
const FOUND_PREFIX: &str = "f-";
/// Longest note: a digest, an inode and a path.
const NOTE_BYTES_MAX: u64 = 32 + 8 + causeway_sync::path::PATH_BYTES_MAX as u64;

/// A file's content as it was.
pub(crate) struct Original {
    pub number: u64,
    pub digest: Digest,
}

fn name(prefix: &str, number: u64) -> NameBuf {
    NameBuf::new(format!("{prefix}{number}").into_bytes()).expect("a prefix and digits are a name")
}

/// The number in the name of a note.
fn noted_number(staged: &Name) -> Option<u64> {
    std::str::from_utf8(staged.as_bytes()).ok()?.strip_prefix(NOTE_PREFIX)?.parse().ok()
}

impl Original {
    /// Copies an opened file that stands at `path` and looked like `stat`.
    pub(super) fn keep<F: Fs>(
        fs: &F,
        staging: &F::Dir,
        number: u64,
        (path, stat): (&RelPath, &Stat),
        file: &mut F::File,
        buffer: &mut Buffer,
    ) -> fs::Result<Self> {
        let kept = Self::copy(fs, staging, number, stat, file, buffer).and_then(|digest| {
            write_note(fs, staging, number, stat.inode, path)?;
            fs.sync_dir(staging)?;
            Ok(Self { number, digest })
        });
        if kept.is_err() {
            remove(fs, staging, number);
        }
        kept
    }

    fn copy<F: Fs>(
        fs: &F,
        staging: &F::Dir,
        number: u64,
        stat: &Stat,
        file: &mut F::File,
        buffer: &mut Buffer,
    ) -> fs::Result<Digest> {
        let mut copy = fs.create_file(staging, &name(COPY_PREFIX, number), stat.executable)?;
        fs.copy_file(file, &copy)?;
        fs.inherit(&copy, stat)?;
        fs.set_file_mtime(&copy, stat.mtime_ns)?;
        fs.sync_file(&copy)?;
        let size = fs.stat_file(&copy)?.size;
        let digest = digest_of(fs, &mut copy, size, buffer)?;
        digest.ok_or_else(|| FsError::of_kind("copy the file", RelPath::ROOT, FsErrorKind::Io))
    }

    /// The file holds what it is to hold: the copy goes to staging's name `out`, durably, and can't be put back any more.
    pub(super) fn settle<F: Fs>(&self, fs: &F, staging: &F::Dir, out: &Name) -> fs::Result<()> {
        fs.rename(staging, &name(COPY_PREFIX, self.number), staging, out, Rename::NoReplace)?;
        fs.sync_dir(staging)?;
        // Without its copy it says nothing any more.
        let _ = fs.remove_file(staging, &name(NOTE_PREFIX, self.number));
        Ok(())
    }

    /// Writes it back.
    pub(super) fn put_back<F: Fs>(
        &self,
        fs: &F,
        staging: &F::Dir,
        file: &mut F::File,
        buffer: &mut Buffer,
    ) -> fs::Result<()> {
        let mut copy = fs.open_file(staging, &name(COPY_PREFIX, self.number))?;
        write_back(fs, &mut copy, file, buffer)
    }

    /// The file holds it, or is somebody else's by now.
    pub(super) fn forget<F: Fs>(&self, fs: &F, staging: &F::Dir) {
        remove(fs, staging, self.number);
    }
}

/// Removes the note first: a copy without it says nothing.
fn remove<F: Fs>(fs: &F, staging: &F::Dir, number: u64) {
    for prefix in [NOTE_PREFIX, COPY_PREFIX] {
        match fs.remove_file(staging, &name(prefix, number)) {
            Err(error) if error.kind != FsErrorKind::NotFound => {
                tracing::debug!(%error, "something staged stays behind");
            }
            _ => {}
        }
    }
}

fn write_note<F: Fs>(fs: &F, staging: &F::Dir, number: u64, inode: u64, path: &RelPath) -> fs::Result<()> {
    let told = [&inode.to_le_bytes(), path.as_bytes()].concat();
    let name = name(NOTE_PREFIX, number);
    let mut note = fs.create_file(staging, &name, false)?;
    let written = note.write_all(&[blake3::hash(&told).as_bytes(), &told[..]].concat());
    written.map_err(|error| FsError::at("write the note of a file", &name, error))?;
    fs.sync_file(&note)
}

/// The inode and the path in a note; `None` where it isn't whole, so that nothing was written after it.
fn read_note<F: Fs>(fs: &F, staging: &F::Dir, number: u64) -> fs::Result<Option<(u64, RelPathBuf)>> {
    let name = name(NOTE_PREFIX, number);
    let mut bytes = Vec::new();
    let read = fs.open_file(staging, &name)?.take(NOTE_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|error| FsError::at("read the note of a file", &name, error))?;
    let Some((digest, told)) = bytes.split_first_chunk::<32>() else { return Ok(None) };
    let Some((inode, path)) = told.split_first_chunk::<8>() else { return Ok(None) };
    let is_whole = blake3::hash(told) == *digest;
    let path = RelPathBuf::new(path.to_vec()).ok().filter(|path| is_whole && !path.is_root());
    Ok(path.map(|path| (u64::from_le_bytes(*inode), path)))
}

fn write_back<F: Fs>(fs: &F, copy: &mut F::File, file: &mut F::File, buffer: &mut Buffer) -> fs::Result<()> {
    let stat = fs.stat_file(copy)?;
    write_over(fs, copy, file, stat.size, buffer)?;
    fs.set_executable(file, stat.executable)?;
    fs.set_file_mtime(file, stat.mtime_ns)?;
    fs.sync_file(file)
}

/// Undoes all writes that were cut off. Gives those that can't be undone now, by the paths of their files.
pub(crate) fn undo_all<F: Fs>(
    fs: &F,
    bin: &Bin<F>,
    staging: &F::Dir,
    now_ms: u64,
) -> fs::Result<Vec<(RelPathBuf, u64)>> {
    let mut left = Vec::new();
    for (staged, _) in Names::list(fs, staging)?.iter() {
        let Some(number) = noted_number(staged) else { continue };
        if let Err(error) = undo(fs, bin, staging, number, now_ms) {
            let Some((_, path)) = read_note(fs, staging, number)? else { return Err(error) };
            tracing::warn!(%path, %error, "a file stays half written for now");
            left.push((path, number));
        }
    }
    Ok(left)
}

/// Whether a name in staging belongs to a write that can't be undone now.
pub(crate) fn belongs_to(staged: &Name, number: u64) -> bool {
    [NOTE_PREFIX, COPY_PREFIX].iter().any(|prefix| *staged == *name(prefix, number))
}

/// Undoes a write that was cut off: its file is as it was. What stood there instead rests in the recycle bin, since a crash doesn't tell
/// half of a write from what somebody wrote after it.
pub(crate) fn undo<F: Fs>(fs: &F, bin: &Bin<F>, staging: &F::Dir, number: u64, now_ms: u64) -> fs::Result<()> {
    let copy = match fs.open_file(staging, &name(COPY_PREFIX, number)) {
        // It had become what rests in the bin, or nothing had been written.
        Err(error) if error.kind == FsErrorKind::NotFound => None,
        opened => Some(opened?),
    };
    if let (Some(mut copy), Some((inode, path))) = (copy, read_note(fs, staging, number)?) {
        let (above, at) = path.split_last().expect("it isn't the root");
        let root = fs.root(Area::Share)?;
        match fs.open_path(&root, above).and_then(|dir| fs.open_file_for_update(&dir, at)) {
            Ok(mut file) if fs.stat_file(&file)?.inode == inode => {
                restore(fs, (bin, staging), (&path, number), &mut file, &mut copy, now_ms)?;
            }
            Err(error) if !problem::is_stale(&error) => return Err(error),
            // Somebody has put something else there, or nothing.
            _ => bin.put(fs, (staging, &name(COPY_PREFIX, number)), &path, Reason::Recovered, now_ms)?,
        }
    }
    remove(fs, staging, number);
    Ok(())
}

fn restore<F: Fs>(
    fs: &F,
    (bin, staging): (&Bin<F>, &F::Dir),
    (path, number): (&RelPath, u64),
    file: &mut F::File,
    copy: &mut F::File,
    now_ms: u64,
) -> fs::Result<()> {
    fs.hold(file);
    let mut buffer = Buffer::default();
    let (old, now) = (fs.stat_file(copy)?, fs.stat_file(file)?);
    let found = digest_of(fs, file, now.size, &mut buffer)?;
    if found.is_none() || found != digest_of(fs, copy, old.size, &mut buffer)? {
        let out = name(FOUND_PREFIX, number);
        // It may have been tried before.
        walk::remove_tree(fs, staging, &out)?;
        let kept = fs.create_file(staging, &out, now.executable)?;
        fs.copy_file(file, &kept)?;
        fs.set_file_mtime(&kept, now.mtime_ns)?;
        bin.put(fs, (staging, &out), path, Reason::Recovered, now_ms)?;
        fs.sync_fs()?;
    }
    write_back(fs, copy, file, &mut buffer)
}
