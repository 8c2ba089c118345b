//! The end of a connection, told once.

use std::sync::{Mutex, PoisonError};

use causeway_wire::frame::FrameError;
use causeway_wire::{Malformed, Stream};

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Loss {
    /// The agent closed it, or ended.
    #[error("the agent closed the connection")]
    Closed,
    /// The stream failed, stalled, or carried what is no message.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A message that goes against the protocol.
    #[error("the agent broke the protocol: {0}")]
    Violation(&'static str),
    /// What the agent sent can't be applied in the order in which it came.
    #[error("the agent broke the protocol: {0}")]
    Content(#[from] causeway_endpoint::ProtocolError),
}

impl From<Malformed> for Loss {
    fn from(malformed: Malformed) -> Self {
        Self::Frame(malformed.into())
    }
}

/// Called once, on any thread, when a connection has ended. Must return quickly.
pub type OnLoss = Box<dyn FnOnce(Loss) + Send>;

/// A connection's end: closes its streams and tells the owner, once.
pub(super) struct Ending {
    streams: Vec<Box<dyn Stream>>,
    told: Mutex<Option<OnLoss>>,
}

impl Ending {
    pub(super) fn new(streams: Vec<Box<dyn Stream>>, on_loss: OnLoss) -> Self {
        Self { streams, told: Mutex::new(Some(on_loss)) }
    }

    /// Ends the connection for a reason, unless it has ended.
    pub(super) fn lose(&self, loss: Loss) {
        if let Some(tell) = self.end() {
            tell(loss);
        }
    }

    /// Ends the connection by the owner's wish: nobody is told.
    pub(super) fn close(&self) {
        drop(self.end());
    }

    pub(super) fn is_over(&self) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn end(&self) -> Option<OnLoss> {
        let tell = self.told.lock().unwrap_or_else(PoisonError::into_inner).take();
        if tell.is_some() {
            for stream in &self.streams {
                // A stream that can't be shut down has ended already.
                let _ = stream.shutdown();
            }
        }
        tell
    }
}
