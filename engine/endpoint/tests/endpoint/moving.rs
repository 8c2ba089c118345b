//! Moves, found by a look and carried out for the session.

use std::fs;

use causeway_endpoint::watch::Hint;
use causeway_endpoint::{Look, Looked};
use causeway_sync::{Entry, Operation, Outcome, ProblemKind};

use crate::hooked::Call;
use crate::side::{Side, done, path, write};

fn moved(side: &Side, from: &str, to: &str) {
    fs::rename(side.at(from), side.at(to)).unwrap();
}

fn check_moves(side: &Side, paths: &[&str]) -> Looked {
    let dirty: Vec<_> = paths.iter().map(|at| (*at, Look::Hint(Hint::Moved))).collect();
    side.check(&dirty)
}

fn two_directories(share: &std::path::Path) {
    for name in ["a/one", "a/two", "a/sub/three", "b/four"] {
        write(share, name, name);
    }
    write(share, "file", "content");
}

#[test]
fn a_renamed_directory_is_one_change() {
    // In either order, and by the new name alone.
    for dirty in [&["a", "z"][..], &["z", "a"], &["z"]] {
        let side = Side::crawled(two_directories);
        moved(&side, "a", "z");
        check_moves(&side, dirty);
        assert_eq!(side.told_short(), ["a>z"], "{dirty:?}");
        side.assert_known();
        assert_eq!(side.ep.counts().files, 5);
    }
}

#[test]
fn a_crawl_finds_a_renamed_directory_wherever_it_comes_first() {
    for (from, to) in [("a", "z"), ("b", "a/sub/b"), ("a/sub", "sub")] {
        let side = Side::crawled(two_directories);
        moved(&side, from, to);
        let side = side.reopen(false);
        side.told();
        side.crawl();
        assert_eq!(side.told_short(), [format!("{from}>{to}")]);
        side.read_all();
        side.assert_known();
    }
}

#[test]
fn a_renamed_file_is_a_move() {
    let side = Side::crawled(two_directories);
    let before = side.file("file");
    moved(&side, "file", "b/renamed");
    check_moves(&side, &["file", "b/renamed"]);
    assert_eq!(side.told_short(), ["file>b/renamed"]);
    assert_eq!(side.file("b/renamed"), before);
    side.crawl();
    assert_eq!(side.told_short(), [""; 0]);
}

#[test]
fn moves_follow_each_other() {
    let side = Side::crawled(two_directories);
    moved(&side, "a", "c");
    moved(&side, "b", "a");
    moved(&side, "c/sub", "a/sub");
    check_moves(&side, &["a", "b", "c", "c/sub", "a/sub"]);
    assert_eq!(side.told_short(), ["a>c", "b>a", "c/sub>a/sub"]);
    side.assert_known();
}

#[test]
fn two_directories_that_swapped_names_are_right_in_the_end() {
    let side = Side::crawled(two_directories);
    moved(&side, "a", "c");
    moved(&side, "b", "a");
    moved(&side, "c", "b");
    check_moves(&side, &["a", "b", "c"]);
    side.read_all();
    side.assert_known();
}

#[test]
fn a_change_inside_a_moved_directory_is_found() {
    let side = Side::crawled(two_directories);
    side.write_old("a/one", "changed before");
    moved(&side, "a", "z");
    side.write_old("z/two", "changed after");
    // The first event came with the old path.
    side.check(&[
        ("a/one", Look::Hint(Hint::ClosedAfterWrite)),
        ("a", Look::Hint(Hint::Moved)),
        ("z", Look::Hint(Hint::Moved)),
        ("z/two", Look::Hint(Hint::ClosedAfterWrite)),
    ]);
    assert_eq!(side.told_short(), ["+z/one", "+z/two", "a>z"]);
    side.assert_known();
}

#[test]
fn an_event_that_comes_late_is_about_the_new_path() {
    let side = Side::crawled(two_directories);
    moved(&side, "a", "z");
    check_moves(&side, &["a", "z"]);
    side.told();
    side.write_old("z/sub/three", "changed");
    side.check_closed(&["a/sub/three"]);
    assert_eq!(side.told_short(), ["+z/sub/three"]);
}

#[test]
fn an_event_between_two_renames_of_one_name_is_about_the_later() {
    let side = Side::crawled(two_directories);
    moved(&side, "a", "z");
    check_moves(&side, &["a", "z"]);
    side.write_old("a/new", "new");
    side.check_closed(&["a/new"]);
    moved(&side, "a", "y");
    check_moves(&side, &["a", "y"]);
    side.told();
    side.write_old("y/new", "changed");
    side.check_closed(&["a/new"]);
    assert_eq!(side.told_short(), ["+y/new"]);
}

#[test]
fn something_new_in_the_old_place_of_a_moved_directory() {
    let side = Side::crawled(two_directories);
    moved(&side, "a", "z");
    side.write_old("a/new", "new");
    check_moves(&side, &["a", "z"]);
    assert_eq!(side.told_short(), ["+a", "+a/new", "a>z"]);
    side.assert_known();
}

#[test]
fn the_two_events_of_a_rename_may_be_read_apart() {
    let side = Side::crawled(two_directories);
    moved(&side, "a", "z");
    let looked = check_moves(&side, &["a"]);
    assert_eq!(side.told_short(), [""; 0]);
    assert_eq!(looked.later.iter().map(|later| later.path.to_string()).collect::<Vec<_>>(), ["a"]);
    check_moves(&side, &["z"]);
    assert_eq!(side.told_short(), ["a>z"]);
    side.assert_known();
}

#[test]
fn what_was_moved_out_of_the_share_is_gone_after_a_moment() {
    let side = Side::crawled(two_directories);
    fs::rename(side.at("a"), side.private.join("elsewhere")).unwrap();
    let looked = check_moves(&side, &["a"]);
    assert_eq!(side.told_short(), [""; 0]);
    side.try_check(&[("a", Look::Again)], looked.later[0].due_ms).unwrap();
    assert_eq!(side.told_short(), ["-a"]);
    side.assert_known();
}

#[test]
fn a_moved_tree_out_of_which_things_were_moved() {
    let side = Side::crawled(two_directories);
    moved(&side, "a/sub", "kept");
    fs::remove_dir_all(side.at("a")).unwrap();
    let moved = Look::Hint(Hint::Moved);
    side.check(&[("a", Look::Hint(Hint::Removed)), ("a/sub", moved), ("kept", moved)]);
    assert_eq!(side.told_short(), ["-a", "a/sub>kept"]);
    side.assert_known();
}

#[test]
fn a_large_directory_is_renamed_in_one_step() {
    let side = Side::crawled(|share| {
        fs::create_dir(share.join("big")).unwrap();
        for number in 0..3000 {
            fs::write(share.join(format!("big/{number}")), "").unwrap();
        }
    });
    let outcome = side.act("big", Some(Entry::Directory), Operation::Rename { to: path("large") });
    assert_eq!(done(outcome), Some(Entry::Directory));
    side.told();
    side.crawl();
    assert_eq!(side.told_short(), [""; 0]);
    side.assert_known();
}

#[test]
fn renames_are_carried_out_where_all_is_as_expected() {
    let side = Side::crawled(two_directories);
    let file = side.entry("file");
    assert_eq!(
        done(side.act("a", Some(Entry::Directory), Operation::Rename { to: path("b/a") })),
        Some(Entry::Directory)
    );
    assert_eq!(done(side.act("file", file.clone(), Operation::Rename { to: path("b/a/file") })), file.clone());
    side.assert_known();
    // A second time: done already.
    assert_eq!(done(side.act("file", file.clone(), Operation::Rename { to: path("b/a/file") })), file.clone());
    // Nothing there, something else there, something in the way, no directory to go to.
    assert_eq!(side.act("gone", file.clone(), Operation::Rename { to: path("x") }), Outcome::Unexpected);
    assert_eq!(side.act("b/four", file.clone(), Operation::Rename { to: path("x") }), Outcome::Unexpected);
    let four = side.entry("b/four");
    assert_eq!(side.act("b/four", four.clone(), Operation::Rename { to: path("b/a") }), Outcome::Unexpected);
    assert_eq!(side.act("b/four", four, Operation::Rename { to: path("nowhere/x") }), Outcome::Unexpected);
    side.check_dirty();
    side.assert_known();
}

#[test]
fn a_rename_onto_what_the_index_does_not_know_is_refused() {
    let side = Side::crawled(two_directories);
    side.write("new", "mine");
    let file = side.entry("file");
    assert_eq!(side.act("file", file, Operation::Rename { to: path("new") }), Outcome::Unexpected);
    side.check_dirty();
    side.assert_known();
    assert_eq!(fs::read_to_string(side.at("new")).unwrap(), "mine");
}

#[test]
fn a_directory_is_not_moved_into_itself() {
    let side = Side::crawled(two_directories);
    for to in ["a/sub/a", "a"] {
        let action = causeway_sync::Action {
            path: path("a"),
            expect: Some(Entry::Directory),
            operation: Operation::Rename { to: path(to) },
        };
        let batch = causeway_sync::Batch {
            id: causeway_sync::BatchId(1),
            to: causeway_sync::Side::Guest,
            as_of: side.ep.seq(),
            actions: vec![action],
        };
        assert!(side.ep.applier().begin(batch).is_err());
    }
}

#[test]
fn an_ignored_place_is_occupied() {
    let side = Side::crawled(two_directories);
    side.ep.set_rules(crate::side::rules("ignored"), &std::sync::atomic::AtomicBool::new(false)).unwrap();
    let file = side.entry("file");
    for to in ["ignored", ".causeway-tmp-x"] {
        match side.act("file", file.clone(), Operation::Rename { to: path(to) }) {
            Outcome::Problem(problem) => assert_eq!(problem.kind, ProblemKind::Occupied),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_in_a_directory_that_was_away_for_a_moment_is_looked_at_again() {
    let side = Side::crawled(|share| write(share, "dir/file", "before"));
    side.write("dir/file", "what somebody wrote");
    // It is gone when the file in it is looked at, and back when it is itself.
    let [dir, away] = ["dir", "away"].map(|at| side.at(at));
    let mut is_away = false;
    side.hooks.set(move |call, name| {
        if name == "dir" && !is_away && call == Call::OpenDir && dir.exists() {
            fs::rename(&dir, &away).unwrap();
            is_away = true;
        } else if name == "dir" && is_away && call == Call::Stat && away.exists() {
            fs::rename(&away, &dir).unwrap();
        }
        None
    });
    let later = side.check_closed(&["dir/file"]).later;
    side.hooks.clear();
    assert_eq!(later.iter().map(|later| &later.path).collect::<Vec<_>>(), [&path("dir/file")]);
    side.check_closed(&["dir/file"]);
    assert_eq!(side.told_short(), ["+dir/file"]);
    side.assert_known();
}
