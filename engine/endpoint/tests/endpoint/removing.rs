//! Carrying out: what is removed.

use std::fs;
use std::sync::atomic::AtomicBool;

use causeway_endpoint::fs::FsErrorKind;
use causeway_sync::{Entry, Operation, Outcome, ProblemKind};

use crate::hooked::Call;
use crate::side::{Making, Side, done, now_ms, write};

fn with_untracked() -> Side {
    let making = Making { syncignore: "**/ignored\n", ..Making::default() };
    let side = Side::make(making, |share| {
        write(share, "dir/x", "x");
        write(share, "dir/sub/y", "y");
        write(share, "dir/mixed/z", "z");
        write(share, "dir/mixed/ignored/mine", "mine");
        crate::side::settle(share);
    });
    side.crawl();
    side.read_all();
    side.told();
    side
}

#[test]
fn a_file_is_removed_and_rests_in_the_bin() {
    let side = Side::crawled(|share| write(share, "dir/file", "content"));
    assert_eq!(done(side.act("dir/file", side.entry("dir/file"), Operation::Remove)), None);
    assert_eq!(side.binned(), ["Removed dir/file content"]);
    side.assert_known();
    let seq = side.ep.seq();
    side.check_closed(&["dir/file", "dir"]);
    assert_eq!(side.ep.seq(), seq);
}

#[test]
fn a_tree_is_removed_in_one_step() {
    let side = Side::crawled(|share| {
        for number in 0..2000 {
            write(share, &format!("dir/{}/{number}", number % 10), "");
        }
    });
    assert_eq!(done(side.act("dir", Some(Entry::Directory), Operation::Remove)), None);
    assert_eq!(side.ep.counts(), causeway_index::Counts::default());
    let items = side.ep.bin_items(None, 10).unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].path.to_string(), "dir");
    side.assert_known();
}

#[test]
fn untracked_things_stay_with_the_directories_around_them() {
    let side = with_untracked();
    assert_eq!(side.act("dir", Some(Entry::Directory), Operation::Remove), Outcome::Kept);
    assert_eq!(fs::read_to_string(side.at("dir/mixed/ignored/mine")).unwrap(), "mine");
    assert_eq!(side.binned(), ["Removed dir/mixed/z z", "Removed dir/sub/y y", "Removed dir/x x"]);
    assert_eq!(side.known().into_keys().collect::<Vec<_>>(), ["dir", "dir/mixed"]);
    let seq = side.ep.seq();
    side.crawl();
    assert_eq!(side.ep.seq().0, seq.0, "a look finds nothing to tell");
    // When the untracked things are gone, it can go too.
    fs::remove_dir_all(side.at("dir/mixed/ignored")).unwrap();
    assert_eq!(done(side.act("dir", Some(Entry::Directory), Operation::Remove)), None);
    assert!(!side.at("dir").exists());
}

#[test]
fn an_untracked_thing_that_nobody_has_seen_yet_stays_too() {
    let side = Side::crawled(|share| write(share, "dir/x", "x"));
    let _socket = std::os::unix::net::UnixListener::bind(side.at("dir/socket")).unwrap();
    assert_eq!(side.act("dir", Some(Entry::Directory), Operation::Remove), Outcome::Kept);
    assert!(side.at("dir/socket").exists());
    assert_eq!(side.binned(), ["Removed dir/x x"]);
}

#[test]
fn a_removal_that_stops_half_way_tells_what_is_gone() {
    let side = with_untracked();
    let at = side.at("dir/x");
    // Somebody changes the last file while the others go one by one.
    side.hooks.nth(Call::Stat, "x", 2, move || fs::write(at, "changed meanwhile").unwrap());
    assert_eq!(side.act("dir", Some(Entry::Directory), Operation::Remove), Outcome::Unexpected);
    assert_eq!(fs::read_to_string(side.at("dir/x")).unwrap(), "changed meanwhile");
    side.hooks.clear();
    let told = side.told_short();
    assert!(told.contains(&"-dir/sub/y".to_owned()) || side.at("dir/sub/y").exists(), "{told:?}");
    side.check_dirty();
    assert!(side.told_short().contains(&"+dir/x".to_owned()));
}

#[test]
fn a_removal_without_the_right_is_a_problem() {
    let side = Side::crawled(|share| write(share, "file", "content"));
    let expect = side.entry("file");
    for (kind, problem) in [
        (FsErrorKind::PermissionDenied, ProblemKind::PermissionDenied),
        (FsErrorKind::ReadOnly, ProblemKind::ReadOnly),
        (FsErrorKind::NoSpace, ProblemKind::NoSpace),
        (FsErrorKind::Busy, ProblemKind::Occupied),
    ] {
        side.hooks.set(move |call, _| (call == Call::Rename).then_some(kind));
        match side.act("file", expect.clone(), Operation::Remove) {
            Outcome::Problem(shown) => assert_eq!(shown.kind, problem),
            other => panic!("{other:?}"),
        }
        side.hooks.clear();
        side.assert_known();
    }
}

#[test]
fn what_cannot_be_put_back_on_a_full_disk_goes_back_when_there_is_space() {
    let side = Side::crawled(|share| write(share, "dir/x", "x"));
    let (at, mut is_written) = (side.at("dir/new"), false);
    side.hooks.set(move |call, name| {
        if call == Call::Rename && !std::mem::replace(&mut is_written, true) {
            fs::write(&at, "mine").unwrap();
        }
        (call == Call::Rename && name == "dir").then_some(FsErrorKind::NoSpace)
    });
    assert_eq!(side.act("dir", Some(Entry::Directory), Operation::Remove), Outcome::Unexpected);
    let settle = || side.ep.settle(now_ms(), &AtomicBool::new(false)).unwrap();
    assert!(settle().is_some());
    assert!(!side.at("dir").exists());
    side.hooks.clear();
    settle();
    assert_eq!(fs::read_to_string(side.at("dir/new")).unwrap(), "mine");
    assert!(side.binned().is_empty());
    side.settle();
    side.check_dirty();
    side.assert_known();
}

#[test]
fn what_goes_back_leaves_alone_what_somebody_has_put_there_meanwhile() {
    let side = Side::crawled(|share| write(share, "file", "content"));
    let (at, mut is_written) = (side.at("file"), false);
    side.hooks.set(move |call, name| {
        if call == Call::Rename && !std::mem::replace(&mut is_written, true) {
            fs::write(&at, "mine").unwrap();
        }
        (call == Call::Rename && name == "file").then_some(FsErrorKind::NoSpace)
    });
    assert_eq!(side.act("file", side.entry("file"), Operation::Remove), Outcome::Unexpected);
    side.hooks.clear();
    fs::write(side.at("file"), "newer").unwrap();
    side.ep.settle(now_ms(), &AtomicBool::new(false)).unwrap();
    assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "newer");
    assert_eq!(side.binned(), ["Raced file mine"]);
}
