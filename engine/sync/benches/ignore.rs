//! What the ignore rules cost a walk, for each of 48 paths of a tree as repositories have them, and for rules as they have them.

use std::hint::black_box;

use causeway_sync::ignore::{DirState, RuleTexts, Rules};
use causeway_sync::{NameBuf, RelPathBuf};
use divan::Bencher;
use divan::counter::ItemsCount;

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

const KINDS: [&str; 4] = ["none", "syncignore of 30 lines", "18 exclude patterns", "both"];

fn main() {
    divan::main();
}

fn rules(kind: &str) -> Rules {
    let syncignore = || Some(SYNCIGNORE.as_bytes().to_vec());
    let exclude = || EXCLUDE.iter().map(|pattern| (*pattern).to_owned()).collect();
    let texts = match kind {
        "syncignore of 30 lines" => RuleTexts { syncignore: syncignore(), ..RuleTexts::default() },
        "18 exclude patterns" => RuleTexts { exclude: exclude(), ..RuleTexts::default() },
        "both" => RuleTexts { syncignore: syncignore(), exclude: exclude(), ..RuleTexts::default() },
        _ => RuleTexts::default(),
    };
    Rules::new(&texts).expect("these rules are well-formed")
}

fn names() -> Vec<NameBuf> {
    NAMES.iter().map(|name| NameBuf::new((*name).into()).expect("a name")).collect()
}

fn directories() -> Vec<RelPathBuf> {
    DIRECTORIES.iter().map(|text| RelPathBuf::new((*text).into()).expect("a path")).collect()
}

/// The state of a walk in each directory.
fn entered(rules: &Rules) -> Vec<DirState> {
    let enter = |path: RelPathBuf| path.names().fold(rules.root(), |state, name| rules.enter(&state, name));
    directories().into_iter().map(enter).collect()
}

/// Paths that each call goes through.
const PATHS: usize = DIRECTORIES.len() * NAMES.len();

/// An entry of a directory that is being walked through.
#[divan::bench(args = KINDS)]
fn entry(bencher: Bencher, kind: &str) {
    let (rules, names) = (rules(kind), names());
    let states = entered(&rules);
    bencher.counter(ItemsCount::new(PATHS)).bench_local(|| {
        for state in &states {
            names.iter().for_each(|name| {
                black_box(rules.judge(black_box(state), black_box(name), false));
            });
        }
    });
}

/// A directory that is entered.
#[divan::bench(args = KINDS)]
fn directory(bencher: Bencher, kind: &str) {
    let (rules, names) = (rules(kind), names());
    let states = entered(&rules);
    bencher.counter(ItemsCount::new(PATHS)).bench_local(|| {
        for state in &states {
            names.iter().for_each(|name| {
                black_box(rules.enter(black_box(state), black_box(name)));
            });
        }
    });
}

/// A path by itself, as a watcher tells it.
#[divan::bench(args = KINDS)]
fn whole_path(bencher: Bencher, kind: &str) {
    let (rules, names, directories) = (rules(kind), names(), directories());
    let paths: Vec<_> =
        directories.iter().flat_map(|directory| names.iter().map(|name| directory.join(name))).collect();
    bencher.counter(ItemsCount::new(PATHS)).bench_local(|| {
        paths.iter().for_each(|path| {
            black_box(rules.ignored(black_box(path), false));
        });
    });
}
