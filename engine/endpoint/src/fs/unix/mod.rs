//! The real file system on Linux and macOS. On macOS without `openat2` (a walk by components takes its place), reflinks and
//! `syncfs` (a whole `sync` takes its place).

mod areas;
mod change;
mod content;
#[cfg(target_os = "linux")]
mod lease;
mod list;
mod look;
mod open;
#[cfg(target_os = "linux")]
mod watched;

use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

use causeway_sync::entry::Target;
use causeway_sync::path::{Name, RelPath};

use super::{Area, Fs, FsError, Kind, OsFsConfig, Rename, Result, Space, Stat};
use areas::Areas;
use look::Place;

/// The real file system of a side.
pub struct OsFs {
    areas: Areas,
    mode: change::CreateMode,
}

/// An opened directory.
#[derive(Clone)]
pub struct Dir(Arc<OpenDir>);

struct OpenDir {
    fd: OwnedFd,
    /// The file system and mount of the area that this directory was reached from.
    place: Place,
    /// Held while the descriptor's position is used for listing; whether it has been moved from the start.
    listing: Mutex<bool>,
}

impl Dir {
    fn new(fd: OwnedFd, place: Place) -> Self {
        Self(Arc::new(OpenDir { fd, place, listing: Mutex::new(false) }))
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

impl OsFs {
    /// Opens the share's root and the private directory, which is created (mode 0700) with its areas where missing, and finds out by
    /// a trial rename whether they are on one file system. Fails where the share's root is no directory, or the private directory
    /// can't be made.
    pub fn open(config: OsFsConfig) -> Result<Self> {
        let areas = Areas::open(&config)?;
        let mode = change::CreateMode::probe(config.mode, areas.staging_anchor());
        Ok(Self { areas, mode })
    }
}

/// Completes the error of a system call about one name.
fn at(op: &'static str, name: &Name) -> impl FnOnce(rustix::io::Errno) -> FsError {
    move |errno| FsError::at(op, name, errno.into())
}

/// Completes the error of a system call about an opened directory or file.
fn on(op: &'static str) -> impl FnOnce(rustix::io::Errno) -> FsError {
    move |errno| FsError::new(op, RelPath::ROOT, errno.into())
}

impl Fs for OsFs {
    type Dir = Dir;
    type File = File;

    fn root(&self, area: Area) -> Result<Dir> {
        self.areas.root(area, self.mode)
    }

    fn in_share_staging(&self) -> bool {
        self.areas.in_share_staging()
    }

    fn release_staging(&self) -> Result<()> {
        self.areas.release_staging()
    }

    fn open_dir(&self, dir: &Dir, name: &Name) -> Result<Dir> {
        open::dir(dir, name.as_bytes(), open::has_openat2()).map_err(at("open the directory", name))
    }

    fn open_path(&self, dir: &Dir, path: &RelPath) -> Result<Dir> {
        open::path(dir, path, open::has_openat2())
            .map_err(|errno| FsError::new("open the directory", path, errno.into()))
    }

    fn list(&self, dir: &Dir, each: &mut dyn FnMut(&Name, Option<Kind>) -> ControlFlow<()>) -> Result<u64> {
        list::list(dir, each).map_err(on("list the directory"))
    }

    fn stat(&self, dir: &Dir, name: &Name) -> Result<Option<Stat>> {
        look::name(dir, name).map_err(at("look at", name))
    }

    fn stat_dir(&self, dir: &Dir) -> Result<Stat> {
        look::descriptor(dir.as_fd()).map_err(on("look at the opened directory"))
    }

    fn stat_file(&self, file: &File) -> Result<Stat> {
        look::descriptor(file.as_fd()).map_err(on("look at the opened file"))
    }

    fn open_file(&self, dir: &Dir, name: &Name) -> Result<File> {
        open::file(dir, name, open::Access::Read, open::has_openat2())
    }

    fn open_file_for_update(&self, dir: &Dir, name: &Name) -> Result<File> {
        open::file(dir, name, open::Access::Update, open::has_openat2())
    }

    fn create_file(&self, dir: &Dir, name: &Name, executable: bool) -> Result<File> {
        change::create_file(dir, name, self.mode.of_file(executable)).map_err(at("create the file", name))
    }

    #[cfg(target_os = "linux")]
    fn hold(&self, file: &File) -> bool {
        lease::take(file)
    }

    fn create_dir(&self, dir: &Dir, name: &Name) -> Result<Dir> {
        change::create_dir(dir, name, self.mode.of_dir(), open::has_openat2()).map_err(at("create the directory", name))
    }

    fn create_symlink(&self, dir: &Dir, name: &Name, target: &Target) -> Result<()> {
        rustix::fs::symlinkat(target.as_bytes(), dir, name.as_bytes()).map_err(at("create the symlink", name))
    }

    fn read_link(&self, dir: &Dir, name: &Name) -> Result<Target> {
        look::link(dir, name)
    }

    fn rename(&self, from: &Dir, from_name: &Name, to: &Dir, to_name: &Name, how: Rename) -> Result<()> {
        change::rename((from, from_name), (to, to_name), how)
    }

    fn remove_file(&self, dir: &Dir, name: &Name) -> Result<()> {
        change::remove_file(dir, name).map_err(at("remove", name))
    }

    fn remove_dir(&self, dir: &Dir, name: &Name) -> Result<()> {
        change::remove_dir(dir, name).map_err(at("remove the directory", name))
    }

    fn set_executable(&self, file: &File, executable: bool) -> Result<()> {
        change::set_executable(file, executable).map_err(on("set the executable bit"))
    }

    fn inherit(&self, file: &File, replaced: &Stat) -> Result<()> {
        change::inherit(file, replaced).map_err(on("carry over owner and permissions"))
    }

    fn set_file_mtime(&self, file: &File, mtime_ns: i64) -> Result<()> {
        change::set_file_mtime(file, mtime_ns).map_err(on("set the modification time"))
    }

    fn set_mtime(&self, dir: &Dir, name: &Name, mtime_ns: i64) -> Result<()> {
        change::set_mtime(dir, name, mtime_ns).map_err(at("set the modification time of", name))
    }

    fn set_len(&self, file: &File, bytes: u64) -> Result<()> {
        content::set_len(file, bytes).map_err(on("set the file's length"))
    }

    fn next_data(&self, file: &File, offset: u64) -> Result<Option<Range<u64>>> {
        content::next_data(file, offset).map_err(on("find data in the file"))
    }

    fn copy_range(&self, from: &File, from_range: Range<u64>, to: &File, to_offset: u64) -> Result<u64> {
        content::copy_range(from, from_range, to, to_offset).map_err(on("copy content"))
    }

    #[cfg(target_os = "linux")]
    fn begin_sync(&self, file: &File) {
        content::begin_sync(file);
    }

    fn sync_file(&self, file: &File) -> Result<()> {
        content::sync_file(file).map_err(on("make the file durable"))
    }

    fn sync_dir(&self, dir: &Dir) -> Result<()> {
        rustix::fs::fsync(dir).map_err(on("make the directory durable"))
    }

    fn sync_fs(&self) -> Result<()> {
        self.areas.sync().map_err(on("make the file system durable"))
    }

    fn space(&self) -> Result<Space> {
        look::space(self.areas.share_anchor()).map_err(on("ask for free space"))
    }
}
