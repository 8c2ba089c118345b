//! Bad input: a clear error, and nothing has changed.

use std::fs;
use std::os::unix::fs::symlink;

use causeway_e2e::Place;

#[test]
fn what_cannot_become_a_share_is_refused() {
    let place = Place::new();
    let taken = place.folder("work/taken");
    place.folder("work/taken/sub");
    place.folder("free");
    place.folder("user");
    place.share(&taken, &["--name", "taken"]);
    let base = place.base();
    fs::write(base.join("file"), "").unwrap();
    symlink(taken.join("sub"), base.join("link")).unwrap();
    fs::create_dir(base.join("wrong")).unwrap();
    fs::write(base.join("wrong/.syncignore"), "fine\n[a-\n").unwrap();

    let at = |path: &str| base.join(path).to_str().unwrap().to_owned();
    for (args, code, says) in [
        (vec![at("none")], 1, "does not exist"),
        (vec![at("file")], 1, "not a folder"),
        (vec![at("work/taken")], 1, "inside the share \"taken\""),
        (vec![at("work/taken/sub")], 1, "inside the share \"taken\""),
        (vec![at("link")], 1, "inside the share \"taken\""),
        (vec![at("work")], 1, "holds the share \"taken\""),
        (vec![at("home")], 1, "Causeway's own"),
        (vec![at("home/logs")], 1, "Causeway's own"),
        (vec![at("user")], 1, "--force"),
        (vec!["/".to_owned()], 1, "--force"),
        (vec![at("free"), "--name".into(), "taken".into()], 1, "exists already"),
        (vec![at("free"), "--name".into(), "a/b".into()], 2, "name"),
        (vec![at("free"), "--mode".into(), "sideways".into()], 2, "sideways"),
        (vec![at("free"), "--exclude".into(), "good".into(), "--exclude".into(), "a[".into()], 1, "a["),
        (vec![at("wrong")], 1, "line 2"),
    ] {
        let mut all = vec!["share".to_owned(), "create".to_owned()];
        all.extend(args.clone());
        let ran = place.run(&all);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.err.contains(says), "{args:?} doesn't say {says:?}: {}", ran.err);
    }
    assert_eq!(place.json(&["share", "list"]).as_array().unwrap().len(), 1);
    // A name or folder that was refused is still free.
    place.share(&base.join("free"), &[]).assert_equal();
}

#[test]
fn shares_that_do_not_exist_are_named_as_such() {
    let place = Place::new();
    for args in [
        vec!["show", "x"],
        vec!["pause", "x"],
        vec!["resume", "x"],
        vec!["flush", "x"],
        vec!["remove", "x"],
        vec!["reset", "x"],
        vec!["prune", "x"],
        vec!["verify", "x"],
        vec!["conflicts", "x"],
        vec!["problems", "x"],
        vec!["resolve", "x", "--all", "--keep", "host"],
        vec!["bin", "x", "list"],
    ] {
        let mut all = vec!["share"];
        all.extend(args);
        let ran = place.run(&all);
        assert_eq!(ran.code, 3, "{all:?}: {ran:?}");
        assert!(ran.err.contains("no share \"x\""), "{all:?}: {ran:?}");
    }
}

#[test]
fn a_second_engine_refuses() {
    let place = Place::new();
    place.ok(&["engine", "start"]);
    let second = place.run(&["engine", "run"]);
    assert_ne!(second.code, 0);
    assert!(second.err.contains("already runs"), "{second:?}");
    place.ok(&["engine", "status"]);
}

#[test]
fn damaged_stores_are_rebuilt_and_nothing_is_deleted() {
    let place = Place::new();
    let folder = place.folder("repo");
    for n in 0..40 {
        fs::write(folder.join(format!("{n}")), format!("{n}")).unwrap();
    }
    let share = place.share(&folder, &[]);
    let id = share.show()["id"].as_str().unwrap().to_owned();
    place.ok(&["engine", "stop"]);
    let mut damaged = 0;
    for dir in [place.home().join("shares").join(&id), place.home().join("machine")] {
        damaged += damage_below(&dir);
    }
    assert!(damaged >= 3, "the ledger and both indexes are damaged: {damaged}");
    fs::write(share.host.join("new"), "x").unwrap();
    place.ok(&["engine", "start"]);
    share.wait_for_state("watching");
    assert_eq!(share.assert_equal().len(), 41);
}

/// Overwrites every SQLite file below a directory that isn't a share's content.
fn damage_below(dir: &std::path::Path) -> usize {
    let mut damaged = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "content" {
            damaged += damage_below(&path);
        } else if fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3")) {
            fs::write(&path, b"SQLite format 3\0 but not really".repeat(500)).unwrap();
            damaged += 1;
        }
    }
    damaged
}
