//! The watchers against their contract, on a real file system: inotify as on the host, fanotify as in the guest.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod events;
mod fanotify;
mod limits;
mod mirror;
mod moves;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use causeway_endpoint::watch::{GuestWatcher, Hint, HostWatcher, Sink, Skip, Watch, WatchConfig, WatchEvent};

/// No event takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A child process that is being started holds what was open then: a file written meanwhile is closed only when the child runs its program.
/// Tests that wait for a close write under a shared lock, those that start processes do it under an exclusive one.
static STARTS: RwLock<()> = RwLock::new(());

fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let _none = STARTS.read();
    std::fs::write(path, content).unwrap();
}

fn run(command: &mut Command) -> ExitStatus {
    let mut child = {
        let _alone = STARTS.write();
        command.spawn().unwrap()
    };
    child.wait().unwrap()
}

/// Which watcher a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backend {
    Inotify,
    Fanotify,
}

/// Those that work here: fanotify only for root.
fn backends() -> Vec<Backend> {
    let temp = tempfile::tempdir().unwrap();
    let mut backends = vec![Backend::Inotify];
    if GuestWatcher::new(temp.path().join("cookies")).unwrap().watches_whole_disks() {
        backends.push(Backend::Fanotify);
    } else {
        assert!(!rustix::process::geteuid().is_root(), "root may watch whole disks");
        eprintln!("no fanotify here: only inotify is tested");
    }
    backends
}

/// A watched share with its events.
struct Watched {
    share: PathBuf,
    watch: Box<dyn Watch>,
    receiver: Receiver<WatchEvent>,
    last_cookie: u64,
    _guest: Option<GuestWatcher>,
    temp: tempfile::TempDir,
}

fn channel() -> (Sink, Receiver<WatchEvent>) {
    let (sender, receiver) = mpsc::channel();
    let sink: Sink = Arc::new(move |event| {
        let _ = sender.send(event);
    });
    (sink, receiver)
}

impl Watched {
    fn new(backend: Backend) -> Self {
        Self::prepared(backend, None, |_| {})
    }

    /// With what is done to the share before it is watched.
    fn prepared(backend: Backend, skip: Option<Skip>, prepare: impl FnOnce(&Path)) -> Self {
        let (sink, receiver) = channel();
        Self::with_sink(backend, skip, prepare, sink, receiver)
    }

    fn with_sink(
        backend: Backend,
        skip: Option<Skip>,
        prepare: impl FnOnce(&Path),
        sink: Sink,
        receiver: Receiver<WatchEvent>,
    ) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let share = temp.path().join("share");
        std::fs::create_dir(&share).unwrap();
        prepare(&share);
        let config = WatchConfig { share: share.clone(), cookies: temp.path().join("cookies"), skip };
        let (watch, guest): (Box<dyn Watch>, _) = match backend {
            Backend::Inotify => (Box::new(HostWatcher::start(config, sink).unwrap()), None),
            Backend::Fanotify => {
                let guest = GuestWatcher::new(temp.path().join("cookies-of-all")).unwrap();
                (guest.add_share(config, sink).unwrap(), Some(guest))
            }
        };
        Self { share, watch, receiver, last_cookie: 0, _guest: guest, temp }
    }

    /// A place beside the share, on the same disk, that nobody watches.
    fn outside(&self) -> PathBuf {
        let outside = self.temp.path().join("outside");
        std::fs::create_dir_all(&outside).unwrap();
        outside
    }

    /// All that was told up to now.
    fn events(&mut self) -> Vec<WatchEvent> {
        self.last_cookie += 1;
        self.watch.cookie(self.last_cookie).unwrap();
        let mut events = Vec::new();
        loop {
            match self.receiver.recv_timeout(PATIENCE).unwrap() {
                WatchEvent::CookieSeen(id) if id == self.last_cookie => return events,
                event => events.push(event),
            }
        }
    }

    /// The same, as short texts: `Hint path`, without repetitions.
    fn told(&mut self) -> Vec<String> {
        let mut told: Vec<String> = self.events().iter().map(text).collect();
        told.dedup();
        told
    }
}

fn text(event: &WatchEvent) -> String {
    match event {
        WatchEvent::Dirty { path, hint, .. } => format!("{hint:?} {path}"),
        WatchEvent::Overflow { subtree } => format!("Overflow {subtree}"),
        WatchEvent::Renamed { from, to } => format!("Renamed {from} to {to}"),
        other => format!("{other:?}"),
    }
}

fn is_dirty(event: &WatchEvent, at: &str, wanted: Hint) -> bool {
    matches!(event, WatchEvent::Dirty { path, hint, .. } if path.as_bytes() == at.as_bytes() && *hint == wanted)
}
