//! Whether a machine's agent is there: awaited after each start of the machine, taken in, lost.
//!
//! Shared by all machines. Absent by design: starting and ending anything; whoever owns a presence is told of a loss, and decides.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causeway_api::{AgentInfo, MachineState, Timestamp};

use super::watchers::{Watchers, Watching};
use crate::remote::{AgentLink, Door, DoorError, ExpectedAgent};

/// How long the agent may take to say who it is.
const INFO_LIMIT: Duration = Duration::from_secs(5);

/// Called, on any thread, when the agent of the present start isn't there.
pub type OnAbsence = Arc<dyn Fn(StartId, Absence) + Send + Sync>;

/// Why an agent isn't there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It didn't come in time.
    NotArrived,
    /// It was there, and its connection has ended.
    Lost,
}

/// Number of a start of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartId(u64);

/// Whether the agent is there.
#[derive(Default)]
pub struct Presence {
    door: Door,
    watchers: Watchers,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    agent: Option<Connected>,
    /// Number of the present start.
    start: u64,
    started: Instant,
    /// Why the last agent didn't arrive or was lost.
    failure: Option<String>,
    shown: MachineState,
    since: Timestamp,
}

struct Connected {
    link: Arc<AgentLink>,
    version: String,
    ready_ms: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            agent: None,
            start: 0,
            started: Instant::now(),
            failure: None,
            shown: MachineState::Stopped,
            since: Timestamp::now(),
        }
    }
}

impl Presence {
    /// Where the agent's connections arrive.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// The agent that answers now.
    pub fn link(&self) -> Option<Arc<AgentLink>> {
        self.state().agent.as_ref().map(|connected| Arc::clone(&connected.link)).filter(|link| !link.is_over())
    }

    /// Who the agent is, as far as there is one.
    pub fn agent_info(&self) -> Option<AgentInfo> {
        self.state().agent.as_ref().map(|connected| AgentInfo {
            version: connected.version.clone(),
            pid: Some(connected.link.pid()),
            ready_ms: Some(connected.ready_ms),
        })
    }

    /// Why there is no agent, where one was awaited in vain or lost.
    pub fn failure(&self) -> Option<String> {
        let state = self.state();
        state.failure.clone().filter(|_| state.agent.is_none())
    }

    /// Since when the machine has been in this state.
    pub fn since(&self, shown: MachineState) -> Timestamp {
        let mut state = self.state();
        if shown != state.shown {
            state.shown = shown;
            state.since = Timestamp::now();
        }
        state.since
    }

    /// Has `changed` called whenever something is different.
    pub fn watch(&self, changed: Box<dyn Fn() + Send + Sync>) -> Watching {
        self.watchers.add(changed)
    }

    /// Says that something is different.
    pub fn announce(&self) {
        self.changed.notify_all();
        self.watchers.call();
    }

    /// The machine is about to be started, with a secret that no agent before knew.
    pub fn begin(&self) -> Result<(StartId, ExpectedAgent), DoorError> {
        let expected = self.door.renew()?;
        let mut state = self.state();
        state.start += 1;
        state.started = Instant::now();
        Ok((StartId(state.start), expected))
    }

    /// Waits for the agent of a start on a thread of its own, and takes it in. `on_absence` is called when it doesn't come within
    /// `limit`, and when it is lost later.
    pub fn expect(
        self: &Arc<Self>,
        start: StartId,
        expected: ExpectedAgent,
        limit: Duration,
        on_absence: OnAbsence,
    ) -> io::Result<()> {
        let presence = Arc::clone(self);
        let wait = move || presence.await_agent(start, &expected, limit, &on_absence);
        std::thread::Builder::new().name("agent arrival".to_owned()).spawn(wait)?;
        Ok(())
    }

    /// The machine was stopped: its agent's connection may outlive it by a moment.
    pub fn leave(&self) {
        let left = self.state().agent.take();
        drop(left);
        self.announce();
    }

    /// Waits until the agent answers.
    pub fn wait(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.state();
        while state.agent.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn await_agent(
        self: &Arc<Self>,
        start: StartId,
        expected: &ExpectedAgent,
        limit: Duration,
        on_absence: &OnAbsence,
    ) {
        let (presence, theirs) = (Arc::clone(self), Arc::clone(on_absence));
        let on_loss =
            Box::new(move |loss: crate::remote::Loss| presence.lose(start, Absence::Lost, loss.to_string(), &theirs));
        let arrived = expected.wait(limit, on_loss).map_err(anyhow::Error::from).and_then(|link| {
            let info = link.info(INFO_LIMIT)?;
            Ok((link, info))
        });
        match arrived {
            Ok((link, info)) => {
                let mut state = self.state();
                if StartId(state.start) != start || link.is_over() {
                    return;
                }
                let ready_ms = u64::try_from(state.started.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(version = info.version, ready_ms, "the agent answers");
                state.failure = None;
                state.agent = Some(Connected { link: Arc::new(link), version: info.version, ready_ms });
                drop(state);
                self.announce();
            }
            Err(error) => self.lose(start, Absence::NotArrived, format!("{error:#}"), on_absence),
        }
    }

    fn lose(&self, start: StartId, absence: Absence, reason: String, on_absence: &OnAbsence) {
        let mut state = self.state();
        if StartId(state.start) != start {
            return;
        }
        let lost = state.agent.take();
        state.failure = Some(reason.clone());
        drop(state);
        // Dropped without the lock: its thread may be the one that calls.
        drop(lost);
        self.announce();
        tracing::warn!(reason, "the connection to the agent is lost");
        on_absence(start, absence);
    }
}
