//! What a person does with the recycle bin.

use std::io;

use causeway_sync::ignore::Verdict;
use causeway_sync::{Name, Problem, RelPath, RelPathBuf};

use crate::endpoint::Endpoint;
use crate::error::KeepError;
use crate::fs::{self, Area, Fs, FsError, FsErrorKind, Rename};
use crate::recycle_bin::{self, BinId, Item, Retention, Usage};
use crate::settings::Look;
use crate::walk;

impl<F: Fs> Endpoint<F> {
    /// At most `limit` items of the recycle bin after `after`, oldest first.
    pub fn bin_items(&self, after: Option<BinId>, limit: usize) -> Result<Vec<Item>, KeepError> {
        Ok(recycle_bin::items(&self.fs, after, limit)?)
    }

    /// What the recycle bin holds. The first call measures every item; later ones cost nothing.
    pub fn bin_usage(&self) -> Result<Usage, KeepError> {
        Ok(self.bin.usage(&self.fs)?)
    }

    /// An [`edit`](crate::edit()) beside this endpoint has put something into the recycle bin.
    pub fn note_edit(&self) {
        self.bin.forget_usage();
    }

    /// Deletes what came into the recycle bin before `before_ms` (milliseconds since 1970), oldest first, at most `limit` items. Gives
    /// what was deleted, and whether there is more.
    pub fn bin_empty(&self, before_ms: u64, limit: u64) -> Result<(Usage, bool), KeepError> {
        let (deleted, more) = recycle_bin::empty(&self.fs, before_ms, limit)?;
        self.bin.count_out(deleted);
        Ok((deleted, more))
    }

    /// Deletes what the recycle bin isn't to keep any longer: to be called now and then. Measures every item.
    pub fn bin_expire(&self, retention: Retention, now_ms: u64) -> Result<Usage, KeepError> {
        let deleted = recycle_bin::expire(&self.fs, retention, now_ms)?;
        self.bin.count_out(deleted);
        Ok(deleted)
    }

    /// Puts an item back to where it stood, or to `to`; nothing may stand there. Directories above it are made where they are missing.
    /// It counts as something new that a person put there. Gives the path.
    pub fn bin_restore(&self, id: BinId, to: Option<&RelPath>) -> Result<RelPathBuf, KeepError> {
        let found = recycle_bin::locate(&self.fs, id)?.ok_or(KeepError::NoItem(id))?;
        let path = to.map_or_else(|| found.path(&self.fs), ToOwned::to_owned);
        if path.is_root() {
            return Err(KeepError::UnknownPlace(id));
        }
        self.refuse_unsynchronised(&path)?;
        let (above, name) = path.split_last().expect("it isn't the root");
        let (dir, made) = self.make_directories(above)?;
        let measure = walk::measure(&self.fs, &found.hour, &found.name)?;
        let put = match self.fs.rename(&found.hour, &found.name, &dir, name, Rename::NoReplace) {
            Err(error) if error.kind == FsErrorKind::CrossDevice => self.restore_copy(&found, &dir, name),
            put => put,
        };
        match put {
            Ok(()) => {}
            Err(error) if error.kind == FsErrorKind::Exists => return Err(KeepError::Occupied(path)),
            Err(error) if error.kind == FsErrorKind::NotFound => return Err(KeepError::NoItem(id)),
            Err(error) => return Err(error.into()),
        }
        self.bin.count_out(Usage { items: 1, bytes: measure.bytes });
        self.dirty(made.as_deref().unwrap_or(&path), Look::Below);
        if let Err(error) = recycle_bin::forget_path(&self.fs, &found) {
            tracing::debug!(%error, "an empty note stays in the recycle bin");
        }
        Ok(path)
    }

    pub(crate) fn refuse_unsynchronised(&self, path: &RelPath) -> Result<(), KeepError> {
        let rules = self.lock().rules.clone();
        let is_ignored = |path: &RelPath, is_directory| rules.ignored(path, is_directory) == Verdict::Ignored;
        let is_own = path.names().next().is_some_and(fs::is_reserved);
        let above_ignored = path.ancestors().skip(1).any(|above| is_ignored(above, true));
        if is_own || above_ignored || (is_ignored(path, true) && is_ignored(path, false)) {
            return Err(KeepError::Ignored(path.to_owned()));
        }
        Ok(())
    }

    /// Opens a directory, and makes those that are missing on the way; gives the first one made.
    fn make_directories(&self, path: &RelPath) -> Result<(F::Dir, Option<RelPathBuf>), KeepError> {
        let mut dir = self.fs.root(Area::Share)?;
        let mut made = None;
        let mut at = RelPathBuf::default();
        for name in path.names() {
            at = at.join(name);
            dir = match self.fs.open_dir(&dir, name) {
                Ok(opened) => opened,
                Err(error) if error.kind == FsErrorKind::NotFound => {
                    let created = self.fs.create_dir(&dir, name)?;
                    made.get_or_insert_with(|| at.clone());
                    created
                }
                Err(error) if matches!(error.kind, FsErrorKind::NotADirectory | FsErrorKind::IsSymlink) => {
                    return Err(KeepError::Occupied(at));
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok((dir, made))
    }

    /// Restores an item from another file system: a copy in staging is moved in place, then the item is deleted.
    fn restore_copy(&self, found: &recycle_bin::Found<F>, dir: &F::Dir, name: &Name) -> fs::Result<()> {
        let staging = self.enter_staging()?;
        let failures = self.sync_failures();
        // A copy that a crash leaves behind is thrown away: the item is still in the bin.
        let staged = self.staged_name();
        let copied = walk::copy_tree(&self.fs, &found.hour, &found.name, staging.dir(), &staged)
            .and_then(|()| self.sync_fs(failures).map_err(not_durable))
            .and_then(|()| self.fs.rename(staging.dir(), &staged, dir, name, Rename::NoReplace));
        if copied.is_err() {
            // What can't be removed now is removed by the next opening.
            let _ = walk::remove_tree(&self.fs, staging.dir(), &staged);
        }
        copied?;
        walk::remove_tree(&self.fs, &found.hour, &found.name)
    }
}

fn not_durable(problem: Problem) -> FsError {
    FsError::new("sync", RelPath::ROOT, io::Error::other(problem.detail))
}
