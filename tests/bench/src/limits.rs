//! Physical limits: the least that the same work can cost on this machine, measured in the same run.

use std::fs;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

/// Milliseconds since.
pub fn ms_since(begun: Instant) -> f64 {
    ms(begun.elapsed())
}

/// As milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Runs a command that has to succeed; gives how long it took, in milliseconds.
pub fn timed(command: &mut Command) -> Result<f64> {
    let begun = Instant::now();
    let status = command.stdout(Stdio::null()).status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(ms_since(begun))
}

/// `tar -C from -c . | tar -C to -x`; `to` is made.
pub fn tar_pipe(from: &Path, to: &Path) -> Result<f64> {
    fs::create_dir_all(to)?;
    let begun = Instant::now();
    let mut read = Command::new("tar").arg("-C").arg(from).args(["-c", "."]).stdout(Stdio::piped()).spawn()?;
    let sent = read.stdout.take().context("it was piped")?;
    let wrote = Command::new("tar").arg("-C").arg(to).arg("-x").stdin(sent).status()?;
    if !(read.wait()?.success() && wrote.success()) {
        bail!("tar failed");
    }
    Ok(ms_since(begun))
}

/// The same for some files of a tree.
pub fn tar_files(from: &Path, to: &Path, files: &[PathBuf]) -> Result<f64> {
    let list = to.with_extension("list");
    let names: Vec<u8> = files.iter().flat_map(|f| [f.as_os_str().as_encoded_bytes(), b"\n"].concat()).collect();
    fs::write(&list, names)?;
    let begun = Instant::now();
    let mut tar = Command::new("tar");
    let mut read = tar.arg("-C").arg(from).arg("-c").arg("-T").arg(&list).stdout(Stdio::piped()).spawn()?;
    let sent = read.stdout.take().context("it was piped")?;
    let wrote = Command::new("tar").arg("-C").arg(to).arg("-x").stdin(sent).status()?;
    if !(read.wait()?.success() && wrote.success()) {
        bail!("tar failed");
    }
    Ok(ms_since(begun))
}

/// `find -printf` over a folder, with what a comparison needs.
pub fn find(folder: &Path) -> Result<f64> {
    timed(Command::new("find").arg(folder).args(["-printf", "%p %s %T@ %C@ %i %m\n"]))
}

/// A bare loop that copies each file of one directory to another when it was written: inotify, read, write beside, `fdatasync` where the copy
/// is to be durable before it is seen, rename.
pub struct CopyLoop {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl CopyLoop {
    /// Starts to copy from one directory to the other.
    pub fn start(from: &Path, to: &Path, durable: bool) -> Result<Self> {
        let events = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&events, from, inotify::WatchFlags::CLOSE_WRITE)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (ended, from, to) = (Arc::clone(&stop), from.to_owned(), to.to_owned());
        let thread = std::thread::spawn(move || {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            while !ended.load(Ordering::Relaxed) {
                let wait = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
                let _ = poll(&mut [PollFd::new(&events, PollFlags::IN)], Some(&wait));
                let mut reader = inotify::Reader::new(&events, &mut buffer);
                while let Ok(event) = reader.next() {
                    if let Some(name) = event.file_name().and_then(|name| name.to_str().ok()) {
                        // What vanished meanwhile comes again with its next event.
                        let _ = copy(&from.join(name), &to.join(name), durable);
                    }
                }
            }
        });
        Ok(Self { stop, thread: Some(thread) })
    }
}

fn copy(from: &Path, to: &Path, durable: bool) -> std::io::Result<()> {
    let aside = to.with_extension("aside");
    let content = fs::read(from)?;
    let mut file = fs::File::create(&aside)?;
    file.write_all(&content)?;
    if durable {
        file.sync_data()?;
    }
    drop(file);
    fs::rename(&aside, to)
}

impl Drop for CopyLoop {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
