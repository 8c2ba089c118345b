//! From the bytes of a `.syncignore` file to its patterns, as moby's `ignorefile.ReadAll` and `patternmatcher.New` do it.

use bstr::ByteSlice;

use super::SYNCIGNORE_BYTES_MAX;
use super::error::{BadPattern, Fault};

/// One pattern, cleaned, with no `!` before it.
pub(super) struct Line {
    /// Counted from 1.
    pub number: usize,
    /// Whether the line began with `!`: what matches is included again.
    pub includes: bool,
    pub pattern: Vec<u8>,
}

/// The patterns of a file. Blank lines and comments are left out.
pub(super) fn read(file: &[u8]) -> Result<Vec<Line>, BadPattern> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    if let Some(fitting) = file.get(..SYNCIGNORE_BYTES_MAX).filter(|fitting| fitting.len() < file.len()) {
        return Err(BadPattern::new(fitting.lines().count(), b"", Fault::FileTooLong));
    }
    let mut lines = Vec::new();
    for (line, number) in file.split(|b| *b == b'\n').zip(1..) {
        let fail = |fault| BadPattern::new(number, line, fault);
        if let Some((includes, pattern)) = read_line(line).map_err(fail)? {
            lines.push(Line { number, includes, pattern });
        }
    }
    Ok(lines)
}

/// Whether the line includes again, and its pattern. `None` for a blank line or a comment.
///
/// Docker reads a line in two passes, each of which trims and cleans: a `!` that the first pass uncovers (`/!x`, `./!x`) is
/// taken for the operator by the second, and one that it removes (`!../../x`) is gone.
fn read_line(line: &[u8]) -> Result<Option<(bool, Vec<u8>)>, Fault> {
    if line.starts_with(b"#") {
        return Ok(None);
    }
    let mut pattern = line.trim();
    let operator = pattern.strip_prefix(b"!");
    if let Some(rest) = operator {
        pattern = rest.trim();
    }
    let mut first_pass = Vec::with_capacity(line.len());
    if operator.is_some() {
        first_pass.push(b'!');
    }
    if !pattern.is_empty() {
        let cleaned = clean(pattern);
        first_pass.extend_from_slice(match cleaned.as_slice() {
            [b'/', rest @ ..] if !rest.is_empty() => rest,
            all => all,
        });
    }

    let second_pass = match first_pass.trim() {
        b"" => return Ok(None),
        pattern => clean(pattern),
    };
    match second_pass.as_slice() {
        b"!" => Err(Fault::NothingNegated),
        [b'!', pattern @ ..] => Ok(Some((true, pattern.to_vec()))),
        _ => Ok(Some((false, second_pass))),
    }
}

/// Go's `filepath.Clean`: no doubled or trailing slash, no `.`, no `..` that a name before it can settle. Never empty.
fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|b| *b == b'/') {
        match name {
            b"" | b"." => {}
            b".." if names.last().is_some_and(|last| *last != b"..") => {
                names.pop();
            }
            b".." if rooted => {}
            _ => names.push(name),
        }
    }
    let mut cleaned = if rooted { b"/".to_vec() } else { Vec::new() };
    cleaned.extend_from_slice(&bstr::join("/", names));
    if cleaned.is_empty() { b".".to_vec() } else { cleaned }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_as_go_does() {
        // The cases of Go's documentation of filepath.Clean, and around them.
        for (path, cleaned) in [
            ("abc", "abc"),
            ("abc/", "abc"),
            ("a//b///c", "a/b/c"),
            ("./a/./b/.", "a/b"),
            ("a/../b", "b"),
            ("a/..", "."),
            ("..", ".."),
            ("../../a", "../../a"),
            ("a/../../b", "../b"),
            ("/", "/"),
            ("//", "/"),
            ("/..", "/"),
            ("/../a", "/a"),
            (".", "."),
            ("...", "..."),
            ("!/..", "."),
        ] {
            assert_eq!(clean(path.as_bytes()).as_bstr(), cleaned, "{path}");
        }
    }

    #[test]
    fn reads_a_line_as_docker_does() {
        let include = |pattern| Ok(Some((true, pattern)));
        let ignore = |pattern| Ok(Some((false, pattern)));
        for (line, read) in [
            ("", Ok(None)),
            (" \t\r", Ok(None)),
            ("# comment", Ok(None)),
            (" # no comment", ignore("# no comment")),
            ("\u{3000}wide\u{a0}\u{85}", ignore("wide")),
            ("foo/", ignore("foo")),
            ("/foo", ignore("foo")),
            ("./foo", ignore("foo")),
            ("//foo", ignore("foo")),
            ("/ foo", ignore("foo")),
            ("foo /", ignore("foo")),
            ("!/ foo", include(" foo")),
            ("/ /", Ok(None)),
            ("/", ignore("/")),
            (".", ignore(".")),
            ("!foo", include("foo")),
            ("! foo", include("foo")),
            ("! /foo/", include("foo")),
            ("!!foo", include("!foo")),
            ("\\!foo", ignore("\\!foo")),
            ("/!foo", include("foo")),
            ("./!foo", include("foo")),
            ("!../../foo", ignore("foo")),
            ("!.", include(".")),
            ("!", Err(Fault::NothingNegated)),
            ("! ", Err(Fault::NothingNegated)),
            ("!/", Err(Fault::NothingNegated)),
            ("./!", Err(Fault::NothingNegated)),
        ] {
            let read = read.map(|line| line.map(|(includes, pattern): (bool, &str)| (includes, pattern.into())));
            assert_eq!(read_line(line.as_bytes()), read, "{line:?}");
        }
    }

    #[test]
    fn strips_a_byte_order_mark_from_the_first_line_alone() {
        let lines = read(b"\xef\xbb\xbf# comment\r\n\xef\xbb\xbf#a\r\n\nb").unwrap();
        let lines: Vec<_> = lines.iter().map(|line| (line.number, line.pattern.as_slice())).collect();
        assert_eq!(lines, [(2, b"\xef\xbb\xbf#a".as_slice()), (4, b"b")]);
    }
}
