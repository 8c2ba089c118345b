//! Machines: where the guest's side of every share lives, and the agent that looks after it.

pub mod backoff;
pub mod local;
pub mod process;
mod watchers;

use std::sync::Arc;
use std::time::Duration;

use causeway_api::{ApiError, MachineInfo, PathBytes, Remedy};
use causeway_wire::agent::ShareId;

use crate::remote::{AgentLink, Door};

pub use watchers::{Watchers, Watching};

/// Why there is no agent.
#[derive(Clone, Debug)]
pub struct Absent {
    /// As a sentence.
    pub reason: String,
    /// What a person can do, where waiting doesn't help.
    pub remedy: Option<Remedy>,
}

/// Where the guest's side of every share lives.
///
/// A machine starts its agent, and starts it again when it ends by itself; the agent dials in at the [door](Door). Methods may be
/// called from any thread; none but [`Self::stop`] and [`Self::wait_until_ready`] waits.
pub trait Machine: Send + Sync {
    /// Wants it to run, from now on until [`Self::stop`].
    fn start(&self);
    /// Wants it stopped, and waits until it is: in good order, or otherwise when `limit` has passed.
    fn stop(&self, limit: Duration);
    /// Waits until the agent answers, or says why it doesn't.
    fn wait_until_ready(&self, limit: Duration) -> Result<(), ApiError>;
    /// How it is.
    fn info(&self) -> MachineInfo;
    /// The agent that answers now.
    fn agent(&self) -> Result<Arc<AgentLink>, Absent>;
    /// Where a share's copy stands inside the machine, as far as that is known before the agent says so.
    fn content_path(&self, share: ShareId) -> Option<PathBytes>;
    /// Where the agent's connections arrive.
    fn door(&self) -> &Door;
    /// Has `changed` called, on any thread and without waiting for it, whenever [`Self::info`] or [`Self::agent`] would say
    /// something else; until what is returned is dropped.
    fn watch(&self, changed: Box<dyn Fn() + Send + Sync>) -> Watching;
}
