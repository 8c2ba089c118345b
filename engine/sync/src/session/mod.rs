//! The session: the protocol of one share over one connection, as a state machine without I/O.
//!
//! Inputs go in by `handle_*` and the commands ([`Session::flush`], [`Session::resolve`], …), time with them; what is to be done
//! comes out of [`Session::poll_output`]. A session ends with its connection. The next one starts from the ledger, and the
//! endpoints tell it again whatever the ledger has not absorbed.
//!
//! ```text
//! changes ──► intake ──► items ──► decide ──► batches ──► outcomes ──► settle ──► sync ──► ledger
//!                          ▲                                 │
//!                          └──────── told again ◄────────────┘
//! ```
//!
//! An *item* is a path at which a side differs, or may differ, from the ledger. It lives from the change that tells of it until
//! the ledger has taken account of it, durably on both sides. There are never many: no further changes are asked for while
//! [`ITEMS_MAX`] are at work.

mod batch;
mod by_path;
mod decide;
mod directory_move;
mod diverged;
mod guard;
mod intake;
mod intents;
mod items;
mod outcome;
mod relisting;
mod settle;
mod side_state;
mod view;

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::change::{Capabilities, Hello, Seq};
use crate::ignore::Rules;
use crate::ledger::{Holds, Ledger, LedgerError, Moved, Peers};
use crate::plan::{Batch, Lane};
use crate::reconcile::Mode;
use crate::{RelPathBuf, Side};

use batch::Lanes;
use by_path::{Items, PathMap};
use directory_move::DirectoryMove;
use diverged::Retry;
use guard::Run;
use intents::Intents;
use items::Stage;
use relisting::Relisting;
use settle::Settling;
use side_state::SideState;

/// Items at work at which no further changes are asked for. At about 300 bytes each, under 10 MB.
pub const ITEMS_MAX: usize = 24_576;
/// Changes asked for at once.
pub const PULL_MAX: u32 = 4_096;

/// What a share's session goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How changes of the two sides are treated.
    pub mode: Mode,
    /// What is ignored, and what may cross in which direction.
    pub rules: Rules,
    /// When the session halts itself.
    pub limits: Limits,
}

/// When so many deletions come at once that a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Deletions on a side, as a part of all entries (0 to 1), over which the session halts: on the host, in the guest.
    pub deleted_part_max: [f64; 2],
    /// Fewer deletions than this never halt it.
    pub deleted_min: u64,
}

impl Default for Limits {
    /// Half of the host's entries: what a developer does to the host by way of a container is smaller. Nine tenths of the guest's:
    /// removing `node_modules` is everyday work on the host. Both rest in the recycle bin anyway.
    fn default() -> Self {
        Self { deleted_part_max: [0.5, 0.95], deleted_min: 500 }
    }
}

/// What the session wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Tell what has changed after `after`: answered by [`Session::handle_changes`] as soon as there is something, or when the
    /// endpoint has become crawled since the last answer. One is outstanding per side.
    Pull {
        /// Whom to ask.
        side: Side,
        /// The newest change known.
        after: Seq,
        /// Most changes to tell at once.
        limit: u32,
    },
    /// The endpoint's journal to here is no longer needed.
    Acknowledge {
        /// Whom to tell.
        side: Side,
        /// The newest change that the ledger takes account of.
        seq: Seq,
    },
    /// Carry out a batch: answered by [`Session::handle_outcomes`].
    Run {
        /// What to do.
        batch: Batch,
        /// On which stream.
        lane: Lane,
    },
    /// Look at a path again, and put it into the feed even if nothing differs.
    Recheck {
        /// Whom to ask.
        side: Side,
        /// Where.
        path: RelPathBuf,
    },
    /// Put everything at and below a path into the feed.
    Relist {
        /// Whom to ask.
        side: Side,
        /// Where.
        path: RelPathBuf,
    },
    /// Read the digests of files, then put them into the feed.
    Read {
        /// Whom to ask.
        side: Side,
        /// Which.
        paths: Vec<RelPathBuf>,
    },
    /// Make durable all that was told and done so far: answered by [`Session::handle_synced`].
    Sync {
        /// Whom to ask.
        side: Side,
        /// Comes back with the answer.
        token: u64,
    },
    /// Prove that the watcher has caught up: answered by [`Session::handle_barrier`].
    Barrier {
        /// Whom to ask.
        side: Side,
        /// Comes back with the answer.
        token: u64,
    },
    /// A flush is done.
    Flushed {
        /// The flush's token.
        token: u64,
        /// What stays behind.
        holds: Holds,
    },
    /// The session has halted itself; nothing more is done until it is accepted.
    Halted(Halt),
}

/// Why the session halted itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Halt {
    /// A side's root is gone, is no directory, or was emptied.
    Root {
        /// Whose.
        side: Side,
        /// What is wrong.
        fault: RootFault,
    },
    /// The guest's copy is another one than before, and not empty.
    ReplicaChanged,
    /// More would be deleted at once than the limit allows.
    MassDeletion {
        /// Where it would be deleted.
        side: Side,
        /// How many entries, at least.
        entries: u64,
        /// Of how many.
        total: u64,
    },
}

/// What is wrong with a share's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RootFault {
    /// It is gone.
    Missing,
    /// It is something else than a directory.
    NotADirectory,
    /// It held entries, and now holds none.
    Emptied {
        /// How many it held.
        entries: u64,
    },
}

/// Which side's version a person keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The host's; the guest's goes to its recycle bin.
    Host,
    /// The guest's; the host's goes to its recycle bin.
    Guest,
    /// Both: the guest's gets a name of its own.
    Both,
}

/// What a person would see of the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether both sides have been looked at whole, and all that was found then has been dealt with.
    pub prepared: bool,
    /// Whether the session waits for a person to accept a halt.
    pub halted: bool,
    /// Paths at work.
    pub pending: u64,
    /// Files and bytes carried across since the session began.
    pub carried_files: u64,
    /// See above.
    pub carried_bytes: u64,
    /// Files and bytes that are still to be carried, as far as they have been decided on: of many, those that are next.
    pub remaining_files: u64,
    /// See above.
    pub remaining_bytes: u64,
    /// What stays behind.
    pub holds: Holds,
    /// When something was last carried across, in milliseconds since 1970.
    pub last_change_ms: Option<u64>,
}

#[derive(Debug)]
struct Flush {
    token: u64,
    reached: [Option<Seq>; 2],
    /// Number of the update with which the ledger knows all that the flush waits for.
    known_with: Option<u64>,
}

/// The protocol of one share over one connection. See the [module](self).
#[derive(Debug)]
pub struct Session<L> {
    settings: Settings,
    ledger: L,
    /// How often the ledger has changed in this session.
    commits: u64,
    peers: Peers,
    /// What each side can't tell any more, since before the session.
    acknowledged: [Seq; 2],
    /// Whether each side may know what is no more, when the session began.
    stale: [bool; 2],
    /// Sides that have to be looked at whole before anything that they tell is believed, with the barrier that proves it.
    unseen: [Option<u64>; 2],
    sides: [SideState; 2],
    items: Items,
    ready: BTreeSet<RelPathBuf>,
    /// Items that are looked at again at a time.
    waiting: BTreeSet<(u64, RelPathBuf)>,
    /// Items that wait until both sides have been crawled.
    deferred: BTreeSet<RelPathBuf>,
    /// Items that wait for another path to be dealt with.
    blocked: PathMap<Vec<RelPathBuf>>,
    lanes: Lanes,
    settling: Settling,
    intents: Intents,
    directory_move: Option<DirectoryMove>,
    /// See [`Ledger::moves`].
    moves: Vec<Moved>,
    flushes: Vec<Flush>,
    halted: Option<Halt>,
    /// Nothing is begun any more.
    leaving: bool,
    /// Deletions on each side, for the guard.
    runs: [Run; 2],
    relistings: Vec<Relisting>,
    retry: Retry,
    outputs: VecDeque<Output>,
    status: Status,
    next_token: u64,
}

impl<L: Ledger> Session<L> {
    /// Begins a session between two endpoints.
    pub fn new(settings: Settings, ledger: L, host: &Hello, guest: &Hello, now_ms: u64) -> Result<Self, LedgerError> {
        let peers = Peers { host: host.epoch, guest: guest.epoch, guest_replica: guest.replica };
        let mut session = Self {
            settings,
            ledger,
            commits: 0,
            peers,
            acknowledged: [host.acknowledged, guest.acknowledged],
            stale: [host.stale, guest.stale],
            unseen: [None; 2],
            sides: [host, guest].map(SideState::new),
            items: Items::default(),
            ready: BTreeSet::new(),
            waiting: BTreeSet::new(),
            deferred: BTreeSet::new(),
            blocked: PathMap::default(),
            lanes: Lanes::default(),
            settling: Settling::default(),
            intents: Intents::default(),
            directory_move: None,
            moves: Vec::new(),
            flushes: Vec::new(),
            halted: None,
            leaving: false,
            runs: Default::default(),
            relistings: Vec::new(),
            retry: Retry::due(now_ms),
            outputs: VecDeque::new(),
            status: Status::default(),
            next_token: 1,
        };
        match session.ledger.peers()? {
            Some(known) if known == peers => session.begin(now_ms)?,
            Some(known) if known.guest_replica != peers.guest_replica && !guest.empty => {
                session.halt(Halt::ReplicaChanged);
            }
            _ => session.begin_anew(now_ms)?,
        }
        Ok(session)
    }

    fn begin(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        self.recall_intents()?;
        self.recall_moves()?;
        for side in Side::BOTH {
            let absorbed = self.ledger.absorbed(side)?;
            // An older ledger has absorbed what this one hasn't.
            if absorbed < self.acknowledged[side as usize] {
                self.outputs.push_back(Output::Relist { side, path: RelPathBuf::default() });
            }
            self.sides[side as usize].begin(absorbed);
        }
        self.resume_directory_move()?;
        self.advance(now_ms)
    }

    /// Agreement can't be told from chance any more: both sides are compared from scratch, and nothing is deleted. What a side knew
    /// from an earlier time must not be agreed on, only to be found gone, and then be deleted on the other.
    fn begin_anew(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        self.ledger.start_anew(self.peers)?;
        self.commits += 1;
        let stale = self.stale;
        for side in Side::BOTH.into_iter().filter(|side| stale[*side as usize]) {
            let token = self.token();
            self.unseen[side as usize] = Some(token);
            self.outputs.push_back(Output::Barrier { side, token });
        }
        self.begin(now_ms)
    }

    fn halt(&mut self, halt: Halt) {
        if self.halted.is_none() {
            self.outputs.push_back(Output::Halted(halt.clone()));
            self.halted = Some(halt);
        }
    }

    /// A side's root can't be synchronised from.
    pub fn handle_root_fault(&mut self, side: Side, fault: RootFault) {
        self.halt(Halt::Root { side, fault });
    }

    /// A person has seen the halt and wants to go on.
    pub fn accept_halt(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        match self.halted.take() {
            Some(Halt::ReplicaChanged) => self.begin_anew(now_ms),
            Some(Halt::MassDeletion { side, .. }) => {
                self.accept_deletions(side.other(), now_ms);
                self.advance(now_ms)
            }
            Some(Halt::Root { side, .. }) => {
                self.accept_deletions(side, now_ms);
                self.advance(now_ms)
            }
            None => self.advance(now_ms),
        }
    }

    /// What the session has halted for.
    pub fn halted(&self) -> Option<&Halt> {
        self.halted.as_ref()
    }

    /// Asks that everything which stands on either side now stand on both: answered by [`Output::Flushed`].
    pub fn flush(&mut self, now_ms: u64) -> Result<u64, LedgerError> {
        let token = self.token();
        self.flushes.push(Flush { token, reached: [None; 2], known_with: None });
        for side in Side::BOTH {
            self.outputs.push_back(Output::Barrier { side, token });
        }
        self.advance(now_ms)?;
        Ok(token)
    }

    /// Nobody waits for this flush any more.
    pub fn cancel_flush(&mut self, token: u64) {
        self.flushes.retain(|flush| flush.token != token);
    }

    /// The watcher of `side` has caught up: all that stood there when the barrier was asked for is at or before `seq`.
    pub fn handle_barrier(&mut self, side: Side, token: u64, seq: Seq, now_ms: u64) -> Result<(), LedgerError> {
        self.runs[side.other() as usize].reach(token, seq);
        self.reach_relisting(token, seq);
        self.unseen[side as usize].take_if(|unseen| *unseen == token);
        if let Some(flush) = self.flushes.iter_mut().find(|flush| flush.token == token) {
            flush.reached[side as usize] = Some(seq);
        }
        self.advance(now_ms)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        while let Some((due_ms, path)) = self.waiting.first().cloned() {
            if due_ms > now_ms {
                break;
            }
            self.waiting.pop_first();
            self.make_ready(&path);
        }
        self.retry_problems(now_ms)?;
        self.advance(now_ms)
    }

    /// When [`Self::handle_timeout`] wants to be called, in the same clock as `now_ms`.
    pub fn poll_timeout(&self) -> Option<u64> {
        let waiting = self.waiting.first().map(|(due_ms, _)| *due_ms);
        let moving = self.directory_move.as_ref().and_then(DirectoryMove::due_ms);
        [waiting, moving, self.settling.due_ms(), self.retry.due_ms()].into_iter().flatten().min()
    }

    /// The next thing that the session wants done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What a person would see.
    pub fn status(&self) -> Result<Status, LedgerError> {
        let (remaining_files, remaining_bytes) = self.lanes.to_carry();
        Ok(Status {
            prepared: self.status.prepared,
            halted: self.halted.is_some(),
            pending: self.unsettled() as u64,
            remaining_files,
            remaining_bytes,
            holds: self.ledger.holds()?,
            ..self.status
        })
    }

    /// Begins nothing any more, and brings what is on its way to its end, so that the next session knows what both sides agree on.
    pub fn leave(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        self.leaving = true;
        self.advance(now_ms)
    }

    /// Whether nothing is on its way, and the ledger knows all that was carried out.
    pub fn is_at_rest(&self) -> bool {
        self.lanes.idle() && self.settling.is_empty()
    }

    /// For listing what stays behind.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    /// Ends the session.
    pub fn into_ledger(self) -> L {
        self.ledger
    }

    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    fn capabilities(&self, side: Side) -> &Capabilities {
        &self.sides[side as usize].capabilities
    }

    /// Does all that can be done now.
    fn advance(&mut self, now_ms: u64) -> Result<(), LedgerError> {
        if self.halted.is_none() {
            self.begin_runs(now_ms)?;
            self.take_in(now_ms)?;
            self.note_taken_in();
            self.release_deferred();
            self.decide_ready(now_ms)?;
            self.take_in(now_ms)?;
        }
        self.settle(now_ms)?;
        self.hasten_retries(now_ms)?;
        self.ask_for_changes();
        self.finish_flushes()
    }

    fn note_taken_in(&mut self) {
        if self.directory_move.is_none() {
            self.sides.iter_mut().for_each(SideState::note_taken_in);
        }
    }

    fn release_deferred(&mut self) {
        if self.sides.iter().all(SideState::caught_up) {
            while let Some(path) = self.deferred.pop_first() {
                self.set_stage(&path, Stage::Ready);
            }
        }
    }

    fn finish_flushes(&mut self) -> Result<(), LedgerError> {
        self.status.prepared |= self.is_whole();
        for flush in self.flushes.iter_mut().filter(|_| self.directory_move.is_none()) {
            let dealt_with = Side::BOTH.iter().all(|side| {
                let state = &self.sides[*side as usize];
                flush.reached[*side as usize].is_some_and(|seq| state.settled_upto(seq))
            });
            if dealt_with && flush.known_with.is_none() {
                flush.known_with = Some(self.settling.next());
            }
        }
        let holds = self.ledger.holds()?;
        for flush in self.flushes.extract_if(.., |flush| flush.known_with.is_some_and(|n| n <= self.settling.first())) {
            self.outputs.push_back(Output::Flushed { token: flush.token, holds });
        }
        Ok(())
    }

    /// Whether all that both sides were found to hold has been dealt with.
    fn is_whole(&self) -> bool {
        self.sides.iter().all(SideState::caught_up) && self.idle()
    }

    fn idle(&self) -> bool {
        self.unsettled() == 0 && self.directory_move.is_none() && self.sides.iter().all(|side| side.intake.is_empty())
    }
}
