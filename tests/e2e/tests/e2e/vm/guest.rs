//! What the guest takes of the host and gives back, what its kernel says when it can't go on, and what it can't reach.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use causeway_e2e::{HasDocker, Vm, eventually};

#[test]
fn a_guest_gives_memory_back_keeps_the_time_and_is_started_again() {
    let vm = Vm::booted();
    the_hosts_loopback_is_out_of_reach(&vm);
    unused_memory_goes_back(&vm);
    a_wrong_clock_is_put_right(&vm);
    memory_that_runs_out_is_told(&vm);
    a_panic_is_told_and_the_vm_comes_back(&vm);
}

fn shell(vm: &Vm, command: &str) -> String {
    vm.place.ok(&["machine", "shell", "--", "sh", "-c", command])
}

/// Not even for the guest's root, who can take the guest's own rules away. What any computer of the network could reach is.
fn the_hosts_loopback_is_out_of_reach(vm: &Vm) {
    // Docker comes after the network.
    vm.docker_ok(&["version"]);
    let hidden = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let route = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    // An address kept for documents (RFC 5737): nothing is sent, but the way there shows this computer's own address.
    route.connect("192.0.2.1:9").unwrap();
    let own = route.local_addr().unwrap().ip();
    let open = TcpListener::bind((own, 0)).unwrap();
    for listener in [&hidden, &open] {
        listener.set_nonblocking(true).unwrap();
    }
    let (hidden_port, open_port) = (hidden.local_addr().unwrap().port(), open.local_addr().unwrap().port());
    // Nobody answers, which nc would wait for.
    let say = |to: &str, port: u16| format!("echo hello | busybox timeout 4 nc {to} {port}; ");
    let to_hidden = say("10.0.2.2", hidden_port);
    shell(vm, &format!("iptables -t mangle -F; {to_hidden} {} true", say(&own.to_string(), open_port)));
    let mut said = [0; 6];
    eventually(
        || open.accept().is_ok_and(|(mut stream, _)| stream.read_exact(&mut said).is_ok()),
        || format!("the guest to reach {own}:{open_port}\n{}", vm.place.log_end()),
    );
    assert_eq!(&said, b"hello\n");
    assert!(hidden.accept().is_err(), "the guest reached 127.0.0.1:{hidden_port}");
}

/// What a file in memory took is the host's again soon after the file is gone.
fn unused_memory_goes_back(vm: &Vm) {
    let hypervisor = vm.place.processes().into_iter().find(|(_, command)| command.contains("qemu-system")).unwrap().0;
    let taken_kib = || {
        let status = fs::read_to_string(format!("/proc/{hypervisor}/status")).unwrap();
        let shared = status.lines().find_map(|line| line.strip_prefix("RssShmem:")).unwrap();
        shared.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let before = taken_kib();
    shell(vm, "dd if=/dev/urandom of=/tmp/fill bs=1M count=200");
    let full = taken_kib();
    assert!(full > before + (150 << 10), "{before} KiB, then {full} KiB");
    shell(vm, "rm /tmp/fill");
    eventually(|| taken_kib() + (150 << 10) < full, || format!("{full} KiB to become fewer: {}", taken_kib()));
}

/// As after the computer slept.
fn a_wrong_clock_is_put_right(vm: &Vm) {
    shell(vm, "date -s '2001-02-03 04:05:06'");
    let seconds = || shell(vm, "date +%s").trim().parse::<u64>().unwrap();
    eventually(|| seconds() > 1_700_000_000, || format!("the guest's clock to be right: {}", seconds()));
}

fn memory_that_runs_out_is_told(vm: &Vm) {
    vm.place.run(&["machine", "shell", "--", "tail", "/dev/zero"]);
    let told = || vm.status()["detail"].as_str().is_some_and(|detail| detail.starts_with("Memory ran out: process"));
    eventually(told, || vm.status().to_string());
    assert_eq!(vm.status()["state"], "running");
}

fn a_panic_is_told_and_the_vm_comes_back(vm: &Vm) {
    let begun = Instant::now();
    vm.place.run(&["machine", "shell", "--", "sh", "-c", "echo c > /proc/sysrq-trigger"]);
    let back = || vm.status()["restarts"] == 1 && vm.status()["state"] == "running";
    eventually(back, || format!("{}\n{}", vm.status(), vm.place.log_end()));
    assert!(begun.elapsed() < Duration::from_secs(120));
    let log = vm.place.ok(&["logs", "--lines", "0"]);
    assert!(log.contains("the guest's kernel panicked") && log.contains("sysrq triggered crash"), "{log}");
}
