//! Unix sockets.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};

/// The engine's end of a connection.
pub type ServerStream = UnixStream;

/// The client's end of a connection.
pub type ClientStream = UnixStream;

/// Takes connections. Removes its socket when dropped.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

pub(super) fn listen(path: &Path) -> io::Result<Listener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    // Until this line the directory alone keeps others out.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(Listener { listener, path: path.to_owned() })
}

impl Listener {
    /// Waits for the next client of the same user. Loses none when dropped before it is ready.
    pub async fn accept(&mut self) -> io::Result<ServerStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            match same_user(&stream) {
                Ok(()) => return Ok(stream),
                Err(error) => tracing::warn!(%error, "turned a client away"),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Nothing depends on it: the next engine removes what it finds.
        let _ = fs::remove_file(&self.path);
    }
}

pub(super) async fn connect(path: &Path) -> io::Result<ClientStream> {
    let stream = UnixStream::connect(path).await?;
    same_user(&stream)?;
    Ok(stream)
}

/// Asks the system who is at the other end (`SO_PEERCRED` in unix(7), `getpeereid` on macOS).
fn same_user(stream: &UnixStream) -> io::Result<()> {
    let (theirs, ours) = (stream.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
    if theirs == ours {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("the other end belongs to the user with id {theirs}, this one to {ours}"),
    ))
}
