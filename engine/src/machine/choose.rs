//! Which machine an engine has, and why.

use std::sync::Arc;

use anyhow::Context;
use causeway_api::{Home, MachineChoice};

use super::local::LocalMachine;
use super::{Machine, settings};

/// Names another choice than the settings: `local`, `vm` or `auto`.
pub const MACHINE_VARIABLE: &str = "CAUSEWAY_MACHINE";

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
        MachineChoice::Local => local(home, because),
        MachineChoice::Vm => vm(home, because),
        MachineChoice::Auto => match vm_suits(home) {
            Ok(()) => vm(home, "The processor runs VMs.".to_owned()),
            Err(why_not) => local(home, format!("A VM doesn't suit this computer: {why_not}")),
        },
    }
}

fn local(home: &Home, because: String) -> anyhow::Result<Arc<dyn Machine>> {
    tracing::info!(because, "the machine is a directory");
    Ok(LocalMachine::new(home, because).context("could not prepare the machine")?)
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

/// Whether a VM would be fast, or why not, as a sentence.
#[cfg(unix)]
fn vm_suits(home: &Home) -> Result<(), String> {
    use super::vm::{hypervisor::Acceleration, parts::Parts, trial};
    let parts = Parts::find().map_err(|error| format!("{error}."))?;
    match trial::acceleration(&*parts.hypervisor, &parts.image, &super::vm::trial_file(home)) {
        Acceleration::Hardware => Ok(()),
        Acceleration::Emulation { because } => Err(because),
    }
}

#[cfg(not(unix))]
fn vm_suits(_: &Home) -> Result<(), String> {
    Err("there are none for this system yet.".to_owned())
}
