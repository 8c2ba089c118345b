//! Conflicts, and how they are settled.

use serde::{Deserialize, Serialize};

use crate::{entry::SideEntry, path::PathBytes, time::Timestamp};

/// A way to settle a conflict. What isn't kept goes to the recycle bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Keep {
    /// The host's version goes to the guest; a deletion on the host deletes in the guest.
    Host,
    /// The guest's version goes to the host.
    Guest,
    /// The host's stays in place and the guest's is put beside it under a name of its own, on both sides.
    Both,
}

/// Both sides changed a path in ways that the mode doesn't settle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Conflict {
    /// Where, relative to the share's root.
    pub path: PathBytes,
    /// What stands on the host.
    pub host: SideEntry,
    /// What stands in the guest.
    pub guest: SideEntry,
    /// When it was found.
    pub since: Timestamp,
    /// The ways to settle this one.
    pub resolutions: Vec<Keep>,
}

/// Which paths a request means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Which {
    /// All there are when the request is carried out.
    All,
    /// These, relative to the share's root.
    Paths(Vec<PathBytes>),
}

/// Settle conflicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Resolve {
    /// Name or id of the share.
    pub share: String,
    /// Which conflicts.
    pub which: Which,
    /// What is kept.
    pub keep: Keep,
}

/// A path that a request named and that it could do nothing for. The other paths of the request are carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Refused {
    /// The path, as the request named it.
    pub path: PathBytes,
    /// Why, as a sentence.
    pub sentence: String,
}

/// Answer to [`Resolve`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Resolved {
    /// Conflicts that are settled; their content crosses right after.
    pub resolved: u64,
    /// Paths that have no conflict, or none that can be settled so.
    pub refused: Vec<Refused>,
}
