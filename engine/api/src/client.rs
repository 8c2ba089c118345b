//! Talks to a running engine.

use std::{
    collections::HashMap,
    io,
    marker::PhantomData,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    io::{AsyncWriteExt, BufReader, ReadHalf, WriteHalf},
    sync::{Mutex as AsyncMutex, Notify, oneshot},
    task::AbortHandle,
};

use crate::{
    error::{ApiError, ErrorCode},
    feed::{DELTA, Event, SNAPSHOT, SUBSCRIBE, Snapshot},
    home::Home,
    page::{ListOf, PAGE_ITEMS_MAX, Page},
    rpc::{Id, LineError, Outgoing, REPLY_BYTES_MAX, REQUEST_BYTES_MAX, read_line, read_outgoing, write_call},
    socket::{self, ClientStream},
};

/// A request got no good answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The engine answered with an error.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Nothing listens: no engine runs.
    #[error("no engine runs at {}", socket.display())]
    NotRunning {
        /// Where it would listen.
        socket: PathBuf,
    },
    /// The socket can't be used.
    #[error("can't reach the engine at {}", socket.display())]
    Io {
        /// Where it listens.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection ended before the answer came.
    #[error("the engine ended before it answered")]
    Closed,
    /// What came isn't an answer to the request; the programs may be of different versions.
    #[error("the engine's answer makes no sense: {0}")]
    Nonsense(String),
}

/// A connection to the engine. Requests may be made from several tasks at once; each waits for its own answer.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    writer: AsyncMutex<WriteHalf<ClientStream>>,
    next_id: AtomicU64,
    shared: Arc<Shared>,
    reader: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<Waiting>,
    /// There is an event, or the end.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    replies: HashMap<u64, oneshot::Sender<Result<Value, ApiError>>>,
    /// What a subscriber hasn't seen yet, as one event, so that a slow one makes no queue.
    event: Option<Event>,
    /// The request that began the subscription; what came before its answer is of an earlier one.
    subscribing: Option<u64>,
    ended: Option<Ended>,
}

/// Why the connection ended.
#[derive(Debug, Clone)]
enum Ended {
    Closed,
    Refused(ApiError),
    Nonsense(String),
}

impl From<Ended> for CallError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Closed => Self::Closed,
            Ended::Refused(error) => Self::Api(error),
            Ended::Nonsense(what) => Self::Nonsense(what),
        }
    }
}

impl Client {
    /// Connects to the engine of `home`. Has to be called inside a tokio runtime.
    pub async fn connect(home: &Home) -> Result<Self, CallError> {
        let socket = home.engine_socket();
        let stream = match socket::connect(home).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Err(CallError::NotRunning { socket });
            }
            // The engine ends at this moment.
            Err(error) if is_closed(&error) => return Err(CallError::Closed),
            Err(source) => return Err(CallError::Io { socket, source }),
        };
        let (read, write) = tokio::io::split(stream);
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Notify::new() });
        let reader = tokio::spawn(read_all(BufReader::new(read), Arc::clone(&shared))).abort_handle();
        Ok(Self { socket, writer: AsyncMutex::new(write), next_id: AtomicU64::new(1), shared, reader })
    }

    /// Calls `method` with any parameters. The methods that are named after requests are this with the right types.
    pub async fn call<R: DeserializeOwned>(&self, method: &str, params: &impl Serialize) -> Result<R, CallError> {
        let params = serde_json::to_value(params).map_err(|e| CallError::Nonsense(e.to_string()))?;
        let result = self.request(self.id(), method, params).await?;
        serde_json::from_value(result).map_err(|e| CallError::Nonsense(e.to_string()))
    }

    fn id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    async fn request(&self, id: u64, method: &str, params: Value) -> Result<Value, CallError> {
        let line = write_call(id, method, params);
        if line.len() > REQUEST_BYTES_MAX {
            let message = format!("The request has {} bytes, and may have {REQUEST_BYTES_MAX}.", line.len());
            return Err(ApiError::new(ErrorCode::LineTooLong, message).into());
        }
        let (sender, receiver) = oneshot::channel();
        self.shared.expect(id, sender)?;
        let forget = Forget { shared: &self.shared, id };
        if let Err(source) = self.writer.lock().await.write_all(&line).await {
            // Why the engine closed the connection is worth more than that it is closed.
            return Err(self.shared.lock().ended.clone().map_or_else(|| self.failed(source), CallError::from));
        }
        let result = receiver.await;
        drop(forget);
        match result {
            Ok(result) => Ok(result?),
            Err(_) => Err(self.shared.lock().ended.clone().unwrap_or(Ended::Closed).into()),
        }
    }

    fn failed(&self, source: io::Error) -> CallError {
        if is_closed(&source) { CallError::Closed } else { CallError::Io { socket: self.socket.clone(), source } }
    }

    /// Subscribes to what happens; a subscription before it on this connection ends.
    pub async fn subscribe(&self) -> Result<Snapshot, CallError> {
        let id = self.id();
        self.shared.lock().subscribing = Some(id);
        let snapshot = self.request(id, SUBSCRIBE, Value::Null).await?;
        serde_json::from_value(snapshot).map_err(|e| CallError::Nonsense(e.to_string()))
    }

    /// Waits for what happens next; several events that weren't waited for come as one. For one task at a time.
    pub async fn next_event(&self) -> Result<Event, CallError> {
        loop {
            {
                let mut waiting = self.shared.lock();
                if let Some(event) = waiting.event.take() {
                    return Ok(event);
                }
                if let Some(ended) = &waiting.ended {
                    return Err(ended.clone().into());
                }
            }
            self.shared.changed.notified().await;
        }
    }

    /// Subscribes, and keeps a copy of what is.
    pub async fn follow(&self) -> Result<Follower<'_>, CallError> {
        Ok(Follower { client: self, current: self.subscribe().await? })
    }

    /// The pages of a list, one after the other: `client.pages::<Conflict>("share.conflicts", "web")`.
    pub fn pages<T: DeserializeOwned>(&self, method: &'static str, share: &str) -> Pages<'_, T> {
        let list = ListOf { limit: Some(PAGE_ITEMS_MAX), ..ListOf::first(share) };
        Pages { client: self, method, list: Some(list), items: PhantomData }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Takes a request from the list of those that wait, however the wait ends.
struct Forget<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.lock().replies.remove(&self.id);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expect(&self, id: u64, sender: oneshot::Sender<Result<Value, ApiError>>) -> Result<(), CallError> {
        let mut waiting = self.lock();
        if let Some(ended) = &waiting.ended {
            return Err(ended.clone().into());
        }
        waiting.replies.insert(id, sender);
        Ok(())
    }

    /// Hands a message to whoever waits for it.
    fn deliver(&self, message: Outgoing) -> Result<(), Ended> {
        let mut waiting = self.lock();
        match message {
            Outgoing::Reply(Id::Number(id), result) => {
                let id = u64::try_from(id).map_err(|_| Ended::Nonsense("an answer to nothing".into()))?;
                if waiting.subscribing == Some(id) {
                    waiting.event = None;
                }
                let sender = waiting.replies.remove(&id);
                // Nobody is there where the wait was given up.
                let _ = sender.map(|sender| sender.send(result));
                Ok(())
            }
            Outgoing::Reply(_, Err(error)) => Err(Ended::Refused(error)),
            Outgoing::Reply(_, Ok(_)) => Err(Ended::Nonsense("an answer to nothing".into())),
            Outgoing::Notification { method, params } => {
                let event = match method.as_str() {
                    DELTA => serde_json::from_value(params).map(Event::Delta),
                    SNAPSHOT => serde_json::from_value(params).map(Event::Snapshot),
                    // One of a later version.
                    _ => return Ok(()),
                };
                let event = event.map_err(|e| Ended::Nonsense(e.to_string()))?;
                waiting.event = Some(match waiting.event.take() {
                    Some(earlier) => earlier.then(event),
                    None => event,
                });
                self.changed.notify_one();
                Ok(())
            }
        }
    }
}

/// Whether the other end is gone.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

async fn read_all(mut stream: BufReader<ReadHalf<ClientStream>>, shared: Arc<Shared>) {
    let mut line = Vec::new();
    let ended = loop {
        match read_line(&mut stream, &mut line, REPLY_BYTES_MAX + 1).await {
            Ok(true) => {}
            Ok(false) => break Ended::Closed,
            Err(LineError::Io(error)) if is_closed(&error) => break Ended::Closed,
            Err(error) => break Ended::Nonsense(error.to_string()),
        }
        let delivered = read_outgoing(&line).map_err(Ended::Nonsense).and_then(|message| shared.deliver(message));
        if let Err(ended) = delivered {
            break ended;
        }
    };
    let mut waiting = shared.lock();
    waiting.ended = Some(ended);
    waiting.replies.clear();
    shared.changed.notify_one();
}

/// A copy of what is, kept up to date.
#[derive(Debug)]
pub struct Follower<'a> {
    client: &'a Client,
    current: Snapshot,
}

impl Follower<'_> {
    /// What is, as far as it is known here.
    pub fn current(&self) -> &Snapshot {
        &self.current
    }

    /// Waits until something changed, and returns what is then. A gap is closed by subscribing again.
    pub async fn changed(&mut self) -> Result<&Snapshot, CallError> {
        let event = self.client.next_event().await?;
        if !self.current.apply(event) {
            self.current = self.client.subscribe().await?;
        }
        Ok(&self.current)
    }
}

/// The pages of a list that are still to come.
#[derive(Debug)]
pub struct Pages<'a, T> {
    client: &'a Client,
    method: &'static str,
    list: Option<ListOf>,
    items: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Pages<'_, T> {
    /// The next page; `None` after the last. Asks for fewer items where they would make too long a line.
    pub async fn next(&mut self) -> Result<Option<Page<T>>, CallError> {
        let Some(list) = &mut self.list else { return Ok(None) };
        loop {
            match self.client.call::<Page<T>>(self.method, list).await {
                Err(CallError::Api(error)) if error.code == ErrorCode::ReplyTooLong && list.items_max() > 1 => {
                    list.limit = Some(u32::try_from(list.items_max() / 2).expect("pages have few items"));
                }
                Err(error) => return Err(error),
                Ok(page) => {
                    match &page.next {
                        Some(next) => list.cursor = Some(next.clone()),
                        None => self.list = None,
                    }
                    return Ok(Some(page));
                }
            }
        }
    }
}
