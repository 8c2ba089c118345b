//! Docker's API as programs on the host see it: paths of the host in, paths of the host out, whatever places in the machine stand for
//! them.
//!
//! ```text
//!  client ──► route ──► request: find paths ──► Host: where are they? ──► rewrite ──► Docker
//!         ◄── answer: places become paths ◄──────────────────────────────────────── │
//!         ◄═════════ everything else, and streams both ways, as it is ═════════════►
//! ```
//!
//! - Only the strings that name paths change; all else of a request and an answer stays as it was written, byte for byte.
//! - It fails closed: a bind is rewritten, or the request is refused with Docker's own kind of error. What can be read in two ways is
//!   refused.
//! - A body that needs no rewriting is never held back; one that does is bounded.
//! - Neither end is trusted to keep to the protocol. Whatever Docker answers, no more than the one client is affected.
//!
//! Absent by design: shares, the machine, the file system. [`Host`] stands for them.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod answer;
pub mod bind;
#[cfg(unix)]
mod client_stream;
#[cfg(unix)]
mod connection;
#[cfg(unix)]
mod docker;
#[cfg(unix)]
mod forward;
#[cfg(unix)]
mod hijack;
mod host;
mod json;
#[cfg(unix)]
mod known;
mod needs;
mod refusal;
pub mod request;
pub mod route;

#[cfg(unix)]
pub use connection::Proxy;
#[cfg(unix)]
pub use docker::{Docker, DockerError, Events};
pub use host::{Host, Later, Place, Unready};
pub use needs::{Needs, Project};
pub use refusal::Refusal;
