//! Looking: stat, symlink targets, free space.

use std::os::fd::{AsFd, BorrowedFd};

use causeway_sync::entry::Target;
use causeway_sync::path::{Name, RelPath};
use rustix::fs::{AtFlags, FileType};
use rustix::io::{Errno, Result};

use super::Dir;
use crate::fs::{FsError, FsErrorKind, Kind, Owner, Space, Stat};

/// A file system as mounted at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Device number.
    pub(super) device: u64,
    /// Id of the mount; `None` where the system doesn't tell (Linux before 5.8, macOS).
    mount: Option<u64>,
}

impl Place {
    /// Whether what was found at `other` can't be reached from here without entering another mount. The device decides for directories
    /// only: overlayfs gives files the numbers of its layers, btrfs gives each subvolume one.
    fn excludes(self, other: Self, kind: Kind) -> bool {
        let elsewhere = matches!((self.mount, other.mount), (Some(a), Some(b)) if a != b);
        elsewhere || (kind == Kind::Directory && self.device != other.device)
    }
}

fn kind_of(mode: rustix::fs::RawMode) -> Kind {
    match FileType::from_raw_mode(mode) {
        FileType::Directory => Kind::Directory,
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Symlink,
        FileType::Socket => Kind::Socket,
        FileType::Fifo => Kind::Fifo,
        FileType::CharacterDevice | FileType::BlockDevice => Kind::Device,
        _ => Kind::Other,
    }
}

/// Nanoseconds since 1970, clamped.
fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    let exact = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(target_os = "linux")]
fn raw(dir: BorrowedFd<'_>, name: &[u8], flags: AtFlags) -> Result<(Stat, Place)> {
    use rustix::fs::StatxFlags;
    let flags = flags | AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let mask = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    let found = rustix::io::retry_on_intr(|| rustix::fs::statx(dir, name, flags, mask))?;
    let mode = u32::from(found.stx_mode);
    let device = rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor);
    let mount = (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id);
    let stat = Stat {
        kind: kind_of(mode),
        size: found.stx_size,
        mtime_ns: nanoseconds(found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec.into()),
        ctime_ns: nanoseconds(found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec.into()),
        inode: found.stx_ino,
        device,
        executable: mode & 0o100 != 0,
        links: found.stx_nlink,
        mode: mode & 0o7777,
        owner: Owner { uid: found.stx_uid, gid: found.stx_gid },
    };
    Ok((stat, Place { device, mount }))
}

#[cfg(not(target_os = "linux"))]
fn raw(dir: BorrowedFd<'_>, name: &[u8], flags: AtFlags) -> Result<(Stat, Place)> {
    let found = if name.is_empty() {
        rustix::fs::fstat(dir)?
    } else {
        rustix::fs::statat(dir, name, flags | AtFlags::SYMLINK_NOFOLLOW)?
    };
    let mode = u32::from(found.st_mode);
    let device = u64::from(found.st_dev.cast_unsigned());
    let stat = Stat {
        kind: kind_of(found.st_mode),
        size: u64::try_from(found.st_size).unwrap_or(0),
        mtime_ns: nanoseconds(found.st_mtime, found.st_mtime_nsec),
        ctime_ns: nanoseconds(found.st_ctime, found.st_ctime_nsec),
        inode: found.st_ino,
        device,
        executable: mode & 0o100 != 0,
        links: found.st_nlink.into(),
        mode: mode & 0o7777,
        owner: Owner { uid: found.st_uid, gid: found.st_gid },
    };
    Ok((stat, Place { device, mount: None }))
}

/// What stands at `name`, as seen from the area of `dir`.
pub(super) fn name(dir: &Dir, name: &Name) -> Result<Option<Stat>> {
    match raw(dir.as_fd(), name.as_bytes(), AtFlags::empty()) {
        Ok((mut stat, place)) => {
            if dir.0.place.excludes(place, stat.kind) {
                stat.kind = Kind::Mount;
            }
            Ok(Some(stat))
        }
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

#[cfg(target_os = "linux")]
const ITSELF: AtFlags = AtFlags::EMPTY_PATH;
#[cfg(not(target_os = "linux"))]
const ITSELF: AtFlags = AtFlags::empty();

/// What an opened descriptor is.
pub(super) fn descriptor(fd: BorrowedFd<'_>) -> Result<Stat> {
    raw(fd, b"", ITSELF).map(|(stat, _)| stat)
}

/// Where an opened descriptor is.
pub(super) fn place(fd: BorrowedFd<'_>) -> Result<Place> {
    raw(fd, b"", ITSELF).map(|(_, place)| place)
}

/// Whether a directory opened by its name stands outside `place`.
pub(super) fn is_elsewhere(fd: BorrowedFd<'_>, place: Place) -> Result<bool> {
    raw(fd, b"", ITSELF).map(|(stat, found)| place.excludes(found, stat.kind))
}

/// A symlink's target.
pub(super) fn link(dir: &Dir, name: &Name) -> crate::fs::Result<Target> {
    const OP: &str = "read the symlink";
    let target = rustix::fs::readlinkat(dir, name.as_bytes(), Vec::new()).map_err(super::at(OP, name))?;
    Target::new(target.into_bytes())
        .map_err(|_| FsError::of_kind(OP, &RelPath::ROOT.join(name), FsErrorKind::InvalidInput))
}

/// Free and total space of the file system of `dir`.
pub(super) fn space(dir: &Dir) -> Result<Space> {
    let found = rustix::io::retry_on_intr(|| rustix::fs::fstatvfs(dir))?;
    // btrfs and others have no table of inodes, and say 0 of 0.
    let free_inodes = if found.f_files == 0 { u64::MAX } else { found.f_favail };
    Ok(Space {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
        free_inodes,
    })
}
