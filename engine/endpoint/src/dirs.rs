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
    root: Opened<F>,
    open: Vec<(RelPathBuf, Opened<F>)>,
}

/// An opened directory, and its inode once somebody has asked for it.
struct Opened<F: Fs> {
    dir: F::Dir,
    inode: Option<u64>,
}

impl<'a, F: Fs> Dirs<'a, F> {
    pub(crate) fn new(fs: &'a F, root: F::Dir) -> Self {
        Self { fs, root: Opened { dir: root, inode: None }, open: Vec::new() }
    }

    pub(crate) fn root(&self) -> &F::Dir {
        &self.root.dir
    }

    /// The directory at `path`.
    pub(crate) fn dir(&mut self, path: &RelPath) -> fs::Result<F::Dir> {
        Ok(self.opened(path)?.dir.clone())
    }

    /// The directory at `path`, and its inode.
    pub(crate) fn dir_and_inode(&mut self, path: &RelPath) -> fs::Result<(F::Dir, u64)> {
        let fs = self.fs;
        let opened = self.opened(path)?;
        let inode = match opened.inode {
            Some(inode) => inode,
            None => *opened.inode.insert(fs.stat_dir(&opened.dir)?.inode),
        };
        Ok((opened.dir.clone(), inode))
    }

    fn opened(&mut self, path: &RelPath) -> fs::Result<&mut Opened<F>> {
        if path.is_root() {
            return Ok(&mut self.root);
        }
        while self.open.last().is_some_and(|(opened, _)| !path.starts_with(opened)) {
            self.open.pop();
        }
        let missing = match self.open.last() {
            Some((opened, _)) if **opened == *path => None,
            Some((opened, above)) => {
                let rest = path.strip_prefix(opened).expect("the chain leads to the path");
                Some(self.fs.open_path(&above.dir, rest)?)
            }
            None => Some(self.fs.open_path(&self.root.dir, path)?),
        };
        if let Some(dir) = missing {
            self.push(path, dir);
        }
        Ok(&mut self.open.last_mut().expect("it was there, or was just pushed").1)
    }

    fn push(&mut self, path: &RelPath, dir: F::Dir) {
        if self.open.len() == OPEN_MAX {
            self.open.remove(0);
        }
        self.open.push((path.to_owned(), Opened { dir, inode: None }));
    }

    /// Takes account of a directory that was just opened or created at `path`.
    pub(crate) fn keep(&mut self, path: &RelPath, dir: F::Dir) {
        while self.open.last().is_some_and(|(opened, _)| !path.starts_with(opened) || **opened == *path) {
            self.open.pop();
        }
        self.push(path, dir);
    }

    /// Closes what is open at and below `path`: it is about to be moved or removed.
    pub(crate) fn forget(&mut self, path: &RelPath) {
        self.open.retain(|(opened, _)| !opened.starts_with(path));
    }
}
