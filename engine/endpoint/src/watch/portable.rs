//! Watching with the `notify` crate: FSEvents on macOS, `ReadDirectoryChangesW` on Windows.
//!
//! Limits: both tell neither when a writer closes a file nor who wrote it ([`Hint::Unknown`]); directories can't be left out; and on
//! Windows the cookies' directory is read apart from the share, so a cookie may come before what was written just before it.
//!
//! Not used on Linux, where `notify` 8.2 asks for every opening of a file: a crawl or a search through the share fills the queue,
//! and so does its own start on more directories than the queue is long (16 384). What is made of its events is tested there all the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use causeway_sync::path::{RelPath, RelPathBuf};
use notify::event::{AccessKind, AccessMode, Event, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::cookies::Cookies;
use super::{Hint, Sink, Watch, WatchConfig, WatchError, WatchEvent, WatchLimit};

/// A running watcher of the `notify` crate.
pub struct PortableWatcher {
    cookies: Arc<Cookies>,
    /// Watches as long as it lives.
    _watcher: RecommendedWatcher,
}

impl PortableWatcher {
    /// Watches the share. All that changes after this has returned is told.
    pub fn start(config: WatchConfig, sink: Sink) -> Result<Self, WatchError> {
        let failed = |error| start_error(&config.share, error);
        let cookies = Arc::new(Cookies::open(&config.cookies)?);
        // Events name the share as the system does.
        let share =
            config.share.canonicalize().map_err(|source| WatchError::Start { path: config.share.clone(), source })?;
        let translator = Translator { share: share.clone(), cookies: cookies.clone(), sink };
        let options = notify::Config::default().with_follow_symlinks(false);
        let handler = move |event: notify::Result<Event>| translator.handle(event);
        let mut watcher = RecommendedWatcher::new(handler, options).map_err(failed)?;
        watcher.watch(cookies.dir(), RecursiveMode::NonRecursive).map_err(failed)?;
        watcher.watch(&share, RecursiveMode::Recursive).map_err(failed)?;
        Ok(Self { cookies, _watcher: watcher })
    }
}

impl Watch for PortableWatcher {
    fn cookie(&self, id: u64) -> Result<(), WatchError> {
        self.cookies.write(id)
    }
}

fn start_error(share: &Path, error: notify::Error) -> WatchError {
    let source = match error.kind {
        notify::ErrorKind::Io(source) => source,
        notify::ErrorKind::PathNotFound => std::io::ErrorKind::NotFound.into(),
        _ => std::io::Error::other(error),
    };
    WatchError::Start { path: share.to_owned(), source }
}

/// Makes our events of theirs.
struct Translator {
    share: PathBuf,
    cookies: Arc<Cookies>,
    sink: Sink,
}

impl Translator {
    fn handle(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) => self.event(&event),
            Err(error) => {
                let reason = error.to_string();
                let subtree = error.paths.first().and_then(|path| self.path(path)).unwrap_or_default();
                (self.sink)(WatchEvent::Overflow { subtree: subtree.clone() });
                (self.sink)(WatchEvent::Limit(WatchLimit::Unwatchable { subtree, reason }));
            }
        }
    }

    fn event(&self, event: &Event) {
        if event.need_rescan() {
            let subtree = event.paths.first().and_then(|path| self.path(path)).unwrap_or_default();
            (self.sink)(WatchEvent::Overflow { subtree });
            self.cookies.write_again();
            return;
        }
        let Some(hint) = hint(&event.kind) else { return };
        for path in &event.paths {
            if path.parent() == Some(self.cookies.dir()) {
                self.cookie(path);
            } else if *path == self.share && hint == Hint::Removed {
                (self.sink)(WatchEvent::RootGone);
            } else if let Some(path) = self.path(path) {
                (self.sink)(WatchEvent::Dirty { path, hint, own: false });
            }
        }
    }

    fn cookie(&self, path: &Path) {
        let seen = path.file_name().and_then(|name| self.cookies.seen(name.as_encoded_bytes()));
        if let Some(id) = seen {
            (self.sink)(WatchEvent::CookieSeen(id));
        }
    }

    /// The path in the share.
    fn path(&self, path: &Path) -> Option<RelPathBuf> {
        let names = path.strip_prefix(&self.share).ok()?.components();
        let names: Vec<Vec<u8>> = names.map(|name| name_bytes(name.as_os_str())).collect();
        RelPath::new(&names.join(&b'/')).ok().map(ToOwned::to_owned)
    }
}

#[cfg(windows)]
fn name_bytes(name: &std::ffi::OsStr) -> Vec<u8> {
    use std::os::windows::ffi::OsStrExt;
    crate::fs::name_from_wide(name.encode_wide())
}

#[cfg(not(windows))]
fn name_bytes(name: &std::ffi::OsStr) -> Vec<u8> {
    name.as_encoded_bytes().to_vec()
}

fn hint(kind: &EventKind) -> Option<Hint> {
    Some(match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Hint::ClosedAfterWrite,
        EventKind::Access(_) => return None,
        EventKind::Create(_) => Hint::Created,
        EventKind::Remove(_) => Hint::Removed,
        EventKind::Modify(ModifyKind::Name(_)) => Hint::Moved,
        EventKind::Modify(ModifyKind::Metadata(_)) => Hint::Attributes,
        // Where a close is told too, this is only the writing before it.
        EventKind::Modify(ModifyKind::Data(_)) if cfg!(target_os = "linux") => Hint::Written,
        EventKind::Modify(_) | EventKind::Any | EventKind::Other => Hint::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_of_the_crate_become_ours() {
        let temp = tempfile::tempdir().unwrap();
        let share = temp.path().canonicalize().unwrap().join("share");
        std::fs::create_dir_all(share.join("dir")).unwrap();
        let (sender, receiver) = mpsc::channel();
        let sink: Sink = Arc::new(move |event| {
            let _ = sender.send(event);
        });
        let config = WatchConfig { share: share.clone(), cookies: temp.path().join("cookies"), skip: None };
        let watcher = PortableWatcher::start(config, sink).unwrap();
        std::fs::create_dir(share.join("new")).unwrap();
        watcher.cookie(1).unwrap();
        let mut seen = BTreeSet::new();
        let mut until = |cookie| {
            loop {
                match receiver.recv_timeout(Duration::from_secs(30)).unwrap() {
                    WatchEvent::Dirty { path, hint, .. } => drop(seen.insert(format!("{hint:?} {path}"))),
                    WatchEvent::CookieSeen(id) if id == cookie => return std::mem::take(&mut seen),
                    other => panic!("{other:?}"),
                }
            }
        };
        assert_eq!(until(1), ["Created new".to_owned()].into());
        std::fs::write(share.join("dir/file"), "x").unwrap();
        std::fs::rename(share.join("dir/file"), share.join("dir/renamed")).unwrap();
        std::fs::remove_file(share.join("dir/renamed")).unwrap();
        watcher.cookie(2).unwrap();
        let seen = until(2);
        for wanted in ["ClosedAfterWrite dir/file", "Moved dir/file", "Moved dir/renamed", "Removed dir/renamed"] {
            assert!(seen.contains(wanted), "{wanted} is not among {seen:?}");
        }
    }
}
