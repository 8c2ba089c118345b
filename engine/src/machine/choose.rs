//! Which machine an engine has, and why.

use std::sync::Arc;

use anyhow::Context;
use causeway_api::{Acceleration, Home, MachineChoice, Remedy};

use super::local::LocalMachine;
use super::{Machine, settings};

/// Names another choice than the settings: `local`, `vm` or `auto`.
pub const MACHINE_VARIABLE: &str = "CAUSEWAY_MACHINE";

/// Why a machine is a directory.
#[derive(Debug)]
pub struct Chosen {
    /// As a sentence.
    pub because: String,
    /// What would let the processor run a VM, where that is why.
    pub acceleration_remedy: Option<Remedy>,
}

/// Makes the machine that the settings ask for, or that this computer suits.
pub fn choose(home: &Home) -> anyhow::Result<Arc<dyn Machine>> {
    let (kind, who) = match std::env::var(MACHINE_VARIABLE).as_deref() {
        Ok("local") => (MachineChoice::Local, MACHINE_VARIABLE),
        Ok("vm") => (MachineChoice::Vm, MACHINE_VARIABLE),
        Ok("auto") | Err(_) => (settings::read(home.root())?.kind, "You"),
        Ok(other) => anyhow::bail!("{MACHINE_VARIABLE} is \"{other}\", and may be local, vm or auto"),
    };
    let because = format!("{who} chose it.");
    match kind {
        MachineChoice::Local => local(home, Chosen { because, acceleration_remedy: None }),
        MachineChoice::Vm => vm(home, because),
        MachineChoice::Auto => match acceleration(home) {
            Acceleration { refused: None, .. } => vm(home, "The processor runs VMs.".to_owned()),
            Acceleration { refused: Some(why_not), remedy } => {
                let because = format!("A VM doesn't suit this computer: {why_not}");
                local(home, Chosen { because, acceleration_remedy: remedy })
            }
        },
    }
}

/// Tries anew whether the processor runs VMs.
pub fn try_acceleration(home: &Home) -> std::io::Result<Acceleration> {
    #[cfg(unix)]
    super::vm::trial::forget(&super::vm::trial_file(home))?;
    Ok(acceleration(home))
}

fn local(home: &Home, chosen: Chosen) -> anyhow::Result<Arc<dyn Machine>> {
    tracing::info!(because = chosen.because, "the machine is a directory");
    Ok(LocalMachine::new(home, chosen).context("could not prepare the machine")?)
}

#[cfg(unix)]
fn vm(home: &Home, because: String) -> anyhow::Result<Arc<dyn Machine>> {
    tracing::info!(because, "the machine is a VM");
    Ok(super::vm::VmMachine::new(home, because).context("could not prepare the machine")?)
}

#[cfg(not(unix))]
fn vm(_: &Home, _: String) -> anyhow::Result<Arc<dyn Machine>> {
    anyhow::bail!("there are no VMs on this system yet")
}

/// Whether the processor runs VMs, as the last trial showed, or a new one.
#[cfg(unix)]
fn acceleration(home: &Home) -> Acceleration {
    use super::vm::hypervisor::{self, Unaccelerated};
    use super::vm::{parts::Parts, trial, trial_file};
    let parts = match Parts::find() {
        Ok(parts) => parts,
        Err(error) => return Acceleration { refused: Some(format!("{error}.")), remedy: None },
    };
    match trial::acceleration(&*parts.hypervisor, &parts.image, &trial_file(home)) {
        hypervisor::Acceleration::Hardware => Acceleration::default(),
        hypervisor::Acceleration::Emulation(Unaccelerated { because, remedy }) => {
            Acceleration { refused: Some(because), remedy }
        }
    }
}

#[cfg(not(unix))]
fn acceleration(_: &Home) -> Acceleration {
    Acceleration { refused: Some("There are none for this system yet.".to_owned()), remedy: None }
}
