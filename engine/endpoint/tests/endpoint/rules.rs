//! Ignore rules: what they keep out of the index, and what happens when they change.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use causeway_sync::{Entry, Operation, Outcome, RelPath};

use crate::side::{Making, Side, done, rules, write};

fn with(syncignore: &'static str, fill: impl FnOnce(&Path)) -> Side {
    let side = Side::make(Making { syncignore, ..Making::default() }, |share| {
        fill(share);
        crate::side::settle(share);
    });
    side.crawl();
    side.read_all();
    side.told();
    side
}

fn set(side: &Side, syncignore: &str) {
    side.ep.set_rules(rules(syncignore), &AtomicBool::new(false)).unwrap();
    side.check_dirty();
}

fn paths(side: &Side) -> Vec<String> {
    side.known().into_keys().collect()
}

fn project(share: &Path) {
    for at in ["src/main.rs", "target/debug/out", "target/keep/this", "docs/a.md", "docs/b.txt"] {
        write(share, at, at);
    }
}

#[test]
fn ignored_paths_are_not_looked_at() {
    let side = with("target\n*.txt\n", project);
    assert_eq!(paths(&side), ["docs", "docs/a.md", "docs/b.txt", "src", "src/main.rs"]);
    side.write_old("target/new", "new");
    side.check_closed(&["target/new", "target"]);
    assert_eq!(side.told_short(), [""; 0]);
}

#[test]
fn an_ignored_directory_counts_as_the_parent_of_what_is_included() {
    let side = with("target\n!target/keep\n", project);
    assert_eq!(
        paths(&side),
        ["docs", "docs/a.md", "docs/b.txt", "src", "src/main.rs", "target", "target/keep", "target/keep/this"]
    );
    // Only as long as it holds such a thing.
    fs::remove_dir_all(side.at("target/keep")).unwrap();
    side.check_closed(&["target/keep"]);
    side.crawl();
    assert_eq!(paths(&side), ["docs", "docs/a.md", "docs/b.txt", "src", "src/main.rs"]);
    side.told();
    side.write_old("target/keep/again", "x");
    side.check_closed(&["target/keep/again"]);
    assert_eq!(side.told_short(), ["+target", "+target/keep", "+target/keep/again"]);
}

#[test]
fn an_ignored_directory_that_stands_there_takes_what_is_included() {
    let side = with("target\n!target/keep\n", |share| write(share, "target/ignored", "mine"));
    assert_eq!(paths(&side), [""; 0]);
    assert_eq!(done(side.act("target", None, Operation::Directory)), Some(Entry::Directory));
    done(side.put("target/keep", None, "theirs"));
    side.crawl();
    assert_eq!(paths(&side), ["target", "target/keep"]);
    // What is ignored stays when it is removed.
    assert_eq!(side.act("target", Some(Entry::Directory), Operation::Remove), Outcome::Kept);
    assert!(side.at("target/ignored").exists() && !side.at("target/keep").exists());
    side.crawl();
    assert_eq!(paths(&side), [""; 0]);
}

#[test]
fn newly_ignored_rows_are_forgotten_and_not_removed() {
    let side = with("", project);
    set(&side, "target\ndocs/*.txt\n");
    assert_eq!(side.told_short(), ["~docs/b.txt", "~target"]);
    assert_eq!(paths(&side), ["docs", "docs/a.md", "src", "src/main.rs"]);
    assert!(side.at("target/debug/out").exists());
    assert_eq!(side.ep.excluded().unwrap().items, 2);
    assert_eq!(side.ep.counts().files, 2);
}

#[test]
fn newly_included_paths_appear() {
    let side = with("target\n", project);
    set(&side, "");
    assert_eq!(
        side.told_short(),
        ["+target", "+target/debug", "+target/debug/out", "+target/keep", "+target/keep/this"]
    );
    side.assert_known();
    // Back and forth: nothing is left to prune.
    set(&side, "docs\n");
    assert_eq!(side.ep.excluded().unwrap().items, 1);
    set(&side, "");
    assert_eq!(side.ep.excluded().unwrap().items, 0);
    side.assert_known();
}

#[test]
fn excluded_copies_are_pruned_into_the_bin() {
    let side = with("", project);
    set(&side, "target\ndocs/b.txt\n");
    // What was there before and never synchronised stays.
    side.write("target-of-mine", "x");
    let side = side.reopen(true);
    set(&side, "target\ndocs/b.txt\ntarget-of-mine\n");
    let pruned = side.ep.prune(1_763_731_624_000).unwrap();
    assert_eq!(pruned.items, 2);
    assert!(!side.at("target").exists() && !side.at("docs/b.txt").exists());
    assert!(side.at("target-of-mine").exists());
    assert_eq!(side.ep.excluded().unwrap().items, 0);
    assert_eq!(side.binned(), ["Pruned docs/b.txt docs/b.txt", "Pruned target"]);
    assert_eq!(side.ep.prune(1_763_731_624_000).unwrap().items, 0);
}

#[test]
fn the_file_with_the_rules_is_read_and_its_changes_are_noticed() {
    let side = Side::crawled(|share| write(share, "x", "x"));
    assert_eq!(side.ep.syncignore().unwrap(), None);
    side.write(".syncignore", "target\n");
    assert!(side.check_closed(&[".syncignore"]).rules_changed);
    assert_eq!(side.ep.syncignore().unwrap().as_deref(), Some(&b"target\n"[..]));
    assert!(!side.check_closed(&[".syncignore"]).rules_changed);
    side.check_dirty();
    assert_eq!(side.file(".syncignore").size, 7);
    // By the other side.
    done(side.put(".syncignore", side.entry(".syncignore"), "other\n"));
    assert!(side.check_closed(&["x"]).rules_changed);
    fs::remove_file(side.at(".syncignore")).unwrap();
    assert!(side.check_closed(&[".syncignore"]).rules_changed);
    // Something that can't be read as rules.
    fs::create_dir(side.at(".syncignore")).unwrap();
    assert_eq!(side.ep.syncignore().unwrap(), None);
}

#[test]
fn a_directory_moved_under_an_ignored_name_is_gone_from_sight() {
    let side = with("target\n", project);
    fs::rename(side.at("docs"), side.at("target/docs")).unwrap();
    side.check_closed(&["docs", "target/docs"]);
    assert_eq!(side.told_short(), ["-docs"]);
    // And back.
    fs::rename(side.at("target/docs"), side.at("docs")).unwrap();
    side.check_closed(&["docs", "target/docs"]);
    assert_eq!(side.told_short(), ["+docs", "+docs/a.md", "+docs/b.txt"]);
}

#[test]
fn a_directory_moved_to_where_part_of_it_is_ignored() {
    let side = with("moved/b.txt\n", project);
    fs::rename(side.at("docs"), side.at("moved")).unwrap();
    side.check_closed(&["docs", "moved"]);
    assert_eq!(side.told_short(), ["docs>moved", "~moved/b.txt"]);
    assert_eq!(side.entry("moved"), Some(Entry::Directory));
    assert_eq!(side.entry("moved/b.txt"), None);
}

#[test]
fn reserved_names_are_nobodys() {
    let side = with("", |share| {
        write(share, ".causeway-tmp-1/x", "x");
        write(share, "dir/.causeway-tmp-2", "an ordinary file, for it isn't at the root");
    });
    assert_eq!(paths(&side), ["dir", "dir/.causeway-tmp-2"]);
    side.check_closed(&[".causeway-tmp-1/x", ".causeway-tmp-3"]);
    side.ep.recheck(RelPath::new(b"dir").unwrap(), 0).unwrap();
    assert_eq!(side.told_short(), ["+dir"]);
}
