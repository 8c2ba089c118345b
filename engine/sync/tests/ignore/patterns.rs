//! Tables for patterns on the command line: which path which patterns exclude, as gitignore(5) says.

use causeway_sync::RelPath;
use causeway_sync::ignore::{ARGUMENT_BYTES_MAX, ArgumentFault, BadArgument, PATTERNS_MAX, Patterns};

fn patterns(lines: &str) -> Result<Patterns, BadArgument> {
    Patterns::new(&lines.lines().map(str::to_owned).collect::<Vec<_>>())
}

/// Rows: the patterns by lines; a path, with a slash behind it for a directory; whether it is excluded.
#[test]
fn excludes_what_git_ignores() {
    for (lines, path, excluded) in [
        ("node_modules", "node_modules/", true),
        ("node_modules", "a/node_modules/", true),
        ("node_modules", "a/node_modules/b/c", true),
        ("node_modules", "node_modules2", false),
        ("build/", "build/", true),
        ("build/", "build", false),
        ("build/", "a/build/b", true),
        ("/build", "build/x", true),
        ("/build", "a/build", false),
        ("a/b", "a/b", true),
        ("a/b", "x/a/b", false),
        ("*.log", "a/b.log", true),
        ("*.log", "a.log/b", true),
        ("*.log", "a.logs", false),
        ("/*.log", "a/b.log", false),
        ("a/*", "a/b/c", true),
        ("a/*/c", "a/b/x/c", false),
        ("**/a/b", "x/y/a/b", true),
        ("a/**", "a/", false),
        ("a/**", "a/b/c", true),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a?c", "a/c", false),
        ("a[0-9]", "a5", true),
        ("a[!0-9]", "a5", false),
        ("a[^0-9]", "ax", true),
        ("foo ", "foo", true),
        ("foo\\ ", "foo ", true),
        ("\\#foo", "#foo", true),
        ("\\!foo", "!foo", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false),
        ("Foo", "foo", false),
        // Braces mean themselves.
        ("{a,b}", "a", false),
        ("{a,b}", "{a,b}", true),
        ("x{*}", "x{y}", true),
        ("\\{a}", "{a}", true),
        ("[{]a", "{a", true),
        ("[]{]a", "{a", true),
        // The last match wins, but not under an excluded directory.
        ("*.log\n!keep.log", "keep.log", false),
        ("*.log\n!keep.log", "a/keep.log", false),
        ("!keep.log\n*.log", "keep.log", true),
        ("logs\n!logs/keep", "logs/keep", true),
        ("logs/*\n!logs/keep", "logs/keep", false),
        ("/*\n!/foo", "foo/bar", false),
        ("/*\n!/foo", "bar/foo", true),
        ("/*\n!/foo\n/foo/*\n!/foo/bar", "foo/bar", false),
        ("/*\n!/foo\n/foo/*\n!/foo/bar", "foo/baz", true),
    ] {
        let (path, is_directory) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
        let relative = RelPath::new(path.as_bytes()).unwrap();
        let patterns = patterns(lines).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(patterns.excludes(relative, is_directory), excluded, "{lines:?} {path:?}");
    }
}

#[test]
fn names_are_bytes() {
    let patterns = patterns("caf??\n*.log").unwrap();
    let excludes = |path: &[u8]| patterns.excludes(RelPath::new(path).unwrap(), false);
    assert!(excludes(b"a\xff.log"));
    assert!(excludes("café".as_bytes()));
    assert!(!excludes(b"a\xff.txt"));
}

#[test]
fn without_patterns_nothing_is_excluded() {
    let none = Patterns::default();
    assert!(none.is_empty() && Patterns::new(&[]).unwrap().is_empty());
    assert!(!none.excludes(RelPath::new(b"a").unwrap(), false));
    assert!(!patterns("*").unwrap().excludes(RelPath::ROOT, true), "the root can't be excluded");
}

#[test]
fn says_which_argument_is_bad() {
    for (line, names) in [("a[", "class"), ("a\\", "dangling"), ("[z-a]", "range")] {
        let error = patterns(&format!("ok\n{line}")).expect_err(line);
        assert_eq!((error.number, error.pattern.as_str()), (2, line));
        assert!(matches!(&error.fault, ArgumentFault::Glob(why) if why.contains(names)), "{error}");
    }
    for blank in ["", "  ", "# comment"] {
        let error = Patterns::new(&["ok".to_owned(), blank.to_owned()]).expect_err(blank);
        assert_eq!((error.number, error.fault), (2, ArgumentFault::MatchesNothing));
    }
}

#[test]
fn limits() {
    let fault =
        |arguments: &[String]| Patterns::new(arguments).map(|_| ()).map_err(|error| (error.number, error.fault));
    assert_eq!(fault(&["é".repeat(ARGUMENT_BYTES_MAX / 2)]), Ok(()));
    assert_eq!(fault(&["é".repeat(ARGUMENT_BYTES_MAX)]), Err((1, ArgumentFault::TooLong)));
    assert_eq!(fault(&vec!["a".to_owned(); PATTERNS_MAX + 1]), Err((PATTERNS_MAX + 1, ArgumentFault::TooMany)));
}
