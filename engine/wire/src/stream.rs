//! The byte stream under a connection.

use std::io::{self, Read, Write};
use std::time::Duration;

/// An ordered byte stream in both directions: a Unix socket, or vsock.
///
/// Reads and writes block. Clones share the stream: one thread reads from one while another writes to the other.
pub trait Stream: Read + Write + Send + Sync + 'static {
    /// Another handle of the same stream.
    fn try_clone(&self) -> io::Result<Box<dyn Stream>>;
    /// Ends both directions for all handles. Whoever blocks in a read or a write wakes: with the end of the stream, or an error.
    fn shutdown(&self) -> io::Result<()>;
    /// Whether a read would give something, or the end, without blocking.
    fn is_readable(&self) -> io::Result<bool>;
    /// How long a read may block before it fails with `WouldBlock` or `TimedOut`; `None` for ever. Holds for all handles.
    fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()>;
    /// How long a write may block, likewise.
    fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()>;
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec};

    use super::Stream;

    impl Stream for UnixStream {
        fn try_clone(&self) -> io::Result<Box<dyn Stream>> {
            Ok(Box::new(Self::try_clone(self)?))
        }

        fn shutdown(&self) -> io::Result<()> {
            match Self::shutdown(self, Shutdown::Both) {
                // macOS says so when the peer was first.
                Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
                done => done,
            }
        }

        fn is_readable(&self) -> io::Result<bool> {
            let mut polled = [PollFd::new(self, PollFlags::IN)];
            let ready = rustix::event::poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
            Ok(ready > 0)
        }

        fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
            Self::set_read_timeout(self, limit)
        }

        fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
            Self::set_write_timeout(self, limit)
        }
    }
}

#[cfg(target_os = "linux")]
mod vsock {
    use std::io;
    use std::net::Shutdown;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use ::vsock::VsockStream;
    use rustix::event::{PollFd, PollFlags, Timespec};

    use super::Stream;

    impl Stream for VsockStream {
        fn try_clone(&self) -> io::Result<Box<dyn Stream>> {
            Ok(Box::new(Self::try_clone(self)?))
        }

        fn shutdown(&self) -> io::Result<()> {
            match Self::shutdown(self, Shutdown::Both) {
                // The peer was first.
                Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
                done => done,
            }
        }

        fn is_readable(&self) -> io::Result<bool> {
            let fd = self.as_fd();
            let mut polled = [PollFd::new(&fd, PollFlags::IN)];
            let ready = rustix::event::poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
            Ok(ready > 0)
        }

        fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
            Self::set_read_timeout(self, limit)
        }

        fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
            Self::set_write_timeout(self, limit)
        }
    }
}

impl Stream for Box<dyn Stream> {
    fn try_clone(&self) -> io::Result<Box<dyn Stream>> {
        (**self).try_clone()
    }

    fn shutdown(&self) -> io::Result<()> {
        (**self).shutdown()
    }

    fn is_readable(&self) -> io::Result<bool> {
        (**self).is_readable()
    }

    fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        (**self).set_read_timeout(limit)
    }

    fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        (**self).set_write_timeout(limit)
    }
}
