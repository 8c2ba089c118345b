//! The agent's control connection: what the engine asks of the agent as a whole.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use causeway_wire::agent::{
    AgentAnswer, AgentCall, AgentInfo, AgentReply, AgentRequest, Failure, FailureKind, RequestId,
};
use causeway_wire::share::Space;
use causeway_wire::{FrameError, FrameReader, FrameWriter, Stream};

use crate::channel;
use crate::clock;
use crate::dial::Dialler;
use crate::shares::Shares;

/// Requests that are being carried out at once, at most. The engine has few shares; more is a fault of its.
const REQUESTS_MAX: usize = 64;

/// How the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The engine wants the agent to end.
    Asked,
    /// The engine closed it.
    Closed,
}

/// Carries out what the engine asks, until the connection ends or the engine wants the agent to end. Requests that take their
/// time have threads of their own.
pub fn serve(stream: Box<dyn Stream>, shares: &Arc<Shares>, dialler: &Arc<Dialler>) -> Result<End, FrameError> {
    let mut reader = FrameReader::new(stream.try_clone()?);
    let engine = Arc::new(Engine {
        ending: stream.try_clone()?,
        writer: Mutex::new(FrameWriter::new(stream)),
        busy: AtomicUsize::new(0),
    });
    while let Some(AgentCall { id, request }) = reader.read::<AgentCall>()? {
        if engine.take(id, request, shares, dialler).is_break() {
            return Ok(End::Asked);
        }
    }
    Ok(End::Closed)
}

struct Engine {
    ending: Box<dyn Stream>,
    writer: Mutex<FrameWriter<Box<dyn Stream>>>,
    busy: AtomicUsize,
}

impl Engine {
    fn take(
        self: &Arc<Self>,
        id: RequestId,
        request: AgentRequest,
        shares: &Arc<Shares>,
        dialler: &Arc<Dialler>,
    ) -> ControlFlow<()> {
        match request {
            AgentRequest::Ping => self.answer(id, AgentReply::Pong),
            AgentRequest::Info => self.answer(id, AgentReply::Info(info(shares))),
            AgentRequest::Shutdown => {
                shares.close_all();
                self.answer(id, AgentReply::Done);
                return ControlFlow::Break(());
            }
            AgentRequest::OpenShare(settings) => {
                let shares = Arc::clone(shares);
                self.spawn(id, move || shares.open(&settings).unwrap_or_else(|e| failed("open a share", e)));
            }
            AgentRequest::CloseShare(share) => {
                let shares = Arc::clone(shares);
                self.spawn(id, move || {
                    shares.close(share);
                    AgentReply::Done
                });
            }
            AgentRequest::RemoveShare(share) => {
                let shares = Arc::clone(shares);
                self.spawn(id, move || done(shares.remove(share), "remove a share"));
            }
            AgentRequest::OpenChannel { channel, to } => {
                let dialler = Arc::clone(dialler);
                self.spawn(id, move || match channel::open(channel, to, &dialler) {
                    Ok(()) => AgentReply::Done,
                    Err(error) => {
                        // Docker takes some seconds to start, and is asked for meanwhile.
                        tracing::debug!(%error, "could not open a channel");
                        AgentReply::Failed(error.into())
                    }
                });
            }
            AgentRequest::SetClock(unix_ns) => {
                self.answer(id, done(clock::set(unix_ns, dialler.is_in_vm()), "set the clock"))
            }
            AgentRequest::DialStreams { share, session, lanes } => {
                let (shares, dialler) = (Arc::clone(shares), Arc::clone(dialler));
                self.spawn(id, move || done(shares.dial(share, session, &lanes.0, &dialler), "dial for a share"));
            }
        }
        ControlFlow::Continue(())
    }

    fn spawn(self: &Arc<Self>, id: RequestId, job: impl FnOnce() -> AgentReply + Send + 'static) {
        if self.busy.fetch_add(1, Ordering::AcqRel) >= REQUESTS_MAX {
            self.busy.fetch_sub(1, Ordering::AcqRel);
            return self.answer(id, AgentReply::Failed(Failure::new(FailureKind::Io, "too many requests at once")));
        }
        let engine = Arc::clone(self);
        let run = move || {
            let reply = job();
            engine.busy.fetch_sub(1, Ordering::AcqRel);
            engine.answer(id, reply);
        };
        if let Err(error) = std::thread::Builder::new().name("request".to_owned()).spawn(run) {
            self.busy.fetch_sub(1, Ordering::AcqRel);
            self.answer(id, AgentReply::Failed(Failure::new(FailureKind::Io, error)));
        }
    }

    fn answer(&self, id: RequestId, reply: AgentReply) {
        let sent = self.writer.lock().unwrap_or_else(PoisonError::into_inner).send(&AgentAnswer { id, reply });
        if let Err(error) = sent {
            tracing::warn!(%error, "an answer could not be sent; the connection is closed");
            // It may have failed already.
            let _ = self.ending.shutdown();
        }
    }
}

fn done<E: Into<Failure> + std::fmt::Display>(result: Result<(), E>, doing: &'static str) -> AgentReply {
    result.map_or_else(|error| failed(doing, error), |()| AgentReply::Done)
}

fn failed(doing: &'static str, error: impl Into<Failure> + std::fmt::Display) -> AgentReply {
    tracing::warn!(%error, "could not {doing}");
    AgentReply::Failed(error.into())
}

fn info(shares: &Shares) -> AgentInfo {
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    AgentInfo { version: env!("CARGO_PKG_VERSION").to_owned(), kernel, space: space(shares) }
}

/// Zeros where the system doesn't tell.
fn space(shares: &Shares) -> Space {
    match rustix::fs::statvfs(shares.disk().root()) {
        Ok(stat) => Space {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
            // Some file systems make inodes as they are needed, and say 0.
            free_inodes: if stat.f_files == 0 { u64::MAX } else { stat.f_favail },
        },
        Err(error) => {
            tracing::warn!(%error, "the disk's space can't be told");
            Space::default()
        }
    }
}
