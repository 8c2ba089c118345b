//! A published UDP port: each client has a channel of its own, so that answers find back to it.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causeway_wire::channel::{End, PIECE_BYTES_MAX, Target};
use tokio::net::UdpSocket;

use super::PATIENCE;
use crate::machine::vm::channels::Channels;

/// Clients of one port at once, at most; datagrams of others are lost.
const CLIENTS_MAX: usize = 256;
/// Datagrams of a client that wait for its channel, at most; more are lost, as UDP has it.
const WAITING_MAX: usize = 64;
/// A channel over which nothing went for this long ends.
const IDLE: Duration = Duration::from_secs(60);
/// How long to wait after a receive that failed.
const AGAIN: Duration = Duration::from_millis(100);

/// Serves a port until it is aborted.
pub async fn serve(socket: UdpSocket, port: u16, channels: Channels) {
    let socket = Arc::new(socket);
    let mut clients: HashMap<SocketAddr, Known> = HashMap::new();
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    loop {
        let (bytes, from) = match socket.recv_from(&mut buffer).await {
            Ok((0, _)) => continue,
            Ok(received) => received,
            // A client of before is gone.
            Err(_) => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let datagram = &buffer[..bytes];
        if clients.get(&from).is_some_and(|known| known.0.put(datagram)) {
            continue;
        }
        clients.retain(|_, known| !known.0.state().ended);
        if clients.len() < CLIENTS_MAX {
            let client = Client::new(Arc::clone(&socket), from);
            client.shared.put(datagram);
            clients.insert(from, Known(Arc::clone(&client.shared)));
            connect(client, port, channels.clone());
        }
    }
}

/// What the port knows of a client. Dropping it ends the client's channel.
struct Known(Arc<Shared>);

impl Drop for Known {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Opens a client's channel, on threads of its own.
fn connect(client: Client, port: u16, channels: Channels) {
    let connect = move || {
        if let Err((_, error)) = channels.connect(client, Target::Udp(port), PATIENCE) {
            tracing::debug!(port, %error, "a datagram to a published port was lost");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("port".to_owned()).spawn(connect) {
        tracing::warn!(%error, "a client of a published port can't be served");
    }
}

/// One client, as the end of a channel. Clones are the same.
struct Client {
    socket: Arc<UdpSocket>,
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: VecDeque<Vec<u8>>,
    ended: bool,
    /// When something last went either way.
    last: Instant,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a datagram carried, if there is room. False where nothing is carried any more.
    fn put(&self, datagram: &[u8]) -> bool {
        let mut state = self.state();
        if !state.ended && state.waiting.len() < WAITING_MAX {
            state.last = Instant::now();
            state.waiting.push_back(datagram.to_vec());
            self.changed.notify_all();
        }
        !state.ended
    }

    /// Waits for a datagram; `None` at the end, and when nothing went either way for long.
    fn take(&self) -> Option<Vec<u8>> {
        let mut state = self.state();
        loop {
            let left = IDLE.saturating_sub(state.last.elapsed());
            state.ended |= left.is_zero();
            if state.ended {
                return None;
            }
            if let Some(datagram) = state.waiting.pop_front() {
                return Some(datagram);
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }
}

impl Client {
    fn new(socket: Arc<UdpSocket>, address: SocketAddr) -> Self {
        let state = State { waiting: VecDeque::new(), ended: false, last: Instant::now() };
        Self { socket, address, shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }) }
    }
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(datagram) = self.shared.take() else { return Ok(0) };
        buffer[..datagram.len()].copy_from_slice(&datagram);
        Ok(datagram.len())
    }
}

impl Write for Client {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.shared.state().last = Instant::now();
        // One for which there is no room is lost, as UDP has it.
        let _ = self.socket.try_send_to(datagram, self.address);
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl End for Client {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: Arc::clone(&self.socket), address: self.address, shared: Arc::clone(&self.shared) })
    }

    fn end(&self, _: Shutdown) {
        self.shared.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_is_read_and_written_datagram_by_datagram() {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let person = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut client = Client::new(Arc::clone(&socket), person.local_addr().unwrap());
        let known = Known(Arc::clone(&client.shared));
        assert!(known.0.put(b"one") && known.0.put(b"two!"));
        let mut buffer = vec![0; PIECE_BYTES_MAX];
        assert_eq!(client.read(&mut buffer).unwrap(), 3);
        assert_eq!(client.read(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"two!");
        socket.writable().await.unwrap();
        client.write_all(b"answer").unwrap();
        let (bytes, _) = person.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..bytes], b"answer");

        let mut again = client.try_clone().unwrap();
        let reader = std::thread::spawn(move || again.read(&mut [0; 10]).unwrap());
        drop(known);
        assert_eq!(reader.join().unwrap(), 0);
        assert!(!client.shared.put(b"late"));
    }

    #[test]
    fn what_nobody_takes_is_bounded() {
        let state = State { waiting: VecDeque::new(), ended: false, last: Instant::now() };
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new() };
        for _ in 0..2 * WAITING_MAX {
            assert!(shared.put(b"x"));
        }
        assert_eq!(shared.state().waiting.len(), WAITING_MAX);
    }
}
