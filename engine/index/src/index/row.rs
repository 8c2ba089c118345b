//! What an index tells about paths, and about itself.

use causeway_sync::{Change, Entry, Epoch, Replica, Seq};
use serde::{Deserialize, Serialize};

/// Number of a directory in an index. It stays when the directory is moved, and is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirId(pub u64);

impl DirId {
    /// The share's root.
    pub const ROOT: Self = Self(1);

    /// As SQLite keeps it.
    pub(crate) fn column(self) -> i64 {
        self.0 as i64
    }

    pub(crate) fn of_column(column: i64) -> Self {
        Self(column as u64)
    }
}

/// What tells that a file is unchanged since it was looked at: all of this is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Number of the device (volume) that holds it.
    pub device: u64,
    /// Number of the file on that device.
    pub inode: u64,
    /// Length in bytes.
    pub size: u64,
    /// Modification time in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Time of the last change to content or metadata, in nanoseconds since 1970.
    pub ctime_ns: i64,
}

impl Fingerprint {
    /// Equals no file's: what the row says is not to be trusted until the file has been looked at.
    pub const UNKNOWN: Self = Self { device: 0, inode: 0, size: 0, mtime_ns: 0, ctime_ns: 0 };
}

/// What the index knows about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What stands there.
    pub entry: Entry,
    /// How it looked then.
    pub fingerprint: Fingerprint,
    /// Number of its newest change.
    pub seq: Seq,
    /// Its number, if it is a directory.
    pub id: Option<DirId>,
}

/// Whose doing a journalled change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// Somebody else's: the session has to be told.
    Foreign,
    /// The endpoint's own: the session of the moment learns of it as an outcome.
    Own,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process.
    Process,
    /// A power cut.
    Power,
}

/// Random numbers that tell this index from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Which copy of the share it describes.
    pub replica: Replica,
    /// Which history its numbers belong to.
    pub epoch: Epoch,
}

impl Identity {
    /// New numbers from the operating system.
    pub fn random() -> Self {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
        let (replica, epoch) = bytes.split_at(16);
        Self {
            replica: Replica(replica.try_into().expect("16 of 24 bytes")),
            epoch: Epoch(u64::from_le_bytes(epoch.try_into().expect("8 of 24 bytes"))),
        }
    }
}

/// How many entries there are of each kind; the root isn't counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// Untracked things.
    pub untracked: u64,
    /// Sum of the files' lengths.
    pub bytes: u64,
}

impl Counts {
    /// One more of these. (Lengths wrap around: a sparse file may claim to be of any length.)
    pub(super) fn add(&mut self, entry: &Entry) {
        *self.of(entry) += 1;
        self.bytes = self.bytes.wrapping_add(entry.as_file().map_or(0, |file| file.size));
    }

    /// One less of these, which was counted before.
    pub(super) fn subtract(&mut self, entry: &Entry) {
        *self.of(entry) -= 1;
        self.bytes = self.bytes.wrapping_sub(entry.as_file().map_or(0, |file| file.size));
    }

    fn of(&mut self, entry: &Entry) -> &mut u64 {
        match entry {
            Entry::File(_) => &mut self.files,
            Entry::Directory => &mut self.directories,
            Entry::Symlink(_) => &mut self.symlinks,
            Entry::Untracked => &mut self.untracked,
        }
    }
}

/// A part of the feed; see [`causeway_sync::Changes`], whose order it keeps. What it tells holds as of `upto`, whatever has happened
/// since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The changes.
    pub changes: Vec<Change>,
    /// The newest change that the window covers.
    pub upto: Seq,
    /// Whether there is more after `upto`. (A window may be empty and yet have more after it.)
    pub more: bool,
}

/// A point in the index's history, to be proved durable by a sync of the file system that starts after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncMark(pub(super) u64);
