//! An endpoint's index.

use std::path::Path;

use causeway_sync::{Change, Digest, Entry, Epoch, Name, NameBuf, RelPath, RelPathBuf, Replica, Seq};

use crate::{IndexError, Origin};

/// Number of a directory in an index. It stays when the directory is moved, and is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirId(pub u64);

impl DirId {
    /// The share's root.
    pub const ROOT: Self = Self(1);
}

/// What tells that a file is unchanged since it was looked at: all of this is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
    /// Equals no file's: what is known about the row is not to be trusted until it has been looked at.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Which copy of the share it describes.
    pub replica: Replica,
    /// Which history its numbers belong to.
    pub epoch: Epoch,
}

/// How many entries there are of each kind; the root isn't counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// A part of the feed; see [`causeway_sync::Changes`], whose order it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The changes.
    pub changes: Vec<Change>,
    /// The newest change that the window covers.
    pub upto: Seq,
    /// The index's newest change.
    pub as_of: Seq,
    /// Whether there is more after `upto`. (A window may be empty and yet have more after it.)
    pub more: bool,
}

/// A point in the index's history, to be proved durable by a sync of the file system that starts after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncMark(u64);

/// An endpoint's index: a cache of its file system, and a journal of what changed.
///
/// The first write opens a transaction, [`commit`](Self::commit) ends it; reads see what is written and not yet committed.
/// Dropping an index without [`close`](Self::close) is like the end of the process: what isn't committed is lost, which is
/// harmless, because the next crawl finds it again. After an error of a write, all that isn't committed is taken back, and the
/// caller has to crawl again.
pub struct Index {}

#[allow(unused_variables)]
impl Index {
    /// Opens an index, or makes it where there is none. One that is damaged or of another version is set aside and a new one begun.
    /// `boot_id` tells one start of the operating system from another: after a power cut, the rows whose content may not have
    /// reached the disk lose their fingerprints.
    pub fn open(path: &Path, boot_id: [u8; 16], identity: impl FnOnce() -> Identity) -> Result<Self, IndexError> {
        unimplemented!()
    }

    /// Commits, durably, and notes that all is in order, so that the next opening needs no check. It can be written to again.
    pub fn close(&mut self) -> Result<(), IndexError> {
        unimplemented!()
    }

    /// Whether the index was there when it was opened.
    pub fn origin(&self) -> &Origin {
        unimplemented!()
    }

    /// Which copy of the share it describes.
    pub fn replica(&self) -> Replica {
        unimplemented!()
    }

    /// Which history its numbers belong to.
    pub fn epoch(&self) -> Epoch {
        unimplemented!()
    }

    /// The newest change.
    pub fn seq(&self) -> Seq {
        unimplemented!()
    }

    /// The newest change that was acknowledged.
    pub fn acknowledged(&self) -> Seq {
        unimplemented!()
    }

    /// How much it holds. Costs nothing.
    pub fn counts(&self) -> Counts {
        unimplemented!()
    }

    /// What is known at a path, and the directory that holds it. (The root is its own directory.)
    pub fn lookup(&self, path: &RelPath) -> Result<Option<(DirId, Row)>, IndexError> {
        unimplemented!()
    }

    /// The directory at a path.
    pub fn dir(&self, path: &RelPath) -> Result<Option<DirId>, IndexError> {
        unimplemented!()
    }

    /// What is known by a name in a directory.
    pub fn get(&self, dir: DirId, name: &Name) -> Result<Option<Row>, IndexError> {
        unimplemented!()
    }

    /// What is known in a directory, by name, after `after`, at most `limit`.
    pub fn list(&self, dir: DirId, after: Option<&Name>, limit: usize) -> Result<Vec<(NameBuf, Row)>, IndexError> {
        unimplemented!()
    }

    /// What is known of a directory itself.
    pub fn dir_row(&self, dir: DirId) -> Result<Option<Row>, IndexError> {
        unimplemented!()
    }

    /// The directory that holds this one, and its name in there. `None` for the root, and where there is no such directory.
    pub fn place(&self, dir: DirId) -> Result<Option<(DirId, NameBuf)>, IndexError> {
        unimplemented!()
    }

    /// The path of a directory. `None` where there is no such directory.
    pub fn path_of(&self, dir: DirId) -> Result<Option<RelPathBuf>, IndexError> {
        unimplemented!()
    }

    /// The directories whose fingerprint has this inode: rarely more than one, as long as rows of vanished ones are left.
    pub fn dirs_by_inode(&self, device: u64, inode: u64) -> Result<Vec<DirId>, IndexError> {
        unimplemented!()
    }

    /// A path at which a file with this content is known. Knows files of 64 KiB and more.
    pub fn find_content(&self, digest: &Digest) -> Result<Option<RelPathBuf>, IndexError> {
        unimplemented!()
    }

    /// Notes what stands by a name in a directory. A directory in place of a directory keeps its id and what it holds; anything
    /// else in place of a directory removes what that held.
    pub fn put(
        &mut self,
        dir: DirId,
        name: &Name,
        entry: Entry,
        fingerprint: Fingerprint,
        journal: Journal,
    ) -> Result<Row, IndexError> {
        unimplemented!()
    }

    /// Notes that nothing stands there any more, nor below. Gives the number of the change; `None` when nothing was known there.
    pub fn remove(&mut self, dir: DirId, name: &Name, journal: Journal) -> Result<Option<Seq>, IndexError> {
        unimplemented!()
    }

    /// Notes that what stands there is ignored from now on (it is told as [`Change::Forgotten`]). `None` when nothing was known.
    pub fn forget(&mut self, dir: DirId, name: &Name) -> Result<Option<Seq>, IndexError> {
        unimplemented!()
    }

    /// Notes that what stood at `from` stands at `to`, with all that it holds. Nothing may be known at `to`.
    pub fn move_row(
        &mut self,
        from: (DirId, &Name),
        to: (DirId, &Name),
        journal: Journal,
    ) -> Result<Row, IndexError> {
        unimplemented!()
    }

    /// Notes a file's digest, which wasn't known, without a change: only if it still looks as `fingerprint` says. Tells whether.
    pub fn set_digest(
        &mut self,
        dir: DirId,
        name: &Name,
        fingerprint: &Fingerprint,
        digest: Digest,
    ) -> Result<bool, IndexError> {
        unimplemented!()
    }

    /// Notes how something looks that hasn't changed. Tells whether there is such a row.
    pub fn refresh(&mut self, dir: DirId, name: &Name, fingerprint: Fingerprint) -> Result<bool, IndexError> {
        unimplemented!()
    }

    /// Notes how the root looks. It has no name, so that [`refresh`](Self::refresh) can't.
    pub fn refresh_root(&mut self, fingerprint: Fingerprint) -> Result<(), IndexError> {
        unimplemented!()
    }

    /// Ends the transaction, if there is one.
    pub fn commit(&mut self, durability: Durability) -> Result<(), IndexError> {
        unimplemented!()
    }

    /// Begins to make durable what the rows describe: sync the file system after this call, then give the mark to
    /// [`mark_synced`](Self::mark_synced).
    pub fn begin_sync(&mut self) -> Result<SyncMark, IndexError> {
        unimplemented!()
    }

    /// Notes that all content known when the mark was made is durable.
    pub fn mark_synced(&mut self, mark: SyncMark) -> Result<(), IndexError> {
        unimplemented!()
    }

    /// Does a slice (some ms) of what can wait: pruning the journal, bringing the log of writes back into the file. Tells
    /// whether there is more to do. Call it when nothing else is to be done; a commit makes up for what is left out too long.
    pub fn maintain(&mut self) -> Result<bool, IndexError> {
        unimplemented!()
    }

    /// The changes after `after`, at most `limit` of them. Leaves out the endpoint's own ones after `skip_own_after`.
    pub fn changes(&self, after: Seq, limit: usize, skip_own_after: Option<Seq>) -> Result<Window, IndexError> {
        unimplemented!()
    }

    /// The changes up to `seq` won't be asked for again.
    pub fn acknowledge(&mut self, seq: Seq) -> Result<(), IndexError> {
        unimplemented!()
    }

    /// Puts a path into the feed as it is known, or as absent.
    pub fn touch(&mut self, path: &RelPath) -> Result<(), IndexError> {
        unimplemented!()
    }

    /// Puts everything known at and below a path into the feed; as absent if there is nothing.
    pub fn touch_below(&mut self, path: &RelPath) -> Result<(), IndexError> {
        unimplemented!()
    }

    /// Whether anything at or below the path was changed by somebody else after `after`.
    pub fn foreign_changes_below(&self, path: &RelPath, after: Seq) -> Result<bool, IndexError> {
        unimplemented!()
    }
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
