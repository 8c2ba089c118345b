//! A bare copy of a tree: what no program can do without that copies as safely as a share does, and nothing else. Both ends hash each
//! file, one to tell its content, one to verify it; a file is looked at again after it was read; the copy gets modes and times, is made
//! durable, and only then stands in its place. There is no index, no watcher, no decision. Two threads read and two write, paired by
//! sockets.

use std::fs;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT};

use crate::limits::ms_since;

/// Readers, and as many writers.
const THREADS: usize = 2;
const BUFFER_BYTES: usize = 256 << 10;

/// What is said before each directory's files.
const DIRECTORY: u8 = 0;
const FILE: u8 = 1;

/// Copies a tree of directories and files; `to` is made. Gives how long it took, in milliseconds.
pub fn copy(from: &Path, to: &Path) -> Result<f64> {
    let begun = Instant::now();
    let aside = to.with_extension("aside");
    fs::create_dir_all(&aside)?;
    let left = Left::default();
    std::thread::scope(|scope| -> Result<()> {
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            let (sends, receives) = UnixStream::pair()?;
            let (left, aside) = (&left, &aside);
            threads.push(scope.spawn(move || read(from, left, sends)));
            threads.push(scope.spawn(move || write(aside, receives)));
        }
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
    })?;
    rustix::fs::syncfs(fs::File::open(&aside)?)?;
    fs::rename(&aside, to)?;
    Ok(ms_since(begun))
}

/// Directories that nobody has read yet, and how many are being read.
struct Left {
    state: Mutex<(Vec<Vec<u8>>, usize)>,
    changed: Condvar,
}

impl Default for Left {
    fn default() -> Self {
        Self { state: Mutex::new((vec![b".".to_vec()], 0)), changed: Condvar::new() }
    }
}

impl Left {
    /// The next; `None` once no more can come.
    fn take(&self) -> Option<Vec<u8>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(directory) = state.0.pop() {
                state.1 += 1;
                return Some(directory);
            }
            if state.1 == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn add(&self, found: Vec<Vec<u8>>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.extend(found);
        state.1 -= 1;
        drop(state);
        self.changed.notify_all();
    }
}

fn read(from: &Path, left: &Left, to: UnixStream) -> Result<()> {
    let root = fs::File::open(from)?;
    let mut to = BufWriter::with_capacity(BUFFER_BYTES, to);
    let mut content = Vec::new();
    while let Some(path) = left.take() {
        let told = read_directory(&root, &path, &mut content, &mut to);
        // The other readers wait for what this one finds, also when it gives up.
        let (found, told) = told.map_or_else(|error| (Vec::new(), Err(error)), |found| (found, Ok(())));
        left.add(found);
        told?;
    }
    Ok(to.flush()?)
}

/// Tells a directory and its files; gives the directories in it.
fn read_directory(root: &fs::File, path: &[u8], content: &mut Vec<u8>, to: &mut impl Write) -> Result<Vec<Vec<u8>>> {
    let directory = rustix::fs::openat(root, path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    to.write_all(&[DIRECTORY])?;
    write_bytes(to, path)?;
    let mut below = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        match entry.file_type() {
            FileType::Directory if name != b"." && name != b".." => below.push([path, b"/", name].concat()),
            FileType::RegularFile => read_file(&directory, name, content, to)?,
            _ => {}
        }
    }
    Ok(below)
}

fn read_file(directory: &OwnedFd, name: &[u8], content: &mut Vec<u8>, to: &mut impl Write) -> Result<()> {
    let mut file = fs::File::from(rustix::fs::openat(directory, name, OFlags::CLOEXEC, Mode::empty())?);
    let before = rustix::fs::fstat(&file)?;
    content.clear();
    file.read_to_end(content)?;
    let after = rustix::fs::fstat(&file)?;
    let times = |stat: &rustix::fs::Stat| (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
    ensure!(times(&before) == times(&after), "a file was changed while it was read");
    to.write_all(&[FILE])?;
    write_bytes(to, name)?;
    to.write_all(&before.st_mode.to_le_bytes())?;
    to.write_all(&before.st_mtime.to_le_bytes())?;
    to.write_all(&(before.st_mtime_nsec as i64).to_le_bytes())?;
    to.write_all(blake3::hash(content).as_bytes())?;
    Ok(write_bytes(to, content)?)
}

fn write(root: &Path, from: UnixStream) -> Result<()> {
    let mut from = BufReader::with_capacity(BUFFER_BYTES, from);
    let (mut name, mut content) = (Vec::new(), Vec::new());
    let mut directory = OwnedFd::from(fs::File::open(root)?);
    loop {
        match read_array(&mut from) {
            Ok([DIRECTORY]) => {
                read_bytes(&mut from, &mut name)?;
                let path = root.join(std::str::from_utf8(&name)?);
                // The one that holds it may be on its way to the other writer.
                fs::create_dir_all(&path)?;
                directory = OwnedFd::from(fs::File::open(&path)?);
            }
            Ok(_) => write_file(&directory, &mut from, &mut name, &mut content)?,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_file(directory: &OwnedFd, from: &mut impl Read, name: &mut Vec<u8>, content: &mut Vec<u8>) -> Result<()> {
    read_bytes(from, name)?;
    let mode = Mode::from_raw_mode(u32::from_le_bytes(read_array(from)?));
    let (tv_sec, tv_nsec) = (i64::from_le_bytes(read_array(from)?), i64::from_le_bytes(read_array(from)?));
    let digest: [u8; 32] = read_array(from)?;
    read_bytes(from, content)?;
    ensure!(*blake3::hash(content).as_bytes() == digest, "content came broken");
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let mut file = fs::File::from(rustix::fs::openat(directory, &name[..], flags, mode)?);
    file.write_all(content)?;
    let last_modification = Timespec { tv_sec, tv_nsec };
    let times = Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification };
    rustix::fs::futimens(&file, &times)?;
    // What an index would remember of it.
    rustix::fs::statat(directory, &name[..], AtFlags::SYMLINK_NOFOLLOW).context("what was written is gone")?;
    Ok(())
}

fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(bytes)
}

fn read_bytes(from: &mut impl Read, into: &mut Vec<u8>) -> io::Result<()> {
    let length = u64::from_le_bytes(read_array(from)?);
    into.clear();
    from.take(length).read_to_end(into)?;
    Ok(())
}

fn read_array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}
