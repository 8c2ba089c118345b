//! Channels: streams between the host and something inside the machine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use causeway_wire::agent::{Failure, FailureKind};
use causeway_wire::channel::{self, ChannelId, End, Halves, Target};
use causeway_wire::greeting::{GreetingError, Purpose};

use crate::datagrams::Datagrams;
use crate::dial::Dialler;
#[cfg(target_os = "linux")]
use crate::shell;

/// Docker's socket in the VM.
const DOCKER_SOCKET: &str = "/run/docker.sock";
/// How long what a channel leads to may take to answer.
const REACH_LIMIT: Duration = Duration::from_secs(5);

/// Stack of a channel's thread: its buffer is on the heap, and there may be hundreds.
const STACK_BYTES: usize = 128 * 1024;

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// This machine has no containers of its own.
    #[error("{0} isn't inside this machine")]
    NotHere(Target),
    /// What it leads to can't be reached.
    #[error("{to} can't be reached: {source}")]
    Unreached {
        /// What.
        to: Target,
        /// What the system said.
        source: io::Error,
    },
    /// The connection for it.
    #[error("the channel's connection: {0}")]
    Dial(#[from] GreetingError),
    /// Threads or descriptors have run out.
    #[error("the system: {0}")]
    System(#[from] io::Error),
}

impl From<ChannelError> for Failure {
    fn from(error: ChannelError) -> Self {
        let kind = match &error {
            ChannelError::NotHere(_) => FailureKind::Unsupported,
            ChannelError::Unreached { .. } => FailureKind::NotFound,
            _ => FailureKind::Io,
        };
        Self::new(kind, error)
    }
}

/// Reaches a target, dials the connection for a channel to it, and relays both ways on threads of their own.
pub fn open(channel: ChannelId, to: Target, dialler: &Dialler) -> Result<(), ChannelError> {
    if !dialler.is_in_vm() {
        return Err(ChannelError::NotHere(to));
    }
    let unreached = |source| ChannelError::Unreached { to, source };
    match to {
        Target::Docker => start(UnixStream::connect(DOCKER_SOCKET).map_err(unreached)?, channel, dialler),
        Target::Tcp(port) => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let stream = TcpStream::connect_timeout(&address, REACH_LIMIT).map_err(unreached)?;
            stream.set_nodelay(true)?;
            start(stream, channel, dialler)
        }
        Target::Udp(port) => start(Datagrams::to_loopback(port).map_err(unreached)?, channel, dialler),
        #[cfg(not(target_os = "linux"))]
        Target::Shell => Err(ChannelError::NotHere(to)),
        #[cfg(target_os = "linux")]
        Target::Shell => {
            let connection = dialler.dial(Purpose::Channel(channel))?;
            // A person may look at nothing for long, and so take nothing of what is sent.
            connection.set_write_timeout(None)?;
            thread().spawn(move || {
                if let Err(error) = shell::serve(connection) {
                    tracing::debug!(%error, "a shell's connection ended early");
                }
            })?;
            Ok(())
        }
    }
}

fn thread() -> std::thread::Builder {
    std::thread::Builder::new().name("channel".to_owned()).stack_size(STACK_BYTES)
}

fn start(end: impl End, channel: ChannelId, dialler: &Dialler) -> Result<(), ChannelError> {
    let connection = dialler.dial(Purpose::Channel(channel))?;
    // Whoever is at the other end may take nothing for long: that is flow control, not a fault.
    connection.set_write_timeout(None)?;
    let (end_again, connection_again) = (end.try_clone()?, connection.try_clone()?);
    let halves = Halves::default();
    let also = halves.clone();
    thread().spawn(move || channel::carry_out(end_again, connection_again, &also))?;
    thread().spawn(move || channel::carry_in(end, connection, &halves))?;
    Ok(())
}
