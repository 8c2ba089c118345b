//! What is received aside: each file by itself, and directories with what they are to hold.
//!
//! A directory that a batch makes is made in staging as soon as content for it comes, and what the batch puts into it is received there
//! under its own name. Such a *tree* is renamed into place once, which saves most of what a file by itself costs. Where
//! it can't be put in place whole, what it holds is put in place piece by piece.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use causeway_sync::{Action, Batch, File, Name, NameBuf, Operation, RelPath, RelPathBuf};

use super::Applier;
use super::staging::Staging;
use crate::endpoint::Endpoint;
use crate::fs::{self, Fs, Stat};

/// A verified file in staging.
pub(super) struct Staged<F: Fs> {
    /// Where it stands, from staging's root.
    pub at: RelPathBuf,
    pub entry: File,
    /// Still open where there are few of them: it is made durable in its turn.
    pub file: Option<F::File>,
    /// What it looks like, in a tree.
    pub stat: Option<Stat>,
}

impl<F: Fs> Staged<F> {
    /// Its name in staging.
    pub(super) fn name(&self) -> &Name {
        self.at.split_last().expect("it is below staging's root").1
    }

    /// Whether it stands in a tree, not by itself.
    pub(super) fn is_in_tree(&self) -> bool {
        self.at.parent().is_some_and(|above| !above.is_root())
    }
}

/// The directories that a batch makes where nothing stands, and the trees made of them.
#[derive(Default)]
pub(super) struct Trees {
    /// By their paths in the share: where each stands in staging, once it does.
    made: HashMap<RelPathBuf, Option<RelPathBuf>>,
    tops: HashMap<RelPathBuf, NameBuf>,
}

impl Trees {
    pub(super) fn of(batch: &Batch) -> Self {
        let mut trees = Self::default();
        let mut last = RelPath::ROOT;
        for Action { path, expect, operation } in &batch.actions {
            // In this order a directory comes before what it holds; another one is carried out piece by piece.
            if (expect, operation) == (&None, &Operation::Directory) && **path > *last {
                trees.made.insert(path.clone(), None);
                last = path;
            }
        }
        trees
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tops.is_empty()
    }

    /// The name in staging of the tree whose top belongs at a path.
    pub(super) fn top(&self, path: &RelPath) -> Option<&Name> {
        self.tops.get(path).map(|name| &**name)
    }

    /// The tree with this top is in place.
    pub(super) fn forget_top(&mut self, path: &RelPath) {
        self.tops.remove(path);
    }

    /// Where the directory that belongs at a path stands in staging.
    pub(super) fn at(&self, path: &RelPath) -> Option<&RelPath> {
        self.made.get(path)?.as_deref()
    }

    /// The names in staging of all trees.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.tops.values().map(|name| &**name)
    }
}

impl<'e, F: Fs> Applier<'e, F> {
    /// Staging; entered now if it hasn't been.
    fn staging(&mut self) -> fs::Result<&mut Staging<'e, F>> {
        if self.staging.is_none() {
            self.staging = Some(Staging::enter(self.ep)?);
        }
        Ok(self.staging.as_mut().expect("it was just entered"))
    }

    /// Creates an empty file in staging for an action of the batch at `at`: in the tree of the directory above it, if that is made too.
    pub(super) fn stage(&mut self, at: usize, action: &Action, executable: bool) -> fs::Result<(RelPathBuf, F::File)> {
        if let (None, Some((above, name))) = (&action.expect, action.path.split_last())
            && let Ok(Some((staged, dir))) = self.stage_directory(at, above)
            && let Ok(file) = self.ep.fs.create_file(&dir, name, executable)
        {
            return Ok((staged.join(name), file));
        }
        let name = self.ep.staged_name();
        let ep = self.ep;
        let file = ep.fs.create_file(self.staging()?.root(), &name, executable)?;
        Ok((RelPath::ROOT.join(&name), file))
    }

    /// The directory in staging for what the batch makes at a path; made now if it hasn't been. `None` if the batch doesn't make it.
    fn stage_directory(&mut self, at: usize, path: &RelPath) -> fs::Result<Option<(RelPathBuf, F::Dir)>> {
        match self.batches[at].trees.made.get(path) {
            None => return Ok(None),
            Some(Some(staged)) => {
                let staged = staged.clone();
                let dir = self.staging()?.dirs.dir(&staged)?;
                return Ok(Some((staged, dir)));
            }
            Some(None) => {}
        }
        let (above, name) = path.split_last().expect("no action is at the root");
        let ep = self.ep;
        let (staged, dir) = match self.stage_directory(at, above)? {
            Some((above, dir)) => (above.join(name), ep.fs.create_dir(&dir, name)?),
            None => {
                let name = ep.staged_name();
                let dir = ep.fs.create_dir(self.staging()?.root(), &name)?;
                self.batches[at].trees.tops.insert(path.to_owned(), name.clone());
                (RelPath::ROOT.join(&name), dir)
            }
        };
        self.staging()?.dirs.keep(&staged, dir.clone());
        self.batches[at].trees.made.insert(path.to_owned(), Some(staged.clone()));
        Ok(Some((staged, dir)))
    }
}

impl<F: Fs> Endpoint<F> {
    /// A new name in staging, for content that may be thrown away.
    pub(crate) fn staged_name(&self) -> NameBuf {
        let number = self.staged_next.fetch_add(1, Ordering::Relaxed);
        NameBuf::new(format!("in-{number}").into_bytes()).expect("letters and digits are a name")
    }
}
