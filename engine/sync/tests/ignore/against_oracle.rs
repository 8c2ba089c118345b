//! Properties: the compiled rules against a slow, obviously right oracle, and a walk against single paths.

use causeway_sync::ignore::{RuleTexts, Rules, SyncIgnore, Verdict};
use causeway_sync::{RelPath, RelPathBuf};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Whether `pattern` matches all of `path`: literals, `*`, `?`, and `**` as a whole name. Tries every way.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        b"**" => true,
        [b'*', b'*', b'/', rest @ ..] => {
            matches(rest, path) || (0..path.len()).any(|at| path[at] == b'/' && matches(rest, &path[at + 1..]))
        }
        [b'*', rest @ ..] => {
            let name = path.iter().position(|b| *b == b'/').unwrap_or(path.len());
            (0..=name).any(|at| matches(rest, &path[at..]))
        }
        [b'?', rest @ ..] => matches!(path, [b, behind @ ..] if *b != b'/' && matches(rest, behind)),
        [literal, rest @ ..] => matches!(path, [b, behind @ ..] if b == literal && matches(rest, behind)),
    }
}

/// Whether the lines ignore the path: the last that matches it or a parent decides.
fn ignored_by_oracle(lines: &[(bool, String)], path: &RelPath) -> bool {
    let mut ignored = false;
    for (includes, pattern) in lines {
        let parents = path.ancestors().filter(|parent| !parent.is_root());
        if parents.chain([path]).any(|path| matches(pattern.as_bytes(), path.as_bytes())) {
            ignored = !includes;
        }
    }
    ignored
}

/// A name of few letters, so that patterns match often.
fn name() -> impl Strategy<Value = String> {
    "[ab.]{1,3}".prop_filter("is no name", |name| name != "." && name != "..")
}

fn path() -> impl Strategy<Value = RelPathBuf> {
    vec(name(), 1..5).prop_map(|names| RelPathBuf::new(names.join("/").into_bytes()).unwrap())
}

/// A pattern of which all agree what it means: `**` as a whole name alone, and not at the end alone.
fn plain_pattern() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => name(),
        1 => Just("**".to_owned()),
        2 => "[ab]?[*?][ab]?",
        1 => Just("*".to_owned()),
    ];
    vec(part, 1..5).prop_map(|parts| parts.join("/"))
}

/// Anything that can stand in a pattern.
fn odd_pattern() -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "a",
        "b",
        "ab",
        ".",
        "/",
        "/",
        "*",
        "*",
        "**",
        "**/",
        "?",
        "[ab]",
        "[^a]",
        "[b-d]",
        "\\a",
        "\\*",
        "\\.",
        "|",
        "{2}",
        "^",
        "\\b",
        "!",
        " ",
        "é",
        "[[:alpha:]]",
    ];
    vec(select(PARTS), 1..8).prop_map(|parts| parts.concat())
}

fn file(lines: &[(bool, String)]) -> Vec<u8> {
    let lines = lines.iter().map(|(includes, pattern)| format!("{}{pattern}\n", if *includes { "!" } else { "" }));
    lines.collect::<String>().into_bytes()
}

/// Rules, of which each pattern is kept that is understood.
fn rules(lines: Vec<(bool, String)>, exclude: Vec<String>) -> Rules {
    let lines: Vec<_> =
        lines.into_iter().filter(|line| SyncIgnore::new(&file(std::slice::from_ref(line))).is_ok()).collect();
    let texts = RuleTexts { syncignore: Some(file(&lines)), exclude, ..RuleTexts::default() };
    Rules::new(&texts).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn ignores_what_the_oracle_ignores(
        lines in vec((any::<bool>(), plain_pattern()), 0..6),
        paths in vec(path(), 1..20),
    ) {
        let rules = SyncIgnore::new(&file(&lines)).unwrap();
        for path in &paths {
            prop_assert_eq!(rules.ignores(path), ignored_by_oracle(&lines, path), "{}", path);
        }
    }

    /// A walk comes to the verdict that the path gets on its own; what it may skip is ignored throughout; and a directory that
    /// is ignored with nothing to be included below isn't walked.
    #[test]
    fn a_walk_comes_to_the_same_verdicts(
        lines in vec((any::<bool>(), prop_oneof![plain_pattern(), odd_pattern()]), 0..6),
        exclude in vec(plain_pattern(), 0..2),
        paths in vec((path(), any::<bool>()), 1..20),
    ) {
        let rules = rules(lines, exclude);
        for (path, is_directory) in &paths {
            let mut dir = rules.root();
            let mut skipped = false;
            let mut walked = RelPathBuf::default();
            for name in path.names() {
                walked = walked.join(name);
                let is_directory = *is_directory || walked != *path;
                let verdict = rules.judge(&dir, name, is_directory);
                prop_assert_eq!(verdict, rules.ignored(&walked, is_directory), "{}", walked);
                prop_assert!(is_directory || verdict != Verdict::IgnoredParent);
                prop_assert!(!skipped || verdict == Verdict::Ignored, "{} is skipped but {:?}", walked, verdict);
                skipped |= verdict == Verdict::Ignored;
                dir = rules.enter(&dir, name);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_understood(file in vec(any::<u8>(), 0..60), path in path()) {
        if let Ok(rules) = SyncIgnore::new(&file) {
            let _ = rules.ignores(&path);
        }
    }
}
