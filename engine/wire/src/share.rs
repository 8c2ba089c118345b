//! A share's own connection: the feed of changes, what the session asks of the guest's endpoint, and what people ask of it.
//!
//! The engine calls, the agent answers each request once under its number, in any order; a pull waits until there is something
//! to tell. Notes have no answer. What the agent says unasked is an [`Event`].

use serde::{Deserialize, Serialize};

use causeway_sync::ignore::{RuleTexts, SYNCIGNORE_BYTES_MAX};
use causeway_sync::session::RootFault;
use causeway_sync::{Change, Hello, Problem, RelPathBuf, Seq};

use crate::agent::{Failure, RequestId};
use crate::bounded;
use crate::check;
use crate::errand::{Errand, ErrandReply};
use crate::frame::{Malformed, Message};

/// Most changes that may be asked for in one pull.
pub const PULL_CHANGES_MAX: usize = 8192;
/// Longest that the changes of one window may be in all, encoded, in bytes. The agent tells fewer at once where they are longer.
pub const WINDOW_BYTES_MAX: usize = 16 << 20;
/// Most paths in one [`Note::Read`].
pub const READ_PATHS_MAX: usize = 4096;
/// Most paths in one [`Note::Pin`].
pub const PINNED_PATHS_MAX: usize = 4096;
/// Most requests of a connection that wait for an answer.
pub const REQUESTS_MAX: usize = 256;

/// What the engine sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShareCall {
    /// Answered by a [`ShareSaid::Reply`].
    Request {
        /// Comes back with the reply.
        id: RequestId,
        /// What is asked.
        request: ShareRequest,
    },
    /// Not answered.
    Note(Note),
}

/// What the engine asks of the guest's endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShareRequest {
    /// A session begins. The first request; answered by [`ShareReply::Begun`].
    Begin,
    /// What has changed after `after`? Waits until there is something, or until the endpoint becomes crawled. One at a time; answered by
    /// [`ShareReply::Changes`].
    Pull {
        /// The newest change that the engine knows.
        after: Seq,
        /// Most changes to tell: 1 to [`PULL_CHANGES_MAX`].
        limit: u32,
    },
    /// Make durable all that was told and done so far. Answered by [`ShareReply::Synced`].
    Sync,
    /// Look at everything that was changed before now. Answered by [`ShareReply::Barriered`].
    Barrier,
    /// Something that a person, or the engine on a person's behalf, wants. Answered by [`ShareReply::Errand`].
    Errand(Errand),
}

/// What the engine tells the guest's endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// The journal up to here is no longer needed.
    Acknowledge(Seq),
    /// Look at the path again, and put it into the feed even if nothing differs.
    Recheck(RelPathBuf),
    /// Put everything at and below the path into the feed.
    Relist(RelPathBuf),
    /// Read the digests of these files, then put them into the feed.
    Read(#[serde(deserialize_with = "bounded::list::<_, _, READ_PATHS_MAX>")] Vec<RelPathBuf>),
    /// These rules hold from now on.
    SetRules(RuleTexts),
    /// These files, and no others, are updated in place from now on: containers have them bound, not their names.
    Pin(#[serde(deserialize_with = "bounded::list::<_, _, PINNED_PATHS_MAX>")] Vec<RelPathBuf>),
    /// Nobody waits for the verification any more: the page that is being read ends where it is.
    StopVerifying,
}

/// What the agent sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShareSaid {
    /// The answer to a request.
    Reply {
        /// The request's number.
        id: RequestId,
        /// Its answer.
        reply: ShareReply,
    },
    /// Something that was not asked for.
    Event(Event),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShareReply {
    /// Who the endpoint is.
    Begun(Hello),
    /// A window of changes, or a part of one: all parts but the last say so, and their other fields mean nothing.
    Changes {
        /// The next changes.
        #[serde(deserialize_with = "bounded::list::<_, _, PULL_CHANGES_MAX>")]
        changes: Vec<Change>,
        /// Whether more changes of the same window follow in another reply to the same request.
        more: bool,
        /// [`Changes::upto`](causeway_sync::Changes::upto).
        upto: Seq,
        /// [`Changes::as_of`](causeway_sync::Changes::as_of).
        as_of: Seq,
        /// [`Changes::crawled`](causeway_sync::Changes::crawled).
        crawled: bool,
    },
    /// Whether all is durable.
    Synced(Result<(), Problem>),
    /// All changes made before the request are at or before this one.
    Barriered(Seq),
    /// What became of an errand.
    Errand(Result<ErrandReply, Failure>),
    /// The request can't be answered.
    Failed(Failure),
}

/// What the agent says unasked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Something is wrong with the root. Nothing is looked at until the root is back, or it is accepted
    /// ([`Errand::AcceptEmptied`]).
    RootFault(RootFault),
    /// The root is a directory that holds something, as before.
    RootRestored,
    /// The file with the rules has changed: at the beginning, where it isn't what the rules in force were made from, and later.
    /// `None` where there is none. A longer one than the rules may be is told cut, one byte too long.
    Syncignore(#[serde(with = "serde_bytes")] Option<Vec<u8>>),
    /// How changes are noticed, at the beginning and whenever it changes.
    Watching(WatchMode),
    /// A path can't be looked at.
    ScanProblem {
        /// Where.
        path: RelPathBuf,
        /// Why.
        problem: Problem,
    },
    /// It can again.
    ScanProblemGone {
        /// Where.
        path: RelPathBuf,
    },
    /// How much a verification has read by now, since its first page was asked for: told at the end of each page, and within a large
    /// file.
    VerifyRead {
        /// Bytes of content.
        bytes: u64,
    },
}

/// How a side notices changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchMode {
    /// What the system reports changes by.
    pub by: WatchBy,
    /// Why it polls, as a sentence that names the setting to raise; empty where it doesn't.
    #[serde(deserialize_with = "bounded::text::<_, { check::TEXT_BYTES_MAX }>")]
    pub polling_because: String,
    /// How many subtrees are polled.
    pub polled: u64,
}

/// What reports changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchBy {
    /// One mark on the whole file system.
    Fanotify,
    /// A watch for each directory.
    Inotify,
    /// The system's own way (macOS, Windows).
    Native,
    /// Nothing: everything is looked at again and again.
    Polling,
}

/// Free and total space of a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Bytes that may still be used.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Entries that may still be created; `u64::MAX` where there is no such limit.
    pub free_inodes: u64,
}

impl Message for ShareCall {
    fn check(&self) -> Result<(), Malformed> {
        match self {
            Self::Request { request: ShareRequest::Pull { limit, .. }, .. } => {
                if (1..=PULL_CHANGES_MAX).contains(&(*limit as usize)) {
                    Ok(())
                } else {
                    Err(Malformed::OutOfRange("the number of changes"))
                }
            }
            Self::Request { request: ShareRequest::Errand(errand), .. } => errand.check(),
            Self::Request { .. } => Ok(()),
            Self::Note(Note::SetRules(rules)) => check::rules(rules),
            Self::Note(_) => Ok(()),
        }
    }
}

impl Message for ShareSaid {
    fn check(&self) -> Result<(), Malformed> {
        match self {
            Self::Reply { reply, .. } => match reply {
                ShareReply::Begun(hello) => check::hello(hello),
                ShareReply::Changes { changes, .. } => changes.iter().try_for_each(check::change),
                ShareReply::Synced(Err(problem)) => check::problem(problem),
                ShareReply::Errand(Ok(reply)) => reply.check(),
                ShareReply::Synced(Ok(())) | ShareReply::Barriered(_) | ShareReply::Errand(Err(_)) => Ok(()),
                ShareReply::Failed(_) => Ok(()),
            },
            Self::Event(Event::ScanProblem { problem, .. }) => check::problem(problem),
            Self::Event(Event::Syncignore(Some(text))) if text.len() > SYNCIGNORE_BYTES_MAX + 1 => {
                Err(Malformed::OutOfRange("the length of .syncignore"))
            }
            Self::Event(_) => Ok(()),
        }
    }
}
