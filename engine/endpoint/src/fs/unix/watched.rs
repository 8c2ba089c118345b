//! What the watchers need of directories.

use std::ops::ControlFlow;
use std::path::Path;

use causeway_sync::path::{Name, NameBuf, RelPath};

use super::{Dir, areas, list, look, open};
use crate::fs::Kind;

impl Dir {
    /// Opens a directory by its absolute path. What leads to it may be symlinks, itself may not.
    pub(crate) fn open_absolute(path: &Path) -> rustix::io::Result<Self> {
        areas::open_absolute(path)
    }

    /// As [`Fs::open_dir`](crate::fs::Fs::open_dir).
    pub(crate) fn open_child(&self, name: &Name) -> rustix::io::Result<Self> {
        open::dir(self, name.as_bytes(), open::has_openat2())
    }

    /// As [`Fs::open_path`](crate::fs::Fs::open_path).
    pub(crate) fn open_below(&self, path: &RelPath) -> rustix::io::Result<Self> {
        open::path(self, path, open::has_openat2())
    }

    /// Whether both were reached from areas on one mount.
    pub(crate) fn is_on_same_mount(&self, other: &Self) -> bool {
        self.0.place == other.0.place
    }

    /// The names of the directories in it; other mounts may be among them.
    pub(crate) fn subdirectories(&self) -> rustix::io::Result<Vec<NameBuf>> {
        let mut found = Vec::new();
        list::list(self, &mut |name, kind| {
            let kind = kind.or_else(|| look::name(self, name).ok().flatten().map(|stat| stat.kind));
            if kind == Some(Kind::Directory) {
                found.push(name.to_owned());
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }
}
