//! What Causeway remembers on disk about a share: an endpoint's index, and the session's ledger.
//!
//! [`Index`] holds what an endpoint knows of its file system, with the fingerprints that tell an unchanged file, and a journal
//! of changes from which [`Index::changes`] makes the feed of a session. [`LedgerStore`] holds what both sides agreed on.
//! Both are SQLite files with one owner, which never stand inside a share.
//!
//! Absent by design: looking at the share's files (the endpoint does), deciding (the session does), threads. A damaged file, or
//! one of another version, is set aside and a new one begun: what is lost is knowledge, never content.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod aside;
mod codec;
mod directories;
mod error;
mod index;
mod ledger;
mod store;

pub use error::{IndexError, StoreError};
pub use index::{Counts, DirId, Durability, Fingerprint, Identity, Index, Journal, Row, SyncMark, Window};
pub use ledger::{IntentLog, LedgerStore};
pub use store::Origin;
