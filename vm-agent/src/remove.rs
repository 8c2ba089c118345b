//! Deleting a tree that others may have filled, and may still be changing.

use std::io;
use std::path::Path;

/// Deletes a tree without following symlinks. Directories that don't permit it (package caches are like that) are made changeable
/// first, where the system lets that be done safely (Linux).
pub fn remove_tree(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        #[cfg(target_os = "linux")]
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            changeable::make(path)?;
            std::fs::remove_dir_all(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => std::fs::remove_file(path),
        done => done,
    }
}

#[cfg(target_os = "linux")]
mod changeable {
    use std::ffi::CStr;
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};
    use std::path::Path;

    use rustix::fs::{Dir, FileType, Mode, OFlags};

    /// A directory as a place only: opening it so needs no right to read it, and finds no symlink.
    const PLACE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

    /// Gives the owner all rights to the directories of a tree. Holds a descriptor for each level.
    pub fn make(root: &Path) -> io::Result<()> {
        let mut open = vec![list(&rustix::fs::open(root, PLACE, Mode::empty())?)?];
        while let Some(directory) = open.last_mut() {
            let Some(entry) = directory.read() else {
                open.pop();
                continue;
            };
            let entry = entry?;
            if matches!(entry.file_type(), FileType::Directory | FileType::Unknown) && !is_dot(entry.file_name()) {
                match rustix::fs::openat(directory.fd()?, entry.file_name(), PLACE, Mode::empty()) {
                    Ok(below) => open.push(list(&below)?),
                    // Gone, or something else by now.
                    Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Makes a directory changeable, and opens it for listing.
    fn list(place: &OwnedFd) -> io::Result<Dir> {
        // The permissions of a place can be changed by its name in /proc alone (open(2), O_PATH).
        let name = format!("/proc/self/fd/{}", place.as_fd().as_raw_fd());
        rustix::fs::chmod(&name, Mode::RWXU)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Dir::new(rustix::fs::openat(place, ".", flags, Mode::empty())?)?)
    }

    fn is_dot(name: &CStr) -> bool {
        matches!(name.to_bytes(), b"." | b"..")
    }
}
