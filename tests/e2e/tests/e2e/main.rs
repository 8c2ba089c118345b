//! Causeway as people use it, with real processes on real folders.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod both_ways;
mod compose;
mod conflicts;
mod crashes;
mod disks;
mod docker;
mod docker_py;
mod extremes;
mod flush;
mod halts;
mod hostile;
mod life;
mod many;
mod modes;
mod real_input;
mod rules;
mod vm;
mod watchers;
