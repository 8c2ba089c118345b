//! Changing: creating, renaming, removing, permissions and times.

use std::fs::File;
use std::os::fd::AsFd;

use causeway_sync::path::Name;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, RawMode, RenameFlags, Timespec, Timestamps, Uid};
use rustix::io::{Errno, Result};

use super::{Dir, look, open};
use crate::fs::{FileMode, FsError, FsErrorKind, Kind, Rename, Stat};

/// Permissions of new files and directories, and how they are brought about.
#[derive(Clone, Copy, Debug)]
pub(super) struct CreateMode {
    policy: FileMode,
    /// The umask takes bits away that the policy demands, so each creation needs a second call.
    is_masked: bool,
}

/// Permissions for one creation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Permissions {
    mode: Mode,
    is_masked: bool,
}

impl CreateMode {
    /// Finds out by a trial in `staging` whether the umask stands against `policy`; takes it as so where the trial fails.
    pub(super) fn probe(policy: FileMode, staging: &Dir) -> Self {
        const TRIAL: &[u8] = b"trial-of-the-umask";
        // What a crash left behind.
        let _ = rustix::fs::unlinkat(staging, TRIAL, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = rustix::fs::openat(staging, TRIAL, flags, Mode::from_raw_mode(0o777))
            .and_then(|fd| look::descriptor(fd.as_fd()));
        let _ = rustix::fs::unlinkat(staging, TRIAL, AtFlags::empty());
        Self { policy, is_masked: found.map_or(true, |stat| stat.mode != 0o777) }
    }

    pub(super) fn of_file(self, executable: bool) -> Permissions {
        self.permissions(match (self.policy, executable) {
            (FileMode::User, false) => 0o644,
            (FileMode::User, true) => 0o755,
            (FileMode::Everyone, false) => 0o666,
            (FileMode::Everyone, true) => 0o777,
        })
    }

    pub(super) fn of_dir(self) -> Permissions {
        self.of_file(true)
    }

    fn permissions(self, mode: RawMode) -> Permissions {
        let is_masked = self.is_masked && self.policy == FileMode::Everyone;
        Permissions { mode: Mode::from_raw_mode(mode), is_masked }
    }
}

pub(super) fn create_file(dir: &Dir, name: &Name, permissions: Permissions) -> Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::io::retry_on_intr(|| rustix::fs::openat(dir, name.as_bytes(), flags, permissions.mode))?;
    if permissions.is_masked {
        rustix::fs::fchmod(&fd, permissions.mode)?;
    }
    Ok(File::from(fd))
}

pub(super) fn create_dir(dir: &Dir, name: &Name, permissions: Permissions, has_openat2: bool) -> Result<Dir> {
    rustix::fs::mkdirat(dir, name.as_bytes(), permissions.mode)?;
    let created = open::dir(dir, name.as_bytes(), has_openat2)?;
    if permissions.is_masked {
        rustix::fs::fchmod(&created, permissions.mode)?;
    }
    Ok(created)
}

pub(super) fn remove_file(dir: &Dir, name: &Name) -> Result<()> {
    rustix::fs::unlinkat(dir, name.as_bytes(), AtFlags::empty())
}

pub(super) fn remove_dir(dir: &Dir, name: &Name) -> Result<()> {
    match rustix::fs::unlinkat(dir, name.as_bytes(), AtFlags::REMOVEDIR) {
        // POSIX leaves the choice between the two to the system (rmdir(3p)).
        Err(Errno::EXIST) => Err(Errno::NOTEMPTY),
        other => other,
    }
}

/// A directory and a name in it.
type Spot<'a> = (&'a Dir, &'a Name);

pub(super) fn rename(from: Spot<'_>, to: Spot<'_>, how: Rename) -> crate::fs::Result<()> {
    let flags = match how {
        Rename::NoReplace => RenameFlags::NOREPLACE,
        Rename::Exchange => RenameFlags::EXCHANGE,
    };
    let done = rustix::fs::renameat_with(from.0, from.1.as_bytes(), to.0, to.1.as_bytes(), flags);
    let Err(errno) = done else { return Ok(()) };
    let is_lacking = matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP);
    match how {
        Rename::NoReplace if is_lacking => rename_without_flags(from, to).map_err(super::at("rename", from.1)),
        Rename::NoReplace => Err(FsError::at("rename", from.1, errno.into())),
        Rename::Exchange => {
            let error = FsError::at("exchange", from.1, errno.into());
            // A directory with one inside itself is `EINVAL` too, but nobody exchanges these.
            Err(if is_lacking { FsError { kind: FsErrorKind::Unsupported, ..error } } else { error })
        }
    }
}

/// A rename onto a free name, on file systems that know no flags of `renameat2`.
fn rename_without_flags(from: Spot<'_>, to: Spot<'_>) -> Result<()> {
    let moved = look::name(from.0, from.1)?.ok_or(Errno::NOENT)?;
    if !matches!(moved.kind, Kind::Directory | Kind::Mount) {
        let link = rustix::fs::linkat(from.0, from.1.as_bytes(), to.0, to.1.as_bytes(), AtFlags::empty());
        match link {
            Ok(()) => return remove_file(from.0, from.1),
            // No hard links here, or not for this file.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {}
            Err(errno) => return Err(errno),
        }
    }
    if look::name(to.0, to.1)?.is_some() {
        return Err(Errno::EXIST);
    }
    rustix::fs::renameat(from.0, from.1.as_bytes(), to.0, to.1.as_bytes())
}

/// The executable bits that belong to `mode`: whoever may read may execute.
fn executable_bits(mode: u32) -> u32 {
    (mode & 0o444) >> 2
}

fn change_mode(file: &File, from: u32, to: u32) -> Result<()> {
    if from == to {
        return Ok(());
    }
    let bits = RawMode::try_from(to & 0o7777).expect("twelve bits fit every mode type");
    rustix::fs::fchmod(file, Mode::from_raw_mode(bits))
}

pub(super) fn set_executable(file: &File, executable: bool) -> Result<()> {
    let mode = look::descriptor(file.as_fd())?.mode;
    let wanted = if executable { mode | executable_bits(mode) } else { mode & !0o111 };
    change_mode(file, mode, wanted)
}

pub(super) fn inherit(file: &File, replaced: &Stat) -> Result<()> {
    let own = look::descriptor(file.as_fd())?;
    if own.owner != replaced.owner {
        let (uid, gid) = (Uid::from_raw(replaced.owner.uid), Gid::from_raw(replaced.owner.gid));
        match rustix::fs::fchown(file, Some(uid), Some(gid)) {
            // Only the administrator may give files away, to groups of one's own excepted.
            Err(Errno::PERM) => {
                let _ = rustix::fs::fchown(file, None, Some(gid));
            }
            other => other?,
        }
    }
    let bits = replaced.mode & 0o666;
    let executable = if own.executable { executable_bits(bits) | 0o100 } else { 0 };
    change_mode(file, own.mode, bits | executable)
}

fn only_mtime(mtime_ns: i64) -> Timestamps {
    const SECOND_NS: i64 = 1_000_000_000;
    let unchanged = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    let modified = Timespec { tv_sec: mtime_ns.div_euclid(SECOND_NS), tv_nsec: mtime_ns.rem_euclid(SECOND_NS) };
    Timestamps { last_access: unchanged, last_modification: modified }
}

pub(super) fn set_file_mtime(file: &File, mtime_ns: i64) -> Result<()> {
    rustix::fs::futimens(file, &only_mtime(mtime_ns))
}

pub(super) fn set_mtime(dir: &Dir, name: &Name, mtime_ns: i64) -> Result<()> {
    rustix::fs::utimensat(dir, name.as_bytes(), &only_mtime(mtime_ns), AtFlags::SYMLINK_NOFOLLOW)
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_rename_without_flags_replaces_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        let fd = OwnedFd::from(File::open(temp.path()).unwrap());
        let place = look::place(fd.as_fd()).unwrap();
        let dir = Dir::new(fd, place);
        let name = |name: &'static str| Name::new(name.as_bytes()).unwrap();
        std::fs::write(at("file"), "content").unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        symlink("nowhere", at("link")).unwrap();
        std::fs::create_dir(at("taken")).unwrap();
        for moved in ["file", "directory", "link"] {
            let taken = rename_without_flags((&dir, name(moved)), (&dir, name("taken")));
            assert_eq!(taken, Err(Errno::EXIST), "{moved}");
            let inode = look::name(&dir, name(moved)).unwrap().unwrap().inode;
            rename_without_flags((&dir, name(moved)), (&dir, name("free"))).unwrap();
            assert_eq!(look::name(&dir, name(moved)).unwrap(), None, "{moved}");
            assert_eq!(look::name(&dir, name("free")).unwrap().unwrap().inode, inode, "{moved}");
            rename_without_flags((&dir, name("free")), (&dir, name(moved))).unwrap();
        }
        let missing = rename_without_flags((&dir, name("missing")), (&dir, name("free")));
        assert_eq!(missing, Err(Errno::NOENT));
    }
}
