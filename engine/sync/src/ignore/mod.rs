//! What a share ignores: the rules of its `.syncignore`, the patterns that it was created with, and the directions in which
//! paths may cross.
//!
//! A path is ignored where `.syncignore` ignores it ([`SyncIgnore`], the semantics of `.dockerignore`) or `--exclude` does
//! ([`Patterns`], those of `.gitignore`); neither takes back what the other ignores. The file `.syncignore` itself is never
//! ignored. [`Rules`] answers for one path, or step by step for whoever walks the tree.
//!
//! Absent by design: reading files. Rules come in as [`RuleTexts`] and are compiled once; judging an entry on a walk costs its
//! name alone, and no memory is allocated for it (one path where there are `--exclude` patterns).

mod error;
mod expression;
mod glob;
mod lines;
mod patterns;
mod program;
mod rules;
mod runes;
mod runeset;
mod steps;
mod syncignore;

pub use error::{ArgumentFault, BadArgument, BadPattern, Fault, RulesError};
pub use patterns::Patterns;
pub use rules::{DirState, RuleTexts, Rules, SYNCIGNORE_NAME, Verdict};
pub use syncignore::SyncIgnore;

/// Longest `.syncignore` file, in bytes. Bounds, with the patterns' number, what a hostile file can make a walk cost.
pub const SYNCIGNORE_BYTES_MAX: usize = 64 * 1024;
/// Longest pattern of `.syncignore`, in bytes: as long as a path may be (`PATH_MAX` of Linux, limits.h).
pub const PATTERN_BYTES_MAX: usize = 4096;
/// Longest pattern on a command line, in bytes. Shorter, for it becomes a regular expression of many times the size.
pub const ARGUMENT_BYTES_MAX: usize = 1024;
/// Most patterns in `.syncignore`, and in each list on a command line.
pub const PATTERNS_MAX: usize = 4096;
