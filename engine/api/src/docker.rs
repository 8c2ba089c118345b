//! Docker's API on this computer: what stands between programs and the Docker that runs the containers.

use serde::{Deserialize, Serialize};

use crate::{
    path::PathBytes,
    share::{Mode, Patterns},
    time::Timestamp,
};

/// Longest time that the start of a container waits for changes on their way, where nobody says otherwise.
pub const BARRIER_MS_UNASKED: u64 = 5_000;

/// What the context of the docker command is called that leads to Causeway's socket.
pub const CONTEXT: &str = "causeway";

/// Whether folders of Docker Compose's projects become shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum AutoShare {
    /// Never by themselves.
    Off,
    /// A person is told which are wanted.
    #[default]
    Ask,
    /// As soon as a container wants one.
    On,
}

/// How Docker's API is set up. What is `null` is as it is where nobody says anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DockerSettings {
    /// The socket of the Docker Engine that runs the containers, where the machine is a directory of this computer. A VM has
    /// its own.
    pub engine_socket: Option<PathBytes>,
    /// The folders that containers may have, with all that is below them; `null` for the home folder alone.
    pub allowed: Option<Vec<PathBytes>>,
    /// Longest wait in milliseconds before a container starts or runs a command; 0 for none.
    pub barrier_ms: Option<u64>,
    /// Whether folders of Docker Compose's projects become shares.
    pub compose_auto_share: AutoShare,
}

impl DockerSettings {
    /// Longest wait in milliseconds.
    pub fn barrier_ms(&self) -> u64 {
        self.barrier_ms.unwrap_or(BARRIER_MS_UNASKED)
    }
}

/// What is to be different about [`DockerSettings`]; `null` leaves a thing as it is. Takes effect at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ConfigureDocker {
    /// The Docker Engine's socket; empty for none.
    pub engine_socket: Option<PathBytes>,
    /// Folders that containers may have from now on.
    pub allow: Vec<PathBytes>,
    /// Folders that they may not have any more.
    pub disallow: Vec<PathBytes>,
    /// Longest wait before a container starts.
    pub barrier_ms: Option<u64>,
    /// Whether folders of Docker Compose's projects become shares.
    pub compose_auto_share: Option<AutoShare>,
}

/// Everything about Docker's API on this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DockerInfo {
    /// The socket that programs use.
    pub socket: PathBytes,
    /// The folders that containers may have.
    pub allowed: Vec<PathBytes>,
    /// Folders of Docker Compose's projects that containers wanted lately, and no share covers.
    pub wanted: Vec<WantedFolder>,
    /// Docker Compose's projects that the Docker Engine has containers of, and whose folders no share covers.
    #[serde(default)]
    pub projects: Vec<ComposeProject>,
    /// How it is set up.
    pub settings: DockerSettings,
    /// The Docker Engine that runs the containers; `null` while it isn't reached.
    #[serde(default)]
    pub engine: Option<DockerEngine>,
    /// Whether the docker command of this user has the context [`CONTEXT`] selected and it leads to `socket`. As it was when this was
    /// asked for: nobody tells of it.
    #[serde(default)]
    pub context_selected: bool,
}

/// The Docker Engine that runs the containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DockerEngine {
    /// Containers that it has.
    pub containers: u64,
    /// Those of them that run.
    pub running: u64,
}

/// A Docker Compose project that has containers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ComposeProject {
    /// Its folder.
    pub folder: PathBytes,
    /// Its name.
    pub name: String,
    /// How many of its services have containers.
    #[serde(default)]
    pub services: u64,
    /// How many containers it has, also those that don't run.
    #[serde(default)]
    pub containers: u64,
}

/// A folder that a container of a Docker Compose project wanted and didn't get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct WantedFolder {
    /// The project's folder, which would become a share.
    pub folder: PathBytes,
    /// The project.
    pub project: String,
    /// When a container wanted it last.
    pub at: Timestamp,
    /// The mode that the project's files name in `x-causeway`; the usual one where they name none.
    pub mode: Mode,
    /// The patterns that they name there.
    pub patterns: Patterns,
}

/// Not to be told of a wanted folder any more, until a container wants it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DismissWanted {
    /// The folder.
    pub folder: PathBytes,
}
