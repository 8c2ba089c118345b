//! The `causeway` program as a person or a script runs it, against a server of the control API whose answers each test
//! chooses; and against the engine itself, where starting and stopping it is what is tested.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod create;
mod engine;
mod lists;
mod logs;
mod paths;
mod program;
mod requests;
mod script;
mod terminal;
