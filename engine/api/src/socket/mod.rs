//! The local socket between the engine and its clients, which only the same user can reach.
//!
//! On Unix it is a socket of mode 0600 in a directory of mode 0700, and both ends ask the system who the other is:
//! whoever has another user id is turned away. On Windows it is a named pipe whose access list holds its owner alone;
//! a client there can't tell whether another user made the pipe first.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use self::unix::{ClientStream, Listener, ServerStream};
#[cfg(windows)]
pub use self::windows::{ClientStream, Listener, ServerStream};

use std::{io, path::Path};

use crate::home::Home;

/// Connects to the engine of `home`.
///
/// The error is of the kind `NotFound` or `ConnectionRefused` where no engine runs, and `PermissionDenied` where what
/// listens there is another user's.
pub async fn connect(home: &Home) -> io::Result<ClientStream> {
    let address = home.engine_socket();
    #[cfg(unix)]
    return unix::connect(&address).await;
    #[cfg(windows)]
    return windows::connect(&address).await;
}

/// Listens for clients of `home`. The caller holds its [`EngineLock`](crate::lock::EngineLock): a socket that stands
/// there is one that an engine left when it was killed, and is replaced.
pub fn listen(home: &Home) -> io::Result<Listener> {
    listen_at(&home.engine_socket())
}

fn listen_at(address: &Path) -> io::Result<Listener> {
    #[cfg(unix)]
    return unix::listen(address);
    #[cfg(windows)]
    return windows::listen(address);
}
