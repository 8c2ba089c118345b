//! What a look at an entry, or at the whole file system, tells.

/// What stands at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A directory on the share's own file system.
    Directory,
    /// A regular file.
    File,
    /// A symlink, or on Windows any reparse point that names another place.
    Symlink,
    /// A socket.
    Socket,
    /// A FIFO.
    Fifo,
    /// A character or block device.
    Device,
    /// Another file system, or another mount of the same, stands over this name: never entered, read or renamed.
    Mount,
    /// Something else that the system has.
    Other,
}

impl Kind {
    /// Whether such an entry is synchronised at all.
    pub fn is_tracked(self) -> bool {
        matches!(self, Self::Directory | Self::File | Self::Symlink)
    }
}

/// The user and the group that an entry belongs to. Both 0 where the system has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What one look at an entry tells. Two equal ones, with `ctime_ns` old enough, mean unchanged content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Length in bytes; of a directory whatever the system says.
    pub size: u64,
    /// Modification time in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Time of the last change of content, permissions, owner or name, in nanoseconds since 1970. Nobody can set it back.
    /// Equal to `mtime_ns` on Windows.
    pub ctime_ns: i64,
    /// The file's number on its device. 0 on Windows, where it takes an open file to tell.
    pub inode: u64,
    /// The device's number. Not stable over restarts of the system.
    pub device: u64,
    /// Whether the owner may execute it.
    pub executable: bool,
    /// Number of hard links.
    pub links: u32,
    /// Permission bits (12 lowest of `st_mode`).
    pub mode: u32,
    /// Whom it belongs to.
    pub owner: Owner,
}

/// Free and total space of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this process may still use.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Entries that may still be created; `u64::MAX` where the file system has no such limit.
    pub free_inodes: u64,
}

/// What a file system can do, as found out by trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// `a` and `A` are two names.
    pub case_sensitive: bool,
    /// A name written composed is found decomposed (NFC, NFD): the two are one name.
    pub normalizes_unicode: bool,
    /// Symlinks can be created by this process.
    pub symlinks: bool,
    /// The executable bit of a file can be set and cleared, and stays as set.
    pub executable_bit: bool,
    /// [`Rename::Exchange`](super::Rename::Exchange) works.
    pub exchange_rename: bool,
    /// Modification times are kept to a multiple of this many nanoseconds: 1, 100 (NTFS), 1 000 000 000, 2 000 000 000 (FAT).
    pub time_granularity_ns: u64,
}

impl Capabilities {
    /// What the file systems that each system has by default can do: assumed of one that can't be tried because nothing can be written
    /// to it.
    pub const ASSUMED: Self = Self {
        case_sensitive: cfg!(not(any(target_os = "macos", windows))),
        normalizes_unicode: false,
        symlinks: true,
        executable_bit: cfg!(unix),
        exchange_rename: cfg!(unix),
        time_granularity_ns: if cfg!(windows) { 100 } else { 1 },
    };
}
