//! What can be wrong with the rules of a share.

use bstr::{BString, ByteSlice};

use super::{ARGUMENT_BYTES_MAX, PATTERN_BYTES_MAX, PATTERNS_MAX, SYNCIGNORE_BYTES_MAX};

/// How much of a pattern an error shows, in bytes.
const SHOWN_BYTES_MAX: usize = 200;

/// A line of `.syncignore` that can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of .syncignore, {pattern:?}: {fault}")]
pub struct BadPattern {
    /// The line, counted from 1.
    pub line: usize,
    /// The line's text as it stands there, cut where it is very long.
    pub pattern: BString,
    /// What is wrong with it.
    pub fault: Fault,
}

impl BadPattern {
    pub(super) fn new(line: usize, pattern: &[u8], fault: Fault) -> Self {
        let shown = &pattern[..pattern.len().min(SHOWN_BYTES_MAX)];
        Self { line, pattern: shown.trim_end().into(), fault }
    }
}

/// Why a pattern of `.syncignore` is refused. Docker refuses these too, but for the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A `!` alone.
    #[error("\"!\" needs a pattern behind it")]
    NothingNegated,
    /// A class that isn't closed.
    #[error("a \"[\" has no \"]\"")]
    UnclosedClass,
    /// A class without a character, or with `-` or `]` where a character is due.
    #[error("a class in \"[ ]\" is empty, or holds a \"-\" or \"]\" that needs a \"\\\" before it")]
    MalformedClass,
    /// A range like `[z-a]`.
    #[error("a range in \"[ ]\" runs backwards")]
    BackwardRange,
    /// A backslash at the end.
    #[error("a \"\\\" stands at the end, with nothing to escape")]
    NothingEscaped,
    /// A backslash before a letter, a digit or a character beyond ASCII which means nothing, or nothing that is supported.
    #[error("a \"\\\" stands before a character that can't be escaped")]
    UnknownEscape,
    /// A repetition like `{2}` with nothing that can be repeated before it.
    #[error("a repetition like \"{{2}}\" stands behind nothing that can be repeated; a brace is written \"\\{{\"")]
    NothingRepeated,
    /// A repetition of too many times, or of fewer than the least.
    #[error("a repetition like \"{{2,1}}\" is out of bounds; a brace is written \"\\{{\"")]
    BadRepetition,
    /// A pattern over [`PATTERN_BYTES_MAX`], its repetitions written out.
    #[error("a pattern is longer than {PATTERN_BYTES_MAX} bytes, or would be if its repetitions were written out")]
    TooLong,
    /// More than [`PATTERNS_MAX`] patterns.
    #[error("there are more than {PATTERNS_MAX} patterns")]
    TooMany,
    /// A file over [`SYNCIGNORE_BYTES_MAX`].
    #[error("the file is longer than {SYNCIGNORE_BYTES_MAX} bytes")]
    FileTooLong,
}

/// A pattern in the syntax of `.gitignore` that can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pattern {number}, {pattern:?}: {fault}")]
pub struct BadArgument {
    /// Which of the patterns given, counted from 1.
    pub number: usize,
    /// Its text, cut where it is very long.
    pub pattern: String,
    /// What is wrong with it.
    pub fault: ArgumentFault,
}

impl BadArgument {
    pub(super) fn new(number: usize, pattern: &str, fault: ArgumentFault) -> Self {
        let shown = &pattern[..pattern.floor_char_boundary(SHOWN_BYTES_MAX)];
        Self { number, pattern: shown.to_owned(), fault }
    }
}

/// Why a pattern in the syntax of `.gitignore` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentFault {
    /// A blank, or a comment: fine in a file, a slip on a command line.
    #[error("it is blank or a comment, and matches nothing; a name that begins with \"#\" is written \"\\#\"")]
    MatchesNothing,
    /// Longer than [`ARGUMENT_BYTES_MAX`].
    #[error("it is longer than {ARGUMENT_BYTES_MAX} bytes")]
    TooLong,
    /// More than [`PATTERNS_MAX`] patterns.
    #[error("there are more than {PATTERNS_MAX} patterns")]
    TooMany,
    /// Not a glob; the text says why.
    #[error("{0}")]
    Glob(String),
    /// The patterns together need too much memory.
    #[error("the patterns are too complicated together: {0}")]
    TooComplicated(String),
}

/// Which rules of a share are wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The file `.syncignore`.
    #[error(transparent)]
    SyncIgnore(#[from] BadPattern),
    /// `--exclude`.
    #[error("--exclude: {0}")]
    Exclude(#[source] BadArgument),
    /// `--upload-exclude`.
    #[error("--upload-exclude: {0}")]
    UploadExclude(#[source] BadArgument),
    /// `--download-exclude`.
    #[error("--download-exclude: {0}")]
    DownloadExclude(#[source] BadArgument),
}
