//! The shares that are open in this agent.

use std::collections::HashMap;
use std::os::unix::ffi::OsStringExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_endpoint::fs::{FileMode, OsFs, OsFsConfig};
use causeway_endpoint::runner::{Runner, ShareSide, StartWatch, Started, boot_id, now_ms};
use causeway_endpoint::watch::{GuestWatcher, WatchConfig, WatchError};
use causeway_endpoint::{Endpoint, OpenError, Settings};
use causeway_index::{Identity, Index, IndexError, Origin, StoreError};
use causeway_sync::ignore::{Rules, RulesError};
use causeway_sync::{Epoch, Side};
use causeway_wire::agent::{AgentReply, Failure, FailureKind, ShareId, ShareSettings, Symlinks};
use causeway_wire::greeting::GreetingError;
use causeway_wire::share::WatchBy;

use crate::dial::Dialler;
use crate::disk::{Disk, DiskError, Place};
use crate::session::Session;

/// Why a share can't be opened, or its connections can't be dialled.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// Its directories.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Its file system.
    #[error("the share's copy: {0}")]
    Fs(#[from] causeway_endpoint::fs::FsError),
    /// Its index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Its endpoint.
    #[error(transparent)]
    Endpoint(#[from] OpenError),
    /// Its rules.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A connection.
    #[error("the share's connections: {0}")]
    Dial(#[from] GreetingError),
    /// Threads, randomness, the time of the system's start.
    #[error("the system: {0}")]
    System(#[from] std::io::Error),
    /// It isn't open.
    #[error("the share isn't open")]
    NotOpen,
}

impl From<ShareError> for Failure {
    fn from(error: ShareError) -> Self {
        let kind = match &error {
            ShareError::Rules(_) => FailureKind::InvalidRules,
            ShareError::Index(IndexError::Store(StoreError::NoSpace { .. }))
            | ShareError::Endpoint(OpenError::Index(IndexError::Store(StoreError::NoSpace { .. }))) => {
                FailureKind::NoSpace
            }
            ShareError::Index(_) => FailureKind::Index,
            ShareError::Fs(error) | ShareError::Endpoint(OpenError::Share(error) | OpenError::Staging(error)) => {
                kind_of(error.source.kind())
            }
            ShareError::NotOpen => FailureKind::NotOpen,
            ShareError::Disk(DiskError { source, .. }) | ShareError::System(source) => kind_of(source.kind()),
            _ => FailureKind::Io,
        };
        Self::new(kind, error)
    }
}

fn kind_of(kind: std::io::ErrorKind) -> FailureKind {
    match kind {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => FailureKind::NoSpace,
        std::io::ErrorKind::PermissionDenied => FailureKind::PermissionDenied,
        _ => FailureKind::Io,
    }
}

/// All shares of the agent.
pub struct Shares {
    disk: Disk,
    watcher: Arc<GuestWatcher>,
    slots: Mutex<HashMap<ShareId, Arc<Slot>>>,
}

/// A share, open or not. Its lock is held while it is opened, closed or dialled for.
type Slot = Mutex<Option<Share>>;

/// An open share.
struct Share {
    runner: Arc<Runner<OsFs>>,
    content: Vec<u8>,
    /// Ends before the runner does.
    session: Option<Session>,
}

impl Shares {
    /// Starts the watcher of the disk; no share is open yet.
    pub fn new(disk: Disk) -> Result<Self, WatchError> {
        let watcher = Arc::new(GuestWatcher::new(disk.cookies())?);
        Ok(Self { disk, watcher, slots: Mutex::default() })
    }

    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Opens a share; of an open one the rules are set.
    pub fn open(&self, settings: &ShareSettings) -> Result<AgentReply, ShareError> {
        let slot = self.slot(settings.share);
        let mut open = lock(&slot);
        if let Some(share) = &*open {
            Rules::new(&settings.rules)?;
            share.runner.set_rules(settings.rules.clone());
            return Ok(AgentReply::Opened { content: share.content.clone(), rebuilt: false });
        }
        let place = self.disk.place(settings.share);
        place.make()?;
        let (share, rebuilt) = open_share(&place, settings, &self.watcher)?;
        tracing::info!(share = %settings.share, name = settings.name, rebuilt, "a share is open");
        let content = share.content.clone();
        *open = Some(share);
        Ok(AgentReply::Opened { content, rebuilt })
    }

    /// Closes a share, in good order. Its copy stays.
    pub fn close(&self, id: ShareId) {
        let slot = self.slot(id);
        let share = lock(&slot).take();
        if let Some(share) = share {
            drop(share);
            tracing::info!(share = %id, "a share is closed");
        }
    }

    /// Closes all shares.
    pub fn close_all(&self) {
        let ids: Vec<ShareId> = lock(&self.slots).keys().copied().collect();
        ids.into_iter().for_each(|id| self.close(id));
    }

    /// Closes a share and deletes its copy.
    pub fn remove(&self, id: ShareId) -> Result<(), ShareError> {
        let slot = self.slot(id);
        let mut open = lock(&slot);
        drop(open.take());
        self.disk.remove(id)?;
        tracing::info!(share = %id, "a share's copy is removed");
        Ok(())
    }

    /// Dials a share's connections for a session; those of the session before end first.
    pub fn dial(
        &self,
        id: ShareId,
        number: u64,
        lanes: &[causeway_sync::Lane],
        dialler: &Dialler,
    ) -> Result<(), ShareError> {
        let slot = self.slot(id);
        let mut open = lock(&slot);
        let share = open.as_mut().ok_or(ShareError::NotOpen)?;
        drop(share.session.take());
        share.session = Some(Session::dial(&share.runner, id, number, lanes, dialler)?);
        Ok(())
    }

    fn slot(&self, id: ShareId) -> Arc<Slot> {
        Arc::clone(lock(&self.slots).entry(id).or_default())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Its threads hold the runner.
        drop(self.session.take());
    }
}

fn open_share(
    place: &Place,
    settings: &ShareSettings,
    watcher: &Arc<GuestWatcher>,
) -> Result<(Share, bool), ShareError> {
    let rules = Rules::new(&settings.rules)?;
    let content = place.content();
    let fs = OsFs::open(OsFsConfig { share: content.clone(), private: place.private(), mode: FileMode::Everyone })?;
    let replica = place.replica()?;
    let mut epoch = [0; 8];
    getrandom::fill(&mut epoch).map_err(std::io::Error::from)?;
    let identity = Identity { replica, epoch: Epoch(u64::from_ne_bytes(epoch)) };
    let index = Index::open(&place.index(), boot_id()?, || identity)?;
    let rebuilt = *index.origin() != Origin::Existing;
    let symlinks = match settings.symlinks {
        Symlinks::Raw => causeway_endpoint::Symlinks::Raw,
        Symlinks::Portable => causeway_endpoint::Symlinks::Portable,
        Symlinks::Ignore => causeway_endpoint::Symlinks::Ignore,
    };
    let settings_of_endpoint = Settings { side: Side::Guest, rules, symlinks };
    let endpoint = Arc::new(Endpoint::open(fs, index, settings_of_endpoint, now_ms())?);
    let runner = Runner::start(endpoint, settings.rules.clone(), watch(place, watcher))?;
    let content = content.into_os_string().into_vec();
    Ok((Share { runner: Arc::new(runner), content, session: None }, rebuilt))
}

fn watch(place: &Place, watcher: &Arc<GuestWatcher>) -> StartWatch {
    let (share, cookies, watcher) = (place.content(), place.cookies(), Arc::clone(watcher));
    Box::new(move |sink, skip| {
        let config = WatchConfig { share: share.clone(), cookies: cookies.clone(), skip: Some(skip) };
        let watch = watcher.add_share(config, sink)?;
        let by = if watcher.watches_whole_disks() { WatchBy::Fanotify } else { WatchBy::Inotify };
        Ok(Started { watch, by })
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
