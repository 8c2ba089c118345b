//! Sees from the outside when a file is whole on the other side.

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long to sleep at most between two looks: events may be of other files.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Waits for files of a directory, woken by its events.
pub struct Observer {
    events: OwnedFd,
}

impl Observer {
    /// Watches the directory that holds `file`.
    pub fn of(file: &Path) -> Result<Self> {
        let events = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
        let flags = inotify::WatchFlags::CREATE
            | inotify::WatchFlags::MOVED_TO
            | inotify::WatchFlags::MOVED_FROM
            | inotify::WatchFlags::DELETE
            | inotify::WatchFlags::CLOSE_WRITE;
        inotify::add_watch(&events, file.parent().expect("a file is in a directory"), flags)?;
        Ok(Self { events })
    }

    /// Waits until `so`, looking again after each event.
    pub fn until(&self, mut so: impl FnMut() -> bool) -> Result<Instant> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if so() {
                return Ok(Instant::now());
            }
            if Instant::now() > deadline {
                bail!("waited for more than {} s in vain", PATIENCE.as_secs());
            }
            poll(&mut [PollFd::new(&self.events, PollFlags::IN)], Some(&LOOK))?;
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = inotify::Reader::new(&self.events, &mut buffer);
            while !matches!(reader.next(), Err(rustix::io::Errno::AGAIN)) {}
        }
    }
}

/// Waits until `file` has this content; gives when that was.
pub fn until_whole(observer: &Observer, file: &Path, content: &[u8]) -> Result<Instant> {
    observer.until(|| fs::read(file).is_ok_and(|now| now == content))
}

/// Waits until something is so, without events.
pub fn until(mut so: impl FnMut() -> io::Result<bool>) -> Result<Instant> {
    let deadline = Instant::now() + PATIENCE;
    while !so()? {
        if Instant::now() > deadline {
            bail!("waited for more than {} s in vain", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(Instant::now())
}
