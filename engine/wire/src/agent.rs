//! The agent's control connection: opening and closing shares, and whether the agent lives.
//!
//! The engine asks, the agent answers each request once, in any order, under the request's number.

use std::fmt;

use serde::{Deserialize, Serialize};

use causeway_sync::Lane;
use causeway_sync::ignore::RuleTexts;
use causeway_sync::plan::BULK_LANES;

use crate::bounded;
use crate::channel::{ChannelId, Target};
use crate::check;
use crate::frame::{Malformed, Message};
use crate::share::Space;

/// Longest that a share's rules may be in all, in bytes: its `.syncignore` and all its patterns. The engine refuses longer ones
/// before it sends them ([`rules_fit`]).
pub const RULES_BYTES_MAX: usize = 512 * 1024;
/// Longest path of a directory in the machine, in bytes: `PATH_MAX` of Linux (limits.h).
pub const GUEST_PATH_BYTES_MAX: usize = 4096;
/// Most connections that one [`AgentRequest::DialStreams`] asks for: the share's own, and its lanes.
pub const STREAMS_MAX: usize = 2 + BULK_LANES as usize;

/// Identity of a share: random, made when it was created.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShareId(pub [u8; 16]);

impl fmt::Display for ShareId {
    /// As 32 hexadecimal digits: the share's directory in the machine is called so.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ShareId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Number of a request within a connection. Never repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u32);

/// What the engine sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCall {
    /// Comes back with the reply.
    pub id: RequestId,
    /// What is asked.
    pub request: AgentRequest,
}

/// What the engine asks of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentRequest {
    /// Who are you? Answered by [`AgentReply::Info`].
    Info,
    /// Open a share's copy, made empty where there is none, and watch it. Opening an open share only sets its rules. Answered by
    /// [`AgentReply::Opened`].
    OpenShare(ShareSettings),
    /// Stop looking at a share; its copy stays. Answered by [`AgentReply::Done`], also where it isn't open.
    CloseShare(ShareId),
    /// Delete a share's copy, its index and its recycle bin. Answered by [`AgentReply::Done`], also where there is none.
    RemoveShare(ShareId),
    /// Dial these connections for a session; older ones of the share are dropped. Answered by [`AgentReply::Done`] once they
    /// are admitted.
    DialStreams {
        /// Of an open share.
        share: ShareId,
        /// Number of the attempt; comes with each of them.
        session: u64,
        /// Whether to dial the share's own connection, and which lanes.
        lanes: Lanes,
    },
    /// Reach a target and dial a connection for a channel to it ([`crate::channel`]). Answered by [`AgentReply::Done`] once it is
    /// admitted, or by why there is none.
    OpenChannel {
        /// Comes with the connection.
        channel: ChannelId,
        /// What it leads to.
        to: Target,
    },
    /// Set the guest's clock, in nanoseconds since 1970. Only where the machine is a VM. Answered by [`AgentReply::Done`].
    SetClock(u64),
    /// Answered at once by [`AgentReply::Pong`].
    Ping,
    /// Close all shares in good order and end. Answered by [`AgentReply::Done`] just before.
    Shutdown,
}

/// Lanes to dial, beside the share's own connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lanes(#[serde(deserialize_with = "bounded::list::<_, _, STREAMS_MAX>")] pub Vec<Lane>);

/// How a share is kept in the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareSettings {
    /// Which.
    pub share: ShareId,
    /// What people call it, for messages.
    #[serde(deserialize_with = "bounded::text::<_, 255>")]
    pub name: String,
    /// What becomes of symlinks.
    pub symlinks: Symlinks,
    /// What is ignored, and what may not cross.
    pub rules: RuleTexts,
}

/// What becomes of symlinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Symlinks {
    /// They cross as they are.
    #[default]
    Raw,
    /// Relative ones that stay inside the share cross; others are problems.
    Portable,
    /// They are untracked.
    Ignore,
}

/// Whether rules are short enough to be sent ([`RULES_BYTES_MAX`]).
pub fn rules_fit(rules: &RuleTexts) -> bool {
    crate::frame::encoded_bytes(rules) <= RULES_BYTES_MAX
}

/// What the agent sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentAnswer {
    /// The request's number.
    pub id: RequestId,
    /// Its answer.
    pub reply: AgentReply,
}

/// An agent's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentReply {
    /// It is done.
    Done,
    /// It lives.
    Pong,
    /// Who it is.
    Info(AgentInfo),
    /// The share is open.
    Opened {
        /// Absolute path of the directory that containers mount, in the machine.
        #[serde(with = "serde_bytes")]
        content: Vec<u8>,
        /// Whether its index was missing or damaged, and begins anew.
        rebuilt: bool,
    },
    /// It can't be done.
    Failed(Failure),
}

/// Who an agent is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// The version of its program.
    #[serde(deserialize_with = "bounded::text::<_, 255>")]
    pub version: String,
    /// The kernel that it runs on, as `uname -r` says it.
    #[serde(deserialize_with = "bounded::text::<_, 255>")]
    pub kernel: String,
    /// The disk that holds the shares.
    pub space: Space,
}

/// Why something can't be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// A sentence for a person, with the path and what was being done.
    #[serde(deserialize_with = "bounded::text::<_, { check::TEXT_BYTES_MAX }>")]
    pub detail: String,
}

impl Failure {
    /// A failure whose sentence is cut to the length that the protocol allows.
    pub fn new(kind: FailureKind, detail: impl fmt::Display) -> Self {
        let mut detail = detail.to_string();
        detail.truncate(detail.floor_char_boundary(check::TEXT_BYTES_MAX));
        Self { kind, detail }
    }
}

/// Kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// The share isn't open.
    NotOpen,
    /// What was named isn't there (any more).
    NotFound,
    /// Something stands in the way.
    Occupied,
    /// The disk is full.
    NoSpace,
    /// A right is missing.
    PermissionDenied,
    /// The rules don't parse.
    InvalidRules,
    /// The index can't be read or written.
    Index,
    /// The share is being closed.
    Closing,
    /// It wasn't done in time.
    TimedOut,
    /// This machine has no such thing.
    Unsupported,
    /// Anything else that the system reports.
    Io,
}

impl Message for AgentCall {
    fn check(&self) -> Result<(), Malformed> {
        match &self.request {
            AgentRequest::OpenShare(settings) => check::rules(&settings.rules),
            AgentRequest::DialStreams { lanes, .. } => lanes.check(),
            _ => Ok(()),
        }
    }
}

impl Lanes {
    fn check(&self) -> Result<(), Malformed> {
        for (at, lane) in self.0.iter().enumerate() {
            if matches!(lane, Lane::Bulk(number) if *number >= BULK_LANES) {
                return Err(Malformed::OutOfRange("the number of a lane"));
            }
            if self.0[..at].contains(lane) {
                return Err(Malformed::OutOfRange("a lane named twice"));
            }
        }
        Ok(())
    }
}

impl Message for AgentAnswer {
    fn check(&self) -> Result<(), Malformed> {
        match &self.reply {
            AgentReply::Opened { content, .. }
                if content.len() > GUEST_PATH_BYTES_MAX || content.first() != Some(&b'/') || content.contains(&0) =>
            {
                Err(Malformed::OutOfRange("the path of the content"))
            }
            _ => Ok(()),
        }
    }
}
