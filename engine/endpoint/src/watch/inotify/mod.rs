//! Watching a tree with inotify, one watch for each directory.
//!
//! inotify(7) watches directories, not trees; what makes a tree of them is done here:
//!
//! - A new directory is watched, with all below it, before its creation is told: who then looks below it misses nothing. Each directory is
//!   watched before it is listed, for the same reason.
//! - A renamed directory keeps its watches: descriptors stand for directories, not paths ([`tree`]). The two halves of a rename have
//!   a number in common, by which it is told as one.
//! - Events are always older than the disk. A directory is therefore opened where events say that it is, and recognised by
//!   its descriptor; what can't be added because it moved on meanwhile is added when its move is heard of.
//! - After an overflow of the queue, or when the tree can't be brought in line with the disk, all is watched anew, and
//!   [`WatchEvent::Overflow`] of the root is told.
//!
//! Not seen: what is written through mmap, by other computers (NFS), or by hard links outside the share; a mount that appears
//! over a watched directory.

mod limits;
mod tree;
mod watches;

use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use causeway_sync::path::{Name, RelPathBuf};
use rustix::fs::inotify::{self, ReadFlags};
use rustix::io::Errno;

use self::tree::{Lost, Wd};
use self::watches::Watches;
use super::cookies::Cookies;
use super::wakeup::{Wakeup, Woken};
use super::{Hint, Sink, Skip, Watch, WatchConfig, WatchError, WatchEvent, WatchLimit};

/// Room for some thousand events; one with the longest name takes 272 bytes.
const BUFFER_BYTES: usize = 64 * 1024;
/// The two halves of a rename are queued one right after the other: after this time a lone half stays alone.
const SETTLE_AFTER: Duration = Duration::from_millis(10);

/// A running watcher on inotify.
pub struct InotifyWatcher {
    cookies: Arc<Cookies>,
    wakeup: Arc<Wakeup>,
    thread: Option<JoinHandle<()>>,
}

impl InotifyWatcher {
    /// Watches the share. All that changes after this has returned is told; a limit met on the way, too.
    pub fn start(config: WatchConfig, sink: Sink) -> Result<Self, WatchError> {
        let failed = |source| WatchError::Start { path: config.share.clone(), source };
        let cookies = Arc::new(Cookies::open(&config.cookies)?);
        let wakeup = Arc::new(Wakeup::new().map_err(failed)?);
        let watches = Watches::start(&config.share, cookies.dir(), config.skip.as_ref())?;
        let source = Source { share: config.share.clone(), skip: config.skip, cookies: cookies.clone(), sink };
        let thread = {
            let wakeup = wakeup.clone();
            let name = "causeway-watch".to_owned();
            std::thread::Builder::new().name(name).spawn(move || source.run(watches, &wakeup)).map_err(failed)?
        };
        Ok(Self { cookies, wakeup, thread: Some(thread) })
    }
}

impl Watch for InotifyWatcher {
    fn cookie(&self, id: u64) -> Result<(), WatchError> {
        self.cookies.write(id)
    }
}

impl Drop for InotifyWatcher {
    fn drop(&mut self) {
        self.wakeup.end(self.thread.take());
    }
}

/// What stays the same when all is watched anew.
struct Source {
    share: PathBuf,
    skip: Option<Skip>,
    cookies: Arc<Cookies>,
    sink: Sink,
}

/// Why reading ended.
enum End {
    Stopped,
    RootGone,
    Lost,
}

impl From<Lost> for End {
    fn from(Lost: Lost) -> Self {
        Self::Lost
    }
}

impl Source {
    fn run(self, mut watches: Watches, wakeup: &Wakeup) {
        loop {
            let mut reader = Reader::new(&self, watches);
            let seen = match reader.read_on(wakeup) {
                Err(End::Lost) => std::mem::take(&mut reader.deferred),
                Ok(()) | Err(End::Stopped) => return,
                Err(End::RootGone) => return (self.sink)(WatchEvent::RootGone),
            };
            // The old watches first, so that they don't count towards the limit.
            drop(reader);
            watches = match Watches::start(&self.share, self.cookies.dir(), self.skip.as_ref()) {
                Ok(watches) => watches,
                Err(error) => return self.give_up(error),
            };
            (self.sink)(WatchEvent::Overflow { subtree: RelPathBuf::default() });
            for id in seen {
                (self.sink)(WatchEvent::CookieSeen(id));
            }
            self.cookies.write_again();
        }
    }

    /// Watching could not be taken up again.
    fn give_up(&self, error: WatchError) {
        let event = match error {
            WatchError::Limit(limit) => WatchEvent::Limit(limit),
            WatchError::Start { source, .. } if Errno::from_io_error(&source) == Some(Errno::NOENT) => {
                WatchEvent::RootGone
            }
            error => {
                WatchEvent::Limit(WatchLimit::Unwatchable { subtree: RelPathBuf::default(), reason: error.to_string() })
            }
        };
        (self.sink)(WatchEvent::Overflow { subtree: RelPathBuf::default() });
        (self.sink)(event);
    }
}

/// The first half of a directory's rename, which waits for the second to be told with it.
struct Leaving {
    /// The number that both have in common.
    rename: u32,
    from: RelPathBuf,
    /// Whether it was told alone, because something else was read next, or nothing.
    told: bool,
}

/// Reads one inotify instance.
struct Reader<'a> {
    source: &'a Source,
    watches: Watches,
    /// An event in a directory that is off the tree was passed over.
    has_missed: bool,
    leaving: Option<Leaving>,
    /// Cookies seen while the tree wasn't whole.
    deferred: Vec<u64>,
    unsettled_since: Option<Instant>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Source, watches: Watches) -> Self {
        Self { source, watches, has_missed: false, leaving: None, deferred: Vec::new(), unsettled_since: None }
    }

    fn tell(&self, event: WatchEvent) {
        (self.source.sink)(event);
    }

    fn tell_limits(&mut self) {
        for limit in std::mem::take(&mut self.watches.limits) {
            self.tell(WatchEvent::Limit(limit));
        }
    }

    fn read_on(&mut self, wakeup: &Wakeup) -> Result<(), End> {
        let fd = self.watches.fd();
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER_BYTES];
        self.tell_limits();
        loop {
            let timeout = self.unsettled_since.map(|since| SETTLE_AFTER.saturating_sub(since.elapsed()));
            let woken = wakeup.wait(&fd, timeout).map_err(|error| {
                tracing::error!(%error, "waiting for inotify failed");
                End::Lost
            })?;
            match woken {
                Woken::Stopped => return Err(End::Stopped),
                Woken::Readable => self.read_all(inotify::Reader::new(&*fd, &mut buffer))?,
                Woken::TimedOut => {}
            }
            self.settle()?;
        }
    }

    /// Reads until nothing is left.
    fn read_all(&mut self, mut events: inotify::Reader<'_, impl std::os::fd::AsFd>) -> Result<(), End> {
        loop {
            match events.next() {
                Ok(event) => {
                    let name = event.file_name().map(std::ffi::CStr::to_bytes);
                    self.handle(event.wd(), event.events(), event.cookie(), name)?;
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => {
                    tracing::error!(error = %errno, "reading from inotify failed");
                    return Err(End::Lost);
                }
            }
            if !self.watches.limits.is_empty() {
                self.tell_limits();
            }
        }
    }

    /// `rename`: a number that the two halves of a rename have in common.
    fn handle(&mut self, wd: Wd, events: ReadFlags, rename: u32, name: Option<&[u8]>) -> Result<(), End> {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            return Err(End::Lost);
        }
        let is_second_half = |leaving: &Leaving| events.contains(ReadFlags::MOVED_TO) && leaving.rename == rename;
        if !self.leaving.as_ref().is_some_and(is_second_half) {
            self.tell_leaving();
        }
        if self.watches.is_cookies(wd) {
            if let Some(id) = name.and_then(|name| self.source.cookies.seen(name)) {
                self.cookie_seen(id);
            }
            return Ok(());
        }
        if self.watches.is_root(wd) {
            let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT | ReadFlags::IGNORED;
            if events.intersects(gone) {
                return Err(End::RootGone);
            }
        }
        if events.contains(ReadFlags::IGNORED) {
            self.watches.forget(wd);
            return Ok(());
        }
        // Without a name it is about the directory itself, of which its parent tells.
        let Some(name) = name.and_then(|name| Name::new(name).ok()) else { return Ok(()) };
        if events.contains(ReadFlags::ISDIR) {
            self.directory(wd, events, rename, name)
        } else {
            self.dirty(wd, name, hint(events));
            Ok(())
        }
    }

    fn directory(&mut self, parent: Wd, events: ReadFlags, rename: u32, name: &Name) -> Result<(), End> {
        let at = self.watches.path(parent).map(|parent| parent.join(name));
        let leaving = self.leaving.take_if(|leaving| events.contains(ReadFlags::MOVED_TO) && leaving.rename == rename);
        if events.intersects(ReadFlags::MOVED_FROM | ReadFlags::DELETE) {
            self.watches.take_off(parent, name);
        }
        let is_arrival = events.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
        let is_new = is_arrival && self.watches.add(parent, name)?;
        match (&at, leaving) {
            (Some(to), Some(Leaving { from, .. })) => self.tell(WatchEvent::Renamed { from, to: to.clone() }),
            (Some(from), None) if events.contains(ReadFlags::MOVED_FROM) => {
                self.leaving = Some(Leaving { rename, from: from.clone(), told: false });
            }
            (_, leaving) => {
                self.leaving = leaving.or(self.leaving.take());
                self.tell_leaving();
                self.dirty(parent, name, hint(events));
            }
        }
        // That a directory was created says enough.
        let must_look_below = is_new && !events.contains(ReadFlags::CREATE) || is_arrival && self.has_missed;
        if must_look_below && let Some(subtree) = at {
            self.tell(WatchEvent::Overflow { subtree });
        }
        Ok(())
    }

    /// Tells the first half of a rename, if the second isn't what was read next.
    fn tell_leaving(&mut self) {
        let Some(leaving) = self.leaving.as_mut().filter(|leaving| !leaving.told) else { return };
        leaving.told = true;
        let path = leaving.from.clone();
        self.tell(WatchEvent::Dirty { path, hint: Hint::Moved, own: false });
    }

    fn dirty(&mut self, parent: Wd, name: &Name, hint: Hint) {
        match self.watches.path(parent) {
            Some(parent) => self.tell(WatchEvent::Dirty { path: parent.join(name), hint, own: false }),
            None => self.has_missed |= self.watches.knows(parent),
        }
    }

    fn cookie_seen(&mut self, id: u64) {
        if self.watches.is_settled() {
            self.tell(WatchEvent::CookieSeen(id));
        } else {
            self.deferred.push(id);
        }
    }

    /// Called when all has been read: settles what is open, once it has been open long enough.
    fn settle(&mut self) -> Result<(), End> {
        self.tell_leaving();
        if !self.watches.is_settled() {
            let since = *self.unsettled_since.get_or_insert_with(Instant::now);
            if since.elapsed() < SETTLE_AFTER {
                return Ok(());
            }
            for subtree in self.watches.settle()? {
                self.tell(WatchEvent::Overflow { subtree });
            }
            self.tell_limits();
            if !self.watches.is_settled() {
                self.unsettled_since = Some(Instant::now());
                return Ok(());
            }
        }
        self.unsettled_since = None;
        self.has_missed = false;
        for id in std::mem::take(&mut self.deferred) {
            self.tell(WatchEvent::CookieSeen(id));
        }
        Ok(())
    }
}

/// inotify gives one event at a time; the order here is only for masks that would hold more.
fn hint(events: ReadFlags) -> Hint {
    let has = |flags| events.intersects(flags);
    if has(ReadFlags::CLOSE_WRITE) {
        Hint::ClosedAfterWrite
    } else if has(ReadFlags::MOVED_FROM | ReadFlags::MOVED_TO) {
        Hint::Moved
    } else if has(ReadFlags::CREATE) {
        Hint::Created
    } else if has(ReadFlags::DELETE) {
        Hint::Removed
    } else if has(ReadFlags::ATTRIB) {
        Hint::Attributes
    } else {
        Hint::Written
    }
}
