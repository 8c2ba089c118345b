//! The real file system with somebody in between: a hook runs before chosen calls, and may make them fail.

use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex};

use causeway_endpoint::fs::{Area, Capabilities, Fs, FsError, FsErrorKind, Kind, OsFs, Rename, Result, Space, Stat};
use causeway_sync::entry::Target;
use causeway_sync::{Name, NameBuf, RelPath};

/// The calls that a hook hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Stat,
    StatFile,
    OpenDir,
    OpenFile,
    OpenForUpdate,
    List,
    CreateFile,
    CreateDir,
    Write,
    Rename,
    RemoveFile,
    RemoveDir,
    SyncFile,
    SyncDir,
    SyncFs,
    SetMtime,
    SetLength,
    Copy,
}

/// Hears of a call and the name it is about (the new name of a rename); may make it fail.
pub type Hook = Box<dyn FnMut(Call, &str) -> Option<FsErrorKind> + Send>;

#[derive(Clone, Default)]
pub struct Hooks(Arc<Mutex<Option<Hook>>>);

impl Hooks {
    pub fn set(&self, hook: impl FnMut(Call, &str) -> Option<FsErrorKind> + Send + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(hook));
    }

    pub fn clear(&self) {
        *self.0.lock().unwrap() = None;
    }

    /// Runs `act` once, before the first call of that kind about that name.
    pub fn once(&self, call: Call, name: &str, act: impl FnOnce() + Send + 'static) {
        self.nth(call, name, 1, act);
    }

    /// Runs `act` once, before the `nth` call of that kind about that name.
    pub fn nth(&self, call: Call, name: &str, nth: u32, act: impl FnOnce() + Send + 'static) {
        let name = name.to_owned();
        let mut act = Some(act);
        let mut seen = 0;
        self.set(move |heard, about| {
            if heard == call && about == name {
                seen += 1;
                if seen == nth
                    && let Some(act) = act.take()
                {
                    act();
                }
            }
            None
        });
    }

    fn hear(&self, call: Call, name: &str) -> Result<()> {
        // The hook is taken out while it runs: what it does may come by here as well.
        let taken = self.0.lock().unwrap().take();
        let Some(mut hook) = taken else { return Ok(()) };
        let fails = hook(call, name);
        self.0.lock().unwrap().get_or_insert(hook);
        match fails {
            Some(kind) => Err(FsError::of_kind("be hooked at", RelPath::ROOT, kind)),
            None => Ok(()),
        }
    }

    fn about(&self, call: Call, name: &Name) -> Result<()> {
        self.hear(call, &String::from_utf8_lossy(name.as_bytes()))
    }
}

pub struct Hooked {
    pub inner: OsFs,
    pub hooks: Hooks,
    /// What [`Fs::probe`] says instead of the truth.
    pub can: Option<Capabilities>,
}

pub struct HookedFile {
    file: <OsFs as Fs>::File,
    hooks: Hooks,
}

impl io::Read for HookedFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.read(into)
    }
}

impl io::Write for HookedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.hooks.hear(Call::Write, "") {
            Ok(()) => self.file.write(bytes),
            Err(error) if error.kind == FsErrorKind::NoSpace => Err(io::ErrorKind::StorageFull.into()),
            Err(error) => Err(error.source),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl io::Seek for HookedFile {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Hooked {
    /// The name by which an entry really stands, where the file system is to take names for others that differ in case.
    fn real(&self, dir: &<OsFs as Fs>::Dir, name: &Name) -> NameBuf {
        let mut real = name.to_owned();
        if self.can.is_some_and(|can| !can.case_sensitive) {
            let lower = |name: &Name| String::from_utf8_lossy(name.as_bytes()).to_lowercase();
            let mut find = |listed: &Name, _| {
                if lower(listed) == lower(name) {
                    real = listed.to_owned();
                }
                ControlFlow::Continue(())
            };
            self.inner.list(dir, &mut find).unwrap();
        }
        real
    }

    /// The name to create; an error where another stands in for it.
    fn free(&self, dir: &<OsFs as Fs>::Dir, name: &Name) -> Result<()> {
        let real = self.real(dir, name);
        if *real == *name { Ok(()) } else { Err(FsError::of_kind("create", RelPath::ROOT, FsErrorKind::Exists)) }
    }

    fn wrap(&self, file: <OsFs as Fs>::File) -> HookedFile {
        HookedFile { file, hooks: self.hooks.clone() }
    }
}

impl Fs for Hooked {
    type Dir = <OsFs as Fs>::Dir;
    type File = HookedFile;

    fn root(&self, area: Area) -> Result<Self::Dir> {
        self.inner.root(area)
    }

    fn in_share_staging(&self) -> bool {
        self.inner.in_share_staging()
    }

    fn release_staging(&self) -> Result<()> {
        self.inner.release_staging()
    }

    fn probe(&self) -> Result<Capabilities> {
        self.can.map_or_else(|| self.inner.probe(), Ok)
    }

    fn open_dir(&self, dir: &Self::Dir, name: &Name) -> Result<Self::Dir> {
        self.hooks.about(Call::OpenDir, name)?;
        self.inner.open_dir(dir, &self.real(dir, name))
    }

    fn open_path(&self, dir: &Self::Dir, path: &RelPath) -> Result<Self::Dir> {
        if let Some(name) = path.file_name() {
            self.hooks.about(Call::OpenDir, name)?;
        }
        let mut at = dir.clone();
        for name in path.names() {
            at = self.inner.open_dir(&at, &self.real(&at, name))?;
        }
        Ok(at)
    }

    fn list(&self, dir: &Self::Dir, each: &mut dyn FnMut(&Name, Option<Kind>) -> ControlFlow<()>) -> Result<u64> {
        self.hooks.hear(Call::List, "")?;
        self.inner.list(dir, each)
    }

    fn stat(&self, dir: &Self::Dir, name: &Name) -> Result<Option<Stat>> {
        self.hooks.about(Call::Stat, name)?;
        self.inner.stat(dir, &self.real(dir, name))
    }

    fn stat_dir(&self, dir: &Self::Dir) -> Result<Stat> {
        self.inner.stat_dir(dir)
    }

    fn stat_file(&self, file: &Self::File) -> Result<Stat> {
        self.hooks.hear(Call::StatFile, "")?;
        self.inner.stat_file(&file.file)
    }

    fn open_file(&self, dir: &Self::Dir, name: &Name) -> Result<Self::File> {
        self.hooks.about(Call::OpenFile, name)?;
        self.inner.open_file(dir, &self.real(dir, name)).map(|file| self.wrap(file))
    }

    fn create_file(&self, dir: &Self::Dir, name: &Name, executable: bool) -> Result<Self::File> {
        self.hooks.about(Call::CreateFile, name)?;
        self.free(dir, name)?;
        self.inner.create_file(dir, name, executable).map(|file| self.wrap(file))
    }

    fn open_file_for_update(&self, dir: &Self::Dir, name: &Name) -> Result<Self::File> {
        self.hooks.about(Call::OpenForUpdate, name)?;
        self.inner.open_file_for_update(dir, name).map(|file| self.wrap(file))
    }

    fn hold(&self, file: &Self::File) -> bool {
        self.inner.hold(&file.file)
    }

    fn create_dir(&self, dir: &Self::Dir, name: &Name) -> Result<Self::Dir> {
        self.hooks.about(Call::CreateDir, name)?;
        self.free(dir, name)?;
        self.inner.create_dir(dir, name)
    }

    fn create_symlink(&self, dir: &Self::Dir, name: &Name, target: &Target) -> Result<()> {
        self.free(dir, name)?;
        self.inner.create_symlink(dir, name, target)
    }

    fn read_link(&self, dir: &Self::Dir, name: &Name) -> Result<Target> {
        self.inner.read_link(dir, &self.real(dir, name))
    }

    fn rename(&self, from: &Self::Dir, from_name: &Name, to: &Self::Dir, to_name: &Name, how: Rename) -> Result<()> {
        let shared = match how {
            Rename::NoReplace => to_name,
            Rename::Exchange => from_name,
        };
        self.hooks.about(Call::Rename, shared)?;
        let from_name = self.real(from, from_name);
        let to_name = match how {
            Rename::NoReplace => {
                self.free(to, to_name)?;
                to_name.to_owned()
            }
            Rename::Exchange => self.real(to, to_name),
        };
        self.inner.rename(from, &from_name, to, &to_name, how)
    }

    fn remove_file(&self, dir: &Self::Dir, name: &Name) -> Result<()> {
        self.hooks.about(Call::RemoveFile, name)?;
        self.inner.remove_file(dir, &self.real(dir, name))
    }

    fn remove_dir(&self, dir: &Self::Dir, name: &Name) -> Result<()> {
        self.hooks.about(Call::RemoveDir, name)?;
        self.inner.remove_dir(dir, &self.real(dir, name))
    }

    fn set_executable(&self, file: &Self::File, executable: bool) -> Result<()> {
        self.inner.set_executable(&file.file, executable)
    }

    fn inherit(&self, file: &Self::File, replaced: &Stat) -> Result<()> {
        self.inner.inherit(&file.file, replaced)
    }

    fn set_file_mtime(&self, file: &Self::File, mtime_ns: i64) -> Result<()> {
        self.hooks.hear(Call::SetMtime, "")?;
        self.inner.set_file_mtime(&file.file, mtime_ns)
    }

    fn set_mtime(&self, dir: &Self::Dir, name: &Name, mtime_ns: i64) -> Result<()> {
        self.inner.set_mtime(dir, name, mtime_ns)
    }

    fn set_len(&self, file: &Self::File, bytes: u64) -> Result<()> {
        self.hooks.hear(Call::SetLength, "")?;
        self.inner.set_len(&file.file, bytes)
    }

    fn next_data(&self, file: &Self::File, offset: u64) -> Result<Option<Range<u64>>> {
        self.inner.next_data(&file.file, offset)
    }

    fn copy_range(&self, from: &Self::File, range: Range<u64>, to: &Self::File, to_offset: u64) -> Result<u64> {
        self.hooks.hear(Call::Copy, "")?;
        self.inner.copy_range(&from.file, range, &to.file, to_offset)
    }

    fn begin_sync(&self, file: &Self::File) {
        self.inner.begin_sync(&file.file);
    }

    fn sync_file(&self, file: &Self::File) -> Result<()> {
        self.hooks.hear(Call::SyncFile, "")?;
        self.inner.sync_file(&file.file)
    }

    fn sync_dir(&self, dir: &Self::Dir) -> Result<()> {
        self.hooks.hear(Call::SyncDir, "")?;
        self.inner.sync_dir(dir)
    }

    fn sync_fs(&self) -> Result<()> {
        self.hooks.hear(Call::SyncFs, "")?;
        self.inner.sync_fs()
    }

    fn space(&self) -> Result<Space> {
        self.inner.space()
    }
}
