//! The host's side of a share: its endpoint, index and watcher in this process.
//!
//! ```text
//! SHARES/ID/index.db    what the endpoint knows        SHARES/ID/private    staging and the recycle bin
//!          /ledger.db   what both sides agreed on                /cookies    files that prove that the watcher has caught up
//!          /syncignore  the last good .syncignore                /replica    the copy's random identity
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use causeway_api::Symlinks;
use causeway_endpoint::fs::{FileMode, FsError, FsErrorKind, OsFs, OsFsConfig};
use causeway_endpoint::runner::{Runner, ShareSide, StartWatch, Started};
use causeway_endpoint::watch::{HostWatcher, WatchConfig};
use causeway_endpoint::{Endpoint, OpenError, Settings};
use causeway_index::{Identity, Index, IndexError, Origin};
use causeway_sync::session::RootFault;
use causeway_sync::{Epoch, Replica, Side};
use causeway_wire::share::WatchBy;

use super::rules::InForce;
use crate::settings::ShareSettings;

/// Name of the directory of staging and the recycle bin in a share's directory.
pub const PRIVATE_NAME: &str = "private";

/// Why the host's side can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Its root is at fault.
    #[error("The folder on the host is gone, or no folder any more.")]
    Root(RootFault),
    /// Its file system.
    #[error("The folder on the host can't be worked on: {0}.")]
    Fs(#[source] FsError),
    /// Its index.
    #[error("What is known of the folder on the host can't be opened: {0}.")]
    Index(#[from] IndexError),
    /// Its endpoint.
    #[error("The folder on the host can't be opened: {0}.")]
    Endpoint(#[from] OpenError),
    /// Causeway's own files, threads, randomness.
    #[error("What Causeway keeps of the share can't be used: {0}.")]
    Own(#[from] io::Error),
}

/// The host's side at work. Dropping it ends it in good order.
pub struct HostSide {
    runner: Arc<Runner<OsFs>>,
}

impl HostSide {
    /// Opens the folder, and starts to watch it and to look at all of it. `dir` exists.
    pub fn open(settings: &ShareSettings, dir: &Path, rules: &InForce, now_ms: u64) -> Result<Self, HostError> {
        let folder = &settings.host_path;
        if let Some(fault) = root_fault(folder) {
            return Err(HostError::Root(fault));
        }
        let config = OsFsConfig { share: folder.clone(), private: dir.join(PRIVATE_NAME), mode: FileMode::User };
        let fs = OsFs::open(config).map_err(|error| match error.kind {
            FsErrorKind::NotFound if !folder.exists() => HostError::Root(RootFault::Missing),
            _ => HostError::Fs(error),
        })?;
        let mut epoch = [0; 8];
        getrandom::fill(&mut epoch).map_err(io::Error::from)?;
        let identity = Identity { replica: replica(dir)?, epoch: Epoch(u64::from_ne_bytes(epoch)) };
        let index = Index::open(&dir.join("index.db"), causeway_endpoint::runner::boot_id()?, || identity)?;
        if let Origin::Replaced { reason } = index.origin() {
            tracing::warn!(share = %settings.name, reason, "the host's index begins anew");
        }
        let endpoint_settings =
            Settings { side: Side::Host, rules: rules.rules.clone(), symlinks: symlinks(settings.symlinks) };
        let endpoint = Arc::new(Endpoint::open(fs, index, endpoint_settings, now_ms)?);
        let runner = Runner::start(endpoint, rules.texts.clone(), watch(folder.clone(), dir.join("cookies")))?;
        Ok(Self { runner: Arc::new(runner) })
    }

    /// For the session.
    pub fn side(&self) -> Arc<dyn ShareSide> {
        Arc::clone(&self.runner) as Arc<dyn ShareSide>
    }

    /// For the lanes.
    pub fn endpoint(&self) -> Arc<Endpoint<OsFs>> {
        Arc::clone(self.runner.endpoint())
    }
}

/// What is wrong with a root, as far as a look from outside tells.
fn root_fault(folder: &Path) -> Option<RootFault> {
    match fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() => None,
        Ok(_) => Some(RootFault::NotADirectory),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Some(RootFault::Missing)
        }
        // What it is can't be told; opening it will say why.
        Err(_) => None,
    }
}

fn symlinks(symlinks: Symlinks) -> causeway_endpoint::Symlinks {
    match symlinks {
        Symlinks::Raw => causeway_endpoint::Symlinks::Raw,
        Symlinks::Portable => causeway_endpoint::Symlinks::Portable,
        Symlinks::Ignore => causeway_endpoint::Symlinks::Ignore,
    }
}

#[cfg(target_os = "linux")]
const WATCHES_BY: WatchBy = WatchBy::Inotify;
#[cfg(not(target_os = "linux"))]
const WATCHES_BY: WatchBy = WatchBy::Native;

fn watch(share: PathBuf, cookies: PathBuf) -> StartWatch {
    Box::new(move |sink, skip| {
        let config = WatchConfig { share: share.clone(), cookies: cookies.clone(), skip: Some(skip) };
        Ok(Started { watch: Box::new(HostWatcher::start(config, sink)?), by: WATCHES_BY })
    })
}

/// Makes a share's own directory, closed to others.
#[cfg(unix)]
pub fn make_private(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Makes a share's own directory; below the user's own it is closed to others.
#[cfg(not(unix))]
pub fn make_private(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// The identity of the host's copy, made where there is none.
fn replica(dir: &Path) -> io::Result<Replica> {
    let path = dir.join("replica");
    let known = fs::read_to_string(&path).ok().and_then(|text| u128::from_str_radix(text.trim_end(), 16).ok());
    if let Some(number) = known {
        return Ok(Replica(number.to_be_bytes()));
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::from)?;
    let aside = path.with_extension("new");
    let mut file = fs::File::create(&aside)?;
    writeln!(file, "{:032x}", u128::from_be_bytes(random))?;
    file.sync_all()?;
    fs::rename(&aside, &path)?;
    Ok(Replica(random))
}
