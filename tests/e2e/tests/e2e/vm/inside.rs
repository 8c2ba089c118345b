//! What people do with what runs in the VM, by the commands that they have for it; and what a container can't do.

use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::process::Stdio;
use std::time::Duration;

use causeway_e2e::dockerd::BUSYBOX;
use causeway_e2e::place::finish;
use causeway_e2e::vm::{DOCKER_LIMIT, PERL};
use causeway_e2e::{HasDocker, Share, Terminal, Vm, eventually};

use super::{free_port, get_path};

#[test]
fn commands_work_in_the_vm_as_people_know_them() {
    let vm = Vm::booted();
    a_shell_in_the_machine(&vm);
    vm.import_busybox();
    let share = vm.place.share(&vm.place.folder("repo"), &[]);
    docker_commands(&vm, &share);
    published_udp_port(&vm);
    the_engine_is_out_of_reach(&vm);
}

#[test]
fn docker_comes_back_and_projects_run_in_the_vm() {
    let vm = Vm::booted();
    vm.import_busybox();
    let share = vm.place.share(&vm.place.folder("shop"), &[]);
    a_project_of_compose(&vm, &share);
    docker_that_breaks_comes_back(&vm, &share);
}

/// With a network of the project's own, which Compose makes.
fn a_project_of_compose(vm: &Vm, share: &Share<'_>) {
    let file = format!(
        "services:\n  web:\n    build: {{dockerfile_inline: \"FROM {BUSYBOX}\"}}\n    command: sleep 1000\n    volumes: \
         [\"./src:/app\"]\n  other:\n    image: {BUSYBOX}\n    command: nc -l -p 80\n"
    );
    fs::create_dir(share.host.join("src")).unwrap();
    fs::write(share.host.join("src/file"), "first\n").unwrap();
    fs::write(share.host.join("compose.yaml"), file).unwrap();
    let compose = |words: &[&str]| {
        let mut docker = vm.docker(&[&["compose"], words].concat());
        let child = docker.current_dir(&share.host).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ran = finish(child, DOCKER_LIMIT);
        assert_eq!(ran.code, 0, "{words:?}: {ran:?}\n{}", vm.place.log_end());
        ran.out
    };
    compose(&["up", "-d", "--build"]);
    assert_eq!(compose(&["exec", "-T", "web", "cat", "/app/file"]), "first\n");
    fs::write(share.host.join("src/file"), "second\n").unwrap();
    compose(&["exec", "-T", "web", "sh", "-c", "cat /app/file | nc other 80 && echo made > /app/made"]);
    assert_eq!(vm.docker_ok(&["logs", "shop-other-1"]), "second\n");
    share.flush();
    assert_eq!(fs::read_to_string(share.host.join("src/made")).unwrap(), "made\n");
    compose(&["down", "-t", "0"]);
}

/// The agent starts it again; what has to run then runs, with its share and its port.
fn docker_that_breaks_comes_back(vm: &Vm, share: &Share<'_>) {
    let port = free_port();
    let (mount, published) = (format!("{}:/www", share.host.display()), format!("{port}:80"));
    let words = ["run", "-d", "--name", "web", "--restart", "always", "-v", &mount, "-p", &published, BUSYBOX];
    vm.docker_ok(&[&words[..], &["httpd", "-f", "-h", "/www", "-p", "80"]].concat());
    let serves = |content: &str| {
        fs::write(share.host.join("page"), content).unwrap();
        share.flush();
        let is_served = || get_path("127.0.0.1", port, "/page").is_ok_and(|answer| answer.ends_with(content));
        eventually(is_served, || format!("{}\n{}", vm.status(), vm.place.log_end()));
    };
    serves("before\n");
    let kill =
        "for at in /proc/[0-9]*; do read name < $at/comm && [ $name = dockerd ] && kill -9 ${at#/proc/}; done; true";
    vm.place.ok(&["machine", "shell", "--", "sh", "-c", kill]);
    let runs = || vm.run_docker(&["ps", "--format", "{{.Names}} {{.Status}}"]).out.starts_with("web Up");
    eventually(runs, || vm.place.log_end());
    serves("after\n");
    let told = || share.show()["containers"][0]["state"] == "running";
    eventually(told, || share.show().to_string());
    assert_eq!(vm.status()["restarts"], 0, "the VM lived on");
    vm.docker_ok(&["rm", "-f", "web"]);
}

/// Datagrams reach a container and its answers come back, each to the client that asked, at both addresses of the loopback.
fn published_udp_port(vm: &Vm) {
    vm.import_perl();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let published = format!("{port}:9999/udp");
    let echo = r#"socket(S, 2, 2, 0); bind(S, pack("S n a4 x8", 2, 9999, "\0" x 4)) or die;
        while ($from = recv(S, $data, 65535, 0)) { send(S, "you said $data", 0, $from) }"#;
    vm.docker_ok(&["run", "-d", "--name", "echo", "-p", &published, PERL, "/usr/bin/perl", "-e", echo]);
    for (number, at) in ["127.0.0.1", "::1", "127.0.0.1"].into_iter().enumerate() {
        let client = UdpSocket::bind((at, 0)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        client.connect((at, port)).unwrap();
        let (said, mut answer) = (format!("hello {number}").repeat(2_000), vec![0; 65_536]);
        let mut ask = || client.send(said.as_bytes()).and_then(|_| client.recv(&mut answer));
        let mut length = 0;
        eventually(
            || ask().is_ok_and(|answered| std::mem::replace(&mut length, answered) == 0),
            || vm.status().to_string(),
        );
        assert_eq!(String::from_utf8_lossy(&answer[..length]), format!("you said {said}"));
    }
    let shown = vm.status()["vm"]["ports"].clone();
    assert!(shown.as_array().unwrap().iter().any(|at| at["port"] == port && at["protocol"] == "udp"), "{shown}");
    vm.docker_ok(&["rm", "-f", "echo"]);
    let is_free = || UdpSocket::bind(("127.0.0.1", port)).is_ok();
    eventually(is_free, || format!("UDP port {port} to be closed"));
}

/// The commands that use the API in ways of their own.
fn docker_commands(vm: &Vm, share: &Share<'_>) {
    // logs -f: ends with the container, and has all of it.
    let counting = "for n in $(seq 200); do echo line $n; done; read go; echo last";
    vm.docker_ok(&["run", "-d", "-i", "--name", "talker", BUSYBOX, "sh", "-c", counting]);
    let follow = vm.docker(&["logs", "-f", "talker"]).stdout(Stdio::piped()).spawn().unwrap();
    // attach: input arrives, and the output after it comes back. Docker shows no more once its input has ended.
    let mut attached = vm.docker(&["attach", "talker"]);
    let mut attached = attached.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = attached.stdin.take().unwrap();
    stdin.write_all(b"go\n").unwrap();
    let output = attached.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "last\n");
    let followed = String::from_utf8(follow.wait_with_output().unwrap().stdout).unwrap();
    assert!(followed.starts_with("line 1\n") && followed.ends_with("line 200\nlast\n"), "{followed}");
    vm.docker_ok(&["rm", "-f", "talker"]);

    let mount = format!("{}:/work", share.host.display());
    vm.docker_ok(&["run", "-d", "--name", "box", "-v", &mount, BUSYBOX, "sleep", "1000"]);
    // exec: with input, which ends, and an exit code of its own.
    let ran = vm.docker_with_input(&["exec", "-i", "box", "sh", "-c", "cat > /work/by-exec; exit 5"], b"by exec");
    assert_eq!(ran.code, 5, "{ran:?}");
    share.flush();
    assert_eq!(fs::read_to_string(share.host.join("by-exec")).unwrap(), "by exec");
    // cp: a tree in and out again.
    let dir = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::create_dir(dir.path().join("in")).unwrap();
    fs::write(dir.path().join("in/large"), &content).unwrap();
    let (inward, outward) = (dir.path().join("in"), dir.path().join("out"));
    vm.docker_ok(&["cp", inward.to_str().unwrap(), "box:/copied"]);
    vm.docker_ok(&["cp", "box:/copied", outward.to_str().unwrap()]);
    assert!(fs::read(outward.join("large")).unwrap() == content);
    vm.docker_ok(&["rm", "-f", "box"]);
    // build: a context with a large file, and what the steps print.
    let dockerfile = format!("FROM {BUSYBOX}\nCOPY large /large\nRUN wc -c < /large\n");
    fs::write(inward.join("Dockerfile"), dockerfile).unwrap();
    for buildkit in ["0", "1"] {
        let mut build = vm.docker(&["build", "-t", "built", "--network", "host", inward.to_str().unwrap()]);
        let build = build.envs([("DOCKER_BUILDKIT", buildkit), ("BUILDKIT_PROGRESS", "plain")]).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&build.stdout), String::from_utf8_lossy(&build.stderr));
        assert!(build.status.success() && (out + err).contains("4000000"), "{buildkit}: {build:?}");
    }
    assert_eq!(vm.docker_ok(&["run", "--rm", "--network", "host", "built", "wc", "-c", "/large"]), "4000000 /large\n");
}

/// With pipes and on a terminal: input, output, errors, sizes, and how it ends.
fn a_shell_in_the_machine(vm: &Vm) {
    let run = |words: &[&str], input: &[u8]| {
        let mut child = vm.place.command(&[&["machine", "shell"], words].concat());
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let said = run(&["--", "sh", "-c", "wc -c; echo wrong >&2; exit 7"], &[b'x'; 300_000]);
    assert_eq!(said, (Some(7), "300000\n".to_owned(), "wrong\n".to_owned()));
    let said = run(&["uname", "-n"], b"");
    assert_eq!((said.0, said.1.as_str()), (Some(0), "causeway\n"));
    let (code, _, why) = run(&["/nonexistent"], b"");
    assert!(code == Some(1) && why.contains("/nonexistent can't be started"), "{why}");

    let mut terminal = Terminal::run(vm.place.command(&["machine", "shell"]));
    terminal.until("machine:");
    terminal.write("stty size; tty\n");
    terminal.until("24 80");
    terminal.until("/dev/pts/");
    // A new size and what is typed after it go different ways.
    terminal.write("while [ \"$(stty size)\" != '30 100' ]; do sleep 0.1; done; echo resi''zed\n");
    terminal.resize(30, 100);
    terminal.until("resized");
    // Ctrl C is the program's.
    terminal.write("echo be''gun; sleep 1000\n");
    terminal.until("begun");
    terminal.write("\u{3}");
    terminal.until("machine:");
    terminal.write("echo went o''n\n");
    terminal.until("went on");
    terminal.write("exit 3\n");
    assert_eq!(terminal.ends(), 3);
}

/// The agent's own program, which knows how to reach the engine, in containers that don't know the secret.
fn the_engine_is_out_of_reach(vm: &Vm) {
    let secret = [7; 32];
    let dial = |options: &[&str], port: &str| {
        // Not as the first process of the container: there it would take itself for the guest's.
        let script = format!("/v/agent --vsock {port} --disk /tmp/disk; echo ended $?");
        let words = ["run", "--rm", "-i", "--network", "host", "-v", "agent:/v"];
        let words = [&words[..], options, &[BUSYBOX, "sh", "-c", &script]].concat();
        let ran = vm.docker_with_input(&words, &secret);
        assert!(ran.out.contains("ended 1"), "{ran:?}");
        ran.out + &ran.err
    };
    let copy = "cp /proc/1/exe /v/agent";
    let words = ["run", "--rm", "--privileged", "--pid=host", "-v", "agent:/v", "--network", "host", BUSYBOX];
    vm.docker_ok(&[&words[..], &["sh", "-c", copy]].concat());
    // Docker doesn't let an ordinary container use the family at all.
    let said = dial(&[], "1024");
    assert!(said.contains("Operation not permitted"), "{said}");
    // One that may do everything reaches the engine, and no other port of the host; and is sent away.
    let said = dial(&["--privileged"], "1024");
    assert!(said.contains("doesn't know the secret"), "{said}");
    let said = dial(&["--privileged"], "1025");
    assert!(said.contains("could not be reached") && !said.contains("secret of"), "{said}");
    // The secret is nowhere to be found, and the agent that knows it is still there.
    let look = "cat /proc/cmdline; ls /sys/firmware/qemu_fw_cfg 2>&1; ls /proc/1/environ";
    let words = ["run", "--rm", "--privileged", "--pid=host", "--network", "host", BUSYBOX, "sh", "-c", look];
    let seen = vm.docker_ok(&words);
    assert!(seen.contains("No such file") && !seen.contains("secret"), "{seen}");
    assert_eq!(vm.status()["state"], "running");
}
