//! Machines: where the guest's side of every share lives.

pub mod backoff;
pub mod process;
