//! Problems: paths that can't proceed.

use serde::{Deserialize, Serialize};

use crate::{entry::Side, path::PathBytes, time::Timestamp};

/// What a person can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Remedy {
    /// As a sentence.
    pub sentence: String,
    /// The command that does it, whole, for a shell; `null` where there is none.
    pub command: Option<String>,
}

impl Remedy {
    /// A remedy that has no command.
    pub fn sentence(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), command: None }
    }

    /// A remedy and the command that carries it out.
    pub fn command(sentence: impl Into<String>, command: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), command: Some(command.into()) }
    }
}

/// What is in the way. The codes are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ProblemCode {
    /// The disk is full. Resolves itself when space returns.
    NoSpace,
    /// A quota is used up.
    QuotaExceeded,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The user that Causeway runs as isn't allowed to.
    PermissionDenied,
    /// Two names that the file system takes for one: they differ in case, or in Unicode normalisation. Names both.
    FileExists,
    /// A name that the other side's file system can't hold.
    NameNotRepresentable,
    /// A symlink that `portable` doesn't let through: absolute, or leading out of the share.
    SymlinkNotPortable,
    /// The system refuses to make symlinks (on Windows without the right to).
    CannotCreateSymlink,
    /// Open so that others can't read or replace it.
    Busy,
    /// Being written without a pause; crosses after a quiet moment or a bounded time.
    BeingWritten,
    /// Something that is never synchronised takes the place.
    OccupiedByUntracked,
    /// Larger than the other side's file system can hold.
    TooLarge,
    /// Deeper, or a longer path, than Causeway or the file system can handle.
    PathTooLong,
    /// The system's limit on watches is reached; polled meanwhile.
    WatchLimit,
    /// `.syncignore` has a line that isn't a pattern; the rules before the edit stay in force.
    InvalidRules,
    /// What arrived isn't what was announced; sent again.
    ContentDamaged,
    /// Any other error of the file system.
    Io,
}

impl ProblemCode {
    /// The title, as the interface shows it.
    pub fn title(self) -> &'static str {
        match self {
            Self::NoSpace => "Disk full",
            Self::QuotaExceeded => "Quota used up",
            Self::ReadOnly => "Read-only",
            Self::PermissionDenied => "Permission denied",
            Self::FileExists => "File exists",
            Self::NameNotRepresentable => "Name can't be held",
            Self::SymlinkNotPortable => "Symlink isn't portable",
            Self::CannotCreateSymlink => "Unable to create symbolic link",
            Self::Busy => "Busy",
            Self::BeingWritten => "Being written",
            Self::OccupiedByUntracked => "Place is taken",
            Self::TooLarge => "Too large",
            Self::PathTooLong => "Path too long",
            Self::WatchLimit => "Watch limit reached",
            Self::InvalidRules => "Invalid ignore rules",
            Self::ContentDamaged => "Content damaged",
            Self::Io => "Input/output error",
        }
    }
}

/// One path can't proceed. All other paths are kept in sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Problem {
    /// Where, relative to the share's root; the root itself where the whole share is concerned.
    pub path: PathBytes,
    /// The other path, where two are in each other's way.
    #[serde(default)]
    pub other_path: Option<PathBytes>,
    /// On which side.
    pub side: Side,
    /// What is in the way.
    pub code: ProblemCode,
    /// Why, as a sentence that names the thing and the number.
    pub sentence: String,
    /// What a person can do; `null` where only waiting helps.
    pub remedy: Option<Remedy>,
    /// When it was found.
    pub since: Timestamp,
    /// When it is tried again; `null` where that waits for a change and not for a time.
    pub next_try: Option<Timestamp>,
}
