//! The patterns that a share was created with, in the syntax of `.gitignore`.

use std::borrow::Cow;
use std::path::Path;

use bstr::ByteSlice;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::error::{ArgumentFault, BadArgument};
use super::{ARGUMENT_BYTES_MAX, PATTERNS_MAX};
use crate::path::RelPath;

/// Patterns in the syntax of `.gitignore` (gitignore(5)), as if they stood in one such file at the share's root.
///
/// The last that matches decides, `!` before it includes again; but nothing below a directory that is excluded.
/// Case counts, on a case-insensitive host too. The `ignore` crate compiles them; unlike git it knows no `[:alpha:]` and no `\` in
/// a class, and lets a class match a slash.
#[derive(Clone, Debug)]
pub struct Patterns {
    compiled: Gitignore,
    depend_on_place: bool,
}

impl Default for Patterns {
    fn default() -> Self {
        Self { compiled: Gitignore::empty(), depend_on_place: false }
    }
}

impl Patterns {
    /// Reads patterns, one an argument.
    pub fn new(arguments: &[String]) -> Result<Self, BadArgument> {
        let mut builder = GitignoreBuilder::new("");
        builder.allow_unclosed_class(false);
        for (argument, number) in arguments.iter().zip(1..) {
            let fail = |fault| BadArgument::new(number, argument, fault);
            if number > PATTERNS_MAX {
                return Err(fail(ArgumentFault::TooMany));
            }
            if argument.len() > ARGUMENT_BYTES_MAX {
                return Err(fail(ArgumentFault::TooLong));
            }
            if argument.starts_with('#') || argument.trim_end().is_empty() {
                return Err(fail(ArgumentFault::MatchesNothing));
            }
            builder
                .add_line(None, &escape_braces(argument))
                .map_err(|error| fail(ArgumentFault::Glob(reason(error))))?;
        }
        let compiled = builder.build().map_err(|error| {
            let last = arguments.last().map_or("", String::as_str);
            BadArgument::new(arguments.len(), last, ArgumentFault::TooComplicated(reason(error)))
        })?;
        // A pattern with a slash elsewhere than at its end is one of whole paths; others are of names, wherever they stand.
        let depend_on_place = arguments.iter().any(|argument| argument.trim_end().trim_end_matches('/').contains('/'));
        Ok(Self { compiled, depend_on_place })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.compiled.is_empty()
    }

    /// Whether a path may be excluded or not for where it stands, and not only for the names in it.
    pub(super) fn depend_on_place(&self) -> bool {
        self.depend_on_place
    }

    /// Whether the path is excluded, by itself or through a parent. The root never is.
    pub fn excludes(&self, path: &RelPath, is_directory: bool) -> bool {
        !self.is_empty()
            && (path.ancestors().any(|parent| self.excludes_itself(parent.as_bytes(), true))
                || self.excludes_itself(path.as_bytes(), is_directory))
    }

    /// Whether the path is excluded, none of its parents being so.
    pub(super) fn excludes_itself(&self, path: &[u8], is_directory: bool) -> bool {
        // Lossy only where a system's paths aren't bytes, which can't hold such a name then.
        let lossy: Cow<'_, Path> = path.to_path_lossy();
        !self.is_empty() && !path.is_empty() && self.compiled.matched(lossy, is_directory).is_ignore()
    }
}

/// Git knows no alternatives in braces; the compiler of globs does, unless they are escaped.
fn escape_braces(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains(['{', '}']) {
        return Cow::Borrowed(pattern);
    }
    let mut escaped = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    // In a class, counted from its bracket: a "]" that comes first, or behind a "!" or "^", doesn't close it.
    let mut in_class: Option<usize> = None;
    while let Some(char) = chars.next() {
        match (char, &mut in_class) {
            ('[', None) => in_class = Some(0),
            (']', Some(count)) if *count > 0 => in_class = None,
            ('!' | '^', Some(0)) => {}
            (_, Some(count)) => *count += 1,
            ('{' | '}', None) => escaped.push('\\'),
            ('\\', None) => {
                escaped.push(char);
                escaped.extend(chars.next());
                continue;
            }
            _ => {}
        }
        escaped.push(char);
    }
    Cow::Owned(escaped)
}

/// What the compiler says, without the pattern, which the error shows in full.
fn reason(error: ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err,
        other => other.to_string(),
    }
}
