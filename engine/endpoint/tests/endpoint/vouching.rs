//! Renames of directories that the watcher tells from one end to the other: what they bring along isn't looked at, unless something
//! says that it has to be.

use std::fs;
use std::sync::atomic::AtomicBool;

use causeway_endpoint::watch::Hint;
use causeway_endpoint::{Dirty, Look, Looked};
use causeway_sync::{Entry, Operation, RelPath};

use crate::side::{Side, done, now_ms, path, rules, write};

const MOVED: Look = Look::Hint(Hint::Moved);
const CLOSED: Look = Look::Hint(Hint::ClosedAfterWrite);

/// A share whose files were all looked at long after they were written.
fn side() -> Side {
    let side = Side::with(|share| {
        for name in ["a/one", "a/sub/three", "b/four"] {
            write(share, name, name);
        }
    });
    side.ep.crawl(RelPath::ROOT, now_ms() + 60_000, &AtomicBool::new(false)).unwrap();
    side.told();
    side
}

fn rename(side: &Side, from: &str, to: &str) {
    fs::rename(side.at(from), side.at(to)).unwrap();
    side.ep.renamed(&path(from), &path(to), now_ms());
}

fn rename_untold(side: &Side, from: &str, to: &str) {
    fs::rename(side.at(from), side.at(to)).unwrap();
}

fn check_moved(side: &Side, paths: &[&str]) -> Looked {
    side.check(&paths.iter().map(|at| (*at, MOVED)).collect::<Vec<_>>())
}

/// A change of which no event tells.
fn change(side: &Side, at: &str) {
    fs::write(side.at(at), "changed, and longer than before").unwrap();
}

#[test]
fn what_is_known_is_not_looked_at_again() {
    let side = side();
    rename(&side, "a", "z");
    change(&side, "z/sub/three");
    check_moved(&side, &["a", "z"]);
    assert_eq!(side.told_short(), ["a>z"]);
    // Nor is it when the rename was this side's own, and is told all the same.
    let outcome = side.act("z", Some(Entry::Directory), Operation::Rename { to: path("y") });
    assert_eq!(done(outcome), Some(Entry::Directory));
    assert_eq!(side.told_short(), ["z>y"]);
    side.ep.renamed(&path("z"), &path("y"), now_ms());
    check_moved(&side, &["z", "y"]);
    assert_eq!(side.told_short(), [""; 0]);
    side.check(&[("z/sub/three", CLOSED)]);
    assert_eq!(side.told_short(), ["+y/sub/three"]);
}

#[test]
fn renames_one_after_the_other_are_followed() {
    let side = side();
    rename(&side, "a", "c");
    rename(&side, "c", "b/c");
    rename(&side, "b", "d");
    change(&side, "d/c/sub/three");
    check_moved(&side, &["a", "b", "c", "b/c", "d"]);
    assert_eq!(side.told_short(), ["a>d/c", "b>d"]);
}

/// What was changed under the hands of a rename, and how it is heard of.
struct Case {
    what: &'static str,
    act: fn(&Side),
    told: &'static [&'static str],
}

const FOUND: &[&str] = &["+z/sub/three", "a>z"];

const CASES: &[Case] = &[
    Case {
        what: "the watcher tells only that something was renamed",
        act: |side| {
            rename_untold(side, "a", "z");
            change(side, "z/sub/three");
            check_moved(side, &["a", "z"]);
        },
        told: FOUND,
    },
    Case {
        what: "it was renamed by another way than was told",
        act: |side| {
            rename(side, "a", "y");
            rename_untold(side, "y", "z");
            change(side, "z/sub/three");
            check_moved(side, &["a", "y", "z"]);
        },
        told: FOUND,
    },
    Case {
        what: "the event comes in the same check, by the old path",
        act: |side| {
            change(side, "a/sub/three");
            rename(side, "a", "z");
            side.check(&[("a/sub/three", CLOSED), ("a", MOVED), ("z", MOVED)]);
        },
        told: FOUND,
    },
    Case {
        what: "it comes before it is known where the directory went",
        act: |side| {
            change(side, "a/sub/three");
            rename_untold(side, "a", "z");
            side.check(&[("a/sub/three", CLOSED), ("a", MOVED)]);
            side.ep.renamed(&path("a"), &path("z"), now_ms());
            check_moved(side, &["z"]);
        },
        told: FOUND,
    },
    Case {
        what: "it comes late, by the name between two renames",
        act: |side| {
            rename(side, "a", "y");
            change(side, "y/sub/three");
            rename(side, "y", "z");
            check_moved(side, &["a", "y", "z"]);
            side.check(&[("y/sub/three", CLOSED)]);
        },
        told: FOUND,
    },
    Case {
        what: "it comes by that name before any rename",
        act: |side| {
            rename_untold(side, "a", "y");
            change(side, "y/sub/three");
            rename_untold(side, "y", "z");
            side.check(&[("y/sub/three", CLOSED)]);
            side.ep.renamed(&path("a"), &path("y"), now_ms());
            side.ep.renamed(&path("y"), &path("z"), now_ms());
            check_moved(side, &["a", "y", "z"]);
        },
        told: FOUND,
    },
    Case {
        what: "events were lost at the old path",
        act: |side| {
            change(side, "a/sub/three");
            rename(side, "a", "z");
            side.check(&[("a", Look::Below), ("z", MOVED)]);
        },
        told: FOUND,
    },
    Case {
        what: "events were lost at the new path",
        act: |side| {
            rename(side, "a", "z");
            change(side, "z/sub/three");
            side.check(&[("a", MOVED), ("z", Look::Below)]);
        },
        told: FOUND,
    },
    Case {
        what: "events were lost above it, some time before",
        act: |side| {
            rename(side, "a", "z");
            check_moved(side, &["a", "z"]);
            change(side, "z/sub/three");
            side.check(&[("a/sub", Look::Below)]);
        },
        told: FOUND,
    },
    Case {
        what: "no file proves that it is the same directory",
        act: |side| {
            change(side, "a/one");
            change(side, "a/sub/three");
            rename(side, "a", "z");
            check_moved(side, &["a", "z"]);
        },
        told: &["+z/one", "+z/sub/three", "a>z"],
    },
    Case {
        what: "other things are ignored at the new path",
        act: |side| {
            side.ep.set_rules(rules("z/sub"), &AtomicBool::new(false)).unwrap();
            rename(side, "a", "z");
            check_moved(side, &["a", "z"]);
        },
        told: &["a>z", "~z/sub"],
    },
];

#[test]
fn a_change_that_nobody_vouches_for_is_found() {
    for Case { what, act, told } in CASES {
        let side = side();
        act(&side);
        assert_eq!(side.told_short(), *told, "{what}");
        assert_eq!(fs::read_dir(side.at("z")).unwrap().count(), 2, "{what}");
    }
}

#[test]
fn a_crawl_that_a_rename_has_crossed_is_ended_at_the_new_path() {
    let side = side();
    side.write_old("a/sub/deep/new", "new");
    side.write_old("a/other/new", "new");
    let (from, to) = (side.at("a"), side.at("z"));
    side.hooks.once(crate::hooked::Call::Stat, "sub", move || fs::rename(from, to).unwrap());
    side.check(&[("a", Look::Below)]);
    side.ep.renamed(&path("a"), &path("z"), now_ms());
    side.check_dirty();
    check_moved(&side, &["a", "z"]);
    side.check_dirty();
    side.read_all();
    side.assert_known();
}

#[test]
fn other_rules_at_the_place_of_an_own_rename_are_heeded() {
    let side = side();
    side.ep.set_rules(rules("z/sub"), &AtomicBool::new(false)).unwrap();
    let outcome = side.act("a", Some(Entry::Directory), Operation::Rename { to: path("z") });
    assert_eq!(done(outcome), Some(Entry::Directory));
    side.told();
    side.check_dirty();
    assert_eq!(side.told_short(), ["~z/sub"]);
}

/// Nobody watched while `a` took the place of `b`, and was changed there; it goes back while everything is looked at.
#[test]
fn what_was_away_while_everything_was_looked_at_is_looked_at_when_it_is_back() {
    let side = side();
    fs::remove_dir_all(side.at("b")).unwrap();
    rename_untold(&side, "a", "b");
    fs::rename(side.at("b/one"), side.at("b/two")).unwrap();
    let (away, home) = (side.at("b"), side.at("a"));
    side.hooks.nth(crate::hooked::Call::Stat, "a", 2, move || fs::rename(away, home).unwrap());
    side.crawl();
    side.ep.renamed(&path("b"), &path("a"), now_ms());
    let mut dirty = side.ep.take_dirty();
    dirty.extend(["a", "b"].map(|at| Dirty { path: path(at), look: MOVED }));
    side.ep.check(&dirty, now_ms() + 1_000, &AtomicBool::new(false)).unwrap();
    side.try_check(&[("b", Look::Again)], now_ms() + 2_000).unwrap();
    side.read_all();
    side.assert_known();
}

#[test]
fn what_a_rename_takes_along_between_two_glances_is_not_taken_for_gone() {
    let side = side();
    // Enough directories that none stays open.
    let others: Vec<_> = (0..40).map(|number| format!("c/{number}/file")).collect();
    others.iter().for_each(|at| side.write_old(at, "old"));
    side.crawl();
    side.read_all();
    side.told();
    change(&side, "a/one");
    side.write("a/new", "new");
    fs::remove_file(side.at("a/sub/three")).unwrap();
    let (from, to) = (side.at("a"), side.at("z"));
    side.hooks.once(crate::hooked::Call::Stat, "file", move || fs::rename(from, to).unwrap());
    let mut dirty: Vec<_> = others.iter().map(|at| (at.as_str(), Look::Again)).collect();
    dirty.extend([("a/one", CLOSED), ("a/new", CLOSED), ("a/sub/three", Look::Hint(Hint::Removed))]);
    let looked = side.check(&dirty);
    side.ep.renamed(&path("a"), &path("z"), now_ms());
    dirty = vec![("a", MOVED), ("z", MOVED)];
    dirty.extend(looked.later.iter().map(|later| (std::str::from_utf8(later.path.as_bytes()).unwrap(), Look::Again)));
    side.check(&dirty);
    side.assert_known();
}
