//! Supplying a batch's content into a lane; the same on both ends.

use std::io;
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_sync::content::Signature;
use causeway_sync::{Batch, BatchId};
use causeway_wire::lane::LaneMessage;
use causeway_wire::{FrameError, FrameWriter, Stream};

use crate::endpoint::Endpoint;
use crate::fs::Fs;
use crate::runner::now_ms;

/// The writing half of a lane, which two threads share: one writes content, the other answers.
pub struct LaneWriter(Mutex<FrameWriter<Box<dyn Stream>>>);

impl LaneWriter {
    /// Writes to a stream.
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self(Mutex::new(FrameWriter::new(stream)))
    }

    /// The writer, for several messages in a row.
    pub fn lock(&self) -> MutexGuard<'_, FrameWriter<Box<dyn Stream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A signature that has arrived.
#[derive(Debug)]
pub struct Signed {
    /// For which batch.
    pub batch: BatchId,
    /// For which of its actions.
    pub action: u32,
    /// What its side holds.
    pub signature: Signature,
}

/// Writes the content for `batch`, with the signatures that arrive meanwhile. What is left unflushed at the end is the caller's to
/// flush, when nothing else is to be written. Tells `sent` of each part how many bytes of a file it stands for. Fails where the lane does.
pub fn supply_batch<F: Fs>(
    endpoint: &Endpoint<F>,
    batch: &Batch,
    writer: &LaneWriter,
    signatures: &Receiver<Signed>,
    sent: impl Fn(u64),
) -> Result<(), FrameError> {
    let id = batch.id;
    let mut failed = None;
    let mut note = |error: FrameError| {
        failed = Some(error);
        io::Error::from(io::ErrorKind::BrokenPipe)
    };
    let sign = |action| {
        // The other end signs when it has the batch.
        writer.lock().flush()?;
        let broken = || FrameError::Io(io::ErrorKind::BrokenPipe.into());
        let signed = signatures.recv().map_err(|_| broken())?;
        if (signed.batch, signed.action) == (id, action) { Ok(signed.signature) } else { Err(broken()) }
    };
    let supplied = {
        let note = std::cell::RefCell::new(&mut note);
        endpoint.supply(
            batch,
            now_ms(),
            &mut |action| sign(action).map_err(|error| (note.borrow_mut())(error)),
            &mut |action, content| {
                sent(content.bytes());
                let message = LaneMessage::Content { batch: id, action, content };
                writer.lock().push(&message).map_err(|error| (note.borrow_mut())(error))
            },
        )
    };
    supplied.map_err(|error| failed.unwrap_or(FrameError::Io(error)))
}
