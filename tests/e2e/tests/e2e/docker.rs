//! Containers on shares: a real docker command, the proxy, and a real Docker Engine of the test's own.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use causeway_e2e::dockerd::{BUSYBOX, DOCKER_LIMIT};
use causeway_e2e::{Docked, Share, eventually};

fn bind(host: &Path, at: &str) -> String {
    format!("{}:{at}", host.display())
}

/// A docker command at work. Killed at its end.
struct Running(Child);

impl Running {
    fn start(docked: &Docked, arguments: &[&str]) -> Self {
        let mut docker = docked.docker(arguments);
        Self(docker.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Reads until its output contains this.
    fn wait_for(&mut self, part: &str) -> String {
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
    let said = create(&["-v", &bind(&folder, "/app:consistent")]);
    assert!(said.contains("consistent"), "{said}");
    let said = create(&["--mount", &format!("{},consistency=consistent", mount(&folder))]);
    assert!(said.contains("consistent"), "{said}");
    assert!(!other.join("missing").exists() && !folder.join("missing").exists());
    assert_eq!(docked.get_direct("/containers/json?all=1").as_array().unwrap().len(), 0);

    // As on Docker's own host.
    docked.docker_ok(&["create", "--network", "none", "-v", &bind(&folder.join("new/dir"), "/app"), BUSYBOX, "true"]);
    assert!(folder.join("new/dir").is_dir());
    // The machine's own places, and Docker's.
    let script = "test -e /p/version && test -S /run/d.sock && echo yes";
    let binds = ["-v", "/proc:/p", "-v", "/var/run/docker.sock:/run/d.sock"];
    let words = [&["run", "--rm", "--network", "none"][..], &binds, &[BUSYBOX, "sh", "-c", script]].concat();
    assert_eq!(docked.docker_ok(&words), "yes\n");
}

#[test]
fn streams_are_carried_both_ways_and_end_as_they_should() {
    let mut docked = Docked::new();
    docked.docker_ok(&["run", "-d", "--name", "c1", "--network", "none", BUSYBOX, "sleep", "1000"]);
    input_arrives_to_its_end(&docked);
    both_forms_of_a_stream(&docked);
    requests_follow_on_one_connection(&docked);
    logs_come_as_they_are_written(&docked);
    files_and_images_are_carried_whole(&docked);
    clients_that_leave_leave_nothing(&docked);
    the_engine_is_killed_amid_a_stream(&docked);
    docked.dockerd.end();
    docked.dockerd.again();
    docked.docker_ok(&["start", "c1"]);
    docked.docker_ok(&["rm", "-f", "c1"]);
}

/// What `sha256sum` gets is complete only where the end of its input arrives while its output still flows.
fn input_arrives_to_its_end(docked: &Docked) {
    let input: Vec<u8> = (0..4_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut running = Running::start(docked, &["exec", "-i", "c1", "sha256sum"]);
    let mut stdin = running.0.stdin.take().unwrap();
    let expected = sha256(&input);
    let write = std::thread::spawn(move || stdin.write_all(&input));
    assert!(running.wait_for("-").starts_with(&expected));
    write.join().unwrap().unwrap();
}

fn sha256(content: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    let output = std::process::Command::new("sha256sum").arg(file.path()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

fn connect(docked: &Docked) -> UnixStream {
    let stream = UnixStream::connect(docked.socket()).unwrap();
    stream.set_read_timeout(Some(DOCKER_LIMIT)).unwrap();
    stream
}

/// Reads one answer's head.
fn head(stream: &mut UnixStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read(&mut byte).unwrap(), 0, "{}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Docker makes a stream of the connection with 101 where it is asked, and with 200 where it isn't.
fn both_forms_of_a_stream(docked: &Docked) {
    for (upgrade, expected) in
        [("Connection: Upgrade\r\nUpgrade: tcp\r\n", "HTTP/1.1 101"), ("", "HTTP/1.1 200 OK\r\n")]
    {
        docked.docker_ok(&["create", "--name", "i1", "-i", "--network", "none", BUSYBOX, "cat"]);
        docked.docker_ok(&["start", "i1"]);
        let mut stream = connect(docked);
        let path = "/v1.41/containers/i1/attach?stream=1&stdin=1&stdout=1";
        // What follows the request at once belongs to the stream.
        write!(stream, "POST {path} HTTP/1.1\r\nHost: docker\r\n{upgrade}Content-Length: 0\r\n\r\nhello\n").unwrap();
        let answer = head(&mut stream);
        assert!(answer.starts_with(expected), "{answer}");
        let mut echoed = [0; 14];
        stream.read_exact(&mut echoed).unwrap();
        assert!(echoed.ends_with(b"hello\n"));
        stream.write_all(b"end").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"end"), "{rest:?}");
        docked.docker_ok(&["rm", "-f", "i1"]);
    }
}

fn requests_follow_on_one_connection(docked: &Docked) {
    let mut stream = connect(docked);
    for round in 0..20 {
        write!(
            stream,
            "GET /v1.41/containers/c1/json HTTP/1.1\r\nHost: docker\r\n\r\nGET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
        )
        .unwrap();
        for expected in ["{", "OK"] {
            let head = head(&mut stream);
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or_else(|| panic!("{round}: {head}"))];
            stream.read_exact(&mut body).unwrap();
            assert!(body.starts_with(expected.as_bytes()), "{round}: {head}");
        }
    }
    // A client may have said all before it is answered.
    write!(stream, "GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("OK"), "{answer}");
}

fn logs_come_as_they_are_written(docked: &Docked) {
    let script = "echo first; while ! test -e /go; do sleep 0.05; done; echo second; sleep 1000";
    docked.docker_ok(&["run", "-d", "--name", "l1", "--network", "none", BUSYBOX, "sh", "-c", script]);
    let mut logs = Running::start(docked, &["logs", "-f", "l1"]);
    logs.wait_for("first\n");
    docked.docker_ok(&["exec", "l1", "touch", "/go"]);
    logs.wait_for("second\n");
    docked.docker_ok(&["rm", "-f", "l1"]);
}

fn files_and_images_are_carried_whole(docked: &Docked) {
    let directory = docked.place.folder("cp");
    let content: Vec<u8> = (0..6_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(directory.join("in"), &content).unwrap();
    docked.docker_ok(&["cp", directory.join("in").to_str().unwrap(), "c1:/file"]);
    docked.docker_ok(&["cp", "c1:/file", directory.join("out").to_str().unwrap()]);
    assert!(fs::read(directory.join("out")).unwrap() == content);

    fs::write(directory.join("Dockerfile"), format!("FROM {BUSYBOX}\nCOPY in /in\n")).unwrap();
    for buildkit in ["0", "1"] {
        let mut build = docked.docker(&["build", "-q", "-t", "built", directory.to_str().unwrap()]);
        let built = build.env("DOCKER_BUILDKIT", buildkit).output().unwrap();
        assert!(built.status.success(), "{buildkit}: {}", String::from_utf8_lossy(&built.stderr));
        let sum = docked.docker_ok(&["run", "--rm", "--network", "none", "built", "sha256sum", "/in"]);
        assert_eq!(sum.split(' ').next().unwrap(), sha256(&content));
    }
    let saved = directory.join("saved.tar");
    docked.docker_ok(&["save", "-o", saved.to_str().unwrap(), "built"]);
    docked.docker_ok(&["rmi", "built"]);
    docked.docker_ok(&["load", "-i", saved.to_str().unwrap()]);
    docked.docker_ok(&["rmi", "built"]);
}

/// What the engine has open. (Docker itself may keep a connection to nobody for a while.)
fn open_in_engine(docked: &Docked) -> usize {
    fs::read_dir(format!("/proc/{}/fd", docked.place.engine_pid())).unwrap().count()
}

/// Nothing works on for nobody who is gone, however quiet the stream is.
fn clients_that_leave_leave_nothing(docked: &Docked) {
    eventually(|| open_in_engine(docked) < 60, || format!("{} are open", open_in_engine(docked)));
    let events: Vec<Running> = (0..8).map(|_| Running::start(docked, &["events"])).collect();
    let waits: Vec<Running> = (0..8).map(|_| Running::start(docked, &["wait", "c1"])).collect();
    let execs: Vec<Running> = (0..8).map(|_| Running::start(docked, &["exec", "-i", "c1", "cat"])).collect();
    // Each has the client's, the one to Docker, and what tells that the client is gone.
    eventually(|| open_in_engine(docked) >= 60 + 12, || format!("{} are open", open_in_engine(docked)));
    drop((events, waits, execs));
    eventually(|| open_in_engine(docked) < 60, || format!("{} are open", open_in_engine(docked)));
}

fn the_engine_is_killed_amid_a_stream(docked: &Docked) {
    let mut running = Running::start(docked, &["exec", "c1", "sh", "-c", "while true; do echo more; sleep 0.01; done"]);
    running.wait_for("more\nmore\n");
    docked.place.kill_engine();
    let begun = Instant::now();
    assert!(!running.0.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(10));
    docked.place.ok(&["engine", "start"]);
    assert_eq!(docked.docker_ok(&["exec", "c1", "echo", "again"]), "again\n");
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
    docked.docker_ok(&["rm", "-f", "web", "helper"]);
    wait_for(&docked, "");
    docked.place.ok(&["share", "remove", "repo"]);
}

#[test]
fn containers_see_what_was_changed_before_they_started() {
    let docked = Docked::new();
    let folder = docked.place.folder("repo");
    fs::write(folder.join("file"), "0").unwrap();
    let share = docked.place.share(&folder, &[]);
    let app = bind(&folder, "/app");
    docked.docker_ok(&["run", "-d", "--name", "c1", "--network", "none", "-v", &app, BUSYBOX, "sleep", "1000"]);
    a_command_sees_a_burst_of_edits(&docked, &folder);
    a_watching_process_sees_an_edit(&docked, &folder);
    a_new_file_can_be_bound_at_once(&docked, &folder);
    a_wait_is_bounded_and_can_be_turned_off(&docked, &share, &app);
    docked.docker_ok(&["rm", "-f", "c1"]);
}

fn a_command_sees_a_burst_of_edits(docked: &Docked, folder: &Path) {
    for round in 1..=10 {
        for number in 0..200 {
            fs::write(folder.join(format!("burst {number}")), format!("{round}\n")).unwrap();
        }
        fs::write(folder.join("file"), round.to_string()).unwrap();
        let seen = docked.docker_ok(&["exec", "c1", "sh", "-c", "cat /app/file; cat /app/burst* | sort -u"]);
        assert_eq!(seen, format!("{round}{round}\n"));
    }
    fs::write(folder.join("file"), "restarted").unwrap();
    docked.docker_ok(&["restart", "-t", "0", "c1"]);
    assert_eq!(docked.docker_ok(&["exec", "c1", "cat", "/app/file"]), "restarted");
}

fn a_watching_process_sees_an_edit(docked: &Docked, folder: &Path) {
    let mut watching = Running::start(docked, &["exec", "c1", "inotifywait", "-m", "/app"]);
    // It doesn't say on this stream when it watches.
    let (mut seen, begun) = (false, Instant::now());
    let reader = std::thread::spawn(move || watching.wait_for("hot"));
    while !seen && begun.elapsed() < DOCKER_LIMIT {
        let written = Instant::now();
        fs::write(folder.join("hot"), format!("{:?}", begun.elapsed())).unwrap();
        while !seen && written.elapsed() < Duration::from_secs(1) {
            seen = reader.is_finished();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(seen, "no edit was seen within a second");
    reader.join().unwrap();
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

/// Saves a file as editors do that never leave half of one: written aside, and renamed into its place.
fn save(file: &Path, content: &str) {
    let aside = file.with_extension("aside");
    fs::write(&aside, content).unwrap();
    fs::rename(aside, file).unwrap();
}

#[test]
fn a_file_that_a_container_has_bound_is_updated_in_place() {
    let docked = Docked::new();
    let folder = docked.place.folder("repo");
    let file = folder.join("app.conf");
    fs::write(&file, "0").unwrap();
    let share = docked.place.share(&folder, &[]);
    let conf = bind(&file, "/conf");
    docked.docker_ok(&["run", "-d", "--name", "c1", "--network", "none", "-v", &conf, BUSYBOX, "sleep", "1000"]);
    let seen = |docked: &Docked| docked.docker_ok(&["exec", "c1", "cat", "/conf"]);
    for content in ["saved", "saved with more in it", "", "1"] {
        save(&file, content);
        assert_eq!(seen(&docked), content);
    }
    a_process_that_watches_the_file_sees_it_saved(&docked, &file);

    // The other way it is an edit like any other.
    docked.docker_ok(&["exec", "c1", "sh", "-c", "echo written >> /conf"]);
    share.flush();
    assert!(fs::read_to_string(&file).unwrap().ends_with("written\n"));
    save(&file, "and back");
    assert_eq!(seen(&docked), "and back");
    // What the container had before rests in the bin.
    let binned = share.ok("bin", &["list"]);
    assert!(binned.contains("app.conf"), "{binned}");

    what_was_saved_while_nothing_ran_is_in_place_too(&docked, &file);
    docked.docker_ok(&["rm", "-f", "c1"]);
    share.assert_equal();
}

fn a_process_that_watches_the_file_sees_it_saved(docked: &Docked, file: &Path) {
    let mut watching = Running::start(docked, &["exec", "c1", "inotifywait", "-m", "-e", "close_write", "/conf"]);
    let (mut is_seen, begun) = (false, Instant::now());
    let reader = std::thread::spawn(move || watching.wait_for("CLOSE_WRITE"));
    // It doesn't say on this stream when it watches.
    while !is_seen && begun.elapsed() < DOCKER_LIMIT {
        let saved = Instant::now();
        save(file, &format!("{:?}", begun.elapsed()));
        while !is_seen && saved.elapsed() < Duration::from_secs(1) {
            is_seen = reader.is_finished();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(is_seen, "no edit was seen within a second");
    reader.join().unwrap();
}

/// The engine knows what was bound before Docker has told it anything.
fn what_was_saved_while_nothing_ran_is_in_place_too(docked: &Docked, file: &Path) {
    docked.place.kill_engine();
    save(file, "saved meanwhile");
    docked.place.ok(&["engine", "start"]);
    Share::new(&docked.place, "repo").flush();
    assert_eq!(docked.docker_ok(&["exec", "c1", "cat", "/conf"]), "saved meanwhile");
    docked.docker_ok(&["restart", "-t", "0", "c1"]);
    save(file, "saved after a restart");
    assert_eq!(docked.docker_ok(&["exec", "c1", "cat", "/conf"]), "saved after a restart");
}

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

/// What a client that speaks HTTP/2 from its first byte is told, which is what it hears from Docker: it isn't HTTP/1.1.
#[test]
fn a_client_that_begins_with_http_2_is_turned_away_as_by_docker() {
    let docked = Docked::new();
    for socket in [docked.socket(), docked.dockerd.socket()] {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(DOCKER_LIMIT)).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        // The end may come as a reset: not all that was said was read.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 3") || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(docked.get("/containers/json"), serde_json::json!([]));
}
