//! Tables for `.syncignore`: which path which file ignores, as Docker decides it.

use causeway_sync::RelPath;
use causeway_sync::ignore::{BadPattern, Fault, PATTERN_BYTES_MAX, PATTERNS_MAX, SYNCIGNORE_BYTES_MAX, SyncIgnore};

/// Whether `.syncignore` with these bytes ignores the path.
fn ignores(file: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> bool {
    let file = file.as_ref();
    let rules = SyncIgnore::new(file).unwrap_or_else(|error| panic!("{error}"));
    rules.ignores(RelPath::new(path.as_ref()).unwrap())
}

fn check(rows: &[(&str, &str, bool)]) {
    for (file, path, ignored) in rows {
        assert_eq!(ignores(file, path), *ignored, "{file:?} {path:?}");
    }
}

#[test]
fn wildcards() {
    check(
        &[
            ("*", "a", true),
            ("*", "a/b/c", true),
            ("*.go", "a.go", true),
            ("*.go", ".go", true),
            ("*.go", "a.rs", false),
            ("*.go", "d/a.go", false),
            ("*/*.go", "d/a.go", true),
            ("*/*/temp*", "a/b/temporary", true),
            ("*/*/temp*", "a/temporary", false),
            ("*/*/temp*", "a/b/c/temporary", false),
            ("temp?", "tempa", true),
            ("temp?", "temp", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            ("a?b", "a☺b", true),
            ("a??b", "a☺b", false),
            ("a*", "ab/c", true),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("*x", "xxx", true),
            ("a*a", "a", false),
            (".*", ".foo", true),
            (".*", "foo", false),
            ("a.c", "abc", false),
            ("a.c*", "abc", false),
            ("a+b", "aab", false),
            ("a+b", "a+b", true),
            ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
            ("*.|)$(}+{bc", "a.|)$(}+{bc", true),
            ("{a,b}*", "a", false),
            ("{a,b}*", "{a,b}c", true),
        ]
        .map(|(file, path, ignored)| (file, path.trim_end_matches('/'), ignored)),
    );
}

#[test]
fn double_wildcards() {
    check(&[
        ("**", "a", true),
        ("**", "a/b", true),
        ("**/", "a", true),
        ("**/**", "a/b", true),
        ("dir/**", "dir", false),
        ("dir/**", "dir/a", true),
        ("dir/**", "dir/a/b", true),
        ("dir/**", "dirs/a", false),
        ("dir**", "dirs", true),
        ("dir**", "dir/a", true),
        ("dir**", "di", false),
        ("a/dir**", "a/dirs/b", true),
        ("**/dir", "dir", true),
        ("**/dir", "a/b/dir", true),
        ("**/dir", "a/dir/b", true),
        ("**/dir", "mydir", false),
        ("**dir", "mydir", true),
        ("**dir", "a/mydir", true),
        ("**dir", "dirs", false),
        ("**dir/a", "x/mydir/a", true),
        ("**dir/a", "x/mydir/b", false),
        ("**/foo/bar", "foo/bar", true),
        ("**/foo/bar", "a/b/foo/bar", true),
        ("**/foo/bar", "a/foo/b/bar", false),
        ("**/foo*", "a/foo.txt", true),
        ("**/foo*txt", "a/b/foo.txt", true),
        ("**/foo*txt", "a/b/foo.text", false),
        ("**/dir2/*", "dir/dir2/file", true),
        ("**/dir2/*", "dir/dir2", false),
        ("**/dir2/**", "dir/dir2/dir3/file", true),
        ("**/dir2/**", "dir/dir2", false),
        ("**/**/*.txt", "a/b/c.txt", true),
        ("**/**/*.txt", "c.txt", true),
        ("**/**/*.txt", "c.txt2", false),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a/**/b", "ab", false),
        ("a/**/b", "x/a/b", false),
        ("a/**/b*", "a/x/a/bc", true),
        ("a**/*.txt", "a/f.txt", true),
        ("a**/*.txt", "a/b/c/f.txt", true),
        ("a**/*.txt", "abc/f.txt", true),
        ("a**/*.txt", "af.txt", true),
        ("a**b", "ab", true),
        ("a**b", "axb", false),
        ("a**b", "ax/b", true),
        ("a**b", "a/x/b/c", true),
        ("a/*.txt**", "a/f.txt", true),
        ("a/*.txt**", "a/f.txtual/x", true),
        ("***", "a/b", true),
        ("a***c", "abc", true),
        ("a***c", "ab/xc", true),
        ("**foo**", "xfoo", false),
        ("**foo**", "foox", true),
    ]);
}

#[test]
fn a_line_is_cleaned() {
    check(&[
        ("foo/", "foo", true),
        ("/foo", "foo", true),
        ("./foo", "foo", true),
        ("a/../foo", "foo", true),
        ("a//foo", "a/foo", true),
        ("  foo \t", "foo", true),
        ("foo\r\nbar\r\n", "bar", true),
        ("#foo", "#foo", false),
        (" #foo", "#foo", true),
        ("\\#foo", "#foo", true),
        ("\u{feff}foo", "foo", true),
        ("foo", "Foo", false),
        ("foo", "a/foo", false),
        ("", "foo", false),
        ("\n\n", "foo", false),
        (".", "foo", false),
        ("/", "foo", false),
        ("..", "foo", false),
        ("../foo", "foo", false),
        ("foo bar", "foo bar", true),
    ]);
}

#[test]
fn the_last_match_wins() {
    check(&[
        ("*.go\n!a.go", "a.go", false),
        ("*.go\n!a.go", "b.go", true),
        ("!a.go\n*.go", "a.go", true),
        ("docs\n!docs/README.md", "docs/README.md", false),
        ("docs/\n!docs/README.md", "docs/README.md", false),
        ("docs/*\n!docs/README.md", "docs/README.md", false),
        ("docs\n!docs/README.md", "docs/other.md", true),
        ("docs\n!docs/README.md", "docs", true),
        ("docs\n!docs/README.md\ndocs", "docs/README.md", true),
        ("*\n!src", "src/a/b", false),
        ("*\n!src", "doc", true),
        ("*\n!src\nsrc/target", "src/target/debug", true),
        ("*\n!src\nsrc/target\n!**/keep", "src/target/debug/keep", false),
        ("**\n!util/docker/web", "util/docker/web/foo", false),
        ("**\n!util/docker/web\nutil/docker/web/foo", "util/docker/web/foo", true),
        ("**\n!dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", false),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
        ("*.md\n!README*.md\nREADME-secret.md", "README-public.md", false),
        ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false),
        // A parent that a later pattern matches covers what an earlier one included. (Docker's own walk forgets this.)
        ("a\n!a/b/x\na/b", "a/b/x", true),
        // What isn't "!" until the line is cleaned, and what isn't any more.
        ("*\n./!foo", "foo", false),
        ("foo\n!../../foo", "foo", true),
        ("*\n!!foo", "!foo", false),
        ("*\n\\!foo", "!foo", true),
    ]);
}

#[test]
fn classes() {
    check(&[
        ("a[b-d]e", "ace", true),
        ("a[b-d]e", "aae", false),
        ("a[^b-d]e", "aze", true),
        ("a[^b-d]e", "ace", false),
        ("a[!b]e", "a!e", true),
        ("a[!b]e", "ace", false),
        ("[a-ζ]*", "α", true),
        ("*[a-ζ]", "A", false),
        ("a[^a]b", "a☺b", true),
        ("a[^a][^a]b", "a☺b", false),
        ("[\\]a]", "]", true),
        ("[\\-x]", "-", true),
        ("[\\-x]", "a", false),
        ("[x\\-]", "-", true),
        ("a]b", "a]b", true),
        ("**/*.py[cod]", "a/b/c.pyc", true),
        ("**/*.py[cod]", "a/b/c.py", false),
        // A class is Go's, and may match a slash.
        ("a[^b]c", "a/c", true),
        ("a[b/]c", "a/c", true),
        ("a[b/]c/d", "abc/d/e", true),
        ("**/a[^b]c", "x/a/c/y", true),
        ("a[.-9]x", "a/x", true),
        // Wildcards in a class are rewritten before it is read.
        ("[*]x", "[]x", true),
        ("[*]x", "*x", false),
        ("[?]", "^]", true),
        ("[a.b]*", ".x", true),
        ("[[:digit:]]x", "5x", true),
        ("[[:digit:]]x", "dx", false),
        ("[[:^digit:]]x", "dx", true),
    ]);
}

#[test]
fn escapes() {
    check(
        &[
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a\\\\", "a\\", true),
            ("a\\\\b", "a\\b", true),
            ("\\a/b", "a/b", false),
            ("\\.x", ".x", true),
            ("a\\/b", "a/b", true),
            ("**\\/b", "a/b", false),
            ("\\[a\\]", "[a]", true),
            // What Go's regular expressions make of it.
            ("v\\d*", "v1", true),
            ("v\\d*", "vd", false),
            ("v\\D", "vd", true),
            ("a\\Dc", "a/c", true),
            ("[\\w]x", "_x", true),
            ("[\\W]x", "_x", false),
            ("[\\W]x", "-x", true),
            ("\\x41\\101", "AA", true),
            ("\\07x", "\u{7}x", true),
            ("a\\tb", "a\tb", true),
            ("foo\\bar*", "foobar", false),
            ("foo\\b-bar*", "foo-bar", true),
            ("foo\\Bbar*", "foobar", true),
            ("foo*\\z", "foobar", true),
            ("\\Afoo", "foo", true),
            ("a\\Afoo", "afoo", false),
            ("^foo", "^foo", true),
            ("^foo*", "^foo", false),
            ("^foo*", "foox", true),
        ]
        .map(|(file, path, ignored)| (if file == "a\\ " { "a\\  b" } else { file }, path, ignored)),
    );
}

/// Docker escapes neither of these where it makes a regular expression of a pattern.
#[test]
fn alternatives_and_repetitions() {
    check(&[
        ("foo|bar", "foo|bar", true),
        ("foo|bar", "foo", false),
        ("foo|bar*", "foo", true),
        ("foo|bar*", "foobaz", true),
        ("foo|bar*", "a/foo", false),
        ("foo|bar*", "x/bar", true),
        ("foo|bar*", "barrel/x", true),
        ("*.o|*.a", "x.o", true),
        ("*.o|*.a", "lib/x.a", true),
        ("*.o|*.a", "x.c", false),
        ("foo\\|bar*", "foo|bar", true),
        ("foo\\|bar*", "bar", false),
        ("[|]*", "|", true),
        ("a||b*", "anything", true),
        ("*\n!a|b*", "xb", false),
        ("a{2}", "a{2}", true),
        ("a{2}", "aa", false),
        ("a{2}*", "aab", true),
        ("a{2}*", "ab", false),
        ("a{1,2}/?", "aa/x", true),
        ("a{1,2}/?", "aaa/x", false),
        ("[ab]{2,}/?", "abab/x", true),
        ("[ab]{2,}/?", "a/x", false),
        ("a{0}b*", "b", true),
        ("log.\\d{4}", "log.2024", true),
        ("log.\\d{4}", "log.24", false),
        ("{{name}}/*", "{{name}}/x", true),
        ("a{02}*", "a{02}", true),
        ("a{,2}*", "a{,2}", true),
        ("\\x{e9}*", "ete", false),
        ("\\x{e9}*", "éa", true),
        ("\\x{d800}*", "a", false),
    ]);
}

#[test]
fn names_are_bytes() {
    for (file, path, ignored) in [
        (b"caf\xe9".as_slice(), b"caf\xe9".as_slice(), true),
        (b"caf\xe9", b"caf\xe8", false),
        (b"caf\xe9*", b"caf\xe9s", true),
        (b"caf\xe9*", b"caf\xe8s", false),
        (b"caf?", b"caf\xe9", true),
        (b"caf?", b"caf\xe9\xe9", false),
        (b"caf*", b"caf\xe9", true),
        (b"caf[^x]", b"caf\xe9", true),
        (b"*\x80", "À".as_bytes(), false),
        (b"*\x80", b"a\x80", true),
        // A cut-off sequence is as many runes as it has bytes.
        (b"a??b", b"a\xe2\x98b", true),
        (b"a?b", b"a\xe2\x98b", false),
        // A newline is a character like others, but not for the dot behind `**`.
        (b"a?b", b"a\nb", true),
        (b"a*", b"a\nb", true),
        (b"**/x", b"a\nb/x", true),
        (b"**/x*", b"a\nb/x", false),
        (b"**/x*", b"a/b/x", true),
        (b"*/x**", b"a\nb/x\ny", false),
        (b"*/x**", b"a\nb/xy", true),
    ] {
        assert_eq!(ignores(file, path), ignored, "{file:?} {path:?}");
    }
}

#[test]
fn refuses_what_docker_refuses() {
    for (pattern, fault) in [
        ("!", Fault::NothingNegated),
        ("[", Fault::UnclosedClass),
        ("a[", Fault::UnclosedClass),
        ("[^bc", Fault::UnclosedClass),
        ("[[:alpha:]", Fault::UnclosedClass),
        ("[]a]", Fault::MalformedClass),
        ("[x-]", Fault::MalformedClass),
        ("[a-b-c]", Fault::MalformedClass),
        ("[[:letter:]]", Fault::MalformedClass),
        ("[z-a]", Fault::BackwardRange),
        ("[Local-Only]", Fault::BackwardRange),
        ("[a-*]", Fault::BackwardRange),
        ("foo\\", Fault::NothingEscaped),
        ("foo\\/", Fault::NothingEscaped),
        ("fo\\o", Fault::UnknownEscape),
        ("\\é", Fault::UnknownEscape),
        ("\\1", Fault::UnknownEscape),
        ("\\xg0", Fault::UnknownEscape),
        ("\\pL", Fault::UnknownEscape),
        ("\\Qa", Fault::UnknownEscape),
        ("\\x{}*", Fault::UnknownEscape),
        ("\\x{110000}*", Fault::UnknownEscape),
        ("{2}*", Fault::NothingRepeated),
        ("?|{2}", Fault::NothingRepeated),
        ("*{2}", Fault::NothingRepeated),
        ("**/{2}?", Fault::NothingRepeated),
        ("a{2}{2}?", Fault::NothingRepeated),
        ("a{2,1}?", Fault::BadRepetition),
        ("a{1001}?", Fault::BadRepetition),
        ("a{99999999999999999999999}?", Fault::BadRepetition),
        ("a{1000}b{1000}c{1000}d{1000}e{1000}?", Fault::TooLong),
    ] {
        let file = format!("# comment\n\nok\n  {pattern}  \nok");
        let error = SyncIgnore::new(file.as_bytes()).expect_err(pattern);
        assert_eq!((error.line, error.fault), (4, fault), "{pattern}");
        assert!(error.to_string().contains(".syncignore") && error.to_string().contains('4'), "{error}");
    }
}

#[test]
fn limits() {
    let fault = |file: String| {
        SyncIgnore::new(file.as_bytes()).map(|_| ()).map_err(|BadPattern { line, fault, .. }| (line, fault))
    };
    assert_eq!(fault("a".repeat(PATTERN_BYTES_MAX)), Ok(()));
    assert_eq!(fault(format!("\n{}", "a".repeat(PATTERN_BYTES_MAX + 1))), Err((2, Fault::TooLong)));
    assert_eq!(fault("a\n".repeat(PATTERNS_MAX)), Ok(()));
    assert_eq!(fault("a\n".repeat(PATTERNS_MAX + 1)), Err((PATTERNS_MAX + 1, Fault::TooMany)));
    assert_eq!(fault("\n".repeat(SYNCIGNORE_BYTES_MAX)), Ok(()));
    assert_eq!(fault("\n".repeat(SYNCIGNORE_BYTES_MAX + 1)), Err((SYNCIGNORE_BYTES_MAX, Fault::FileTooLong)));
}

#[test]
fn a_hostile_pattern_takes_no_time() {
    let file = format!("{}b\n{}\n", "*a".repeat(2000), "**/a*[^b]".repeat(400) + "z");
    let rules = SyncIgnore::new(file.as_bytes()).unwrap();
    let path = vec![b"a".repeat(255); 4].join(&b'/');
    assert!(!rules.ignores(RelPath::new(&path).unwrap()));
}
