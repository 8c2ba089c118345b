//! One side's file system: looking at it, watching it, receiving content aside and changing it.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod fs;
pub mod runner;
pub mod watch;
