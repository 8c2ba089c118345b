//! Opened directories along the path that was used last, so that neighbours cost one `openat` and not a walk from the root.

use causeway_sync::{RelPath, RelPathBuf};

use crate::fs::{self, Fs};

/// Most directories kept open by one cache.
const OPEN_MAX: usize = 24;

/// A chain of opened directories, each below the one before.
///
/// A kept directory stays the one that was opened when somebody renames it meanwhile. Whoever writes to the index what was
/// done through it compares the directory's inode with the index's row first; whoever reads compares what was read with the rows of
/// the same path, which move along. A cache lives as long as one look or one group of actions.
pub(crate) struct Dirs<'a, F: Fs> {
    fs: &'a F,
    root: F::Dir,
    open: Vec<(RelPathBuf, F::Dir)>,
}

impl<'a, F: Fs> Dirs<'a, F> {
    pub(crate) fn new(fs: &'a F, root: F::Dir) -> Self {
        Self { fs, root, open: Vec::new() }
    }

    pub(crate) fn root(&self) -> &F::Dir {
        &self.root
    }

    /// The directory at `path`.
    pub(crate) fn dir(&mut self, path: &RelPath) -> fs::Result<F::Dir> {
        if path.is_root() {
            return Ok(self.root.clone());
        }
        while self.open.last().is_some_and(|(opened, _)| !path.starts_with(opened)) {
            self.open.pop();
        }
        let dir = match self.open.last() {
            Some((opened, dir)) if **opened == *path => return Ok(dir.clone()),
            Some((opened, dir)) => {
                let rest = path.strip_prefix(opened).expect("the chain leads to the path");
                self.fs.open_path(dir, rest)?
            }
            None => self.fs.open_path(&self.root, path)?,
        };
        if self.open.len() == OPEN_MAX {
            self.open.remove(0);
        }
        self.open.push((path.to_owned(), dir.clone()));
        Ok(dir)
    }

    /// Takes account of a directory that was just opened or created at `path`.
    pub(crate) fn keep(&mut self, path: &RelPath, dir: F::Dir) {
        while self.open.last().is_some_and(|(opened, _)| !path.starts_with(opened) || **opened == *path) {
            self.open.pop();
        }
        if self.open.len() == OPEN_MAX {
            self.open.remove(0);
        }
        self.open.push((path.to_owned(), dir));
    }

    /// Closes what is open at and below `path`: it is about to be moved or removed.
    pub(crate) fn forget(&mut self, path: &RelPath) {
        self.open.retain(|(opened, _)| !opened.starts_with(path));
    }
}
