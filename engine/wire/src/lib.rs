//! What engine and agent say to each other: frames, messages, and the greeting with which a connection begins.
//!
//! The protocol as a whole is told in `docs/protocol.md`. An agent has one connection for [`agent`] control, and per share one for
//! [`share`] control and one for each [`lane`]. All are dialled by the agent and begin with a [`greeting`].
//!
//! The peer isn't trusted. A frame's length is bounded before it is read, every list and text within it by a bound of its own, and
//! a path is a [`RelPath`](causeway_sync::RelPath) from the moment it is decoded. What goes against the protocol ends the
//! connection; nothing is guessed or skipped.
//!
//! Absent by design: file systems, threads, async, time. Sockets appear only as the trait [`Stream`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod agent;
pub mod boot;
pub mod bounded;
pub mod channel;
pub mod errand;
pub mod frame;
pub mod greeting;
pub mod lane;
pub mod parts;
pub mod share;
pub mod shell;
pub mod stream;

mod check;

pub use frame::{FRAME_BYTES_MAX, FrameError, FrameReader, FrameWriter, Malformed, Message, decode};
pub use stream::Stream;
