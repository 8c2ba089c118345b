//! Deltas of large files: what the receiver holds, cut where the content says, and what the supplier sends instead of it.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

use causeway_sync::content::{Chunk, PIECE_BYTES_MAX, Piece, SIGNATURE_CHUNKS_MAX, Signature};
use fastcdc::v2020::{ChunkData, Error, StreamCDC};

use crate::fs::Fs;

/// Shortest and longest average of a chunk, in bytes. The longest bounds the memory of a cut to four times as much.
const AVERAGE_BYTES: std::ops::RangeInclusive<u32> = 8 << 10..=1 << 20;
/// Chunks that a signature aims at: a change of a byte in a gigabyte sends some 128 KiB, and costs a signature of 160 KiB.
const CHUNKS_WANTED: u64 = 8 << 10;

/// A signature of nothing: the file is sent whole.
pub(crate) fn nothing() -> Signature {
    Signature { average_bytes: *AVERAGE_BYTES.start(), chunks: Vec::new() }
}

/// Whether a delta may cost less than telling the whole file: not where most of it is holes, which cost nothing to tell and a
/// lot to read. Leaves the file at its start.
pub(crate) fn is_worth_it<F: Fs>(fs: &F, file: &mut F::File, size: u64) -> io::Result<bool> {
    let (mut at, mut data) = (0, 0);
    while data * 2 < size {
        let Some(range) = fs.next_data(file, at).map_err(|error| error.source)?.filter(|range| range.start < size)
        else {
            break;
        };
        data += range.end.min(size) - range.start;
        at = range.end;
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(data * 2 >= size)
}

fn average_for(size: u64) -> u32 {
    let wanted = u32::try_from(size / CHUNKS_WANTED).unwrap_or(u32::MAX >> 1).max(1);
    wanted.checked_next_power_of_two().unwrap_or(u32::MAX).clamp(*AVERAGE_BYTES.start(), *AVERAGE_BYTES.end())
}

/// Chunks of what `source` gives; a quarter of the average to four times.
fn cut<R: Read>(source: R, average_bytes: u32) -> impl Iterator<Item = io::Result<ChunkData>> {
    let average = average_bytes as usize;
    let mut cutter = StreamCDC::new(source, average / 4, average, average * 4);
    std::iter::from_fn(move || cutter.next().map(|chunk| chunk.map_err(io_error)))
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

fn half_digest(bytes: &[u8]) -> [u8; 16] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("32 bytes have a first half")
}

/// Makes the signature of a file of `size` bytes, read from its start.
pub(crate) fn sign(source: impl Read, size: u64) -> io::Result<Signature> {
    let average_bytes = average_for(size);
    let mut chunks = Vec::new();
    for chunk in cut(source, average_bytes).take(SIGNATURE_CHUNKS_MAX) {
        let data = chunk?.data;
        let bytes = u32::try_from(data.len()).expect("a chunk is at most four times its average");
        chunks.push(Chunk { bytes, digest: half_digest(&data) });
    }
    Ok(Signature { average_bytes, chunks })
}

/// Whether a signature that a peer sent can be worked with, and offers anything.
pub(crate) fn is_usable(signature: &Signature) -> bool {
    !signature.chunks.is_empty()
        && signature.average_bytes.is_power_of_two()
        && (4 << 10..=4 << 20).contains(&signature.average_bytes)
}

/// Tells a file in pieces: copies where the signature has the content, data elsewhere. Returns its digest and its length.
pub(crate) fn tell(
    source: impl Read,
    signature: &Signature,
    mut piece: impl FnMut(Piece<'_>) -> io::Result<()>,
) -> io::Result<(blake3::Hash, u64)> {
    let mut offered = HashMap::with_capacity(signature.chunks.len());
    let mut offset = 0;
    for chunk in &signature.chunks {
        offered.entry((chunk.digest, chunk.bytes)).or_insert(offset);
        offset += u64::from(chunk.bytes);
    }
    let mut hasher = blake3::Hasher::new();
    let mut told = 0;
    let mut copy: Option<(u64, u64)> = None;
    for chunk in cut(source, signature.average_bytes) {
        let data = chunk?.data;
        hasher.update(&data);
        told += data.len() as u64;
        let length = u32::try_from(data.len()).expect("a chunk is at most four times its average");
        let bytes = u64::from(length);
        match (offered.get(&(half_digest(&data), length)), &mut copy) {
            (Some(from), Some((start, copied))) if *start + *copied == *from => *copied += bytes,
            (Some(from), _) => {
                if let Some((offset, bytes)) = copy.replace((*from, bytes)) {
                    piece(Piece::Copy { offset, bytes })?;
                }
            }
            (None, _) => {
                if let Some((offset, bytes)) = copy.take() {
                    piece(Piece::Copy { offset, bytes })?;
                }
                for part in data.chunks(PIECE_BYTES_MAX) {
                    piece(Piece::Data(part))?;
                }
            }
        }
    }
    if let Some((offset, bytes)) = copy {
        piece(Piece::Copy { offset, bytes })?;
    }
    Ok((hasher.finalize(), told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn noise(bytes: usize, seed: u64) -> Vec<u8> {
        let mut out = vec![0; bytes];
        blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
        out
    }

    /// What a receiver puts together, and how many bytes crossed as data.
    fn put_together(old: &[u8], new: &[u8]) -> (Vec<u8>, usize) {
        let signature = sign(old, old.len() as u64).unwrap();
        let (mut built, mut sent) = (Vec::new(), 0);
        let (digest, told) = tell(Cursor::new(new), &signature, |piece| {
            match piece {
                Piece::Data(bytes) => {
                    assert!(bytes.len() <= PIECE_BYTES_MAX);
                    sent += bytes.len();
                    built.extend_from_slice(bytes);
                }
                Piece::Copy { offset, bytes } => {
                    built.extend_from_slice(&old[offset as usize..(offset + bytes) as usize]);
                }
                Piece::Hole(bytes) => built.resize(built.len() + bytes as usize, 0),
            }
            Ok(())
        })
        .unwrap();
        assert_eq!((digest, told), (blake3::hash(new), new.len() as u64));
        (built, sent)
    }

    #[test]
    fn only_what_differs_is_sent() {
        let old = noise(8 << 20, 1);
        let mut inserted = old.clone();
        inserted.splice(3_000_000..3_000_000, noise(1000, 2));
        let mut overwritten = old.clone();
        overwritten[5_000_000..5_000_100].fill(7);
        let appended = [old.clone(), noise(5000, 3)].concat();
        let swapped = [&old[4 << 20..], &old[..4 << 20]].concat();
        for (name, new, most) in [
            ("same", old.clone(), 0),
            ("inserted", inserted, 100_000),
            ("overwritten", overwritten, 100_000),
            ("appended", appended, 100_000),
            ("swapped", swapped, 200_000),
            ("shorter", old[..6_000_000].to_vec(), 100_000),
            ("empty", Vec::new(), 0),
            ("other", noise(1 << 20, 9), 1 << 20),
        ] {
            let (built, sent) = put_together(&old, &new);
            assert!(built == new, "{name}");
            assert!(sent <= most, "{name}: {sent} bytes were sent");
        }
    }

    #[test]
    fn chunks_grow_with_the_file() {
        for (size, average) in
            [(0, 8 << 10), (64 << 20, 8 << 10), (1 << 30, 128 << 10), (1 << 40, 1 << 20), (u64::MAX, 1 << 20)]
        {
            assert_eq!(average_for(size), average, "{size}");
        }
    }
}
