//! The machine `local`: the agent as a child process on this computer, its disk a directory. It works everywhere that the agent
//! does, needs no rights, and gives containers on this computer a copy at full speed.

use super::choose::Chosen;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Weak};
use std::time::Duration;

use causeway_api::{ApiError, ErrorCode, Home, MachineInfo, MachineKind, MachineState, PathBytes};

use super::presence::{OnAbsence, Presence};
use super::process::{Phase, Start, Supervisor, find_agent};
use super::usage::{self, Measured};
use super::{Absent, Machine, Patience, Watching, remedy_for};
use crate::doctor::system::space_at;
use crate::remote::{AgentLink, Door};

/// Name of the socket on which the agent dials in.
const SOCKET_NAME: &str = "agent.sock";
/// How long a started agent may take until it has dialled in: a predecessor that still writes holds its disk for a while.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(20);

/// The machine `local`.
pub struct LocalMachine {
    disk: PathBuf,
    presence: Arc<Presence>,
    supervisor: Supervisor,
    chosen: Chosen,
    _listener: Listener,
}

impl LocalMachine {
    /// Prepares its disk and its socket. Starts nothing yet.
    pub fn new(home: &Home, chosen: Chosen) -> io::Result<Arc<Self>> {
        let disk = home.machine_dir().join("local");
        std::fs::create_dir_all(&disk)?;
        // As the agent will call it.
        let disk = std::fs::canonicalize(disk)?;
        let presence = Arc::new(Presence::default());
        let socket = home.socket(SOCKET_NAME);
        let listener = Listener::bind(&socket, presence.door().clone())?;
        let log = home.agent_log_file();
        Ok(Arc::new_cyclic(|machine: &Weak<Self>| {
            let weak = machine.clone();
            let on_absence: OnAbsence = Arc::new(move |_, _| kill(&weak));
            let (theirs, on_disk) = (Arc::clone(&presence), disk.clone());
            let make = move || prepare_start(&theirs, &on_absence, &socket, &on_disk);
            let theirs = Arc::clone(&presence);
            let on_change = move || theirs.announce();
            let supervisor = Supervisor::new("the agent", Box::new(make), Box::new(on_change), log)
                .expect("the system has room for one more thread");
            Self { disk, presence, supervisor, chosen, _listener: listener }
        }))
    }

    fn state_shown(&self, agent: bool) -> (MachineState, Option<String>) {
        match self.supervisor.phase() {
            Phase::Stopped => (MachineState::Stopped, None),
            Phase::Stopping => (MachineState::Stopping, None),
            _ if agent => (MachineState::Running, None),
            Phase::Starting { last: Some(reason) } => (MachineState::Failed, Some(reason)),
            Phase::Starting { last: None } | Phase::Running { .. } => (MachineState::Starting, None),
        }
    }
}

/// An agent that can't be reached is of no use: it is ended, and another one started.
fn kill(machine: &Weak<LocalMachine>) {
    if let Some(machine) = machine.upgrade() {
        machine.supervisor.kill();
    }
}

impl Machine for LocalMachine {
    fn start(&self) {
        self.supervisor.start();
    }

    fn stop(&self, limit: Duration) {
        self.supervisor.stop(limit);
        self.presence.leave();
    }

    fn patience(&self) -> Patience {
        Patience { start: Duration::from_secs(30), stop: Duration::from_secs(5) }
    }

    fn wait_until_ready(&self, limit: Duration) -> Result<(), ApiError> {
        if self.presence.wait(limit) {
            return Ok(());
        }
        Err(Absent::of(&self.info()).into())
    }

    fn reset(&self) -> Result<(), ApiError> {
        let emptied = std::fs::remove_dir_all(&self.disk).and_then(|()| std::fs::create_dir_all(&self.disk));
        emptied.map_err(|e| ApiError::new(ErrorCode::Io, format!("{} can't be emptied: {e}.", self.disk.display())))
    }

    fn info(&self) -> MachineInfo {
        let agent = self.presence.agent_info();
        let (shown, reason) = self.state_shown(agent.is_some());
        let detail = self.presence.failure().or(reason).filter(|_| shown != MachineState::Stopped);
        MachineInfo {
            kind: MachineKind::Local,
            state: shown,
            state_since: self.presence.since(shown),
            remedy: remedy_for(shown, detail.is_some()),
            detail: detail.map(|reason| format!("The agent doesn't answer: {reason}.")),
            agent,
            disk_path: Some(PathBytes::from(self.disk.as_path())),
            // The disk is shared with everything else on it; how much of it is the machine's, the shares tell.
            disk_used_bytes: None,
            disk_free_bytes: space_at(&self.disk).map(|space| space.free_bytes),
            restarts: self.supervisor.starts().saturating_sub(1),
            chosen_because: self.chosen.because.clone(),
            acceleration_remedy: self.chosen.acceleration_remedy.clone(),
            start: None,
            vm: None,
        }
    }

    fn agent(&self) -> Result<Arc<AgentLink>, Absent> {
        self.presence.link().ok_or_else(|| Absent::of(&self.info()))
    }

    fn disk(&self) -> &Path {
        &self.disk
    }

    fn measure(&self) -> Option<Measured> {
        let Phase::Running { pid } = self.supervisor.phase() else { return None };
        usage::of_process(pid)
    }

    fn door(&self) -> &Door {
        self.presence.door()
    }

    fn watch(&self, changed: Box<dyn Fn() + Send + Sync>) -> Watching {
        self.presence.watch(changed)
    }
}

fn prepare_start(
    presence: &Arc<Presence>,
    on_absence: &OnAbsence,
    socket: &Path,
    disk: &Path,
) -> anyhow::Result<Start> {
    let program = find_agent()?;
    let (start, expected) = presence.begin()?;
    let told = expected.secret().0.to_vec();
    presence.expect(start, expected, ARRIVAL_LIMIT, Arc::clone(on_absence))?;
    let mut command = Command::new(program);
    command.arg("--socket").arg(socket).arg("--disk").arg(disk);
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
