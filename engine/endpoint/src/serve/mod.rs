//! The guest's end of a share's connections: requests of the engine, carried out on a side of a share that runs here; and what both ends
//! of a lane do alike: to supply content ([`supply_batch`]), and to carry out what has come ([`Carrying`]).
//!
//! [`serve_lane`] and [`serve_share`] each serve one connection on the calling thread until it ends. What was begun for it is then
//! dropped; the side goes on looking, so that the next connection finds it up to date.
//!
//! Absent by design: dialling and greeting (the agent's program does), deciding.

mod carrying;
mod lane;
mod share;
mod supply;

pub use carrying::Carrying;
pub use lane::serve_lane;
pub use share::serve_share;
pub use supply::{LaneWriter, Signed, supply_batch};

use std::path::{Path, PathBuf};

use causeway_wire::agent::ShareId;
use causeway_wire::{FrameError, Malformed};

use crate::error::ProtocolError;

/// The directory of all shares on the agent's disk.
pub fn shares_dir(disk: &Path) -> PathBuf {
    disk.join("shares")
}

/// The directory of a share on the agent's disk.
pub fn share_dir(disk: &Path, share: ShareId) -> PathBuf {
    shares_dir(disk).join(share.to_string())
}

/// Where the share's copy stands on the agent's disk. Where that is a directory of the engine's computer too, the engine knows it before
/// any agent runs.
pub fn content_dir(disk: &Path, share: ShareId) -> PathBuf {
    share_dir(disk, share).join("content")
}

/// Why a connection ended otherwise than between two messages.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The stream failed, stalled, or carried what is no message.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A message that goes against the protocol.
    #[error("the engine broke the protocol: {0}")]
    Violation(&'static str),
    /// A batch, or content for one, that no session sends.
    #[error("the engine broke the protocol: {0}")]
    Content(#[from] ProtocolError),
}

impl From<Malformed> for ServeError {
    fn from(malformed: Malformed) -> Self {
        Self::Frame(malformed.into())
    }
}
