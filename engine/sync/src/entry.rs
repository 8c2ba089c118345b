//! What stands at a path.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest symlink target, in bytes: `PATH_MAX` of Linux (limits.h).
pub const TARGET_BYTES_MAX: usize = 4096;

/// One of the two sides that a share keeps the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The computer.
    Host,
    /// The inside of the machine.
    Guest,
}

impl Side {
    /// Both, the host first.
    pub const BOTH: [Self; 2] = [Self::Host, Self::Guest];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Host => Self::Guest,
            Self::Guest => Self::Host,
        }
    }
}

/// BLAKE3 of a file's content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(hash.into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from(self.0).to_hex()[..12])
    }
}

/// What stands at a path, as far as it is synchronised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A directory. Its mode and time don't cross.
    Directory,
    /// A regular file.
    File(File),
    /// A symlink, with the bytes of its target.
    Symlink(Target),
    /// Something that is never synchronised but takes the name: a socket, a FIFO, a device, another file system mounted here.
    Untracked,
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Digest of the content; `None` while nobody has read it (a first crawl looks at metadata alone).
    pub digest: Option<Digest>,
    /// Length in bytes.
    pub size: u64,
    /// Whether the owner may execute it.
    pub executable: bool,
    /// Modification time in nanoseconds since 1970 (enough from 1677 to 2262; times outside are clamped).
    pub mtime_ns: i64,
}

/// Target of a symlink: 1 to [`TARGET_BYTES_MAX`] bytes without NUL.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "serde_bytes::ByteBuf", into = "serde_bytes::ByteBuf")]
pub struct Target(Vec<u8>);

/// The bytes are not a symlink's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a symlink's target is empty, longer than {TARGET_BYTES_MAX} bytes, or holds a NUL byte")]
pub struct InvalidTarget;

impl Target {
    /// Checks that `bytes` can be a symlink's target.
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidTarget> {
        if bytes.is_empty() || bytes.len() > TARGET_BYTES_MAX || bytes.contains(&0) {
            return Err(InvalidTarget);
        }
        Ok(Self(bytes))
    }

    /// The target's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<serde_bytes::ByteBuf> for Target {
    type Error = InvalidTarget;
    fn try_from(bytes: serde_bytes::ByteBuf) -> Result<Self, InvalidTarget> {
        Self::new(bytes.into_vec())
    }
}

impl From<Target> for serde_bytes::ByteBuf {
    fn from(target: Target) -> Self {
        Self::from(target.0)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(bstr::BStr::new(&self.0), f)
    }
}

impl Entry {
    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self, Self::Directory)
    }

    /// The file, if this is one.
    pub fn as_file(&self) -> Option<&File> {
        match self {
            Self::File(file) => Some(file),
            _ => None,
        }
    }

    /// Whether both are the same but for the modification time. An unread file equals none, not even itself.
    pub fn same_content(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(a), Self::File(b)) => {
                a.digest.is_some() && a.digest == b.digest && a.executable == b.executable
            }
            (a, b) => a == b,
        }
    }
}
