//! Connections that become streams both ways: attach and exec, BuildKit's sessions.

use http::header::CONTENT_TYPE;
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional_with_sizes};

/// Buffer for each direction. A terminal needs little; a build's context fills it.
const BUFFER_BYTES: usize = 64 * 1024;

/// A stream to Docker that is to take the place of HTTP.
pub struct Hijacked {
    /// The answer's head, as the client expects it.
    pub head: Vec<u8>,
    /// The stream.
    pub docker: Upgraded,
}

/// The head for a client that asked for an upgrade: Docker's own. For one that did not: what Docker says then, word for word.
pub fn head(response: &Response<Incoming>, asked: bool) -> Vec<u8> {
    if !asked {
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n".to_vec();
    }
    let mut head = b"HTTP/1.1 101 UPGRADED\r\n".to_vec();
    for (name, value) in response.headers() {
        let name = if name == CONTENT_TYPE { "Content-Type" } else { name.as_str() };
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Carries both ways until both have ended; each ends by itself. `ahead` is what the client has said already.
pub async fn carry(mut client: impl AsyncRead + AsyncWrite + Unpin, ahead: Bytes, hijacked: Hijacked) {
    let Hijacked { head, docker } = hijacked;
    let mut docker = TokioIo::new(docker);
    let carried = async {
        client.write_all(&head).await?;
        docker.write_all(&ahead).await?;
        copy_bidirectional_with_sizes(&mut client, &mut docker, BUFFER_BYTES, BUFFER_BYTES).await
    };
    if let Err(error) = carried.await {
        // Whoever is left notices by the end of the connection.
        tracing::debug!(%error, "a stream was cut short");
    }
}
