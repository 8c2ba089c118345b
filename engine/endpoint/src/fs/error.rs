//! What went wrong in the file system: which operation, at which name, and of which kind.

use std::io;

use causeway_sync::path::{Name, RelPath, RelPathBuf};

/// A failed call of [`Fs`](super::Fs).
#[derive(Debug, thiserror::Error)]
#[error("could not {op}{}: {source}", Shown(path))]
pub struct FsError {
    /// What was being done: completes "could not …".
    pub op: &'static str,
    /// Where, relative to the directory that the call was given; the root where that directory, or an opened file, is meant.
    pub path: RelPathBuf,
    /// What it means.
    pub kind: FsErrorKind,
    /// What the system said.
    pub source: io::Error,
}

struct Shown<'a>(&'a RelPath);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_root() { Ok(()) } else { write!(f, " \"{}\"", self.0) }
    }
}

/// What a failure means for the one who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FsErrorKind {
    /// Nothing stands there, or the directory was removed.
    NotFound,
    /// Something stands there already.
    Exists,
    /// The directory holds something.
    NotEmpty,
    /// The disk, its inodes or the user's quota are used up.
    NoSpace,
    /// The permissions don't allow it.
    PermissionDenied,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The file system can't hold this name: too long, or with bytes that it forbids.
    InvalidName,
    /// Two file systems or mounts are involved where it must be one.
    CrossDevice,
    /// A component is not a directory.
    NotADirectory,
    /// Not a regular file.
    NotAFile,
    /// A symlink stands where one is never followed.
    IsSymlink,
    /// A running program's file can't be written.
    TextBusy,
    /// In use by the system: a mount point, or a file that another process has locked.
    Busy,
    /// This process or the system has no descriptor left.
    TooManyOpenFiles,
    /// Larger than the file system allows: a file's length, or the number of links.
    TooLarge,
    /// The file system doesn't have the operation.
    Unsupported,
    /// The call makes no sense for what stands there: a read of a link that is none, a directory moved into itself.
    InvalidInput,
    /// Anything else: the disk, most of all.
    Io,
}

impl FsErrorKind {
    /// What the system's error means.
    pub fn of(error: &io::Error) -> Self {
        Self::of_raw(error).unwrap_or_else(|| Self::of_portable(error.kind()))
    }

    #[cfg(unix)]
    fn of_raw(error: &io::Error) -> Option<Self> {
        use rustix::io::Errno;
        Some(match Errno::from_io_error(error)? {
            Errno::LOOP => Self::IsSymlink,
            Errno::NAMETOOLONG | Errno::ILSEQ => Self::InvalidName,
            Errno::MFILE | Errno::NFILE => Self::TooManyOpenFiles,
            Errno::NOTEMPTY => Self::NotEmpty,
            Errno::DQUOT => Self::NoSpace,
            Errno::FBIG | Errno::MLINK => Self::TooLarge,
            Errno::ISDIR => Self::NotAFile,
            Errno::NOSYS | Errno::OPNOTSUPP => Self::Unsupported,
            Errno::STALE => Self::NotFound,
            // A lease on the file (fcntl(2), "Leases").
            Errno::AGAIN => Self::Busy,
            _ => return None,
        })
    }

    #[cfg(not(unix))]
    fn of_raw(_: &io::Error) -> Option<Self> {
        None
    }

    fn of_portable(kind: io::ErrorKind) -> Self {
        use io::ErrorKind as Io;
        match kind {
            Io::NotFound => Self::NotFound,
            Io::AlreadyExists => Self::Exists,
            Io::DirectoryNotEmpty => Self::NotEmpty,
            Io::StorageFull | Io::QuotaExceeded => Self::NoSpace,
            Io::PermissionDenied => Self::PermissionDenied,
            Io::ReadOnlyFilesystem => Self::ReadOnly,
            Io::InvalidFilename => Self::InvalidName,
            Io::CrossesDevices => Self::CrossDevice,
            Io::NotADirectory => Self::NotADirectory,
            Io::IsADirectory => Self::NotAFile,
            Io::ExecutableFileBusy => Self::TextBusy,
            Io::ResourceBusy => Self::Busy,
            Io::FileTooLarge | Io::TooManyLinks => Self::TooLarge,
            Io::Unsupported => Self::Unsupported,
            Io::InvalidInput => Self::InvalidInput,
            _ => Self::Io,
        }
    }

    /// A sentence's end for an error that no system call gave.
    fn sentence(self) -> &'static str {
        match self {
            Self::NotFound => "it does not exist",
            Self::Exists => "something stands there already",
            Self::NotEmpty => "the directory is not empty",
            Self::NoSpace => "no space is left on the disk",
            Self::PermissionDenied => "the permissions do not allow it",
            Self::ReadOnly => "the file system is read-only",
            Self::InvalidName => "the file system can't hold this name",
            Self::CrossDevice => "another file system is mounted there",
            Self::NotADirectory => "it is not a directory",
            Self::NotAFile => "it is not a regular file",
            Self::IsSymlink => "a symlink stands in the way",
            Self::TextBusy => "the program is running",
            Self::Busy => "it is in use",
            Self::TooManyOpenFiles => "too many files are open",
            Self::TooLarge => "the file system does not allow this size",
            Self::Unsupported => "the file system can't do this",
            Self::InvalidInput => "this can't be done to it",
            Self::Io => "input or output failed",
        }
    }
}

impl FsError {
    /// An error that the system gave, for `path` as the field of that name says.
    pub fn new(op: &'static str, path: &RelPath, source: io::Error) -> Self {
        Self { op, path: path.to_owned(), kind: FsErrorKind::of(&source), source }
    }

    /// An error that the system gave, for one name.
    pub fn at(op: &'static str, name: &Name, source: io::Error) -> Self {
        Self::new(op, &RelPath::ROOT.join(name), source)
    }

    /// An error that no system call gave.
    pub fn of_kind(op: &'static str, path: &RelPath, kind: FsErrorKind) -> Self {
        Self { op, path: path.to_owned(), kind, source: io::Error::other(kind.sentence()) }
    }
}
