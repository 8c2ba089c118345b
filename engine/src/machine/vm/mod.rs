//! The machine `vm`: a small Linux VM of Causeway's own, with the agent as PID 1, an ext4 data disk, and Docker.
//!
//! ```text
//!  VmMachine ── Supervisor ──► hypervisor's program ──► guest: PID 1 ─► agent, dockerd
//!      │                            │ console                    │ dials
//!      ├── Console ◄────────────────┘                            │
//!      ├── Vsock ◄───────────────────────────────────────────────┘
//!      └── Watchdog: asks the agent for a sign of life, and sets the guest's clock
//! ```
//!
//! Each start has a secret of its own, which the guest's root alone can read. An agent that breaks is started again inside the guest;
//! where it doesn't come back, or stops answering, the VM is ended and started again. However the engine ends, the VM ends
//! with it.
//!
//! The guest isn't trusted. What it can reach of the host is the engine's door, where it has to know the secret.

mod channels;
mod console;
mod data_disk;
pub mod hypervisor;
pub mod image;
mod installed;
#[cfg(target_os = "linux")]
mod loopback;
pub mod parts;
mod ports;
pub mod qemu;
pub mod room;
mod shell;
mod steps;
mod trace;
pub mod trial;
pub mod vsock;
#[cfg(target_os = "linux")]
mod vsock_kernel;
mod watchdog;

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use causeway_api::{
    ApiError, ErrorCode, Home, MachineInfo, MachineKind, MachineState, PathBytes, Remedy, StartPhase, VmInfo,
};
use causeway_wire::boot::{self, Boot, DataDisk};
use causeway_wire::channel::Target;

use self::channels::Channels;
use self::console::{Console, Told};
use self::hypervisor::{Acceleration, Plan, Unaccelerated};
use self::parts::Parts;
use self::ports::Ports;
use self::steps::Steps;
use self::vsock::{Device, Vsock};
use self::watchdog::Watchdog;
use super::presence::{Absence, OnAbsence, Presence, StartId};
use super::process::{Phase, Start, Supervisor};
use super::settings::{self, Size};
use super::usage::{self, Bounds, Measured};
use super::{Absent, Machine, Patience, Watching, remedy_for};
use crate::doctor::system::space_at;
use crate::remote::{AgentLink, Door, ExpectedAgent, Listener};

/// Where the guest keeps the shares.
const GUEST_DISK: &str = "/data/causeway";
/// The name that the guest calls itself by.
const HOSTNAME: &str = "causeway";
/// How long the guest may take from its start until the agent has dialled in, by the processor and emulated. Seconds are usual;
/// the rest is for a disk that is checked, and for a busy computer.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(60);
const ARRIVAL_LIMIT_EMULATED: Duration = Duration::from_secs(180);
/// How long an agent that broke may take until it is back.
const RETURN_LIMIT: Duration = Duration::from_secs(30);
/// How long the guest may take to end in good order: its containers have 5 s, Docker some more, the shares and the disk the rest.
const STOP_LIMIT: Duration = Duration::from_secs(22);
/// How often whoever waits for the agent looks whether that is in vain.
const LOOK: Duration = Duration::from_millis(250);
/// How long what can't be started is tried again before whoever waits is told: the VM before may take a moment to end.
const START_AGAIN_PATIENCE: Duration = Duration::from_secs(5);
/// How long a client of Docker waits for a machine and a Docker that are on their way up.
const DOCKER_PATIENCE: Duration = Duration::from_secs(60);
/// How long the agent may take to close its shares.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(20);

/// The machine `vm`.
pub struct VmMachine {
    shared: Arc<Shared>,
    supervisor: Supervisor,
    _watchdog: Watchdog,
    channels: Channels,
    _shells: Listener,
    ports: Ports,
}

struct Shared {
    home: Home,
    because: String,
    places: Places,
    presence: Arc<Presence>,
    console: Console,
    steps: Arc<Steps>,
    now: Mutex<Now>,
}

/// Where things are on the host.
struct Places {
    data_disk: PathBuf,
    boot: PathBuf,
    trial: PathBuf,
    logs: PathBuf,
}

/// What the present VM has.
#[derive(Default)]
struct Now {
    device: Option<Device>,
    vsock: Option<Vsock>,
    facts: Option<Facts>,
}

/// What there is to tell of the VM that was started last.
#[derive(Clone)]
struct Facts {
    hypervisor: &'static str,
    acceleration: Acceleration,
    size: Size,
    /// Why it is less than what is set, where it is.
    smaller_because: Option<String>,
}

impl VmMachine {
    /// Prepares its sockets. Starts nothing yet: what is missing is told when it is started.
    pub fn new(home: &Home, because: String) -> anyhow::Result<Arc<Self>> {
        let directory = directory(home);
        fs::create_dir_all(&directory)?;
        let places = Places {
            data_disk: directory.join("data.img"),
            boot: home.socket("boot"),
            trial: trial_file(home),
            logs: home.logs_dir(),
        };
        let presence = Arc::new(Presence::default());
        let steps = Arc::new(Steps::default());
        let (theirs, followed) = (Arc::clone(&presence), Arc::clone(&steps));
        let on_told = move |told: &Told| {
            if let Some(stage) = &told.stage {
                followed.follow(stage);
            }
            theirs.announce();
        };
        let console = Console::listen(&home.socket("console.sock"), home.console_log_file(), Box::new(on_told))?;
        let channels = Channels::new(Arc::clone(&presence));
        let shells = shell::listen(&home.shell_socket(), channels.clone())?;
        let ports = Ports::follow(home.docker_socket(), channels.clone(), Arc::clone(&presence))?;
        let now = Mutex::default();
        let shared = Arc::new(Shared { home: home.clone(), because, places, presence, console, steps, now });
        Ok(Arc::new_cyclic(|machine: &Weak<Self>| {
            let on_absence = on_absence_of(machine);
            let theirs = Arc::clone(&shared);
            let make = move || theirs.prepare_start(&on_absence);
            let theirs = Arc::clone(&shared);
            let on_change = move || theirs.presence.announce();
            let log = shared.places.logs.join("hypervisor.log");
            let supervisor = Supervisor::new("the VM", Box::new(make), Box::new(on_change), log)
                .expect("the system has room for one more thread");
            let weak = machine.clone();
            let watchdog = Watchdog::start(Arc::clone(&shared.presence), move || {
                if let Some(machine) = weak.upgrade() {
                    machine.supervisor.kill();
                }
            })
            .expect("the system has room for one more thread");
            Self { shared, supervisor, _watchdog: watchdog, channels, _shells: shells, ports }
        }))
    }

    /// The agent of a start isn't there: one that was there may come back by itself, else the VM is started again.
    fn miss(&self, start: StartId, absence: Absence, again: OnAbsence) {
        let expected = match absence {
            Absence::Lost => self.shared.presence.door().expect_again(),
            Absence::NotArrived => None,
        };
        let waits = expected.map(|expected| self.shared.presence.expect(start, expected, RETURN_LIMIT, again));
        if !matches!(waits, Some(Ok(()))) {
            self.supervisor.kill();
        }
    }

    /// Asks the guest to end in order. Returns whether it could be asked; the answer is awaited elsewhere.
    fn ask_to_end(&self) -> bool {
        let Some(link) = self.shared.presence.link() else { return false };
        let ask = move || {
            if let Err(error) = link.shutdown(SHUTDOWN_LIMIT) {
                tracing::warn!(%error, "the guest doesn't say that it ends");
            }
        };
        std::thread::Builder::new().name("shutdown".to_owned()).spawn(ask).is_ok()
    }

    /// Whether waiting longer for the agent is no use: the guest says so, or there is nothing to start.
    fn is_in_vain(&self, waited: Duration) -> bool {
        let cannot_start = matches!(self.supervisor.phase(), Phase::Starting { last: Some(_) });
        self.shared.console.told().failure.is_some() || (cannot_start && waited > START_AGAIN_PATIENCE)
    }

    fn state_shown(&self, agent: bool) -> (MachineState, Option<String>) {
        let told = self.shared.console.told();
        match self.supervisor.phase() {
            Phase::Stopped => (MachineState::Stopped, None),
            Phase::Stopping => (MachineState::Stopping, told.stage),
            _ if agent => (
                MachineState::Running,
                told.out_of_memory.map(|killed| format!("Memory ran out: process {killed} was ended")),
            ),
            Phase::Starting { last: Some(reason) } => (MachineState::Failed, Some(told.failure.unwrap_or(reason))),
            Phase::Starting { last: None } | Phase::Running { .. } => {
                (MachineState::Starting, told.failure.or(self.shared.presence.failure()).or(told.stage))
            }
        }
    }
}

/// What is done when the agent of a machine isn't there.
fn on_absence_of(machine: &Weak<VmMachine>) -> OnAbsence {
    let weak = machine.clone();
    Arc::new(move |start, absence| {
        if let Some(machine) = weak.upgrade() {
            machine.miss(start, absence, on_absence_of(&weak));
        }
    })
}

impl Machine for VmMachine {
    fn start(&self) {
        self.supervisor.start();
    }

    fn stop(&self, limit: Duration) {
        // A guest without an agent can't be asked. It is on its way up and holds nothing yet that the disk doesn't.
        let limit = if self.ask_to_end() { limit } else { Duration::ZERO };
        self.supervisor.stop(limit);
        self.shared.close_ways();
        self.shared.presence.leave();
    }

    fn patience(&self) -> Patience {
        Patience { start: ARRIVAL_LIMIT_EMULATED, stop: STOP_LIMIT }
    }

    fn wait_until_ready(&self, limit: Duration) -> Result<(), ApiError> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if self.shared.presence.wait(LOOK.min(limit)) {
                return Ok(());
            }
            if self.is_in_vain(begun.elapsed()) {
                break;
            }
        }
        Err(Absent::of(&self.info()).into())
    }

    fn reset(&self) -> Result<(), ApiError> {
        data_disk::remove(&self.shared.places.data_disk).map_err(|e| ApiError::new(ErrorCode::Io, format!("{e}.")))
    }

    fn info(&self) -> MachineInfo {
        let agent = self.shared.presence.agent_info();
        let (shown, detail) = self.state_shown(agent.is_some());
        if agent.is_some() {
            self.shared.steps.finish();
        }
        let disk = &self.shared.places.data_disk;
        MachineInfo {
            kind: MachineKind::Vm,
            state: shown,
            state_since: self.shared.presence.since(shown),
            remedy: remedy_for(shown, shown == MachineState::Failed),
            detail: detail.map(|detail| sentence(&detail)),
            agent,
            disk_path: Some(PathBytes::from(disk.as_path())),
            disk_used_bytes: allocated_bytes(disk),
            disk_free_bytes: space_at(disk.parent().unwrap_or(disk)).map(|space| space.free_bytes),
            restarts: self.supervisor.starts().saturating_sub(1),
            chosen_because: self.shared.because.clone(),
            acceleration_remedy: self.shared.acceleration_remedy(),
            start: self.shared.steps.shown().filter(|_| shown == MachineState::Starting),
            vm: self.shared.vm_info().map(|vm| VmInfo { ports: self.ports.shown(), ..vm }),
        }
    }

    fn agent(&self) -> Result<Arc<AgentLink>, Absent> {
        self.shared.presence.link().ok_or_else(|| Absent::of(&self.info()))
    }

    fn disk(&self) -> &Path {
        Path::new(GUEST_DISK)
    }

    fn has_docker(&self) -> bool {
        true
    }

    fn console(&self) -> Vec<String> {
        self.shared.console.tail()
    }

    fn measure(&self) -> Option<Measured> {
        let Phase::Running { pid } = self.supervisor.phase() else { return None };
        let measured = usage::of_process(pid)?;
        Some(Measured { disk_bytes: allocated_bytes(&self.shared.places.data_disk), ..measured })
    }

    fn bounds(&self) -> Bounds {
        let Some(Facts { size, .. }) = self.shared.now().facts.clone() else { return Bounds::of_this_computer() };
        let (memory_bytes, disk_bytes) = (Some(size.memory_mib << 20), Some(size.disk_bytes));
        Bounds { cpus: size.cpus, memory_bytes, disk_bytes }
    }

    fn connect_docker(&self, end: UnixStream) -> Result<(), String> {
        let connected = self.channels.connect(end, Target::Docker, DOCKER_PATIENCE);
        connected.map_err(|(_, error)| format!("{error}."))
    }

    fn door(&self) -> &Door {
        self.shared.presence.door()
    }

    fn watch(&self, changed: Box<dyn Fn() + Send + Sync>) -> Watching {
        self.shared.presence.watch(changed)
    }
}

impl Shared {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends what a VM needed, and closes the sockets.
    fn close_ways(&self) {
        let mut now = self.now();
        (now.device, now.vsock) = (None, None);
    }

    /// Prepares everything for a VM and says how it is started. On the supervisor's thread, which lives as long as the VM.
    fn prepare_start(&self, on_absence: &OnAbsence) -> anyhow::Result<Start> {
        // Those of the VM before hold the sockets.
        self.close_ways();
        self.console.begin();
        self.steps.begin();
        let Parts { hypervisor, image } = Parts::find()?;
        let size = settings::size(&settings::read(self.home.root())?);
        room::check(size, self.places.data_disk.parent().unwrap_or(&self.places.data_disk))?;
        let acceleration = trial::acceleration(&*hypervisor, &image, &self.places.trial);
        let (size, smaller_because) = hypervisor.fit(size, &acceleration);
        let data = data_disk::prepare(&self.places.data_disk, size.disk_bytes)?;
        let vsock = Vsock::open(&self.home, self.presence.door().clone())?;
        let (device, guest) = vsock.start()?;
        let (start, expected) = self.presence.begin()?;
        self.tell_guest(&expected, vsock.port(), data)?;
        let plan = Plan {
            image: &image,
            data_disk: &self.places.data_disk,
            size,
            acceleration: &acceleration,
            console: self.console.socket(),
            vsock: guest,
            boot: &self.places.boot,
        };
        let command = hypervisor.command(&plan);
        let limit = match acceleration {
            Acceleration::Hardware => ARRIVAL_LIMIT,
            Acceleration::Emulation(_) => ARRIVAL_LIMIT_EMULATED,
        };
        self.presence.expect(start, expected, limit, Arc::clone(on_absence))?;
        let facts = Facts { hypervisor: hypervisor.name(), acceleration, size, smaller_because };
        *self.now() = Now { device: Some(device), vsock: Some(vsock), facts: Some(facts) };
        self.steps.reach(StartPhase::Boot);
        Ok(Start { command, told: Vec::new() })
    }

    fn acceleration_remedy(&self) -> Option<Remedy> {
        match &self.now().facts.as_ref()?.acceleration {
            Acceleration::Hardware => None,
            Acceleration::Emulation(why) => why.remedy.clone(),
        }
    }

    fn vm_info(&self) -> Option<VmInfo> {
        let Facts { hypervisor, acceleration, size, smaller_because } = self.now().facts.clone()?;
        let (accelerated, emulated_because) = match acceleration {
            Acceleration::Hardware => (true, None),
            Acceleration::Emulation(Unaccelerated { because, .. }) => {
                (false, Some([Some(because), smaller_because].into_iter().flatten().collect::<Vec<_>>().join(" ")))
            }
        };
        Some(VmInfo {
            hypervisor: hypervisor.to_owned(),
            accelerated,
            emulated_because,
            cpus: size.cpus,
            memory_bytes: size.memory_mib << 20,
            disk_bytes: size.disk_bytes,
            docker_socket: PathBytes::from(self.home.docker_socket().as_path()),
            ports: Vec::new(),
        })
    }

    /// Puts what the guest is told where the hypervisor reads it and no other user can.
    fn tell_guest(&self, expected: &ExpectedAgent, port: u32, data: DataDisk) -> anyhow::Result<()> {
        let boot = Boot { secret: expected.secret().clone(), port, data, hostname: HOSTNAME.to_owned() };
        match fs::remove_file(&self.places.boot) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.places.boot)?;
        Ok(boot::write(file, &boot)?)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = fs::remove_file(&self.places.boot);
    }
}

fn directory(home: &Home) -> PathBuf {
    home.machine_dir().join("vm")
}

/// Where it is noted what a [`trial`] showed.
pub fn trial_file(home: &Home) -> PathBuf {
    directory(home).join("trial.json")
}

/// The space that a sparse file takes.
fn allocated_bytes(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    // In units of 512 bytes (stat(2)).
    fs::metadata(path).ok().map(|metadata| metadata.blocks().saturating_mul(512))
}

/// With a capital at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}
