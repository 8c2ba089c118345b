//! The byte stream under a connection.

use std::io::{self, Read, Write};
#[cfg(unix)]
use std::net::Shutdown;
#[cfg(unix)]
use std::os::fd::AsFd;
use std::time::Duration;

#[cfg(unix)]
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// An ordered byte stream in both directions: a Unix socket, or vsock.
///
/// Reads and writes block. Clones share the stream: one thread reads from one while another writes to the other.
pub trait Stream: Read + Write + Send + Sync + 'static {
    /// Another handle of the same stream.
    fn try_clone(&self) -> io::Result<Box<dyn Stream>>;
    /// Ends both directions for all handles. Whoever blocks in a read or a write wakes: with the end of the stream, or an error.
    fn shutdown(&self) -> io::Result<()>;
    /// Whether a read gives something, or the end, without blocking; waits so long until it does.
    fn is_readable_within(&self, wait: Duration) -> io::Result<bool>;
    /// How long a read may block before it fails with `WouldBlock` or `TimedOut`; `None` for ever. Holds for all handles.
    fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()>;
    /// How long a write may block, likewise.
    fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()>;
}

/// What sockets of the standard library's shape have in common.
#[cfg(unix)]
macro_rules! impl_stream {
    ($socket:ty) => {
        impl Stream for $socket {
            fn try_clone(&self) -> io::Result<Box<dyn Stream>> {
                Ok(Box::new(Self::try_clone(self)?))
            }

            fn shutdown(&self) -> io::Result<()> {
                match Self::shutdown(self, Shutdown::Both) {
                    // Some systems say so when the peer was first.
                    Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
                    done => done,
                }
            }

            fn is_readable_within(&self, wait: Duration) -> io::Result<bool> {
                let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
                let fd = self.as_fd();
                Ok(poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&wait))? > 0)
            }

            fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
                Self::set_read_timeout(self, limit)
            }

            fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
                Self::set_write_timeout(self, limit)
            }
        }
    };
}

#[cfg(unix)]
impl_stream!(std::os::unix::net::UnixStream);
#[cfg(target_os = "linux")]
impl_stream!(vsock::VsockStream);

impl Stream for Box<dyn Stream> {
    fn try_clone(&self) -> io::Result<Box<dyn Stream>> {
        (**self).try_clone()
    }

    fn shutdown(&self) -> io::Result<()> {
        (**self).shutdown()
    }

    fn is_readable_within(&self, wait: Duration) -> io::Result<bool> {
        (**self).is_readable_within(wait)
    }

    fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        (**self).set_read_timeout(limit)
    }

    fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        (**self).set_write_timeout(limit)
    }
}
