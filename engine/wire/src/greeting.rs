//! How a connection begins.
//!
//! Both peers send eight bytes at once: [`MAGIC`] and their version. Only when the versions are the same is there a common
//! language; so a peer of another version is named as such by both, and no secret is told to a stranger. Then the agent, which
//! dialled, says [`Dial`] and the engine answers [`Admission`].
//!
//! ```text
//! agent                               engine
//!   magic, version  ──────►  ◄──────  magic, version
//!   Dial            ──────►
//!                            ◄──────  Admission
//! ```

use std::fmt;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use causeway_sync::Lane;
use causeway_sync::plan::BULK_LANES;

use crate::agent::ShareId;
use crate::channel::ChannelId;
use crate::frame::{self, FrameError, FrameWriter, Malformed, Message};

/// First bytes of every connection.
pub const MAGIC: [u8; 6] = *b"CAUSEW";
/// Version of the protocol. Grows with every change of a message: engine and agent come from the same build, so nothing is
/// negotiated.
pub const VERSION: u16 = 7;
/// Length of a [`Secret`], in bytes.
pub const SECRET_BYTES: usize = 32;
/// Longest body of a greeting's frame, in bytes.
const GREETING_BYTES_MAX: usize = 256;

/// Why a connection didn't come about.
#[derive(Debug, thiserror::Error)]
pub enum GreetingError {
    /// The stream failed or broke, or the peer sent something else than a greeting's message.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The peer went away, or took too long.
    #[error("the other end closed the connection before it had introduced itself")]
    Closed,
    /// The peer speaks something else.
    #[error("the other end isn't Causeway")]
    NotCauseway,
    /// The peer is of another version.
    #[error("the other end speaks version {theirs} of the protocol, this one version {ours}")]
    Version {
        /// The peer's.
        theirs: u16,
        /// [`VERSION`].
        ours: u16,
    },
    /// The agent doesn't know the secret.
    #[error("the other end doesn't know the secret of this machine")]
    WrongSecret,
    /// The engine refused.
    #[error("the engine refused the connection: {0}")]
    Refused(Refusal),
}

/// Why an engine refuses a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The secret is wrong.
    #[error("the secret is wrong")]
    WrongSecret,
    /// Nobody waits for this connection: an older attempt's, or one too many.
    #[error("it was not expected")]
    Unexpected,
}

/// What the agent proves itself by: random, made by the engine for each start of an agent, told by an inherited descriptor.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secret(pub [u8; SECRET_BYTES]);

impl PartialEq for Secret {
    /// In a time that doesn't depend on where the two differ.
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq::constant_time_eq_32(&self.0, &other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What the agent says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dial {
    /// Proves that the engine started it.
    pub secret: Secret,
    /// Random number of this run of the agent: connections of one run belong together.
    pub boot: BootId,
    /// Its process id, as it sees it itself.
    pub pid: u32,
    /// What the connection is for.
    pub purpose: Purpose,
}

/// Random number of a run of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BootId(pub [u8; 16]);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// [`crate::agent`].
    Agent,
    /// [`crate::share`].
    Share {
        /// Which.
        share: ShareId,
        /// The number that the engine gave in [`DialStreams`](crate::agent::AgentRequest::DialStreams).
        session: u64,
    },
    /// [`crate::lane`].
    Lane {
        /// Of which share.
        share: ShareId,
        /// The number that the engine gave.
        session: u64,
        /// Which.
        lane: Lane,
    },
    /// [`crate::channel`].
    Channel(ChannelId),
}

/// What the engine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Admission {
    /// The connection is what it was dialled for, from here on.
    Welcome,
    /// It isn't, and is closed.
    Refused(Refusal),
}

impl Message for Dial {
    fn check(&self) -> Result<(), Malformed> {
        match self.purpose {
            Purpose::Lane { lane: Lane::Bulk(number), .. } if number >= BULK_LANES => {
                Err(Malformed::OutOfRange("the number of a lane"))
            }
            _ => Ok(()),
        }
    }
}

impl Message for Admission {
    fn check(&self) -> Result<(), Malformed> {
        Ok(())
    }
}

/// Sends the own version and checks the peer's. The caller has set time limits on the stream.
fn exchange_versions<S: Read + Write>(stream: &mut S) -> Result<(), GreetingError> {
    let mut ours = [0; 8];
    ours[..6].copy_from_slice(&MAGIC);
    ours[6..].copy_from_slice(&VERSION.to_le_bytes());
    stream.write_all(&ours).and_then(|()| stream.flush()).map_err(FrameError::Io)?;

    let mut theirs = [0; 8];
    stream.read_exact(&mut theirs).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => GreetingError::Closed,
        _ => FrameError::Io(e).into(),
    })?;
    if theirs[..6] != MAGIC {
        return Err(GreetingError::NotCauseway);
    }
    match u16::from_le_bytes([theirs[6], theirs[7]]) {
        VERSION => Ok(()),
        theirs => Err(GreetingError::Version { theirs, ours: VERSION }),
    }
}

/// The agent's part. The caller has set time limits on the stream, and takes them off afterwards.
pub fn dial<S: Read + Write>(mut stream: S, dial: &Dial) -> Result<(), GreetingError> {
    exchange_versions(&mut stream)?;
    FrameWriter::new(&mut stream).send(dial)?;
    match frame::read_single(&mut stream, GREETING_BYTES_MAX)?.ok_or(GreetingError::Closed)? {
        Admission::Welcome => Ok(()),
        Admission::Refused(Refusal::WrongSecret) => Err(GreetingError::WrongSecret),
        Admission::Refused(refusal) => Err(GreetingError::Refused(refusal)),
    }
}

/// The engine's part, up to the answer, which [`admit`] gives. A wrong secret is answered here. The caller has set time limits.
pub fn receive<S: Read + Write>(mut stream: S, secret: &Secret) -> Result<Dial, GreetingError> {
    exchange_versions(&mut stream)?;
    let dial: Dial = frame::read_single(&mut stream, GREETING_BYTES_MAX)?.ok_or(GreetingError::Closed)?;
    if dial.secret != *secret {
        FrameWriter::new(&mut stream).send(&Admission::Refused(Refusal::WrongSecret))?;
        return Err(GreetingError::WrongSecret);
    }
    Ok(dial)
}

/// Answers a connection that was received.
pub fn admit<S: Write>(stream: S, admission: Admission) -> Result<(), GreetingError> {
    Ok(FrameWriter::new(stream).send(&admission)?)
}
