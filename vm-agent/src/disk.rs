//! Where shares stand on the agent's disk.
//!
//! ```text
//! DISK/shares/ID/content    what containers mount; mode 0777, for containers run as any user
//!               /private    staging and the recycle bin, on the content's file system
//!               /cookies    files that prove that the watcher has caught up
//!               /index.db   what the endpoint knows
//!               /replica    the copy's random identity: 32 hexadecimal digits
//! DISK/cookies              the same for the watcher of the whole disk
//! DISK/removed/…            shares that are being deleted
//! ```
//!
//! ID is the share's, as 32 hexadecimal digits. Only `content` is for others: the directories above it have the mode 0700.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use causeway_endpoint::serve::{content_dir, share_dir, shares_dir};
use causeway_sync::Replica;
use causeway_wire::agent::ShareId;

use crate::remove::remove_tree;

/// The directory that holds all shares.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
}

/// Where one share stands.
#[derive(Clone, Debug)]
pub struct Place {
    root: PathBuf,
    content: PathBuf,
}

/// A step that failed, and where.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing} {}: {source}", path.display())]
pub struct DiskError {
    /// What was being done.
    pub doing: &'static str,
    /// To what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    move |source| DiskError { doing, path: path.to_owned(), source }
}

impl Disk {
    /// Takes a directory, made where there is none. What an agent before was deleting is deleted.
    pub fn open(root: &Path) -> Result<Self, DiskError> {
        let make = |path: &Path| make_private(path).map_err(failed("create the directory", path));
        make(root)?;
        let root = root.canonicalize().map_err(failed("find the directory", root))?;
        let disk = Self { root };
        make(&shares_dir(&disk.root))?;
        make(&disk.removed())?;
        disk.empty_removed();
        Ok(disk)
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Holds cookies of the watcher of the whole disk.
    pub fn cookies(&self) -> PathBuf {
        self.root.join("cookies")
    }

    /// Where a share stands, or would.
    pub fn place(&self, share: ShareId) -> Place {
        Place { root: share_dir(&self.root, share), content: content_dir(&self.root, share) }
    }

    /// Deletes a share. It is gone at once, its space a while later.
    pub fn remove(&self, share: ShareId) -> Result<(), DiskError> {
        let place = self.place(share);
        let aside = (0..).map(|number| self.removed().join(format!("{share}-{number}")));
        for aside in aside {
            match fs::rename(&place.root, &aside) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                Err(error) => return Err(failed("remove", &place.root)(error)),
            }
        }
        self.empty_removed();
        Ok(())
    }

    fn removed(&self) -> PathBuf {
        self.root.join("removed")
    }

    /// What can't be deleted now is tried again when the next agent starts.
    fn empty_removed(&self) {
        let Ok(left) = fs::read_dir(self.removed()) else { return };
        for entry in left.flatten() {
            if let Err(error) = remove_tree(&entry.path()) {
                tracing::warn!(%error, path = %entry.path().display(), "a removed share could not be deleted whole");
            }
        }
    }
}

impl Place {
    /// Makes what is missing.
    pub fn make(&self) -> Result<(), DiskError> {
        make_private(&self.root).map_err(failed("create the directory", &self.root))?;
        let content = self.content();
        match fs::DirBuilder::new().create(&content) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // Apart from the creation, which the process's umask narrows.
            Ok(()) => fs::set_permissions(&content, fs::Permissions::from_mode(0o777))
                .map_err(failed("set the permissions of", &content)),
            Err(error) => Err(failed("create the directory", &content)(error)),
        }
    }

    /// What containers mount.
    pub fn content(&self) -> PathBuf {
        self.content.clone()
    }

    /// Holds staging and the recycle bin.
    pub fn private(&self) -> PathBuf {
        self.root.join("private")
    }

    /// Holds cookies.
    pub fn cookies(&self) -> PathBuf {
        self.root.join("cookies")
    }

    /// The index.
    pub fn index(&self) -> PathBuf {
        self.root.join("index.db")
    }

    /// The copy's identity, made where there is none.
    pub fn replica(&self) -> Result<Replica, DiskError> {
        let path = self.root.join("replica");
        match fs::read_to_string(&path) {
            Ok(text) => match parse_replica(text.trim_end()) {
                Some(replica) => return Ok(replica),
                None => tracing::warn!(path = %path.display(), "the copy's identity is unreadable; it gets a new one"),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read", &path)(error)),
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(io::Error::from).map_err(failed("make an identity for", &path))?;
        write_whole(&path, format!("{}\n", ShareId(random)).as_bytes()).map_err(failed("write", &path))?;
        Ok(Replica(random))
    }
}

fn parse_replica(text: &str) -> Option<Replica> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(|number| Replica(number.to_be_bytes()))
}

/// Writes a file so that it has its old or its new content after a crash.
fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&aside, path)
}

fn make_private(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_made_once_and_keeps_its_identity() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(&dir.path().join("disk")).unwrap();
        let place = disk.place(ShareId([7; 16]));
        place.make().unwrap();
        fs::write(place.content().join("file"), "x").unwrap();
        let replica = place.replica().unwrap();
        place.make().unwrap();
        assert_eq!(place.replica().unwrap(), replica);
        assert!(place.content().join("file").exists());
        assert_eq!(fs::metadata(place.content()).unwrap().permissions().mode() & 0o7777, 0o777);
        assert_eq!(fs::metadata(&place.root).unwrap().permissions().mode() & 0o7777, 0o700);

        fs::write(place.root.join("replica"), "damaged").unwrap();
        assert_ne!(place.replica().unwrap(), replica);
    }

    #[test]
    fn a_removed_share_is_gone_whatever_it_held() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path()).unwrap();
        let place = disk.place(ShareId([1; 16]));
        place.make().unwrap();
        let locked = place.content().join("locked");
        fs::create_dir_all(locked.join("below")).unwrap();
        fs::write(locked.join("below/file"), "x").unwrap();
        fs::set_permissions(locked.join("below"), fs::Permissions::from_mode(0o500)).unwrap();
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
        let outside = dir.path().join("outside");
        fs::write(&outside, "stays").unwrap();
        std::os::unix::fs::symlink(&outside, place.content().join("link")).unwrap();

        disk.remove(ShareId([1; 16])).unwrap();
        assert!(!place.root.exists());
        assert_eq!(fs::read_dir(disk.removed()).unwrap().count(), 0);
        assert!(outside.exists());
        disk.remove(ShareId([1; 16])).unwrap();
    }
}
