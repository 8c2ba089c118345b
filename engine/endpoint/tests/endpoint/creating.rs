//! Carrying out: what comes to stand where nothing stands.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink as make_symlink};
use std::path::Path;

use causeway_endpoint::Symlinks;
use causeway_sync::{Action, Entry, Operation, Outcome, ProblemKind, Source, Target};

use crate::side::{Making, Side, done, path, set_executable, symlink, write};

fn problem(outcome: Outcome) -> ProblemKind {
    match outcome {
        Outcome::Problem(problem) => problem.kind,
        other => panic!("{other:?} instead of a problem"),
    }
}

fn transfer(supplier: &Side, at: &str) -> Action {
    let operation = Operation::File { file: supplier.file(at), source: Source::Transfer { delta: false } };
    Action { path: path(at), expect: None, operation }
}

fn make(at: &str) -> Action {
    Action { path: path(at), expect: None, operation: Operation::Directory }
}

#[test]
fn a_whole_tree_crosses() {
    let host = Side::host_with(|share| {
        write(share, "a/b/c", "deep");
        write(share, "a/run.sh", "#!/bin/sh");
        write(share, "empty", "");
        write(share, "large", &"0123456789".repeat(100_000));
        set_executable(&share.join("a/run.sh"), true);
    });
    let guest = Side::crawled(|_| {});
    guest.ep.hello().unwrap();
    let link = Action {
        path: path("link"),
        expect: None,
        operation: Operation::Symlink(Target::new(b"a/b".to_vec()).unwrap()),
    };
    let actions = vec![
        make("a"),
        make("a/b"),
        transfer(&host, "a/b/c"),
        transfer(&host, "a/run.sh"),
        transfer(&host, "empty"),
        transfer(&host, "large"),
        link,
    ];
    let outcomes = guest.carry_out(actions, Some(&host));
    for outcome in outcomes {
        done(outcome);
    }
    make_symlink("a/b", host.at("link")).unwrap();
    assert_eq!(crate::side::tree(&guest.share), crate::side::tree(&host.share));
    assert_eq!(guest.file("a/run.sh").mtime_ns, host.file("a/run.sh").mtime_ns);
    let mode = fs::metadata(guest.at("a/run.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o777, "everybody may read, write and run it");
    // Own changes aren't told to the session that asked for them, and a look finds nothing to tell.
    let upto = guest.ep.seq();
    guest.crawl();
    guest.check_closed(&["a/b/c", "a", "large"]);
    assert_eq!(guest.ep.seq(), upto);
    assert_eq!(guest.told(), []);
    assert_eq!(guest.staged(), [""; 0]);
    // The supplier has learned the digests without telling of them.
    assert!(host.file("large").digest.is_some());
}

#[test]
fn own_changes_are_told_to_the_next_session() {
    let guest = Side::crawled(|_| {});
    guest.ep.hello().unwrap();
    done(guest.act("made", None, Operation::Directory));
    let guest = guest.reopen(true);
    assert_eq!(guest.told_short(), ["+made"]);
}

#[test]
fn nothing_new_takes_the_place_of_anything() {
    // What the index doesn't know yet.
    for operation in [Operation::Directory, Operation::Symlink(Target::new(b"x".to_vec()).unwrap())] {
        let guest = Side::crawled(|_| {});
        guest.write_old("place", "mine");
        assert_eq!(guest.act("place", None, operation), Outcome::Unexpected);
        assert_eq!(fs::read_to_string(guest.at("place")).unwrap(), "mine");
        guest.check_dirty();
        guest.assert_known();
    }
    let guest = Side::crawled(|_| {});
    guest.write_old("place", "mine");
    assert_eq!(guest.put("place", None, "theirs"), Outcome::Unexpected);
    assert_eq!(fs::read_to_string(guest.at("place")).unwrap(), "mine");
    assert_eq!(guest.staged(), [""; 0]);
    // What it does know.
    guest.check_dirty();
    assert_eq!(guest.put("place", None, "theirs"), Outcome::Unexpected);
}

#[test]
fn an_untracked_thing_occupies_a_place() {
    let guest = Side::make(Making { syncignore: "ignored\n", ..Making::default() }, |share| {
        write(share, "ignored", "mine");
        fs::create_dir(share.join("dir")).unwrap();
    });
    let _socket = std::os::unix::net::UnixListener::bind(guest.at("socket")).unwrap();
    guest.crawl();
    let _late = std::os::unix::net::UnixListener::bind(guest.at("late")).unwrap();
    for at in ["ignored", "socket", "late"] {
        assert_eq!(problem(guest.put(at, None, "x")), ProblemKind::Occupied, "{at}");
        assert_eq!(problem(guest.act(at, None, Operation::Directory)), ProblemKind::Occupied, "{at}");
    }
}

#[test]
fn the_directory_above_must_be_there() {
    let guest = Side::crawled(|share| write(share, "dir/x", "x"));
    assert_eq!(guest.put("nowhere/file", None, "x"), Outcome::Unexpected);
    // It was replaced by a symlink to elsewhere: nothing is written through it.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::remove_dir_all(guest.at("dir")).unwrap();
    make_symlink(elsewhere.path(), guest.at("dir")).unwrap();
    assert_eq!(guest.put("dir/file", None, "x"), Outcome::Unexpected);
    assert_eq!(guest.act("dir/sub", None, Operation::Directory), Outcome::Unexpected);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    guest.check_dirty();
    guest.assert_known();
}

#[test]
fn another_directory_in_place_of_the_known_one_gets_nothing() {
    let guest = Side::crawled(|share| write(share, "dir/x", "x"));
    fs::rename(guest.at("dir"), guest.at("moved")).unwrap();
    fs::create_dir(guest.at("dir")).unwrap();
    assert_eq!(guest.put("dir/file", None, "x"), Outcome::Unexpected);
    assert!(!guest.at("dir/file").exists() && !guest.at("moved/file").exists());
    guest.check_dirty();
    guest.crawl();
    guest.read_all();
    guest.assert_known();
}

#[test]
fn what_is_so_already_is_done() {
    let guest = Side::crawled(|share| {
        write(share, "dir/x", "x");
        make_symlink("dir", share.join("link")).unwrap();
    });
    assert_eq!(done(guest.act("dir", None, Operation::Directory)), Some(Entry::Directory));
    let target = Operation::Symlink(Target::new(b"dir".to_vec()).unwrap());
    assert_eq!(done(guest.act("link", None, target)), Some(symlink("dir")));
    assert_eq!(done(guest.act("gone", Some(Entry::Directory), Operation::Remove)), None);
    let host = Side::host_with(|share| write(share, "file", "content"));
    host.read_all();
    let first = guest.put_from(&host, "file", None, false);
    assert_eq!(guest.put_from(&host, "file", None, false), first);
}

#[test]
fn symlinks_that_the_share_does_not_want() {
    let making = || Making { symlinks: Symlinks::Portable, ..Making::default() };
    let guest = Side::make(making(), |_| {});
    guest.crawl();
    let link = |to: &[u8]| Operation::Symlink(Target::new(to.to_vec()).unwrap());
    assert_eq!(problem(guest.act("link", None, link(b"/etc"))), ProblemKind::SymlinkNotPortable);
    assert_eq!(problem(guest.act("link", None, link(b"../x"))), ProblemKind::SymlinkNotPortable);
    assert_eq!(done(guest.act("link", None, link(b"x/y"))), Some(symlink("x/y")));
    let mut can = causeway_endpoint::fs::Fs::probe(&guest.ep.fs().inner).unwrap();
    can.symlinks = false;
    let guest = Side::make(Making { can: Some(can), ..making() }, |_| {});
    guest.crawl();
    assert_eq!(problem(guest.act("link", None, link(b"x"))), ProblemKind::CannotCreateSymlink);
}

#[test]
fn a_copy_is_made_of_what_stands_here() {
    let guest = Side::crawled(|share| {
        write(share, "from", "the content");
        write(share, "other", "another one");
        fs::create_dir(share.join("dir")).unwrap();
    });
    let copy = |at: &str, from: &str, like: &str| Action {
        path: path(at),
        expect: None,
        operation: Operation::File { file: guest.file(like), source: Source::Copy { from: path(from) } },
    };
    let outcomes = guest.carry_out(
        vec![
            copy("dir/copy", "from", "from"),
            copy("wrong", "other", "from"),
            copy("gone", "nowhere", "from"),
            Action {
                path: path("from"),
                expect: guest.entry("from"),
                operation: Operation::Rename { to: path("renamed") },
            },
            // What it copies only comes to stand there by the action before.
            copy("late", "renamed", "from"),
        ],
        None,
    );
    assert!(
        matches!(
            &outcomes[..],
            [
                Outcome::Done { .. },
                Outcome::SourceChanged,
                Outcome::SourceChanged,
                Outcome::Done { .. },
                Outcome::Done { .. }
            ]
        ),
        "{outcomes:?}"
    );
    assert_eq!(fs::read_to_string(guest.at("dir/copy")).unwrap(), "the content");
    assert_eq!(fs::read_to_string(guest.at("late")).unwrap(), "the content");
    guest.assert_known();
    assert_eq!(guest.staged(), [""; 0]);
}

#[test]
fn holes_stay_holes() {
    use std::os::unix::fs::{FileExt, MetadataExt};
    let host = Side::host_with(|share: &Path| {
        let file = fs::File::create(share.join("sparse")).unwrap();
        file.write_at(b"begin", 0).unwrap();
        file.write_at(b"middle", 20 << 20).unwrap();
        file.set_len(100 << 20).unwrap();
    });
    let guest = Side::crawled(|_| {});
    done(guest.put_from(&host, "sparse", None, false));
    let (there, here) = (fs::metadata(host.at("sparse")).unwrap(), fs::metadata(guest.at("sparse")).unwrap());
    assert_eq!(there.len(), here.len());
    assert!(here.blocks() * 512 < 1 << 20, "{} blocks", here.blocks());
    let mut begin = [0; 5];
    fs::File::open(guest.at("sparse")).unwrap().read_exact_at(&mut begin, 0).unwrap();
    assert_eq!(&begin, b"begin");
}
