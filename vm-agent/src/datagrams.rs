//! A UDP port inside the machine as the end of a channel: each read and each write is a datagram.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use causeway_wire::channel::End;

/// A socket of its own for one client. Clones are the same.
pub struct Datagrams {
    socket: UdpSocket,
    ended: Arc<AtomicBool>,
}

impl Datagrams {
    /// To a port of the loopback.
    pub fn to_loopback(port: u16) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect((Ipv4Addr::LOCALHOST, port))?;
        Ok(Self { socket, ended: Arc::default() })
    }
}

/// Whether it says that nobody is there for the datagram before: as much as silence, for UDP.
fn is_nobody_there(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

impl Read for Datagrams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.socket.recv(buffer) {
                _ if self.ended.load(Ordering::Acquire) => return Ok(0),
                // An empty datagram can't be told from the end.
                Ok(0) => {}
                Err(error) if is_nobody_there(&error) => {}
                received => return received,
            }
        }
    }
}

impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        match self.socket.send(datagram) {
            Err(error) if is_nobody_there(&error) => Ok(datagram.len()),
            sent => sent,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl End for Datagrams {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, ended: Arc::clone(&self.ended) })
    }

    /// Both ways at once: whoever sends no more isn't answered any more.
    fn end(&self, _: Shutdown) {
        self.ended.store(true, Ordering::Release);
        // Wakes whoever reads, although nothing is told to the peer.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn datagrams_keep_their_bounds_and_the_end_wakes_a_reader() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut ours = Datagrams::to_loopback(server.local_addr().unwrap().port()).unwrap();
        let mut buffer = [0; 100];
        for content in [&b"one"[..], b"two"] {
            ours.write_all(content).unwrap();
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], content);
            server.send_to(&[], from).unwrap();
            server.send_to(content, from).unwrap();
            let length = ours.read(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], content);
        }
        let mut again = ours.try_clone().unwrap();
        let reader = std::thread::spawn(move || again.read(&mut [0; 10]).unwrap());
        let begun = Instant::now();
        while !reader.is_finished() {
            assert!(begun.elapsed() < Duration::from_secs(10), "the reader sleeps on");
            ours.end(Shutdown::Write);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(reader.join().unwrap(), 0);
    }

    #[test]
    fn a_port_without_anybody_is_silent() {
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut ours = Datagrams::to_loopback(port).unwrap();
        for _ in 0..3 {
            ours.write_all(b"x").unwrap();
        }
    }
}
