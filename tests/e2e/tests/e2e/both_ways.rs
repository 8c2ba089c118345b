//! What is done on one side stands on the other.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use causeway_e2e::terminal::Terminal;
use causeway_e2e::{Node, Place, eventually};

#[test]
fn an_existing_tree_is_copied_with_all_its_kinds() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir_all(folder.join("src/deep/er")).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    fs::write(folder.join("src/main.rs"), "fn main() {}\n").unwrap();
    fs::write(folder.join("src/deep/er/none"), "").unwrap();
    fs::write(folder.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(folder.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("src/main.rs", folder.join("link")).unwrap();
    symlink("/nonexistent", folder.join("dangling")).unwrap();
    fs::write(folder.join(std::ffi::OsStr::new("n\u{e4}me with 'quotes'\nand a line")), "x").unwrap();

    let share = place.share(&folder, &[]);
    let tree = share.assert_equal();
    assert_eq!(tree.len(), 10);
    assert_eq!(tree[Path::new("link")], Node::Symlink("src/main.rs".into()));
    assert!(matches!(tree[Path::new("run.sh")], Node::File { executable: true, .. }));
    let shown = share.show();
    assert_eq!(shown["state"], "watching", "{shown}");
    assert_eq!((&shown["entries"]["files"], &shown["entries"]["symlinks"]), (&4.into(), &2.into()), "{shown}");
    assert_eq!(shown["pending"], 0);
}

#[test]
fn edits_cross_in_both_directions_without_a_flush() {
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    for (side, other, text) in
        [(&share.host, &share.guest, "from the host"), (&share.guest, &share.host, "from the guest")]
    {
        for round in 0..20 {
            let text = format!("{text} {round}");
            fs::write(side.join("file"), &text).unwrap();
            let arrived = || fs::read_to_string(other.join("file")).is_ok_and(|found| found == text);
            eventually(arrived, || format!("{text} to arrive"));
        }
    }
    share.assert_equal();
}

#[test]
fn every_container_user_can_write_what_came_from_the_host() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir(folder.join("dir")).unwrap();
    for (name, mode) in [("private", 0o600), ("dir/tool", 0o700)] {
        fs::write(folder.join(name), "x").unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let share = place.share(&folder, &[]);
    for (name, mode) in [("private", 0o666), ("dir/tool", 0o777), ("dir", 0o777)] {
        let found = fs::metadata(share.guest.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
    // And what it writes comes back with the host's own permissions.
    fs::write(share.guest.join("private"), "y").unwrap();
    share.assert_equal();
    assert_eq!(fs::read_to_string(folder.join("private")).unwrap(), "y");
    assert_eq!(fs::metadata(folder.join("private")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_renamed_directory_is_renamed_on_the_other_side() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir_all(folder.join("old/below")).unwrap();
    for n in 0..500 {
        fs::write(folder.join(format!("old/below/{n}")), format!("{n}")).unwrap();
    }
    let share = place.share(&folder, &[]);
    for (side, other) in [(&share.host, &share.guest), (&share.guest, &share.host)] {
        use std::os::unix::fs::MetadataExt;
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        let before = inode(&other.join("old/below/7"));
        fs::rename(side.join("old"), side.join("new")).unwrap();
        share.assert_equal();
        assert_eq!(inode(&other.join("new/below/7")), before, "it was renamed, not copied");
        fs::rename(side.join("new"), side.join("old")).unwrap();
        share.assert_equal();
    }
}

#[test]
fn deletions_cross_and_rest_in_the_recycle_bin() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir_all(folder.join("gone/below")).unwrap();
    fs::write(folder.join("gone/below/file"), "precious").unwrap();
    fs::write(folder.join("stays"), "x").unwrap();
    let share = place.share(&folder, &[]);
    fs::remove_dir_all(share.guest.join("gone")).unwrap();
    let tree = share.assert_equal();
    assert_eq!(tree.len(), 1);

    let bin = place.json(&["share", "bin", "repo", "list"]);
    assert!(bin.to_string().contains("gone"), "{bin}");
    share.ok("bin", &["restore", "gone"]);
    share.assert_equal();
    assert_eq!(fs::read_to_string(share.guest.join("gone/below/file")).unwrap(), "precious");
    fs::remove_dir_all(folder.join("gone")).unwrap();
    share.assert_equal();
    share.ok("bin", &["empty"]);
    assert_eq!(share.show()["bin"]["guest"]["entries"], 0);
}

#[test]
fn files_become_directories_and_back() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::write(folder.join("a"), "file").unwrap();
    fs::create_dir(folder.join("b")).unwrap();
    fs::write(folder.join("b/in"), "x").unwrap();
    let share = place.share(&folder, &[]);
    fs::remove_file(folder.join("a")).unwrap();
    fs::create_dir(folder.join("a")).unwrap();
    fs::write(folder.join("a/in"), "y").unwrap();
    share.assert_equal();
    fs::remove_dir_all(share.guest.join("b")).unwrap();
    fs::write(share.guest.join("b"), "file now").unwrap();
    share.assert_equal();
    assert_eq!(fs::read_to_string(folder.join("b")).unwrap(), "file now");
    fs::remove_file(folder.join("b")).unwrap();
    symlink("a", folder.join("b")).unwrap();
    share.assert_equal();
}

#[test]
fn a_file_that_stays_open_crosses_after_a_quiet_moment() {
    use std::io::Write;
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    let mut log = fs::File::create(share.guest.join("log")).unwrap();
    writeln!(log, "line one").unwrap();
    let arrived = || fs::read_to_string(share.host.join("log")).is_ok_and(|found| found == "line one\n");
    eventually(arrived, || "the open log to arrive".to_owned());
    writeln!(log, "line two").unwrap();
    share.wait_until_equal();
    drop(log);
}

#[test]
fn touching_and_making_executable_cross() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::write(folder.join("tool"), "x").unwrap();
    let share = place.share(&folder, &[]);
    fs::set_permissions(folder.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    share.assert_equal();
    assert!(fs::metadata(share.guest.join("tool")).unwrap().permissions().mode() & 0o111 == 0o111);
    let time = std::time::UNIX_EPOCH + Duration::from_secs(1_500_000_000);
    fs::File::options().write(true).open(share.guest.join("tool")).unwrap().set_modified(time).unwrap();
    share.flush();
    eventually(
        || fs::metadata(folder.join("tool")).unwrap().modified().unwrap() == time,
        || "the time to cross".to_owned(),
    );
    assert_eq!(share.show()["conflicts"], 0);
}

#[test]
fn one_way_shares_bring_nothing_to_the_host() {
    let place = Place::new();
    for (mode, kept) in [("one-way-safe", true), ("one-way-replica", false)] {
        let folder = place.folder(mode);
        fs::write(folder.join("from-host"), "h").unwrap();
        let share = place.share(&folder, &["--mode", mode]);
        fs::write(share.guest.join("made-in-guest"), "g").unwrap();
        share.flush();
        assert!(!folder.join("made-in-guest").exists(), "{mode}");
        eventually(
            || share.guest.join("made-in-guest").exists() == kept,
            || format!("{mode}: what the guest made to be kept: {kept}"),
        );
        fs::write(folder.join("from-host"), "h2").unwrap();
        share.flush();
        assert_eq!(fs::read_to_string(share.guest.join("from-host")).unwrap(), "h2");
    }
}

#[test]
fn verification_finds_no_difference_and_names_one_that_is_there() {
    let place = Place::new();
    let folder = place.folder("repo");
    for n in 0..300 {
        fs::write(folder.join(format!("{n}")), format!("{n}")).unwrap();
    }
    let share = place.share(&folder, &[]);
    let verified = share.json("verify");
    assert_eq!((&verified["differ"], &verified["entries"]), (&0.into(), &300.into()), "{verified}");
    // While it rests nothing can be verified; a difference that came then is found when it goes on.
    share.ok("pause", &[]);
    assert_eq!(share.verb("verify", &[]).code, 1);
    share.ok("resume", &[]);
    share.wait_for_state("watching");
}

#[test]
fn a_verification_shows_how_far_it_is_and_ends_when_nobody_wants_it() {
    let place = Place::new();
    let folder = place.folder("images");
    for n in 0..6 {
        // Zeros that take no space, and a second to read.
        fs::File::create(folder.join(format!("{n}"))).unwrap().set_len(1 << 30).unwrap();
    }
    let share = place.share(&folder, &[]);
    let verify = || {
        let mut terminal = Terminal::run(place.command(&["share", "verify", &share.name]));
        terminal.until("of 6 entries");
        assert_eq!(share.show()["verifying"]["entries_total"], 6);
        terminal
    };
    let mut stopped = verify();
    share.ok("verify", &["--stop"]);
    stopped.until("The verification was stopped");
    assert_eq!(stopped.ends(), 1);
    drop(verify());
    eventually(|| share.show()["verifying"].is_null(), || format!("it to end: {}", share.show()));
    assert!(share.show()["verified"].is_null(), "neither came to its end");
}
