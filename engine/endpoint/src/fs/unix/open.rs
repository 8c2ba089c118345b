//! Opening directories and files without following a symlink or entering another mount.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

use causeway_sync::path::{Name, RelPath};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};

use super::{Dir, look};
use crate::fs::{FsError, FsErrorKind, Kind};

/// Longest path that one system call takes, without its closing NUL: `PATH_MAX` of Linux (limits.h); macOS has 1024.
const STEP_BYTES_MAX: usize = if cfg!(target_os = "linux") { 4095 } else { 1023 };

/// How often a file that is held by a lease is tried again, and after how long: 100 ms in all.
const HELD_TRIES_MAX: u32 = 50;
const HELD_PAUSE: Duration = Duration::from_millis(2);

/// How often something is looked up that may have been moved out of the directory in that very moment.
#[cfg(target_os = "linux")]
const MOVED_TRIES_MAX: u32 = 8;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What a file is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Update,
}

/// Whether `openat2` exists and is permitted (Linux 5.6; some sandboxes refuse it).
pub(super) fn has_openat2() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let root = rustix::fs::openat(rustix::fs::CWD, "/", DIRECTORY, Mode::empty());
        root.and_then(|root| beneath(root, b".", DIRECTORY)).is_ok()
    })
}

/// `openat2` with every restriction that the contract asks for.
#[cfg(target_os = "linux")]
fn beneath(dir: impl AsFd, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    use rustix::fs::ResolveFlags;
    let resolve =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    let open = || rustix::io::retry_on_intr(|| rustix::fs::openat2(&dir, path, flags, Mode::empty(), resolve));
    for _ in 1..MOVED_TRIES_MAX {
        match open() {
            // Either there is a mount, or what was found was moved out of the directory at once.
            Err(Errno::XDEV) => {}
            opened => return opened,
        }
    }
    open()
}

#[cfg(not(target_os = "linux"))]
fn beneath(_: impl AsFd, _: &[u8], _: OFlags) -> Result<OwnedFd> {
    Err(Errno::NOSYS)
}

/// Opens one name; the mount is checked afterwards.
fn by_name(dir: &Dir, name: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let fd = rustix::io::retry_on_intr(|| rustix::fs::openat(dir, name, flags, Mode::empty()))?;
    if look::is_elsewhere(fd.as_fd(), dir.0.place)? {
        return Err(Errno::XDEV);
    }
    Ok(fd)
}

/// Opens the directory `name` in `dir`.
pub(super) fn dir(dir: &Dir, name: &[u8], has_openat2: bool) -> Result<Dir> {
    let fd = if has_openat2 { beneath(dir, name, DIRECTORY) } else { by_name(dir, name, DIRECTORY) }?;
    Ok(Dir::new(fd, dir.0.place))
}

/// Opens the directory `path` below `dir`.
pub(super) fn path(dir: &Dir, path: &RelPath, has_openat2: bool) -> Result<Dir> {
    let mut at = dir.clone();
    let mut rest = path.as_bytes();
    while !rest.is_empty() {
        let (step, after) = split(rest, if has_openat2 { STEP_BYTES_MAX } else { 1 });
        at = self::dir(&at, step, has_openat2)?;
        rest = after;
    }
    Ok(at)
}

/// Takes the longest whole names that fit into `bytes_max`, but at least one name, off the front.
fn split(path: &[u8], bytes_max: usize) -> (&[u8], &[u8]) {
    if path.len() <= bytes_max {
        return (path, b"");
    }
    let is_slash = |b: &u8| *b == b'/';
    let fitting = path[..=bytes_max].iter().rposition(is_slash);
    match fitting.or_else(|| path.iter().position(is_slash)) {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (path, b""),
    }
}

/// Opens a regular file.
pub(super) fn file(dir: &Dir, name: &Name, access: Access, has_openat2: bool) -> crate::fs::Result<File> {
    const OP: &str = "open the file";
    let not_a_file = || FsError::of_kind(OP, &RelPath::ROOT.join(name), FsErrorKind::NotAFile);
    let fd = match patiently(|| descriptor(dir, name.as_bytes(), access, has_openat2)) {
        // A socket, or a FIFO that nobody reads.
        Err(Errno::NXIO | Errno::OPNOTSUPP) => return Err(not_a_file()),
        other => other.map_err(super::at(OP, name))?,
    };
    let stat = look::descriptor(fd.as_fd()).map_err(super::at(OP, name))?;
    if stat.kind == Kind::File { Ok(File::from(fd)) } else { Err(not_a_file()) }
}

/// Waits a while for a file that somebody holds: one of this process's own updates in place takes a moment.
fn patiently<T>(open: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..HELD_TRIES_MAX {
        match open() {
            Err(Errno::AGAIN) => std::thread::sleep(HELD_PAUSE),
            opened => return opened,
        }
    }
    open()
}

fn descriptor(dir: &Dir, name: &[u8], access: Access, has_openat2: bool) -> Result<OwnedFd> {
    // Non-blocking, so that a FIFO put here meanwhile doesn't hold the caller for ever.
    let common = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |flags| if has_openat2 { beneath(dir, name, flags) } else { by_name(dir, name, flags) };
    match access {
        // Who isn't the owner couldn't set the time of what is written either, and learns of it before anything is.
        Access::Update => open(common | OFlags::RDWR | NOATIME),
        // Only the owner may leave the access time alone (open(2), O_NOATIME).
        Access::Read => match open(common | OFlags::RDONLY | NOATIME) {
            Err(Errno::PERM) => open(common | OFlags::RDONLY),
            other => other,
        },
    }
}

#[cfg(target_os = "linux")]
const NOATIME: OFlags = OFlags::NOATIME;
#[cfg(not(target_os = "linux"))]
const NOATIME: OFlags = OFlags::empty();

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn paths_are_taken_apart_at_slashes() {
        for (path, max, want) in [
            ("a", 1, ("a", "")),
            ("a/b", 1, ("a", "b")),
            ("a/b", 2, ("a", "b")),
            ("a/b", 3, ("a/b", "")),
            ("a/b/c", 3, ("a/b", "c")),
            ("a/b/c", 4, ("a/b", "c")),
            ("long/b", 1, ("long", "b")),
            ("long", 1, ("long", "")),
        ] {
            let (step, rest) = split(path.as_bytes(), max);
            assert_eq!((step, rest), (want.0.as_bytes(), want.1.as_bytes()), "{path} by {max}");
        }
    }

    /// What `openat2` refuses, the walk by components refuses too.
    #[test]
    fn both_ways_of_opening_agree() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(temp.path().join("a/b/c")).unwrap();
        std::fs::write(temp.path().join("a/file"), "").unwrap();
        symlink("b", temp.path().join("a/link")).unwrap();
        let fd = OwnedFd::from(std::fs::File::open(temp.path()).unwrap());
        let place = look::place(fd.as_fd()).unwrap();
        let root = Dir::new(fd, place);
        for (at, is_open) in [
            ("", true),
            ("a", true),
            ("a/b/c", true),
            ("a/link", false),
            ("a/link/c", false),
            ("a/file", false),
            ("a/file/c", false),
            ("a/missing", false),
        ] {
            let at = RelPath::new(at.as_bytes()).unwrap();
            for has_openat2 in [has_openat2(), false] {
                let opened = path(&root, at, has_openat2);
                assert_eq!(opened.is_ok(), is_open, "{at} with openat2: {has_openat2}");
            }
            let Some((parent, last)) = at.split_last() else { continue };
            let Ok(parent) = path(&root, parent, false) else { continue };
            for has_openat2 in [has_openat2(), false] {
                let opened = file(&parent, last, Access::Read, has_openat2);
                assert_eq!(opened.is_ok(), at.as_bytes() == b"a/file", "{at} with openat2: {has_openat2}");
            }
        }
        // Another file system: the process table's, which every test machine has mounted.
        #[cfg(target_os = "linux")]
        {
            let fd = OwnedFd::from(std::fs::File::open("/").unwrap());
            let place = look::place(fd.as_fd()).unwrap();
            let root = Dir::new(fd, place);
            for has_openat2 in [has_openat2(), false] {
                assert_eq!(dir(&root, b"proc", has_openat2).err(), Some(Errno::XDEV));
            }
        }
    }
}
