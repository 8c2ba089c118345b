//! Serves a [`Handler`] to clients on a [`Listener`].
//!
//! ```text
//!   lines ─▶ reader ─▶ a task for each request (bounded) ─▶ queue (bounded) ─▶ writer ─▶ lines
//!                        the subscription ───────────────────▲
//! ```
//!
//! Bounds, and what happens at them: [`CONNECTIONS_MAX`], further ones get an error and are closed;
//! [`REQUESTS_AT_ONCE_MAX`] for a connection, then its lines wait unread; [`QUEUE_LINES_MAX`] answers wait to be
//! written, then the tasks wait; a client that takes nothing for [`WRITE_PATIENCE`] is cut off; a line too long is
//! answered with an error and ends the connection. A slow subscriber has no queue at all: see [`crate::feed`].

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use crate::{
    error::{ApiError, ErrorCode},
    feed::{self, Event},
    methods::{GIVEN_UP, Handler, dispatch},
    rpc::{
        Call, Id, Incoming, LineError, REQUEST_BYTES_MAX, read_incoming, read_line, reply_value, write_batch,
        write_notification, write_reply,
    },
    socket::Listener,
};

/// Most connections at once.
pub const CONNECTIONS_MAX: usize = 64;

/// Most requests of one connection that are at work at once.
pub const REQUESTS_AT_ONCE_MAX: usize = 32;

/// Most lines that wait to be written to one connection.
pub const QUEUE_LINES_MAX: usize = 16;

/// How long a client may take nothing while something waits for it.
pub const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// How long, after `stop`, requests at work may go on before they are dropped.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// How long to pause when the system can't give another connection, as when all descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `handler` until `stop` is ready; then takes no more requests, and returns when those at work are answered, or
/// dropped after 5 s.
pub async fn serve<H: Handler>(mut listener: Listener, handler: Arc<H>, stop: impl Future<Output = ()>) {
    let (stopping, _) = watch::channel(false);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok(stream) => match Arc::clone(&slots).try_acquire_owned() {
                    Ok(slot) => {
                        let connection = connection(stream, Arc::clone(&handler), stopping.subscribe());
                        connections.spawn(async move {
                            connection.await;
                            drop(slot);
                        });
                    }
                    Err(_) => turn_away(stream).await,
                },
                Err(error) => {
                    tracing::warn!(%error, "can't take a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    stopping.send_replace(true);
    if timeout(STOP_PATIENCE, async { while connections.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("requests were dropped because the engine stopped");
    }
}

async fn turn_away(mut stream: impl AsyncWrite + Unpin) {
    let error = ApiError::new(
        ErrorCode::TooManyConnections,
        format!("The engine has {CONNECTIONS_MAX} connections, and takes no more."),
    );
    // One short line fits into the socket's buffer; a client that left already needs none.
    let _ = timeout(ACCEPT_PAUSE, stream.write_all(&write_reply(&Id::Null, Err(error)))).await;
}

/// Serves one connection until its client leaves or misbehaves, or the engine stops.
async fn connection<H: Handler>(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    handler: Arc<H>,
    stopping: watch::Receiver<bool>,
) {
    let (read, write) = tokio::io::split(stream);
    let (queue, lines) = mpsc::channel(QUEUE_LINES_MAX);
    let mut writer = tokio::spawn(write_lines(write, lines));
    let mut requests = Requests {
        handler,
        queue,
        places: Arc::new(Semaphore::new(REQUESTS_AT_ONCE_MAX)),
        given_up: JoinSet::new(),
        subscription: None,
    };
    let ended = tokio::select! {
        ended = requests.read(BufReader::new(read), stopping) => ended,
        _ = &mut writer => Ended::Left,
    };
    if let Some(subscription) = requests.subscription.take() {
        subscription.abort();
    }
    match ended {
        // Nobody waits for these answers any more. Other requests run to their end, and their answers are dropped.
        Ended::Left => {
            requests.given_up.shutdown().await;
            writer.abort();
        }
        // The writer ends when the last request has handed in its answer.
        Ended::Stopping => {
            let Requests { mut given_up, queue, .. } = requests;
            drop(queue);
            while given_up.join_next().await.is_some() {}
            // It can only have failed because the client left.
            let _ = writer.await;
        }
    }
}

enum Ended {
    Left,
    Stopping,
}

/// Writes lines until there are no more, or the client takes none.
async fn write_lines(mut stream: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        match timeout(WRITE_PATIENCE, stream.write_all(&line)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::warn!("cut off a client that took nothing for {} s", WRITE_PATIENCE.as_secs());
                return;
            }
        }
    }
    // The stream closes either way.
    let _ = timeout(WRITE_PATIENCE, stream.shutdown()).await;
}

struct Requests<H> {
    handler: Arc<H>,
    queue: mpsc::Sender<Vec<u8>>,
    places: Arc<Semaphore>,
    given_up: JoinSet<()>,
    subscription: Option<JoinHandle<()>>,
}

impl<H: Handler> Requests<H> {
    async fn read(
        &mut self,
        mut stream: BufReader<impl AsyncRead + Unpin>,
        mut stopping: watch::Receiver<bool>,
    ) -> Ended {
        let mut line = Vec::new();
        loop {
            let read = tokio::select! {
                read = read_line(&mut stream, &mut line, REQUEST_BYTES_MAX) => read,
                _ = stopping.wait_for(|stopping| *stopping) => return Ended::Stopping,
            };
            match read {
                Ok(true) => self.take(&line).await,
                Ok(false) | Err(LineError::Io(_)) => return Ended::Left,
                Err(LineError::TooLong(bytes_max)) => {
                    let message = format!("A request is longer than {bytes_max} bytes. The connection ends.");
                    self.answer(&Id::Null, Err(ApiError::new(ErrorCode::LineTooLong, message))).await;
                    return Ended::Stopping;
                }
            }
            while self.given_up.try_join_next().is_some() {}
        }
    }

    async fn take(&mut self, line: &[u8]) {
        match read_incoming(line) {
            Err((id, error)) => self.answer(&id, Err(error)).await,
            Ok(Incoming::Single(call)) if call.method == feed::SUBSCRIBE => self.subscribe(call.id).await,
            Ok(Incoming::Single(call)) => {
                let place = self.place().await;
                let (handler, queue) = (Arc::clone(&self.handler), self.queue.clone());
                let given_up = GIVEN_UP.contains(&call.method.as_str());
                self.spawn(given_up, async move {
                    let result = run(handler, call.method, call.params).await;
                    if let Some(id) = call.id {
                        // An error here means that the client has left.
                        let _ = queue.send(write_reply(&id, result)).await;
                    }
                    drop(place);
                });
            }
            Ok(Incoming::Batch(members)) => {
                let place = self.place().await;
                let (handler, queue) = (Arc::clone(&self.handler), self.queue.clone());
                let given_up = members.iter().flatten().all(|call| GIVEN_UP.contains(&call.method.as_str()));
                self.spawn(given_up, async move {
                    let replies = run_batch(handler, members).await;
                    if !replies.is_empty() {
                        // As above.
                        let _ = queue.send(write_batch(&replies)).await;
                    }
                    drop(place);
                });
            }
        }
    }

    async fn place(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed")
    }

    fn spawn(&mut self, given_up: bool, task: impl Future<Output = ()> + Send + 'static) {
        if given_up {
            self.given_up.spawn(task);
        } else {
            tokio::spawn(task);
        }
    }

    async fn answer(&self, id: &Id, result: Result<Value, ApiError>) {
        // An error here means that the writer has ended, which ends the connection.
        let _ = self.queue.send(write_reply(id, result)).await;
    }

    async fn subscribe(&mut self, id: Option<Id>) {
        if let Some(before) = self.subscription.take() {
            before.abort();
            // So that nothing of it comes after the new snapshot. It ends by being cancelled.
            let _ = before.await;
        }
        let (handler, queue) = (Arc::clone(&self.handler), self.queue.clone());
        let task = tokio::spawn(async move {
            let (snapshot, mut subscription) = handler.feed().subscribe();
            let snapshot = serde_json::to_value(snapshot).map_err(|e| {
                ApiError::new(ErrorCode::Internal, format!("The snapshot can't be written as JSON: {e}."))
            });
            let mut line = write_reply(&id.unwrap_or(Id::Null), snapshot);
            while queue.send(line).await.is_ok() {
                line = match subscription.next().await {
                    Event::Snapshot(snapshot) => write_notification(feed::SNAPSHOT, snapshot),
                    Event::Delta(delta) => write_notification(feed::DELTA, delta),
                };
            }
        });
        self.subscription = Some(task);
    }
}

/// Runs a request in a task of its own, so that a panic in it becomes an answer. Dropping it drops that task.
async fn run<H: Handler>(handler: Arc<H>, method: String, params: Value) -> Result<Value, ApiError> {
    if method == feed::SUBSCRIBE {
        return Err(ApiError::new(ErrorCode::InvalidRequest, "A subscription can't be part of a batch."));
    }
    let mut task = JoinSet::new();
    let name = method.clone();
    task.spawn(async move { dispatch(&*handler, &name, params).await });
    match task.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(_)) | None => {
            tracing::error!(method, "a request panicked");
            Err(ApiError::new(
                ErrorCode::Internal,
                format!("\"{method}\" failed because of a defect; the log says more."),
            ))
        }
    }
}

async fn run_batch<H: Handler>(handler: Arc<H>, members: Vec<Result<Call, (Id, ApiError)>>) -> Vec<Value> {
    let mut replies = Vec::new();
    let mut running = JoinSet::new();
    for member in members {
        match member {
            Err((id, error)) => replies.push(reply_value(&id, Err(error))),
            Ok(call) => {
                let handler = Arc::clone(&handler);
                running.spawn(async move {
                    let result = run(handler, call.method, call.params).await;
                    call.id.map(|id| reply_value(&id, result))
                });
            }
        }
    }
    while let Some(reply) = running.join_next().await {
        replies.extend(reply.ok().flatten());
    }
    replies
}

/// Listens for clients of `home` and serves them; see [`listen`](crate::socket::listen) and [`serve`].
pub async fn listen_and_serve<H: Handler>(
    home: &crate::home::Home,
    handler: Arc<H>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    serve(crate::socket::listen(home)?, handler, stop).await;
    Ok(())
}
