//! A server whose answers a test chooses, and which remembers what it was asked.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use causeway_api::{
    Activity, ActivityOf, BothContents, ComparePath, CountFolder, FolderTally, PreviewRules, RulesPreview, RulesText,
    TriedPath, TryPath, WriteRules, methods::Handler, *,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{sync::oneshot, task::JoinHandle};

type Answers = HashMap<&'static str, VecDeque<Result<Value, ApiError>>>;

pub struct Script {
    feed: Feed,
    answers: Mutex<Answers>,
    asked: Mutex<Vec<(&'static str, Value)>>,
}

impl Script {
    /// The next answer to `method`. The last one given is the answer from then on.
    pub fn answer(&self, method: &'static str, answer: impl Serialize) {
        let answer = serde_json::to_value(answer).unwrap();
        self.answers.lock().unwrap().entry(method).or_default().push_back(Ok(answer));
    }

    pub fn refuse(&self, method: &'static str, code: ErrorCode, message: &str) {
        let error = ApiError::new(code, message).with_remedy(Remedy::command("Do this.", "causeway do this"));
        self.answers.lock().unwrap().entry(method).or_default().push_back(Err(error));
    }

    /// What `method` was asked, in order.
    pub fn asked(&self, method: &str) -> Vec<Value> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|(asked, _)| *asked == method)
            .map(|(_, params)| params.clone())
            .collect()
    }

    fn next<R: DeserializeOwned>(&self, method: &'static str, params: impl Serialize) -> Result<R, ApiError> {
        self.asked.lock().unwrap().push((method, serde_json::to_value(params).unwrap()));
        let mut answers = self.answers.lock().unwrap();
        let queue = answers.entry(method).or_default();
        let answer = if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() };
        let Some(answer) = answer else {
            return Err(ApiError::new(ErrorCode::Internal, format!("the test gives no answer to {method}")));
        };
        Ok(serde_json::from_value(answer?).unwrap())
    }
}

macro_rules! scripted {
    ($($name:ident = $method:literal ($params:ty) -> $reply:ty;)+) => {
        impl Handler for Script {
            fn feed(&self) -> &Feed {
                &self.feed
            }

            $(async fn $name(&self, params: $params) -> Result<$reply, ApiError> {
                self.next($method, params)
            })+
        }
    };
}

scripted! {
    engine_status = "engine.status" (Nothing) -> EngineStatus;
    engine_stop = "engine.stop" (Nothing) -> Nothing;
    share_create = "share.create" (CreateShare) -> ShareInfo;
    share_list = "share.list" (Nothing) -> Vec<ShareInfo>;
    share_show = "share.show" (OfShare) -> ShareInfo;
    share_pause = "share.pause" (OfShare) -> ShareInfo;
    share_resume = "share.resume" (ResumeShare) -> ShareInfo;
    share_flush = "share.flush" (FlushShare) -> Flushed;
    share_remove = "share.remove" (RemoveShare) -> Nothing;
    share_reset = "share.reset" (OfShare) -> ShareInfo;
    share_configure = "share.configure" (ConfigureShare) -> ShareInfo;
    share_retry = "share.retry" (OfShare) -> ShareInfo;
    share_prune = "share.prune" (OfShare) -> Amount;
    share_prune_unused = "share.prune_unused" (Nothing) -> Vec<ShareName>;
    share_verify = "share.verify" (OfShare) -> Verification;
    share_stop_verifying = "share.stop_verifying" (OfShare) -> Nothing;
    share_conflicts = "share.conflicts" (ListOf) -> Page<Conflict>;
    share_resolve = "share.resolve" (Resolve) -> Resolved;
    share_problems = "share.problems" (ListOf) -> Page<Problem>;
    share_rename_path = "share.rename_path" (RenamePath) -> Nothing;
    bin_list = "bin.list" (ListOf) -> Page<BinItem>;
    bin_restore = "bin.restore" (BinRestore) -> Restored;
    bin_empty = "bin.empty" (BinEmpty) -> Amount;
    share_compare = "share.compare" (ComparePath) -> BothContents;
    activity = "activity" (ActivityOf) -> Activity;
    rules_read = "rules.read" (OfShare) -> RulesText;
    rules_preview = "rules.preview" (PreviewRules) -> RulesPreview;
    rules_try = "rules.try" (TryPath) -> TriedPath;
    rules_write = "rules.write" (WriteRules) -> Nothing;
    folder_count = "folder.count" (CountFolder) -> FolderTally;
    folder_estimate = "folder.estimate" (Amount) -> Estimate;
    machine_status = "machine.status" (Nothing) -> MachineInfo;
    machine_start = "machine.start" (Nothing) -> MachineInfo;
    machine_stop = "machine.stop" (Nothing) -> MachineInfo;
    machine_configure = "machine.configure" (ConfigureMachine) -> MachineSettings;
    machine_reset = "machine.reset" (Nothing) -> MachineInfo;
    machine_usage = "machine.usage" (UsageOf) -> Usage;
    machine_console = "machine.console" (Nothing) -> ConsoleTail;
    machine_try_acceleration = "machine.try_acceleration" (Nothing) -> Acceleration;
    docker_status = "docker.status" (Nothing) -> DockerInfo;
    docker_configure = "docker.configure" (ConfigureDocker) -> DockerInfo;
    docker_dismiss = "docker.dismiss" (DismissWanted) -> Nothing;
    doctor = "doctor" (Nothing) -> Vec<Check>;
}

/// A server in a home of its own, which ends when this is dropped.
pub struct Served {
    pub home: Home,
    pub script: Arc<Script>,
    _dir: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
    _serving: JoinHandle<()>,
}

impl Served {
    pub fn start() -> Self {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let home = Home::at(dir.path()).unwrap();
        home.prepare().unwrap();
        let script = Script { feed: Feed::new(machine()), answers: Mutex::default(), asked: Mutex::default() };
        let script = Arc::new(script);
        script.answer("engine.status", status());
        let (stop, stopped) = oneshot::channel();
        let listener = socket::listen(&home).unwrap();
        let serving = tokio::spawn(server::serve(listener, Arc::clone(&script), async {
            let _ = stopped.await;
        }));
        Self { home, script, _dir: dir, _stop: stop, _serving: serving }
    }
}

pub fn machine() -> MachineInfo {
    MachineInfo {
        kind: MachineKind::Local,
        state: MachineState::Running,
        state_since: Timestamp::now(),
        detail: None,
        remedy: None,
        agent: None,
        disk_path: None,
        disk_used_bytes: None,
        disk_free_bytes: None,
        restarts: 0,
        chosen_because: String::new(),
        acceleration_remedy: None,
        start: None,
        vm: None,
    }
}

pub fn status() -> EngineStatus {
    EngineStatus {
        version: "0.1.0".into(),
        protocol: PROTOCOL_VERSION,
        pid: 4242,
        started: Timestamp::now(),
        home: "/home".into(),
        shares: 1,
        machine: machine(),
    }
}

pub fn share(name: &str) -> ShareInfo {
    ShareInfo {
        id: ShareId(format!("id-{name}")),
        name: ShareName::new(name).unwrap(),
        host_path: "/srv/harbour/platform/services/storefront".into(),
        guest_path: "/causeway/storefront".into(),
        mode: Mode::TwoWaySafe,
        symlinks: Symlinks::Raw,
        patterns: Patterns::default(),
        created: Timestamp::now(),
        state: State::Watching,
        state_since: Timestamp::now(),
        detail: None,
        remedy: None,
        progress: None,
        streams: Vec::new(),
        space: Space { host_bytes: 2_310_000_000, ..Space::default() },
        entries: Entries { files: 133_919, ..Entries::default() },
        bin: Bins::default(),
        containers: Vec::new(),
        conflicts: 0,
        conflicts_since: None,
        problems: 0,
        worst_problem: None,
        pending: 0,
        pending_to_guest: 0,
        pending_to_host: 0,
        last_change: None,
        halt: None,
        watch: None,
        prunable: Amount::default(),
        verified: None,
        verifying: None,
        took: causeway_api::PhaseTimes::default(),
    }
}
