//! What runs a VM: a program of somebody else's.
//!
//! Causeway's demands are few, so that others can stand in for QEMU: a kernel with an initrd, two disks with serial numbers, a
//! console on a Unix socket, a vsock device, a few bytes that the guest's root alone can read, and a network of which the host needs
//! no configuration. `docs/design/0004-the-vm.md` tells how vfkit, Cloud Hypervisor and Hyper-V meet them, and what they lack.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use causeway_api::Remedy;

use super::image::Image;
use super::installed;
use super::vsock::GuestEnd;
use crate::machine::settings::Size;

/// How fast a guest's instructions are carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceleration {
    /// By the processor.
    Hardware,
    /// By a program: ten times slower and more.
    Emulation(Unaccelerated),
}

/// Why the processor doesn't run a VM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unaccelerated {
    /// As a sentence.
    pub because: String,
    /// What would help, where something is known to.
    pub remedy: Option<Remedy>,
}

impl fmt::Display for Acceleration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hardware => f.write_str("hardware virtualisation"),
            Self::Emulation(_) => f.write_str("emulation, which is slow"),
        }
    }
}

/// A VM that is to be started.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Kernel, initrd and root file system.
    pub image: &'a Image,
    /// The data disk: a raw file.
    pub data_disk: &'a Path,
    /// How much of the computer it gets.
    pub size: Size,
    /// How it runs.
    pub acceleration: &'a Acceleration,
    /// The host's end of the console: a Unix socket that is listening already.
    pub console: &'a Path,
    /// The vsock device.
    pub vsock: GuestEnd,
    /// A file that holds what the guest is told ([`causeway_wire::boot`]).
    pub boot: &'a Path,
}

/// Why a hypervisor can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HypervisorError {
    /// Its program isn't there.
    #[error("the program {program} was not found")]
    Missing {
        /// Its name.
        program: &'static str,
        /// The package of Debian and Ubuntu that has it.
        package: &'static str,
    },
    /// It is for other processors.
    #[error("there is no image for this computer's processor")]
    Processor,
}

/// Runs VMs. Its programs end with the process that started them.
pub trait Hypervisor: Send + Sync {
    /// What people call it.
    fn name(&self) -> &'static str;
    /// Its version, in its own words; nothing where it doesn't tell.
    fn version(&self) -> String;
    /// What of a size a guest that runs so can be given, and why where that is less, as a sentence.
    fn fit(&self, size: Size, acceleration: &Acceleration) -> (Size, Option<String>);
    /// The program that runs a VM until the guest switches itself off. Its standard error tells what it has to say.
    fn command(&self, plan: &Plan<'_>) -> Command;
    /// A command that boots an image without any disk by the processor, with the console on standard output, and ends soon: the agent
    /// has nothing to go on from. Why not, where the system offers no hardware virtualisation.
    fn trial(&self, image: &Image) -> Result<Command, Unaccelerated>;
}

/// A program by its name: what the variable names, else installed with this program, else on the path.
pub fn find_program(name: &str, variable: &str) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(variable) {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    // What `cargo install` puts where not every shell looks.
    let cargo = directories::BaseDirs::new().map(|dirs| dirs.home_dir().join(".cargo/bin"));
    let places = installed::places().into_iter().chain(std::env::split_paths(&path)).chain(cargo);
    places.map(|place| place.join(name)).find(|path| path.is_file())
}
