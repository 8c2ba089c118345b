//! The agent's control connection.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causeway_sync::Lane;
use causeway_wire::agent::{
    AgentAnswer, AgentCall, AgentInfo, AgentReply, AgentRequest, Failure, Lanes, ShareId, ShareSettings,
};
use causeway_wire::channel::{ChannelId, Target};
use causeway_wire::greeting::BootId;
use causeway_wire::{FrameReader, FrameWriter, Stream};

use super::loss::{Ending, Loss, OnLoss};
use super::pending::Pending;

/// Most requests that wait for an answer; more are refused as if the agent were gone.
const REQUESTS_MAX: usize = 1024;
/// How long the agent may take none of what is sent before it counts as gone.
const STALL_LIMIT: Duration = Duration::from_secs(30);

/// Why an agent didn't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It says why.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// It is gone.
    #[error("the agent is gone")]
    Gone,
    /// It hasn't answered in time.
    #[error("the agent did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

/// A share that an agent has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Absolute path of the directory that containers mount, in the machine.
    pub content: PathBuf,
    /// Whether its index was missing or damaged, and begins anew.
    pub rebuilt: bool,
}

/// The agent's control connection. Dropping it closes it, upon which the agent closes its shares.
pub struct AgentLink {
    shared: Arc<Shared>,
    boot: BootId,
    pid: u32,
}

struct Shared {
    writer: Mutex<FrameWriter<Box<dyn Stream>>>,
    pending: Pending<mpsc::Sender<AgentReply>>,
    ending: Ending,
}

impl AgentLink {
    /// Takes over a connection that was greeted and admitted.
    pub(super) fn start(stream: Box<dyn Stream>, boot: BootId, pid: u32, on_loss: OnLoss) -> io::Result<Self> {
        stream.set_read_timeout(None)?;
        stream.set_write_timeout(Some(STALL_LIMIT))?;
        let reader = FrameReader::new(stream.try_clone()?);
        let ending = Ending::new(vec![stream.try_clone()?], on_loss);
        let writer = Mutex::new(FrameWriter::new(stream));
        let shared = Arc::new(Shared { writer, pending: Pending::new(REQUESTS_MAX), ending });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("agent-link".to_owned()).spawn(move || theirs.read(reader))?;
        Ok(Self { shared, boot, pid })
    }

    /// Which run of the agent this is.
    pub fn boot(&self) -> BootId {
        self.boot
    }

    /// The agent's process id, as it sees it itself.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the connection has ended.
    pub fn is_over(&self) -> bool {
        self.shared.ending.is_over()
    }

    /// Who the agent is.
    pub fn info(&self, limit: Duration) -> Result<AgentInfo, AgentError> {
        match self.ask(AgentRequest::Info, limit)? {
            AgentReply::Info(info) => Ok(info),
            _ => Err(self.misanswered()),
        }
    }

    /// Has a share opened, made where there is none; of an open one the rules are set.
    pub fn open_share(&self, settings: ShareSettings, limit: Duration) -> Result<Opened, AgentError> {
        match self.ask(AgentRequest::OpenShare(settings), limit)? {
            AgentReply::Opened { content, rebuilt } => Ok(Opened { content: path_of(content), rebuilt }),
            _ => Err(self.misanswered()),
        }
    }

    /// Has a share closed; its copy stays.
    pub fn close_share(&self, share: ShareId, limit: Duration) -> Result<(), AgentError> {
        self.done(AgentRequest::CloseShare(share), limit)
    }

    /// Has a share's copy deleted, with its index and its recycle bin. May take long where the copy is large.
    pub fn remove_share(&self, share: ShareId, limit: Duration) -> Result<(), AgentError> {
        self.done(AgentRequest::RemoveShare(share), limit)
    }

    /// Has the agent dial a share's connections. They arrive at the [`Door`](super::Door), which expects them already.
    pub fn dial(&self, share: ShareId, session: u64, lanes: &[Lane], limit: Duration) -> Result<(), AgentError> {
        self.done(AgentRequest::DialStreams { share, session, lanes: Lanes(lanes.to_vec()) }, limit)
    }

    /// Has the agent open a channel. Its connection arrives at the [`Door`](super::Door), which expects it already.
    pub fn open_channel(&self, channel: ChannelId, to: Target, limit: Duration) -> Result<(), AgentError> {
        self.done(AgentRequest::OpenChannel { channel, to }, limit)
    }

    /// Sets the guest's clock, in nanoseconds since 1970.
    pub fn set_clock(&self, unix_ns: u64, limit: Duration) -> Result<(), AgentError> {
        self.done(AgentRequest::SetClock(unix_ns), limit)
    }

    /// Whether the agent lives: it answers at once.
    pub fn ping(&self, limit: Duration) -> Result<(), AgentError> {
        match self.ask(AgentRequest::Ping, limit)? {
            AgentReply::Pong => Ok(()),
            _ => Err(self.misanswered()),
        }
    }

    /// Has the agent close all shares in good order and end.
    pub fn shutdown(&self, limit: Duration) -> Result<(), AgentError> {
        self.done(AgentRequest::Shutdown, limit)
    }

    fn done(&self, request: AgentRequest, limit: Duration) -> Result<(), AgentError> {
        match self.ask(request, limit)? {
            AgentReply::Done => Ok(()),
            _ => Err(self.misanswered()),
        }
    }

    fn ask(&self, request: AgentRequest, limit: Duration) -> Result<AgentReply, AgentError> {
        let (answer, answered) = mpsc::channel();
        let id = self.shared.pending.add(answer).ok_or(AgentError::Gone)?;
        let sent = self.writer().send(&AgentCall { id, request });
        if let Err(error) = sent {
            self.shared.lose(error.into());
            return Err(AgentError::Gone);
        }
        match answered.recv_timeout(limit) {
            Ok(AgentReply::Failed(failure)) => Err(failure.into()),
            Ok(reply) => Ok(reply),
            Err(RecvTimeoutError::Disconnected) => Err(AgentError::Gone),
            // The number stays known, so that a late answer is no fault.
            Err(RecvTimeoutError::Timeout) => Err(AgentError::TimedOut(limit)),
        }
    }

    fn misanswered(&self) -> AgentError {
        self.shared.lose(Loss::Violation("an answer that doesn't fit its request"));
        AgentError::Gone
    }

    fn writer(&self) -> std::sync::MutexGuard<'_, FrameWriter<Box<dyn Stream>>> {
        self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AgentLink {
    fn drop(&mut self) {
        self.shared.ending.close();
        self.shared.pending.close();
    }
}

impl Shared {
    fn read(&self, mut reader: FrameReader<Box<dyn Stream>>) {
        let loss = loop {
            match reader.read::<AgentAnswer>() {
                Ok(Some(AgentAnswer { id, reply })) => match self.pending.take(id) {
                    // Whoever asked may have given up.
                    Some(answer) => drop(answer.send(reply)),
                    None => break Loss::Violation("an answer to nothing that was asked"),
                },
                Ok(None) => break Loss::Closed,
                Err(error) => break error.into(),
            }
        };
        self.lose(loss);
    }

    fn lose(&self, loss: Loss) {
        self.pending.close();
        self.ending.lose(loss);
    }
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

/// A path inside a machine is shown, never opened, where the host isn't Unix.
#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}
