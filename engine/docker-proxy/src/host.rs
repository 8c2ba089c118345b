//! What the proxy asks of the engine.

use std::future::Future;
use std::pin::Pin;

use crate::answer::Shown;
use crate::needs::{Needs, Project};
use crate::refusal::Refusal;
use crate::request::Wish;

/// What is there later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place in the machine for a path of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path in the machine.
    pub path: String,
    /// Whether it may be bound though its share isn't up to date: a directory is the same whatever is in it, and a file isn't.
    pub is_directory: bool,
}

/// Places that weren't up to date in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unready {
    /// Which share, and why, as sentences.
    pub why: String,
    /// Whether the machine never had one of them: what a container finds there isn't old, but nothing.
    pub is_absent: bool,
}

/// The engine, as the proxy sees it.
pub trait Host: Send + Sync + 'static {
    /// A connection to Docker itself.
    #[cfg(unix)]
    fn connect(&self) -> Later<'_, Result<tokio::net::UnixStream, Refusal>>;

    /// Where in the machine the path of a wish is, or why it can't be there. Makes what is missing, where the wish says so. May take
    /// as long as a disk does, or as the first copy of a project's folder.
    fn place(&self, wish: &Wish, project: Option<&Project>) -> Result<Place, Refusal>;

    /// Whether anything could be waited for before a command runs in a container: otherwise Docker need not be asked what it has bound.
    fn waits(&self) -> bool;

    /// Waits until what was changed on the host before is in the machine, at these places. Bounded.
    fn settle<'a>(&'a self, needs: &'a Needs) -> Later<'a, Result<(), Unready>>;

    /// Whether a container with these places may start: one may be gone for good, and Docker would make an empty directory there.
    fn check(&self, needs: &Needs) -> Result<(), Refusal>;

    /// Something was made that has these binds: the paths as they were given, and the places that they became.
    fn created(&self, owner: &str, binds: &[(String, String)]);

    /// Where places are on the host now.
    fn paths(&self) -> Box<dyn Shown + '_>;
}
