//! Which share, and which path in it, a directory's handle means.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use causeway_sync::path::{Name, RelPath, RelPathBuf};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::record::Place;
use super::sys::{self, Handle};
use crate::fs::Dir;
use crate::watch::{Hint, Sink, WatchEvent};

/// Most directories whose place is remembered; at the bound all are forgotten. Some 200 bytes each.
const REMEMBERED_MAX: usize = 8192;

/// Distinguishes the shares of one watcher.
pub(super) type ShareKey = u64;

/// A watched share.
struct Share {
    root: Dir,
    /// Where the root stood when the share was added.
    path: Vec<u8>,
    file_system: u64,
    sink: Sink,
}

/// Where a directory stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Located {
    /// In a share.
    Share(ShareKey, RelPathBuf),
    /// In a share, so deep that the system can't say where: somewhere below this path.
    Deep(ShareKey, RelPathBuf),
    /// In no share, or no more.
    Outside,
}

/// All shares of one watcher.
#[derive(Default)]
pub(super) struct Shares {
    shares: HashMap<ShareKey, Share>,
    next: ShareKey,
    /// Holds until a directory is renamed.
    remembered: HashMap<(u64, Handle), Located>,
}

impl Shares {
    /// Adds a share, having made sure that handles on its disk can be opened.
    pub(super) fn add(&mut self, root: Dir, sink: Sink) -> io::Result<ShareKey> {
        drop(sys::open(root.as_fd(), &sys::handle_of(root.as_fd())?)?);
        let path = path_of(root.as_fd())?;
        let file_system = rustix::fs::fstatvfs(&root)?.f_fsid;
        let key = self.next;
        self.next += 1;
        self.shares.insert(key, Share { root, path, file_system, sink });
        self.remembered.clear();
        Ok(key)
    }

    pub(super) fn remove(&mut self, key: ShareKey) {
        self.shares.remove(&key);
        self.remembered.clear();
    }

    pub(super) fn sink(&self, key: ShareKey) -> Option<&Sink> {
        self.shares.get(&key).map(|share| &share.sink)
    }

    pub(super) fn sinks(&self) -> impl Iterator<Item = &Sink> {
        self.shares.values().map(|share| &share.sink)
    }

    /// What is to be told of a place at which something happened, and to which share.
    pub(super) fn event(&mut self, place: &Place<'_>, hint: Hint, own: bool) -> Option<(ShareKey, WatchEvent)> {
        match self.locate(place.file_system, &place.directory) {
            Located::Share(key, directory) => {
                let path = match place.name {
                    b"." => directory,
                    name => directory.join(Name::new(name).ok()?),
                };
                Some((key, WatchEvent::Dirty { path, hint, own }))
            }
            Located::Deep(key, subtree) if !own => Some((key, WatchEvent::Overflow { subtree })),
            Located::Deep(..) | Located::Outside => None,
        }
    }

    pub(super) fn tell(&self, key: ShareKey, event: WatchEvent) {
        if let Some(sink) = self.sink(key) {
            sink(event);
        }
    }

    /// A directory was renamed somewhere: places have to be asked for anew.
    pub(super) fn forget_places(&mut self) {
        self.remembered.clear();
    }

    /// A directory was renamed or removed somewhere: takes out the shares whose root doesn't stand any more where it stood, and
    /// returns their sinks.
    pub(super) fn take_out_gone(&mut self) -> Vec<Sink> {
        let is_gone = |share: &Share| {
            // A removed directory still has a path, with a remark behind it.
            path_of(share.root.as_fd()).map_or(true, |path| path != share.path)
        };
        self.shares.extract_if(|_, share| is_gone(share)).map(|(_, share)| share.sink).collect()
    }

    /// Where a directory stands now, or stood when it was last asked for.
    pub(super) fn locate(&mut self, file_system: u64, handle: &Handle) -> Located {
        let key = (file_system, handle.clone());
        if let Some(known) = self.remembered.get(&key) {
            return known.clone();
        }
        let located = self.look_up(file_system, handle);
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(key, located.clone());
        located
    }

    fn look_up(&self, file_system: u64, handle: &Handle) -> Located {
        let mut tried: Vec<&Dir> = Vec::new();
        for share in self.shares.values().filter(|share| share.file_system == file_system) {
            // A path is that of one mount; a file system may have several.
            if tried.iter().any(|dir| dir.is_on_same_mount(&share.root)) {
                continue;
            }
            match self.look_up_on(&share.root, handle) {
                Located::Outside => tried.push(&share.root),
                found => return found,
            }
        }
        Located::Outside
    }

    fn look_up_on(&self, mount: &Dir, handle: &Handle) -> Located {
        // Removed meanwhile: that it is gone is an event of the directory above it.
        let Ok(dir) = sys::open(mount.as_fd(), handle) else { return Located::Outside };
        match path_of(dir.as_fd()) {
            Ok(path) => self.within(&path, Located::Share),
            Err(Errno::NAMETOOLONG) => above(dir).map_or(Located::Outside, |path| self.within(&path, Located::Deep)),
            Err(_) => Located::Outside,
        }
    }

    /// The share that a path of this system is in, and the path in it.
    fn within(&self, path: &[u8], located: impl Fn(ShareKey, RelPathBuf) -> Located) -> Located {
        let found = self.shares.iter().find_map(|(key, share)| Some((*key, below(path, &share.path)?)));
        found.map_or(Located::Outside, |(key, path)| located(key, path.to_owned()))
    }
}

/// The path below `root`.
fn below<'a>(path: &'a [u8], root: &[u8]) -> Option<&'a RelPath> {
    let rest = match (root, path.strip_prefix(root)?) {
        (b"/", rest) => rest,
        (_, b"") => b"",
        (_, [b'/', rest @ ..]) => rest,
        _ => return None,
    };
    RelPath::new(rest).ok()
}

/// Where an opened directory stands. `NAMETOOLONG` where that is longer than 4096 bytes (proc(5), "/proc/pid/fd").
fn path_of(dir: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    let link = format!("/proc/self/fd/{}", dir.as_raw_fd());
    Ok(rustix::fs::readlink(Path::new(&link), Vec::new())?.into_bytes())
}

/// The nearest directory above whose path the system can say.
fn above(mut dir: OwnedFd) -> Option<Vec<u8>> {
    loop {
        dir = rustix::fs::openat(&dir, "..", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        match path_of(dir.as_fd()) {
            Ok(path) => return Some(path),
            Err(Errno::NAMETOOLONG) => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_whole_names() {
        for (path, root, want) in [
            ("/a/b", "/a/b", Some("")),
            ("/a/b/c/d", "/a/b", Some("c/d")),
            ("/a/bc", "/a/b", None),
            ("/a", "/a/b", None),
            ("/a/b (deleted)", "/a/b", None),
            ("/x/y", "/", Some("x/y")),
            ("/", "/", Some("")),
        ] {
            let got = below(path.as_bytes(), root.as_bytes()).map(RelPath::as_bytes);
            assert_eq!(got, want.map(str::as_bytes), "{path} below {root}");
        }
    }
}
