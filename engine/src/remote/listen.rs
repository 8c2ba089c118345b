//! A Unix socket of the engine's, for connections that threads serve.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::door::Door;

/// Longest path of a socket, in bytes: `sun_path` of macOS without its NUL (sys/un.h); Linux takes 107.
const SOCKET_PATH_BYTES_MAX: usize = 103;
/// How long to wait after an accept that failed: descriptors may have run out.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Listens on a Unix socket of mode 0600. Dropping it ends that and removes the socket.
pub struct Listener {
    path: PathBuf,
    quit: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens at `path`, in a directory that only this user may enter. What an engine before left there is removed: the caller
    /// holds the lock that makes it the only one. What connects enters by a door.
    pub fn bind(path: &Path, door: Door) -> io::Result<Self> {
        Self::bind_for(path, move |stream| door.enter(Box::new(stream)))
    }

    /// The same, with `take` called for each connection. It must return at once.
    pub fn bind_for(path: &Path, take: impl Fn(UnixStream) + Send + 'static) -> io::Result<Self> {
        if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
            let message =
                format!("the path {} is too long for a socket ({SOCKET_PATH_BYTES_MAX} bytes at most)", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let quit = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&quit);
        let thread =
            std::thread::Builder::new().name("door".to_owned()).spawn(move || accept(&listener, &stop, &take))?;
        Ok(Self { path: path.to_owned(), quit, thread: Some(thread) })
    }
}

fn accept(listener: &UnixListener, quit: &AtomicBool, take: &dyn Fn(UnixStream)) {
    while !quit.load(Ordering::Acquire) {
        match listener.accept() {
            Ok(_) if quit.load(Ordering::Acquire) => return,
            Ok((stream, _)) => take(stream),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                std::thread::sleep(ACCEPT_AGAIN);
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.quit.store(true, Ordering::Release);
        // Wakes the thread. Where that isn't possible any more, the thread waits for nobody until the process ends.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let (true, Some(thread)) = (woken, self.thread.take()) {
            // It can't have panicked in a way that matters now.
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.path);
    }
}
