//! The machine `local`: the agent as a child process on this computer, its disk a directory. It works everywhere that the agent
//! does, needs no rights, and gives containers on this computer a copy at full speed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use causeway_api::{
    AgentInfo, ApiError, ErrorCode, Home, MachineInfo, MachineKind, MachineState, PathBytes, Remedy, Timestamp,
};
use causeway_endpoint::serve::content_dir;
use causeway_wire::agent::ShareId;

use super::process::{Phase, Start, Supervisor, find_agent};
use super::{Absent, Machine, Watchers, Watching};
use crate::doctor::system::space_at;
use crate::remote::{AgentLink, Door};

/// Name of the socket on which the agent dials in.
const SOCKET_NAME: &str = "agent.sock";
/// How long a started agent may take until it has dialled in: a predecessor that still writes holds its disk for a while.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(20);
/// How long the agent may take to say who it is.
const INFO_LIMIT: Duration = Duration::from_secs(5);

/// The machine `local`.
pub struct LocalMachine {
    shared: Arc<Shared>,
    supervisor: Supervisor,
    _listener: Listener,
}

struct Shared {
    disk: PathBuf,
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

impl LocalMachine {
    /// Prepares its disk and its socket. Starts nothing yet.
    pub fn new(home: &Home) -> io::Result<Arc<Self>> {
        let disk = home.machine_dir().join("local");
        std::fs::create_dir_all(&disk)?;
        // As the agent will call it.
        let disk = std::fs::canonicalize(disk)?;
        let door = Door::default();
        let socket = home.socket(SOCKET_NAME);
        let listener = Listener::bind(&socket, door.clone())?;
        let state = State {
            agent: None,
            start: 0,
            started: Instant::now(),
            failure: None,
            shown: MachineState::Stopped,
            since: Timestamp::now(),
        };
        let shared = Arc::new(Shared {
            disk,
            door,
            watchers: Watchers::default(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let log = home.logs_dir().join("agent.log");
        Ok(Arc::new_cyclic(|machine: &Weak<Self>| {
            let (theirs, weak) = (Arc::clone(&shared), machine.clone());
            let make = move || prepare_start(&theirs, &weak, &socket);
            let theirs = Arc::clone(&shared);
            let on_change = move || theirs.announce();
            let supervisor = Supervisor::new(Box::new(make), Box::new(on_change), log)
                .expect("the system has room for one more thread");
            Self { shared, supervisor, _listener: listener }
        }))
    }

    fn state_shown(&self, agent: bool) -> (MachineState, Option<String>) {
        match self.supervisor.phase() {
            Phase::Stopped => (MachineState::Stopped, None),
            _ if agent => (MachineState::Running, None),
            Phase::Starting { last: Some(reason) } => (MachineState::Failed, Some(reason)),
            Phase::Starting { last: None } | Phase::Running { .. } => (MachineState::Starting, None),
        }
    }
}

impl Machine for LocalMachine {
    fn start(&self) {
        self.supervisor.start();
    }

    fn stop(&self, limit: Duration) {
        self.supervisor.stop(limit);
        // Its connection may outlive it by a moment.
        self.shared.state().agent = None;
        self.shared.announce();
    }

    fn wait_until_ready(&self, limit: Duration) -> Result<(), ApiError> {
        let deadline = Instant::now() + limit;
        let mut state = self.shared.state();
        while state.agent.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                let Absent { reason, remedy } = self.absence();
                let error = ApiError::new(ErrorCode::MachineUnavailable, reason);
                return Err(ApiError { remedy, ..error });
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    fn info(&self) -> MachineInfo {
        let mut state = self.shared.state();
        let (shown, reason) = self.state_shown(state.agent.is_some());
        if shown != state.shown {
            state.shown = shown;
            state.since = Timestamp::now();
        }
        let agent = state.agent.as_ref().map(|connected| AgentInfo {
            version: connected.version.clone(),
            pid: Some(connected.link.pid()),
            ready_ms: Some(connected.ready_ms),
        });
        let failure = state.failure.clone().filter(|_| agent.is_none());
        let detail = failure.or(reason).filter(|_| shown != MachineState::Stopped);
        MachineInfo {
            kind: MachineKind::Local,
            state: shown,
            state_since: state.since,
            remedy: remedy(shown, detail.is_some()),
            detail: detail.map(|reason| format!("The agent doesn't answer: {reason}.")),
            agent,
            disk_path: Some(PathBytes::from(self.shared.disk.as_path())),
            // The disk is shared with everything else on it; how much of it is the machine's, the shares tell.
            disk_used_bytes: None,
            disk_free_bytes: space_at(&self.shared.disk).map(|space| space.free_bytes),
            restarts: self.supervisor.starts().saturating_sub(1),
        }
    }

    fn agent(&self) -> Result<Arc<AgentLink>, Absent> {
        let link = self.shared.state().agent.as_ref().map(|connected| Arc::clone(&connected.link));
        match link {
            Some(link) if !link.is_over() => Ok(link),
            _ => Err(self.absence()),
        }
    }

    fn content_path(&self, share: ShareId) -> Option<PathBytes> {
        Some(PathBytes::from(content_dir(&self.shared.disk, share).as_path()))
    }

    fn door(&self) -> &Door {
        &self.shared.door
    }

    fn watch(&self, changed: Box<dyn Fn() + Send + Sync>) -> Watching {
        self.shared.watchers.add(changed)
    }
}

impl LocalMachine {
    fn absence(&self) -> Absent {
        let info = self.info();
        let reason = match (info.state, info.detail) {
            (_, Some(detail)) => detail,
            (MachineState::Stopped, None) => "The machine is stopped.".to_owned(),
            (_, None) => "The machine is starting.".to_owned(),
        };
        Absent { reason, remedy: info.remedy }
    }
}

fn remedy(state: MachineState, failing: bool) -> Option<Remedy> {
    match state {
        MachineState::Stopped => Some(Remedy::command("Start it.", "causeway machine start")),
        MachineState::Failed | MachineState::Starting if failing => {
            Some(Remedy::command("See what is missing.", "causeway doctor"))
        }
        _ => None,
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self) {
        self.changed.notify_all();
        self.watchers.call();
    }

    /// Waits for the agent of one start, and takes it in.
    fn await_agent(self: Arc<Self>, machine: &Weak<LocalMachine>, start: u64, expected: &crate::remote::ExpectedAgent) {
        let (theirs, weak) = (Arc::clone(&self), machine.clone());
        let on_loss = Box::new(move |loss: crate::remote::Loss| theirs.lose(&weak, start, loss.to_string()));
        let arrived = expected.wait(ARRIVAL_LIMIT, on_loss).map_err(anyhow::Error::from).and_then(|link| {
            let info = link.info(INFO_LIMIT)?;
            Ok((link, info))
        });
        match arrived {
            Ok((link, info)) => {
                let mut state = self.state();
                if state.start != start || link.is_over() {
                    return;
                }
                let ready_ms = u64::try_from(state.started.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(version = info.version, ready_ms, "the agent answers");
                state.failure = None;
                state.agent = Some(Connected { link: Arc::new(link), version: info.version, ready_ms });
                drop(state);
                self.announce();
            }
            Err(error) => self.lose(machine, start, format!("{error:#}")),
        }
    }

    /// An agent that can't be reached is of no use: it is ended, and another one started.
    fn lose(&self, machine: &Weak<LocalMachine>, start: u64, reason: String) {
        let mut state = self.state();
        if state.start != start {
            return;
        }
        let lost = state.agent.take();
        state.failure = Some(reason.clone());
        drop(state);
        // Dropped without the lock: its thread may be the one that calls.
        drop(lost);
        self.announce();
        if let Some(machine) = machine.upgrade() {
            tracing::warn!(reason, "the connection to the agent is lost");
            machine.supervisor.kill();
        }
    }
}

fn prepare_start(shared: &Arc<Shared>, machine: &Weak<LocalMachine>, socket: &Path) -> anyhow::Result<Start> {
    let program = find_agent()?;
    let expected = shared.door.renew()?;
    let told = expected.secret().0.to_vec();
    let start = {
        let mut state = shared.state();
        state.start += 1;
        state.started = Instant::now();
        state.start
    };
    let (theirs, weak) = (Arc::clone(shared), machine.clone());
    std::thread::Builder::new()
        .name("agent arrival".to_owned())
        .spawn(move || theirs.await_agent(&weak, start, &expected))?;
    let mut command = Command::new(program);
    command.arg("--socket").arg(socket).arg("--disk").arg(&shared.disk);
    Ok(Start { command, told })
}

#[cfg(unix)]
use crate::remote::Listener;

/// The agent's program is for Linux; where it can't be a child process of this system, another machine is taken.
#[cfg(not(unix))]
struct Listener {}

#[cfg(not(unix))]
impl Listener {
    fn bind(_: &Path, _: Door) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "the machine \"local\" needs a Unix system"))
    }
}
