//! The life of a share and of an engine: pauses, restarts, removal.

use std::fs;

use causeway_e2e::{Place, Share};

#[test]
fn what_was_changed_during_a_pause_crosses_when_it_ends() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir(folder.join("dir")).unwrap();
    for n in 0..50 {
        fs::write(folder.join(format!("dir/{n}")), "before").unwrap();
    }
    let share = place.share(&folder, &[]);
    share.ok("pause", &[]);
    assert_eq!(share.show()["state"], "paused");
    fs::write(share.host.join("dir/1"), "by the host").unwrap();
    fs::remove_file(share.host.join("dir/2")).unwrap();
    fs::write(share.guest.join("dir/3"), "by the guest").unwrap();
    fs::rename(share.guest.join("dir/4"), share.guest.join("moved")).unwrap();
    // A pause outlives the engine.
    place.ok(&["engine", "stop"]);
    place.ok(&["engine", "start"]);
    assert_eq!(share.show()["state"], "paused");
    assert_eq!(fs::read_to_string(share.guest.join("dir/1")).unwrap(), "before");
    share.ok("resume", &[]);
    share.wait_for_state("watching");
    share.assert_equal();
    assert_eq!(fs::read_to_string(share.guest.join("dir/1")).unwrap(), "by the host");
    assert_eq!(fs::read_to_string(share.host.join("dir/3")).unwrap(), "by the guest");
    assert!(!share.guest.join("dir/2").exists() && share.host.join("moved").exists());
}

#[test]
fn a_restart_compares_and_never_guesses() {
    let place = Place::new();
    let folder = place.folder("repo");
    for n in 0..200 {
        fs::write(folder.join(format!("{n}")), format!("{n}")).unwrap();
    }
    let share = place.share(&folder, &[]);
    place.ok(&["engine", "stop"]);
    fs::write(share.host.join("1"), "by the host").unwrap();
    fs::write(share.guest.join("2"), "by the guest").unwrap();
    fs::remove_file(share.guest.join("3")).unwrap();
    place.ok(&["engine", "start"]);
    let tree = share.assert_equal();
    assert_eq!(tree.len(), 199);
    assert_eq!(fs::read_to_string(share.guest.join("1")).unwrap(), "by the host");
    assert_eq!(fs::read_to_string(share.host.join("2")).unwrap(), "by the guest");
    assert!(!share.host.join("3").exists());
}

#[test]
fn a_machine_is_set_up_before_it_is_first_started() {
    let place = Place::new();
    let settings = place.json(&["machine", "config", "--cpus", "1", "--memory", "600"]);
    assert_eq!((&settings["cpus"], &settings["memory_mib"]), (&1.into(), &600.into()));
    assert!(place.processes().is_empty(), "{:?}", place.processes());
    let begun = || place.home().join("logs/agent.log").exists();
    assert!(!begun(), "a machine ran as it isn't to be");

    place.ok(&["machine", "start"]);
    assert!(begun());
    let engine = place.engine_pid();
    assert_eq!(place.json(&["machine", "config", "--cpus", "2"])["memory_mib"], 600);
    assert_eq!(place.engine_pid(), engine, "an engine that runs goes on");
}

#[test]
fn where_the_copy_stands_is_known_before_the_agent_runs() {
    let place = Place::new();
    let folder = place.folder("repo");
    place.ok(&["machine", "stop"]);
    place.ok(&["share", "create", folder.to_str().unwrap(), "--no-wait"]);
    let share = Share::new(&place, "repo");
    assert_ne!(share.show()["state"], "watching");
    place.ok(&["machine", "start"]);
    let shown = share.wait_for_state("watching");
    assert_eq!(shown["guest_path"], share.guest.to_str().unwrap());
    assert!(share.guest.is_dir());
}

#[test]
fn removing_a_share_leaves_the_host_alone() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::write(folder.join("file"), "x").unwrap();
    let share = place.share(&folder, &[]);
    share.flush();
    share.ok("remove", &[]);
    assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "x");
    assert!(!share.guest.exists(), "the copy in the guest is deleted");
    assert_eq!(place.json(&["share", "list"]), serde_json::json!([]));
    assert_eq!(place.run(&["share", "show", "repo"]).code, 3);
    // The name and the folder are free again.
    place.share(&folder, &[]).assert_equal();
}

#[test]
fn a_share_with_content_of_the_guests_own_is_not_removed_by_mistake() {
    let place = Place::new();
    let folder = place.folder("repo");
    let share = place.share(&folder, &["--mode", "one-way-safe"]);
    fs::write(share.guest.join("precious"), "x").unwrap();
    share.flush();
    let refused = share.verb("remove", &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(share.guest.join("precious").exists());
    share.ok("remove", &["--force"]);
    assert!(!share.guest.exists());
}

#[test]
fn several_shares_live_beside_each_other() {
    let place = Place::new();
    let shares: Vec<_> = (0..4).map(|n| place.share(&place.folder(&format!("repo{n}")), &[])).collect();
    for share in &shares {
        fs::write(share.host.join("file"), &share.name).unwrap();
    }
    for share in &shares {
        share.assert_equal();
        assert_eq!(fs::read_to_string(share.guest.join("file")).unwrap(), share.name);
    }
    assert_eq!(place.json(&["share", "list"]).as_array().unwrap().len(), 4);
    place.ok(&["engine", "stop"]);
    place.ok(&["engine", "start"]);
    for share in &shares {
        fs::write(share.guest.join("file"), "again").unwrap();
        share.assert_equal();
    }
}

#[test]
fn the_doctor_looks_at_everything() {
    let place = Place::new();
    place.share(&place.folder("repo"), &[]);
    let checks = place.json(&["doctor"]).to_string();
    for code in ["agent_binary", "inotify_watches", "home_space", "machine", "share_folder"] {
        assert!(checks.contains(code), "{code}: {checks}");
    }
}

#[test]
fn the_control_socket_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.ok(&["engine", "start"]);
    for (path, mode) in [("run/engine.sock", 0o600), ("run/agent.sock", 0o600), ("run", 0o700)] {
        let found = fs::metadata(place.home().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path}");
    }
}
