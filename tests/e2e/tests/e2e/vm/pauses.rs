//! A guest that stood still for a while, and one whose device hangs.

use std::fs;
use std::time::Duration;

use causeway_e2e::{Share, Vm, eventually};
use rustix::process::{Pid, Signal, kill_process};

use super::assert_no_difference;

/// How long everything stands still: shorter than a guest may be silent.
const PAUSE: Duration = Duration::from_secs(8);

#[test]
fn a_vm_that_stood_still_or_hangs_is_taken_up_again() {
    let vm = Vm::booted();
    let folder = vm.place.folder("repo");
    fs::write(folder.join("file"), "0").unwrap();
    let share = vm.place.share(&folder, &[]);
    a_guest_that_stood_still_goes_on(&vm, &share);
    a_device_that_hangs_is_noticed(&vm, &share);
}

/// As when the computer sleeps, but for the guest's clock, which has a test of its own.
fn a_guest_that_stood_still_goes_on(vm: &Vm, share: &Share<'_>) {
    for program in ["qemu-system", "vhost-device-vsock"] {
        signal(vm, program, Signal::STOP);
    }
    fs::write(share.host.join("while it stood still"), "a").unwrap();
    std::thread::sleep(PAUSE);
    for program in ["qemu-system", "vhost-device-vsock"] {
        signal(vm, program, Signal::CONT);
    }
    share.flush();
    assert_no_difference(share);
    assert_eq!(vm.status()["restarts"], 0, "{}", vm.place.log_end());
}

/// Whoever asks it waits for ever, both ways: only the agent's silence tells.
fn a_device_that_hangs_is_noticed(vm: &Vm, share: &Share<'_>) {
    signal(vm, "vhost-device-vsock", Signal::STOP);
    fs::write(share.host.join("while it hung"), "b").unwrap();
    let told = || format!("{}\n{}", vm.status(), vm.place.log_end());
    eventually(|| vm.status()["state"] != "running", told);
    eventually(|| vm.status()["state"] == "running" && vm.status()["restarts"] == 1, told);
    let log = vm.place.ok(&["logs", "--lines", "0"]);
    assert!(log.contains("the machine doesn't answer and is started again"), "{log}");
    share.wait_for_state("watching");
    share.flush();
    assert_no_difference(share);
}

fn signal(vm: &Vm, program: &str, signal: Signal) {
    let processes = vm.place.processes();
    let (pid, _) = processes.iter().find(|(_, command)| command.contains(program)).expect("it runs");
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}
