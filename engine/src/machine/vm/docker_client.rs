//! The little of Docker's API that Causeway itself asks.
//!
//! The guest isn't trusted: every answer is bounded.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use causeway_api::PortProtocol;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::UnixStream;
use tokio::task::AbortHandle;

/// How long Docker may take to answer; a client waits inside the socket until it is there.
const ANSWER_LIMIT: Duration = Duration::from_secs(90);
/// Longest list of containers, in bytes.
const LIST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What of containers' events may change which ports are published.
const EVENTS: &str = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22start%22%2C%22die%22%2C%22pause%22%2C%22unpause%22%5D%7D";
const CONTAINERS: &str = "/containers/json";

/// Why Docker couldn't be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
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

/// Events of containers, as they happen.
pub struct Events {
    body: Incoming,
    connection: AbortHandle,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    #[serde(default)]
    ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Port {
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    kind: String,
}

impl Events {
    /// From now on.
    pub async fn open(docker: &Path) -> Result<Self, ClientError> {
        let (response, connection) = get(docker, EVENTS).await?;
        Ok(Self { body: response.into_body(), connection })
    }

    /// Waits until something has happened.
    pub async fn next(&mut self) -> Result<(), ClientError> {
        // What it says doesn't matter: the list is asked for anyway.
        self.body.frame().await.ok_or(ClientError::Ended)??;
        Ok(())
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// The ports that containers publish now.
pub async fn published(docker: &Path) -> Result<BTreeSet<(u16, PortProtocol)>, ClientError> {
    let (response, connection) = get(docker, CONTAINERS).await?;
    let body = Limited::new(response.into_body(), LIST_BYTES_MAX).collect().await;
    connection.abort();
    let body = body.map_err(|error| ClientError::Answer(error.to_string()))?.to_bytes();
    ports_in(&body).map_err(|error| ClientError::Answer(error.to_string()))
}

fn ports_in(list: &[u8]) -> serde_json::Result<BTreeSet<(u16, PortProtocol)>> {
    let containers: Vec<Container> = serde_json::from_slice(list)?;
    let ports = containers.into_iter().flat_map(|container| container.ports);
    let protocol = |kind: &str| match kind {
        "tcp" => Some(PortProtocol::Tcp),
        "udp" => Some(PortProtocol::Udp),
        // SCTP, which nothing carries.
        _ => None,
    };
    Ok(ports.filter_map(|port| Some((port.public_port?, protocol(&port.kind)?))).collect())
}

/// Asks on a connection of its own, which is to be aborted in the end.
async fn get(docker: &Path, path: &str) -> Result<(Response<Incoming>, AbortHandle), ClientError> {
    let ask = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(UnixStream::connect(docker).await?)).await?;
        let connection = tokio::spawn(connection).abort_handle();
        let request = Request::get(path).header("Host", "docker").body(Empty::<Bytes>::new());
        let request = request.map_err(|error| ClientError::Answer(error.to_string()))?;
        Ok::<_, ClientError>((sender.send_request(request).await?, connection))
    };
    let (response, connection) = tokio::time::timeout(ANSWER_LIMIT, ask).await.map_err(|_| ClientError::TimedOut)??;
    if response.status().is_success() {
        Ok((response, connection))
    } else {
        Err(ClientError::Refused(response.status()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_ports_are_found() {
        let list = br#"[
            {"Id":"a","Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                               {"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                               {"PrivatePort":81,"Type":"tcp"},
                               {"IP":"0.0.0.0","PrivatePort":53,"PublicPort":5353,"Type":"udp"}]},
            {"Id":"b"}]"#;
        assert_eq!(ports_in(list).unwrap(), BTreeSet::from([(5353, PortProtocol::Udp), (8080, PortProtocol::Tcp)]));
        ports_in(b"{}").unwrap_err();
    }
}
