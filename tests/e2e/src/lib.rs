//! Tests of Causeway as people use it: the real `causeway`, the engine that it starts, the real agent, real folders.
//!
//! A [`Place`] is a `CAUSEWAY_HOME` of its own, with everything that runs in it; dropping it ends that, and fails the test if a
//! process is left over. Every wait is bounded.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

pub mod crates;
pub mod disk;
pub mod dockerd;
pub mod load;
pub mod meddler;
pub mod place;
pub mod random;
pub mod share;
pub mod terminal;
pub mod tree;
pub mod vm;
pub mod watcher;

pub use disk::Disk;
pub use dockerd::{Docked, HasDocker};
pub use load::Load;
pub use meddler::{Meddler, Meddling, Party};
pub use place::{Place, Ran};
pub use random::Random;
pub use share::Share;
pub use terminal::Terminal;
pub use tree::{Node, Tree, snapshot};
pub use vm::Vm;
pub use watcher::{Sighting, Tool, Watcher};

use std::time::{Duration, Instant};

/// Longest that anything may take that isn't said to take longer. Far more than it should: tests share the computer.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until something is so; fails with what `describe` says when it isn't in time.
pub fn eventually(mut so: impl FnMut() -> bool, describe: impl FnOnce() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "in vain: {}", describe());
        std::thread::sleep(Duration::from_millis(5));
    }
}
