//! What can go wrong with a stored index or ledger.

use std::path::PathBuf;

use crate::DirId;

/// A file on disk couldn't be opened, read or written.
///
/// After an error of a write everything since the last commit is taken back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Its content makes no sense. Opening it again sets it aside and begins a new one.
    #[error("{path} is damaged ({doing})")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What showed it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process, or another part of this one, has it open.
    #[error("{path} is in use by another process")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("no space left for {path} ({doing})")]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
    },
    /// Anything else: rights, a read-only or failing disk.
    #[error("{path}: {doing}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An index couldn't do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file behind it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No directory has this id (any more).
    #[error("the index knows no directory {0:?}")]
    NoDirectory(DirId),
    /// Nothing is known at the path that was to be moved.
    #[error("the index knows nothing at the path to move")]
    Missing,
    /// Something is known already at the path to move to.
    #[error("the index knows something at the path to move to")]
    Occupied,
    /// A directory can't be moved into itself.
    #[error("a directory can't be moved into itself")]
    IntoItself,
    /// Changes were asked for that have been acknowledged, and so forgotten.
    #[error("changes up to {acknowledged} were acknowledged, but those after {after} are asked for")]
    Acknowledged {
        /// The number after which changes were asked for.
        after: u64,
        /// The newest acknowledged one.
        acknowledged: u64,
    },
}

impl IndexError {
    /// Whether the file is damaged: opening it again sets it aside and begins a new one.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Self::Store(StoreError::Damaged { .. }))
    }
}
