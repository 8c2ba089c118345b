//! Content: holes, copies without a detour, durability.

use std::fs::File;
use std::ops::Range;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;

use rustix::fs::SeekFrom;
use rustix::io::{Errno, Result};

/// What one `copy_file_range` or `pread` moves at most, so that a signal or an end of work is noticed soon.
const COPY_BYTES_MAX: usize = 64 << 20;
/// Buffer of a copy that goes through this process.
const BUFFER_BYTES: usize = 256 << 10;

pub(super) fn set_len(file: &File, bytes: u64) -> Result<()> {
    rustix::io::retry_on_intr(|| rustix::fs::ftruncate(file, bytes))
}

pub(super) fn next_data(file: &File, offset: u64) -> Result<Option<Range<u64>>> {
    let start = match rustix::fs::seek(file, SeekFrom::Data(offset)) {
        Ok(start) => start,
        // Nothing but a hole, or the end (lseek(2), ENXIO).
        Err(Errno::NXIO) => return Ok(None),
        Err(Errno::INVAL | Errno::OPNOTSUPP) => {
            let size = rustix::fs::seek(file, SeekFrom::End(0))?;
            return Ok((offset < size).then_some(offset..size));
        }
        Err(errno) => return Err(errno),
    };
    match rustix::fs::seek(file, SeekFrom::Hole(start)) {
        Ok(end) => Ok(Some(start..end)),
        // Cut short meanwhile.
        Err(Errno::NXIO) => Ok(None),
        Err(errno) => Err(errno),
    }
}

pub(super) fn copy_range(from: &File, from_range: Range<u64>, to: &File, to_offset: u64) -> Result<u64> {
    let length = from_range.end.saturating_sub(from_range.start);
    let mut copied = 0;
    while copied < length {
        let step = usize::try_from(length - copied).unwrap_or(COPY_BYTES_MAX).min(COPY_BYTES_MAX);
        let done = copy_in_kernel(from, from_range.start + copied, to, to_offset + copied, step)?;
        if done == 0 {
            // The end; or a file system that says so instead of refusing (copy_file_range(2), BUGS).
            let rest = length - copied;
            return Ok(copied + copy_through(from, from_range.start + copied, to, to_offset + copied, rest)?);
        }
        copied += done;
    }
    Ok(copied)
}

/// Copies without moving the content through this process; 0 where that can't be done.
#[cfg(target_os = "linux")]
fn copy_in_kernel(from: &File, from_at: u64, to: &File, to_at: u64, length: usize) -> Result<u64> {
    let (mut from_at, mut to_at) = (from_at, to_at);
    let copy = || rustix::fs::copy_file_range(from, Some(&mut from_at), to, Some(&mut to_at), length);
    match rustix::io::retry_on_intr(copy) {
        Ok(done) => Ok(done as u64),
        Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::PERM) => Ok(0),
        Err(errno) => Err(errno),
    }
}

#[cfg(not(target_os = "linux"))]
fn copy_in_kernel(_: &File, _: u64, _: &File, _: u64, _: usize) -> Result<u64> {
    Ok(0)
}

fn copy_through(from: &File, from_at: u64, to: &File, to_at: u64, length: u64) -> Result<u64> {
    let mut buffer = vec![0; BUFFER_BYTES.min(usize::try_from(length).unwrap_or(BUFFER_BYTES))];
    let mut copied = 0;
    while copied < length {
        let want = buffer.len().min(usize::try_from(length - copied).unwrap_or(usize::MAX));
        let got = rustix::io::retry_on_intr(|| rustix::io::pread(from, &mut buffer[..want], from_at + copied))?;
        if got == 0 {
            break;
        }
        write_all_at(to, &buffer[..got], to_at + copied)?;
        copied += got as u64;
    }
    Ok(copied)
}

fn write_all_at(to: &File, mut content: &[u8], mut at: u64) -> Result<()> {
    while !content.is_empty() {
        match rustix::io::retry_on_intr(|| rustix::io::pwrite(to, content, at))? {
            0 => return Err(Errno::IO),
            written => {
                content = &content[written..];
                at += written as u64;
            }
        }
    }
    Ok(())
}

/// Has the disk begin to write the content of a file.
#[cfg(target_os = "linux")]
pub(super) fn begin_sync(file: &File) {
    // What can't be begun is found out by whoever waits for it.
    // SAFETY: takes numbers alone.
    let _ = unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

#[cfg(target_os = "linux")]
pub(super) fn sync_file(file: &File) -> Result<()> {
    rustix::io::retry_on_intr(|| rustix::fs::fdatasync(file))
}

/// `fsync` of macOS doesn't reach the disk; `F_FULLFSYNC` does (fcntl(2) there).
#[cfg(not(target_os = "linux"))]
pub(super) fn sync_file(file: &File) -> Result<()> {
    rustix::io::retry_on_intr(|| rustix::fs::fcntl_fullfsync(file))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn copies_through_the_process_are_the_same_and_end_with_the_file() {
        let mut from = tempfile::tempfile().unwrap();
        let to = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..BUFFER_BYTES * 2 + 7).map(|i| (i % 251) as u8).collect();
        from.write_all(&content).unwrap();
        assert_eq!(copy_through(&from, 5, &to, 3, u64::MAX).unwrap(), content.len() as u64 - 5);
        let mut got = vec![0; content.len() - 2];
        rustix::io::pread(&to, &mut got[..], 0).unwrap();
        assert_eq!(&got[..3], [0; 3]);
        assert!(got[3..] == content[5..]);
    }
}
