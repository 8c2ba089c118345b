//! One side's file system, as the endpoint sees it: the trait [`Fs`], its contract, and the real implementation [`OsFs`].
//!
//! Everything is relative to an opened directory and names one component at a time, so no step can leave the share or follow
//! a symlink, whatever other processes rename in between.
//!
//! Absent by design: knowledge of entries, the index and ignore rules; recursion; retries other than after a signal; async.
//! The simulation brings a second implementation, in memory, with power cuts, full disks and case-insensitive names.

mod error;
mod layout;
mod probe;
mod stat;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(any(windows, test))]
mod windows_names;

use std::io::{Read, Seek, Write};
use std::ops::{ControlFlow, Range};

use causeway_sync::entry::Target;
use causeway_sync::path::{Name, RelPath};

pub use error::{FsError, FsErrorKind};
pub use layout::{FileMode, OsFsConfig};
pub use stat::{Capabilities, Kind, Owner, Space, Stat};
#[cfg(unix)]
pub use unix::{Dir, OsFs};
#[cfg(windows)]
pub use windows::{Dir, OsFs};

/// The bytes of a name that Windows told.
#[cfg(windows)]
pub(crate) fn name_from_wide(units: impl IntoIterator<Item = u16>) -> Vec<u8> {
    windows_names::from_wide(units)
}

/// What every call of this module answers.
pub type Result<T> = std::result::Result<T, FsError>;

/// Names in the share's root that begin with this belong to Causeway and are never synchronised. They stand there only where
/// the private directory can't be on the share's file system ([`Fs::in_share_staging`]), and for a moment while a file
/// system is opened (a trial rename).
pub const RESERVED_PREFIX: &[u8] = b".causeway-tmp-";

/// Whether a name in the share's root is one of Causeway's own ([`RESERVED_PREFIX`]): not listed in the index, not sent.
pub fn is_reserved(name: &Name) -> bool {
    name.as_bytes().starts_with(RESERVED_PREFIX)
}

/// The three trees of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Area {
    /// The share itself.
    Share,
    /// Where content is received aside. On the file system of the share: a rename from here into the share never copies.
    Staging,
    /// The recycle bin. On the file system of the share too, unless [`Fs::in_share_staging`].
    Bin,
}

/// What [`Fs::rename`] does about the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rename {
    /// Nothing may stand there: otherwise [`FsErrorKind::Exists`], and nothing has changed.
    NoReplace,
    /// Something must stand there: both swap places in one step. Otherwise [`FsErrorKind::NotFound`], and nothing has changed.
    ///
    /// Linux tells watchers of the two moves one after the other, first of what leaves the source's name (`vfs_rename` in
    /// fs/namei.c): hence the name that people watch has to be the source. The other way round, the last that they hear of it is
    /// that it went away.
    Exchange,
}

/// One side's file system.
///
/// # Contract
/// - Calls block, and may come from any thread at once. None follows a symlink in its last or any other component, and
///   none enters another mount: [`Self::open_dir`] of one is [`FsErrorKind::CrossDevice`], [`Self::stat`] says [`Kind::Mount`].
/// - A [`Self::Dir`] stays the directory that was opened while that is renamed or removed; in a removed one creation
///   fails with `NotFound`. Each `Dir` and `File` holds one descriptor while a clone of it lives: callers keep few.
/// - A failed call has changed nothing, unless its doc says otherwise.
/// - Nothing is durable before [`Self::sync_file`] and [`Self::sync_dir`], or [`Self::sync_fs`], returned. A power cut before
///   that may keep any subset of what was done, a rename without the content of the file it moved included.
/// - Times are nanoseconds since 1970, clamped to what an `i64` holds. What the file system stores may be coarser
///   ([`Capabilities::time_granularity_ns`]).
pub trait Fs: Send + Sync + 'static {
    /// An opened directory. Cheap to clone.
    type Dir: Clone + Send + Sync + 'static;
    /// An opened regular file with a position.
    type File: Read + Write + Seek + Send + 'static;

    /// Opens the root of an area, each time anew: `NotFound` or `NotADirectory` where the share's root has vanished or is
    /// something else (a symlink too). Whether it is still the same directory tells [`Self::stat_dir`] by device and inode.
    /// The roots of staging and bin are created where they are missing.
    fn root(&self, area: Area) -> Result<Self::Dir>;

    /// Whether staging stands inside the share, under a name with [`RESERVED_PREFIX`], because the private directory is on another
    /// file system. Then a rename into [`Area::Bin`] fails with `CrossDevice`, and the caller copies and removes.
    fn in_share_staging(&self) -> bool;

    /// Removes the root of staging from the share if [`Self::in_share_staging`], and it is empty; does nothing otherwise.
    /// Called when nothing is being received: a `Dir` of staging obtained before is dead afterwards.
    fn release_staging(&self) -> Result<()>;

    /// What the file system can do, found out by trying in the staging area. Costs some ten system calls: ask once.
    fn probe(&self) -> Result<Capabilities> {
        probe::probe(self)
    }

    /// Opens the directory `name` in `dir`. `IsSymlink` or `NotADirectory` where it is something else.
    fn open_dir(&self, dir: &Self::Dir, name: &Name) -> Result<Self::Dir>;

    /// Opens the directory `path` below `dir`, in as many steps as its length needs; `dir` itself for the root.
    fn open_path(&self, dir: &Self::Dir, path: &RelPath) -> Result<Self::Dir>;

    /// Calls `each` for every name in `dir`, in no order, until it breaks. The kind is a hint that saves a [`Self::stat`]
    /// (`None` where the file system doesn't tell; never [`Kind::Mount`]). Memory doesn't grow with the directory. What is created
    /// or removed meanwhile may or may not be seen. Returns how many names were passed over because they are no [`Name`]
    /// (longer than 255 bytes, as some foreign file systems allow).
    fn list(&self, dir: &Self::Dir, each: &mut dyn FnMut(&Name, Option<Kind>) -> ControlFlow<()>) -> Result<u64>;

    /// What stands at `name`; `None` where nothing does.
    fn stat(&self, dir: &Self::Dir, name: &Name) -> Result<Option<Stat>>;

    /// What an opened directory is. Never [`Kind::Mount`].
    fn stat_dir(&self, dir: &Self::Dir) -> Result<Stat>;

    /// What an opened file is now: compare before and after reading to notice a change meanwhile.
    fn stat_file(&self, file: &Self::File) -> Result<Stat>;

    /// Opens a regular file for reading, at its start. `NotAFile` for another kind, `IsSymlink` for a symlink. Never blocks
    /// on a FIFO; doesn't change the access time where that can be avoided.
    fn open_file(&self, dir: &Self::Dir, name: &Name) -> Result<Self::File>;

    /// Creates an empty file, open for reading and writing. `Exists` where anything stands there, a dangling symlink too. The
    /// permissions are those of the side's [`FileMode`].
    fn create_file(&self, dir: &Self::Dir, name: &Name, executable: bool) -> Result<Self::File>;

    /// Opens an existing regular file for reading and writing, with its content: to continue a staged file, or to update a file
    /// in place that is itself a mount point's source. Otherwise like [`Self::open_file`].
    fn open_file_for_update(&self, dir: &Self::Dir, name: &Name) -> Result<Self::File>;

    /// Keeps everybody else from opening a file that was opened for updating, as long as that is open; they wait. False where somebody
    /// has it open already, or the system can't.
    fn hold(&self, file: &Self::File) -> bool {
        let _ = file;
        false
    }

    /// Creates and opens a directory, with the permissions of the side's [`FileMode`]. `Exists` where anything stands there.
    fn create_dir(&self, dir: &Self::Dir, name: &Name) -> Result<Self::Dir>;

    /// Creates a symlink. `Exists` where anything stands there; `Unsupported` or `PermissionDenied` where the system has none
    /// or doesn't permit it.
    fn create_symlink(&self, dir: &Self::Dir, name: &Name, target: &Target) -> Result<()>;

    /// Reads a symlink's target. `InvalidInput` where `name` is no symlink.
    fn read_link(&self, dir: &Self::Dir, name: &Name) -> Result<Target>;

    /// Moves an entry. In one step, with these exceptions where the file system lacks the operation:
    /// `Exchange` is then `Unsupported` ([`Capabilities::exchange_rename`]); `NoReplace` of a file is a hard link and a removal
    /// (after a crash both names may stand), and, where hard links are missing too, or for a directory, a look and a
    /// plain rename: something created at the destination in these microseconds is replaced (of directories only an empty one).
    /// `CrossDevice` between file systems. `from` and `to` may be the same directory.
    fn rename(&self, from: &Self::Dir, from_name: &Name, to: &Self::Dir, to_name: &Name, how: Rename) -> Result<()>;

    /// Removes a name that isn't a directory.
    fn remove_file(&self, dir: &Self::Dir, name: &Name) -> Result<()>;

    /// Removes an empty directory; `NotEmpty` otherwise.
    fn remove_dir(&self, dir: &Self::Dir, name: &Name) -> Result<()>;

    /// Sets the executable bits of a file: for all who may read it, or for nobody. Does nothing where the file system has none.
    fn set_executable(&self, file: &Self::File, executable: bool) -> Result<()>;

    /// Gives a staged file the owner and the permissions (but for the executable bits) of the file that it is about to replace,
    /// as far as this process may. Times, ACLs and extended attributes are not carried over.
    fn inherit(&self, file: &Self::File, replaced: &Stat) -> Result<()>;

    /// Sets the modification time of a file.
    fn set_file_mtime(&self, file: &Self::File, mtime_ns: i64) -> Result<()>;

    /// Sets the modification time of whatever stands at `name`, of a symlink itself too.
    fn set_mtime(&self, dir: &Self::Dir, name: &Name, mtime_ns: i64) -> Result<()>;

    /// Sets the length of a file. What is added is a hole, read as zeros.
    fn set_len(&self, file: &Self::File, bytes: u64) -> Result<()>;

    /// The next range that may hold other than zeros, beginning at `offset` or after; `None` when only a hole follows. Where
    /// holes aren't known all is data. The file's position afterwards is unspecified: seek before reading.
    fn next_data(&self, file: &Self::File, offset: u64) -> Result<Option<Range<u64>>>;

    /// Copies `from_range` of `from` to `to` at `to_offset`, without moving it through this process where possible, sharing
    /// blocks where the file system can. Returns the bytes copied, fewer only where `from` ends earlier. Positions are
    /// unspecified afterwards. After an error any part may have been copied.
    fn copy_range(&self, from: &Self::File, from_range: Range<u64>, to: &Self::File, to_offset: u64) -> Result<u64>;

    /// Copies the whole content of `from` into `to`, which is empty; holes stay holes. Returns the length of `from` as it was at the
    /// start. After an error any part may have been copied.
    fn copy_file(&self, from: &Self::File, to: &Self::File) -> Result<u64> {
        let size = self.stat_file(from)?.size;
        let mut at = 0;
        while let Some(data) = self.next_data(from, at)? {
            if data.start >= size {
                break;
            }
            let end = data.end.min(size);
            self.copy_range(from, data.start..end, to, data.start)?;
            at = end;
        }
        self.set_len(to, size)?;
        Ok(size)
    }

    /// Has the disk begin with what [`sync_file`](Self::sync_file) will wait for. Only saves time, so it can't fail.
    fn begin_sync(&self, _file: &Self::File) {}

    /// Returns when the content and the length of a file are durable. Says nothing about its name.
    fn sync_file(&self, file: &Self::File) -> Result<()>;

    /// Returns when the names in a directory are durable.
    fn sync_dir(&self, dir: &Self::Dir) -> Result<()>;

    /// Returns when all that was done before, in all three areas, is durable. One call for many changes.
    fn sync_fs(&self) -> Result<()>;

    /// Free and total space of the share's file system.
    fn space(&self) -> Result<Space>;
}
