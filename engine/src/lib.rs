//! The engine: shares, their sessions, the machine that holds the other side, and the control API.
//!
//! Absent by design: knowledge of file systems (`causeway-endpoint`), decisions about entries (`causeway-sync`), what the app
//! and the command see (`causeway-api`). Here these are started, joined and ended.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod lock;
pub mod logging;
pub mod machine;
pub mod settings;
pub mod share;
