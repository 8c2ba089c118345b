//! Where an agent's connections arrive.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_sync::Lane;
use causeway_wire::Stream;
use causeway_wire::agent::ShareId;
use causeway_wire::channel::ChannelId;
use causeway_wire::greeting::{self, Admission, Dial, GreetingError, Purpose, Refusal, SECRET_BYTES, Secret};

use super::link::AgentLink;
use super::loss::OnLoss;

/// How long a peer may take for each step of its greeting.
const GREETING_LIMIT: Duration = Duration::from_secs(5);
/// Connections that are being greeted at once, at most; more are closed. An agent dials four for each share.
const GREETINGS_MAX: usize = 64;

/// Why no agent, or no connection of one, arrived.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// None came in time.
    #[error("no connection came within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// One came, and its greeting failed: most likely an agent of another version.
    #[error(transparent)]
    Greeting(#[from] GreetingError),
    /// There is no randomness, or a stream can't be set up.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where an agent's connections arrive: greets them, and hands each to whoever expects it. Clones are the same door.
///
/// There is one agent at a time: [`Self::renew`] gives the next one's secret, and whatever knows an older one is refused.
#[derive(Clone)]
pub struct Door {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    greetings: AtomicUsize,
}

/// Which of a share's connections: of which attempt, and on which lane (`None`: the share's own).
type Key = (ShareId, u64, Option<Lane>);

/// A share's own connection, and its lanes.
pub type Arrived = (Box<dyn Stream>, Vec<(Lane, Box<dyn Stream>)>);

struct State {
    secret: Option<Secret>,
    /// Waits for the agent with the present secret.
    agent: Option<mpsc::Sender<Result<Arrival, GreetingError>>>,
    streams: HashMap<Key, mpsc::Sender<Box<dyn Stream>>>,
    next_session: u64,
    channels: HashMap<ChannelId, mpsc::Sender<Box<dyn Stream>>>,
    next_channel: u64,
}

struct Arrival {
    stream: Box<dyn Stream>,
    dial: Dial,
}

/// A connection that is going to arrive.
struct Wait {
    lane: Option<Lane>,
    arrives: mpsc::Receiver<Box<dyn Stream>>,
}

/// A share's connections that are going to arrive. Dropping it has them refused.
pub struct Expected {
    door: Door,
    share: ShareId,
    session: u64,
    waits: Vec<Wait>,
}

/// A channel's connection that is going to arrive. Dropping it has it refused.
pub struct ExpectedChannel {
    door: Door,
    channel: ChannelId,
    arrives: mpsc::Receiver<Box<dyn Stream>>,
}

/// The agent that is going to arrive.
pub struct ExpectedAgent {
    arrives: mpsc::Receiver<Result<Arrival, GreetingError>>,
    secret: Secret,
}

impl Default for Door {
    fn default() -> Self {
        let state = State {
            secret: None,
            agent: None,
            streams: HashMap::new(),
            next_session: 1,
            channels: HashMap::new(),
            next_channel: 1,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), greetings: AtomicUsize::new(0) }) }
    }
}

impl Door {
    /// Makes the secret for an agent that is about to be started, and waits for that one from now on.
    pub fn renew(&self) -> Result<ExpectedAgent, DoorError> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::from)?;
        let secret = Secret(bytes);
        let (arrived, arrives) = mpsc::channel();
        let mut state = self.state();
        state.secret = Some(secret.clone());
        state.agent = Some(arrived);
        state.streams.clear();
        state.channels.clear();
        Ok(ExpectedAgent { arrives, secret })
    }

    /// Waits for another agent that knows the present secret: the one before has ended, and is started again inside its machine.
    /// `None` before the first [`Self::renew`].
    pub fn expect_again(&self) -> Option<ExpectedAgent> {
        let (arrived, arrives) = mpsc::channel();
        let mut state = self.state();
        let secret = state.secret.clone()?;
        state.agent = Some(arrived);
        state.streams.clear();
        state.channels.clear();
        Some(ExpectedAgent { arrives, secret })
    }

    /// Expects a channel's connection. Then tell the agent to open it ([`AgentLink::open_channel`]), and
    /// [wait](ExpectedChannel::wait).
    pub fn expect_channel(&self) -> ExpectedChannel {
        let (arrived, arrives) = mpsc::channel();
        let mut state = self.state();
        let channel = ChannelId(state.next_channel);
        state.next_channel += 1;
        state.channels.insert(channel, arrived);
        ExpectedChannel { door: self.clone(), channel, arrives }
    }

    /// Expects a share's own connection and these lanes. Then tell the agent to dial them ([`AgentLink::dial`]) with the
    /// [number](Expected::session), and [wait](Expected::wait).
    pub fn expect(&self, share: ShareId, lanes: &[Lane]) -> Expected {
        let mut state = self.state();
        let session = state.next_session;
        state.next_session += 1;
        let purposes = std::iter::once(None).chain(lanes.iter().copied().map(Some));
        let waits = purposes.map(|lane| {
            let (arrived, arrives) = mpsc::channel();
            state.streams.insert((share, session, lane), arrived);
            Wait { lane, arrives }
        });
        let waits = waits.collect();
        Expected { door: self.clone(), share, session, waits }
    }

    /// Takes in a connection: greets it on a thread of its own. More than 64 at once are closed.
    pub fn enter(&self, stream: Box<dyn Stream>) {
        let shared = Arc::clone(&self.shared);
        if shared.greetings.fetch_add(1, Ordering::AcqRel) >= GREETINGS_MAX {
            shared.greetings.fetch_sub(1, Ordering::AcqRel);
            tracing::warn!("too many connections at once; one was closed");
            return;
        }
        let greet = move || {
            shared.greet(stream);
            shared.greetings.fetch_sub(1, Ordering::AcqRel);
        };
        if let Err(error) = std::thread::Builder::new().name("greeting".to_owned()).spawn(greet) {
            self.shared.greetings.fetch_sub(1, Ordering::AcqRel);
            tracing::warn!(%error, "a connection could not be greeted");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl ExpectedAgent {
    /// What the agent has to be told, by a descriptor that nobody else can read.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Waits for the agent. `on_loss` is called when its connection ends.
    pub fn wait(&self, limit: Duration, on_loss: OnLoss) -> Result<AgentLink, DoorError> {
        match self.arrives.recv_timeout(limit) {
            Ok(Ok(Arrival { stream, dial })) => Ok(AgentLink::start(stream, dial.boot, dial.pid, on_loss)?),
            Ok(Err(error)) => Err(error.into()),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(DoorError::TimedOut(limit)),
        }
    }
}

impl Expected {
    /// The number of this attempt.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// The share's own connection and its lanes, in the order in which they were expected.
    pub fn wait(self, limit: Duration) -> Result<Arrived, DoorError> {
        let mut own = None;
        let mut lanes = Vec::new();
        for Wait { lane, arrives } in &self.waits {
            let stream = arrives.recv_timeout(limit).map_err(|_| DoorError::TimedOut(limit))?;
            match lane {
                None => own = Some(stream),
                Some(lane) => lanes.push((*lane, stream)),
            }
        }
        Ok((own.expect("a share's own connection is always expected"), lanes))
    }
}

impl ExpectedChannel {
    /// Its number.
    pub fn channel(&self) -> ChannelId {
        self.channel
    }

    /// The connection.
    pub fn wait(self, limit: Duration) -> Result<Box<dyn Stream>, DoorError> {
        self.arrives.recv_timeout(limit).map_err(|_| DoorError::TimedOut(limit))
    }
}

impl Drop for ExpectedChannel {
    fn drop(&mut self) {
        self.door.state().channels.remove(&self.channel);
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let mut state = self.door.state();
        for Wait { lane, .. } in &self.waits {
            state.streams.remove(&(self.share, self.session, *lane));
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn greet(&self, mut stream: Box<dyn Stream>) {
        match self.receive(&mut stream) {
            Ok(dial) => self.route(stream, dial),
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                let is_version = matches!(error, GreetingError::Version { .. });
                if let (true, Some(waiting)) = (is_version, &self.state().agent) {
                    // Whoever waits for the agent learns why none will come. It may have given up.
                    let _ = waiting.send(Err(error));
                }
            }
        }
    }

    fn receive(&self, stream: &mut Box<dyn Stream>) -> Result<Dial, GreetingError> {
        let limits =
            stream.set_read_timeout(Some(GREETING_LIMIT)).and_then(|()| stream.set_write_timeout(Some(GREETING_LIMIT)));
        limits.map_err(causeway_wire::FrameError::Io)?;
        let secret = self.state().secret.clone().ok_or(GreetingError::Refused(Refusal::Unexpected))?;
        greeting::receive(stream, &secret)
    }

    fn route(&self, mut stream: Box<dyn Stream>, dial: Dial) {
        let key = match dial.purpose {
            Purpose::Agent => {
                let Some(waiting) = self.agent_waits(&dial) else { return refuse(stream) };
                if admit(&mut stream) {
                    // Whoever waits may have given up; then the stream is closed.
                    let _ = waiting.send(Ok(Arrival { stream, dial }));
                }
                return;
            }
            Purpose::Share { share, session } => (share, session, None),
            Purpose::Lane { share, session, lane } => (share, session, Some(lane)),
            Purpose::Channel(channel) => {
                let waiting = self.state().channels.remove(&channel);
                return hand_over(stream, waiting);
            }
        };
        let waiting = self.state().streams.remove(&key);
        hand_over(stream, waiting);
    }

    /// Who waits for this agent; nobody, where the secret was renewed since it was checked.
    fn agent_waits(&self, dial: &Dial) -> Option<mpsc::Sender<Result<Arrival, GreetingError>>> {
        let mut state = self.state();
        if state.secret.as_ref() == Some(&dial.secret) { state.agent.take() } else { None }
    }
}

/// Admits a connection and hands it to who waits for it.
fn hand_over(mut stream: Box<dyn Stream>, waiting: Option<mpsc::Sender<Box<dyn Stream>>>) {
    let Some(waiting) = waiting else { return refuse(stream) };
    if admit(&mut stream) {
        // Whoever waits may have given up; then the stream is closed.
        let _ = waiting.send(stream);
    }
}

fn admit(stream: &mut Box<dyn Stream>) -> bool {
    greeting::admit(stream, Admission::Welcome).is_ok()
}

fn refuse(mut stream: Box<dyn Stream>) {
    tracing::warn!("a connection was refused that nobody waits for");
    // It is closed anyway; the answer is a courtesy.
    let _ = greeting::admit(&mut stream, Admission::Refused(Refusal::Unexpected));
}
