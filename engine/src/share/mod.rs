//! Shares: how they come to be, and what keeps each running.

pub mod check;
