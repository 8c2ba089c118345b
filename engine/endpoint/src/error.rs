//! What can go wrong with an endpoint as a whole. What goes wrong at a path is a [`Problem`](causeway_sync::Problem).

use causeway_index::IndexError;
use causeway_sync::RelPathBuf;
use causeway_sync::session::RootFault;

use crate::fs::FsError;
use crate::recycle_bin::BinId;

/// An endpoint couldn't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The share's root can't be opened.
    #[error("the share's folder: {0}")]
    Share(#[source] FsError),
    /// Staging or the recycle bin can't be used.
    #[error("the folder for received content: {0}")]
    Staging(#[source] FsError),
    /// The index can't be read.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// A look at the share came to no end.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The share's root can't be looked at, or must not be taken for what it seems.
    #[error("the share's folder {}", describe(.0))]
    Root(RootFault),
    /// The root, or the file system as a whole, fails.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The index fails. What isn't committed is lost; the next crawl finds it again.
    #[error(transparent)]
    Index(#[from] IndexError),
}

fn describe(fault: &RootFault) -> &'static str {
    match fault {
        RootFault::Missing => "is gone",
        RootFault::NotADirectory => "is not a folder any more",
        RootFault::Emptied { .. } => "was emptied",
    }
}

/// What a person asked for, of the recycle bin, of excluded copies or of a path, couldn't be done.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// There is no such item (any more).
    #[error("the recycle bin holds no item {0}")]
    NoItem(BinId),
    /// Where the item stood isn't known any more, and no other place was named.
    #[error("where the item {0} stood is not known; name a place to restore it to")]
    UnknownPlace(BinId),
    /// Nothing stands at the path.
    #[error("nothing stands at \"{0}\"")]
    Absent(RelPathBuf),
    /// The place is taken.
    #[error("something stands at \"{0}\"")]
    Occupied(RelPathBuf),
    /// The place is ignored, or Causeway's own.
    #[error("\"{0}\" is not synchronised")]
    Ignored(RelPathBuf),
    /// The file system.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// The peer broke the order in which content is told. Nothing of the batch has been carried out; the connection is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A batch for the other side.
    #[error("the batch is for the other side")]
    WrongSide,
    /// More actions than a batch may have.
    #[error("the batch has too many actions")]
    TooManyActions,
    /// An action at the root, or a rename to the root or into itself.
    #[error("action {0} is at the root, or moves a path into itself")]
    BadPath(u32),
    /// A batch began before the one before it had ended, or a piece came without a batch.
    #[error("a message is out of order")]
    OutOfOrder,
    /// Content for an action that needs none, that has had its own, or that comes before one still without.
    #[error("content for action {0}, which isn't the next one to have some")]
    WrongAction(u32),
    /// An empty or oversized piece, or a copy of what no signature offered.
    #[error("a piece of action {0} is empty, too long, or copies from nowhere")]
    BadPiece(u32),
    /// The batch ended while an action was without its content.
    #[error("the batch ended without the content of action {0}")]
    Missing(u32),
}
