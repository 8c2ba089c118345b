//! A [`Place`] whose machine is a VM, and the docker command for what runs in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::dockerd::{self, BUSYBOX, HasDocker};
use crate::place::{Place, Ran, finish, kill, program};
use crate::{Share, eventually};

/// How long a VM may take to boot, emulated and beside other tests.
const BOOT_LIMIT: Duration = Duration::from_secs(150);
/// How long anything that goes through Docker may take.
pub const DOCKER_LIMIT: Duration = Duration::from_secs(150);
/// The image of the tests that need more than busybox.
pub const PERL: &str = "perl:test";
const PERL_PROGRAM: &str = "/usr/bin/perl";

/// A place with a VM.
pub struct Vm {
    /// The place.
    pub place: Place,
}

impl Vm {
    /// One that nothing runs in yet. Small, and always emulated: so it runs wherever the tests do.
    pub fn new() -> Self {
        Self::of(Place::new().with_environment("CAUSEWAY_ACCELERATION", "emulation"))
    }

    /// The same, run by the processor where that is possible.
    pub fn at_full_speed() -> Self {
        Self::of(Place::new())
    }

    fn of(place: Place) -> Self {
        let place = place.with_environment("CAUSEWAY_MACHINE", "vm").with_environment("CAUSEWAY_IMAGE", image());
        let vm = Self { place };
        vm.place.ok(&["machine", "config", "--memory", "640", "--disk", "4", "--cpus", "2"]);
        vm
    }

    /// One that has booted: its agent answers.
    pub fn booted() -> Self {
        let vm = Self::new();
        vm.start();
        vm
    }

    /// Starts the machine, and waits for its agent.
    pub fn start(&self) {
        let ran = self.place.run_for(&["machine", "start"], BOOT_LIMIT);
        assert_eq!(ran.code, 0, "{}{}\n{}", ran.out, ran.err, self.place.log_end());
    }

    /// How the machine is.
    pub fn status(&self) -> Value {
        self.place.json(&["machine", "status"])
    }

    /// Waits until the machine's agent answers, after something happened to it.
    pub fn wait_until_running(&self) {
        self.place.ok(&["machine", "start"]);
        eventually(|| self.status()["state"] == "running", || format!("{}\n{}", self.status(), self.place.log_end()));
    }

    /// The docker command with something to read.
    pub fn docker_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut docker = self.docker(arguments);
        let mut child = docker.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
        let write = std::thread::spawn(move || stdin.write_all(&input));
        let ran = finish(child, DOCKER_LIMIT);
        // One that doesn't read to the end is found out by what it prints.
        let _ = write.join().unwrap();
        ran
    }

    /// Makes the image of the tests.
    pub fn import_busybox(&self) {
        dockerd::import_busybox(|arguments| self.docker_ok(arguments));
    }

    /// Makes an image with a language in it that has sockets of every kind: Debian's own Perl, which every installation has.
    pub fn import_perl(&self) {
        self.import(PERL, PERL_PROGRAM);
    }

    /// Makes an image of busybox and of a program of this computer's.
    pub fn import(&self, name: &str, program: &str) {
        dockerd::import(|arguments| self.docker_ok(arguments), name, program);
    }

    /// Runs a shell's command in a container with a share at `/work`; returns what it prints.
    pub fn in_container(&self, share: &Share<'_>, command: &str) -> String {
        let mount = format!("{}:/work", share.host.display());
        self.docker_ok(&["run", "--rm", "--network", "host", "-v", &mount, "-w", "/work", BUSYBOX, "sh", "-c", command])
    }

    /// Kills the hypervisor, and waits until it is gone.
    pub fn kill_hypervisor(&self) {
        let processes = self.place.processes();
        let hypervisor = processes.iter().find(|(_, command)| command.contains("qemu-system"));
        kill(hypervisor.expect("a hypervisor runs").0);
    }
}

impl HasDocker for Vm {
    fn place(&self) -> &Place {
        &self.place
    }

    fn limit(&self) -> Duration {
        DOCKER_LIMIT
    }
}

impl Default for Vm {
    fn default() -> Self {
        Self::new()
    }
}

/// The guest's image.
pub fn image() -> PathBuf {
    let image = program("causeway").parent().and_then(Path::parent).unwrap().join("image");
    assert!(image.join("image.json").is_file(), "there is no image; make it first: cargo xtask image --debug");
    image
}
