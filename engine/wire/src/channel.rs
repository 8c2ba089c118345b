//! A channel: one stream between somebody on the host and something inside the machine, a Docker client and dockerd for one.
//!
//! The engine asks the agent to open it ([`OpenChannel`](crate::agent::AgentRequest::OpenChannel)); the agent reaches what it leads to, and
//! dials a connection for it. Each direction is a sequence of pieces and ends by itself, though the transport under it may know no
//! half-close:
//!
//! ```text
//! u32, little-endian: length of the piece     64 KiB at most; 0 is the end of this direction
//! the piece                                   2^32 - 1 says that the end on this side is gone, both ways
//! ```
//!
//! Whoever says that its end is gone takes what still comes and throws it away, until the other direction has ended too: a transport
//! may not wake a writer whose reader has left (vhost-device-vsock 0.3 doesn't, where the writer waits for room). A connection that ends
//! before both directions have was broken.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::stream::Stream;

/// Longest piece, in bytes.
pub const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Length of what stands before a piece.
const HEAD_BYTES: usize = 4;
/// Stands there where the end on this side is gone.
const GONE: u32 = u32::MAX;

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
    /// A UDP port, likewise. Each piece is a datagram; empty ones aren't carried.
    Udp(u16),
    /// A program in the guest's own system. The connection carries no pieces, but [`crate::shell`].
    Shell,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Docker => f.write_str("Docker"),
            Self::Tcp(port) => write!(f, "port {port}"),
            Self::Udp(port) => write!(f, "UDP port {port}"),
            Self::Shell => f.write_str("a shell"),
        }
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

/// What the two halves of one side of a channel know of each other.
#[derive(Clone, Debug, Default)]
pub struct Halves(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    /// The end of what goes out was said.
    ended: bool,
    /// The end here takes no more.
    gone: bool,
}

impl Halves {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that nothing more goes out, and whether the end here is gone.
    fn end(&self, connection: &mut impl Write, is_gone: bool) -> io::Result<()> {
        let mut said = self.said();
        said.gone |= is_gone;
        said.ended = true;
        connection.write_all(&if said.gone { GONE } else { 0 }.to_le_bytes())?;
        connection.flush()
    }

    /// The end here takes no more: says so, or has the other half say so.
    fn lose(&self, connection: &mut impl Write) -> io::Result<()> {
        let mut said = self.said();
        said.gone = true;
        if said.ended { connection.write_all(&GONE.to_le_bytes()) } else { Ok(()) }
    }
}

/// Carries what the end says into the connection, until either ends. One of the two halves of a channel; each has a thread.
pub fn carry_out(mut end: impl End, mut connection: Box<dyn Stream>, halves: &Halves) {
    let mut buffer = vec![0; HEAD_BYTES + PIECE_BYTES_MAX];
    let carried = loop {
        let bytes = match end.read(&mut buffer[HEAD_BYTES..]) {
            Ok(0) => break halves.end(&mut connection, false),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => {
                end.end(Shutdown::Both);
                break halves.end(&mut connection, true);
            }
        };
        buffer[..HEAD_BYTES].copy_from_slice(&u32::try_from(bytes).unwrap_or(GONE).to_le_bytes());
        if let Err(error) = connection.write_all(&buffer[..HEAD_BYTES + bytes]) {
            break Err(error);
        }
    };
    if carried.is_err() {
        // What was cut short here has to be cut short there.
        let _ = connection.shutdown();
        end.end(Shutdown::Both);
    }
}

/// Carries what the connection brings to the end, until both directions have ended. The other half.
pub fn carry_in(mut end: impl End, mut connection: Box<dyn Stream>, halves: &Halves) {
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    let (mut is_lost, mut has_ended) = (false, false);
    loop {
        let mut head = [0; HEAD_BYTES];
        if connection.read_exact(&mut head).is_err() {
            return end.end(Shutdown::Both);
        }
        match u32::from_le_bytes(head) {
            GONE => return end.end(Shutdown::Both),
            0 if !has_ended => {
                has_ended = true;
                end.end(Shutdown::Write);
                // Otherwise the other side may still say that it takes no more. It closes the connection when it has ended too.
                if halves.said().ended {
                    return;
                }
            }
            bytes => {
                let piece = buffer.get_mut(..bytes as usize).filter(|_| !has_ended);
                let whole = piece.is_some_and(|piece| {
                    let read = connection.read_exact(piece).is_ok();
                    if read && !is_lost && end.write_all(piece).and_then(|()| end.flush()).is_err() {
                        is_lost = true;
                        end.end(Shutdown::Both);
                        return halves.lose(&mut connection).is_ok();
                    }
                    read
                });
                if !whole {
                    // Against the protocol, or broken.
                    let _ = connection.shutdown();
                    return end.end(Shutdown::Both);
                }
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::thread::JoinHandle;
    use std::time::Duration;

    use super::*;

    /// Two ends as two people have them, with a channel in between.
    struct Ends {
        ours: UnixStream,
        theirs: UnixStream,
        halves: Vec<JoinHandle<()>>,
    }

    fn relay(end: UnixStream, connection: &UnixStream) -> [JoinHandle<()>; 2] {
        let halves = Halves::default();
        let (also, out) = (halves.clone(), (end.try_clone().unwrap(), connection.try_clone().unwrap()));
        let connection = connection.try_clone().unwrap();
        [
            std::thread::spawn(move || carry_out(out.0, Box::new(out.1), &also)),
            std::thread::spawn(move || carry_in(end, Box::new(connection), &halves)),
        ]
    }

    fn ends() -> Ends {
        let (ours, near) = UnixStream::pair().unwrap();
        let (theirs, far) = UnixStream::pair().unwrap();
        let (here, there) = UnixStream::pair().unwrap();
        let mut halves = Vec::from(relay(near, &here));
        halves.extend(relay(far, &there));
        for end in [&ours, &theirs] {
            end.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        }
        Ends { ours, theirs, halves }
    }

    fn wait(halves: Vec<JoinHandle<()>>) {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        for half in halves {
            while !half.is_finished() {
                assert!(std::time::Instant::now() < deadline, "a half goes on");
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    #[test]
    fn each_direction_is_carried_whole_and_ends_by_itself() {
        for length in [0, 1, PIECE_BYTES_MAX, 3 * PIECE_BYTES_MAX + 1] {
            let Ends { mut ours, mut theirs, halves } = ends();
            let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let sent = content.clone();
            let mut to = ours.try_clone().unwrap();
            let send = std::thread::spawn(move || {
                to.write_all(&sent).unwrap();
                to.shutdown(Shutdown::Write).unwrap();
            });
            let mut received = Vec::new();
            theirs.read_to_end(&mut received).unwrap();
            assert!(received == content, "{length}");
            send.join().unwrap();
            theirs.write_all(b"answer after the end").unwrap();
            drop(theirs);
            let mut answer = String::new();
            ours.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "answer after the end");
            wait(halves);
        }
    }

    /// Both before and after the one who leaves has said the end of what it sends.
    #[test]
    fn one_who_leaves_without_taking_what_comes_stops_the_other() {
        for says_end in [false, true] {
            let Ends { mut ours, mut theirs, halves } = ends();
            let flood = std::thread::spawn(move || while theirs.write_all(&[7; 4096]).is_ok() {});
            ours.read_exact(&mut [0; 100]).unwrap();
            if says_end {
                ours.shutdown(Shutdown::Write).unwrap();
            }
            // Until everything in between is full.
            std::thread::sleep(Duration::from_millis(100));
            drop(ours);
            wait(vec![flood]);
            wait(halves);
        }
    }

    #[test]
    fn what_is_against_the_protocol_or_cut_short_ends_both_ways() {
        let pieces: [&[u8]; 4] = [b"", b"\x05\0\0\0abc", &[1, 0, 1, 0], b"\0\0\0\0\x01\0\0\0x"];
        for piece in pieces {
            let (mut peer, connection) = UnixStream::pair().unwrap();
            let (mut ours, near) = UnixStream::pair().unwrap();
            let halves = relay(near, &connection);
            drop(connection);
            peer.write_all(piece).unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            ours.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut shown = Vec::new();
            ours.read_to_end(&mut shown).unwrap();
            assert!(shown.is_empty(), "{piece:?}");
            wait(halves.into());
        }
    }
}
