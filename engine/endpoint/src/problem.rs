//! What a failed file system call means for the session.

use causeway_index::{IndexError, StoreError};
use causeway_sync::{Problem, ProblemKind, Side};

use crate::fs::{FsError, FsErrorKind};

/// Longest detail of a problem, in bytes, as [`Problem::detail`] promises.
const DETAIL_BYTES_MAX: usize = 1024;

/// A problem of `side` with what the system said.
pub(crate) fn problem(side: Side, kind: ProblemKind, detail: impl Into<String>) -> Problem {
    let mut detail = detail.into();
    if detail.len() > DETAIL_BYTES_MAX {
        let end = (0..=DETAIL_BYTES_MAX).rev().find(|at| detail.is_char_boundary(*at)).unwrap_or(0);
        detail.truncate(end);
    }
    Problem { side, kind, detail }
}

/// The problem that a failed call shows.
pub(crate) fn of_fs(side: Side, error: &FsError) -> Problem {
    let kind = match error.kind {
        FsErrorKind::NoSpace => ProblemKind::NoSpace,
        FsErrorKind::PermissionDenied => ProblemKind::PermissionDenied,
        FsErrorKind::ReadOnly => ProblemKind::ReadOnly,
        FsErrorKind::InvalidName => ProblemKind::NameNotRepresentable,
        FsErrorKind::TooLarge => ProblemKind::TooLarge,
        FsErrorKind::CrossDevice | FsErrorKind::Busy => ProblemKind::Occupied,
        FsErrorKind::NotFound
        | FsErrorKind::Exists
        | FsErrorKind::NotEmpty
        | FsErrorKind::NotADirectory
        | FsErrorKind::NotAFile
        | FsErrorKind::IsSymlink
        | FsErrorKind::TextBusy
        | FsErrorKind::TooManyOpenFiles
        | FsErrorKind::Unsupported
        | FsErrorKind::InvalidInput
        | FsErrorKind::Io => ProblemKind::Io,
    };
    problem(side, kind, error.to_string())
}

/// The problem that a failed read or write of the index shows.
pub(crate) fn of_index(side: Side, error: &IndexError) -> Problem {
    let kind = match error {
        IndexError::Store(StoreError::NoSpace { .. }) => ProblemKind::NoSpace,
        _ => ProblemKind::Io,
    };
    problem(side, kind, error.to_string())
}

/// Whether the call failed because what stands there has changed since it was looked at: nothing stands there, or
/// something of another kind.
pub(crate) fn is_stale(error: &FsError) -> bool {
    matches!(
        error.kind,
        FsErrorKind::NotFound
            | FsErrorKind::Exists
            | FsErrorKind::NotADirectory
            | FsErrorKind::NotAFile
            | FsErrorKind::IsSymlink
    )
}
