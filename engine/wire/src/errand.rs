//! Errands: what a person, or the engine on a person's behalf, wants of one side of a share. Each is short; what is long comes
//! in pages, and the asker comes back with the last page's cursor.

use serde::{Deserialize, Serialize};

use causeway_sync::{Entry, Problem, RelPathBuf};

use crate::bounded;
use crate::check;
use crate::frame::{Malformed, Message};
use crate::share::Space;

/// Most items in a page.
pub const PAGE_ITEMS_MAX: usize = 1024;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// How many entries there are, and how much space. Costs nothing. Answered by [`ErrandReply::Counts`].
    Counts,
    /// What rests in the recycle bin, oldest first. Answered by [`ErrandReply::Bin`].
    BinList {
        /// After this item; from the start where `None`.
        after: Option<BinId>,
        /// Most items: 1 to [`PAGE_ITEMS_MAX`].
        limit: u32,
    },
    /// Put an item of the recycle bin back to where it stood, or to `to`; nothing may stand there. Answered by
    /// [`ErrandReply::Restored`].
    BinRestore {
        /// Which.
        item: BinId,
        /// Where to.
        to: Option<RelPathBuf>,
    },
    /// Rename what stands at a path, as a person would; nothing may stand at `to`. Answered by [`ErrandReply::Done`].
    Rename {
        /// What.
        path: RelPathBuf,
        /// What it is called then.
        to: RelPathBuf,
    },
    /// Delete what has rested in the recycle bin since before a time, a page at a time. Answered by [`ErrandReply::Removed`].
    BinEmpty {
        /// Milliseconds since 1970; `u64::MAX` for all.
        before_ms: u64,
    },
    /// Move copies that newly excluded paths left behind into the recycle bin. Answered by [`ErrandReply::Removed`].
    Prune,
    /// Read all that stands on this side from the disk, in order, and tell it. Answered by [`ErrandReply::Verified`].
    /// [`Note::StopVerifying`](crate::share::Note::StopVerifying) ends a page early; then what it tells is of no use.
    Verify {
        /// After this path; from the root where `None`.
        after: Option<RelPathBuf>,
        /// Most entries: 1 to [`PAGE_ITEMS_MAX`].
        limit: u32,
    },
    /// The emptied root is meant to be so. Answered by [`ErrandReply::Done`].
    AcceptEmptied,
    /// How many entries stand below a directory, by the index. Answered by [`ErrandReply::Below`].
    CountBelow {
        /// Which.
        directory: RelPathBuf,
        /// More than so many aren't counted.
        limit: u64,
    },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrandReply {
    /// It is done.
    Done,
    /// How many and how much.
    Counts(Counts),
    /// A page of the recycle bin.
    Bin {
        /// The items.
        #[serde(deserialize_with = "bounded::list::<_, _, PAGE_ITEMS_MAX>")]
        items: Vec<BinItem>,
        /// Whether there are more.
        more: bool,
    },
    /// The item stands here again.
    Restored(RelPathBuf),
    /// What was removed.
    Removed {
        /// How many entries.
        entries: u64,
        /// Their length.
        bytes: u64,
        /// Whether there is more to do: ask again.
        more: bool,
    },
    /// A page of what stands on this side.
    Verified {
        /// The entries, in order. Fewer than asked for does not mean that there are no more.
        #[serde(deserialize_with = "bounded::list::<_, _, PAGE_ITEMS_MAX>")]
        entries: Vec<VerifiedEntry>,
        /// Whether there are more.
        more: bool,
    },
    /// What stands below a directory.
    Below {
        /// How many entries; `None` where there are more than were to be counted.
        entries: Option<u64>,
    },
}

/// How many entries a side holds, and how much space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Whether everything has been looked at since the endpoint was opened. Until then there may be more than is counted.
    pub crawled: bool,
    /// Regular files.
    pub files: u64,
    /// Directories, the root not counted.
    pub directories: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// Sockets, FIFOs, devices, other file systems mounted inside.
    pub untracked: u64,
    /// Length of all files.
    pub bytes: u64,
    /// Copies that newly excluded paths left behind, until they are pruned.
    pub prunable: u64,
    /// Their length.
    pub prunable_bytes: u64,
    /// Items in the recycle bin.
    pub bin_items: u64,
    /// Their length.
    pub bin_bytes: u64,
    /// The disk.
    pub space: Space,
}

/// Which item of a recycle bin. Ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BinId {
    /// When it came, in milliseconds since 1970.
    pub at_ms: u64,
    /// Tells items of one millisecond apart.
    pub number: u64,
}

/// An item of the recycle bin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinItem {
    /// Which.
    pub id: BinId,
    /// Where it stood; `None` where that was lost.
    pub path: Option<RelPathBuf>,
    /// Why it rests here.
    pub reason: BinReason,
    /// What it is. Files without a digest; of directories what is in them isn't told.
    pub entry: Entry,
}

/// Why something rests in the recycle bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BinReason {
    /// It was removed on the other side.
    Removed,
    /// Newer content of the other side took its place.
    Replaced,
    /// Somebody wrote it in the very moment in which Causeway acted on its path, and wrote over it at once.
    Raced,
    /// It was excluded, and removed by `prune`.
    Pruned,
    /// It was found half-way between the share and the bin after a crash. May be a part of what was being received.
    Recovered,
}

/// An entry as it was just read from the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedEntry {
    /// Where.
    pub path: RelPathBuf,
    /// What stands there; files with the digest of their content.
    pub found: Result<Entry, Problem>,
    /// Whether the endpoint's index says the same.
    pub indexed: bool,
}

impl Message for Errand {
    fn check(&self) -> Result<(), Malformed> {
        match self {
            Self::BinList { limit, .. } | Self::Verify { limit, .. }
                if !(1..=PAGE_ITEMS_MAX).contains(&(*limit as usize)) =>
            {
                Err(Malformed::OutOfRange("the length of a page"))
            }
            _ => Ok(()),
        }
    }
}

impl Message for ErrandReply {
    fn check(&self) -> Result<(), Malformed> {
        match self {
            Self::Bin { items, .. } => items.iter().try_for_each(|item| check::entry(Some(&item.entry))),
            Self::Verified { entries, .. } => entries.iter().try_for_each(|entry| match &entry.found {
                Ok(found) => check::entry(Some(found)),
                Err(problem) => check::problem(problem),
            }),
            _ => Ok(()),
        }
    }
}
