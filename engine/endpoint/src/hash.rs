//! Reading files: their digest, and whether they stayed as they were while they were read.

use std::io::{self, Read, Seek, SeekFrom};

use causeway_sync::content::PIECE_BYTES_MAX;
use causeway_sync::{Digest, Name};

use crate::fs::{self, Fs, FsError, Stat};

/// From this length on, holes are asked for: below, asking costs more than reading zeros.
const HOLES_FROM_BYTES: u64 = 1 << 20;

/// What reading a file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Its digest; it was the same before and after.
    Whole(Digest),
    /// It was changed, or replaced, since it was looked at or while it was read.
    Disturbed,
}

/// A part of a file's content, as it is read in order.
pub(crate) enum Part<'a> {
    Bytes(&'a [u8]),
    /// This many zeros that take no space.
    Hole(u64),
}

/// A buffer for reading. It grows with what is read: zeroing a large one takes longer than reading a small file.
#[derive(Default)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    /// So many bytes, a piece at most.
    pub(crate) fn bytes(&mut self, wanted: u64) -> &mut [u8] {
        let length = usize::try_from(wanted).unwrap_or(usize::MAX).min(PIECE_BYTES_MAX);
        if self.0.len() < length {
            self.0.resize(length, 0);
        }
        &mut self.0[..length]
    }
}

/// Reads the file at `name`, which looked like `seen`.
pub(crate) fn read_digest<F: Fs>(
    fs: &F,
    dir: &F::Dir,
    name: &Name,
    seen: &Stat,
    buffer: &mut Buffer,
) -> fs::Result<Reading> {
    let read = read_digest_while(fs, dir, name, seen, buffer, &mut |_| true)?;
    Ok(read.expect("nothing stops it"))
}

/// The same; `None` where `goes_on` didn't want it to before it was read whole. It is told how many bytes more have been read.
pub(crate) fn read_digest_while<F: Fs>(
    fs: &F,
    dir: &F::Dir,
    name: &Name,
    seen: &Stat,
    buffer: &mut Buffer,
    goes_on: &mut impl FnMut(u64) -> bool,
) -> fs::Result<Option<Reading>> {
    let mut file = fs.open_file(dir, name)?;
    if fs.stat_file(&file)? != *seen {
        return Ok(Some(Reading::Disturbed));
    }
    let mut hasher = blake3::Hasher::new();
    let mut stopped = false;
    let read = read_parts(fs, &mut file, seen.size, buffer, |part| {
        stopped = !feed_while(&mut hasher, &part, goes_on);
        if stopped { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    });
    if stopped {
        return Ok(None);
    }
    let whole = read.map_err(|error| FsError::at("read", name, error))?;
    let ends = whole && ends_at(&mut file, seen.size).map_err(|error| FsError::at("read", name, error))?;
    if !ends || fs.stat_file(&file)? != *seen {
        return Ok(Some(Reading::Disturbed));
    }
    Ok(Some(Reading::Whole(hasher.finalize().into())))
}

/// Reads `size` bytes from the start in order; false when the file ends before.
pub(crate) fn read_parts<F: Fs>(
    fs: &F,
    file: &mut F::File,
    size: u64,
    buffer: &mut Buffer,
    mut each: impl FnMut(Part<'_>) -> io::Result<()>,
) -> io::Result<bool> {
    let mut at = 0;
    while at < size {
        let mut end = size;
        if size >= HOLES_FROM_BYTES {
            let data = fs.next_data(file, at).map_err(|error| error.source)?.unwrap_or(size..size);
            let start = data.start.clamp(at, size);
            end = data.end.clamp(start, size);
            if start > at {
                each(Part::Hole(start - at))?;
                at = start;
            }
            file.seek(SeekFrom::Start(at))?;
        }
        while at < end {
            let bytes = buffer.bytes(end - at);
            let got = read_full(file, bytes)?;
            if got == 0 {
                return Ok(false);
            }
            each(Part::Bytes(&bytes[..got]))?;
            at += got as u64;
        }
    }
    Ok(true)
}

/// Whether a file of which `size` bytes were read in order ends there: one byte more tells a file that has grown, which a stat
/// would tell as well, but not of every file system.
pub(crate) fn ends_at(file: &mut impl Read, size: u64) -> io::Result<bool> {
    Ok(size >= HOLES_FROM_BYTES || read_full(file, &mut [0])? == 0)
}

/// Reads until `into` is full or the file ends.
pub(crate) fn read_full(file: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < into.len() {
        match file.read(&mut into[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Adds a part to a digest; a hole as the zeros that a reader sees.
pub(crate) fn feed(hasher: &mut blake3::Hasher, part: &Part<'_>) {
    match part {
        Part::Bytes(bytes) => {
            hasher.update(bytes);
        }
        Part::Hole(bytes) => feed_zeros(hasher, *bytes),
    }
}

/// The same, as long as `goes_on` wants it, which is told how many bytes more were added: a hole may stand for hours of zeros. Whether
/// the whole part was added.
fn feed_while(hasher: &mut blake3::Hasher, part: &Part<'_>, goes_on: &mut impl FnMut(u64) -> bool) -> bool {
    match part {
        Part::Bytes(bytes) => {
            hasher.update(bytes);
            goes_on(bytes.len() as u64)
        }
        Part::Hole(bytes) => {
            let mut left = *bytes;
            while left > 0 {
                let step = left.min(HOLES_FROM_BYTES);
                feed_zeros(hasher, step);
                left -= step;
                if !goes_on(step) {
                    return false;
                }
            }
            true
        }
    }
}

/// Adds zeros to a digest.
pub(crate) fn feed_zeros(hasher: &mut blake3::Hasher, mut bytes: u64) {
    while bytes > 0 {
        let step = usize::try_from(bytes).unwrap_or(usize::MAX).min(ZEROS.len());
        hasher.update(&ZEROS[..step]);
        bytes -= step as u64;
    }
}
