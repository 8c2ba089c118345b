//! `causeway engine run`: this process becomes the engine.
//!
//! The one place where the command touches the engine's crate. Everything else talks to a running engine.

use causeway_api::Home;
use causeway_engine::MachineAtStart;

/// Runs until a signal or a request stops it.
pub fn run(home: Home, background: bool, without_machine: bool) -> anyhow::Result<()> {
    if background {
        leave_session();
    }
    let machine = if without_machine { MachineAtStart::LeftAlone } else { MachineAtStart::Started };
    causeway_engine::run(home, machine)
}

/// So that the end of the terminal isn't the end of the engine (setsid(2)).
#[cfg(unix)]
fn leave_session() {
    // It fails where this process leads a session already, which is as good.
    let _ = rustix::process::setsid();
}

#[cfg(not(unix))]
fn leave_session() {}
