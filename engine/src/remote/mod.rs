//! The engine's end of its connections to an agent.
//!
//! The agent dials; the [`Door`] greets each connection and hands it to whoever expects it. [`AgentLink`] is the agent's control
//! connection, [`RemoteSide`] a share's own connection, [`Lanes`] carries the share's batches. Each has threads that block in reads;
//! whoever calls writes.
//!
//! Every connection ends at its first fault: a broken stream, a message that goes against the protocol, a peer that doesn't
//! take what is sent. Its owner is told once, with the reason, and nothing is called after that.
//!
//! Absent by design: starting again (the owner does), deciding.

mod door;
mod lanes;
mod link;
#[cfg(unix)]
mod listen;
mod loss;
mod moving;
mod pending;
mod share;

pub use door::{Arrived, Door, DoorError, Expected, ExpectedAgent, ExpectedChannel};
pub use lanes::{Delivery, Lanes};
pub use link::{AgentError, AgentLink, Opened};
#[cfg(unix)]
pub use listen::Listener;
pub use loss::{Loss, OnLoss};
pub use share::RemoteSide;
