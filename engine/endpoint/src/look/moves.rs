//! Directories that were moved: found again by their inode.

use causeway_index::{DirId, Journal, Row};
use causeway_sync::{Name, RelPath};

use super::Scan;
use crate::error::LookError;
use crate::fs::{Fs, Kind, Stat};
use crate::problem;

/// Entries of a directory that are compared before it is taken for one that was moved: inode numbers are used again.
const SAMPLE: usize = 8;

impl<F: Fs> Scan<'_, F> {
    /// Whether the directory that stands at `to`, where nothing is known, is one known at another path at which it stands no longer.
    /// Then its row is moved, with all that it holds; gives the row.
    pub(super) fn adopt_moved(
        &mut self,
        (dir, name): (DirId, &Name),
        to: &RelPath,
        stat: &Stat,
    ) -> Result<Option<Row>, LookError> {
        if stat.inode == 0 {
            return Ok(None);
        }
        let candidates = self.ep.lock().index.dirs_by_inode(0, stat.inode)?;
        for id in candidates {
            let Some(from) = self.ep.lock().index.path_of(id)? else { continue };
            if from.is_root() || to.starts_with(&from) || !self.has_left(&from, stat)? || !self.is_same(id, to)? {
                continue;
            }
            if let Some(row) = self.move_row(&from, (dir, name), to)? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Whether the directory that `stat` shows no longer stands at `from`.
    fn has_left(&mut self, from: &RelPath, stat: &Stat) -> Result<bool, LookError> {
        let Some((above, name)) = from.split_last() else { return Ok(false) };
        let seen = self.dirs.dir(above).and_then(|dir| self.stat(above, &dir, name));
        Ok(match seen {
            Ok(None) => true,
            Ok(Some(now)) => now.kind != Kind::Directory || now.inode != stat.inode,
            Err(error) => problem::is_stale(&error),
        })
    }

    /// Whether some of what is known in the directory stands in the one at `to`.
    fn is_same(&mut self, id: DirId, to: &RelPath) -> Result<bool, LookError> {
        let known = self.ep.lock().index.list(id, None, SAMPLE)?;
        if known.is_empty() {
            return Ok(true);
        }
        let Ok(dir) = self.dirs.dir(to) else { return Ok(false) };
        Ok(known.iter().any(
            |(name, row)| matches!(self.ep.fs.stat(&dir, name), Ok(Some(stat)) if stat.inode == row.fingerprint.inode),
        ))
    }

    /// Moves a row, if nothing has come between.
    pub(super) fn move_row(
        &mut self,
        from: &RelPath,
        (dir, name): (DirId, &Name),
        to: &RelPath,
    ) -> Result<Option<Row>, LookError> {
        let mut state = self.ep.lock();
        if state.flights.crossed(from, self.since) || state.flights.crossed(to, self.since) {
            return Ok(None);
        }
        let Some((from_dir, row)) = state.index.lookup(from)? else { return Ok(None) };
        let is_free = state.index.dir_row(dir)?.is_some() && state.index.get(dir, name)?.is_none();
        let Some(from_name) = from.file_name().filter(|_| is_free) else { return Ok(None) };
        let moved = state.index.move_row((from_dir, from_name), (dir, name), Journal::Foreign);
        let moved = self.ep.check_write(&mut state, moved)?;
        if row.entry.is_directory() {
            state.note_rename(from, to, self.now_ms);
        }
        state.wrote()?;
        drop(state);
        self.dirs.forget(from);
        self.ep.fed.notify_all();
        Ok(Some(moved))
    }
}
