//! What stands in a folder, to be compared.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Length.
        bytes: u64,
        /// Digest of the content.
        digest: blake3::Hash,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symlink.
    Symlink(PathBuf),
}

/// Everything below a folder, by relative path.
pub type Tree = BTreeMap<PathBuf, Node>;

/// Reads all that stands below a folder.
pub fn snapshot(folder: &Path) -> io::Result<Tree> {
    let mut tree = Tree::new();
    walk(folder, Path::new(""), &mut tree)?;
    Ok(tree)
}

fn walk(folder: &Path, at: &Path, tree: &mut Tree) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(at))? {
        let entry = entry?;
        let path = at.join(entry.file_name());
        let metadata = fs::symlink_metadata(entry.path())?;
        if metadata.is_dir() {
            tree.insert(path.clone(), Node::Directory);
            walk(folder, &path, tree)?;
        } else if metadata.is_symlink() {
            tree.insert(path, Node::Symlink(fs::read_link(entry.path())?));
        } else if metadata.is_file() {
            let mut hasher = blake3::Hasher::new();
            let bytes = io::copy(&mut fs::File::open(entry.path())?, &mut hasher)?;
            tree.insert(path, Node::File { bytes, digest: hasher.finalize(), executable: executable(&metadata) });
        }
    }
    Ok(())
}

#[cfg(unix)]
fn executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn executable(_: &fs::Metadata) -> bool {
    false
}

/// What differs, in lines; empty where nothing does.
pub fn differences(host: &Tree, guest: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    for path in host.keys().chain(guest.keys().filter(|path| !host.contains_key(*path))) {
        let (a, b) = (host.get(path), guest.get(path));
        if a != b {
            lines.push(format!("{}: host {a:?}, guest {b:?}", path.display()));
        }
    }
    lines
}
