//! Changes of both sides at one path.

use std::fs;

use causeway_e2e::{Place, Share, eventually};

/// Makes a conflict at each path: while nothing crosses, both sides write something else.
fn quarrel(share: &Share<'_>, paths: &[&str]) {
    share.ok("pause", &[]);
    for path in paths {
        fs::write(share.host.join(path), format!("host's {path}")).unwrap();
        fs::write(share.guest.join(path), format!("guest's {path}")).unwrap();
    }
    share.ok("resume", &[]);
    let shown = share.wait_for_state("conflict");
    assert_eq!(shown["conflicts"], paths.len(), "{shown}");
}

#[test]
fn conflicts_wait_hold_up_nothing_and_are_settled_each_way() {
    let place = Place::new();
    let folder = place.folder("repo");
    for path in ["a", "b", "c"] {
        fs::write(folder.join(path), "before").unwrap();
    }
    let share = place.share(&folder, &[]);
    quarrel(&share, &["a", "b", "c"]);

    // Everything beside them goes on.
    fs::write(share.host.join("beside"), "x").unwrap();
    assert_eq!(share.verb("flush", &[]).code, 4);
    assert_eq!(fs::read_to_string(share.guest.join("beside")).unwrap(), "x");
    let listed = share.json("conflicts").to_string();
    for path in ["\"a\"", "\"b\"", "\"c\""] {
        assert!(listed.contains(path), "{listed}");
    }

    share.ok("resolve", &["a", "--keep", "host"]);
    share.ok("resolve", &["b", "--keep", "guest"]);
    share.ok("resolve", &["c", "--keep", "both"]);
    share.wait_for_state("watching");
    let tree = share.assert_equal();
    assert_eq!(fs::read_to_string(share.host.join("a")).unwrap(), "host's a");
    assert_eq!(fs::read_to_string(share.host.join("b")).unwrap(), "guest's b");
    let kept: Vec<String> = tree.keys().map(|path| fs::read_to_string(share.host.join(path)).unwrap()).collect();
    assert!(kept.contains(&"host's c".to_owned()) && kept.contains(&"guest's c".to_owned()), "{kept:?}");
    assert_eq!(share.verb("resolve", &["a", "--keep", "host"]).code, 4, "there is none any more");
}

#[test]
fn all_conflicts_are_settled_at_once() {
    let place = Place::new();
    let folder = place.folder("repo");
    let names: Vec<String> = (0..300).map(|n| format!("file{n:03}")).collect();
    for name in &names {
        fs::write(folder.join(name), "before").unwrap();
    }
    let share = place.share(&folder, &[]);
    let paths: Vec<&str> = names.iter().map(String::as_str).collect();
    quarrel(&share, &paths);
    let listed = share.json("conflicts").to_string();
    assert!(names.iter().all(|name| listed.contains(name.as_str())), "every page is listed");
    share.ok("resolve", &["--all", "--keep", "guest"]);
    share.wait_for_state("watching");
    share.assert_equal();
    assert_eq!(fs::read_to_string(share.host.join("file123")).unwrap(), "guest's file123");
}

#[test]
fn a_conflict_that_resolves_itself_disappears() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::write(folder.join("a"), "before").unwrap();
    let share = place.share(&folder, &[]);
    quarrel(&share, &["a"]);
    fs::write(share.guest.join("a"), "host's a").unwrap();
    share.wait_for_state("watching");
    assert_eq!(share.show()["conflicts"], 0);
}

#[test]
fn an_edit_beats_a_deletion() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir_all(folder.join("dir/below")).unwrap();
    for n in 0..20 {
        fs::write(folder.join(format!("dir/below/{n}")), "before").unwrap();
    }
    fs::write(folder.join("beside"), "x").unwrap();
    let share = place.share(&folder, &[]);
    share.ok("pause", &[]);
    fs::remove_dir_all(share.host.join("dir")).unwrap();
    fs::write(share.guest.join("dir/below/7"), "edited").unwrap();
    share.ok("resume", &[]);
    share.wait_for_state("watching");
    let tree = share.assert_equal();
    assert_eq!(tree.len(), 4, "just what was edited comes back: {tree:?}");
    assert_eq!(fs::read_to_string(share.host.join("dir/below/7")).unwrap(), "edited");
}

#[test]
fn the_host_wins_where_the_share_says_so() {
    let place = Place::new();
    let folder = place.folder("repo");
    for path in ["a", "b"] {
        fs::write(folder.join(path), "before").unwrap();
    }
    let share = place.share(&folder, &["--mode", "two-way-resolved"]);
    share.ok("pause", &[]);
    fs::write(share.host.join("a"), "host's").unwrap();
    fs::write(share.guest.join("a"), "guest's").unwrap();
    fs::remove_file(share.host.join("b")).unwrap();
    fs::write(share.guest.join("b"), "guest's").unwrap();
    share.ok("resume", &[]);
    share.wait_for_state("watching");
    share.assert_equal();
    assert_eq!(fs::read_to_string(share.guest.join("a")).unwrap(), "host's");
    assert!(!share.guest.join("b").exists());
    let listed = || share.json("bin").to_string();
    eventually(|| place.json(&["share", "bin", "repo", "list"]).to_string().contains("\"a\""), listed);
}

#[test]
fn a_path_whose_place_is_taken_crosses_under_another_name() {
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    fs::create_dir(share.host.join("run")).unwrap();
    share.flush();
    let fifo = std::process::Command::new("mkfifo").arg(share.host.join("run/socket")).status().unwrap();
    assert!(fifo.success());
    fs::write(share.guest.join("run/socket"), "the guest's").unwrap();
    fs::write(share.guest.join("run/other"), "other").unwrap();
    let shown = share.wait_for_state("problem");
    assert_eq!(shown["worst_problem"]["code"], "occupied_by_untracked", "{shown}");
    assert_eq!(shown["worst_problem"]["side"], "host", "{shown}");

    let taken = share.verb("rename-path", &["run/socket", "other", "--side", "guest"]);
    assert!(taken.code != 0 && taken.err.contains("something stands at \"run/other\""), "{taken:?}");
    let absent = share.verb("rename-path", &["run/none", "new", "--side", "guest"]);
    assert!(absent.code != 0 && absent.err.contains("nothing stands at \"run/none\""), "{absent:?}");
    share.ok("rename-path", &["run/socket", "socket.txt", "--side", "guest"]);
    share.wait_for_state("watching");
    share.flush();
    for side in [&share.host, &share.guest] {
        assert_eq!(fs::read_to_string(side.join("run/socket.txt")).unwrap(), "the guest's");
        assert_eq!(fs::read_to_string(side.join("run/other")).unwrap(), "other");
    }
    assert!(!share.guest.join("run/socket").exists());
}
