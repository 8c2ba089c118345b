//! Watching inside the machine: one watcher for all shares on its disk.

use std::path::PathBuf;

use super::{HostWatcher, Sink, Watch, WatchConfig, WatchError};

#[cfg(target_os = "linux")]
use super::fanotify::FanotifyWatcher;

/// The watcher of a guest. Where fanotify is permitted (the agent is root in the VM), one mark covers the whole disk and costs
/// nothing per directory; where it isn't (the agent is a child process of an ordinary user), each share is watched as on the host.
pub struct GuestWatcher {
    #[cfg(target_os = "linux")]
    whole_disk: Option<FanotifyWatcher>,
}

impl GuestWatcher {
    /// Starts to watch nothing yet. `cookies` is a directory of this watcher's own, on the disk of the shares.
    #[cfg(target_os = "linux")]
    pub fn new(cookies: PathBuf) -> Result<Self, WatchError> {
        let whole_disk = match FanotifyWatcher::start(&cookies) {
            Ok(watcher) => Some(watcher),
            Err(WatchError::Start { source, .. }) => {
                tracing::info!(error = %source, "no whole disk can be watched here; each directory is watched instead");
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Self { whole_disk })
    }

    /// Starts to watch nothing yet.
    #[cfg(not(target_os = "linux"))]
    pub fn new(_: PathBuf) -> Result<Self, WatchError> {
        Ok(Self {})
    }

    /// Watches one more share: all that changes after this has returned is told. `config.cookies` and `config.skip` are for where
    /// directories have to be watched one by one. Dropping what is returned ends it.
    pub fn add_share(&self, config: WatchConfig, sink: Sink) -> Result<Box<dyn Watch>, WatchError> {
        #[cfg(target_os = "linux")]
        if let Some(whole_disk) = &self.whole_disk {
            match whole_disk.add_share(&config.share, sink.clone()) {
                Ok(watch) => return Ok(Box::new(watch)),
                Err(error) => tracing::info!(%error, "each directory of this share is watched instead"),
            }
        }
        Ok(Box::new(HostWatcher::start(config, sink)?))
    }

    /// Whether whole disks are watched, without a limit.
    pub fn watches_whole_disks(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.whole_disk.is_some();
        #[cfg(not(target_os = "linux"))]
        false
    }
}
