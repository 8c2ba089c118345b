//! A channel: one stream between somebody on the host and something inside the machine, a Docker client and dockerd for one.
//!
//! The engine asks the agent to open it ([`OpenChannel`](crate::agent::AgentRequest::OpenChannel)); the agent reaches what it leads to, and
//! dials a connection for it. Each direction is a sequence of pieces and ends by itself, though the transport under it may know no
//! half-close:
//!
//! ```text
//! u32, little-endian: length of the piece     64 KiB at most; 0 is the end of this direction
//! the piece
//! ```
//!
//! A connection that ends without that end was broken.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use serde::{Deserialize, Serialize};

use crate::stream::Stream;

/// Longest piece, in bytes.
pub const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Length of what stands before a piece.
const HEAD_BYTES: usize = 4;

/// Number of a channel: of one run of the engine. Never repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChannelId(pub u64);

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a channel leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// Docker's API.
    Docker,
    /// A TCP port of the guest's own loopback, where published ports of containers are.
    Tcp(u16),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Docker => f.write_str("Docker"),
            Self::Tcp(port) => write!(f, "port {port}"),
        }
    }
}

/// How a direction ended that didn't end well.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The end here failed: of where the bytes come from, or go to.
    #[error("the end here: {0}")]
    Here(io::Error),
    /// The connection failed, or was closed in between.
    #[error("the connection: {0}")]
    Connection(io::Error),
    /// A piece that is longer than any may be.
    #[error("a piece of {0} bytes")]
    TooLong(usize),
}

/// Sends all that `from` gives, and its end.
pub fn send(mut from: impl Read, mut connection: impl Write) -> Result<(), Broken> {
    let mut buffer = vec![0; HEAD_BYTES + PIECE_BYTES_MAX];
    loop {
        let bytes = match from.read(&mut buffer[HEAD_BYTES..]) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Broken::Here(error)),
        };
        buffer[..HEAD_BYTES].copy_from_slice(&u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes());
        connection.write_all(&buffer[..HEAD_BYTES + bytes]).map_err(Broken::Connection)?;
        if bytes == 0 {
            return connection.flush().map_err(Broken::Connection);
        }
    }
}

/// Receives all that the other end sends until its end.
pub fn receive(mut connection: impl Read, mut to: impl Write) -> Result<(), Broken> {
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    loop {
        let mut head = [0; HEAD_BYTES];
        connection.read_exact(&mut head).map_err(Broken::Connection)?;
        let bytes = u32::from_le_bytes(head) as usize;
        if bytes == 0 {
            return to.flush().map_err(Broken::Here);
        }
        let piece = buffer.get_mut(..bytes).ok_or(Broken::TooLong(bytes))?;
        connection.read_exact(piece).map_err(Broken::Connection)?;
        to.write_all(piece).map_err(Broken::Here)?;
    }
}

/// An end of a channel: a socket of somebody who knows nothing of channels, and to whom a half-close may mean something.
pub trait End: Read + Write + Send + Sized + 'static {
    /// Another handle of the same socket.
    fn try_clone(&self) -> io::Result<Self>;
    /// Ends one direction, or both, for all handles. One that has ended already is no fault.
    fn end(&self, how: Shutdown);
}

impl End for TcpStream {
    fn try_clone(&self) -> io::Result<Self> {
        Self::try_clone(self)
    }

    fn end(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

#[cfg(unix)]
impl End for std::os::unix::net::UnixStream {
    fn try_clone(&self) -> io::Result<Self> {
        Self::try_clone(self)
    }

    fn end(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

/// Carries what the end says into the connection, until either ends. One of the two halves of a channel; each has a thread.
pub fn carry_out(mut end: impl End, mut connection: Box<dyn Stream>) {
    if let Err(broken) = send(&mut end, &mut connection) {
        // What was cut short here has to be cut short there, and there is no other way to say so.
        let _ = connection.shutdown();
        if matches!(broken, Broken::Connection(_)) {
            end.end(Shutdown::Both);
        }
    }
}

/// Carries what the connection brings to the end, until either ends. The other half.
pub fn carry_in(mut end: impl End, mut connection: Box<dyn Stream>) {
    match receive(&mut connection, &mut end) {
        Ok(()) => end.end(Shutdown::Write),
        Err(Broken::Connection(_)) => end.end(Shutdown::Both),
        Err(Broken::Here(_) | Broken::TooLong(_)) => {
            let _ = connection.shutdown();
            end.end(Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_received_and_what_follows_is_left() {
        for length in [0, 1, PIECE_BYTES_MAX, 3 * PIECE_BYTES_MAX + 1] {
            let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut wire = Vec::new();
            send(content.as_slice(), &mut wire).unwrap();
            wire.extend(b"more");
            let (mut rest, mut received) = (wire.as_slice(), Vec::new());
            receive(&mut rest, &mut received).unwrap();
            assert!(received == content && rest == b"more", "{length}");
        }
    }

    #[test]
    fn a_connection_that_is_cut_short_is_broken() {
        let mut wire = Vec::new();
        send(&b"content"[..], &mut wire).unwrap();
        for length in 0..wire.len() {
            assert!(matches!(receive(&wire[..length], io::sink()), Err(Broken::Connection(_))), "{length}");
        }
    }

    #[test]
    fn an_oversized_piece_is_refused_before_it_is_read() {
        let wire = u32::try_from(PIECE_BYTES_MAX + 1).unwrap().to_le_bytes();
        assert!(matches!(receive(&wire[..], io::sink()), Err(Broken::TooLong(_))));
    }
}
