//! The pure core of Causeway: paths, entries, ignore rules, reconcile, guards, and the session as a state machine.
//!
//! Absent by design: I/O, clocks, randomness, threads, async. What the core needs to know it is told, time included; what it
//! wants done it says. The only state outside it, the [`ledger`], is a trait that the caller implements.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod change;
pub mod content;
pub mod entry;
pub mod ignore;
pub mod ledger;
pub mod path;
pub mod plan;
pub mod reconcile;
pub mod session;

pub use change::{Capabilities, Change, Changes, Epoch, Hello, Replica, Seq};
pub use entry::{Digest, Entry, File, Side, Target};
pub use ledger::Ledger;
pub use path::{Name, NameBuf, RelPath, RelPathBuf};
pub use plan::{Action, Batch, BatchId, Lane, Operation, Outcome, Problem, ProblemKind, Source};
pub use reconcile::{Mode, reconcile};
pub use session::Session;
