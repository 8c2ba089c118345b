//! One side of a share at work: an endpoint with its watcher and the threads that look, answer and make durable.
//!
//! Absent by design: deciding (the session does), the connection.

mod side;

pub use side::{Answer, Events, ShareSide};
