//! Comparing a directory on the disk with all that the index knows of it, before it is removed and after it was taken out.

use std::cmp::Ordering;

use causeway_index::{DirId, Row};
use causeway_sync::ignore::{DirState, Verdict};
use causeway_sync::{Entry, NameBuf, Outcome, RelPath, RelPathBuf};

use super::act::{Act, Place, Step};
use crate::dirs::Dirs;
use crate::fs::{self, Fs, FsError, Kind, Stat};
use crate::hash::{self, Reading};
use crate::look;
use crate::names::Names;
use crate::problem;

/// Rows read under one lock.
const PAGE: usize = 1024;

/// What the comparison showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// Just what the index says.
    Same,
    /// What the index says, and untracked things beside it.
    HoldsUntracked,
    /// At this path of the share, for one, something else.
    Differs(RelPathBuf),
}

/// A directory still to be compared; its path is relative to the top of the tree.
struct Pending {
    path: RelPathBuf,
    id: DirId,
    state: DirState,
}

impl<F: Fs> Act<'_, '_, F> {
    /// Compares the directory at a place, which must not have been changed by others after the batch was decided.
    pub(super) fn compare_tree(&mut self, place: &Place<F>) -> Step<Tree> {
        let changed = self.ep.lock().index.foreign_changes_below(&place.path, self.as_of);
        match changed {
            Ok(false) => {}
            Ok(true) => return Err(Outcome::Unexpected),
            Err(error) => {
                let error = std::io::Error::other(error.to_string());
                return Err(self.problem(&FsError::new("read the index of", &place.path, error)));
            }
        }
        let dir = self.ep.fs.open_dir(&place.dir, &place.name).map_err(|error| self.failed(&place.path, &error))?;
        self.compare_taken(place, dir)
    }

    /// Compares a directory, wherever it stands by now, with what the index knows at a place.
    pub(super) fn compare_taken(&mut self, place: &Place<F>, top: F::Dir) -> Step<Tree> {
        let Some(id) = place.row.as_ref().and_then(|row| row.id) else { return Ok(Tree::Differs(place.path.clone())) };
        let mut state = self.rules.root();
        for name in place.path.names() {
            state = self.rules.enter(&state, name);
        }
        let mut dirs = Dirs::new(&self.ep.fs, top);
        let mut pending = vec![Pending { path: RelPathBuf::default(), id, state }];
        let mut holds_untracked = false;
        while let Some(next) = pending.pop() {
            match self.compare_directory(&mut dirs, &next, &mut pending) {
                Ok(Ok(untracked)) => holds_untracked |= untracked,
                Ok(Err(below)) => return Ok(Tree::Differs(rebase(&place.path, &below))),
                Err(error) if problem::is_stale(&error) => {
                    return Ok(Tree::Differs(rebase(&place.path, &next.path)));
                }
                Err(error) => return Err(self.problem(&error)),
            }
        }
        Ok(if holds_untracked { Tree::HoldsUntracked } else { Tree::Same })
    }

    /// Whether a directory holds untracked things; or, as the inner error, where it differs.
    fn compare_directory(
        &mut self,
        dirs: &mut Dirs<'_, F>,
        at: &Pending,
        pending: &mut Vec<Pending>,
    ) -> fs::Result<Result<bool, RelPathBuf>> {
        let dir = dirs.dir(&at.path)?;
        let names = Names::list(&self.ep.fs, &dir)?;
        let mut names = names.iter().map(|(name, _)| name.to_owned()).peekable();
        let mut rows = RowPages { id: at.id, page: Vec::new().into_iter(), after: None, is_last: false };
        let mut row = self.next_row(&mut rows);
        let mut holds_untracked = false;
        loop {
            let order = match (names.peek(), &row) {
                (None, None) => return Ok(Ok(holds_untracked)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(name), Some((known, _))) => name.cmp(known),
            };
            if order == Ordering::Greater {
                let (known, _) = row.expect("it is the smaller one");
                return Ok(Err(at.path.join(&known)));
            }
            let name = names.next().expect("it was just looked at");
            let path = at.path.join(&name);
            let Some(stat) = self.ep.fs.stat(&dir, &name)? else { return Ok(Err(path)) };
            let known = if order == Ordering::Equal { row.take() } else { None };
            match known {
                None => {
                    let verdict = self.rules.judge(&at.state, &name, stat.kind == Kind::Directory);
                    if verdict == Verdict::Included && stat.kind.is_tracked() {
                        return Ok(Err(path));
                    }
                    // An ignored directory could hold something that isn't, which nobody has looked at yet.
                    holds_untracked = true;
                }
                Some((_, Row { entry: Entry::Untracked, .. })) => holds_untracked = true,
                Some((_, known)) => {
                    if !self.is_as_known(&dir, &name, &known, &stat)? {
                        return Ok(Err(path));
                    }
                    if let Some(id) = known.id {
                        pending.push(Pending { path, id, state: self.rules.enter(&at.state, &name) });
                    }
                }
            }
            if order == Ordering::Equal {
                row = self.next_row(&mut rows);
            }
        }
    }

    fn next_row(&self, rows: &mut RowPages) -> Option<(NameBuf, Row)> {
        loop {
            if let Some(row) = rows.page.next() {
                return Some(row);
            }
            if rows.is_last {
                return None;
            }
            // Rows that can't be read are as good as none: the disk then holds more than is known.
            let page = self.ep.lock().index.list(rows.id, rows.after.as_deref(), PAGE).unwrap_or_default();
            rows.is_last = page.len() < PAGE;
            rows.after = page.last().map(|(name, _)| name.clone());
            rows.page = page.into_iter();
        }
    }

    /// Whether an entry of the tree is as its row says, wherever the tree stands.
    fn is_as_known(&mut self, dir: &F::Dir, name: &NameBuf, row: &Row, stat: &Stat) -> fs::Result<bool> {
        if self.ep.eyes.is_unchanged(row, stat) && !(stat.kind == Kind::File && look::is_unsettled(stat, self.now_ms)) {
            return Ok(true);
        }
        Ok(match (&row.entry, stat.kind) {
            (Entry::File(file), Kind::File) if file.size == stat.size => match file.digest {
                Some(known) => {
                    let read = hash::read_digest(&self.ep.fs, dir, name, stat, self.buffer)?;
                    read == Reading::Whole(known)
                }
                None => false,
            },
            (Entry::Symlink(target), Kind::Symlink) => self.ep.fs.read_link(dir, name)? == *target,
            _ => false,
        })
    }
}

/// The rows of a directory, a page at a time.
struct RowPages {
    id: DirId,
    page: std::vec::IntoIter<(NameBuf, Row)>,
    after: Option<NameBuf>,
    is_last: bool,
}

fn rebase(top: &RelPath, below: &RelPath) -> RelPathBuf {
    below.rebase(RelPath::ROOT, top).expect("everything is below the root")
}
