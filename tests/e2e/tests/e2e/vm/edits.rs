//! What containers in the VM see of edits on the host, and what is left when the engine is killed amid a stream.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use causeway_e2e::dockerd::BUSYBOX;
use causeway_e2e::{HasDocker, Vm};

use crate::docker::{Running, bind, bound_files, edits};

#[test]
fn containers_in_the_vm_see_edits_as_they_are_made() {
    let vm = Vm::booted();
    vm.import_busybox();
    let folder = vm.place.folder("repo");
    let file = folder.join("app.conf");
    fs::write(&file, "0").unwrap();
    let share = vm.place.share(&folder, &[]);
    let (app, conf) = (bind(&folder, "/app"), bind(&file, "/conf"));
    let words = ["run", "-d", "--name", "c1", "--network", "none", "-v", &app, "-v", &conf, BUSYBOX, "sleep", "100000"];
    vm.docker_ok(&words);
    edits::a_command_sees_a_burst_of_edits(&vm, &folder, 3);
    edits::a_watching_process_sees_an_edit(&vm, &folder);
    bound_files::saves_are_seen_in_place(&vm, &file);
    the_engine_is_killed_amid_a_stream(&vm, &folder);
    share.wait_for_state("watching");
}

/// The VM ends with it, as by a power cut.
fn the_engine_is_killed_amid_a_stream(vm: &Vm, folder: &Path) {
    let mut running = Running::start(vm, &["exec", "c1", "sh", "-c", "while true; do echo more; sleep 0.01; done"]);
    running.wait_for("more\nmore\n");
    vm.place.kill_engine();
    let begun = Instant::now();
    assert!(!running.0.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(10));
    fs::write(folder.join("file"), "meanwhile").unwrap();
    vm.start();
    vm.docker_ok(&["start", "c1"]);
    assert_eq!(vm.docker_ok(&["exec", "c1", "cat", "/app/file"]), "meanwhile");
    vm.docker_ok(&["rm", "-f", "c1"]);
}
