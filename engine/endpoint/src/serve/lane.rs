//! A lane: batches for the guest are received and carried out, content is supplied to those for the host.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::time::Duration;

use causeway_sync::plan::BATCH_ACTIONS_MAX;
use causeway_sync::{Batch, BatchId, Operation, Outcome, Side, Source};
use causeway_wire::lane::{Arriving, BATCHES_IN_FLIGHT_MAX, LaneMessage, Progress, push_outcomes};
use causeway_wire::{FrameError, FrameReader, Stream};

use super::ServeError;
use super::carrying::Carrying;
use super::supply::{LaneWriter, Signed, supply_batch};
use crate::apply::Applier;
use crate::endpoint::Endpoint;
use crate::fs::Fs;
use crate::runner::now_ms;

/// Signatures that may wait until their batch is supplied.
const SIGNATURES_MAX: usize = BATCHES_IN_FLIGHT_MAX * BATCH_ACTIONS_MAX;

/// Serves a lane until it ends. The calling thread receives, and carries out what is little; another one carries out the rest, and a
/// third supplies.
pub fn serve_lane<F: Fs>(stream: Box<dyn Stream>, endpoint: &Endpoint<F>) -> Result<(), ServeError> {
    let mut reader = FrameReader::new(stream.try_clone().map_err(FrameError::Io)?);
    let ending = stream.try_clone().map_err(FrameError::Io)?;
    let writer = LaneWriter::new(stream);
    let (batches, to_supply) = mpsc::sync_channel(BATCHES_IN_FLIGHT_MAX);
    let (signatures, signed) = mpsc::sync_channel(SIGNATURES_MAX);
    let (writer, ending) = (&writer, &ending);
    let (carrying, begun) = (Carrying::default(), AtomicUsize::new(0));
    let (carrying, begun) = (&carrying, &begun);
    let tell = &|outcomes| tell(writer, begun, outcomes);
    std::thread::scope(|scope| {
        let supplier = std::thread::Builder::new().name("supplier".to_owned()).spawn_scoped(scope, move || {
            let supplied = supply(endpoint, writer, &to_supply, &signed);
            // Whatever it was, the receiver ends too.
            let _ = ending.shutdown();
            supplied
        });
        let supplier = supplier.map_err(FrameError::Io)?;
        let carrier = std::thread::Builder::new().name("carrier".to_owned()).spawn_scoped(scope, move || {
            let carried_out = carrying.run(tell);
            let _ = ending.shutdown();
            carried_out
        });
        let carrier = carrier.map_err(FrameError::Io)?;
        let lane = GuestLane {
            writer,
            applier: endpoint.applier(),
            carrying,
            begun,
            arriving: None,
            batches,
            signatures,
            wanted: VecDeque::new(),
        };
        let received = lane.receive(&mut reader, tell);
        let _ = ending.shutdown();
        carrying.end();
        // The receiver has dropped its channels, which ends the supplier. They can panic only by a fault of the endpoint's, which
        // has shown itself.
        let supplied = supplier.join().unwrap_or(Ok(()));
        let carried_out = carrier.join().unwrap_or(Ok(()));
        received.and(carried_out).and(supplied.map_err(ServeError::from))
    })
}

fn supply<F: Fs>(
    endpoint: &Endpoint<F>,
    writer: &LaneWriter,
    batches: &Receiver<Batch>,
    signatures: &Receiver<Signed>,
) -> Result<(), FrameError> {
    loop {
        let batch = match batches.try_recv() {
            Ok(batch) => batch,
            Err(_) => {
                writer.lock().flush()?;
                match batches.recv() {
                    Ok(batch) => batch,
                    Err(_) => return Ok(()),
                }
            }
        };
        supply_batch(endpoint, &batch, writer, signatures, |_| ())?;
    }
}

/// Tells what became of batches.
fn tell(writer: &LaneWriter, begun: &AtomicUsize, done: Vec<(BatchId, Vec<Outcome>)>) -> Result<(), ServeError> {
    let mut writer = writer.lock();
    for (batch, outcomes) in done {
        begun.fetch_sub(1, Ordering::Relaxed);
        push_outcomes(&mut writer, batch, &outcomes)?;
    }
    Ok(writer.flush()?)
}

struct GuestLane<'a, 'e, F: Fs> {
    writer: &'a LaneWriter,
    applier: Applier<'e, F>,
    carrying: &'a Carrying<'e, F>,
    /// Batches for the guest whose outcomes haven't been told.
    begun: &'a AtomicUsize,
    arriving: Option<Arriving>,
    batches: SyncSender<Batch>,
    signatures: SyncSender<Signed>,
    /// Actions of batches for the host whose signatures haven't come.
    wanted: VecDeque<(BatchId, u32)>,
}

impl<F: Fs> GuestLane<'_, '_, F> {
    fn receive(
        mut self,
        reader: &mut FrameReader<Box<dyn Stream>>,
        tell: impl Fn(Vec<(BatchId, Vec<Outcome>)>) -> Result<(), ServeError>,
    ) -> Result<(), ServeError> {
        loop {
            if self.applier.has_complete() {
                // Without a detour where nothing else waits: what a person does is seen at once.
                if self.applier.is_little() && self.carrying.is_idle() && !reader.comes_within(Duration::ZERO) {
                    tell(self.applier.flush(now_ms()))?;
                } else if let Some(complete) = self.applier.complete() {
                    self.carrying.push(complete);
                }
            }
            self.carrying.pause(reader);
            match reader.read::<LaneMessage<'_>>()? {
                Some(message) => self.take(message)?,
                None => return Ok(()),
            }
        }
    }

    fn take(&mut self, message: LaneMessage<'_>) -> Result<(), ServeError> {
        match message {
            LaneMessage::Start { .. } if self.arriving.is_some() => {
                Err(ServeError::Violation("a batch within a batch"))
            }
            LaneMessage::Start { batch, to, as_of, actions } => {
                self.arriving = Some(Arriving::start(batch, to, as_of, actions));
                Ok(())
            }
            LaneMessage::Actions(actions) => {
                let arriving = self.arriving.take().ok_or(ServeError::Violation("actions without a batch"))?;
                match arriving.take(actions)? {
                    Progress::More(arriving) => self.arriving = Some(arriving),
                    Progress::Complete(batch) => match batch.to {
                        Side::Guest => self.begin(batch)?,
                        Side::Host => self.begin_supply(batch)?,
                    },
                }
                Ok(())
            }
            LaneMessage::Content { batch, action, content } => Ok(self.applier.content(batch, action, content)?),
            LaneMessage::Signature { batch, action, signature } => {
                if self.wanted.pop_front() != Some((batch, action)) {
                    return Err(ServeError::Violation("a signature that nobody waits for"));
                }
                match self.signatures.try_send(Signed { batch, action, signature }) {
                    // A supplier that has ended says why.
                    Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
                    Err(TrySendError::Full(_)) => Err(ServeError::Violation("too many signatures at once")),
                }
            }
            LaneMessage::Outcomes { .. } => Err(ServeError::Violation("outcomes from the engine")),
        }
    }

    fn begin(&mut self, batch: Batch) -> Result<(), ServeError> {
        if self.begun.fetch_add(1, Ordering::Relaxed) == BATCHES_IN_FLIGHT_MAX {
            return Err(ServeError::Violation("too many batches at once"));
        }
        let id = batch.id;
        let deltas = self.applier.begin(batch)?;
        if deltas.is_empty() {
            return Ok(());
        }
        for action in deltas {
            let signature = self.applier.signature(action);
            self.writer.lock().push(&LaneMessage::Signature { batch: id, action, signature })?;
        }
        Ok(self.writer.lock().flush()?)
    }

    fn begin_supply(&mut self, batch: Batch) -> Result<(), ServeError> {
        let deltas = batch.actions.iter().zip(0..).filter_map(|(action, number)| match &action.operation {
            Operation::File { source: Source::Transfer { delta: true }, .. } => Some((batch.id, number)),
            _ => None,
        });
        self.wanted.extend(deltas);
        match self.batches.try_send(batch) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(ServeError::Violation("too many batches at once")),
        }
    }
}
