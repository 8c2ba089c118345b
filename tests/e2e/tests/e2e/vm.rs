//! The machine as a VM, emulated: booted, used, killed, and used again.

mod edits;
mod guest;
mod inside;
mod pauses;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use causeway_e2e::disk::may_mount;
use causeway_e2e::dockerd::BUSYBOX;
use causeway_e2e::vm::DOCKER_LIMIT;
use causeway_e2e::{Disk, HasDocker, Place, Share, Vm, eventually};

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
    // Enough for the guest to tell of many changes at once.
    for number in 0..1500 {
        let directory = folder.join(format!("directory {}/with/some/depth", number % 70));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("file {number}")), format!("content {number}\n").repeat(number % 200))
            .unwrap();
    }
    let share = vm.place.share(&folder, &[]);
    assert_no_difference(&share);

    vm.kill_hypervisor();
    fs::write(folder.join("while it was dead"), "a").unwrap();
    vm.wait_until_running();
    share.wait_for_state("watching");
    share.flush();
    assert_no_difference(&share);

    vm.place.kill_engine();
    eventually(|| vm.place.processes().is_empty(), || format!("orphans: {:?}", vm.place.processes()));
    fs::write(folder.join("while all was dead"), "b").unwrap();
    vm.start();
    share.wait_for_state("watching");
    share.flush();
    assert_no_difference(&share);

    vm.place.ok(&["machine", "config", "--disk", "6"]);
    vm.place.ok(&["machine", "restart"]);
    share.flush();
    assert_no_difference(&share);
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
    large_output_arrives_whole(&vm, &share);
    one_that_takes_nothing_holds_nobody_up(&vm);
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

/// What the guest sends in large pieces has to arrive whole and in order.
fn large_output_arrives_whole(vm: &Vm, share: &Share<'_>) {
    let content: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(share.host.join("large"), &content).unwrap();
    share.flush();
    let mount = format!("{}:/work", share.host.display());
    let words = ["run", "--rm", "--network", "host", "-v", &mount, BUSYBOX, "cat", "/work/large"];
    let output = vm.docker(&words).stdout(std::process::Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert!(output.stdout == content, "{} of {} bytes", output.stdout.len(), content.len());
}

/// A client that asks for far more than any buffer holds and takes none of it, and one that asks for little beside it.
fn one_that_takes_nothing_holds_nobody_up(vm: &Vm) {
    let flood = ["run", "--rm", "--network", "host", "--name", "flood", BUSYBOX, "cat", "/dev/zero"];
    let mut flood = vm.docker(&flood).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdout = flood.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 1024]).unwrap();
    // Until everything in between is full.
    std::thread::sleep(Duration::from_secs(3));
    for _ in 0..5 {
        let begun = Instant::now();
        vm.docker_ok(&["version"]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
    flood.kill().unwrap();
    flood.wait().unwrap();
    vm.docker_ok(&["rm", "-f", "flood"]);
}

/// 200 connections to Docker at once, each of which asks only when all are open.
fn many_streams_at_once(vm: &Vm) {
    let mut streams: Vec<UnixStream> = (0..200).map(|_| UnixStream::connect(vm.socket()).unwrap()).collect();
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
    for at in ["127.0.0.1", "::1"] {
        let is_served = || get(at, port).is_ok_and(|answer| answer.ends_with("served\n"));
        eventually(is_served, || format!("{at}: {}\n{}", vm.status(), vm.place.log_end()));
    }
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

fn get(at: &str, port: u16) -> std::io::Result<String> {
    get_path(at, port, "/")
}

fn get_path(at: &str, port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((at, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn what_breaks_in_the_guest_is_mended_and_nothing_is_lost() {
    let vm = Vm::booted();
    vm.import_busybox();
    let folder = vm.place.folder("repo");
    fs::write(folder.join("a"), "a").unwrap();
    let share = vm.place.share(&folder, &[]);

    an_agent_that_dies_comes_back(&vm, &share);
    deleted_content_frees_space(&vm);
    a_full_disk_is_a_problem_that_passes(&vm, &share);
    a_damaged_disk_is_named_and_never_formatted(&vm, &share);
}

fn an_agent_that_dies_comes_back(vm: &Vm, share: &Share<'_>) {
    let before = vm.place.agent_pid();
    let kill = format!("kill -9 {before}");
    // The way to Docker leads through the agent, and breaks with it.
    vm.run_docker(&["run", "--rm", "--privileged", "--pid=host", "--network", "host", BUSYBOX, "sh", "-c", &kill]);
    eventually(
        || vm.status()["agent"]["pid"].as_u64().is_some_and(|pid| pid != u64::from(before)),
        || format!("{}\n{}", vm.status(), vm.place.log_end()),
    );
    share.wait_for_state("watching");
    fs::write(share.host.join("after"), "after").unwrap();
    share.flush();
    assert_eq!(vm.in_container(share, "cat after"), "after");
    assert_eq!(vm.status()["restarts"], 0, "the VM lived on");
}

fn deleted_content_frees_space(vm: &Vm) {
    let used = || vm.status()["disk_used_bytes"].as_u64().unwrap();
    let run = |command: &str| {
        let arguments = ["run", "--rm", "--network", "host", "-v", "space:/v", BUSYBOX, "sh", "-c", command];
        vm.docker_ok(&arguments);
    };
    run("dd if=/dev/urandom of=/v/big bs=1M count=64 && sync");
    let full = used();
    run("rm /v/big && sync");
    eventually(|| used() + (48 << 20) < full, || format!("{full} bytes to become fewer: {}", used()));
}

fn a_full_disk_is_a_problem_that_passes(vm: &Vm, share: &Share<'_>) {
    let run = |command: &str| {
        vm.run_docker(&["run", "--rm", "--network", "host", "-v", "space:/v", BUSYBOX, "sh", "-c", command])
    };
    // Without a write: as much as there is, but for the little that Docker needs to start the next container.
    let filled = run("free=$(df -m /v | tail -1 | awk '{print $4}'); fallocate -l $((free - 20))m /v/fill");
    assert_eq!(filled.code, 0, "{filled:?}");
    let content: Vec<u8> = (0..12_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(share.host.join("big"), &content).unwrap();
    share.wait_for_state("problem");
    // The share tries again all the time: while it has taken what little there is, no container starts.
    eventually(|| run("rm -f /v/fill").code == 0, || vm.place.log_end());
    share.wait_for_state("watching");
    share.flush();
    assert_no_difference(share);
}

fn a_damaged_disk_is_named_and_never_formatted(vm: &Vm, share: &Share<'_>) {
    use std::os::unix::fs::FileExt;
    vm.place.ok(&["machine", "stop"]);
    let path = vm.place.home().join("machine/vm/data.img");
    let disk = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let garbage = [0xa5; 64 * 1024];
    disk.write_all_at(&garbage, 0).unwrap();
    let ran = vm.place.run(&["machine", "start"]);
    assert_ne!(ran.code, 0);
    let status = vm.status();
    assert!(status["detail"].as_str().is_some_and(|detail| detail.contains("damaged")), "{status}");
    let mut found = [0; 64 * 1024];
    disk.read_exact_at(&mut found, 0).unwrap();
    assert!(found == garbage, "the disk was written to");

    vm.place.ok(&["machine", "reset", "--force"]);
    share.wait_for_state("watching");
    share.flush();
    assert_no_difference(share);
    assert!(share.host.join("big").exists());
}

fn assert_no_difference(share: &Share<'_>) {
    let verified = share.json("verify");
    assert_eq!(verified["differences"].as_array().map(Vec::len), Some(0), "{verified}");
}

/// A VM that can't start: says why, in these words, and the doctor knows what to do, under this code.
fn cannot_start(place: &Place, says: &str, code: &str) {
    place.ok(&["engine", "stop"]);
    place.ok(&["engine", "start"]);
    let begun = Instant::now();
    eventually(|| place.json(&["machine", "status"])["state"] == "failed", || place.log_end());
    let status = place.json(&["machine", "status"]);
    assert!(status["detail"].as_str().unwrap().contains(says), "{status}");
    assert!(status["remedy"].is_object(), "{status}");
    let ran = place.run(&["machine", "start"]);
    assert!(ran.code == 1 && ran.err.contains(says), "{ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(60));
    let checks = place.json(&["doctor"]);
    let check = checks.as_array().unwrap().iter().find(|check| check["code"] == code).unwrap().clone();
    assert!(check["verdict"] == "bad" && check["remedy"].is_object(), "{check}");
    let disk = place.home().join("machine/vm/data.img");
    assert!(!disk.exists() || fs::metadata(disk).unwrap().blocks() == 0, "nothing was written");
}

#[test]
fn what_is_missing_is_named_and_changes_nothing() {
    let mut vm = Vm::new();
    let image = causeway_e2e::vm::image();
    let other = tempfile::tempdir().unwrap();
    for name in ["vmlinuz", "initrd", "root.erofs"] {
        std::os::unix::fs::symlink(image.join(name), other.path().join(name)).unwrap();
    }
    let description = fs::read_to_string(image.join("image.json")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let of_before = description.replace(&format!("\"version\": \"{version}\""), "\"version\": \"0.0.1\"");
    fs::write(other.path().join("image.json"), of_before).unwrap();

    let image = image.to_str().unwrap();
    vm.place = vm.place.with_environment("CAUSEWAY_IMAGE", "/nonexistent/image");
    cannot_start(&vm.place, "here is no image at /nonexistent/image", "vm_image");
    vm.place = vm.place.with_environment("CAUSEWAY_IMAGE", other.path().to_str().unwrap());
    cannot_start(&vm.place, "is of version 0.0.1", "vm_image");
    // The kernel alone.
    fs::write(other.path().join("image.json"), &description).unwrap();
    fs::remove_file(other.path().join("vmlinuz")).unwrap();
    cannot_start(&vm.place, "image is damaged", "vm_image");
    vm.place = vm.place.with_environment("CAUSEWAY_IMAGE", image);
    vm.place = vm.place.with_environment("CAUSEWAY_QEMU", "/nonexistent/qemu");
    cannot_start(&vm.place, "he program qemu-system-x86_64 was not found", "vm_hypervisor");
    vm.place = vm.place.with_environment("CAUSEWAY_QEMU", "qemu-system-x86_64");
}

#[test]
fn too_little_memory_or_disk_is_named() {
    const THIS: &str = "vm::too_little_memory_or_disk_is_named";
    if !may_mount(THIS) {
        return;
    }
    let vm = Vm::new();
    let settings = vm.place.home().join("machine.json");
    let before = fs::read_to_string(&settings).unwrap();
    let after = before.replace("\"memory_mib\": 640", "\"memory_mib\": 640000000");
    assert_ne!(before, after);
    fs::write(&settings, after).unwrap();
    cannot_start(&vm.place, "he VM is set up with 640000000 MiB of memory", "vm_room");
    fs::write(&settings, before).unwrap();
    let disk = Disk::mount(&vm.place.home().join("machine/vm"), 100);
    cannot_start(&vm.place, "are free where the VM's disk stands", "vm_room");
    vm.place.ok(&["engine", "stop"]);
    disk.unmount();
}
