//! Channels into the guest: for Docker's clients, and for the ports that containers publish.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use causeway_wire::Stream;
use causeway_wire::agent::{Failure, FailureKind};
use causeway_wire::channel::{End, Halves, Target, carry_in, carry_out};

use crate::machine::presence::Presence;
use crate::remote::{AgentError, DoorError};

/// Channels that are open at once, at most; more are refused.
const OPEN_MAX: usize = 1024;
/// Channels that are being opened at once, at most; more wait. The agent and the door have bounds of their own, which are higher.
const OPENING_MAX: usize = 24;
/// How long the agent may take to open one.
const OPEN_LIMIT: Duration = Duration::from_secs(20);
/// How often something that isn't there yet is looked for again.
const LOOK: Duration = Duration::from_millis(250);
/// Stack of a channel's thread: its buffer is on the heap, and there may be hundreds.
const STACK_BYTES: usize = 128 * 1024;

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// There is no agent.
    #[error("the machine doesn't run")]
    NoMachine,
    /// There are enough.
    #[error("there are {OPEN_MAX} connections into the machine already")]
    TooMany,
    /// The agent couldn't open it.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// Its connection didn't arrive.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// Threads or descriptors have run out.
    #[error("the system: {0}")]
    System(#[from] io::Error),
}

/// Opens channels. Clones share their bounds.
#[derive(Clone)]
pub struct Channels {
    presence: Arc<Presence>,
    bounds: Arc<Bounds>,
}

#[derive(Default)]
struct Bounds {
    open: AtomicUsize,
    opening: Mutex<usize>,
    opened: Condvar,
}

/// Counts a channel as open until it is dropped.
pub struct Counted(Arc<Bounds>);

impl Channels {
    /// Into the machine whose agent this is.
    pub fn new(presence: Arc<Presence>) -> Self {
        Self { presence, bounds: Arc::default() }
    }

    /// Connects `end` with something in the guest. Waits for what isn't there yet, up to `patience`. What is returned with an error is
    /// the end, untouched.
    pub fn connect<E: End>(&self, end: E, to: Target, patience: Duration) -> Result<(), (E, ChannelError)> {
        match self.reach(to, patience) {
            Ok((connection, counted)) => relay(&end, connection, counted).map_err(|error| (end, error.into())),
            Err(error) => Err((end, error)),
        }
    }

    /// The connection of a new channel, which counts as open until what is returned beside it is dropped. Waits as
    /// [`Self::connect`] does.
    pub fn reach(&self, to: Target, patience: Duration) -> Result<(Box<dyn Stream>, Counted), ChannelError> {
        let deadline = Instant::now() + patience;
        let counted = Counted::new(&self.bounds).ok_or(ChannelError::TooMany)?;
        let connection = loop {
            match self.open(to) {
                Ok(connection) => break connection,
                Err(error) if is_not_yet(&error) && Instant::now() < deadline => std::thread::sleep(LOOK),
                Err(error) => return Err(error),
            }
        };
        // Whoever is at the other end may take nothing for long: that is flow control, not a fault.
        connection.set_read_timeout(None)?;
        connection.set_write_timeout(None)?;
        Ok((connection, counted))
    }

    fn open(&self, to: Target) -> Result<Box<dyn Stream>, ChannelError> {
        let link = self.presence.link().ok_or(ChannelError::NoMachine)?;
        self.bounds.enter();
        let expected = self.presence.door().expect_channel();
        let opened = link.open_channel(expected.channel(), to, OPEN_LIMIT);
        let arrived = opened.map_err(ChannelError::from).and_then(|()| Ok(expected.wait(OPEN_LIMIT)?));
        self.bounds.leave();
        arrived
    }
}

/// Carries both ways, on threads of their own.
fn relay<E: End>(end: &E, connection: Box<dyn Stream>, counted: Counted) -> io::Result<()> {
    let (outer, inner) = (end.try_clone()?, end.try_clone()?);
    let (out, back) = (connection.try_clone()?, connection);
    let thread = || std::thread::Builder::new().name("channel".to_owned()).stack_size(STACK_BYTES);
    let counted = Arc::new(counted);
    let also = Arc::clone(&counted);
    let halves = Halves::default();
    let theirs = halves.clone();
    thread().spawn(move || {
        carry_out(outer, out, &theirs);
        drop(also);
    })?;
    thread().spawn(move || {
        carry_in(inner, back, &halves);
        drop(counted);
    })?;
    Ok(())
}

/// Whether what it leads to may be there later: Docker starts some seconds after the agent, and the agent after the machine.
fn is_not_yet(error: &ChannelError) -> bool {
    match error {
        ChannelError::NoMachine => true,
        ChannelError::Agent(AgentError::Failed(Failure { kind, .. })) => *kind == FailureKind::NotFound,
        _ => false,
    }
}

impl Bounds {
    fn enter(&self) {
        let opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let mut opening =
            self.opened.wait_while(opening, |opening| *opening >= OPENING_MAX).unwrap_or_else(PoisonError::into_inner);
        *opening += 1;
    }

    fn leave(&self) {
        *self.opening.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.opened.notify_one();
    }
}

impl Counted {
    fn new(bounds: &Arc<Bounds>) -> Option<Self> {
        if bounds.open.fetch_add(1, Ordering::AcqRel) >= OPEN_MAX {
            bounds.open.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Self(Arc::clone(bounds)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}
