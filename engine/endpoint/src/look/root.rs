//! The share's root: whether it can be looked at, and whether it is to be believed.

use causeway_sync::ignore::Verdict;
use causeway_sync::session::RootFault;

use super::Scan;
use crate::error::LookError;
use crate::fs::{self, Area, Fs, FsErrorKind, Kind};
use crate::names::Names;

/// Fewer entries than this may vanish together without being taken for a folder that was emptied, or not mounted.
const EMPTIED_MIN: u64 = 2;

/// Opens the share's root; gives its inode too.
pub(crate) fn open<F: Fs>(fs: &F) -> Result<(F::Dir, u64), LookError> {
    let dir = fs.root(Area::Share).map_err(|error| match error.kind {
        FsErrorKind::NotFound => LookError::Root(RootFault::Missing),
        FsErrorKind::NotADirectory | FsErrorKind::IsSymlink => LookError::Root(RootFault::NotADirectory),
        _ => LookError::Fs(error),
    })?;
    let inode = fs.stat_dir(&dir)?.inode;
    Ok((dir, inode))
}

impl<F: Fs> Scan<'_, F> {
    /// Checks, before anything is told as removed, that the root that was looked at still is the share's root.
    pub(super) fn confirm_root(&self) -> Result<(), LookError> {
        let (_, inode) = open(&self.ep.fs)?;
        if inode == self.root_inode { Ok(()) } else { Err(LookError::Root(RootFault::Missing)) }
    }

    /// Checks that the root hasn't been emptied.
    pub(super) fn confirm_not_emptied(&self) -> Result<(), LookError> {
        let entries = {
            let state = self.ep.lock();
            if state.emptied_is_right {
                return Ok(());
            }
            let counts = state.index.counts();
            counts.files + counts.directories + counts.symlinks
        };
        if entries < EMPTIED_MIN {
            return Ok(());
        }
        let names = Names::list(&self.ep.fs, self.dirs.root())?;
        let state = self.rules.root();
        let holds_any = names.iter().any(|(name, kind)| {
            let is_directory = kind == Some(Kind::Directory);
            !fs::is_reserved(name) && self.rules.judge(&state, name, is_directory) != Verdict::Ignored
        });
        if holds_any { Ok(()) } else { Err(LookError::Root(RootFault::Emptied { entries })) }
    }
}
