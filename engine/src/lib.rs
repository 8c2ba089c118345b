//! The engine: shares, their sessions, the machine that holds the other side, and the control API.
//!
//! ```text
//!  app, command ──► control API ──► Engine ──► share ──► Session (pure) ──► host endpoint
//!                    (handler)        │           └─────────────────────► lanes, remote side ──► agent
//!                                     └──► machine: starts the agent, and starts it again
//! ```
//!
//! Absent by design: knowledge of file systems (`causeway-endpoint`), decisions about entries (`causeway-sync`), what the app
//! and the command see (`causeway-api`). Here these are started, joined and ended. tokio carries the control API alone; what
//! synchronises runs on threads that block.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod activity;
pub mod docker;
pub mod doctor;
pub mod engine;
pub mod folder;
pub mod handler;
pub mod logging;
mod looks;
pub mod machine;
pub mod preparations;
mod remembered;
pub mod remote;
mod run;
pub mod settings;
pub mod share;

pub use run::{MachineAtStart, run};
