//! A path that a person renames through Causeway.

use causeway_sync::RelPath;

use crate::dirs::Dirs;
use crate::endpoint::Endpoint;
use crate::error::KeepError;
use crate::fs::{Area, Fs, FsError, FsErrorKind, Rename};
use crate::settings::Look;

impl<F: Fs> Endpoint<F> {
    /// Renames what stands at `path` to `to`, in a directory that is there; nothing may stand there. It counts as what a person did:
    /// the session hears of it as of any other change.
    pub fn rename(&self, path: &RelPath, to: &RelPath) -> Result<(), KeepError> {
        let (Some((from_dir, from_name)), Some((to_dir, to_name))) = (path.split_last(), to.split_last()) else {
            return Err(KeepError::Ignored(RelPath::ROOT.to_owned()));
        };
        for at in [path, to] {
            self.refuse_unsynchronised(at)?;
        }
        let mut dirs = Dirs::new(&self.fs, self.fs.root(Area::Share)?);
        let absent = |error: FsError, at: &RelPath| match error.kind {
            FsErrorKind::NotFound | FsErrorKind::NotADirectory | FsErrorKind::IsSymlink => {
                KeepError::Absent(at.to_owned())
            }
            _ => error.into(),
        };
        let from = dirs.dir(from_dir).map_err(|error| absent(error, path))?;
        let into = dirs.dir(to_dir).map_err(|error| absent(error, to_dir))?;
        match self.fs.rename(&from, from_name, &into, to_name, Rename::NoReplace) {
            Ok(()) => {}
            Err(error) if error.kind == FsErrorKind::Exists => return Err(KeepError::Occupied(to.to_owned())),
            Err(error) => return Err(absent(error, path)),
        }
        for at in [path, to] {
            self.dirty(at, Look::Below);
        }
        Ok(())
    }
}
