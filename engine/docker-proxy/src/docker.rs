//! A connection to Docker itself, on which requests follow one another.

use std::path::Path;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, HOST};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// A body, wherever it comes from.
pub type Body = BoxBody<Bytes, hyper::Error>;

/// How long Docker may take to answer what the engine asks of it.
const ANSWER_LIMIT: Duration = Duration::from_secs(90);
/// Longest answer that is taken whole, in bytes. A container takes some 10 KiB.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;
/// What is sent as the host's name, which a Unix socket has no use for.
const HOST_NAME: &str = "docker";

/// Why Docker couldn't be asked.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// Its socket.
    #[error("Docker can't be reached: {0}")]
    Socket(#[from] std::io::Error),
    /// HTTP.
    #[error("Docker's API: {0}")]
    Http(#[from] hyper::Error),
    /// An answer that says no.
    #[error("Docker answers with {0}")]
    Refused(StatusCode),
    /// An answer that isn't what it should be.
    #[error("Docker's answer can't be understood: {0}")]
    Answer(String),
    /// None.
    #[error("Docker doesn't answer")]
    TimedOut,
    /// The stream of events has ended.
    #[error("Docker has ended")]
    Ended,
}

/// A connection to Docker.
#[derive(Debug)]
pub struct Docker {
    sender: SendRequest<Body>,
}

/// What happens in Docker, as it happens.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
}

impl Docker {
    /// To a Docker whose API is at a socket.
    pub async fn at(socket: &Path) -> Result<Self, DockerError> {
        Self::on(UnixStream::connect(socket).await?).await
    }

    /// On a stream that leads there.
    pub async fn on(stream: UnixStream) -> Result<Self, DockerError> {
        let mut builder = http1::Builder::new();
        builder.preserve_header_case(true);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        // Ends with the sender, and with the body of the last answer.
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to Docker broke");
            }
        });
        Ok(Self { sender })
    }

    /// Whether another request may be sent.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request; the answer's body follows as it comes.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, DockerError> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Asks for something; the answer's body follows as it comes.
    pub async fn open(&mut self, path: &str) -> Result<Response<Incoming>, DockerError> {
        let body = Empty::<Bytes>::new().map_err(|never| match never {}).boxed();
        let request = Request::get(path).header(HOST, HOST_NAME).header(ACCEPT_ENCODING, "identity").body(body);
        let request = request.map_err(|error| DockerError::Answer(error.to_string()))?;
        let response =
            tokio::time::timeout(ANSWER_LIMIT, self.send(request)).await.map_err(|_| DockerError::TimedOut)??;
        match response.status() {
            status if status.is_success() => Ok(response),
            status => Err(DockerError::Refused(status)),
        }
    }

    /// Asks for events, from now on.
    pub async fn events(mut self, path: &str) -> Result<Events, DockerError> {
        Ok(Events { body: self.open(path).await?.into_body() })
    }

    /// Asks for something that isn't long.
    pub async fn get(&mut self, path: &str) -> Result<Bytes, DockerError> {
        let body = Limited::new(self.open(path).await?.into_body(), ANSWER_BYTES_MAX);
        let whole = tokio::time::timeout(ANSWER_LIMIT, body.collect()).await.map_err(|_| DockerError::TimedOut)?;
        Ok(whole.map_err(|error| DockerError::Answer(error.to_string()))?.to_bytes())
    }
}

impl Events {
    /// Waits until something has happened. What, isn't told: whoever follows asks for a list, which also holds what was missed.
    pub async fn next(&mut self) -> Result<(), DockerError> {
        self.body.frame().await.ok_or(DockerError::Ended)??;
        Ok(())
    }
}
