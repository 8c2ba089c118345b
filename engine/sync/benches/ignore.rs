//! What the ignore rules cost a walk: nanoseconds for each entry, for rules and a tree as repositories have them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use causeway_sync::ignore::{RuleTexts, Rules, Verdict};
use causeway_sync::{NameBuf, RelPathBuf};

/// 30 lines as they stand in real files.
const SYNCIGNORE: &str = "# dependencies
**/node_modules
**/bower_components
vendor/bundle
.yarn/cache

# build output
**/target
**/dist
build/
out
**/*.o
**/*.py[cod]
**/__pycache__
**/.pytest_cache
coverage
*.egg-info

# logs and scratch
**/*.log
**/npm-debug.log*
tmp/**
!tmp/.keep
**/.DS_Store
**/Thumbs.db
**/*.sw?
**/*~

# editors and secrets
.idea
.vscode
!.vscode/settings.json
.env*
!.env.example
**/secrets/*.pem
";

/// The same, nearly, as `--exclude` patterns.
const EXCLUDE: &[&str] = &[
    "node_modules",
    "bower_components",
    "/vendor/bundle",
    "target",
    "dist",
    "/build/",
    "/out",
    "*.o",
    "*.py[cod]",
    "__pycache__",
    "*.log",
    "npm-debug.log*",
    "/tmp/*",
    "!/tmp/.keep",
    ".DS_Store",
    "*.sw?",
    "*~",
    ".idea",
];

const DIRECTORIES: &[&str] =
    &["src", "src/components", "packages/app/src/lib/model", "docs", "tests/unit/api", "a/b/c/d/e/f"];
const NAMES: &[&str] = &[
    "index.ts",
    "main.rs",
    "README.md",
    "a_rather_long_file_name_as_they_are.test.tsx",
    "Makefile",
    "x.py",
    "util.c",
    "node_modules",
];

/// Nanoseconds for one of `count` calls a round, the least of some rounds.
fn nanoseconds(count: usize, mut round: impl FnMut()) -> f64 {
    let times = (0..20).map(|_| {
        let begun = Instant::now();
        (0..200).for_each(|_| round());
        begun.elapsed()
    });
    times.min().unwrap_or(Duration::ZERO).as_nanos() as f64 / (200 * count) as f64
}

fn main() {
    let exclude = || EXCLUDE.iter().map(|pattern| (*pattern).to_owned()).collect();
    let file = || Some(SYNCIGNORE.as_bytes().to_vec());
    for (what, texts) in [
        ("no rules", RuleTexts::default()),
        ("a .syncignore of 30 lines", RuleTexts { syncignore: file(), ..RuleTexts::default() }),
        ("18 --exclude patterns", RuleTexts { exclude: exclude(), ..RuleTexts::default() }),
        ("both", RuleTexts { syncignore: file(), exclude: exclude(), ..RuleTexts::default() }),
    ] {
        measure(what, &Rules::new(&texts).expect("these rules are well-formed"));
    }
}

fn measure(what: &str, rules: &Rules) {
    let path = |text: &str| RelPathBuf::new(text.into()).expect("a path");
    let names: Vec<_> = NAMES.iter().map(|name| NameBuf::new((*name).into()).expect("a name")).collect();
    let directories: Vec<_> = DIRECTORIES.iter().map(|directory| path(directory)).collect();
    let states: Vec<_> = directories
        .iter()
        .map(|directory| directory.names().fold(rules.root(), |state, name| rules.enter(&state, name)))
        .collect();
    let paths: Vec<_> =
        directories.iter().flat_map(|directory| names.iter().map(|name| directory.join(name))).collect();

    let mut included = 0_usize;
    let judge = nanoseconds(paths.len(), || {
        for state in &states {
            for name in &names {
                included += usize::from(rules.judge(black_box(state), black_box(name), false) == Verdict::Included);
            }
        }
    });
    let enter = nanoseconds(paths.len(), || {
        for state in &states {
            for name in &names {
                black_box(rules.enter(black_box(state), black_box(name)));
            }
        }
    });
    let whole = nanoseconds(paths.len(), || {
        for path in &paths {
            black_box(rules.ignored(black_box(path), false));
        }
    });
    black_box(included);
    println!("{what}: {judge:.0} ns an entry, {enter:.0} ns a directory entered, {whole:.0} ns a whole path");
}
