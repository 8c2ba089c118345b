//! All rules together: verdicts, and the walk that comes to them.

use causeway_sync::ignore::{DirState, RuleTexts, Rules, RulesError, Verdict};
use causeway_sync::{Name, RelPath};

fn rules(syncignore: &str, exclude: &[&str]) -> Rules {
    let texts = RuleTexts {
        syncignore: Some(syncignore.into()),
        exclude: exclude.iter().map(|pattern| (*pattern).to_owned()).collect(),
        ..RuleTexts::default()
    };
    Rules::new(&texts).unwrap_or_else(|error| panic!("{error}"))
}

/// A path, a directory where a slash is behind it.
fn entry(path: &str) -> (&RelPath, bool) {
    let (path, is_directory) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
    (RelPath::new(path.as_bytes()).unwrap(), is_directory)
}

/// The verdict that a walk comes to which goes down to the path whatever the verdicts above it.
fn walk(rules: &Rules, path: &RelPath, is_directory: bool) -> Verdict {
    let Some((parent, name)) = path.split_last() else { return Verdict::Included };
    let below = |dir: DirState, name: &Name| rules.enter(&dir, name);
    rules.judge(&parent.names().fold(rules.root(), below), name, is_directory)
}

fn check(syncignore: &str, exclude: &[&str], rows: &[(&str, Verdict)]) {
    let rules = rules(syncignore, exclude);
    for (path, verdict) in rows {
        let (relative, is_directory) = entry(path);
        assert_eq!(rules.ignored(relative, is_directory), *verdict, "{syncignore:?} {exclude:?} {path}");
        assert_eq!(walk(&rules, relative, is_directory), *verdict, "walking {syncignore:?} {exclude:?} {path}");
    }
}

use Verdict::{Ignored, IgnoredParent, Included};

#[test]
fn nothing_is_ignored_without_rules() {
    check("", &[], &[("a", Included), ("a/b/", Included), (".syncignore", Included)]);
    assert_eq!(Rules::default().ignored(RelPath::ROOT, true), Included);
}

#[test]
fn an_ignored_directory_is_walked_only_where_something_below_may_be_included() {
    check(
        "**/node_modules\n*.log",
        &[],
        &[("node_modules/", Ignored), ("a/node_modules/", Ignored), ("x.log/", Ignored)],
    );
    check(
        "docs\n!docs/README.md\n!docs/api/*.md\n**/node_modules",
        &[],
        &[
            ("docs/", IgnoredParent),
            ("docs", Ignored),
            ("docs/README.md", Included),
            ("docs/README.md/", Included),
            ("docs/api/", IgnoredParent),
            ("docs/api/a.md", Included),
            ("docs/api/a/", Ignored),
            ("docs/other/", Ignored),
            ("docs/node_modules/", Ignored),
            ("a/node_modules/", Ignored),
        ],
    );
    // A pattern that may match anywhere opens every directory below, but none that a later pattern ignores.
    check(
        "*\n!**/keep\ntmp",
        &[],
        &[
            ("a/", IgnoredParent),
            ("a/b/", IgnoredParent),
            ("a/b/keep", Included),
            ("tmp/", Ignored),
            ("tmp/keep", Ignored),
        ],
    );
    // The same for what can't be cut into names.
    check(
        "*\n!src**keep",
        &[],
        &[("src/", IgnoredParent), ("srcs/", IgnoredParent), ("src/a/keep", Included), ("lib/", Ignored)],
    );
    check(
        "*\n!a/b[^x]c/d",
        &[],
        &[("a/", IgnoredParent), ("a/b/", IgnoredParent), ("a/c/", Ignored), ("a/b/c/d", Included)],
    );
}

#[test]
fn the_rules_file_is_never_ignored() {
    check(
        "*\n.syncignore",
        &["*", ".syncignore"],
        &[(".syncignore", Included), (".syncignore/", Ignored), ("a/.syncignore", Ignored), ("a", Ignored)],
    );
}

#[test]
fn neither_list_takes_back_what_the_other_ignores() {
    check(
        "target\n!docs",
        &["docs/", "!target", "*.o", "!keep.o"],
        &[
            ("target/", Ignored),
            ("docs/", Ignored),
            ("docs", Included),
            ("docs/a", Ignored),
            ("a.o", Ignored),
            ("keep.o", Included),
        ],
    );
    check("a\n!a/b", &["a"], &[("a/", Ignored), ("a/b", Ignored)]);
    check("a\n!a/b", &["c"], &[("a/", IgnoredParent), ("a/b", Included), ("a/b/c", Ignored)]);
}

#[test]
fn directions() {
    let texts = RuleTexts {
        upload_exclude: vec!["dist/".to_owned()],
        download_exclude: vec!["*.log".to_owned(), "!keep.log".to_owned()],
        ..RuleTexts::default()
    };
    let rules = Rules::new(&texts).unwrap();
    for (path, uploads, downloads) in [
        ("dist/", false, true),
        ("dist", true, true),
        ("a/dist/b/c", false, true),
        ("a.log", true, false),
        ("a.log/keep.log", true, false),
        ("a/keep.log", true, true),
        ("a", true, true),
    ] {
        let (relative, is_directory) = entry(path);
        assert_eq!(rules.uploads(relative, is_directory), uploads, "{path}");
        assert_eq!(rules.downloads(relative, is_directory), downloads, "{path}");
        assert_eq!(rules.ignored(relative, is_directory), Included, "{path}");
    }
    assert!(rules.uploads(RelPath::ROOT, true) && rules.downloads(RelPath::ROOT, true));
}

#[test]
fn says_which_rules_are_wrong() {
    let bad = || vec!["ok".to_owned(), "[".to_owned()];
    for (texts, says) in [
        (RuleTexts { syncignore: Some(b"ok\n\n[".to_vec()), ..RuleTexts::default() }, ["line 3", ".syncignore"]),
        (RuleTexts { exclude: bad(), ..RuleTexts::default() }, ["--exclude", "pattern 2"]),
        (RuleTexts { upload_exclude: bad(), ..RuleTexts::default() }, ["--upload-exclude", "pattern 2"]),
        (RuleTexts { download_exclude: bad(), ..RuleTexts::default() }, ["--download-exclude", "pattern 2"]),
    ] {
        let error: RulesError = Rules::new(&texts).expect_err(says[0]);
        let text = error.to_string();
        assert!(says.iter().all(|part| text.contains(part)) && text.contains("\"[\""), "{text}");
    }
}

/// Whether what is ignored below a directory depends on what the directory is called.
#[test]
fn alike_below_two_directories() {
    for (syncignore, exclude, one, other, alike) in [
        ("", &[][..], "a", "b/c", true),
        ("**/target\n*.log\n/a.txt", &[], "a", "b/c", true),
        ("a/target", &[], "a", "b", false),
        ("a/target", &[], "b", "c", true),
        ("a/target", &[], "a/x", "b/x", true),
        ("*/target", &[], "a", "b", true),
        ("*/target", &[], "a", "a/b", false),
        ("a", &[], "a", "b", false),
        ("a\n!a/keep", &[], "a", "b", false),
        ("", &["node_modules", "*.o", "!keep.o", "build/"], "a", "b/c", true),
        ("", &["a/build"], "b", "c", false),
        ("", &["node_modules"], "node_modules", "a", false),
    ] {
        let rules = rules(syncignore, exclude);
        let below = |path: &str| entry(path).0.names().fold(rules.root(), |state, name| rules.enter(&state, name));
        assert_eq!(rules.same_below(&below(one), &below(other)), alike, "{syncignore:?} {exclude:?} {one} {other}");
    }
}
