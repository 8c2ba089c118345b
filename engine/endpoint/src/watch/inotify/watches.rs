//! One inotify instance with its watches: adding a directory, walking what is below it, and letting go.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use causeway_sync::path::{Name, NameBuf, RelPath, RelPathBuf};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::limits;
use super::tree::{Lost, Tree, Wd};
use crate::fs::Dir;
use crate::watch::{Skip, WatchError, WatchLimit};

/// No opens, reads or closes without writing: a search through the share would flood the queue. Nothing of files that have no
/// name any more. Added to what the watch has: replacing it, be it by the same, loses the event that comes at that moment, because the kernel
/// empties the mask first (inotify_update_existing_watch in fs/notify/inotify/inotify_user.c).
const DIRECTORY_EVENTS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK)
    .union(WatchFlags::MASK_ADD);
const ROOT_EVENTS: WatchFlags = DIRECTORY_EVENTS.union(WatchFlags::DELETE_SELF).union(WatchFlags::MOVE_SELF);

/// How often it is tried to watch all, while directories are being renamed so that the walk loses its way.
const STARTS_MAX: u32 = 10;
/// How often in a row it is tried to settle, before all is watched anew.
const SETTLINGS_MAX: u32 = 20;

/// An inotify instance, and what it watches.
pub(super) struct Watches {
    fd: Arc<OwnedFd>,
    /// The share's root, from which every directory is opened. By its path: the kernel doesn't tell of a removed directory's end
    /// while somebody has it open.
    share: PathBuf,
    skip: Option<Skip>,
    tree: Tree,
    cookies: Wd,
    /// Directories taken off the tree, whose watches are kept until it is clear that they don't come back.
    limbo: Vec<Wd>,
    /// Directories in which one could not be added, because they were no longer where the tree has them.
    incomplete: BTreeSet<Wd>,
    /// How often in a row settling has left something open.
    settlings: u32,
    is_full: bool,
    /// Limits met, to be told.
    pub(super) limits: Vec<WatchLimit>,
}

/// What became of a directory that was to be watched.
enum Added {
    /// Watched now, for the first time.
    New(Wd, Dir),
    /// Watched before, perhaps at another place; with the directory.
    Known(Wd, Dir),
    /// Not to be watched: gone, no directory any more, another mount, skipped, or refused by a limit.
    No,
}

impl Watches {
    /// Watches `cookies` and `share` with all below it.
    pub(super) fn start(share: &Path, cookies: &Path, skip: Option<&Skip>) -> Result<Self, WatchError> {
        for _ in 0..STARTS_MAX {
            let (mut watches, root) = Self::at_the_root(share, cookies, skip.cloned())?;
            if watches.walk_in(root, watches.tree.root(), false).is_ok() {
                return Ok(watches);
            }
        }
        let source = io::Error::other("its directories are being renamed all the time");
        Err(WatchError::Start { path: share.to_owned(), source })
    }

    /// Watches `cookies` and `share`, but nothing below it yet.
    fn at_the_root(share: &Path, cookies: &Path, skip: Option<Skip>) -> Result<(Self, Dir), WatchError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |errno: Errno| WatchError::Start { path, source: errno.into() }
        };
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(|errno| match errno {
            Errno::MFILE => WatchError::Limit(limits::instances()),
            errno => failed(share)(errno),
        })?;
        let first = |path: &Path, events| {
            let dir = Dir::open_absolute(path).map_err(failed(path))?;
            match add(&fd, &dir, events) {
                Ok(wd) => Ok((wd, dir)),
                Err(Errno::NOSPC) => Err(WatchError::Limit(limits::watches(RelPathBuf::default()))),
                Err(errno) => Err(failed(path)(errno)),
            }
        };
        let (cookies, _) = first(cookies, WatchFlags::CREATE | WatchFlags::ONLYDIR)?;
        let (wd, root) = first(share, ROOT_EVENTS)?;
        let watches = Self {
            fd: Arc::new(fd),
            share: share.to_owned(),
            skip,
            tree: Tree::new(wd),
            cookies,
            limbo: Vec::new(),
            incomplete: BTreeSet::new(),
            settlings: 0,
            is_full: false,
            limits: Vec::new(),
        };
        Ok((watches, root))
    }

    /// The descriptor that events are read from.
    pub(super) fn fd(&self) -> Arc<OwnedFd> {
        self.fd.clone()
    }

    /// Whether `wd` is the directory of the cookies.
    pub(super) fn is_cookies(&self, wd: Wd) -> bool {
        wd == self.cookies
    }

    /// Whether `wd` is the share's root.
    pub(super) fn is_root(&self, wd: Wd) -> bool {
        wd == self.tree.root()
    }

    /// Whether `wd` is watched, on the tree or off it.
    pub(super) fn knows(&self, wd: Wd) -> bool {
        self.tree.contains(wd)
    }

    /// Path of a watched directory; `None` where it is off the tree.
    pub(super) fn path(&self, wd: Wd) -> Option<RelPathBuf> {
        self.tree.path(wd)
    }

    /// Watches the directory that stands at `name` in `parent`, and all below it, where that isn't so yet. Whether it, or
    /// something below, is watched only from now on.
    pub(super) fn add(&mut self, parent: Wd, name: &Name) -> Result<bool, Lost> {
        let Some(dir) = self.open(parent) else {
            self.incomplete.insert(parent);
            return Ok(false);
        };
        match self.add_one(&dir, parent, name)? {
            Added::New(wd, dir) => {
                self.walk_in(dir, wd, false)?;
                Ok(true)
            }
            Added::Known(wd, dir) => {
                // What was missed below it, because it was being renamed then.
                let was_missing = self.incomplete.iter().any(|missing| self.tree.is_below(*missing, wd));
                if was_missing {
                    self.walk_in(dir, wd, true)?;
                }
                Ok(was_missing)
            }
            Added::No => Ok(false),
        }
    }

    /// The directory at `name` in `parent` went away: removed, or renamed to a place that is yet to be heard of. It stays where the disk has
    /// it there already again.
    pub(super) fn take_off(&mut self, parent: Wd, name: &Name) {
        let Some(wd) = self.tree.child(parent, name) else { return };
        let found = self.open(parent).and_then(|dir| add(&self.fd, &dir.open_child(name).ok()?, DIRECTORY_EVENTS).ok());
        if found != Some(wd) {
            self.drop_unknown(found);
            self.tree.detach(wd);
            self.limbo.push(wd);
        }
    }

    /// Whether the tree is whole: no directory is between two places, and none could not be added.
    pub(super) fn is_settled(&mut self) -> bool {
        self.limbo.retain(|wd| self.tree.is_detached(*wd));
        self.limbo.is_empty() && self.incomplete.is_empty()
    }

    /// Settles what is open, some time after the last event: lets go of what did not come back, and adds what could not be added. Returns the
    /// subtrees that are watched wholly only from now on.
    pub(super) fn settle(&mut self) -> Result<Vec<RelPathBuf>, Lost> {
        for wd in std::mem::take(&mut self.limbo) {
            if self.tree.is_detached(wd) {
                self.let_go(wd);
            }
        }
        let mut completed = Vec::new();
        for wd in std::mem::take(&mut self.incomplete) {
            // What was let go with one above it is unknown by now.
            let Some(path) = self.tree.path(wd) else { continue };
            match self.open(wd) {
                Some(dir) => {
                    self.walk_in(dir, wd, true)?;
                    completed.push(path);
                }
                None => drop(self.incomplete.insert(wd)),
            }
        }
        self.settlings = if self.is_settled() { 0 } else { self.settlings + 1 };
        if self.settlings > SETTLINGS_MAX { Err(Lost) } else { Ok(completed) }
    }

    /// The watch is gone, because the directory is.
    pub(super) fn forget(&mut self, wd: Wd) {
        let orphans = self.tree.forget(wd);
        self.limbo.extend(orphans);
        self.incomplete.remove(&wd);
    }

    /// Stops watching a directory and all below it.
    fn let_go(&mut self, top: Wd) {
        for wd in self.tree.forget_below(top) {
            self.incomplete.remove(&wd);
            // Gone already where the directory is.
            let _ = inotify::remove_watch(&self.fd, wd);
        }
    }

    /// Opens a watched directory where the tree has it, and makes sure that it is that one.
    fn open(&self, wd: Wd) -> Option<Dir> {
        let path = self.tree.path(wd)?;
        let events = if wd == self.tree.root() { ROOT_EVENTS } else { DIRECTORY_EVENTS };
        let dir = Dir::open_absolute(&self.share).and_then(|root| root.open_below(&path)).ok()?;
        // Watching the same directory again gives the same descriptor (inotify_add_watch(2)).
        let found = add(&self.fd, &dir, events).ok();
        if found != Some(wd) {
            self.drop_unknown(found);
            return None;
        }
        Some(dir)
    }

    /// Takes back a watch that was only meant to recognise a directory.
    fn drop_unknown(&self, wd: Option<Wd>) {
        if let Some(wd) = wd.filter(|wd| !self.tree.contains(*wd)) {
            let _ = inotify::remove_watch(&self.fd, wd);
        }
    }

    fn add_one(&mut self, parent: &Dir, parent_wd: Wd, name: &Name) -> Result<Added, Lost> {
        let Some(path) = self.tree.path(parent_wd).map(|path| path.join(name)) else { return Ok(Added::No) };
        if self.skip.as_ref().is_some_and(|skip| skip(&path)) {
            return Ok(Added::No);
        }
        let found = parent.open_child(name).and_then(|dir| {
            let wd = add(&self.fd, &dir, DIRECTORY_EVENTS)?;
            Ok((wd, dir))
        });
        let (wd, dir) = match found {
            Ok(found) => found,
            Err(errno) => {
                self.note(&path, errno);
                return Ok(Added::No);
            }
        };
        let is_known = self.tree.contains(wd);
        self.limbo.extend(self.tree.attach(wd, parent_wd, name)?);
        Ok(if is_known { Added::Known(wd, dir) } else { Added::New(wd, dir) })
    }

    /// Keeps in mind why a directory isn't watched, where that is worth telling.
    fn note(&mut self, path: &RelPath, errno: Errno) {
        match errno {
            // Gone or replaced meanwhile, of which an event tells; or another file system, which is untracked.
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::STALE => {}
            Errno::NOSPC if self.is_full => {}
            Errno::NOSPC => {
                self.is_full = true;
                self.limits.push(limits::watches(path.to_owned()));
            }
            errno => {
                let reason = io::Error::from(errno).to_string();
                self.limits.push(WatchLimit::Unwatchable { subtree: path.to_owned(), reason });
            }
        }
    }

    /// Watches all below the watched directory `top`; `again` where parts of it are watched already. Each directory is watched before it is
    /// listed: what is created in it later raises an event, what was created earlier is found.
    fn walk_in(&mut self, top: Dir, top_wd: Wd, again: bool) -> Result<(), Lost> {
        // The directory that was opened last; few descriptors are open at any depth.
        let mut opened = (top_wd, top);
        let mut todo: Vec<(Wd, NameBuf)> = Vec::new();
        self.list(&opened.1, top_wd, &mut todo);
        while let Some((parent, name)) = todo.pop() {
            if opened.0 != parent {
                match self.open(parent) {
                    Some(dir) => opened = (parent, dir),
                    None => {
                        self.incomplete.insert(parent);
                        continue;
                    }
                }
            }
            let (wd, dir) = match self.add_one(&opened.1, parent, &name)? {
                Added::New(wd, dir) => (wd, dir),
                Added::Known(wd, dir) if again => (wd, dir),
                Added::Known(..) | Added::No => continue,
            };
            let before = todo.len();
            self.list(&dir, wd, &mut todo);
            if todo.len() > before {
                opened = (wd, dir);
            }
        }
        Ok(())
    }

    fn list(&mut self, dir: &Dir, wd: Wd, todo: &mut Vec<(Wd, NameBuf)>) {
        self.incomplete.remove(&wd);
        match dir.subdirectories() {
            Ok(names) => todo.extend(names.into_iter().map(|name| (wd, name))),
            Err(errno) => {
                if let Some(path) = self.tree.path(wd) {
                    self.note(&path, errno);
                }
            }
        }
    }
}

/// Watches an opened directory, wherever it has been renamed to and however long its path is.
fn add(fd: &OwnedFd, dir: &Dir, events: WatchFlags) -> rustix::io::Result<Wd> {
    inotify::add_watch(fd, format!("/proc/self/fd/{}", dir.as_fd().as_raw_fd()), events)
}
