//! QEMU.

use std::path::{Path, PathBuf};
use std::process::Command;

use causeway_wire::boot::{DATA_SERIAL, FW_CFG_NAME, ROOT_SERIAL};

use super::hypervisor::{Acceleration, Hypervisor, HypervisorError, Plan, find_program};
use super::image::Image;
use super::vsock::GuestEnd;
use crate::machine::life::end_with_this_process;

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

impl Hypervisor for Qemu {
    fn name(&self) -> &'static str {
        "QEMU"
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
        command
    }

    fn trial(&self, image: &Image) -> Result<Command, String> {
        const DEVICE: &str = "/dev/kvm";
        if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open(DEVICE) {
            return Err(format!("{DEVICE} can't be opened: {error}."));
        }
        let mut command = self.bare();
        command.args(["-machine", "q35", "-smp", "1", "-m"]).arg(format!("{TRIAL_MIB}M"));
        accelerate(&mut command, &Acceleration::Hardware);
        boot(&mut command, image);
        command.args(["-serial", "stdio"]);
        Ok(command)
    }
}

fn accelerate(command: &mut Command, acceleration: &Acceleration) {
    match acceleration {
        Acceleration::Hardware => command.args(["-accel", "kvm", "-cpu", "host"]),
        Acceleration::Emulation { .. } => {
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

/// A path within an option of QEMU's, where a comma ends it unless it is doubled.
fn quoted(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}
