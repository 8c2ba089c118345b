//! Disks that are full, and disks that can't be written: problems that resolve themselves, and nothing half-written.

use std::fs;
use std::path::{Path, PathBuf};

use causeway_e2e::disk::may_mount;
use causeway_e2e::{Disk, Node, Place, Random, Share, Tree, eventually, snapshot};
use serde_json::Value;

/// Bytes of each file of a tree that is too large.
const FILE_BYTES: usize = 1_000_000;
/// MiB of a disk that is too small for such a tree, and of one that isn't.
const SMALL: u64 = 24;
const LARGE: u64 = 128;

/// Writes a tree that is larger than a small disk.
fn write_tree(folder: &Path) -> Tree {
    let mut random = Random::new(1);
    for number in 0..40 {
        let dir = folder.join(format!("tree/{}", number % 4));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(format!("{number}")), random.bytes(FILE_BYTES)).unwrap();
    }
    snapshot(&folder.join("tree")).unwrap()
}

/// Every file of the tree that stands in a copy is whole.
fn assert_nothing_is_half_written(tree: &Tree, copy: &Path) {
    let copy = snapshot(&copy.join("tree")).unwrap();
    let files = copy.iter().filter(|(_, node)| matches!(node, Node::File { .. }));
    assert!((1..40).contains(&files.clone().count()), "a part of it was copied: {copy:?}");
    for (path, node) in files {
        assert_eq!(tree.get(path), Some(node), "{}", path.display());
    }
}

/// The share shows a problem of this code on this side, with what a person needs to know of it.
fn wait_for_problem(share: &Share<'_>, code: &str, side: &str) -> Value {
    let mut found = None;
    eventually(
        || {
            let problems = share.json("problems");
            let items = problems.as_array().unwrap_or_else(|| panic!("{problems}"));
            found = items.iter().find(|item| item["code"] == code && item["side"] == side).cloned();
            found.is_some()
        },
        || format!("{code} on the {side}: {}", share.show()),
    );
    let found = found.unwrap();
    assert!(found["remedy"]["sentence"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{found}");
    found
}

/// Whatever its state is meanwhile, the share says that space is missing, and what to do about it.
fn wait_until_it_says_why(share: &Share<'_>) {
    let says_why = |shown: &Value| {
        let detail = shown["detail"].as_str().unwrap_or_default().to_lowercase();
        let remedy = shown["remedy"]["sentence"].as_str().unwrap_or_default();
        detail.contains("no space") && remedy.contains("Free space")
    };
    eventually(|| says_why(&share.show()), || format!("the reason to be shown: {}", share.show()));
}

/// An edit of a file on either side reaches the other one.
fn assert_edits_go_on(share: &Share<'_>, path: &str) {
    for (side, other) in [(&share.host, &share.guest), (&share.guest, &share.host)] {
        let text = format!("edited in {}", side.display());
        fs::write(side.join(path), &text).unwrap();
        let crossed = || fs::read_to_string(other.join(path)).is_ok_and(|found| found == text);
        eventually(crossed, || format!("{path} in {}: {}", other.display(), share.show()));
        // It is known to have crossed, too.
        eventually(|| share.show()["pending"] == 0, || format!("{path} to be dealt with: {}", share.show()));
    }
}

/// Everything has resolved itself, by the same processes as before.
fn assert_recovered(place: &Place, share: &Share<'_>, processes: (u32, u32)) {
    share.wait_for_state("watching");
    share.assert_equal();
    let shown = share.show();
    assert_eq!((&shown["conflicts"], &shown["problems"]), (&Value::from(0), &Value::from(0)), "{shown}");
    assert_eq!(self::processes(place), processes, "{}", place.log_end());
    let log = fs::read_to_string(place.home().join("logs/engine.log")).unwrap();
    assert!(!log.contains("panicked") && !log.contains("broke down"), "{log}");
}

fn processes(place: &Place) -> (u32, u32) {
    (place.engine_pid(), place.agent_pid())
}

#[test]
fn a_full_disk_in_the_guest_is_a_problem_that_resolves_itself() {
    if !may_mount("disks::a_full_disk_in_the_guest_is_a_problem_that_resolves_itself") {
        return;
    }
    let place = Place::new();
    let disk = place.disk("home/machine/local", SMALL);
    let folder = place.folder("repo");
    fs::write(folder.join("small"), "before").unwrap();
    let tree = write_tree(&folder);
    let refused = place.run(&["share", "create", folder.to_str().unwrap()]);
    assert_eq!(refused.code, 4, "{refused:?}");
    let share = Share::new(&place, "repo");
    let processes = processes(&place);
    let problem = wait_for_problem(&share, "no_space", "guest");
    assert!(problem["path"].as_str().unwrap().starts_with("tree/"), "{problem}");
    assert_nothing_is_half_written(&tree, &share.guest);
    assert_edits_go_on(&share, "small");

    // Not even what is known of the copy can be written down.
    disk.fill();
    fs::write(share.host.join("small"), "while it is full").unwrap();
    fs::write(share.host.join("new"), "while it is full").unwrap();
    fs::remove_file(share.host.join("tree/0/0")).unwrap();
    let shown = share.wait_for_state("problem");
    assert!(shown["detail"].as_str().unwrap().contains("No space is left in the guest"), "{shown}");
    assert_nothing_is_half_written(&tree, &share.guest);

    disk.resize(LARGE);
    assert_recovered(&place, &share, processes);

    // The next agent finds no room either.
    disk.fill();
    place.kill_agent();
    fs::write(share.host.join("small"), "while it is full again").unwrap();
    wait_until_it_says_why(&share);
    disk.free();
    share.wait_for_state("watching");
    share.assert_equal();
}

#[test]
fn a_full_disk_on_the_host_is_a_problem_that_resolves_itself() {
    if !may_mount("disks::a_full_disk_on_the_host_is_a_problem_that_resolves_itself") {
        return;
    }
    let place = Place::new();
    let disk = place.disk("repo", SMALL);
    let share = place.share(&place.folder("repo"), &[]);
    fs::write(share.host.join("small"), "before").unwrap();
    let processes = processes(&place);
    let tree = write_tree(&share.guest);
    let problem = wait_for_problem(&share, "no_space", "host");
    assert!(problem["path"].as_str().unwrap().starts_with("tree/"), "{problem}");
    share.wait_for_state("problem");
    assert_nothing_is_half_written(&tree, &share.host);
    assert_edits_go_on(&share, "small");

    disk.resize(LARGE);
    assert_recovered(&place, &share, processes);
}

#[test]
fn a_full_disk_below_causeway_itself_loses_nothing() {
    if !may_mount("disks::a_full_disk_below_causeway_itself_loses_nothing") {
        return;
    }
    let place = Place::new();
    let disk = place.disk("home", SMALL);
    let folder = place.folder("repo");
    for number in 0..200 {
        fs::write(folder.join(format!("{number}")), "before").unwrap();
    }
    let share = place.share(&folder, &[]);
    share.flush();
    let processes = processes(&place);
    disk.fill();
    for number in 0..100 {
        fs::write(share.host.join(format!("{number}")), format!("edited while it is full: {number}")).unwrap();
        fs::write(share.host.join(format!("new-{number}")), "made while it is full").unwrap();
    }
    fs::remove_file(share.host.join("150")).unwrap();
    fs::rename(share.host.join("160"), share.host.join("renamed")).unwrap();
    fs::remove_file(share.guest.join("170")).unwrap();
    wait_until_it_says_why(&share);
    for number in 0..100 {
        let copy = fs::read_to_string(share.guest.join(format!("{number}"))).unwrap();
        assert!(copy == "before" || copy == format!("edited while it is full: {number}"), "{number}: {copy}");
    }
    disk.free();
    // What was taken out of the folder waits there until the recycle bin, which is on that disk, has room.
    let waits = share.host.join(".causeway-tmp-staging");
    eventually(|| !waits.exists(), || format!("nothing to wait: {:?}", fs::read_dir(&waits)));
    assert_recovered(&place, &share, processes);
    assert_eq!(snapshot(&share.host).unwrap().len(), 200 + 100 - 2);

    // The same over a restart, which has to wait for space.
    disk.fill();
    fs::write(share.host.join("edited"), "while it is full").unwrap();
    place.ok(&["engine", "stop"]);
    fs::remove_file(share.host.join("1")).unwrap();
    let refused = place.run(&["engine", "start"]);
    assert!(refused.code != 0 && refused.err.contains("No space left"), "{refused:?}");
    disk.free();
    place.ok(&["engine", "start"]);
    let processes = self::processes(&place);
    assert_recovered(&place, &share, processes);
    assert!(share.guest.join("edited").exists() && !share.guest.join("1").exists());
}

#[test]
fn a_host_folder_that_turns_read_only_is_a_problem_that_resolves_itself() {
    if !may_mount("disks::a_host_folder_that_turns_read_only_is_a_problem_that_resolves_itself") {
        return;
    }
    let place = Place::new();
    let disk = place.disk("repo", SMALL);
    let share = shared_to_turn_read_only(&place);
    turns_read_only(&place, &share, &disk, Side::Host);
}

#[test]
fn a_copy_in_the_guest_that_turns_read_only_is_a_problem_that_resolves_itself() {
    if !may_mount("disks::a_copy_in_the_guest_that_turns_read_only_is_a_problem_that_resolves_itself") {
        return;
    }
    let place = Place::new();
    let share = shared_to_turn_read_only(&place);
    // The copy alone: a disk that is being written, as the agent's own files are, can't be made read-only.
    place.ok(&["machine", "stop"]);
    let disk = place.disk_over(&share.guest);
    place.ok(&["machine", "start"]);
    share.wait_for_state("watching");
    turns_read_only(&place, &share, &disk, Side::Guest);
}

fn shared_to_turn_read_only(place: &Place) -> Share<'_> {
    let folder = place.folder("repo");
    for name in ["edited", "removed", "renamed"] {
        fs::write(folder.join(name), name).unwrap();
    }
    let share = place.share(&folder, &[]);
    share.flush();
    share
}

/// Which side's disk is the matter.
#[derive(Clone, Copy)]
enum Side {
    Host,
    Guest,
}

fn turns_read_only(place: &Place, share: &Share<'_>, disk: &Disk, side: Side) {
    let (here, there, name) = match side {
        Side::Host => (&share.host, &share.guest, "host"),
        Side::Guest => (&share.guest, &share.host, "guest"),
    };
    disk.make_read_only();
    fs::write(there.join("edited"), "edited on the other side").unwrap();
    fs::write(there.join("new"), "new on the other side").unwrap();
    fs::remove_file(there.join("removed")).unwrap();
    fs::rename(there.join("renamed"), there.join("renamed-by-now")).unwrap();
    assert_is_shown_read_only(share, name);
    // The next start finds a disk of which it can't even find out what it can do.
    place.ok(&["engine", "stop"]);
    place.ok(&["engine", "start"]);
    let processes = processes(place);
    assert_is_shown_read_only(share, name);
    assert_eq!(fs::read_to_string(here.join("edited")).unwrap(), "edited");
    assert_eq!(fs::read_to_string(there.join("edited")).unwrap(), "edited on the other side");
    assert!(here.join("removed").exists() && !there.join("removed").exists());

    disk.make_writable();
    assert_recovered(place, share, processes);
    assert_eq!(fs::read_to_string(here.join("edited")).unwrap(), "edited on the other side");
    let names: Vec<_> = snapshot(here).unwrap().into_keys().collect();
    assert_eq!(names, ["edited", "new", "renamed-by-now"].map(PathBuf::from));
}

/// Each path that can't cross is listed, and the reason is in the first line that a person sees.
fn assert_is_shown_read_only(share: &Share<'_>, side: &str) {
    share.wait_for_state("problem");
    let mut listed = Vec::new();
    eventually(
        || {
            let problems = share.json("problems");
            let of_side = |item: &&Value| item["code"] == "read_only" && item["side"] == side;
            let paths = problems.as_array().unwrap().iter().filter(of_side).map(|item| item["path"].as_str().unwrap());
            listed = paths.map(str::to_owned).collect();
            listed == ["edited", "new", "removed", "renamed", "renamed-by-now"]
        },
        || format!("all problems: {}", share.json("problems")),
    );
    let shown = share.show();
    assert!(shown["detail"].as_str().unwrap().contains("mounted read-only"), "{shown}");
    assert!(!shown["remedy"].is_null(), "{shown}");
}

#[test]
fn a_share_on_a_read_only_or_full_disk_is_refused_and_nothing_changes() {
    if !may_mount("disks::a_share_on_a_read_only_or_full_disk_is_refused_and_nothing_changes") {
        return;
    }
    let place = Place::new();
    let (home, folder) = (place.disk("home", SMALL), place.folder("repo"));
    let refused = |says: &str| {
        let ran = place.run(&["share", "create", folder.to_str().unwrap()]);
        assert!(ran.code != 0 && ran.err.to_lowercase().contains(says), "{says}: {ran:?}");
        ran
    };
    // No engine runs yet, and none can.
    home.make_read_only();
    refused("read-only file system");
    assert_eq!(fs::read_dir(place.home()).unwrap().count(), 0);
    home.make_writable();
    home.fill();
    refused("no space left");
    home.free();
    // An engine runs.
    place.ok(&["engine", "start"]);
    home.fill();
    let ran = refused("no space left");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(place.json(&["share", "list"]), serde_json::json!([]));
    home.free();

    // A folder that can't be written may only be a source.
    let disk = place.disk("repo", SMALL);
    fs::write(folder.join("file"), "x").unwrap();
    disk.make_read_only();
    refused("read-only");
    assert_eq!(place.json(&["share", "list"]), serde_json::json!([]));
    let share = place.share(&folder, &["--mode", "one-way-replica"]);
    share.assert_equal();
    share.ok("remove", &[]);
    disk.make_writable();
    place.share(&folder, &[]).assert_equal();
}
