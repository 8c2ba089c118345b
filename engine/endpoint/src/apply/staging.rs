//! Staging, while somebody has something in it.

use std::sync::{Arc, PoisonError};

use causeway_sync::RelPath;

use super::receive::{Received, Receiving};
use super::staged::Trees;
use crate::dirs::Dirs;
use crate::endpoint::Endpoint;
use crate::fs::{self, Area, Fs};
use crate::walk;

/// Somebody uses staging. The last one to go removes staging from the share, if it stands there.
pub(crate) struct Entered<'e, F: Fs> {
    ep: &'e Endpoint<F>,
    dir: F::Dir,
}

impl<F: Fs> Endpoint<F> {
    /// Opens staging.
    pub(crate) fn enter_staging(&self) -> fs::Result<Entered<'_, F>> {
        let mut users = self.staging_users.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = self.fs.root(Area::Staging)?;
        *users += 1;
        Ok(Entered { ep: self, dir })
    }
}

impl<F: Fs> Entered<'_, F> {
    /// Staging's root.
    pub(crate) fn dir(&self) -> &F::Dir {
        &self.dir
    }
}

impl<F: Fs> Drop for Entered<'_, F> {
    fn drop(&mut self) {
        let mut users = self.ep.staging_users.lock().unwrap_or_else(PoisonError::into_inner);
        *users -= 1;
        if *users == 0
            && let Err(error) = self.ep.fs.release_staging()
        {
            tracing::warn!(%error, "staging could not be removed");
        }
    }
}

/// Staging, with the directories in it that were used last.
pub(super) struct Staging<'e, F: Fs> {
    entered: Arc<Entered<'e, F>>,
    pub dirs: Dirs<'e, F>,
}

impl<'e, F: Fs> Staging<'e, F> {
    pub fn enter(ep: &'e Endpoint<F>) -> fs::Result<Self> {
        Ok(Self::of(ep.enter_staging()?.into()))
    }

    fn of(entered: Arc<Entered<'e, F>>) -> Self {
        let dirs = Dirs::new(&entered.ep.fs, entered.dir.clone());
        Self { entered, dirs }
    }

    /// The same staging, for another thread.
    pub fn another(&self) -> Self {
        Self::of(Arc::clone(&self.entered))
    }

    pub fn root(&self) -> &F::Dir {
        self.entered.dir()
    }

    /// Removes a file; what can't be removed is cleared up by the next opening.
    pub fn discard_one(&mut self, at: &RelPath) {
        let fs = &self.entered.ep.fs;
        let (above, name) = at.split_last().expect("it is below staging's root");
        if let Err(error) = self.dirs.dir(above).and_then(|dir| fs.remove_file(&dir, name)) {
            tracing::debug!(%error, "a staged file stays behind");
        }
    }

    /// Removes what was received for trees; nothing in them was put in place.
    pub fn discard_trees(&self, trees: &Trees) {
        for name in trees.names() {
            if let Err(error) = walk::remove_tree(&self.entered.ep.fs, self.root(), name) {
                tracing::debug!(%error, "staged directories stay behind");
            }
        }
    }

    /// Removes what was received of a batch.
    pub fn discard(&mut self, receiving: &Receiving<F>) {
        for received in &receiving.received {
            if let Received::File(staged) = received
                && !staged.is_in_tree()
            {
                self.discard_one(&staged.at);
            }
        }
        if let Some(at) = receiving.arriving_at() {
            self.discard_one(at);
        }
        self.discard_trees(&receiving.trees);
    }
}
