//! The guest's console: kept in a log, and read for how far the boot is and why it failed.
//!
//! The guest isn't trusted: what it prints is shown and nothing else.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use causeway_wire::boot::{FAILURE_MARK, STAGE_MARK};

use super::trace::Trace;

/// Longest line, in bytes; longer ones are cut in pieces.
const LINE_BYTES_MAX: u64 = 4096;
/// A log that is longer is renamed, and a new one begun.
const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Lines that are kept at hand, at most.
const TAIL_LINES_MAX: usize = 200;
/// What the kernel prints when it can't go on, and when memory has run out (linux/kernel/panic.c, linux/mm/oom_kill.c).
const PANIC: &str = "Kernel panic - not syncing: ";
const OUT_OF_MEMORY: &str = "Out of memory: Killed process ";

/// What the console has told since the VM was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What the guest is doing on its way up or down.
    pub stage: Option<String>,
    /// Why it can't go on.
    pub failure: Option<String>,
    /// Why the kernel ended a process.
    pub out_of_memory: Option<String>,
    /// What the kernel printed of its first fault.
    pub trace: Trace,
}

/// Listens for a hypervisor's console. Dropping it ends that and removes the socket.
pub struct Console {
    socket: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    told: Mutex<Told>,
    tail: Mutex<VecDeque<String>>,
    log: PathBuf,
    quit: AtomicBool,
    on_change: OnChange,
}

/// Called, without any lock held, with what the console has told, when that is something else.
pub type OnChange = Box<dyn Fn(&Told) + Send + Sync>;

impl Console {
    /// Listens at `socket`, in a directory that only this user may enter, and appends what the guest prints to `log`.
    pub fn listen(socket: &Path, log: PathBuf, on_change: OnChange) -> io::Result<Self> {
        match std::fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(socket)?;
        let (told, tail) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { told, tail, log, quit: AtomicBool::new(false), on_change });
        let theirs = Arc::clone(&shared);
        let serve = move || {
            for stream in listener.incoming() {
                if theirs.quit.load(Ordering::Acquire) {
                    return;
                }
                // One VM at a time; the next connects when this one's console is closed.
                if let Err(error) = stream.and_then(|stream| theirs.read(stream)) {
                    tracing::warn!(%error, "the console can't be read");
                }
            }
        };
        let thread = std::thread::Builder::new().name("console".to_owned()).spawn(serve)?;
        Ok(Self { socket: socket.to_owned(), shared, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// A VM is about to be started: what the one before told doesn't count any more.
    pub fn begin(&self) {
        *self.shared.told() = Told::default();
        self.shared.tail().clear();
    }

    /// The last lines that it printed.
    pub fn tail(&self) -> Vec<String> {
        self.shared.tail().iter().cloned().collect()
    }

    /// What it told.
    pub fn told(&self) -> Told {
        self.shared.told().clone()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.shared.quit.store(true, Ordering::Release);
        let woken = UnixStream::connect(&self.socket).is_ok();
        if let (true, Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tail(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, stream: UnixStream) -> io::Result<()> {
        let mut lines = BufReader::new(stream);
        let mut log = open_log(&self.log)?;
        let mut line = Vec::new();
        loop {
            line.clear();
            if (&mut lines).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let text = shown(&line);
            if text.is_empty() {
                continue;
            }
            // A log for which there is no room is no reason to end the VM.
            let _ = writeln!(log, "{text}");
            self.take(&text);
        }
    }

    fn take(&self, text: &str) {
        let mut tail = self.tail();
        if tail.len() == TAIL_LINES_MAX {
            tail.pop_front();
        }
        tail.push_back(text.to_owned());
        drop(tail);
        let mut told = self.told();
        let before = told.clone();
        if let Some(stage) = text.strip_prefix(STAGE_MARK) {
            told.stage = Some(stage.to_owned());
        } else if let Some(failure) = text.strip_prefix(FAILURE_MARK) {
            told.failure = Some(failure.to_owned());
        } else if let Some((_, panic)) = text.split_once(PANIC) {
            let cause = told.trace.cause().map(|cause| format!(" ({cause})")).unwrap_or_default();
            told.failure = Some(format!("the guest's kernel panicked: {panic}{cause}"));
            tracing::error!(panic, cause, "the guest's kernel panicked");
        } else if let Some((_, killed)) = text.split_once(OUT_OF_MEMORY) {
            told.out_of_memory = Some(killed.to_owned());
        }
        if told.trace.take(text) {
            // The console's log is the guest's, and may be long; what a fault is known by belongs to the engine's too.
            tracing::warn!("the guest's kernel: {text}");
        }
        let now = told.clone();
        drop(told);
        if now != before {
            (self.on_change)(&now);
        }
    }
}

/// A line without what would move a terminal's cursor or colour it.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' && characters.next_if_eq(&'[').is_some() {
            // A control sequence ends with a letter or the like (ECMA-48, 5.4).
            while characters.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {}
        } else if !character.is_control() || character == '\t' {
            shown.push(character);
        }
    }
    shown.trim_end().to_owned()
}

fn open_log(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX) {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn control_characters_are_left_out() {
        for (line, text) in [
            (&b"\x1b[33mWARN\x1b[0m[x] y\r\n"[..], "WARN[x] y"),
            (b"plain", "plain"),
            (b"\x1b[2J\x1b[1;1H", ""),
            (b"a\x07b\xff", "ab\u{fffd}"),
        ] {
            assert_eq!(shown(line), text);
        }
    }

    #[test]
    fn stages_failures_and_panics_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let (socket, log) = (dir.path().join("console"), dir.path().join("log"));
        let console = Console::listen(&socket, log.clone(), Box::new(|_| ())).unwrap();
        let mut vm = UnixStream::connect(&socket).unwrap();
        writeln!(vm, "\n{STAGE_MARK}loading\r\n[ 1.0] Oops: int3\n[ 1.0] RIP: 0010:there\n[ 1.0] {PANIC}no init")
            .unwrap();
        writeln!(vm, "[ 2.0] {OUT_OF_MEMORY}12 (node)").unwrap();
        drop(vm);
        let deadline = Instant::now() + Duration::from_secs(10);
        while console.told().out_of_memory.is_none() {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(5));
        }
        let told = console.told();
        assert_eq!(told.stage.as_deref(), Some("loading"));
        assert!(told.failure.unwrap().ends_with("panicked: no init (Oops: int3; RIP: 0010:there)"));
        assert_eq!(console.tail().len(), 5);
        console.begin();
        assert_eq!((console.told(), console.tail()), (Told::default(), Vec::new()));
        drop(console);
        assert!(!socket.exists() && log.exists());
    }
}
