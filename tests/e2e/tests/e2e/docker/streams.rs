//! Connections through the proxy: requests that follow one another, streams both ways, large bodies, and clients that leave.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use causeway_e2e::dockerd::{BUSYBOX, DOCKER_LIMIT};
use causeway_e2e::{Docked, HasDocker, eventually};

use super::Running;

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
