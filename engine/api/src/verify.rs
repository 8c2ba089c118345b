//! Verifying a share: both sides read whole.

use serde::{Deserialize, Serialize};

use crate::{entry::SideEntry, path::PathBytes, time::Timestamp};

/// A path where the two sides differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Difference {
    /// Where, relative to the share's root.
    pub path: PathBytes,
    /// What stands on the host.
    pub host: SideEntry,
    /// What stands in the guest.
    pub guest: SideEntry,
    /// What is already known to keep the path apart. [`Because::Unknown`] is a defect or a change that came meanwhile.
    pub because: Because,
}

/// Why the two sides differ at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Because {
    /// A conflict waits here.
    Conflict,
    /// A problem is in the way.
    Problem,
    /// The mode or a one-way pattern lets them differ.
    Mode,
    /// Changed during the verification; the change is on its way.
    Pending,
    /// Nothing known explains it.
    Unknown,
}

/// Answer to a verification: both sides were read whole and their digests compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Verification {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Entries that were compared.
    pub entries: u64,
    /// Bytes of content that were read, of both sides together.
    pub bytes: u64,
    /// How many paths differ, whatever the reason.
    pub differ: u64,
    /// How many of them nothing known explains.
    pub unexplained: u64,
    /// The first of them, unexplained ones first, at most [`DIFFERENCES_MAX`].
    pub differences: Vec<Difference>,
}

/// Most differences that a [`Verification`] lists; `differ` counts them all. Enough to see what they have in common.
pub const DIFFERENCES_MAX: usize = 1000;

/// What a verification found, as a share keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Verified {
    /// When it began.
    pub at: Timestamp,
    /// How many paths differed.
    pub differ: u64,
}

/// A verification that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Verifying {
    /// When it began.
    pub since: Timestamp,
    /// Whether both sides are read a second time, because they differed where nothing known explains it.
    pub again: bool,
    /// Entries that were compared.
    pub entries_done: u64,
    /// How many there are, as last counted; more may come.
    pub entries_total: u64,
    /// Bytes of content that were read, of both sides together, those of a file that isn't read whole yet among them.
    pub bytes_done: u64,
    /// How many there are, as last counted; more may come.
    pub bytes_total: u64,
    /// How many paths differ by now, whatever the reason.
    #[serde(default)]
    pub differ: u64,
    /// Time left in milliseconds; `null` for the first 2 s and while it isn't steady.
    #[serde(default)]
    pub left_ms: Option<u64>,
}
