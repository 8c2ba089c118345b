//! A share's thread: what it remembers, and its loop.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use causeway_api::{ApiError, ErrorCode, PathBytes, Remedy, Verified};
use causeway_endpoint::runner::ShareSide;
use causeway_index::LedgerStore;
use causeway_sync::ledger::LedgerError;
use causeway_sync::session::{RootFault, Session};
use causeway_sync::{BatchId, RelPathBuf, Side};

use super::Surroundings;
use super::acknowledge::Acknowledgements;
use super::attempt::{Attempt, Opened};
use super::clock::Clock;
use super::command::Command;
use super::durable::Undurable;
use super::errands::Counted;
use super::flush::WaitingFlush;
use super::host::HostSide;
use super::last_change::Flight;
use super::leave::Leaving;
use super::meter::Meter;
use super::milestones::Milestones;
use super::publish::{Known, PUBLISH_INTERVAL_MS};
use super::reports::{Report, SideNews};
use super::rules::InForce;
use super::space;
use super::state::StateClock;
use super::verify::Underway;
use crate::machine::backoff::Backoff;
use crate::remote::Lanes;
use crate::settings::ShareSettings;

/// Inputs that are taken in before the outputs of all of them are carried out. More would make a keystroke wait for a flood.
const INPUTS_AT_ONCE_MAX: usize = 64;

/// What comes into a share's inbox.
pub enum Input {
    /// A person asks.
    Command(Command),
    /// A side tells, in this session.
    Report(u64, Side, Report),
    /// An attempt to connect has ended.
    Attempted(u64, Result<Box<Opened>, Box<Attempt>>),
    /// The machine has changed: it may be worth trying to connect.
    MachineChanged,
    /// Counts of both sides.
    Counted(Counted),
    /// Something that was started elsewhere is done, and this is what it means here.
    Done(Box<dyn FnOnce(&mut Actor) + Send>),
}

/// Whether the two sides are joined.
pub(super) enum Link {
    /// A person wants it to rest.
    Paused,
    /// On the way: an attempt is being made.
    Connecting,
    /// Not joined; tried again at a time, or when the machine changes.
    Down {
        /// Why, as a sentence.
        reason: String,
        /// What a person can do.
        remedy: Option<Remedy>,
        /// When it is tried again.
        retry_ms: u64,
    },
    /// The host's root is at fault, so that no session can begin: halted until a person says how to go on.
    RootFault {
        /// What is wrong.
        fault: RootFault,
        /// When that was found, in milliseconds since 1970.
        since_ms: u64,
    },
    /// Joined.
    Up(Box<Up>),
}

/// A session and what it works on.
pub(super) struct Up {
    pub session: Session<LedgerStore>,
    pub host: Arc<dyn ShareSide>,
    pub guest: Arc<dyn ShareSide>,
    pub lanes: Lanes,
    pub rules: InForce,
    pub acknowledgements: Acknowledgements,
    /// What the guest was told to update in place.
    pub pinned: Option<Vec<RelPathBuf>>,
    /// Batches under way.
    pub flights: HashMap<BatchId, Flight>,
    /// Whether each side has been looked at whole.
    pub crawled: [bool; 2],
    pub milestones: Milestones,
    /// What each side can't make durable at present.
    pub undurable: [Option<Undurable>; 2],
    /// When all that was found had been dealt with for the first time, in milliseconds since 1970.
    pub prepared_ms: Option<u64>,
    /// Whether the ledger has come to know all of that.
    pub noted: bool,
    /// When the session halted itself.
    pub halted_since_ms: Option<u64>,
}

impl Up {
    pub fn side(&self, side: Side) -> &Arc<dyn ShareSide> {
        match side {
            Side::Host => &self.host,
            Side::Guest => &self.guest,
        }
    }
}

/// A share's thread.
pub struct Actor {
    pub(super) settings: ShareSettings,
    pub(super) around: Surroundings,
    pub(super) sender: Sender<Input>,
    pub(super) clock: Clock,
    /// Where the host keeps what it keeps of the share.
    pub(super) dir: PathBuf,
    pub(super) link: Link,
    /// Number of the present attempt and its session: what older ones tell is void.
    pub(super) generation: u64,
    /// Whether an attempt is under way, possibly an older one that nobody wants any more.
    pub(super) attempting: bool,
    /// The host's endpoint, while nothing else holds it.
    pub(super) host: Option<HostSide>,
    /// Why the connection was lost before its session began.
    pub(super) lost: Option<String>,
    /// Sides whose root may be found empty when it is looked at for the first time, because a person said so.
    pub(super) accept_emptied: [bool; 2],
    pub(super) backoff: Backoff,
    /// When the present session, or the last attempt, began.
    pub(super) began_ms: u64,
    pub(super) flushes: Vec<WaitingFlush>,
    /// The session is being brought to its end.
    pub(super) leaving: Option<Leaving>,
    pub(super) state: StateClock,
    pub(super) meter: Meter,
    pub(super) news: [SideNews; 2],
    pub(super) known: Known,
    pub(super) guest_path: Option<PathBytes>,
    pub(super) verified: Option<Verified>,
    pub(super) verifying: Option<Underway>,
    /// Something that is shown may have changed since it was last published.
    pub(super) unpublished: bool,
    pub(super) published_ms: u64,
    /// Whether it is noted that the copy was whole.
    pub(super) prepared_noted: bool,
    ended: bool,
}

impl Actor {
    /// A share that isn't connected yet.
    pub fn new(
        settings: ShareSettings,
        around: Surroundings,
        sender: Sender<Input>,
        broke_down: Option<String>,
    ) -> Self {
        let mut clock = Clock::new();
        let now_ms = clock.now_ms();
        let dir = around.share_dir(&settings);
        let reason = match broke_down {
            Some(words) => format!("The share broke down because of a defect ({words}) and starts again."),
            None => String::new(),
        };
        Self {
            link: Link::Down { reason, remedy: None, retry_ms: now_ms },
            settings,
            around,
            sender,
            clock,
            dir,
            generation: 0,
            attempting: false,
            host: None,
            lost: None,
            accept_emptied: [false; 2],
            backoff: Backoff::default(),
            began_ms: now_ms,
            flushes: Vec::new(),
            leaving: None,
            state: StateClock::new(now_ms),
            meter: Meter::default(),
            news: Default::default(),
            known: Known::default(),
            guest_path: None,
            verified: None,
            verifying: None,
            unpublished: true,
            published_ms: 0,
            prepared_noted: false,
            ended: false,
        }
    }

    /// How the share is set up now.
    pub fn into_settings(self) -> ShareSettings {
        self.settings
    }

    /// Runs until the share is to end.
    pub fn run(&mut self, inbox: &Receiver<Input>) {
        let sender = self.sender.clone();
        // The thread may have ended when the machine changes for the last time.
        let _watch = self.around.machine.watch(Box::new(move || drop(sender.send(Input::MachineChanged))));
        if self.settings.paused {
            self.link = Link::Paused;
        }
        loop {
            self.keep_going();
            if self.ended {
                break;
            }
            self.publish_when_due();
            let wait = self.next_due_ms().map(|due| Duration::from_millis(due.saturating_sub(self.clock.now_ms())));
            match receive(inbox, wait) {
                ControlFlow::Break(()) => break,
                ControlFlow::Continue(first) => self.take(first, inbox),
            }
        }
        self.disconnect();
        self.host = None;
    }

    fn take(&mut self, first: Option<Input>, inbox: &Receiver<Input>) {
        let (mut next, mut taken) = (first, 0);
        while let Some(input) = next {
            self.unpublished |= !matches!(input, Input::Command(Command::Show(_)));
            self.handle(input);
            taken += 1;
            next = if taken < INPUTS_AT_ONCE_MAX { inbox.try_recv().ok() } else { None };
        }
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Command(command) => self.handle_command(command),
            Input::Report(generation, side, report) => {
                if generation == self.generation {
                    self.handle_report(side, report);
                }
            }
            Input::Attempted(generation, result) => self.handle_attempt(generation, result),
            Input::MachineChanged => self.handle_machine_change(),
            Input::Counted(counted) => self.handle_counted(counted),
            Input::Done(then) => then(self),
        }
    }

    /// Does what time or earlier inputs have made due.
    fn keep_going(&mut self) {
        let now_ms = self.clock.now_ms();
        if let Link::Down { retry_ms, .. } = &self.link
            && *retry_ms <= now_ms
        {
            self.connect();
        }
        if let Link::Up(up) = &mut self.link
            && up.session.poll_timeout().is_some_and(|due| due <= now_ms)
        {
            let result = up.session.handle_timeout(now_ms);
            self.check_ledger(result);
        }
        self.sync_again_when_due(now_ms);
        self.carry_out();
        self.acknowledge_when_due(now_ms);
        self.end_late_flushes(now_ms);
        self.leave_when_done(now_ms);
        self.count_when_due(now_ms);
    }

    fn next_due_ms(&self) -> Option<u64> {
        let session = match &self.link {
            Link::Up(up) => {
                [up.session.poll_timeout(), up.acknowledgements.due_ms(), up.sync_due_ms()].into_iter().flatten().min()
            }
            Link::Down { retry_ms, .. } if !self.attempting => Some(*retry_ms),
            _ => None,
        };
        let publish = self.unpublished.then_some(self.published_ms + PUBLISH_INTERVAL_MS);
        let flush = self.flushes.iter().map(|flush| flush.deadline_ms).min();
        let leaving = self.leaving.as_ref().map(Leaving::due_ms);
        [session, publish, flush, leaving, self.state.due_ms(), self.count_due_ms()].into_iter().flatten().min()
    }

    /// Ends the session if its ledger has failed: what is on disk is good, and the next session begins from there.
    pub(super) fn check_ledger<T>(&mut self, result: Result<T, LedgerError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let mut words = error.to_string();
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    words = format!("{words}: {cause}");
                    source = cause.source();
                }
                let reason = format!("What both sides agreed on can't be read or written: {words}.");
                self.go_down_with(reason, space::remedy(&error));
                None
            }
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Why a request that needs both sides can't be carried out now.
    pub(super) fn not_up(&self) -> ApiError {
        let name = &self.settings.name;
        let resume = || Remedy::command("Let it go on.", format!("causeway share resume {name}"));
        match &self.link {
            Link::Paused => {
                ApiError::new(ErrorCode::SharePaused, format!("The share \"{name}\" is paused.")).with_remedy(resume())
            }
            Link::Down { reason, remedy, .. } => {
                let error = ApiError::new(
                    ErrorCode::ShareDisconnected,
                    format!("The share \"{name}\" is not connected. {reason}").trim_end(),
                );
                ApiError { remedy: remedy.clone(), ..error }
            }
            Link::RootFault { .. } => ApiError::new(ErrorCode::ShareHalted, format!("The share \"{name}\" is halted."))
                .with_remedy(Remedy::command("See why, and the ways on.", format!("causeway share show {name}"))),
            Link::Connecting | Link::Up(_) => {
                ApiError::new(ErrorCode::SharePreparing, format!("The share \"{name}\" is still connecting."))
            }
        }
    }
}

/// Waits for an input, at most so long. Breaks when there can be none any more.
fn receive(inbox: &Receiver<Input>, wait: Option<Duration>) -> ControlFlow<(), Option<Input>> {
    let received = match wait {
        None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(wait) => inbox.recv_timeout(wait),
    };
    match received {
        Ok(input) => ControlFlow::Continue(Some(input)),
        Err(RecvTimeoutError::Timeout) => ControlFlow::Continue(None),
        Err(RecvTimeoutError::Disconnected) => ControlFlow::Break(()),
    }
}
