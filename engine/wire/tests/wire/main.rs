//! The protocol's messages and frames, from outside.
#![allow(clippy::unwrap_used)]

mod damage;
mod frames;
mod greeting;
mod lists;
mod random;
mod samples;
