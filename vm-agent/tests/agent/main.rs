//! The agent as a process, with a test in the engine's place.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod engine;
mod life;
mod shares;
