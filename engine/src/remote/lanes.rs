//! A share's lanes: batches for both sides, and the content for them.
//!
//! Each lane has three threads. The sender takes batches in their order: one for the guest goes out with its content, which the host's
//! endpoint supplies; one for the host is begun at the host's endpoint, and the guest is asked for content. The receiver always
//! reads on: it takes outcomes, signatures, and the content for the host. The third has the host's endpoint carry out what is complete.
//! So neither end waits for one that waits for it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use causeway_endpoint::fs::Fs;
use causeway_endpoint::runner::now_ms;
use causeway_endpoint::serve::{Carrying, LaneWriter, Signed, supply_batch};
use causeway_endpoint::{Applier, Endpoint};
use causeway_sync::{Action, Batch, BatchId, Lane, Operation, Outcome, Side, Source};
use causeway_wire::lane::{ArrivingOutcomes, BATCHES_IN_FLIGHT_MAX, LaneMessage, push_batch};
use causeway_wire::{FrameError, FrameReader, Stream};

use super::loss::{Ending, Loss, OnLoss};
use super::moving::Moving;

/// How long the agent may take nothing of what is sent before the lane counts as broken. A disk that makes gigabytes durable
/// keeps the agent busy for a while.
const STALL_LIMIT: Duration = Duration::from_secs(300);

/// Where outcomes go: one call for each batch, in the order of each lane and destination. Called on threads of the lanes; must
/// return quickly.
pub type Delivery = Arc<dyn Fn(BatchId, Vec<Outcome>) + Send + Sync>;

/// The lanes of one session. Dropping them ends them and waits until the host's endpoint has finished what it was at; what has not been
/// delivered by then won't be.
pub struct Lanes {
    lanes: Vec<(Lane, Sender<Batch>)>,
    /// What each of them moves, for each side.
    moving: Vec<Arc<[Moving; 2]>>,
    ending: Arc<Ending>,
    threads: Vec<JoinHandle<()>>,
}

impl Lanes {
    /// Takes over connections that were greeted and admitted. `on_loss` is called when one of them ends by itself, which ends all.
    pub fn start<F: Fs>(
        streams: Vec<(Lane, Box<dyn Stream>)>,
        host: &Arc<Endpoint<F>>,
        delivery: &Delivery,
        on_loss: OnLoss,
    ) -> io::Result<Self> {
        let mut clones = Vec::new();
        for (_, stream) in &streams {
            stream.set_read_timeout(None)?;
            stream.set_write_timeout(Some(STALL_LIMIT))?;
            clones.push(stream.try_clone()?);
        }
        let mut started = Self {
            lanes: Vec::new(),
            moving: Vec::new(),
            ending: Arc::new(Ending::new(clones, on_loss)),
            threads: Vec::new(),
        };
        for (lane, stream) in streams {
            let moving = Arc::<[Moving; 2]>::default();
            started.moving.push(Arc::clone(&moving));
            let (batches, queue) = mpsc::channel();
            let connection = Connection {
                host: Arc::clone(host),
                delivery: Arc::clone(delivery),
                ending: Arc::clone(&started.ending),
                progress: Progress::default(),
                moving,
            };
            let reader = FrameReader::new(stream.try_clone()?);
            let run = move || connection.run(stream, reader, queue);
            started.threads.push(std::thread::Builder::new().name("lane".to_owned()).spawn(run)?);
            started.lanes.push((lane, batches));
        }
        Ok(started)
    }

    /// Has a batch carried out on a lane. Returns at once; how many batches wait is for the session to bound.
    pub fn run(&self, batch: Batch, lane: Lane) {
        let queue = self.lanes.iter().find(|(at, _)| *at == lane).or(self.lanes.first());
        if let Some((_, queue)) = queue {
            // A lane that has ended has told so.
            let _ = queue.send(batch);
        }
    }
}

impl Lanes {
    /// The batches whose content crosses at this moment, and how many bytes of each have; some may have been carried out by now.
    pub fn moving(&self) -> impl Iterator<Item = (BatchId, u64)> {
        self.moving.iter().flat_map(|sides| sides.iter()).filter_map(Moving::now)
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.ending.close();
        self.lanes.clear();
        for thread in self.threads.drain(..) {
            // A panic has shown itself.
            let _ = thread.join();
        }
    }
}

/// One lane.
struct Connection<F: Fs> {
    host: Arc<Endpoint<F>>,
    delivery: Delivery,
    ending: Arc<Ending>,
    progress: Progress,
    moving: Arc<[Moving; 2]>,
}

/// What a lane's two threads tell each other.
#[derive(Default)]
struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Batches for the guest whose outcomes haven't come, with the number of their actions.
    to_guest: VecDeque<(BatchId, usize)>,
    /// Batches for the host that haven't been carried out.
    to_host: usize,
    /// Actions of batches for the guest whose signatures haven't come.
    unsigned: VecDeque<(BatchId, u32)>,
    over: bool,
}

impl Progress {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a batch is started, if one may be.
    fn try_reserve(&self, batch: &Batch) -> bool {
        let mut state = self.state();
        match batch.to {
            Side::Guest if state.to_guest.len() < BATCHES_IN_FLIGHT_MAX => {
                state.to_guest.push_back((batch.id, batch.actions.len()));
                let deltas = batch.actions.iter().zip(0..).filter(|(action, _)| is_delta(action));
                state.unsigned.extend(deltas.map(|(_, number)| (batch.id, number)));
                true
            }
            Side::Host if state.to_host < BATCHES_IN_FLIGHT_MAX => {
                state.to_host += 1;
                true
            }
            Side::Guest | Side::Host => false,
        }
    }

    /// Waits until another batch for this side may be started; false when the lane is over.
    fn wait_for_room(&self, to: Side) -> bool {
        let mut state = self.state();
        loop {
            let in_flight = if to == Side::Guest { state.to_guest.len() } else { state.to_host };
            if state.over || in_flight < BATCHES_IN_FLIGHT_MAX {
                return !state.over;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }
}

/// Batches for the host: being received, and being carried out. Who has something carried out holds the applier, so that it is done in
/// order.
struct Incoming<'e, F: Fs> {
    applier: Mutex<Applier<'e, F>>,
    carrying: Carrying<'e, F>,
}

impl<'e, F: Fs> Incoming<'e, F> {
    fn applier(&self) -> MutexGuard<'_, Applier<'e, F>> {
        self.applier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Fs> Connection<F> {
    /// The receiver's thread; the sender's is within.
    fn run(&self, stream: Box<dyn Stream>, reader: FrameReader<Box<dyn Stream>>, queue: Receiver<Batch>) {
        let writer = LaneWriter::new(stream);
        let incoming = Incoming { applier: Mutex::new(self.host.applier()), carrying: Carrying::default() };
        std::thread::scope(|scope| {
            let (signatures, signed) = mpsc::channel();
            let incoming = &incoming;
            let send = move || {
                if let Err(loss) = self.send(&queue, &signed, &writer, incoming) {
                    self.ending.lose(loss);
                }
            };
            let carry_out = move || {
                let Ok(()) = incoming.carrying.run(|done| {
                    self.deliver(done);
                    Ok::<(), Infallible>(())
                });
            };
            let sender = std::thread::Builder::new().name("lane-sender".to_owned()).spawn_scoped(scope, send);
            let carrier = std::thread::Builder::new().name("carrier".to_owned()).spawn_scoped(scope, carry_out);
            let loss = match sender.and(carrier) {
                Ok(_) => self.receive(reader, &signatures, incoming).err().unwrap_or(Loss::Closed),
                Err(error) => FrameError::Io(error).into(),
            };
            self.ending.lose(loss);
            incoming.carrying.end();
            self.progress.end();
        });
    }

    fn send(
        &self,
        queue: &Receiver<Batch>,
        signed: &Receiver<Signed>,
        writer: &LaneWriter,
        incoming: &Incoming<'_, F>,
    ) -> Result<(), Loss> {
        loop {
            let batch = match queue.try_recv() {
                Ok(batch) => batch,
                Err(_) => {
                    writer.lock().flush()?;
                    match queue.recv() {
                        Ok(batch) => batch,
                        Err(_) => return Ok(()),
                    }
                }
            };
            while !self.progress.try_reserve(&batch) {
                // What makes room is in answer to what may not have been written yet.
                writer.lock().flush()?;
                if !self.progress.wait_for_room(batch.to) {
                    return Ok(());
                }
            }
            match batch.to {
                Side::Guest => {
                    push_batch(&mut writer.lock(), &batch)?;
                    let sent = |bytes| self.moving[Side::Guest as usize].note(batch.id, bytes);
                    supply_batch(&self.host, &batch, writer, signed, sent)?;
                }
                Side::Host => self.start_for_host(batch, writer, incoming)?,
            }
        }
    }

    /// Begins a batch at the host's endpoint, and asks the guest for content where any is needed.
    fn start_for_host(&self, batch: Batch, writer: &LaneWriter, incoming: &Incoming<'_, F>) -> Result<(), Loss> {
        let id = batch.id;
        let needs_content = batch.actions.iter().any(needs_content);
        let mut signatures = Vec::new();
        {
            let mut applier = incoming.applier();
            for action in applier.begin(batch.clone())? {
                signatures.push((action, applier.signature(action)));
            }
            if !needs_content {
                // Nothing will come for it that would have it carried out.
                self.carry_out(&mut applier, &incoming.carrying, true);
                return Ok(());
            }
        }
        let mut writer = writer.lock();
        push_batch(&mut writer, &batch)?;
        for (action, signature) in signatures {
            writer.push(&LaneMessage::Signature { batch: id, action, signature })?;
        }
        Ok(())
    }

    fn receive(
        &self,
        mut reader: FrameReader<Box<dyn Stream>>,
        signatures: &Sender<Signed>,
        incoming: &Incoming<'_, F>,
    ) -> Result<(), Loss> {
        let mut told = ArrivingOutcomes::default();
        loop {
            if incoming.applier().has_complete() {
                let is_last = !reader.comes_within(Duration::ZERO);
                self.carry_out(&mut incoming.applier(), &incoming.carrying, is_last);
            }
            incoming.carrying.pause(&reader);
            match reader.read::<LaneMessage<'_>>()? {
                None => return Ok(()),
                Some(LaneMessage::Content { batch, action, content }) => {
                    self.moving[Side::Host as usize].note(batch, content.bytes());
                    incoming.applier().content(batch, action, content)?
                }
                Some(LaneMessage::Outcomes { batch, outcomes }) => self.take_outcomes(&mut told, batch, outcomes)?,
                Some(LaneMessage::Signature { batch, action, signature }) => {
                    if self.progress.state().unsigned.pop_front() != Some((batch, action)) {
                        return Err(Loss::Violation("a signature that nobody waits for"));
                    }
                    // A sender that has ended says why.
                    let _ = signatures.send(Signed { batch, action, signature });
                }
                Some(LaneMessage::Start { .. } | LaneMessage::Actions(_)) => {
                    return Err(Loss::Violation("a batch from the agent"));
                }
            }
        }
    }

    fn take_outcomes(&self, told: &mut ArrivingOutcomes, batch: BatchId, outcomes: Vec<Outcome>) -> Result<(), Loss> {
        let expected = match self.progress.state().to_guest.front() {
            Some((id, actions)) if *id == batch => *actions,
            _ => return Err(Loss::Violation("outcomes of no batch that is next")),
        };
        if let Some(all) = told.take(outcomes, expected)? {
            self.progress.state().to_guest.pop_front();
            self.progress.changed.notify_all();
            (self.delivery)(batch, all);
        }
        Ok(())
    }

    /// Has complete batches carried out: without a detour where nothing else waits, so that what a person does is seen at once.
    fn carry_out<'e>(&self, applier: &mut Applier<'e, F>, carrying: &Carrying<'e, F>, is_last: bool) {
        if is_last && applier.is_little() && carrying.is_idle() {
            self.deliver(applier.flush(now_ms()));
        } else if let Some(complete) = applier.complete() {
            carrying.push(complete);
        }
    }

    fn deliver(&self, done: Vec<(BatchId, Vec<Outcome>)>) {
        for (batch, outcomes) in done {
            self.progress.state().to_host -= 1;
            self.progress.changed.notify_all();
            if !self.ending.is_over() {
                (self.delivery)(batch, outcomes);
            }
        }
    }
}

fn needs_content(action: &Action) -> bool {
    matches!(action.operation, Operation::File { source: Source::Transfer { .. }, .. })
}

fn is_delta(action: &Action) -> bool {
    matches!(action.operation, Operation::File { source: Source::Transfer { delta: true }, .. })
}
