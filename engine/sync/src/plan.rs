//! What the session tells an endpoint to do, and what becomes of it.

use serde::{Deserialize, Serialize};

use crate::change::Seq;
use crate::{Entry, File, RelPathBuf, Side, Target};

/// Most actions in a batch.
pub const BATCH_ACTIONS_MAX: usize = 1024;

/// Number of a batch within a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BatchId(pub u64);

/// Actions for one side, in the order in which they are to be carried out. Each stands for itself: one that can't be done
/// doesn't keep the others from being done, but for those that need its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its number.
    pub id: BatchId,
    /// The side whose file system changes. Content comes from the other one.
    pub to: Side,
    /// The newest change of that side that the session knew when it decided.
    pub as_of: Seq,
    /// At most [`BATCH_ACTIONS_MAX`].
    pub actions: Vec<Action>,
}

/// The stream on which a batch travels. Batches of one lane are carried out in their order; lanes don't wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// For little that is wanted soon.
    Quick,
    /// For much; numbered from 0 to [`BULK_LANES`] - 1.
    Bulk(u8),
}

/// How many bulk lanes a session uses. Two are as fast as more on two cores (measured: first sync of 100 000 files).
pub const BULK_LANES: u8 = 2;

/// One change to a file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Where.
    pub path: RelPathBuf,
    /// What must stand there now. A directory that is to be removed or replaced must hold just what the endpoint's index says
    /// (untracked things aside), and none of that may have changed after [`Batch::as_of`].
    pub expect: Option<Entry>,
    /// What to do.
    pub operation: Operation,
}

/// What to do at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Make a directory, in place of what is expected there.
    Directory,
    /// Put a file, in place of what is expected there.
    File {
        /// The file. Its digest may be unknown; then the supplier finds it while reading.
        file: File,
        /// Where its content comes from.
        source: Source,
    },
    /// Make a symlink, in place of what is expected there.
    Symlink(Target),
    /// Change a file's executable bit and modification time; the content stays.
    Attributes(File),
    /// Remove what is expected there, a directory with all it holds.
    Remove,
    /// Rename it to a path at which nothing stands. A directory takes along all that it holds, whatever that is by now.
    Rename {
        /// The new path.
        to: RelPathBuf,
    },
}

/// Where a file's content comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// From the same path of the other side.
    Transfer {
        /// Whether to send only what differs from the file that is expected at the destination.
        delta: bool,
    },
    /// From a file that the destination already holds, verified while it is copied.
    Copy {
        /// That file.
        from: RelPathBuf,
    },
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Done, or found to be so already.
    Done {
        /// What stands at the path now (after a rename: at the new path). Files carry their digest.
        entry: Option<Entry>,
        /// Number of the change by which the endpoint's index knows it.
        seq: Seq,
    },
    /// Everything was removed but directories that hold untracked things.
    Kept,
    /// Something else than expected stood there. Nothing was done.
    Unexpected,
    /// The other side couldn't supply the file as planned: it has changed, or is gone. Nothing was done.
    SourceChanged,
    /// It can't be done at present. Nothing was done.
    Problem(Problem),
}

/// Why a path can't proceed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The side on which it shows.
    pub side: Side,
    /// Its kind.
    pub kind: ProblemKind,
    /// What the system said, for a person; may be empty. At most 1 KiB.
    pub detail: String,
}

/// Kinds of problems.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProblemKind {
    /// The disk is full, or the quota is used up.
    NoSpace,
    /// The right to read, write or list is missing.
    PermissionDenied,
    /// The file system is read-only.
    ReadOnly,
    /// Another name, the same but for case or Unicode normalisation, stands there.
    FileExists {
        /// The path that has the place.
        existing: RelPathBuf,
    },
    /// The name can't be held by this side's file system.
    NameNotRepresentable,
    /// The symlink is absolute or leaves the share, and the share asks for portable ones.
    SymlinkNotPortable,
    /// Symlinks can't be made here.
    CannotCreateSymlink,
    /// The file is too large for this side's file system.
    TooLarge,
    /// Something untracked (a socket, a device, an ignored file) has the place.
    Occupied,
    /// The file changes each time that it is read.
    KeepsChanging,
    /// Anything else that the system reports.
    Io,
}
