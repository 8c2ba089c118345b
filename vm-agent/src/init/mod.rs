//! The agent as PID 1 of a VM: brings the guest up, starts what runs in it, looks after it, and takes it down in order.
//!
//! ```text
//!  modules ─► what the host tells (fw_cfg) ─► root file system ─► data disk ─► network ─► services: agent, dockerd
//! ```
//!
//! The sessions with the engine are a child process, the same program again: when it breaks, this one starts it anew, and the guest
//! lives on. When the child ends because the engine asked for it, the guest is shut down. How far the boot is, and why it
//! can't go on, stands on the console, in lines that the engine knows by their beginning ([`causeway_wire::boot`]).
//!
//! Absent by design: a shell, scripts, a configuration. Programs of others (mke2fs, e2fsck, ip, dockerd) are started by their whole
//! paths.

mod console;
mod data_disk;
mod disks;
mod fw_cfg;
mod modules;
mod mounts;
mod network;
mod power;
mod services;
mod tool;

use anyhow::{Context, Result};
use causeway_wire::boot::STAGE_AGENT;

/// Whether this process is the first of its system.
pub fn is_first() -> bool {
    rustix::process::getpid().is_init()
}

/// Runs the guest, to its end.
pub fn run() -> ! {
    if let Err(error) = live() {
        console::failure(&format!("{error:#}"));
    }
    power::off()
}

fn live() -> Result<()> {
    mounts::kernel()?;
    console::stage("loading modules");
    modules::load().context("the kernel's modules")?;
    let boot = fw_cfg::take().context("what the host tells")?;
    console::stage("mounting the root file system");
    mounts::enter_root().context("the root file system")?;
    mounts::writable()?;
    rustix::system::sethostname(boot.hostname.as_bytes()).context("the host's name")?;
    console::stage("checking the data disk");
    data_disk::open(boot.data).context("the data disk")?;
    console::stage(STAGE_AGENT);
    let services = services::Services::default();
    services.start(services::agent(&boot))?;
    // What follows the agent needn't wait for.
    network::bring_up().context("the network")?;
    console::stage("starting Docker");
    services.start(services::docker())?;
    services.watch();
    console::stage("shutting down");
    services.end();
    Ok(())
}
