//! Containers on shares: a real docker command, the proxy, and a real Docker Engine of the test's own.

pub mod bound_files;
pub mod edits;
mod services;
mod streams;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use causeway_e2e::dockerd::BUSYBOX;
use causeway_e2e::{Docked, HasDocker, Share, eventually};

/// What `-v` says.
pub fn bind(host: &Path, at: &str) -> String {
    format!("{}:{at}", host.display())
}

/// A docker command at work. Killed at its end.
pub struct Running(pub Child);

impl Running {
    pub fn start(docked: &dyn HasDocker, arguments: &[&str]) -> Self {
        let mut docker = docked.docker(arguments);
        Self(docker.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Reads until its output contains this.
    pub fn wait_for(&mut self, part: &str) -> String {
        let (mut output, mut piece) = (String::new(), [0; 1024]);
        while !output.contains(part) {
            let bytes = self.0.stdout.as_mut().unwrap().read(&mut piece).unwrap();
            assert_ne!(bytes, 0, "it ended before {part:?}: {output}");
            output.push_str(&String::from_utf8_lossy(&piece[..bytes]));
        }
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn binds_lead_to_shares_and_answers_back_to_the_host() {
    let docked = Docked::new();
    let folder = docked.place.folder("repo");
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/file"), "host\n").unwrap();
    std::os::unix::fs::symlink(&folder, docked.place.base().join("link")).unwrap();
    let share = docked.place.share(&folder, &[]);

    assert_eq!(docked.sh(&bind(&folder, "/app"), "cat /app/sub/file; echo guest > /app/made"), "host\n");
    share.flush();
    assert_eq!(fs::read_to_string(folder.join("made")).unwrap(), "guest\n");

    let (link, sub) = (docked.place.base().join("link"), folder.join("sub"));
    let mount = format!("type=bind,src={},dst=/sub,readonly", sub.display());
    let volume = format!("device={}", sub.display());
    docked.docker_ok(&["volume", "create", "vol", "-o", "type=none", "-o", "o=bind", "-o", &volume]);
    let mut events = Running::start(&docked, &["events"]);
    let script = "cat /sub/file /v/file; sleep 1000";
    docked.docker_ok(&[
        "run",
        "-d",
        "--name",
        "c1",
        "--network",
        "none",
        "-v",
        &bind(&link, "/app:ro,z"),
        "--mount",
        &mount,
        "-v",
        "vol:/v",
        BUSYBOX,
        "sh",
        "-c",
        script,
    ]);
    eventually(|| docked.docker_ok(&["logs", "c1"]) == "host\nhost\n", || docked.docker_ok(&["logs", "c1"]));
    let inspected = docked.get("/containers/c1/json");
    let given = bind(&link, "/app:ro,z").into();
    assert!(inspected["HostConfig"]["Binds"].as_array().unwrap().contains(&given), "as it was given: {inspected}");
    assert_eq!(inspected["HostConfig"]["Mounts"][0]["Source"], sub.to_str().unwrap());
    assert_eq!(docked.get("/v1.41/volumes/vol")["Options"]["device"], sub.to_str().unwrap());
    let guest = share.guest.to_str().unwrap();
    for path in ["/containers/c1/json", "/v1.41/containers/json?all=1", "/volumes", "/volumes/vol", "/system/df"] {
        let (shown, direct) = (docked.get(path).to_string(), docked.get_direct(path).to_string());
        assert!(!shown.contains(guest) && shown.contains(folder.to_str().unwrap()), "{path}: {shown}");
        assert!(direct.contains(guest), "{path}: {direct}");
    }
    let told = events.wait_for("container start");
    assert!(!told.contains(guest), "{told}");
    docked.docker_ok(&["rm", "-f", "c1"]);
}

#[test]
fn a_bind_that_would_lead_to_a_wrong_place_is_refused() {
    let docked = Docked::new();
    let (folder, other) = (docked.place.folder("repo"), docked.place.folder("other"));
    fs::create_dir_all(folder.join("ignored/deep")).unwrap();
    fs::write(folder.join(".syncignore"), "ignored\n").unwrap();
    std::os::unix::fs::symlink(&other, folder.join("out")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("dangling")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.join("s")).unwrap();
    docked.place.share(&folder, &[]);

    let create = |more: &[&str]| {
        let mut words = vec!["create", "--network", "none"];
        words.extend(more);
        words.extend([BUSYBOX, "true"]);
        docked.docker_fails(&words)
    };
    let mount = |path: &Path| format!("type=bind,src={},dst=/app", path.display());
    for (path, why) in [
        (other.clone(), "no share covers"),
        (other.join("missing"), "no share covers"),
        (folder.join("out"), "no share covers"),
        (folder.join("out/x"), "no share covers"),
        (folder.join("../other"), "no share covers"),
        (folder.join("dangling"), "leads nowhere"),
        (folder.join("ignored"), "left out of the share"),
        (folder.join("ignored/deep"), "left out of the share"),
        (folder.join("s"), "neither a file nor a directory"),
        ("/etc".into(), "outside of the folders"),
        ("/".into(), "outside of the folders"),
    ] {
        let said = create(&["-v", &bind(&path, "/app")]);
        assert!(said.contains(why), "{}: {said}", path.display());
    }
    let said = create(&["--mount", &mount(&folder.join("missing"))]);
    assert!(said.contains("bind source path does not exist"), "{said}");
    let said = create(&["-v", &bind(Path::new("/etc"), "/app:consistent")]);
    assert!(said.contains("outside of the folders"), "{said}");
    assert!(!other.join("missing").exists() && !folder.join("missing").exists());
    assert_eq!(docked.get_direct("/containers/json?all=1").as_array().unwrap().len(), 0);

    // As on Docker's own host.
    docked.docker_ok(&["create", "--network", "none", "-v", &bind(&folder.join("new/dir"), "/app"), BUSYBOX, "true"]);
    assert!(folder.join("new/dir").is_dir());
    // The host's own, whatever the share has: Docker runs on this computer.
    fs::write(folder.join("ignored/file"), "own").unwrap();
    let own = bind(&folder.join("ignored"), "/app:consistent");
    assert_eq!(docked.sh(&own, "cat /app/file; echo -n written > /app/file"), "own");
    assert_eq!(fs::read_to_string(folder.join("ignored/file")).unwrap(), "written");
    let own = format!("{},consistency=consistent", mount(&other));
    docked.docker_ok(&["create", "--name", "own", "--network", "none", "--mount", &own, BUSYBOX, "true"]);
    let mounts = docked.get("/containers/own/json")["HostConfig"]["Mounts"].clone();
    assert_eq!(mounts[0]["Source"], other.to_str().unwrap());
    // The machine's own places, and Docker's.
    let script = "test -e /p/version && test -S /run/d.sock && echo yes";
    let binds = ["-v", "/proc:/p", "-v", "/var/run/docker.sock:/run/d.sock"];
    let words = [&["run", "--rm", "--network", "none"][..], &binds, &[BUSYBOX, "sh", "-c", script]].concat();
    assert_eq!(docked.docker_ok(&words), "yes\n");
}

#[test]
fn a_share_tells_which_containers_have_it() {
    let mut docked = Docked::new();
    let folder = docked.place.folder("repo");
    fs::create_dir(folder.join("sub")).unwrap();
    docked.place.share(&folder, &[]);
    let users = |docked: &Docked| {
        let shown = Share::new(&docked.place, "repo").show();
        let containers = shown["containers"].as_array().unwrap().iter();
        let told = containers.map(|c| format!("{} {} {}", c["name"], c["state"], c["mounted_at"]).replace('"', ""));
        told.collect::<Vec<_>>().join(", ")
    };
    let wait_for = |docked: &Docked, expected: &str| {
        eventually(
            || users(docked) == expected,
            || format!("{expected:?}, but: {:?}\n{}", users(docked), docked.place.log_end()),
        );
    };
    let run = |name: &str, bind: &str| {
        docked.docker_ok(&["run", "-d", "--name", name, "--network", "none", "-v", bind, BUSYBOX, "sleep", "1000"]);
    };
    run("web", &bind(&folder, "/app"));
    run("worker", &bind(&folder.join("sub"), "/sub:ro"));
    wait_for(&docked, "web running /app, worker running /sub");
    docked.docker_ok(&["rename", "worker", "helper"]);
    docked.docker_ok(&["stop", "-t", "0", "web"]);
    wait_for(&docked, "helper running /sub, web exited /app");

    let ran = docked.place.run(&["share", "remove", "repo"]);
    assert!(ran.code == 1 && ran.err.contains("helper, web") && ran.err.contains("--force"), "{ran:?}");

    docked.place.kill_engine();
    docked.place.ok(&["engine", "start"]);
    wait_for(&docked, "helper running /sub, web exited /app");
    docked.dockerd.end();
    wait_for(&docked, "");
    docked.dockerd.again();
    docked.docker_ok(&["start", "web"]);
    wait_for(&docked, "web running /app, helper exited /sub");
    docked.docker_ok(&["rm", "-f", "helper"]);
    wait_for(&docked, "web running /app");
    a_share_that_was_removed_is_no_empty_folder(&docked, &folder);
    wait_for(&docked, "");
    docked.place.ok(&["share", "remove", "repo"]);
}

/// Docker would make one where its copy was.
fn a_share_that_was_removed_is_no_empty_folder(docked: &Docked, folder: &Path) {
    fs::write(folder.join("file"), "content").unwrap();
    docked.place.ok(&["share", "remove", "repo", "--force"]);
    let shown =
        docked.docker_ok(&["inspect", "--format", "{{range .Mounts}}{{.Source}}{{end}} {{.HostConfig.Binds}}", "web"]);
    assert_eq!(shown.trim(), format!("{} [{}]", folder.display(), bind(folder, "/app")));
    docked.place.share(folder, &[]);
    for again in ["start", "restart"] {
        docked.run_docker(&["stop", "-t", "0", "web"]);
        let said = docked.docker_fails(&[again, "web"]);
        assert!(said.contains("was removed") && said.contains("--force-recreate"), "{said}");
    }
    docked.docker_ok(&["rm", "-f", "web"]);
    assert_eq!(docked.sh(&bind(folder, "/app"), "cat /app/file"), "content");
}

#[test]
fn containers_see_what_was_changed_before_they_started() {
    let docked = Docked::new();
    let folder = docked.place.folder("repo");
    fs::write(folder.join("file"), "0").unwrap();
    let share = docked.place.share(&folder, &[]);
    let app = bind(&folder, "/app");
    docked.docker_ok(&["run", "-d", "--name", "c1", "--network", "none", "-v", &app, BUSYBOX, "sleep", "1000"]);
    edits::a_command_sees_a_burst_of_edits(&docked, &folder, 10);
    edits::a_watching_process_sees_an_edit(&docked, &folder);
    a_new_file_can_be_bound_at_once(&docked, &folder);
    a_wait_is_bounded_and_can_be_turned_off(&docked, &share, &app);
    docked.docker_ok(&["rm", "-f", "c1"]);
}

fn a_new_file_can_be_bound_at_once(docked: &Docked, folder: &Path) {
    for number in 0..10 {
        let file = folder.join(format!("new {number}.conf"));
        fs::write(&file, "content").unwrap();
        assert_eq!(docked.sh(&bind(&file, "/conf"), "cat /conf"), "content");
    }
}

fn a_wait_is_bounded_and_can_be_turned_off(docked: &Docked, share: &Share<'_>, app: &str) {
    let label = ["run", "-d", "--name", "off", "--label", "causeway.barrier=off", "--network", "none", "-v", app];
    docked.docker_ok(&[&label[..], &[BUSYBOX, "sleep", "1000"]].concat());
    docked.place.ok(&["docker", "config", "--barrier", "3"]);
    let agent = rustix::process::Pid::from_raw(docked.place.agent_pid().cast_signed()).unwrap();
    rustix::process::kill_process(agent, rustix::process::Signal::STOP).unwrap();
    fs::write(share.host.join("file"), "late").unwrap();
    let timed = |arguments: &[&str]| {
        let begun = Instant::now();
        docked.docker_ok(arguments);
        begun.elapsed()
    };
    let off = timed(&["exec", "off", "true"]);
    let on = timed(&["exec", "c1", "true"]);
    // A file that isn't there yet would become a directory.
    fs::write(share.host.join("newest"), "").unwrap();
    let newest = bind(&share.host.join("newest"), "/conf");
    let said = docked.docker_fails(&["create", "--network", "none", "-v", &newest, BUSYBOX, "true"]);
    rustix::process::kill_process(agent, rustix::process::Signal::CONT).unwrap();
    assert!(off < Duration::from_secs(3), "{off:?}");
    assert!(on >= Duration::from_secs(3), "{on:?}");
    assert!(said.contains("isn't up to date"), "{said}");
    // The one that wants no wait isn't late, and the other is until it has waited.
    let behind = || {
        let containers = share.show()["containers"].as_array().unwrap().clone();
        let behind = containers.iter().filter(|container| !container["behind_since"].is_null());
        behind.map(|container| container["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually(|| behind() == ["c1"], || format!("{:?}", behind()));
    let shown = docked.place.ok(&["share", "show", "repo"]);
    assert!(shown.contains("without the latest changes"), "{shown}");
    share.flush();
    assert_eq!(docked.docker_ok(&["exec", "c1", "cat", "/app/file"]), "late");
    eventually(|| behind().is_empty(), || format!("{:?}", behind()));
    docked.docker_ok(&["rm", "-f", "off"]);
}
