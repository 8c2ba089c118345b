//! The endpoint's file system over a simulated disk. Between any two calls a user may edit, and the process may end.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};

use causeway_endpoint::fs::{Area, Fs, FsError, FsErrorKind, Kind, Owner, Rename, Result, Space, Stat};
use causeway_endpoint::watch::Hint;
use causeway_sync::Side;
use causeway_sync::entry::Target;
use causeway_sync::path::{Name, RelPath};

use crate::disk::{Body, Bytes, Ino, root_of};
use crate::ground::{Ground, Real};

/// One side's disk, as the endpoint sees it.
#[derive(Clone, Debug)]
pub struct SimFs {
    ground: Arc<Ground>,
    side: Side,
}

/// An opened directory.
#[derive(Clone, Debug)]
pub struct SimDir(Ino);

/// An opened file.
#[derive(Debug)]
pub struct SimFile {
    fs: SimFs,
    ino: Ino,
    at: u64,
    holds: AtomicBool,
}

impl SimFile {
    fn new(fs: &SimFs, ino: Ino) -> Self {
        Self { fs: fs.clone(), ino, at: 0, holds: AtomicBool::new(false) }
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if self.holds.load(Ordering::Relaxed) {
            let mut real = self.fs.ground.lock();
            let side = self.fs.side as usize;
            real.held[side] = None;
            // On a full disk the old content may have to wait, too.
            if !real.dead[side] && !real.disks[side].full {
                self.fs.report(&mut real, self.ino, Hint::ClosedAfterWrite);
            }
        }
    }
}

fn fail<T>(op: &'static str, kind: FsErrorKind) -> Result<T> {
    Err(FsError::of_kind(op, RelPath::ROOT, kind))
}

impl SimFs {
    /// The file system of a side.
    pub fn new(ground: Arc<Ground>, side: Side) -> Self {
        Self { ground, side }
    }

    /// Before each call: time passes, and others do something.
    fn enter(&self, op: &'static str) -> Result<MutexGuard<'_, Real>> {
        let mut real = self.ground.lock();
        real.interleave(self.side);
        if real.dead[self.side as usize] {
            return fail(op, FsErrorKind::Io);
        }
        Ok(real)
    }

    fn enter_directory(&self, op: &'static str, dir: &SimDir) -> Result<MutexGuard<'_, Real>> {
        let real = self.enter(op)?;
        if !real.disks[self.side as usize].is_linked(dir.0) {
            return fail(op, FsErrorKind::NotFound);
        }
        Ok(real)
    }

    fn find(&self, real: &Real, op: &'static str, dir: &SimDir, name: &Name) -> Result<Ino> {
        match real.disks[self.side as usize].lookup(dir.0, name.as_bytes()) {
            Some(ino) => Ok(ino),
            None => fail(op, FsErrorKind::NotFound),
        }
    }

    fn room(&self, real: &mut Real, op: &'static str) -> Result<()> {
        if real.disks[self.side as usize].full && !real.random.one_in(4) {
            fail(op, FsErrorKind::NoSpace)
        } else {
            Ok(())
        }
    }

    fn create(&self, op: &'static str, dir: &SimDir, name: &Name, body: Body) -> Result<Ino> {
        let mut real = self.enter_directory(op, dir)?;
        if real.disks[self.side as usize].lookup(dir.0, name.as_bytes()).is_some() {
            return fail(op, FsErrorKind::Exists);
        }
        self.room(&mut real, op)?;
        let now = real.stamp_ns();
        let disk = &mut real.disks[self.side as usize];
        let ino = disk.make(body, false, now);
        disk.attach(dir.0, name.as_bytes(), ino, now);
        disk.step();
        self.report(&mut real, ino, Hint::Created);
        Ok(ino)
    }

    /// Tells the watcher of the process's own doing.
    fn report(&self, real: &mut Real, ino: Ino, hint: Hint) {
        if let Some(path) = real.share_path(self.side, ino) {
            real.tell(|| format!("  {:?} causeway: {hint:?} {}", self.side, String::from_utf8_lossy(&path)));
            real.changed(self.side, &path, hint, true);
            let is_held = real.held[self.side as usize] == Some(ino);
            if hint != Hint::Attributes && hint != Hint::Removed && !is_held {
                real.check_visible(self.side, ino, &path);
            }
        }
    }

    fn stat_of(&self, real: &Real, ino: Ino) -> Stat {
        let node = real.disks[self.side as usize].node(ino);
        let (kind, size) = match &node.body {
            Body::Directory(_) => (Kind::Directory, 4096),
            Body::File(content) => (Kind::File, content.len() as u64),
            Body::Symlink(target) => (Kind::Symlink, target.len() as u64),
        };
        Stat {
            kind,
            size,
            mtime_ns: node.mtime_ns,
            ctime_ns: node.ctime_ns,
            inode: ino,
            device: 1,
            executable: node.executable,
            links: u32::from(node.place.is_some()),
            mode: if node.executable { 0o755 } else { 0o644 },
            owner: Owner::default(),
        }
    }

    fn open(&self, op: &'static str, dir: &SimDir, name: &Name) -> Result<SimFile> {
        let real = self.enter(op)?;
        let ino = self.find(&real, op, dir, name)?;
        match &real.disks[self.side as usize].node(ino).body {
            Body::File(_) => Ok(SimFile::new(self, ino)),
            Body::Symlink(_) => fail(op, FsErrorKind::IsSymlink),
            Body::Directory(_) => fail(op, FsErrorKind::NotAFile),
        }
    }

    /// Replaces a file's content by what `change` makes of it.
    fn rewrite(&self, op: &'static str, ino: Ino, change: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let mut real = self.enter(op)?;
        self.room(&mut real, op)?;
        let now = real.stamp_ns();
        let disk = &mut real.disks[self.side as usize];
        let mut content = disk.content(ino).map(|content| content.to_vec()).unwrap_or_default();
        change(&mut content);
        disk.write(ino, Bytes::new(content), false, now);
        disk.step();
        self.report(&mut real, ino, Hint::Written);
        Ok(())
    }
}

impl Fs for SimFs {
    type Dir = SimDir;
    type File = SimFile;

    fn root(&self, area: Area) -> Result<SimDir> {
        drop(self.enter("open the root")?);
        Ok(SimDir(root_of(area)))
    }

    fn in_share_staging(&self) -> bool {
        false
    }

    fn release_staging(&self) -> Result<()> {
        Ok(())
    }

    fn open_dir(&self, dir: &SimDir, name: &Name) -> Result<SimDir> {
        let op = "open the directory";
        let real = self.enter(op)?;
        let ino = self.find(&real, op, dir, name)?;
        match &real.disks[self.side as usize].node(ino).body {
            Body::Directory(_) => Ok(SimDir(ino)),
            Body::Symlink(_) => fail(op, FsErrorKind::IsSymlink),
            Body::File(_) => fail(op, FsErrorKind::NotADirectory),
        }
    }

    fn open_path(&self, dir: &SimDir, path: &RelPath) -> Result<SimDir> {
        let mut at = dir.clone();
        for name in path.names() {
            at = self.open_dir(&at, name)?;
        }
        Ok(at)
    }

    fn list(&self, dir: &SimDir, each: &mut dyn FnMut(&Name, Option<Kind>) -> ControlFlow<()>) -> Result<u64> {
        let real = self.enter("list the directory")?;
        let disk = &real.disks[self.side as usize];
        let names = disk.children(dir.0).into_iter().flatten().map(|(_, (name, ino))| {
            let kind = match disk.node(*ino).body {
                Body::Directory(_) => Kind::Directory,
                Body::File(_) => Kind::File,
                Body::Symlink(_) => Kind::Symlink,
            };
            (name.clone(), kind)
        });
        let names: Vec<_> = names.collect();
        drop(real);
        for (name, kind) in names {
            let name = Name::new(&name).expect("only names are made");
            if each(name, Some(kind)).is_break() {
                break;
            }
        }
        Ok(0)
    }

    fn stat(&self, dir: &SimDir, name: &Name) -> Result<Option<Stat>> {
        let real = self.enter("look at")?;
        let found = real.disks[self.side as usize].lookup(dir.0, name.as_bytes());
        Ok(found.map(|ino| self.stat_of(&real, ino)))
    }

    fn stat_dir(&self, dir: &SimDir) -> Result<Stat> {
        let real = self.enter("look at the directory")?;
        Ok(self.stat_of(&real, dir.0))
    }

    fn stat_file(&self, file: &SimFile) -> Result<Stat> {
        let real = self.enter("look at the file")?;
        Ok(self.stat_of(&real, file.ino))
    }

    fn open_file(&self, dir: &SimDir, name: &Name) -> Result<SimFile> {
        self.open("open the file", dir, name)
    }

    fn create_file(&self, dir: &SimDir, name: &Name, executable: bool) -> Result<SimFile> {
        let ino = self.create("create the file", dir, name, Body::File(Bytes::default()))?;
        self.ground.lock().disks[self.side as usize].node_mut(ino).executable = executable;
        Ok(SimFile::new(self, ino))
    }

    fn open_file_for_update(&self, dir: &SimDir, name: &Name) -> Result<SimFile> {
        self.open("open the file", dir, name)
    }

    /// A user who has it open waits, too: what such a one writes just before Causeway does is lost, which is known.
    fn hold(&self, file: &SimFile) -> bool {
        let Ok(mut real) = self.enter("hold the file") else { return false };
        real.held[self.side as usize] = Some(file.ino);
        file.holds.store(true, Ordering::Relaxed);
        true
    }

    fn create_dir(&self, dir: &SimDir, name: &Name) -> Result<SimDir> {
        self.create("create the directory", dir, name, Body::Directory(Default::default())).map(SimDir)
    }

    fn create_symlink(&self, dir: &SimDir, name: &Name, target: &Target) -> Result<()> {
        self.create("create the symlink", dir, name, Body::Symlink(target.as_bytes().to_vec())).map(|_| ())
    }

    fn read_link(&self, dir: &SimDir, name: &Name) -> Result<Target> {
        let op = "read the symlink";
        let real = self.enter(op)?;
        let ino = self.find(&real, op, dir, name)?;
        match &real.disks[self.side as usize].node(ino).body {
            Body::Symlink(target) => Ok(Target::new(target.clone()).expect("only targets are made")),
            _ => fail(op, FsErrorKind::InvalidInput),
        }
    }

    fn rename(&self, from: &SimDir, from_name: &Name, to: &SimDir, to_name: &Name, how: Rename) -> Result<()> {
        let op = "rename";
        let mut real = self.enter(op)?;
        let moved = self.find(&real, op, from, from_name)?;
        let disk = &real.disks[self.side as usize];
        if !disk.is_linked(to.0) {
            return fail(op, FsErrorKind::NotFound);
        }
        let there = disk.lookup(to.0, to_name.as_bytes());
        let within = |inner: Ino, outer: Ino| {
            let place = |at: &Ino| disk.node(*at).place.as_ref().map(|(above, _)| *above);
            std::iter::successors(Some(inner), place).any(|at| at == outer)
        };
        if within(to.0, moved) || there.is_some_and(|there| there != moved && within(from.0, there)) {
            return fail(op, FsErrorKind::InvalidInput);
        }
        self.room(&mut real, op)?;
        let now = real.stamp_ns();
        match (how, there) {
            (Rename::NoReplace, Some(there)) if there != moved => return fail(op, FsErrorKind::Exists),
            (Rename::Exchange, None) => return fail(op, FsErrorKind::NotFound),
            (Rename::Exchange, Some(there)) if there != moved => {
                let disk = &mut real.disks[self.side as usize];
                let place = disk.node(moved).place.clone();
                let there_place = disk.node(there).place.clone();
                disk.detach(moved, now);
                disk.detach(there, now);
                if let (Some((dir, name)), Some((there_dir, there_name))) = (place, there_place) {
                    disk.attach(there_dir, &there_name, moved, now);
                    disk.attach(dir, &name, there, now);
                }
                disk.step();
                self.report(&mut real, there, Hint::Moved);
            }
            _ => {
                let left = real.share_path(self.side, moved);
                let disk = &mut real.disks[self.side as usize];
                disk.relocate(moved, to.0, to_name.as_bytes(), now);
                disk.step();
                if let Some(path) = left {
                    real.tell(|| format!("  {:?} causeway takes {}", self.side, String::from_utf8_lossy(&path)));
                    let is_directory = real.disks[self.side as usize].children(moved).is_some();
                    match real.share_path(self.side, moved).filter(|_| is_directory) {
                        Some(to) => real.renamed(self.side, &path, &to, true),
                        None => real.changed(self.side, &path, Hint::Moved, true),
                    }
                }
            }
        }
        self.report(&mut real, moved, Hint::Moved);
        Ok(())
    }

    fn remove_file(&self, dir: &SimDir, name: &Name) -> Result<()> {
        let op = "remove the file";
        let mut real = self.enter(op)?;
        let ino = self.find(&real, op, dir, name)?;
        if real.disks[self.side as usize].children(ino).is_some() {
            return fail(op, FsErrorKind::NotAFile);
        }
        self.report(&mut real, ino, Hint::Removed);
        let now = real.stamp_ns();
        real.disks[self.side as usize].detach(ino, now);
        real.disks[self.side as usize].step();
        Ok(())
    }

    fn remove_dir(&self, dir: &SimDir, name: &Name) -> Result<()> {
        let op = "remove the directory";
        let mut real = self.enter(op)?;
        let ino = self.find(&real, op, dir, name)?;
        match real.disks[self.side as usize].children(ino) {
            None => return fail(op, FsErrorKind::NotADirectory),
            Some(names) if !names.is_empty() => return fail(op, FsErrorKind::NotEmpty),
            Some(_) => {}
        }
        self.report(&mut real, ino, Hint::Removed);
        let now = real.stamp_ns();
        real.disks[self.side as usize].detach(ino, now);
        real.disks[self.side as usize].step();
        Ok(())
    }

    fn set_executable(&self, file: &SimFile, executable: bool) -> Result<()> {
        let mut real = self.enter("set the executable bit")?;
        let now = real.stamp_ns();
        let node = real.disks[self.side as usize].node_mut(file.ino);
        node.executable = executable;
        node.ctime_ns = now;
        real.disks[self.side as usize].step();
        self.report(&mut real, file.ino, Hint::Attributes);
        Ok(())
    }

    fn inherit(&self, _: &SimFile, _: &Stat) -> Result<()> {
        self.enter("set the owner").map(|_| ())
    }

    fn set_file_mtime(&self, file: &SimFile, mtime_ns: i64) -> Result<()> {
        let mut real = self.enter("set the time")?;
        let now = real.stamp_ns();
        let node = real.disks[self.side as usize].node_mut(file.ino);
        node.mtime_ns = mtime_ns;
        node.ctime_ns = now;
        real.disks[self.side as usize].step();
        self.report(&mut real, file.ino, Hint::Attributes);
        Ok(())
    }

    fn set_mtime(&self, dir: &SimDir, name: &Name, mtime_ns: i64) -> Result<()> {
        let op = "set the time";
        let mut real = self.enter(op)?;
        let ino = self.find(&real, op, dir, name)?;
        let now = real.stamp_ns();
        let node = real.disks[self.side as usize].node_mut(ino);
        node.mtime_ns = mtime_ns;
        node.ctime_ns = now;
        real.disks[self.side as usize].step();
        self.report(&mut real, ino, Hint::Attributes);
        Ok(())
    }

    fn set_len(&self, file: &SimFile, bytes: u64) -> Result<()> {
        self.rewrite("set the length", file.ino, |content| content.resize(bytes as usize, 0))
    }

    fn next_data(&self, file: &SimFile, offset: u64) -> Result<Option<Range<u64>>> {
        let real = self.enter("find data")?;
        let size = real.disks[self.side as usize].content(file.ino).map_or(0, |content| content.len() as u64);
        Ok((offset < size).then_some(offset..size))
    }

    fn copy_range(&self, from: &SimFile, from_range: Range<u64>, to: &SimFile, to_offset: u64) -> Result<u64> {
        let op = "copy";
        let part = {
            let real = self.enter(op)?;
            let content = real.disks[self.side as usize].content(from.ino).cloned().unwrap_or_default();
            let end = (from_range.end as usize).min(content.len());
            content.get(from_range.start as usize..end).unwrap_or_default().to_vec()
        };
        let at = to_offset as usize;
        self.rewrite(op, to.ino, |content| {
            content.resize(content.len().max(at + part.len()), 0);
            content[at..at + part.len()].copy_from_slice(&part);
        })?;
        Ok(part.len() as u64)
    }

    fn sync_file(&self, file: &SimFile) -> Result<()> {
        let mut real = self.enter("make the file durable")?;
        real.disks[self.side as usize].sync_content(file.ino);
        Ok(())
    }

    fn sync_dir(&self, _: &SimDir) -> Result<()> {
        let mut real = self.enter("make the names durable")?;
        real.disks[self.side as usize].sync_names();
        Ok(())
    }

    fn sync_fs(&self) -> Result<()> {
        let mut real = self.enter("make everything durable")?;
        real.disks[self.side as usize].sync_all();
        Ok(())
    }

    fn space(&self) -> Result<Space> {
        Ok(Space { free_bytes: 1 << 40, total_bytes: 1 << 41, free_inodes: u64::MAX })
    }
}

fn to_io(error: FsError) -> io::Error {
    match error.kind {
        FsErrorKind::NoSpace => io::Error::from(io::ErrorKind::StorageFull),
        _ => error.source,
    }
}

impl Read for SimFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let real = self.fs.enter("read").map_err(to_io)?;
        let content = real.disks[self.fs.side as usize].content(self.ino).cloned().unwrap_or_default();
        let rest = content.get(self.at as usize..).unwrap_or_default();
        let bytes = rest.len().min(into.len());
        into[..bytes].copy_from_slice(&rest[..bytes]);
        self.at += bytes as u64;
        Ok(bytes)
    }
}

impl Write for SimFile {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let at = self.at as usize;
        let written = self.fs.rewrite("write", self.ino, |content| {
            content.resize(content.len().max(at + from.len()), 0);
            content[at..at + from.len()].copy_from_slice(from);
        });
        written.map_err(to_io)?;
        self.at += from.len() as u64;
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for SimFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let real = self.fs.ground.lock();
        let size = real.disks[self.fs.side as usize].content(self.ino).map_or(0, |content| content.len() as i64);
        let at = match to {
            SeekFrom::Start(at) => at as i64,
            SeekFrom::Current(by) => self.at as i64 + by,
            SeekFrom::End(by) => size + by,
        };
        self.at = u64::try_from(at).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

impl Real {
    /// What others do between two calls of an endpoint.
    fn interleave(&mut self, side: Side) {
        self.now_us += 1 + self.random.below(20) as u64;
        if let Some(calls) = &mut self.ends_in[side as usize] {
            if *calls == 0 {
                self.ends_in[side as usize] = None;
                self.dead[side as usize] = true;
                self.tell(|| format!("{side:?} process ends"));
            } else {
                *calls -= 1;
            }
        }
        if !self.racing || !self.random.one_in(self.faults.race_one_in) {
            return;
        }
        if self.random.one_in(3) && !self.pending.is_empty() {
            self.end_write();
        } else if self.edits_left > 0 {
            self.edits_left -= 1;
            let at = if self.random.one_in(4) { side.other() } else { side };
            self.tell(|| "(between two calls)".to_owned());
            self.user_edit(at);
        }
    }

    /// What Causeway makes visible must be something that a user left.
    fn check_visible(&mut self, side: Side, ino: Ino, path: &[u8]) {
        match &self.disks[side as usize].node(ino).body {
            Body::File(content) => {
                let content = content.clone();
                if !content.is_empty() && !self.history.states.contains(&content) {
                    let shown = String::from_utf8_lossy(path).into_owned();
                    let head = crate::users::brief(&content);
                    self.violate(format!("{side:?} {shown} shows {head}, which no user wrote"));
                }
            }
            Body::Directory(names) => {
                let below: Vec<_> = names.values().cloned().collect();
                for (name, ino) in below {
                    self.check_visible(side, ino, &[path, b"/", &name].concat());
                }
            }
            Body::Symlink(_) => {}
        }
    }
}
