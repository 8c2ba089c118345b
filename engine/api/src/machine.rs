//! The machine and the engine.

use serde::{Deserialize, Serialize};

use crate::{path::PathBytes, problem::Remedy, time::Timestamp};

/// What the machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum MachineKind {
    /// The agent as a child process on this computer; its disk is a directory.
    Local,
    /// A VM.
    Vm,
    /// An agent that already runs somewhere.
    Attach,
}

impl MachineKind {
    /// The words that the interface shows.
    pub fn words(self) -> &'static str {
        match self {
            Self::Local => "Directory on this computer",
            Self::Vm => "VM on this computer",
            Self::Attach => "Agent that already runs",
        }
    }
}

/// How the machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum MachineState {
    /// Not running, by a person's wish.
    Stopped,
    /// On the way up.
    Starting,
    /// The agent answers.
    Running,
    /// On the way down.
    Stopping,
    /// Broke, and is tried again.
    Failed,
}

impl MachineState {
    /// The words that the interface shows.
    pub fn words(self) -> &'static str {
        match self {
            Self::Stopped => "Stopped",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Failed => "Failed",
        }
    }
}

/// Everything about the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MachineInfo {
    /// What it is.
    pub kind: MachineKind,
    /// How it is.
    pub state: MachineState,
    /// Since when it is so.
    pub state_since: Timestamp,
    /// What there is to say about the state, as a sentence; `null` where the state says it all.
    pub detail: Option<String>,
    /// What moves the state on; `null` where nothing has to.
    pub remedy: Option<Remedy>,
    /// The agent, while it is connected.
    pub agent: Option<AgentInfo>,
    /// Where its disk is on this computer; `null` where it is elsewhere.
    pub disk_path: Option<PathBytes>,
    /// Bytes of its disk that are used; `null` while that isn't known.
    pub disk_used_bytes: Option<u64>,
    /// Bytes of its disk that are free.
    pub disk_free_bytes: Option<u64>,
    /// Times that the agent was started again because it ended, since the engine started.
    pub restarts: u64,
    /// Why it is of this kind, as a sentence.
    pub chosen_because: String,
    /// What would let the processor run a VM here; `null` where it does, and where nothing is known to help.
    #[serde(default)]
    pub acceleration_remedy: Option<Remedy>,
    /// How far the start is; `null` unless it is on the way up, and for machines that start in one step.
    #[serde(default)]
    pub start: Option<MachineStart>,
    /// What only a VM has; `null` for other kinds, and before the first start.
    pub vm: Option<VmInfo>,
}

/// How far a start of the machine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MachineStart {
    /// When it began.
    pub began: Timestamp,
    /// How long the last one took that succeeded, in milliseconds; `null` before the first one of this engine.
    pub last_took_ms: Option<u64>,
    /// Its steps that have begun, in their order. Those of [`StartPhase::ALL`] that follow haven't.
    pub steps: Vec<StartStep>,
}

/// A step of a start that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct StartStep {
    /// Which.
    pub phase: StartPhase,
    /// When it began.
    pub began: Timestamp,
    /// How long it took, in milliseconds; `null` while it goes on.
    pub took_ms: Option<u64>,
    /// What the guest said of it last; `null` where it said nothing.
    pub detail: Option<String>,
}

/// The steps of a VM's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum StartPhase {
    /// Image, data disk and sockets are made ready.
    Prepare,
    /// The kernel boots.
    Boot,
    /// The guest mounts its disks, and checks them.
    Guest,
    /// The agent connects.
    Agent,
}

impl StartPhase {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Prepare, Self::Boot, Self::Guest, Self::Agent];
}

/// The last lines that a machine printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ConsoleTail {
    /// The oldest first; none where the machine has no console.
    pub lines: Vec<String>,
}

/// Whether the processor of this computer runs VMs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Acceleration {
    /// Why not, as a sentence; `null` where it does.
    pub refused: Option<String>,
    /// What would help; `null` where nothing has to, or nothing is known to.
    pub remedy: Option<Remedy>,
}

/// What only a VM has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct VmInfo {
    /// What runs it: `QEMU`.
    pub hypervisor: String,
    /// Whether the processor runs it, and not an emulation, which is slow.
    pub accelerated: bool,
    /// Why the processor doesn't, as a sentence; `null` where it does.
    pub emulated_because: Option<String>,
    /// Processors that it has.
    pub cpus: u32,
    /// Memory that it has at most, in bytes.
    pub memory_bytes: u64,
    /// Size of its data disk, in bytes. What its content takes is `disk_used_bytes` of the machine.
    pub disk_bytes: u64,
    /// Where Docker's API is on this computer.
    pub docker_socket: PathBytes,
    /// Ports of containers that are reached at 127.0.0.1 and ::1 of this computer.
    pub ports: Vec<PublishedPort>,
}

/// Which of the two kinds of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum PortProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A port that a container publishes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PublishedPort {
    /// Its number.
    pub port: u16,
    /// Of which kind it is.
    pub protocol: PortProtocol,
    /// Why it can't be reached here, as a sentence: another program has it. `null` where it can.
    pub problem: Option<String>,
}

/// Which machine there is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum MachineChoice {
    /// A VM where the processor runs it, else a directory.
    #[default]
    Auto,
    /// A directory on this computer.
    Local,
    /// A VM.
    Vm,
}

/// How the machine is set up. What is `null` follows from the computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MachineSettings {
    /// Which; from the next start of the engine on.
    pub kind: MachineChoice,
    /// Processors of a VM; from its next start on, as all that follows.
    pub cpus: Option<u32>,
    /// Memory of a VM, in MiB.
    pub memory_mib: Option<u64>,
    /// Size of a VM's data disk, in GiB. It only grows.
    pub disk_gib: Option<u64>,
}

/// What is to be different about [`MachineSettings`]; `null` leaves a thing as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ConfigureMachine {
    /// Which.
    pub kind: Option<MachineChoice>,
    /// Processors.
    pub cpus: Option<Setting>,
    /// Memory, in MiB.
    pub memory_mib: Option<Setting>,
    /// Size of the data disk, in GiB.
    pub disk_gib: Option<Setting>,
}

/// A number that a person chooses, or leaves to follow from the computer. In JSON the number, or `"auto"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Setting {
    /// What suits the computer.
    Auto,
    /// This.
    #[serde(untagged)]
    Number(u64),
}

impl Setting {
    /// The number, if one is chosen.
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Auto => None,
            Self::Number(number) => Some(number),
        }
    }
}

/// `auto`, or a number.
impl std::str::FromStr for Setting {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Number) }
    }
}

/// The agent, as it introduced itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct AgentInfo {
    /// Its version.
    pub version: String,
    /// Its process id, inside the machine.
    pub pid: Option<u32>,
    /// From the start of the machine until it answered, in milliseconds.
    pub ready_ms: Option<u64>,
}

/// Version of this protocol. A change that older programs don't understand raises it.
pub const PROTOCOL_VERSION: u32 = 1;

/// Everything about the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct EngineStatus {
    /// Its version.
    pub version: String,
    /// [`PROTOCOL_VERSION`] of the engine.
    pub protocol: u32,
    /// Its process id.
    pub pid: u32,
    /// When it started.
    pub started: Timestamp,
    /// Where its data is.
    pub home: PathBytes,
    /// How many shares it has.
    pub shares: u64,
    /// The machine.
    pub machine: MachineInfo,
}
