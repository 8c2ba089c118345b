//! The syntax of a pattern, as Go's `filepath.Match` documents it. Of the mistakes behind a `*`, some versions of Go overlook
//! some; here each is one.

use super::error::Fault;
use super::runes::{Rune, is_stray};

const BACKSLASH: Rune = b'\\' as Rune;
const CARET: Rune = b'^' as Rune;
const CLOSE: Rune = b']' as Rune;
const DASH: Rune = b'-' as Rune;
const OPEN: Rune = b'[' as Rune;

/// Checks a pattern. Docker asks `filepath.Match` for nothing but whether it finds a mistake: what the pattern means is
/// decided by [`super::expression`], and differs.
pub(super) fn check(mut pattern: &[Rune]) -> Result<(), Fault> {
    while let Some((first, rest)) = pattern.split_first() {
        pattern = match *first {
            BACKSLASH => rest.split_first().ok_or(Fault::NothingEscaped)?.1,
            OPEN => class(rest)?,
            _ => rest,
        };
    }
    Ok(())
}

/// Checks a class, and gives what stands behind it.
fn class(mut rest: &[Rune]) -> Result<&[Rune], Fault> {
    if rest.first() == Some(&CARET) {
        rest = &rest[1..];
    }
    let mut empty = true;
    loop {
        if !empty && rest.first() == Some(&CLOSE) {
            return Ok(&rest[1..]);
        }
        rest = class_rune(rest)?;
        if rest.first() == Some(&DASH) {
            rest = class_rune(&rest[1..])?;
        }
        empty = false;
    }
}

/// Checks one character of a class, and gives what stands behind it.
fn class_rune(mut rest: &[Rune]) -> Result<&[Rune], Fault> {
    match rest.first() {
        None => return Err(Fault::UnclosedClass),
        Some(&(DASH | CLOSE)) => return Err(Fault::MalformedClass),
        Some(&BACKSLASH) => rest = &rest[1..],
        Some(_) => {}
    }
    let (rune, rest) = rest.split_first().ok_or(Fault::NothingEscaped)?;
    if is_stray(*rune) {
        return Err(Fault::MalformedClass);
    }
    if rest.is_empty() { Err(Fault::UnclosedClass) } else { Ok(rest) }
}

#[cfg(test)]
mod tests {
    use super::super::runes::runes;
    use super::*;

    #[test]
    fn refuses_what_filepath_match_refuses() {
        for (pattern, checked) in [
            ("", Ok(())),
            ("a]b", Ok(())),
            ("a[^b-d]e", Ok(())),
            ("[\\]\\-]", Ok(())),
            ("[*?[]", Ok(())),
            ("[z-a]", Ok(())),
            ("[a-\\]]", Ok(())),
            ("a\\", Err(Fault::NothingEscaped)),
            ("[\\", Err(Fault::NothingEscaped)),
            ("[", Err(Fault::UnclosedClass)),
            ("[^", Err(Fault::UnclosedClass)),
            ("[^bc", Err(Fault::UnclosedClass)),
            ("a/*/[b", Err(Fault::UnclosedClass)),
            ("[]a]", Err(Fault::MalformedClass)),
            ("[]", Err(Fault::MalformedClass)),
            ("[-]", Err(Fault::MalformedClass)),
            ("[x-]", Err(Fault::MalformedClass)),
            ("[-x]", Err(Fault::MalformedClass)),
            ("[a-b-c]", Err(Fault::MalformedClass)),
        ] {
            assert_eq!(check(&runes(pattern.as_bytes()).collect::<Vec<_>>()), checked, "{pattern:?}");
        }
        let stray: Vec<_> = runes(b"[\xff]").collect();
        assert_eq!(check(&stray), Err(Fault::MalformedClass));
    }
}
