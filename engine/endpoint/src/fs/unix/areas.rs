//! Where share, staging and bin stand, and whether a rename reaches from one to the other.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use causeway_sync::path::{Name, RelPath};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use super::change::{self, CreateMode};
use super::{Dir, at, look};
use crate::fs::{Area, FsError, OsFsConfig, RESERVED_PREFIX, Result};

/// Staging and bin in the private directory.
const STAGING: &str = "staging";
const BIN: &str = "bin";
/// Staging inside the share, and the file of the trial rename; both begin with [`RESERVED_PREFIX`].
const STAGING_IN_SHARE: &[u8] = b".causeway-tmp-staging";
const TRIAL: &[u8] = b".causeway-tmp-trial";

/// The three areas.
pub(super) struct Areas {
    share: PathBuf,
    private: PathBuf,
    is_staging_in_share: bool,
    /// Kept open: `syncfs` tells errors of writing back only to a descriptor that was open when they happened (syncfs(2)).
    share_anchor: Dir,
    private_anchor: Dir,
    staging_anchor: Dir,
}

impl Areas {
    pub(super) fn open(config: &OsFsConfig) -> Result<Self> {
        debug_assert!(STAGING_IN_SHARE.starts_with(RESERVED_PREFIX) && TRIAL.starts_with(RESERVED_PREFIX));
        let (share, private) = (config.share.clone(), config.private.clone());
        let share_anchor = open_root(&share, "open the share's root")?;
        let private_anchor = open_private(&private)?;
        let staging_anchor = open_private(&private.join(STAGING))?;
        open_private(&private.join(BIN))?;
        let is_staging_in_share = !reaches(&staging_anchor, &share_anchor);
        Ok(Self { share, private, is_staging_in_share, share_anchor, private_anchor, staging_anchor })
    }

    /// The share's root as it was when the areas were opened.
    pub(super) fn share_anchor(&self) -> &Dir {
        &self.share_anchor
    }

    /// Staging in the private directory, whether it is used or not.
    pub(super) fn staging_anchor(&self) -> &Dir {
        &self.staging_anchor
    }

    pub(super) fn in_share_staging(&self) -> bool {
        self.is_staging_in_share
    }

    pub(super) fn root(&self, area: Area, mode: CreateMode) -> Result<Dir> {
        match area {
            Area::Share => open_root(&self.share, "open the share's root"),
            Area::Bin => open_private(&self.private.join(BIN)),
            Area::Staging if self.is_staging_in_share => self.staging_in_share(mode),
            Area::Staging => open_private(&self.private.join(STAGING)),
        }
    }

    fn staging_in_share(&self, mode: CreateMode) -> Result<Dir> {
        let share = open_root(&self.share, "open the share's root")?;
        let name = Name::new(STAGING_IN_SHARE).expect("it is a name");
        match change::create_dir(&share, name, mode.of_dir(), false) {
            Err(Errno::EXIST) => super::open::dir(&share, name.as_bytes(), false),
            other => other,
        }
        .map_err(at("open staging in the share", name))
    }

    pub(super) fn release_staging(&self) -> Result<()> {
        if !self.is_staging_in_share {
            return Ok(());
        }
        let share = open_root(&self.share, "open the share's root")?;
        let name = Name::new(STAGING_IN_SHARE).expect("it is a name");
        match change::remove_dir(&share, name) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY) => Ok(()),
            Err(errno) => Err(at("remove staging from the share", name)(errno)),
        }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn sync(&self) -> rustix::io::Result<()> {
        rustix::fs::syncfs(&self.share_anchor)?;
        if self.is_staging_in_share { rustix::fs::syncfs(&self.private_anchor) } else { Ok(()) }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn sync(&self) -> rustix::io::Result<()> {
        rustix::fs::sync();
        rustix::fs::fcntl_fullfsync(&self.share_anchor)?;
        rustix::fs::fcntl_fullfsync(&self.private_anchor)
    }
}

/// Opens a directory by its absolute path. What leads to it may be symlinks, itself may not.
fn open_root(path: &Path, op: &'static str) -> Result<Dir> {
    open_absolute(path).map_err(|errno| FsError::new(op, RelPath::ROOT, errno.into()))
}

pub(super) fn open_absolute(path: &Path) -> rustix::io::Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd: OwnedFd = rustix::io::retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::empty()))?;
    let place = look::place(fd.as_fd())?;
    Ok(Dir::new(fd, place))
}

/// Opens a private directory, created for this user alone where missing.
fn open_private(path: &Path) -> Result<Dir> {
    const OP: &str = "open the private directory";
    match open_absolute(path) {
        Err(Errno::NOENT) => {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(|source| FsError::new(OP, RelPath::ROOT, source))?;
            open_root(path, OP)
        }
        other => other.map_err(|errno| FsError::new(OP, RelPath::ROOT, errno.into())),
    }
}

/// Whether a file can be renamed from `staging` into `share`. Tried for real, because equal devices are not enough: two mounts of
/// one file system, project quotas and encrypted directories refuse it. Where the share can't be written at all, yes.
fn reaches(staging: &Dir, share: &Dir) -> bool {
    let remove = |dir: &Dir| {
        let _ = rustix::fs::unlinkat(dir, TRIAL, AtFlags::empty());
    };
    // What a crash left behind.
    remove(staging);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o600);
    let tried = rustix::fs::openat(staging, TRIAL, flags, mode)
        .and_then(|_| rustix::fs::renameat(staging, TRIAL, share, TRIAL));
    remove(staging);
    remove(share);
    !matches!(tried, Err(Errno::XDEV))
}
