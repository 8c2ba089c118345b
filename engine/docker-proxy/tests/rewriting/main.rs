//! Requests as real clients send them, and answers as Docker gives them, with other paths in them.
#![allow(clippy::unwrap_used)]

mod answers;
mod requests;
