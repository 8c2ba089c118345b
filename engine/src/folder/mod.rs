//! Folders of the host, looked at for a person: what is in one that may become a share, what a `.syncignore` does, what stands in
//! a file. Looking only; what synchronises is elsewhere.

pub mod content;
mod counter;
pub mod counts;
pub mod known;
pub mod preview;
mod walk;
