//! Swarm services on shares.

use std::fs;
use std::path::Path;

use causeway_e2e::dockerd::BUSYBOX;
use causeway_e2e::{Docked, HasDocker, eventually};

#[test]
fn services_use_shares() {
    let docked = Docked::new();
    let folder = docked.place.folder("repo");
    fs::create_dir_all(folder.join("sub/other")).unwrap();
    fs::write(folder.join("sub/file"), "content").unwrap();
    let share = docked.place.share(&folder, &[]);
    docked.docker_ok(&["swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:0"]);
    let mount = |path: &Path, at: &str| format!("type=bind,src={},dst={at}", path.display());
    let words = ["service", "create", "--detach", "--no-resolve-image", "--network", "host", "--name", "s1", "--mount"];
    let outside = mount(&docked.place.folder("outside"), "/app");
    let refused = docked.docker_fails(&[&words[..], &[&outside, BUSYBOX, "sleep", "1000"]].concat());
    assert!(refused.contains("no share covers"), "{refused}");
    let sub = folder.join("sub");
    docked.docker_ok(&[&words[..], &[&mount(&sub, "/app"), BUSYBOX, "sleep", "1000"]].concat());
    let task = || docked.docker_ok(&["ps", "-q", "--filter", "name=s1", "--filter", "status=running"]);
    let has = |file: &str| {
        let tasks = task();
        let ran = tasks.lines().next().map(|task| docked.run_docker(&["exec", task, "cat", file]));
        ran.is_some_and(|ran| ran.code == 0 && ran.out == "content")
    };
    eventually(|| has("/app/file"), || docked.docker_ok(&["service", "ps", "--no-trunc", "s1"]));

    let (sub, guest) = (sub.to_str().unwrap(), share.guest.join("sub"));
    for (path, place) in [
        ("/services/s1", "/Spec/TaskTemplate/ContainerSpec/Mounts/0/Source"),
        ("/services", "/0/Spec/TaskTemplate/ContainerSpec/Mounts/0/Source"),
        ("/tasks", "/0/Spec/ContainerSpec/Mounts/0/Source"),
    ] {
        assert_eq!(docked.get(path).pointer(place).unwrap(), sub, "{path}");
        assert_eq!(docked.get_direct(path).pointer(place).unwrap(), guest.to_str().unwrap(), "{path}");
    }
    eventually(
        || share.show()["containers"].as_array().unwrap().iter().any(|task| task["mounted_at"] == "/app"),
        || share.show().to_string(),
    );
    // What it had is sent again with what is added, by the names that it was shown.
    fs::write(folder.join("sub/other/file"), "content").unwrap();
    let other = mount(&folder.join("sub/other"), "/other");
    docked.docker_ok(&["service", "update", "--detach", "--no-resolve-image", "--mount-add", &other, "s1"]);
    eventually(|| has("/other/file") && has("/app/file"), || docked.docker_ok(&["service", "ps", "--no-trunc", "s1"]));
    docked.docker_ok(&["service", "rm", "s1"]);
    docked.docker_ok(&["swarm", "leave", "--force"]);
}
