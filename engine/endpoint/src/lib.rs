//! One side's file system: looking at it, watching it, receiving content aside and changing it.
//!
//! [`Endpoint`] is the same code on both sides: blocking calls over an [`Fs`](fs::Fs), with no threads and no timers of its own, so that
//! a simulation can run it inline. It keeps the [`Index`](causeway_index::Index) of its side true to the disk, tells the
//! session what has changed, supplies content, and carries out what the session decides.
//!
//! Absent by design: deciding what is to be changed (the session does), the transport, threads, a schedule. Times are passed in.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod apply;
mod below;
mod delta;
mod dirs;
mod edit;
mod endpoint;
mod error;
mod excluded;
mod feed;
mod flights;
pub mod fs;
mod hash;
mod left_aside;
mod look;
mod names;
mod problem;
mod recycle_bin;
mod rename;
mod renames;
mod restore;
mod rules;
pub mod runner;
mod seen;
pub mod serve;
mod settings;
mod supply;
mod syncs;
mod verify;
mod walk;
pub mod watch;

pub use apply::{Applier, Complete};
pub use edit::{Edited, edit};
pub use endpoint::Endpoint;
pub use error::{KeepError, LookError, OpenError, ProtocolError};
pub use feed::Inquiry;
pub use recycle_bin::{BinId, InvalidBinId, Item, Reason, Retention, Usage};
pub use settings::{Dirty, Later, Look, Looked, Settings, Symlinks};
pub use supply::{AskSignature, TakeContent};
pub use verify::Verified;
