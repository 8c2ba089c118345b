//! The machine as a VM, emulated: booted, used, killed, and used again.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use causeway_e2e::vm::{BUSYBOX, DOCKER_LIMIT};
use causeway_e2e::{Share, Vm, eventually};

/// A port that nobody has right now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn digests(vm: &Vm, share: &Share<'_>) -> String {
    vm.in_container(share, "find . -type f | sort | while read -r file; do sha256sum \"$file\"; done")
}

#[test]
fn a_share_is_kept_in_a_vm_over_kills_and_restarts() {
    let vm = Vm::booted();
    let folder = vm.place.folder("repo");
    for number in 0..200 {
        let directory = folder.join(format!("d{}", number % 7));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("f{number}")), format!("content {number}\n").repeat(number)).unwrap();
    }
    let share = vm.place.share(&folder, &[]);
    assert_eq!(share.json("verify")["differences"].as_array().map(Vec::len), Some(0), "{}", share.json("verify"));

    vm.kill_hypervisor();
    fs::write(folder.join("while it was dead"), "a").unwrap();
    vm.wait_until_running();
    share.wait_for_state("watching");
    share.flush();
    assert_eq!(share.json("verify")["differences"].as_array().map(Vec::len), Some(0));

    vm.place.kill_engine();
    eventually(|| vm.place.processes().is_empty(), || format!("orphans: {:?}", vm.place.processes()));
    fs::write(folder.join("while all was dead"), "b").unwrap();
    vm.start();
    share.wait_for_state("watching");
    share.flush();
    assert_eq!(share.json("verify")["differences"].as_array().map(Vec::len), Some(0));

    vm.place.ok(&["machine", "config", "--disk", "6"]);
    vm.place.ok(&["machine", "restart"]);
    share.flush();
    assert_eq!(share.json("verify")["differences"].as_array().map(Vec::len), Some(0));
    assert_eq!(vm.status()["vm"]["disk_bytes"], 6_u64 << 30);
    let shown = share.show();
    assert_eq!((&shown["conflicts"], &shown["halt"]), (&0.into(), &serde_json::Value::Null), "{shown}");
}

#[test]
fn containers_work_on_a_share_and_their_ports_are_reached() {
    let vm = Vm::booted();
    vm.import_busybox();
    let folder = vm.place.folder("repo");
    fs::write(folder.join("from host"), "host\n").unwrap();
    let share = vm.place.share(&folder, &[]);

    assert_eq!(vm.in_container(&share, "cat 'from host'; echo guest > 'from guest'"), "host\n");
    share.flush();
    assert_eq!(fs::read_to_string(folder.join("from guest")).unwrap(), "guest\n");
    fs::write(folder.join("from host"), "host again\n").unwrap();
    share.flush();
    assert!(digests(&vm, &share).lines().count() == 2);

    half_closes_survive(&vm);
    many_streams_at_once(&vm);
    published_ports(&vm);
}

/// What `cat` gets is complete only where the end of its input arrives while its output still flows.
fn half_closes_survive(vm: &Vm) {
    let input: Vec<u8> = (0..2_000_000_u32).flat_map(|n| n.to_le_bytes()).take(4 << 20).collect();
    let ran = vm.docker_with_input(&["run", "--rm", "-i", "--network", "host", BUSYBOX, "sha256sum"], &input);
    let direct = std::process::Command::new("sha256sum").arg(write_temporary(&input).path()).output().unwrap();
    let direct = String::from_utf8(direct.stdout).unwrap();
    assert_eq!(ran.out.split(' ').next(), direct.split(' ').next(), "{ran:?}");
}

fn write_temporary(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

/// 200 connections to Docker at once, each of which asks only when all are open.
fn many_streams_at_once(vm: &Vm) {
    let mut streams: Vec<UnixStream> = (0..200).map(|_| UnixStream::connect(vm.docker_socket()).unwrap()).collect();
    for stream in &mut streams {
        stream.set_read_timeout(Some(DOCKER_LIMIT)).unwrap();
        stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    }
    for mut stream in streams {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("OK"), "{answer}");
    }
}

fn published_ports(vm: &Vm) {
    let port = free_port();
    let published = format!("{port}:80");
    let serve = "mkdir /www; echo served > /www/index.html; httpd -f -h /www -p 80";
    vm.docker_ok(&["run", "-d", "--name", "web", "-p", &published, BUSYBOX, "sh", "-c", serve]);
    let mut answer = String::new();
    eventually(
        || {
            answer = get(port).unwrap_or_default();
            answer.ends_with("served\n")
        },
        || format!("{}\n{}", vm.status(), vm.place.log_end()),
    );
    assert_eq!(vm.status()["vm"]["ports"][0]["port"], port);
    vm.docker_ok(&["rm", "-f", "web"]);
    eventually(|| TcpStream::connect(("127.0.0.1", port)).is_err(), || format!("port {port} to be closed"));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    vm.docker_ok(&["run", "-d", "--name", "taken", "-p", &format!("{port}:80"), BUSYBOX, "sleep", "1000"]);
    eventually(
        || vm.status()["vm"]["ports"][0]["problem"].as_str().is_some_and(|problem| problem.contains(&port.to_string())),
        || vm.status().to_string(),
    );
    drop(taken);
    eventually(|| vm.status()["vm"]["ports"][0]["problem"].is_null(), || vm.status().to_string());
}

fn get(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn what_is_missing_is_named_and_changes_nothing() {
    let vm = Vm::new();
    let place = vm.place.with_environment("CAUSEWAY_IMAGE", "/nonexistent/image");
    place.ok(&["engine", "stop"]);
    place.ok(&["engine", "start"]);
    let begun = Instant::now();
    eventually(|| place.json(&["machine", "status"])["state"] == "failed", || place.log_end());
    let status = place.json(&["machine", "status"]);
    assert!(status["detail"].as_str().unwrap().contains("here is no image at /nonexistent/image"), "{status}");
    assert!(status["remedy"].is_object(), "{status}");
    assert!(begun.elapsed() < Duration::from_secs(60));
    let checks = place.json(&["doctor"]);
    let image = checks.as_array().unwrap().iter().find(|check| check["code"] == "vm_image").unwrap().clone();
    assert!(image["verdict"] == "bad" && image["remedy"].is_object(), "{image}");
}
