//! Connections to the engine: the agent dials all of them.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use causeway_wire::Stream;
use causeway_wire::frame::FrameError;
use causeway_wire::greeting::{self, BootId, Dial, GreetingError, Purpose, Secret};

/// How long the engine may take for each step of a greeting.
const GREETING_LIMIT: Duration = Duration::from_secs(5);
/// How long the engine may take none of what is sent before the connection counts as broken.
const STALL_LIMIT: Duration = Duration::from_secs(30);

/// Reaches the engine.
pub trait Connect: Send + Sync {
    /// A new stream.
    fn connect(&self) -> io::Result<Box<dyn Stream>>;
    /// Whether the engine is outside of a VM that this agent has for itself.
    fn is_from_vm(&self) -> bool;
}

/// A Unix socket of the engine's.
pub struct UnixSocket(pub PathBuf);

impl Connect for UnixSocket {
    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(std::os::unix::net::UnixStream::connect(&self.0)?))
    }

    fn is_from_vm(&self) -> bool {
        false
    }
}

/// A port of the host of this VM.
#[cfg(target_os = "linux")]
pub struct Vsock(pub u32);

#[cfg(target_os = "linux")]
impl Connect for Vsock {
    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = vsock::VsockStream::connect_with_cid_port(vsock::VMADDR_CID_HOST, self.0)?;
        Ok(Box::new(crate::parcels::Parcels(stream)))
    }

    fn is_from_vm(&self) -> bool {
        true
    }
}

/// Dials connections for one run of the agent.
pub struct Dialler {
    connect: Box<dyn Connect>,
    secret: Secret,
    boot: BootId,
}

impl Dialler {
    /// Knows the engine's secret; has a random number for this run.
    pub fn new(connect: Box<dyn Connect>, secret: Secret) -> io::Result<Self> {
        let mut boot = [0; 16];
        getrandom::fill(&mut boot)?;
        Ok(Self { connect, secret, boot: BootId(boot) })
    }

    /// Whether this agent has a VM for itself: its clock and its containers are the agent's to look after.
    pub fn is_in_vm(&self) -> bool {
        self.connect.is_from_vm()
    }

    /// Dials, and waits to be admitted. Reads of the stream wait for ever, writes for a bounded time.
    pub fn dial(&self, purpose: Purpose) -> Result<Box<dyn Stream>, GreetingError> {
        let mut stream = self.connect.connect().map_err(FrameError::Io)?;
        let limit = |limit| stream.set_read_timeout(limit).and_then(|()| stream.set_write_timeout(limit));
        limit(Some(GREETING_LIMIT)).map_err(FrameError::Io)?;
        let dial = Dial { secret: self.secret.clone(), boot: self.boot, pid: std::process::id(), purpose };
        greeting::dial(&mut stream, &dial)?;
        stream.set_read_timeout(None).map_err(FrameError::Io)?;
        stream.set_write_timeout(Some(STALL_LIMIT)).map_err(FrameError::Io)?;
        Ok(stream)
    }
}
