//! A walk through a folder: every entry once, no symlink followed, no other file system entered.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use causeway_sync::Name;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory of the same file system.
    Directory,
    /// A regular file.
    File,
    /// A symlink.
    Symlink,
    /// Something that is never synchronised: a socket, a FIFO, a device, another file system mounted here.
    Special,
}

/// An entry on the way.
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a Name,
    /// Its path, relative to where the walk began.
    pub path: &'a [u8],
    /// Where it stands on this computer.
    pub place: &'a Path,
    /// What it is.
    pub kind: Kind,
    /// The length of a file.
    pub bytes: u64,
}

/// What walks along.
pub trait Visitor {
    /// What is known of a directory.
    type Dir;
    /// An entry of a directory. For a directory what is known of it, and the walk goes down there; what is returned for others
    /// counts for nothing.
    fn entry(&mut self, dir: &Self::Dir, entry: &Entry<'_>) -> Option<Self::Dir>;
    /// A directory can't be read.
    fn unreadable(&mut self);
    /// Whether to end the walk. Asked once a directory.
    fn ends(&mut self) -> bool;
}

struct Open<D> {
    place: PathBuf,
    path: Vec<u8>,
    dir: D,
}

/// Walks through `root`, of which `dir` is known. Names that can't be a path's in a share are passed over.
pub fn walk<V: Visitor>(root: &Path, dir: V::Dir, visitor: &mut V) {
    let Ok(at_root) = fs::symlink_metadata(root) else { return visitor.unreadable() };
    let mut open = vec![Open { place: root.to_path_buf(), path: Vec::new(), dir }];
    while let Some(next) = open.pop() {
        if visitor.ends() {
            return;
        }
        let Ok(entries) = fs::read_dir(&next.place) else {
            visitor.unreadable();
            continue;
        };
        // One that vanishes meanwhile is none.
        for entry in entries.flatten() {
            let (name, Ok(metadata)) = (entry.file_name(), entry.metadata()) else { continue };
            let Ok(name) = Name::new(name.as_encoded_bytes()) else { continue };
            let mut path = next.path.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name.as_bytes());
            let place = next.place.join(entry.file_name());
            let kind = kind_of(&metadata, &at_root);
            let bytes = if kind == Kind::File { metadata.len() } else { 0 };
            let below = visitor.entry(&next.dir, &Entry { name, path: &path, place: &place, kind, bytes });
            if let (Kind::Directory, Some(dir)) = (kind, below) {
                open.push(Open { place, path, dir });
            }
        }
    }
}

fn kind_of(metadata: &Metadata, root: &Metadata) -> Kind {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        Kind::Symlink
    } else if kind.is_file() {
        Kind::File
    } else if kind.is_dir() && same_file_system(metadata, root) {
        Kind::Directory
    } else {
        Kind::Special
    }
}

#[cfg(unix)]
fn same_file_system(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.dev() == other.dev()
}

/// On Windows a file system that is mounted in a folder is a link, and isn't entered as such.
#[cfg(not(unix))]
fn same_file_system(_: &Metadata, _: &Metadata) -> bool {
    true
}
