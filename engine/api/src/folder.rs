//! A folder that may become a share: what is in it, and what of it containers can make for themselves.

use serde::{Deserialize, Serialize};

use crate::{entry::Amount, error::ApiError, path::PathBytes, share::Patterns};

/// Paths that a [`FolderTally`] names of a kind; it counts them all.
pub const EXAMPLES_MAX: usize = 20;

/// Count what is in a folder. The count begins with the first request and goes on by itself; each request is answered within
/// some tenths of a second by what was found so far. Asked for no more, it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CountFolder {
    /// The folder on this computer, absolute.
    pub host_path: PathBytes,
    /// Patterns that the share is to have beside `.syncignore`.
    #[serde(default)]
    pub patterns: Patterns,
}

/// What was found in a folder so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FolderTally {
    /// Whether all was looked at.
    pub done: bool,
    /// How long the count takes or took, in milliseconds.
    pub took_ms: u64,
    /// All that was found, the folder itself left out.
    pub found: Amount,
    /// What of it the folder's `.syncignore` ignores already, or the patterns of the request leave out.
    pub ignored: Amount,
    /// Folders that weigh much, no one inside another, the heaviest first. None of them is ignored already.
    pub heavy: Vec<HeavyFolder>,
    /// Files that look like secrets, the first [`EXAMPLES_MAX`] of them.
    pub secrets: Vec<PathBytes>,
    /// How many there are.
    pub secrets_total: u64,
    /// Sockets, FIFOs and devices, which stay untracked, the first [`EXAMPLES_MAX`] of them.
    pub special: Vec<PathBytes>,
    /// How many there are.
    pub special_total: u64,
    /// Directories that couldn't be read.
    pub unreadable: u64,
    /// Why the folder can't be shared, or not without force; `null` where it can.
    pub refusal: Option<ApiError>,
    /// What is wrong with the folder's `.syncignore`, as a sentence; `null` where nothing is.
    pub syncignore_fault: Option<String>,
}

/// How soon a share would be usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Estimate {
    /// In milliseconds, by how quickly shares with files of about the same length were prepared on this machine; `null` where there were
    /// none.
    pub usable_ms: Option<u64>,
}

/// Folders of one name that weigh much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct HeavyFolder {
    /// The folder, relative to the share's root; the last part of it where there are several.
    pub name: String,
    /// How many there are.
    pub places: u64,
    /// What they are, in a few words: `installed by npm`.
    pub origin: String,
    /// What they hold, themselves included.
    pub amount: Amount,
    /// The lines of `.syncignore` that leave them out.
    pub lines: Vec<String>,
    /// Whether a tool can make them again, so that leaving them out costs nothing.
    pub suggested: bool,
}
