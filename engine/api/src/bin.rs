//! Recycle bins: where what a share removed rests first.

use serde::{Deserialize, Serialize};

use crate::{
    conflict::Refused,
    entry::{Amount, Side, SideEntry},
    path::PathBytes,
    time::Timestamp,
};

/// Why something rests in the recycle bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum BinReason {
    /// Deleted on the other side.
    Deleted,
    /// Replaced by the other side's version.
    Replaced,
    /// A conflict was settled in favour of the other.
    Resolved,
    /// Pruned.
    Pruned,
}

/// Something in a recycle bin: one entry, or a directory with all that stood in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct BinItem {
    /// What tells it from others of the same path. Opaque.
    pub id: String,
    /// Whose bin it rests in.
    pub side: Side,
    /// Where it stood.
    pub path: PathBytes,
    /// What it is.
    pub entry: SideEntry,
    /// What it holds, itself included.
    pub amount: Amount,
    /// When it was taken away.
    pub at: Timestamp,
    /// Why.
    pub reason: BinReason,
}

/// Bring things back from the recycle bin to where they stood, from where they synchronise as any change does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct BinRestore {
    /// Name or id of the share.
    pub share: String,
    /// Which; for a path the latest of its items.
    pub which: WhichItems,
}

/// Which items of a recycle bin a request means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum WhichItems {
    /// Those with these ids.
    Ids(Vec<String>),
    /// The latest of each of these paths.
    Paths(Vec<PathBytes>),
}

/// Answer to [`BinRestore`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Restored {
    /// Items that stand where they stood.
    pub restored: u64,
    /// What isn't in the bin, or whose place is taken.
    pub refused: Vec<Refused>,
}

/// Delete what rests in the recycle bins for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct BinEmpty {
    /// Name or id of the share.
    pub share: String,
    /// Only this side's; both where `null`.
    #[serde(default)]
    pub side: Option<Side>,
}
