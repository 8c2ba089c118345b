//! Shares: what is known about each, and the requests that make and steer them.

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Amount, Entries, Side},
    halt::{Halt, HaltCode},
    name::{ShareId, ShareName},
    path::PathBytes,
    problem::{Problem, Remedy},
    time::Timestamp,
    verify::{Verified, Verifying},
};

/// State of a share. The one shown is the first of these that holds: halted, paused, disconnected, preparing, problem,
/// conflict, syncing, watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum State {
    /// Connecting, scanning or copying for the first time since the connection; with progress.
    Preparing,
    /// Both sides are the same, and watched.
    Watching,
    /// Changes are on their way.
    Syncing,
    /// Conflicts wait for a person; all other paths are kept in sync.
    Conflict,
    /// Paths can't proceed; all other paths are kept in sync.
    Problem,
    /// Stopped itself for safety and waits for a person.
    Halted,
    /// Stopped by a person.
    Paused,
    /// No connection to the agent; tried again by itself.
    Disconnected,
}

impl State {
    /// The words that the interface shows.
    pub fn words(self) -> &'static str {
        match self {
            Self::Preparing => "Preparing",
            Self::Watching => "Watching for filesystem changes",
            Self::Syncing => "Syncing",
            Self::Conflict => "Conflict",
            Self::Problem => "Problem",
            Self::Halted => "Halted",
            Self::Paused => "Paused",
            Self::Disconnected => "Disconnected",
        }
    }
}

/// What settles changes on both sides, and which way changes go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Mode {
    /// Both ways; conflicts wait for a person.
    #[default]
    TwoWaySafe,
    /// Both ways; the host wins, deletions included.
    TwoWayResolved,
    /// Host to guest; what is made in the guest stays there.
    OneWaySafe,
    /// The guest mirrors the host exactly.
    OneWayReplica,
}

impl Mode {
    /// The words that the interface shows.
    pub fn words(self) -> &'static str {
        match self {
            Self::TwoWaySafe => "Two-way, conflicts wait",
            Self::TwoWayResolved => "Two-way, host wins",
            Self::OneWaySafe => "One-way, guest keeps its own",
            Self::OneWayReplica => "One-way mirror",
        }
    }
}

/// What becomes of symlinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Symlinks {
    /// They cross as they are.
    #[default]
    Raw,
    /// Relative ones that stay inside cross; others are problems.
    Portable,
    /// They are untracked.
    Ignore,
}

/// Patterns of a share beside its `.syncignore`, with the syntax of `.gitignore`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Patterns {
    /// Never synchronised.
    pub exclude: Vec<String>,
    /// Never from host to guest.
    pub upload_exclude: Vec<String>,
    /// Never from guest to host.
    pub download_exclude: Vec<String>,
}

/// Everything about a share but its lists, which have requests of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ShareInfo {
    /// What tells it from every other.
    pub id: ShareId,
    /// What people call it.
    pub name: ShareName,
    /// The folder on this computer, absolute.
    pub host_path: PathBytes,
    /// Where its content stands inside the machine, absolute; on the `local` machine a directory of this computer.
    pub guest_path: PathBytes,
    /// What settles changes on both sides.
    pub mode: Mode,
    /// What becomes of symlinks.
    pub symlinks: Symlinks,
    /// Patterns beside `.syncignore`.
    pub patterns: Patterns,
    /// When it was created.
    pub created: Timestamp,
    /// How it is.
    pub state: State,
    /// Since when it is so.
    pub state_since: Timestamp,
    /// What there is to say about the state, as a sentence that doesn't age; `null` where the state says it all.
    pub detail: Option<String>,
    /// What moves the state on; `null` where nothing has to.
    pub remedy: Option<Remedy>,
    /// How far it is, while it is Preparing or has a long way to go.
    pub progress: Option<Progress>,
    /// How long its phases took that are over, also when none is under way any more.
    #[serde(default)]
    pub took: PhaseTimes,
    /// What crosses at this moment, while there is progress to tell of.
    #[serde(default)]
    pub streams: Vec<Stream>,
    /// Bytes on both sides.
    pub space: Space,
    /// Entries by kind, as on the host.
    pub entries: Entries,
    /// What rests in the recycle bins.
    pub bin: Bins,
    /// The containers that have it mounted.
    pub containers: Vec<Container>,
    /// How many conflicts wait.
    pub conflicts: u64,
    /// Since when the oldest of them waits.
    pub conflicts_since: Option<Timestamp>,
    /// How many problems there are.
    pub problems: u64,
    /// The worst of them.
    pub worst_problem: Option<Problem>,
    /// How many changes haven't reached the other side; 0 exactly when nothing is known to be on its way.
    pub pending: u64,
    /// Those of them that go to the guest.
    pub pending_to_guest: u64,
    /// Those of them that go to the host.
    pub pending_to_host: u64,
    /// The last change that reached the other side.
    pub last_change: Option<LastChange>,
    /// Why it is Halted, and the ways on.
    pub halt: Option<Halt>,
    /// How each side is watched; `null` while it isn't connected.
    pub watch: Option<Watches>,
    /// Copies that newly excluded paths left in the guest, until they are pruned.
    pub prunable: Amount,
    /// What the last verification found.
    pub verified: Option<Verified>,
    /// The verification that is under way.
    #[serde(default)]
    pub verifying: Option<Verifying>,
}

/// Bytes on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Space {
    /// Content of the synchronised files on the host.
    pub host_bytes: u64,
    /// Content of the synchronised files in the guest.
    pub guest_bytes: u64,
    /// Free on the host folder's disk.
    pub host_free_bytes: Option<u64>,
    /// Free on the machine's disk.
    pub guest_free_bytes: Option<u64>,
}

/// What rests in both recycle bins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Bins {
    /// On the host.
    pub host: Amount,
    /// In the guest.
    pub guest: Amount,
}

/// What a share is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Phase {
    /// Reaching the agent.
    Connecting,
    /// Looking at what stands on both sides.
    Scanning,
    /// Moving content.
    Copying,
    /// Making durable what was copied.
    Finishing,
}

impl Phase {
    /// The word that the interface shows.
    pub fn words(self) -> &'static str {
        match self {
            Self::Connecting => "Connecting",
            Self::Scanning => "Scanning",
            Self::Copying => "Copying",
            Self::Finishing => "Finishing",
        }
    }
}

/// How far long work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Entries that were scanned or copied in this phase.
    pub files_done: u64,
    /// How many there are; `null` while that isn't known.
    pub files_total: Option<u64>,
    /// Bytes that were copied in this phase.
    pub bytes_done: u64,
    /// How many there are; `null` while that isn't known.
    pub bytes_total: Option<u64>,
    /// Bytes a second, over the last seconds.
    pub bytes_per_second: u64,
    /// Time left in milliseconds; `null` for the first 2 s and while it isn't steady.
    pub left_ms: Option<u64>,
}

/// How long preparing took since the sides were last joined, in milliseconds; `null` for what isn't over or hadn't to be done. Both sides are looked
/// at while the first is copied already, so these times overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PhaseTimes {
    /// [`Phase::Connecting`].
    pub connecting_ms: Option<u64>,
    /// [`Phase::Scanning`].
    pub scanning_ms: Option<u64>,
    /// [`Phase::Copying`].
    pub copying_ms: Option<u64>,
}

/// What crosses at this moment on one of the streams between the two sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Stream {
    /// The side that it goes to.
    pub to: Side,
    /// The file, or the directory that all of the files are in; empty for the share's root.
    pub path: PathBytes,
    /// How many files cross together.
    pub files: u64,
    /// Bytes of them that have been sent.
    pub bytes_done: u64,
    /// How many there are.
    pub bytes_total: u64,
}

/// A container that has a share mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Container {
    /// Docker's id.
    pub id: String,
    /// Docker's name, without the leading slash.
    pub name: String,
    /// The image, as the container was made with it.
    pub image: String,
    /// Docker's word for the state: running, paused, exited, …
    pub state: String,
    /// Since when it runs, or since when it has ended; `null` in other states, and until Docker has told.
    #[serde(default)]
    pub state_since: Option<Timestamp>,
    /// The Compose project, where it belongs to one.
    pub compose_project: Option<String>,
    /// The Compose service.
    pub compose_service: Option<String>,
    /// Where the share, or the part of it, is mounted in the container.
    pub mounted_at: PathBytes,
    /// Whether the mount is read-only.
    pub read_only: bool,
    /// Since when it runs, or a command runs in it, without what had been changed on the host before: that wasn't there in time. `null`
    /// where it was, the last time.
    pub behind_since: Option<Timestamp>,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ChangeKind {
    /// Made something.
    Created,
    /// Changed content, target, executable bit or time.
    Modified,
    /// Took something away.
    Deleted,
    /// Moved something.
    Renamed,
}

impl ChangeKind {
    /// The word that the interface shows.
    pub fn words(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
            Self::Renamed => "renamed",
        }
    }
}

/// The last change that reached the other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LastChange {
    /// When it had reached it.
    pub at: Timestamp,
    /// The side that it was carried out on.
    pub to: Side,
    /// What changed; of several at once the last.
    pub path: PathBytes,
    /// Where it was before, if it was renamed.
    #[serde(default)]
    pub from: Option<PathBytes>,
    /// How.
    pub kind: ChangeKind,
    /// How many paths changed together with it, itself included.
    pub paths: u64,
    /// How many entries are in a directory that was renamed; `null` for anything else, and where they are too many to be counted.
    #[serde(default)]
    pub entries: Option<u64>,
    /// Size of the files among them, in bytes; `null` where no file was put there.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// From the event that announced it until it stood on the other side, in milliseconds; `null` where a crawl found it.
    pub latency_ms: Option<u64>,
}

/// How a side learns of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum WatchKind {
    /// The system reports them.
    Native,
    /// All or part of the side is looked at again and again.
    Polling,
}

/// How one side is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Watch {
    /// How it learns of changes.
    pub kind: WatchKind,
    /// What does it: fanotify, inotify, …
    pub by: String,
    /// Why it polls, as a sentence; `null` where it doesn't.
    pub reason: Option<String>,
    /// How many directories are polled.
    pub polled_directories: u64,
    /// What ends the polling.
    pub remedy: Option<Remedy>,
}

/// How both sides are watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Watches {
    /// The host.
    pub host: Watch,
    /// The guest.
    pub guest: Watch,
}

/// Make a share. Answered as soon as it exists, while it is Preparing; the subscription shows the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CreateShare {
    /// The folder on this computer, absolute.
    pub host_path: PathBytes,
    /// What to call it; after the folder where `null`.
    #[serde(default)]
    pub name: Option<ShareName>,
    /// What settles changes on both sides.
    #[serde(default)]
    pub mode: Mode,
    /// What becomes of symlinks.
    #[serde(default)]
    pub symlinks: Symlinks,
    /// Patterns beside `.syncignore`.
    #[serde(default)]
    pub patterns: Patterns,
    /// Share the home or root folder all the same.
    #[serde(default)]
    pub force: bool,
    /// Lines to add to the folder's `.syncignore` before anything is copied; those that stand there already aren't added.
    #[serde(default)]
    pub ignore_lines: Vec<String>,
}

impl CreateShare {
    /// A share of this folder, with all else as it is where nothing is said.
    pub fn of(host_path: PathBytes) -> Self {
        Self {
            host_path,
            name: None,
            mode: Mode::default(),
            symlinks: Symlinks::default(),
            patterns: Patterns::default(),
            force: false,
            ignore_lines: Vec::new(),
        }
    }
}

/// A request about one share that needs nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct OfShare {
    /// Its name or id.
    pub share: String,
}

/// Set a share up differently. Both sides are then compared afresh, as after a reset, so that nothing is deleted because of what was so
/// under the mode before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ConfigureShare {
    /// Name or id of the share.
    pub share: String,
    /// What settles changes on both sides from now on.
    pub mode: Mode,
}

/// Let a share go on that is Paused or Halted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ResumeShare {
    /// Name or id of the share.
    pub share: String,
    /// The halt to let pass. Refused unless the share is Halted for just this.
    #[serde(default)]
    pub accept: Option<HaltCode>,
}

/// Wait until everything that stood on either side before the request stands on both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FlushShare {
    /// Name or id of the share.
    pub share: String,
    /// Longest wait in milliseconds; then the error is `timed_out` and says what is still on its way.
    pub timeout_ms: u64,
}

/// Answer to [`FlushShare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Flushed {
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Conflicts, whose paths the answer doesn't cover.
    pub conflicts: u64,
    /// Problems, whose paths the answer doesn't cover.
    pub problems: u64,
}

/// Remove a share. The folder on the host stays as it is; the copy in the guest is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RemoveShare {
    /// Name or id of the share.
    pub share: String,
    /// Also where the guest holds content that the host doesn't have, where the agent can't be reached, or where containers have it.
    #[serde(default)]
    pub force: bool,
}
