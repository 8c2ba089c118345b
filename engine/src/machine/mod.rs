//! Machines: where the guest's side of every share lives, and the agent that looks after it.

pub mod backoff;
pub mod choose;
#[cfg(unix)]
mod life;
pub mod local;
mod presence;
pub mod process;
pub mod settings;
pub mod usage;
#[cfg(unix)]
pub mod vm;
mod watchers;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use causeway_api::{ApiError, ErrorCode, MachineInfo, MachineState, Remedy};

use crate::remote::{AgentLink, Door};

use self::usage::{Bounds, Measured};

pub use watchers::{Watchers, Watching};

/// Why there is no agent.
#[derive(Clone, Debug)]
pub struct Absent {
    /// As a sentence.
    pub reason: String,
    /// What a person can do, where waiting doesn't help.
    pub remedy: Option<Remedy>,
}

/// How long a machine may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From its start until the agent answers.
    pub start: Duration,
    /// To end in good order.
    pub stop: Duration,
}

impl Absent {
    /// Why a machine that is so has no agent.
    fn of(info: &MachineInfo) -> Self {
        let reason = match (info.state, &info.detail) {
            (_, Some(detail)) => detail.clone(),
            (MachineState::Stopped, None) => "The machine is stopped.".to_owned(),
            (_, None) => "The machine is starting.".to_owned(),
        };
        Self { reason, remedy: info.remedy.clone() }
    }
}

impl From<Absent> for ApiError {
    fn from(Absent { reason, remedy }: Absent) -> Self {
        Self { remedy, ..Self::new(ErrorCode::MachineUnavailable, reason) }
    }
}

/// What moves a machine on that is in this state.
fn remedy_for(state: MachineState, failing: bool) -> Option<Remedy> {
    match state {
        MachineState::Stopped => Some(Remedy::command("Start it.", "causeway machine start")),
        MachineState::Failed | MachineState::Starting if failing => {
            Some(Remedy::command("See what is missing.", "causeway doctor"))
        }
        _ => None,
    }
}

/// Where the guest's side of every share lives.
///
/// A machine starts its agent, and starts it again when it ends by itself; the agent dials in at the [door](Door). Methods may be
/// called from any thread; none but [`Self::stop`], [`Self::wait_until_ready`] and [`Self::connect_docker`] waits.
pub trait Machine: Send + Sync {
    /// Wants it to run, from now on until [`Self::stop`].
    fn start(&self);
    /// Wants it stopped, and waits until it is: in good order, or otherwise when `limit` has passed.
    fn stop(&self, limit: Duration);
    /// How long a start and a stop may take.
    fn patience(&self) -> Patience;
    /// Waits until the agent answers, or says why it doesn't.
    fn wait_until_ready(&self, limit: Duration) -> Result<(), ApiError>;
    /// Deletes its disk, with everything in it. Only while it is stopped.
    fn reset(&self) -> Result<(), ApiError>;
    /// How it is.
    fn info(&self) -> MachineInfo;
    /// The agent that answers now.
    fn agent(&self) -> Result<Arc<AgentLink>, Absent>;
    /// The directory that is its disk, for what runs in it. The copies of shares stand there.
    fn disk(&self) -> &Path;
    /// Whether it runs a Docker of its own.
    fn has_docker(&self) -> bool {
        false
    }
    /// Joins `end` with its own Docker. Waits for one that is on its way up; says why there is none, as a sentence.
    #[cfg(unix)]
    fn connect_docker(&self, _end: std::os::unix::net::UnixStream) -> Result<(), String> {
        Err("the machine has no Docker of its own.".to_owned())
    }
    /// The last lines that it printed.
    fn console(&self) -> Vec<String> {
        Vec::new()
    }
    /// What it takes of this computer now; `None` while it doesn't run, or where this system doesn't tell.
    fn measure(&self) -> Option<Measured>;
    /// What it may take at most.
    fn bounds(&self) -> Bounds {
        Bounds::of_this_computer()
    }
    /// Where the agent's connections arrive.
    fn door(&self) -> &Door;
    /// Has `changed` called, on any thread and without waiting for it, whenever [`Self::info`] or [`Self::agent`] would say
    /// something else; until what is returned is dropped.
    fn watch(&self, changed: Box<dyn Fn() + Send + Sync>) -> Watching;
}
