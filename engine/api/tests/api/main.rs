//! The server and the client of the control API, over a real socket in a directory of its own, with a handler that
//! keeps its shares in memory.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod bad_input;
mod calls;
mod handler;
mod subscription;
#[cfg(feature = "ts")]
mod typescript;
