//! The engine's log: one JSON object a line in a file that rotates by size, and text on standard error where that is a terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_api::home::Home;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// A log file that has grown beyond this is put aside.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How many old files are kept.
const LOG_FILES_OLD_MAX: u32 = 4;

/// Starts logging for this process. `CAUSEWAY_LOG` filters as `tracing_subscriber::EnvFilter` describes; without it everything
/// from `info` on is written. Does nothing if the process logs already.
pub fn start(home: &Home) -> io::Result<()> {
    let file = RotatingFile::open(home.log_file(), LOG_BYTES_MAX)?;
    let filter = EnvFilter::try_from_env("CAUSEWAY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry()
        .with(filter)
        // A line that can't be written is lost: to say so on standard error, a file on the same full disk, would be a panic.
        .with(fmt::layer().json().with_writer(move || file.clone()).log_internal_errors(false))
        .with(io::stderr().is_terminal().then(|| fmt::layer().with_writer(io::stderr).log_internal_errors(false)));
    // An embedding program may have set up its own.
    let _ = registry.try_init();
    Ok(())
}

/// A file that is renamed away when it is full. Clones write to the same one.
#[derive(Clone)]
struct RotatingFile {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl RotatingFile {
    fn open(path: PathBuf, bytes_max: u64) -> io::Result<Self> {
        let file = append_to(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { inner: Arc::new(Mutex::new(Inner { path, file, bytes, bytes_max })) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

impl Inner {
    fn rotate(&mut self) -> io::Result<()> {
        for n in (1..LOG_FILES_OLD_MAX).rev() {
            let _ = std::fs::rename(self.old(n), self.old(n + 1));
        }
        std::fs::rename(&self.path, self.old(1))?;
        self.file = append_to(&self.path)?;
        self.bytes = 0;
        Ok(())
    }

    fn old(&self, n: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        name.into()
    }
}

impl Write for RotatingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut inner = self.inner();
        if inner.bytes > 0 && inner.bytes + line.len() as u64 > inner.bytes_max {
            // Where renaming fails the file grows on: a long log is better than none.
            let _ = inner.rotate();
        }
        inner.file.write_all(line)?;
        inner.bytes += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner().file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_are_put_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        let mut file = RotatingFile::open(path.clone(), 10).unwrap();
        for n in 0..8 {
            file.write_all(format!("line {n}\n").as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "line 7\n");
        assert_eq!(std::fs::read_to_string(dir.path().join("x.log.1")).unwrap(), "line 6\n");
        assert_eq!(std::fs::read_to_string(dir.path().join("x.log.4")).unwrap(), "line 3\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5);
    }
}
