//! Watching whole disks with fanotify, for any number of shares: nothing per directory, no limit, no race with new directories,
//! and every event tells who did it (fanotify(7), Linux 5.9 for `FAN_REPORT_DFID_NAME`).
//!
//! Events name a directory by its handle, which [`shares`] turns into a path. The kernel merges what isn't read yet by process,
//! directory and name, so one event may stand for several, and a hint for the most urgent of them. A rename is one event, which is
//! merged only with a later one from and to the same names: it tells then of the last of them.
//!
//! Needs the capabilities of an administrator (`CAP_SYS_ADMIN`, `CAP_DAC_READ_SEARCH`) and a file system that gives handles.
//!
//! Not seen: what is written through mmap until it is unmapped; who did it, where a process handed its descriptor to a child, or is in
//! another pid namespace than a child of this process' one.

mod record;
mod shares;
mod sys;

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use causeway_sync::path::RelPathBuf;
use rustix::io::Errno;

use self::record::{Place, Record, records};
use self::shares::{ShareKey, Shares};
use self::sys::Handle;
use super::cookies::Cookies;
use super::wakeup::{Wakeup, Woken};
use super::{Hint, Sink, Watch, WatchError, WatchEvent};
use crate::fs::Dir;

/// Room for some thousand events.
const BUFFER_BYTES: usize = 256 * 1024;

/// A running watcher of whole disks.
pub(super) struct FanotifyWatcher {
    group: Arc<Group>,
    wakeup: Arc<Wakeup>,
    thread: Option<JoinHandle<()>>,
}

/// What the reading thread and the askers share.
struct Group {
    fanotify: OwnedFd,
    shares: Mutex<Shares>,
    cookies: Cookies,
    /// Who waits for which cookie: the numbers of different shares may be equal.
    waiting: Mutex<Waiting>,
    cookie_dir: (u64, Handle),
}

/// Cookies have numbers of their own here.
#[derive(Default)]
struct Waiting {
    next: u64,
    by_cookie: std::collections::HashMap<u64, (ShareKey, u64)>,
}

/// So many events of no interest within [`WINDOW`] are let gather: a batch is being carried out, and to be woken for each of its
/// events would take a tenth of its time. Where they come more slowly nothing waits: the next may be somebody's edit.
const MANY: usize = 128;
const WINDOW: Duration = Duration::from_millis(16);
/// How long they gather.
const PAUSE: Duration = Duration::from_millis(2);

/// Decides when events are let gather.
struct Gathering {
    since: Instant,
    events: usize,
    are_many: bool,
}

impl Gathering {
    fn new(now: Instant) -> Self {
        Self { since: now, events: 0, are_many: false }
    }

    /// Whether to pause after a read of so many events of no interest.
    fn pauses(&mut self, events: usize, now: Instant) -> bool {
        let age = now.duration_since(self.since);
        if age > WINDOW {
            self.are_many = self.events >= MANY && age <= 2 * WINDOW;
            (self.since, self.events) = (now, 0);
        }
        self.events += events;
        self.are_many |= self.events >= MANY;
        self.are_many
    }
}

/// One share of a watcher. Dropping it ends its events.
pub(super) struct ShareWatch {
    group: Arc<Group>,
    key: ShareKey,
}

impl FanotifyWatcher {
    /// Starts to listen to the disk of `cookies`.
    pub(super) fn start(cookies: &Path) -> Result<Self, WatchError> {
        let cookies = Cookies::open(cookies)?;
        let path = cookies.dir().to_owned();
        let failed = |source| WatchError::Start { path: path.clone(), source };
        let dir = Dir::open_absolute(&path).map_err(|errno| failed(errno.into()))?;
        let fanotify = sys::init().map_err(failed)?;
        sys::mark_file_system(fanotify.as_fd(), dir.as_fd()).map_err(failed)?;
        let file_system = rustix::fs::fstatvfs(&dir).map_err(|errno| failed(errno.into()))?.f_fsid;
        let handle = sys::handle_of(dir.as_fd()).map_err(failed)?;
        let group = Arc::new(Group {
            fanotify,
            shares: Mutex::default(),
            cookies,
            waiting: Mutex::default(),
            cookie_dir: (file_system, handle),
        });
        let wakeup = Arc::new(Wakeup::new().map_err(failed)?);
        let thread = {
            let (group, wakeup) = (group.clone(), wakeup.clone());
            std::thread::Builder::new()
                .name("causeway-watch".to_owned())
                .spawn(move || group.read_on(&wakeup))
                .map_err(failed)?
        };
        Ok(Self { group, wakeup, thread: Some(thread) })
    }

    /// Watches one more share.
    pub(super) fn add_share(&self, share: &Path, sink: Sink) -> Result<ShareWatch, WatchError> {
        let failed = |source| WatchError::Start { path: share.to_owned(), source };
        let root = Dir::open_absolute(share).map_err(|errno| failed(errno.into()))?;
        sys::mark_file_system(self.group.fanotify.as_fd(), root.as_fd()).map_err(failed)?;
        let key = self.group.shares().add(root, sink).map_err(failed)?;
        Ok(ShareWatch { group: self.group.clone(), key })
    }
}

impl Drop for FanotifyWatcher {
    fn drop(&mut self) {
        self.wakeup.end(self.thread.take());
    }
}

impl Watch for ShareWatch {
    fn cookie(&self, id: u64) -> Result<(), WatchError> {
        let cookie = {
            let mut waiting = self.group.waiting();
            waiting.next += 1;
            let cookie = waiting.next;
            waiting.by_cookie.insert(cookie, (self.key, id));
            cookie
        };
        self.group.cookies.write(cookie).inspect_err(|_| {
            self.group.waiting().by_cookie.remove(&cookie);
        })
    }
}

impl Drop for ShareWatch {
    fn drop(&mut self) {
        // Events are told under the lock of the shares: after this none is.
        self.group.shares().remove(self.key);
        self.group.waiting().by_cookie.retain(|_, (key, _)| *key != self.key);
    }
}

impl Group {
    fn shares(&self) -> MutexGuard<'_, Shares> {
        // A sink that panicked has left nothing half-done here.
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_on(&self, wakeup: &Wakeup) {
        let mut buffer = vec![0; BUFFER_BYTES];
        let own_pid = rustix::process::getpid().as_raw_nonzero().get();
        let mut gathering = Gathering::new(Instant::now());
        loop {
            match wakeup.wait(&self.fanotify, None) {
                Ok(Woken::Stopped) => return,
                Ok(_) => {}
                Err(error) => return self.give_up(&error),
            }
            match rustix::io::read(&self.fanotify, &mut buffer[..]) {
                Ok(bytes) => {
                    let (mut events, mut is_idle) = (0, true);
                    for record in records(&buffer[..bytes]) {
                        let concerns_share = self.handle(&record, own_pid);
                        is_idle &= !concerns_share || record.pid == own_pid;
                        events += 1;
                    }
                    if is_idle && gathering.pauses(events, Instant::now()) {
                        std::thread::sleep(PAUSE);
                    }
                }
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(errno) => return self.give_up(&errno.into()),
            }
        }
    }

    fn give_up(&self, error: &std::io::Error) {
        tracing::error!(%error, "reading from fanotify failed");
        for sink in self.shares().sinks() {
            sink(WatchEvent::Overflow { subtree: RelPathBuf::default() });
            sink(WatchEvent::RootGone);
        }
    }

    /// Tells whether a share may be concerned.
    fn handle(&self, record: &Record<'_>, own_pid: i32) -> bool {
        match &record.place {
            Some(place) if self.is_cookie(place) => {
                self.cookie_seen(record.mask, place.name);
                true
            }
            Some(from) if record.mask & libc::FAN_RENAME != 0 => {
                self.renamed(record.mask & libc::FAN_ONDIR != 0, from, record.to.as_ref(), record.pid == own_pid)
            }
            Some(place) => self.changed(record.mask, place, record.pid == own_pid),
            None if record.mask & libc::FAN_Q_OVERFLOW != 0 => {
                let mut shares = self.shares();
                shares.forget_places();
                for sink in shares.sinks() {
                    sink(WatchEvent::Overflow { subtree: RelPathBuf::default() });
                }
                shares.take_out_gone().iter().for_each(|sink| sink(WatchEvent::RootGone));
                drop(shares);
                self.cookies.write_again();
                true
            }
            None => false,
        }
    }

    fn is_cookie(&self, place: &Place<'_>) -> bool {
        (place.file_system, &place.directory) == (self.cookie_dir.0, &self.cookie_dir.1)
    }

    fn cookie_seen(&self, mask: u64, name: &[u8]) {
        if mask & libc::FAN_CREATE == 0 {
            return;
        }
        let Some(cookie) = self.cookies.seen(name) else { return };
        let waiting = self.waiting().by_cookie.remove(&cookie);
        let Some((key, id)) = waiting else { return };
        if let Some(sink) = self.shares().sink(key) {
            sink(WatchEvent::CookieSeen(id));
        }
    }

    fn changed(&self, mask: u64, place: &Place<'_>, own: bool) -> bool {
        let mut shares = self.shares();
        let told = shares.event(place, hint(mask), own);
        let concerns_share = told.is_some();
        if let Some((key, event)) = told {
            shares.tell(key, event);
        }
        if mask & libc::FAN_ONDIR == 0 {
            return concerns_share;
        }
        let is_move = mask & (libc::FAN_MOVED_FROM | libc::FAN_MOVED_TO) != 0;
        if is_move {
            shares.forget_places();
        }
        if is_move || mask & libc::FAN_DELETE != 0 {
            shares.take_out_gone().iter().for_each(|sink| sink(WatchEvent::RootGone));
        }
        concerns_share
    }

    /// What was renamed, to a place on the same disk.
    fn renamed(&self, is_directory: bool, from: &Place<'_>, to: Option<&Place<'_>>, own: bool) -> bool {
        let mut shares = self.shares();
        let left = shares.event(from, Hint::Moved, own);
        let came = to.and_then(|to| shares.event(to, Hint::Moved, own));
        let concerns_share = left.is_some() || came.is_some();
        match (left, came) {
            (Some((key, WatchEvent::Dirty { path: from, .. })), Some((to_key, WatchEvent::Dirty { path: to, .. })))
                if is_directory && key == to_key && !own =>
            {
                shares.tell(key, WatchEvent::Renamed { from, to });
            }
            (left, came) => {
                // Nobody has told what was changed before in a directory that comes from elsewhere.
                let unseen = came.clone().filter(|_| is_directory && !own).and_then(|(key, event)| match event {
                    WatchEvent::Dirty { path: subtree, .. } => Some((key, WatchEvent::Overflow { subtree })),
                    _ => None,
                });
                [left, came, unseen].into_iter().flatten().for_each(|(key, event)| shares.tell(key, event));
            }
        }
        if is_directory {
            shares.forget_places();
            shares.take_out_gone().iter().for_each(|sink| sink(WatchEvent::RootGone));
        }
        concerns_share
    }
}

/// The most urgent of what happened.
fn hint(mask: u64) -> Hint {
    let has = |bits| mask & bits != 0;
    if has(libc::FAN_CLOSE_WRITE) {
        Hint::ClosedAfterWrite
    } else if has(libc::FAN_MOVED_FROM | libc::FAN_MOVED_TO) {
        Hint::Moved
    } else if has(libc::FAN_CREATE) {
        Hint::Created
    } else if has(libc::FAN_DELETE) {
        Hint::Removed
    } else if has(libc::FAN_ATTRIB) {
        Hint::Attributes
    } else {
        Hint::Written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_gather_only_while_they_come_fast() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let mut gathering = Gathering::new(begun);
        // An edit, and what the engine writes for it.
        assert!((0..100).all(|edit| !gathering.pauses(40, at(edit * 10))), "edits wait for nobody");
        // A first copy: some 20 in a millisecond.
        let paused = (1_000..1_100).filter(|ms| gathering.pauses(20, at(*ms))).count();
        assert!(paused > 90, "{paused} of 100");
        assert!(gathering.pauses(40, at(1_102)), "what has gathered is no reason to stop");
        assert!(!gathering.pauses(20, at(1_200)), "it is over");
    }
}
