//! The obviously right side: a share as a map from paths to entries, and a reader of the feed that keeps such a map.

use std::collections::BTreeMap;

use causeway_index::{Counts, Fingerprint, Index};
use causeway_sync::{Change, Digest, Entry, File, NameBuf, RelPath, RelPathBuf, Seq, Target};

pub fn path(text: &str) -> RelPathBuf {
    RelPathBuf::new(text.as_bytes().to_vec()).unwrap()
}

pub fn name(text: &str) -> NameBuf {
    NameBuf::new(text.as_bytes().to_vec()).unwrap()
}

pub fn file(version: u64) -> Entry {
    let size = if version.is_multiple_of(2) { 100 + version } else { (64 << 10) + version };
    let digest = Some(digest(version));
    Entry::File(File { digest, size, executable: version.is_multiple_of(3), mtime_ns: version as i64 })
}

pub fn digest(version: u64) -> Digest {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&version.to_le_bytes());
    Digest(bytes)
}

pub fn symlink(target: &str) -> Entry {
    Entry::Symlink(Target::new(target.as_bytes().to_vec()).unwrap())
}

pub fn fingerprint(inode: u64) -> Fingerprint {
    Fingerprint { device: 7, inode, size: inode, mtime_ns: 5, ctime_ns: 6 }
}

/// A folder for files whose durability doesn't matter: in memory, where the system has such a place.
pub fn folder_in_memory() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// What stands where; without the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<RelPathBuf, Entry>);

impl Tree {
    pub fn get(&self, path: &RelPath) -> Option<&Entry> {
        if path.is_root() { Some(&Entry::Directory) } else { self.0.get(path) }
    }

    pub fn is_directory(&self, path: &RelPath) -> bool {
        self.get(path).is_some_and(Entry::is_directory)
    }

    pub fn remove(&mut self, path: &RelPath) {
        self.0.retain(|at, _| !at.starts_with(path));
    }

    pub fn put(&mut self, path: &RelPath, entry: Entry) {
        if !entry.is_directory() {
            self.remove(path);
        }
        self.0.insert(path.to_owned(), entry);
    }

    pub fn rename(&mut self, from: &RelPath, to: &RelPath) {
        self.0 = std::mem::take(&mut self.0)
            .into_iter()
            .map(|(at, entry)| (at.rebase(from, to).unwrap_or(at), entry))
            .collect();
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in self.0.values() {
            match entry {
                Entry::File(file) => {
                    counts.files += 1;
                    counts.bytes += file.size;
                }
                Entry::Directory => counts.directories += 1,
                Entry::Symlink(_) => counts.symlinks += 1,
                Entry::Untracked => counts.untracked += 1,
            }
        }
        counts
    }
}

/// Reads the feed, and holds it to its contract.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    pub view: Tree,
    pub upto: Seq,
}

impl Reader {
    /// Reads one window. Tells whether there is more.
    pub fn read(&mut self, index: &Index, limit: usize, skip_own_after: Option<Seq>) -> bool {
        let window = index.changes(self.upto, limit, skip_own_after).unwrap();
        assert!(window.changes.len() <= limit.max(1), "a window keeps its limit");
        assert!(window.upto > self.upto || !window.more, "a window with more after it gets on");
        assert!(window.upto <= index.seq());
        let first_other = window.changes.iter().position(|change| !matches!(change, Change::Moved { .. }));
        for (at, change) in window.changes.into_iter().enumerate() {
            if let Change::Moved { .. } = change {
                assert!(first_other.is_none_or(|first| at < first), "moves come first");
            }
            self.apply(change);
        }
        self.upto = window.upto;
        window.more
    }

    pub fn read_all(&mut self, index: &Index, limit: usize, skip_own_after: Option<Seq>) {
        while self.read(index, limit, skip_own_after) {}
        assert_eq!(self.upto, index.seq());
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Now { path, entry: Some(entry), .. } => {
                if let Some(parent) = path.parent() {
                    assert!(self.view.is_directory(parent), "{path:?} is told before its directory");
                    self.view.put(&path, entry);
                }
            }
            Change::Now { path, entry: None, .. } | Change::Forgotten { path } => self.view.remove(&path),
            Change::Moved { from, to, entry, .. } => {
                let known = self.view.get(&from).unwrap_or_else(|| panic!("{from:?} moves to {to:?}, but isn't known"));
                assert_eq!(known.is_directory(), entry.is_directory(), "{from:?} moves as something else");
                assert!(self.view.get(&to).is_none(), "{from:?} moves to {to:?}, where something is known");
                assert!(
                    self.view.is_directory(to.parent().unwrap()),
                    "{to:?} is moved to before its directory is told"
                );
                self.view.rename(&from, &to);
                self.view.put(&to, entry);
            }
        }
    }
}
