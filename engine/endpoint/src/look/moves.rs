//! Directories that were moved: found again by their inode.

use causeway_index::{DirId, Journal, Row};
use causeway_sync::{Name, RelPath};

use super::Scan;
use crate::error::LookError;
use crate::fs::{Fs, Kind, Stat};
use crate::problem;

/// Entries of a directory that are compared before it is taken for one that was moved: inode numbers are used again.
const SAMPLE: usize = 32;
/// How far down a file is looked for that proves that nothing but its directories' names has changed.
const SAMPLE_DEPTH: usize = 8;

/// A directory that was found again.
pub(super) struct Adopted {
    /// Its row.
    pub row: Row,
    /// Whether all that has changed in it was told, or is going to be: it needn't be looked at as a whole.
    pub vouched: bool,
}

/// How sure it is that a directory is a known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// It isn't.
    Other,
    /// Some of what is known in it stands there.
    Likely,
    /// A file in it is the very one that is known.
    Proven,
}

impl<F: Fs> Scan<'_, F> {
    /// Whether the directory that stands at `to`, where nothing is known, is one known at another path at which it stands no longer.
    /// Then its row is moved, with all that it holds.
    pub(super) fn adopt_moved(
        &mut self,
        (dir, name): (DirId, &Name),
        to: &RelPath,
        stat: &Stat,
    ) -> Result<Option<Adopted>, LookError> {
        if stat.inode == 0 {
            return Ok(None);
        }
        let candidates = self.ep.lock().index.dirs_by_inode(0, stat.inode)?;
        for id in candidates {
            let Some(from) = self.ep.lock().index.path_of(id)? else { continue };
            if from.is_root() || to.starts_with(&from) || !self.has_left(&from, stat)? {
                continue;
            }
            let likeness = self.likeness(id, to)?;
            if likeness == Likeness::Other {
                continue;
            }
            if let Some(row) = self.move_row(&from, (dir, name), to)? {
                let vouched = likeness == Likeness::Proven
                    && self.told.lead(&from, to)
                    && super::same_rules_below(&self.rules, &from, to);
                self.moved.push((from, to.to_owned()));
                return Ok(Some(Adopted { row, vouched }));
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

    /// How much of what is known in a directory stands in the one at `to`.
    fn likeness(&mut self, id: DirId, to: &RelPath) -> Result<Likeness, LookError> {
        let mut likeness = Likeness::Other;
        let mut at = Some((id, to.to_owned()));
        for depth in 0..SAMPLE_DEPTH {
            let Some((id, path)) = at.take() else { break };
            let known = self.ep.lock().index.list(id, None, SAMPLE)?;
            if known.is_empty() && depth == 0 {
                return Ok(Likeness::Likely);
            }
            let Ok(dir) = self.dirs.dir(&path) else { break };
            for (name, row) in known {
                let Ok(Some(stat)) = self.ep.fs.stat(&dir, &name) else { continue };
                if stat.inode != row.fingerprint.inode {
                    continue;
                }
                likeness = Likeness::Likely;
                // A directory's times aren't remembered: what it holds has to prove it.
                match row.id {
                    Some(id) if at.is_none() => at = Some((id, path.join(&name))),
                    Some(_) => {}
                    None if self.ep.eyes.is_unchanged(&row, &stat) => return Ok(Likeness::Proven),
                    None => {}
                }
            }
        }
        Ok(likeness)
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
            state.moved(from, to, self.now_ms);
        }
        state.wrote()?;
        drop(state);
        self.dirs.forget(from);
        self.ep.tell_news();
        Ok(Some(moved))
    }
}
