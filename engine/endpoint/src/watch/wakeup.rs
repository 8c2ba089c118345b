//! Waiting for a notification descriptor that can be told to stop.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

/// Why waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// There is something to read.
    Readable,
    /// The time is over.
    TimedOut,
    /// The watcher is to end.
    Stopped,
}

/// Tells a reading thread to stop.
pub(super) struct Wakeup(OwnedFd);

impl Wakeup {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Makes every wait end at once, from now on.
    fn stop(&self) {
        // Full only after 2^64 - 1 stops.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Waits until `fd` can be read.
    pub(super) fn wait(&self, fd: impl AsFd, timeout: Option<Duration>) -> io::Result<Woken> {
        let mut both = [PollFd::new(&self.0, PollFlags::IN), PollFd::new(&fd, PollFlags::IN)];
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let ready = rustix::io::retry_on_intr(|| rustix::event::poll(&mut both, timeout.as_ref()))?;
        if !both[0].revents().is_empty() {
            return Ok(Woken::Stopped);
        }
        Ok(if ready == 0 { Woken::TimedOut } else { Woken::Readable })
    }

    /// Stops the thread that waits, and returns when it has ended; at once where it is the calling one.
    pub(super) fn end(&self, thread: Option<JoinHandle<()>>) {
        self.stop();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            // It can have panicked only in the sink, which has said so.
            let _ = thread.join();
        }
    }
}
