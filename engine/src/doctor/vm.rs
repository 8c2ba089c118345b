//! What a VM needs of the computer, piece by piece.

use std::path::Path;

use causeway_api::{Check, MachineInfo, MachineKind, MachineState, Remedy, Verdict};

use super::check;
use super::system::memory;
use crate::machine::settings;
use crate::machine::vm::hypervisor::HypervisorError;
use crate::machine::vm::image::{Image, ImageError};
use crate::machine::vm::qemu::Qemu;
use crate::machine::vm::room;
use crate::machine::vm::vsock;

/// Looks at each piece. What is missing is bad where the machine is a VM, and no more than said where it isn't.
pub fn examine(machine: &MachineInfo, home: &Path) -> Vec<Check> {
    let missing = match machine.kind {
        MachineKind::Vm => Verdict::Bad,
        MachineKind::Local | MachineKind::Attach => Verdict::Good,
    };
    let mut checks = vec![
        check("machine_choice", "What the machine is", Verdict::Good, choice(machine)),
        check_image(missing),
        check_hypervisor(missing),
        check_vsock(missing),
    ];
    if machine.kind == MachineKind::Vm {
        checks.extend(check_room(machine, home));
    }
    checks.extend(machine.vm.as_ref().map(|vm| match &vm.emulated_because {
        None => check("vm_speed", "Speed of the VM", Verdict::Good, "The processor runs it.".to_owned()),
        Some(because) => Check {
            remedy: machine.acceleration_remedy.clone(),
            ..check(
                "vm_speed",
                "Speed of the VM",
                Verdict::Warning,
                format!("It is emulated, which is slow. {because}"),
            )
        },
    }));
    checks
}

fn choice(machine: &MachineInfo) -> String {
    format!("{}. {}", machine.kind.words(), machine.chosen_because)
}

/// Memory and disk, where the settings can be read; that they can't is told elsewhere.
fn check_room(machine: &MachineInfo, home: &Path) -> Option<Check> {
    let (code, title) = ("vm_room", "Room for the VM");
    let size = settings::size(&settings::read(home).ok()?);
    let disk = machine.disk_path.as_ref()?.to_path()?;
    // A VM that runs has its memory already.
    let presses = (machine.state != MachineState::Running).then(|| room::presses(size, memory().1)).flatten();
    Some(match (room::check(size, disk.parent()?), presses) {
        (Err(error), _) => Check { remedy: Some(error.remedy()), ..check(code, title, Verdict::Bad, sentence(&error)) },
        (Ok(()), Some((presses, remedy))) => {
            Check { remedy: Some(remedy), ..check(code, title, Verdict::Warning, presses) }
        }
        (Ok(()), None) => {
            let enough = format!("There is enough for its {} MiB of memory, and for its disk.", size.memory_mib);
            check(code, title, Verdict::Good, enough)
        }
    })
}

fn check_image(missing: Verdict) -> Check {
    let (code, title) = ("vm_image", "Image of the VM");
    match Image::open(&Image::place()) {
        Ok(image) => {
            let at = image.directory.display();
            check(code, title, Verdict::Good, format!("It is at {at}, with Linux {}.", image.release))
        }
        Err(error) => {
            let remedy = match &error {
                ImageError::Missing(_) => "Install the image beside this program, or make it: cargo xtask image",
                ImageError::Damaged { .. } => "Install the image again, or make it anew: cargo xtask image --refresh",
                ImageError::Version { .. } => "Install the image that belongs to this version of Causeway.",
            };
            Check { remedy: Some(Remedy::sentence(remedy)), ..check(code, title, missing, sentence(&error)) }
        }
    }
}

fn check_hypervisor(missing: Verdict) -> Check {
    let (code, title) = ("vm_hypervisor", "Hypervisor");
    match Qemu::find() {
        Ok(qemu) => check(code, title, Verdict::Good, format!("QEMU is at {}.", qemu.program().display())),
        Err(error) => {
            let remedy = match &error {
                HypervisorError::Missing { package, .. } => Some(Remedy::command(
                    "Install it.",
                    format!("sudo apt-get install --no-install-recommends {package}"),
                )),
                HypervisorError::Processor => None,
            };
            Check { remedy, ..check(code, title, missing, sentence(&error)) }
        }
    }
}

fn check_vsock(missing: Verdict) -> Check {
    let (code, title) = ("vm_vsock", "Way into the VM");
    match vsock::find() {
        Ok(None) => check(code, title, Verdict::Good, format!("The kernel's vsock, {}.", vsock::KERNEL_DEVICE)),
        Ok(Some(program)) => check(code, title, Verdict::Good, format!("vsock by {}.", program.display())),
        Err(error) => Check {
            remedy: Some(Remedy::command("Load the kernel's module for it.", "sudo modprobe vhost_vsock")),
            ..check(code, title, missing, sentence(&error))
        },
    }
}

fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}
