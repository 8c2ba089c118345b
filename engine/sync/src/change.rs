//! What an endpoint tells the session: who it is, and what has changed.

use serde::{Deserialize, Serialize};

use crate::{Entry, RelPathBuf};

/// Number of a change in an endpoint's index. Grows by one with every change; 0 comes before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seq(pub u64);

/// Random number of an index's history. A new one means that the history before it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u64);

/// Random identity of one copy of a share, kept beside its content (on the machine's disk for the guest).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replica(pub [u8; 16]);

/// What a side's file system can hold, found by trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// `a` and `A` are two names.
    pub case_sensitive: bool,
    /// Names that differ only in Unicode normalisation are two names.
    pub normalization_sensitive: bool,
    /// Symlinks can be made.
    pub symlinks: bool,
    /// The executable bit can be kept. Where not, it is taken from the other side.
    pub executable: bool,
    /// Step of modification times, in nanoseconds. Times are compared after rounding down to the coarser side's step.
    pub mtime_step_ns: i64,
}

/// An endpoint introduces itself when a session begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Which copy of the share this is.
    pub replica: Replica,
    /// Which history its sequence numbers belong to.
    pub epoch: Epoch,
    /// The newest change that was acknowledged: those up to here can't be told any more.
    pub acknowledged: Seq,
    /// Whether the copy holds nothing at all.
    pub empty: bool,
    /// Whether the operating system has started anew since a session last took account of all that stands there. A power cut may
    /// have led back to older contents than it had told, or torn them.
    pub rebooted: bool,
    /// Whether entries are known from an earlier time that haven't all been looked at since: they may be gone by now. The answer to
    /// a barrier means that they have been.
    pub stale: bool,
    /// What it can hold.
    pub capabilities: Capabilities,
}

/// One change of a side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// What stands at a path now. Where it is not a directory, nothing stands below it.
    Now {
        /// Where.
        path: RelPathBuf,
        /// What; `None` when nothing does.
        entry: Option<Entry>,
    },
    /// What stood at `from` stands at `to` now, with all that it holds; nothing was known at `to` before.
    Moved {
        /// Where it stood.
        from: RelPathBuf,
        /// Where it stands.
        to: RelPathBuf,
        /// What it is.
        entry: Entry,
        /// The change's number: the session may have put something at `from` since.
        seq: Seq,
    },
    /// The path, and all below it, is ignored from now on: forget it without touching anything.
    Forgotten {
        /// Where.
        path: RelPathBuf,
    },
}

/// A window of an endpoint's changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// The changes, oldest first: first all moves in their order, then everything else by the paths that hold after them.
    /// A directory comes before what it holds.
    pub changes: Vec<Change>,
    /// The newest change that the window covers; ask for what comes after it next.
    pub upto: Seq,
    /// What is told was so when this was the endpoint's newest change, its own included. Tells of a window and an
    /// [`Outcome`](crate::Outcome) which of the two is newer. Never smaller than `upto`; an index tells of everything as of `upto`.
    pub as_of: Seq,
    /// Whether the endpoint has looked at everything since it was opened, and nothing is left to tell after `upto`.
    /// Until then a path that it hasn't told of is unknown, not absent.
    pub crawled: bool,
}
