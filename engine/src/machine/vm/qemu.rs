//! QEMU.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use causeway_api::Remedy;
use causeway_wire::boot::{DATA_SERIAL, FW_CFG_NAME, ROOT_SERIAL};

use super::hypervisor::{Acceleration, Hypervisor, HypervisorError, Plan, Unaccelerated, find_program};
use super::image::Image;
use super::vsock::GuestEnd;
use crate::machine::life::end_with_this_process;
use crate::machine::settings::Size;

/// The program, the variable that names another, and its package.
const PROGRAM: &str = "qemu-system-x86_64";
const VARIABLE: &str = "CAUSEWAY_QEMU";
const PACKAGE: &str = "qemu-system-x86";

/// Size of the buffer of translated code, in MiB: QEMU's own choice is a share of the host's memory.
const TRANSLATED_MIB: u32 = 128;
/// What the kernel is told. A panic ends the VM at once, since QEMU is told not to reboot.
const KERNEL_ARGUMENTS: &str = "console=ttyS0 quiet panic=-1";
/// Memory of a trial, in MiB.
const TRIAL_MIB: u32 = 256;

/// Before this version, processors that are emulated side by side run stale code: where one translates a page while another writes to
/// it, the translation of what stood there before stays. Linux rewrites its own code all the time (static keys, which Docker's
/// network and control groups flip), by a breakpoint that is there for a moment; the other processor then runs into the
/// breakpoint for ever, and the kernel panics ("int3"). Mended in 8.1: "accel/tcg: Always lock pages before translation".
const SOUND_SIDE_BY_SIDE: (u32, u32) = (8, 1);

/// QEMU for x86-64.
pub struct Qemu {
    program: PathBuf,
}

impl Qemu {
    /// Finds the program.
    pub fn find() -> Result<Self, HypervisorError> {
        if std::env::consts::ARCH != "x86_64" {
            return Err(HypervisorError::Processor);
        }
        let program = find_program(PROGRAM, VARIABLE);
        program.map(|program| Self { program }).ok_or(HypervisorError::Missing { program: PROGRAM, package: PACKAGE })
    }

    /// Where the program is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A machine of nothing but what is named, that doesn't start again by itself.
    fn bare(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-name", "causeway"]);
        // No calls that an emulator of these devices needs: a guest that breaks out finds little.
        command.args(["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"]);
        end_with_this_process(&mut command);
        command
    }
}

/// What the processor runs VMs by.
const DEVICE: &str = "/dev/kvm";

impl Hypervisor for Qemu {
    fn name(&self) -> &'static str {
        "QEMU"
    }

    fn version(&self) -> String {
        let told = Command::new(&self.program).arg("--version").output().map(|output| output.stdout);
        String::from_utf8_lossy(&told.unwrap_or_default()).lines().next().unwrap_or_default().to_owned()
    }

    fn fit(&self, size: Size, acceleration: &Acceleration) -> (Size, Option<String>) {
        let is_emulated = matches!(acceleration, Acceleration::Emulation(_));
        if !is_emulated
            || size.cpus == 1
            || version_in(&self.version()).is_some_and(|version| version >= SOUND_SIDE_BY_SIDE)
        {
            return (size, None);
        }
        let (major, minor) = SOUND_SIDE_BY_SIDE;
        let why = format!(
            "It has one processor, because QEMU emulates several without faults only from version {major}.{minor} on."
        );
        (Size { cpus: 1, ..size }, Some(why))
    }

    fn command(&self, plan: &Plan<'_>) -> Command {
        let mut command = self.bare();
        let mib = plan.size.memory_mib;
        command.arg("-machine").arg("q35,memory-backend=memory");
        // Shared, so that the vsock device's process sees it too.
        command.arg("-object").arg(format!("memory-backend-memfd,id=memory,size={mib}M,share=on"));
        command.arg("-m").arg(format!("{mib}M")).arg("-smp").arg(plan.size.cpus.to_string());
        accelerate(&mut command, plan.acceleration);
        boot(&mut command, plan.image);
        command.arg("-chardev").arg(format!("socket,id=console,path={}", quoted(plan.console)));
        command.args(["-serial", "chardev:console"]);
        disk(&mut command, "root", &plan.image.root, "read-only=on", ROOT_SERIAL);
        disk(&mut command, "data", plan.data_disk, "discard=unmap,detect-zeroes=unmap", DATA_SERIAL);
        match &plan.vsock {
            GuestEnd::Program { socket } => {
                command.arg("-chardev").arg(format!("socket,id=vsock,path={}", quoted(socket)));
                command.args(["-device", "vhost-user-vsock-pci,chardev=vsock"]);
            }
            GuestEnd::Kernel { cid } => {
                command.arg("-device").arg(format!("vhost-vsock-pci,guest-cid={cid}"));
            }
        }
        command.args(["-netdev", "user,id=network,ipv6=off", "-device", "virtio-net-pci,netdev=network,romfile="]);
        // Memory that the guest has no use for goes back to the host by itself.
        command.args(["-device", "virtio-balloon-pci,free-page-reporting=on", "-device", "virtio-rng-pci"]);
        command.arg("-fw_cfg").arg(format!("name={FW_CFG_NAME},file={}", quoted(plan.boot)));
        // Its network would lead there.
        #[cfg(target_os = "linux")]
        super::loopback::close_to(&mut command);
        command
    }

    fn trial(&self, image: &Image) -> Result<Command, Unaccelerated> {
        if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open(DEVICE) {
            return Err(unopened(&error));
        }
        let mut command = self.bare();
        command.args(["-machine", "q35", "-smp", "1", "-m"]).arg(format!("{TRIAL_MIB}M"));
        accelerate(&mut command, &Acceleration::Hardware);
        boot(&mut command, image);
        command.args(["-serial", "stdio"]);
        Ok(command)
    }
}

/// Why the device can't be opened, and what to do.
fn unopened(error: &io::Error) -> Unaccelerated {
    let (because, remedy) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            format!("{DEVICE} is there, but you may not open it."),
            Some(Remedy::command("Join the group that may, then sign out and in.", "sudo usermod -aG kvm \"$USER\"")),
        ),
        io::ErrorKind::NotFound => (
            format!("There is no {DEVICE}."),
            Some(Remedy::command(
                "Enable virtualisation in the computer's firmware, and load the kernel's module for it.",
                "sudo modprobe kvm_intel || sudo modprobe kvm_amd",
            )),
        ),
        _ => (format!("{DEVICE} can't be opened: {error}."), None),
    };
    Unaccelerated { because, remedy }
}

fn accelerate(command: &mut Command, acceleration: &Acceleration) {
    match acceleration {
        Acceleration::Hardware => command.args(["-accel", "kvm", "-cpu", "host"]),
        Acceleration::Emulation(_) => {
            command.arg("-accel").arg(format!("tcg,thread=multi,tb-size={TRANSLATED_MIB}")).args(["-cpu", "max"])
        }
    };
}

fn boot(command: &mut Command, image: &Image) {
    command.arg("-kernel").arg(&image.kernel).arg("-initrd").arg(&image.initrd);
    command.args(["-append", KERNEL_ARGUMENTS]);
}

fn disk(command: &mut Command, id: &str, file: &Path, options: &str, serial: &str) {
    let file = quoted(file);
    command.arg("-drive").arg(format!("if=none,id={id},format=raw,file={file},{options}"));
    command.arg("-device").arg(format!("virtio-blk-pci,drive={id},serial={serial}"));
}

/// Of what `--version` prints: `QEMU emulator version 7.2.22 (Debian ...)`.
fn version_in(printed: &str) -> Option<(u32, u32)> {
    let (_, version) = printed.split_once(" version ")?;
    let mut numbers = version.split(|character: char| !character.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A path within an option of QEMU's, where a comma ends it unless it is doubled.
fn quoted(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (printed, version) in [
            ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright", Some((7, 2))),
            ("QEMU emulator version 10.0.2\n", Some((10, 0))),
            ("QEMU emulator version 8.1.50 (v8.1.0-2047-gdeadbeef)", Some((8, 1))),
            ("QEMU emulator version 9", None),
            ("something else", None),
            ("", None),
        ] {
            assert_eq!(version_in(printed), version, "{printed}");
        }
    }

    #[test]
    fn what_lets_the_processor_run_vms_is_named() {
        for (kind, because, command) in [
            (
                io::ErrorKind::PermissionDenied,
                "/dev/kvm is there, but you may not open it.",
                Some("sudo usermod -aG kvm \"$USER\""),
            ),
            (
                io::ErrorKind::NotFound,
                "There is no /dev/kvm.",
                Some("sudo modprobe kvm_intel || sudo modprobe kvm_amd"),
            ),
            (io::ErrorKind::ResourceBusy, "/dev/kvm can't be opened: resource busy.", None),
        ] {
            let Unaccelerated { because: said, remedy } = unopened(&kind.into());
            assert_eq!((said.as_str(), remedy.and_then(|remedy| remedy.command).as_deref()), (because, command));
        }
    }

    #[test]
    fn an_old_qemu_emulates_one_processor() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("qemu");
        let size = Size { cpus: 4, memory_mib: 640, disk_bytes: 4 << 30 };
        let emulation = Acceleration::Emulation(Unaccelerated::default());
        for (version, acceleration, cpus) in [
            ("7.2.22", &emulation, 1),
            ("8.0.5", &emulation, 1),
            ("8.1.0", &emulation, 4),
            ("unknown", &emulation, 1),
            ("7.2.22", &Acceleration::Hardware, 4),
        ] {
            std::fs::write(&program, format!("#!/bin/sh\necho QEMU emulator version {version}\n")).unwrap();
            std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
            let (fitted, why) = Qemu { program: program.clone() }.fit(size, acceleration);
            assert_eq!((fitted, why.is_some()), (Size { cpus, ..size }, cpus == 1), "{version}");
        }
    }
}
