//! What stands at a path on one side, as the app and the command see it.

use serde::{Deserialize, Serialize};

use crate::{path::PathBytes, time::Timestamp};

/// One of the two sides that a share keeps the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Side {
    /// The computer.
    Host,
    /// The inside of the machine.
    Guest,
}

impl Side {
    /// The side's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Guest => "guest",
        }
    }
}

/// What stands at a path on one side. In JSON an object whose `kind` is the variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum SideEntry {
    /// Nothing: it was deleted there, or never was.
    Absent,
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
        /// Modification time.
        mtime: Timestamp,
        /// BLAKE3 of the content in lower-case hex; `null` while nobody has read it.
        digest: Option<String>,
        /// Whether the owner may execute it.
        executable: bool,
    },
    /// A symlink.
    Symlink {
        /// Where it points.
        target: PathBytes,
    },
    /// Ignored, or of a kind that is never synchronised.
    Untracked,
}

impl SideEntry {
    /// The kind in a word, as the interface shows it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Absent => "Deleted",
            Self::Directory => "Directory",
            Self::File { .. } => "File",
            Self::Symlink { .. } => "Symlink",
            Self::Untracked => "Untracked",
        }
    }
}

/// Counts of entries by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Entries {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// Ignored, or of a kind that is never synchronised. What stands below an ignored directory isn't counted.
    pub untracked: u64,
}

impl Entries {
    /// All that is synchronised: without the untracked.
    pub fn tracked(&self) -> u64 {
        self.files + self.directories + self.symlinks
    }
}

/// A number of entries and the bytes of their content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Amount {
    /// How many entries.
    pub entries: u64,
    /// Bytes of content.
    pub bytes: u64,
}
