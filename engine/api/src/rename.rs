//! Renaming a path on one side: the cure where the other side can't hold its name.

use serde::{Deserialize, Serialize};

use crate::{entry::Side, path::PathBytes};

/// Rename what stands at a path on one side. Nothing is overwritten. It is a change like any other, and crosses by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RenamePath {
    /// Name or id of the share.
    pub share: String,
    /// On which side.
    pub side: Side,
    /// What, relative to the share's root.
    pub path: PathBytes,
    /// Its new name, in the same directory.
    pub name: PathBytes,
}
