//! The real file system on Windows, built on `std::fs`. It type-checks and does what it says, with these limits:
//!
//! - An opened directory is its path. The look at a component and its use are two steps, so another process that replaces a
//!   directory by a link in between is followed. (Handle-relative opening needs `NtCreateFile`.)
//! - There is no exchange of two entries: the caller renames twice.
//! - No executable bit, no owner; the mode of [`OsFsConfig`] is without effect.
//! - Holes aren't looked for, and lengthening a file writes zeros on the disk where the file isn't sparse.
//! - Directories can't be made durable by themselves; NTFS journals names.
//! - Free space isn't told by `std`: [`Fs::space`] is `Unsupported`.
//! - Only paths that Windows takes (about 32 000 units, by the `\\?\` prefix that a canonical root brings).

use std::fs::{self, File, FileTimes, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::{ControlFlow, Range};
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use causeway_sync::entry::Target;
use causeway_sync::path::{Name, RelPath};

use super::windows_names::{from_wide, to_wide};
use super::{Area, Fs, FsError, FsErrorKind, Kind, OsFsConfig, Owner, Rename, Result, Space, Stat};

/// Opens the link itself (`CreateFileW`).
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
/// Opens directories (`CreateFileW`).
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
/// From 1601, where Windows begins to count, to 1970, in its steps of 100 ns.
const EPOCH_STEPS: i64 = 116_444_736_000_000_000;

const STAGING: &str = "staging";
const BIN: &str = "bin";
const STAGING_IN_SHARE: &str = ".causeway-tmp-staging";
const TRIAL: &str = ".causeway-tmp-trial";

/// The real file system of a side.
pub struct OsFs {
    share: PathBuf,
    private: PathBuf,
    is_staging_in_share: bool,
}

/// A directory, by its path.
#[derive(Clone)]
pub struct Dir(Arc<PathBuf>);

impl OsFs {
    /// Looks at the share's root, creates the private directory and its areas where missing, and finds out by a trial rename
    /// whether they are on one volume.
    pub fn open(config: OsFsConfig) -> Result<Self> {
        let share = root_dir(&config.share)?.0;
        for area in [STAGING, BIN] {
            fs::create_dir_all(config.private.join(area)).map_err(on("open the private directory"))?;
        }
        let (inside, aside) = (share.join(TRIAL), config.private.join(STAGING).join(TRIAL));
        let tried = File::create(&aside).and_then(|_| fs::rename(&aside, &inside));
        for leftover in [aside, inside] {
            let _ = fs::remove_file(leftover);
        }
        let is_staging_in_share = tried.is_err_and(|error| error.kind() == io::ErrorKind::CrossesDevices);
        Ok(Self { share: config.share, private: config.private, is_staging_in_share })
    }

    fn staging(&self) -> PathBuf {
        if self.is_staging_in_share { self.share.join(STAGING_IN_SHARE) } else { self.private.join(STAGING) }
    }
}

fn at(op: &'static str, name: &Name) -> impl FnOnce(io::Error) -> FsError {
    move |error| FsError::at(op, name, error)
}

fn on(op: &'static str) -> impl FnOnce(io::Error) -> FsError {
    move |error| FsError::new(op, RelPath::ROOT, error)
}

fn of_kind(op: &'static str, name: &Name, kind: FsErrorKind) -> FsError {
    FsError::of_kind(op, &RelPath::ROOT.join(name), kind)
}

fn root_dir(path: &Path) -> Result<Dir> {
    const OP: &str = "open the share's root";
    let found = fs::symlink_metadata(path).map_err(on(OP))?;
    if kind_of(&found) != Kind::Directory {
        return Err(FsError::of_kind(OP, RelPath::ROOT, FsErrorKind::NotADirectory));
    }
    Ok(Dir(Arc::new(path.to_owned())))
}

fn path_of(op: &'static str, dir: &Dir, name: &Name) -> Result<PathBuf> {
    let units = to_wide(name.as_bytes()).ok_or_else(|| of_kind(op, name, FsErrorKind::InvalidName))?;
    Ok(dir.0.join(std::ffi::OsString::from_wide(&units)))
}

fn kind_of(found: &Metadata) -> Kind {
    let kind = found.file_type();
    if kind.is_symlink() || kind.is_symlink_dir() || kind.is_symlink_file() {
        Kind::Symlink
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_file() {
        Kind::File
    } else {
        Kind::Other
    }
}

fn stat_of(found: &Metadata) -> Stat {
    let steps = i64::try_from(found.last_write_time()).unwrap_or(i64::MAX).saturating_sub(EPOCH_STEPS);
    let mtime_ns = steps.saturating_mul(100);
    Stat {
        kind: kind_of(found),
        size: found.file_size(),
        mtime_ns,
        ctime_ns: mtime_ns,
        inode: 0,
        device: 0,
        executable: false,
        links: 1,
        mode: 0,
        owner: Owner::default(),
    }
}

fn open(op: &'static str, dir: &Dir, name: &Name, for_update: bool) -> Result<File> {
    let path = path_of(op, dir, name)?;
    let file = OpenOptions::new()
        .read(true)
        .write(for_update)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
        .map_err(at(op, name))?;
    match kind_of(&file.metadata().map_err(at(op, name))?) {
        Kind::File => Ok(file),
        Kind::Symlink => Err(of_kind(op, name, FsErrorKind::IsSymlink)),
        _ => Err(of_kind(op, name, FsErrorKind::NotAFile)),
    }
}

fn set_mtime(file: &File, mtime_ns: i64) -> io::Result<()> {
    let since = Duration::from_nanos(mtime_ns.unsigned_abs());
    let time = if mtime_ns < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(since)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since)
    };
    let time = time.ok_or(io::ErrorKind::InvalidInput)?;
    file.set_times(FileTimes::new().set_modified(time))
}

/// Copies through this process. The two files' positions move.
fn copy_range(from: &File, range: Range<u64>, to: &File, to_offset: u64) -> io::Result<u64> {
    let (mut from, mut to) = (from, to);
    from.seek(SeekFrom::Start(range.start))?;
    to.seek(SeekFrom::Start(to_offset))?;
    let copied = io::copy(&mut from.take(range.end.saturating_sub(range.start)), &mut to)?;
    to.flush()?;
    Ok(copied)
}

impl Fs for OsFs {
    type Dir = Dir;
    type File = File;

    fn root(&self, area: Area) -> Result<Dir> {
        let path = match area {
            Area::Share => return root_dir(&self.share),
            Area::Staging => self.staging(),
            Area::Bin => self.private.join(BIN),
        };
        fs::create_dir_all(&path).map_err(on("open the private directory"))?;
        Ok(Dir(Arc::new(path)))
    }

    fn in_share_staging(&self) -> bool {
        self.is_staging_in_share
    }

    fn release_staging(&self) -> Result<()> {
        if !self.is_staging_in_share {
            return Ok(());
        }
        match fs::remove_dir(self.staging()) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => {
                Err(on("remove staging from the share")(error))
            }
            _ => Ok(()),
        }
    }

    fn open_dir(&self, dir: &Dir, name: &Name) -> Result<Dir> {
        const OP: &str = "open the directory";
        let path = path_of(OP, dir, name)?;
        match kind_of(&fs::symlink_metadata(&path).map_err(at(OP, name))?) {
            Kind::Directory => Ok(Dir(Arc::new(path))),
            Kind::Symlink => Err(of_kind(OP, name, FsErrorKind::IsSymlink)),
            _ => Err(of_kind(OP, name, FsErrorKind::NotADirectory)),
        }
    }

    fn open_path(&self, dir: &Dir, path: &RelPath) -> Result<Dir> {
        path.names().try_fold(dir.clone(), |at, name| self.open_dir(&at, name))
    }

    fn list(&self, dir: &Dir, each: &mut dyn FnMut(&Name, Option<Kind>) -> ControlFlow<()>) -> Result<u64> {
        const OP: &str = "list the directory";
        let mut passed_over = 0;
        for entry in fs::read_dir(&*dir.0).map_err(on(OP))? {
            let entry = entry.map_err(on(OP))?;
            // The listing brings the metadata along: nothing more is asked of the system.
            let kind = entry.metadata().ok().map(|found| kind_of(&found));
            match Name::new(&from_wide(entry.file_name().encode_wide())) {
                Ok(name) if each(name, kind).is_break() => break,
                Ok(_) => {}
                Err(_) => passed_over += 1,
            }
        }
        Ok(passed_over)
    }

    fn stat(&self, dir: &Dir, name: &Name) -> Result<Option<Stat>> {
        const OP: &str = "look at";
        match fs::symlink_metadata(path_of(OP, dir, name)?) {
            Ok(found) => Ok(Some(stat_of(&found))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(OP, name)(error)),
        }
    }

    fn stat_dir(&self, dir: &Dir) -> Result<Stat> {
        fs::symlink_metadata(&*dir.0).map(|found| stat_of(&found)).map_err(on("look at the opened directory"))
    }

    fn stat_file(&self, file: &File) -> Result<Stat> {
        file.metadata().map(|found| stat_of(&found)).map_err(on("look at the opened file"))
    }

    fn open_file(&self, dir: &Dir, name: &Name) -> Result<File> {
        open("open the file", dir, name, false)
    }

    fn open_file_for_update(&self, dir: &Dir, name: &Name) -> Result<File> {
        open("open the file", dir, name, true)
    }

    fn create_file(&self, dir: &Dir, name: &Name, _: bool) -> Result<File> {
        const OP: &str = "create the file";
        let path = path_of(OP, dir, name)?;
        OpenOptions::new().read(true).write(true).create_new(true).open(path).map_err(at(OP, name))
    }

    fn create_dir(&self, dir: &Dir, name: &Name) -> Result<Dir> {
        const OP: &str = "create the directory";
        let path = path_of(OP, dir, name)?;
        fs::create_dir(&path).map_err(at(OP, name))?;
        Ok(Dir(Arc::new(path)))
    }

    /// Windows wants to know whether the target is a directory: that is looked up now, and a target that isn't there is taken
    /// for a file.
    fn create_symlink(&self, dir: &Dir, name: &Name, target: &Target) -> Result<()> {
        const OP: &str = "create the symlink";
        let invalid = || of_kind(OP, name, FsErrorKind::InvalidName);
        let target = std::str::from_utf8(target.as_bytes()).map_err(|_| invalid())?.replace('/', "\\");
        let path = path_of(OP, dir, name)?;
        let made = if dir.0.join(&target).is_dir() {
            std::os::windows::fs::symlink_dir(target, path)
        } else {
            std::os::windows::fs::symlink_file(target, path)
        };
        made.map_err(at(OP, name))
    }

    fn read_link(&self, dir: &Dir, name: &Name) -> Result<Target> {
        const OP: &str = "read the symlink";
        let target = fs::read_link(path_of(OP, dir, name)?).map_err(at(OP, name))?;
        let mut bytes = from_wide(target.as_os_str().encode_wide());
        bytes.iter_mut().filter(|b| **b == b'\\').for_each(|b| *b = b'/');
        Target::new(bytes).map_err(|_| of_kind(OP, name, FsErrorKind::InvalidInput))
    }

    fn rename(&self, from: &Dir, from_name: &Name, to: &Dir, to_name: &Name, how: Rename) -> Result<()> {
        const OP: &str = "rename";
        if how == Rename::Exchange {
            return Err(of_kind("exchange", from_name, FsErrorKind::Unsupported));
        }
        let (source, target) = (path_of(OP, from, from_name)?, path_of(OP, to, to_name)?);
        if fs::symlink_metadata(&target).is_ok() {
            return Err(of_kind(OP, to_name, FsErrorKind::Exists));
        }
        fs::rename(source, target).map_err(at(OP, from_name))
    }

    fn remove_file(&self, dir: &Dir, name: &Name) -> Result<()> {
        const OP: &str = "remove";
        let path = path_of(OP, dir, name)?;
        let found = fs::symlink_metadata(&path).map_err(at(OP, name))?;
        let removed = if found.file_type().is_symlink_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        removed.map_err(at(OP, name))
    }

    fn remove_dir(&self, dir: &Dir, name: &Name) -> Result<()> {
        const OP: &str = "remove the directory";
        let path = path_of(OP, dir, name)?;
        // A link to a directory would be removed too.
        if kind_of(&fs::symlink_metadata(&path).map_err(at(OP, name))?) != Kind::Directory {
            return Err(of_kind(OP, name, FsErrorKind::NotADirectory));
        }
        fs::remove_dir(path).map_err(at(OP, name))
    }

    fn set_executable(&self, _: &File, _: bool) -> Result<()> {
        Ok(())
    }

    fn inherit(&self, _: &File, _: &Stat) -> Result<()> {
        Ok(())
    }

    fn set_file_mtime(&self, file: &File, mtime_ns: i64) -> Result<()> {
        set_mtime(file, mtime_ns).map_err(on("set the modification time"))
    }

    fn set_mtime(&self, dir: &Dir, name: &Name, mtime_ns: i64) -> Result<()> {
        const OP: &str = "set the modification time of";
        OpenOptions::new()
            .write(true)
            .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS)
            .open(path_of(OP, dir, name)?)
            .and_then(|file| set_mtime(&file, mtime_ns))
            .map_err(at(OP, name))
    }

    fn set_len(&self, file: &File, bytes: u64) -> Result<()> {
        file.set_len(bytes).map_err(on("set the file's length"))
    }

    fn next_data(&self, file: &File, offset: u64) -> Result<Option<Range<u64>>> {
        let size = self.stat_file(file)?.size;
        Ok((offset < size).then_some(offset..size))
    }

    fn copy_range(&self, from: &File, from_range: Range<u64>, to: &File, to_offset: u64) -> Result<u64> {
        copy_range(from, from_range, to, to_offset).map_err(on("copy content"))
    }

    fn sync_file(&self, file: &File) -> Result<()> {
        file.sync_data().map_err(on("make the file durable"))
    }

    fn sync_dir(&self, _: &Dir) -> Result<()> {
        Ok(())
    }

    /// Windows flushes a whole volume only for administrators: the caller must sync the files one by one.
    fn sync_fs(&self) -> Result<()> {
        Err(FsError::of_kind("make the file system durable", RelPath::ROOT, FsErrorKind::Unsupported))
    }

    fn space(&self) -> Result<Space> {
        Err(FsError::of_kind("ask for free space", RelPath::ROOT, FsErrorKind::Unsupported))
    }
}
