//! Causeway as people use it, with real processes on real folders.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod both_ways;
mod compose;
mod conflicts;
mod crashes;
mod disks;
mod docker;
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
