//! Listing a directory as a stream.

use std::ops::ControlFlow;

use causeway_sync::path::Name;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Result;

use super::Dir;
use crate::fs::Kind;

type Each<'a> = dyn FnMut(&Name, Option<Kind>) -> ControlFlow<()> + 'a;

/// What one `getdents64` fills: some thousand names.
#[cfg(target_os = "linux")]
const BUFFER_BYTES: usize = 64 * 1024;

/// Calls `each` for every name; returns how many are no names.
pub(super) fn list(dir: &Dir, each: &mut Each<'_>) -> Result<u64> {
    // The position belongs to the descriptor, so one listing at a time may use it; another (on another thread, or from `each`)
    // gets a descriptor of its own.
    match dir.0.listing.try_lock() {
        Ok(mut moved) => {
            if std::mem::replace(&mut *moved, true) {
                rustix::fs::seek(dir, rustix::fs::SeekFrom::Start(0))?;
            }
            entries(dir, each)
        }
        Err(_) => {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let fd = rustix::io::retry_on_intr(|| rustix::fs::openat(dir, ".", flags, Mode::empty()))?;
            entries(&Dir::new(fd, dir.0.place), each)
        }
    }
}

#[cfg(target_os = "linux")]
fn entries(dir: &Dir, each: &mut Each<'_>) -> Result<u64> {
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    let mut entries = rustix::fs::RawDir::new(dir, buffer.spare_capacity_mut());
    let mut passed_over = 0;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if tell(entry.file_name().to_bytes(), entry.file_type(), each, &mut passed_over).is_break() {
            break;
        }
    }
    Ok(passed_over)
}

#[cfg(not(target_os = "linux"))]
fn entries(dir: &Dir, each: &mut Each<'_>) -> Result<u64> {
    let mut passed_over = 0;
    for entry in rustix::fs::Dir::read_from(dir)? {
        let entry = entry?;
        if tell(entry.file_name().to_bytes(), entry.file_type(), each, &mut passed_over).is_break() {
            break;
        }
    }
    Ok(passed_over)
}

fn tell(name: &[u8], kind: FileType, each: &mut Each<'_>, passed_over: &mut u64) -> ControlFlow<()> {
    if matches!(name, b"." | b"..") {
        return ControlFlow::Continue(());
    }
    match Name::new(name) {
        Ok(name) => each(name, hint(kind)),
        Err(_) => {
            *passed_over += 1;
            ControlFlow::Continue(())
        }
    }
}

fn hint(kind: FileType) -> Option<Kind> {
    Some(match kind {
        FileType::Directory => Kind::Directory,
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Symlink,
        FileType::Socket => Kind::Socket,
        FileType::Fifo => Kind::Fifo,
        FileType::CharacterDevice | FileType::BlockDevice => Kind::Device,
        _ => return None,
    })
}
