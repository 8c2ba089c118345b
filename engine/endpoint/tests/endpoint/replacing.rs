//! Carrying out: what takes the place of something else.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink as make_symlink};

use causeway_sync::{Entry, File, Operation, Outcome, ProblemKind, Target};

use crate::side::{Making, Side, done, path, symlink, write};

fn filled() -> Side {
    Side::crawled(|share| {
        write(share, "file", "old");
        write(share, "dir/x", "x");
        write(share, "dir/sub/y", "y");
        make_symlink("file", share.join("link")).unwrap();
    })
}

#[test]
fn a_file_is_replaced_and_rests_in_the_bin() {
    let side = filled();
    let expect = side.entry("file");
    let Some(Entry::File(file)) = done(side.put("file", expect, "new")) else { panic!() };
    assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "new");
    assert_eq!(file.size, 3);
    assert_eq!(side.binned(), ["Replaced file old"]);
    assert_eq!(side.staged(), [""; 0]);
    side.told();
    side.crawl();
    assert_eq!(side.told_short(), [""; 0]);
}

#[test]
fn the_new_file_keeps_the_permissions_of_the_old() {
    let side = filled();
    fs::set_permissions(side.at("file"), fs::Permissions::from_mode(0o640)).unwrap();
    side.check_closed(&["file"]);
    done(side.put("file", side.entry("file"), "new"));
    assert_eq!(fs::metadata(side.at("file")).unwrap().mode() & 0o777, 0o640);
}

/// Every kind in place of every kind.
#[test]
fn any_kind_takes_the_place_of_any() {
    let link = || Operation::Symlink(Target::new(b"elsewhere".to_vec()).unwrap());
    for at in ["file", "dir", "link"] {
        let side = filled();
        done(side.put(at, side.entry(at), "new content"));
        assert_eq!(fs::read_to_string(side.at(at)).unwrap(), "new content");
        side.assert_known();
        assert_eq!(side.ep.bin_usage().unwrap().items, 1, "{at}");

        let side = filled();
        assert_eq!(done(side.act(at, side.entry(at), link())), Some(symlink("elsewhere")));
        side.assert_known();

        let side = filled();
        assert_eq!(done(side.act(at, side.entry(at), Operation::Directory)), Some(Entry::Directory));
        side.assert_known();
        done(side.put(&format!("{at}/inside"), None, "x"));
        side.crawl();
        side.assert_known();
        assert_eq!(side.staged(), [""; 0]);
    }
}

/// Whatever the session expects wrongly is refused, and nothing changes.
#[test]
fn what_is_not_expected_is_left_alone() {
    let other = Entry::File(File { digest: None, size: 3, executable: false, mtime_ns: 5 });
    let expectations = [None, Some(Entry::Directory), Some(symlink("nowhere")), Some(other)];
    for at in ["file", "link", "dir", "nothing"] {
        for expect in &expectations {
            let side = filled();
            if side.entry(at) == *expect {
                continue;
            }
            let before = crate::side::tree(&side.share);
            assert_eq!(side.put(at, expect.clone(), "new"), Outcome::Unexpected, "{at} {expect:?}");
            if expect.is_some() && at != "nothing" {
                assert_eq!(side.act(at, expect.clone(), Operation::Remove), Outcome::Unexpected, "{at} {expect:?}");
            }
            let link = Operation::Symlink(Target::new(b"new".to_vec()).unwrap());
            assert_eq!(side.act(at, expect.clone(), link), Outcome::Unexpected, "{at} {expect:?}");
            assert_eq!(crate::side::tree(&side.share), before);
            assert_eq!(side.binned(), [""; 0]);
        }
    }
}

/// The index says what is expected, but the disk has changed since.
#[test]
fn what_has_changed_on_the_disk_is_left_alone() {
    type Change = fn(&Side);
    let changes: [(&str, Change); 7] = [
        ("file", |side| side.write("file", "longer than before")),
        ("file", |side| {
            // As long as before, and under the same time.
            let before = fs::metadata(side.at("file")).unwrap().modified().unwrap();
            side.write("file", "OLD");
            fs::File::options().append(true).open(side.at("file")).unwrap().set_modified(before).unwrap();
        }),
        ("file", |side| fs::remove_file(side.at("file")).unwrap()),
        ("link", |side| {
            fs::remove_file(side.at("link")).unwrap();
            make_symlink("changed", side.at("link")).unwrap();
        }),
        ("dir", |side| side.write("dir/sub/new", "new")),
        ("dir", |side| side.write("dir/sub/y", "changed")),
        ("dir", |side| fs::remove_file(side.at("dir/x")).unwrap()),
    ];
    for (number, (at, change)) in changes.into_iter().enumerate() {
        for remove in [true, false] {
            let side = filled();
            let expect = side.entry(at);
            change(&side);
            let before = crate::side::tree(&side.share);
            let outcome = if remove { side.act(at, expect, Operation::Remove) } else { side.put(at, expect, "theirs") };
            assert_eq!(outcome, Outcome::Unexpected, "change {number}");
            assert_eq!(crate::side::tree(&side.share), before, "change {number}");
            side.check_dirty();
            side.read_all();
            side.assert_known();
            assert!(!side.told().is_empty(), "change {number} was told");
        }
    }
}

#[test]
fn a_change_of_attributes_alone_is_no_obstacle() {
    let side = filled();
    let expect = side.entry("file");
    // Another name for it, another owner's permissions: content and time are the same.
    fs::hard_link(side.at("file"), side.at("other")).unwrap();
    fs::set_permissions(side.at("file"), fs::Permissions::from_mode(0o600)).unwrap();
    done(side.put("file", expect, "new"));
    assert_eq!(fs::read_to_string(side.at("other")).unwrap(), "old");
}

#[test]
fn a_touch_is_no_obstacle_to_new_content() {
    let side = filled();
    let expect = side.entry("file");
    crate::side::set_old(&side.at("file"));
    side.check_closed(&["file"]);
    done(side.put("file", expect, "new"));
}

#[test]
fn a_directory_with_untracked_things_is_not_replaced() {
    let side = Side::make(Making { syncignore: "**/ignored\n", ..Making::default() }, |share| {
        write(share, "dir/x", "x");
        write(share, "dir/ignored", "mine");
    });
    side.crawl();
    side.read_all();
    match side.put("dir", Some(Entry::Directory), "new") {
        Outcome::Problem(problem) => assert_eq!(problem.kind, ProblemKind::Occupied),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_to_string(side.at("dir/x")).unwrap(), "x");
}

#[test]
fn a_directory_changed_after_the_decision_is_left_alone() {
    let side = filled();
    let as_of = side.ep.seq();
    side.write_old("dir/new", "new");
    side.check_closed(&["dir/new"]);
    for operation in [Operation::Remove, Operation::Symlink(Target::new(b"x".to_vec()).unwrap())] {
        let action = causeway_sync::Action { path: path("dir"), expect: Some(Entry::Directory), operation };
        let batch = causeway_sync::Batch {
            id: causeway_sync::BatchId(1),
            to: causeway_sync::Side::Guest,
            as_of,
            actions: vec![action],
        };
        assert_eq!(side.carry_out_batch(batch, None), [Outcome::Unexpected]);
    }
    assert!(side.at("dir/new").exists());
}

#[test]
fn an_unread_file_is_read_when_the_session_knows_its_digest() {
    let side = Side::with(|share| write(share, "file", "old"));
    side.settle();
    side.crawl();
    let unread = side.file("file");
    let known = |content: &str| {
        Some(Entry::File(File { digest: Some(blake3::hash(content.as_bytes()).into()), ..unread.clone() }))
    };
    assert_eq!(side.put("file", known("bad"), "new"), Outcome::Unexpected);
    done(side.put("file", known("old"), "new"));
    let side = Side::with(|share| write(share, "file", "old"));
    side.settle();
    side.crawl();
    done(side.put("file", side.entry("file"), "new"));
}

#[test]
fn without_an_exchange_the_old_is_moved_away_first() {
    let plain = Side::new();
    let mut can = causeway_endpoint::fs::Fs::probe(&plain.ep.fs().inner).unwrap();
    can.exchange_rename = false;
    let making = Making { can: Some(can), ..Making::default() };
    let side = Side::make(making, |share| {
        write(share, "file", "old");
        write(share, "dir/x", "x");
        crate::side::settle(share);
    });
    side.crawl();
    side.read_all();
    done(side.put("file", side.entry("file"), "new"));
    done(side.put("dir", side.entry("dir"), "a file now"));
    side.assert_known();
    assert_eq!(side.ep.bin_usage().unwrap().items, 2);
    let expect = side.entry("file");
    side.write("file", "changed");
    assert_eq!(side.put("file", expect, "newer"), Outcome::Unexpected);
    assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "changed");
    assert_eq!(side.staged(), [""; 0]);
}

#[test]
fn only_what_differs_of_a_large_file_is_needed() {
    let old: String = (0..300_000).map(|number| format!("{number:07}\n")).collect();
    let new = old.replacen("0150000", "changed", 1);
    let side = Side::crawled(|share| write(share, "large", &old));
    let host = Side::host_with(|share| write(share, "large", &new));
    done(side.put_from(&host, "large", side.entry("large"), true));
    assert!(fs::read_to_string(side.at("large")).unwrap() == new);
    // Nothing to compare with: sent whole.
    done(side.put_from(&Side::host_with(|share| write(share, "fresh", &new)), "fresh", None, true));
    side.assert_known();
}
