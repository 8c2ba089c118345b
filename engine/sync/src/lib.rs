//! The pure core of Causeway: paths, entries, ignore rules, reconcile, guards, and the session as a state machine.
//!
//! Absent by design: I/O, clocks, randomness, threads, async. What the core needs to know it is told, time included; what it
//! wants done it says. The only state outside it, the [`ledger`], is a trait that the caller implements.

pub mod entry;
pub mod path;

pub use entry::{Digest, Entry, File, Side, Target};
pub use path::{Name, NameBuf, RelPath, RelPathBuf};
