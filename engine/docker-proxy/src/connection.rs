//! A client's connection: HTTP until it ends, or until it becomes a stream both ways.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};

use crate::client_stream::{ClientStream, Departure};
use crate::forward::Forward;
use crate::hijack;
use crate::host::Host;
use crate::known::KnownNeeds;

/// Connections at once, at most; more are closed.
const CONNECTIONS_MAX: usize = 1024;

/// Serves Docker's API.
#[derive(Clone)]
pub struct Proxy {
    host: Arc<dyn Host>,
    known: Arc<KnownNeeds>,
    room: Arc<Semaphore>,
}

impl Proxy {
    /// In front of the Docker that the host leads to.
    pub fn new(host: Arc<dyn Host>) -> Self {
        Self { host, known: Arc::default(), room: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }

    /// Serves a client until it leaves.
    pub async fn serve(self, client: UnixStream) {
        let Ok(_room) = self.room.try_acquire() else {
            tracing::warn!("a client of Docker was turned away: there are {CONNECTIONS_MAX} already");
            return;
        };
        let Ok(departure) = Departure::of(&client) else { return };
        let (sender, mut hijacked) = mpsc::channel(1);
        let forward = Arc::new(Forward::new(Arc::clone(&self.host), Arc::clone(&self.known), sender));
        let service = service_fn(move |request| {
            let forward = Arc::clone(&forward);
            async move { Ok::<_, Infallible>(forward.answer(request).await) }
        });
        let mut builder = http1::Builder::new();
        // A client that has said all still wants its answer. None is in a hurry: a connection may be kept for later.
        builder.half_close(true).header_read_timeout(None).preserve_header_case(true);
        let io = TokioIo::new(ClientStream::new(client));
        let mut connection = builder.serve_connection(io, service);
        let stream = tokio::select! {
            ended = pin!(&mut connection) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a client of Docker left");
                }
                return;
            }
            // Whatever it asked for is given up, as Docker itself does.
            () = departure.wait() => return,
            // The request that became a stream waits for ever: nothing of an answer was written.
            Some(stream) = hijacked.recv() => stream,
        };
        let parts = connection.into_parts();
        hijack::carry(parts.io.into_inner(), parts.read_buf, stream).await;
    }
}
