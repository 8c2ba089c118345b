//! The engine's end and the agent's end of a share's connections, over real sockets, with real endpoints.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod door;
mod ends;
mod hostile;
mod lanes;
mod share;
