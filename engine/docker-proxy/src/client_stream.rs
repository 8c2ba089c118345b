//! A client's connection that knows a half-close from an end.
//!
//! A client that has said all may close its direction and wait for the answer; one that is gone has closed both. Reading finds nothing more
//! either way. The first has to be waited for, and the second must not keep Docker at work, however quiet the stream is.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[cfg(target_os = "linux")]
use tokio::io::{Interest, unix::AsyncFd};
use tokio::net::UnixStream;

/// A client's connection.
#[derive(Debug)]
pub struct ClientStream(UnixStream);

impl ClientStream {
    /// Of a connection.
    pub fn new(stream: UnixStream) -> Self {
        Self(stream)
    }

    /// Whether nobody is there to read any more.
    fn is_gone(&self) -> bool {
        let mut descriptors = [PollFd::new(&self.0, PollFlags::empty())];
        poll(&mut descriptors, Some(&Timespec::default())).is_ok()
            && descriptors[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

/// Tells that a client is gone, without reading what it said before.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub struct Departure(AsyncFd<OwnedFd>);

#[cfg(target_os = "linux")]
impl Departure {
    /// Of a client.
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let descriptor = stream.as_fd().try_clone_to_owned()?;
        // Of what is never sent: so nothing but the end of both directions wakes it (epoll_ctl(2), EPOLLHUP).
        // SAFETY: an `OwnedFd` stays the same descriptor, and open, as long as it lives.
        Ok(Self(unsafe { AsyncFd::register_with_interest(descriptor, Interest::PRIORITY) }?))
    }

    /// Waits until the client is gone.
    pub async fn wait(&self) {
        loop {
            match self.0.ready(Interest::PRIORITY).await {
                Ok(mut ready) if !ready.ready().is_read_closed() => ready.clear_ready(),
                _ => return,
            }
        }
    }
}

/// Elsewhere a client that is gone is noticed with the next that Docker has for it.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub struct Departure;

#[cfg(not(target_os = "linux"))]
impl Departure {
    /// Of a client.
    pub fn of(_: &UnixStream) -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits.
    pub async fn wait(&self) {
        std::future::pending().await
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.0).poll_read(cx, buf);
        let at_end = matches!(read, Poll::Ready(Ok(()))) && buf.filled().len() == before && buf.remaining() > 0;
        if at_end && self.is_gone() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        read
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
