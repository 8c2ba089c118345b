//! A handler whose shares are in memory alone, and a server for it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use causeway_api::{
    Acceleration, Activity, ActivityOf, BothContents, ComparePath, CountFolder, FolderTally, PreviewRules,
    RulesPreview, RulesText, SideContent, TriedPath, TryPath, WriteRules,
    bin::{BinEmpty, BinItem, BinRestore, Restored},
    server, *,
};
use tokio::{sync::oneshot, task::JoinHandle};

pub struct Memory {
    feed: Feed,
    shares: Mutex<BTreeMap<ShareName, ShareId>>,
    /// Flushes that wait now.
    pub flushing: AtomicUsize,
    /// How long the path of each listed problem is.
    pub path_bytes: AtomicUsize,
}

impl Memory {
    pub fn new() -> Self {
        Self {
            feed: Feed::new(machine()),
            shares: Mutex::default(),
            flushing: AtomicUsize::new(0),
            path_bytes: AtomicUsize::new(8),
        }
    }

    pub fn add(&self, name: &str) -> ShareInfo {
        let info = share(name);
        self.shares.lock().unwrap().insert(info.name.clone(), info.id.clone());
        self.feed.put_share(info.clone());
        info
    }

    fn get(&self, share: &str) -> Result<ShareInfo, ApiError> {
        let id = self
            .shares
            .lock()
            .unwrap()
            .iter()
            .find(|(name, id)| name.as_str() == share || id.0 == share)
            .map(|(_, id)| id.clone());
        id.and_then(|id| self.feed.share(&id)).ok_or_else(|| ApiError::no_such_share(share))
    }

    fn set_state(&self, share: &str, state: State) -> Result<ShareInfo, ApiError> {
        let info = ShareInfo { state, state_since: Timestamp::now(), ..self.get(share)? };
        self.feed.put_share(info.clone());
        Ok(info)
    }
}

/// Counts a wait, and counts it off again when it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Handler for Memory {
    fn feed(&self) -> &Feed {
        &self.feed
    }

    async fn engine_status(&self, _: Nothing) -> Result<EngineStatus, ApiError> {
        Ok(EngineStatus {
            version: "0.1.0".into(),
            protocol: PROTOCOL_VERSION,
            pid: std::process::id(),
            started: Timestamp::now(),
            home: "/home".into(),
            shares: self.shares.lock().unwrap().len() as u64,
            machine: self.feed.machine(),
        })
    }

    async fn engine_stop(&self, _: Nothing) -> Result<Nothing, ApiError> {
        Ok(Nothing {})
    }

    async fn share_create(&self, create: CreateShare) -> Result<ShareInfo, ApiError> {
        Ok(self.add(create.name.unwrap().as_str()))
    }

    async fn share_list(&self, _: Nothing) -> Result<Vec<ShareInfo>, ApiError> {
        Ok(self.feed.snapshot().shares)
    }

    async fn share_show(&self, of: OfShare) -> Result<ShareInfo, ApiError> {
        self.get(&of.share)
    }

    async fn share_pause(&self, of: OfShare) -> Result<ShareInfo, ApiError> {
        self.set_state(&of.share, State::Paused)
    }

    async fn share_resume(&self, resume: ResumeShare) -> Result<ShareInfo, ApiError> {
        self.set_state(&resume.share, State::Watching)
    }

    /// Waits for ever where no time is allowed.
    async fn share_flush(&self, flush: FlushShare) -> Result<Flushed, ApiError> {
        self.get(&flush.share)?;
        self.flushing.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.flushing);
        if flush.timeout_ms == 0 {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(flush.timeout_ms)).await;
        Ok(Flushed { took_ms: flush.timeout_ms, conflicts: 0, problems: 0 })
    }

    async fn share_remove(&self, remove: RemoveShare) -> Result<Nothing, ApiError> {
        let info = self.get(&remove.share)?;
        self.shares.lock().unwrap().remove(&info.name);
        self.feed.remove_share(&info.id);
        Ok(Nothing {})
    }

    async fn share_reset(&self, of: OfShare) -> Result<ShareInfo, ApiError> {
        self.set_state(&of.share, State::Preparing)
    }

    async fn share_prune(&self, of: OfShare) -> Result<Amount, ApiError> {
        panic!("pruning {} is what this handler can't do", of.share);
    }

    async fn folder_estimate(&self, _: Amount) -> Result<folder::Estimate, ApiError> {
        Ok(folder::Estimate { usable_ms: None })
    }

    async fn share_stop_verifying(&self, of: OfShare) -> Result<Nothing, ApiError> {
        self.get(&of.share)?;
        Ok(Nothing {})
    }

    async fn share_verify(&self, of: OfShare) -> Result<Verification, ApiError> {
        self.get(&of.share)?;
        Ok(Verification {
            at: Timestamp::now(),
            took_ms: 1,
            entries: 0,
            bytes: 0,
            differ: 0,
            unexplained: 0,
            differences: Vec::new(),
        })
    }

    async fn share_conflicts(&self, _: ListOf) -> Result<Page<Conflict>, ApiError> {
        Ok(Page { items: Vec::new(), next: None, total: 0 })
    }

    async fn share_resolve(&self, resolve: Resolve) -> Result<Resolved, ApiError> {
        let Which::Paths(paths) = resolve.which else { return Ok(Resolved { resolved: 0, refused: Vec::new() }) };
        let refuse = |path| Refused { path, sentence: "There is no conflict here.".into() };
        Ok(Resolved { resolved: 0, refused: paths.into_iter().map(refuse).collect() })
    }

    /// 2 500 problems, whose cursor is the number of the first on the page.
    async fn share_problems(&self, list: ListOf) -> Result<Page<Problem>, ApiError> {
        const TOTAL: usize = 2500;
        let width = self.path_bytes.load(Ordering::SeqCst);
        let first = list.cursor.as_deref().map_or(0, |cursor| cursor.parse().unwrap());
        let end = TOTAL.min(first + list.items_max());
        let items = (first..end).map(|n| problem(format!("{n:0width$}").into_bytes().into())).collect();
        Ok(Page { items, next: (end < TOTAL).then(|| end.to_string()), total: TOTAL as u64 })
    }

    async fn share_rename_path(&self, rename: RenamePath) -> Result<Nothing, ApiError> {
        Err(ApiError::no_such_share(&rename.share))
    }

    async fn bin_list(&self, _: ListOf) -> Result<Page<BinItem>, ApiError> {
        Ok(Page { items: Vec::new(), next: None, total: 0 })
    }

    async fn bin_restore(&self, _: BinRestore) -> Result<Restored, ApiError> {
        Ok(Restored { restored: 0, refused: Vec::new() })
    }

    async fn bin_empty(&self, _: BinEmpty) -> Result<Amount, ApiError> {
        Ok(Amount::default())
    }

    async fn share_compare(&self, _: ComparePath) -> Result<BothContents, ApiError> {
        Ok(BothContents { host: SideContent::NoFile, guest: SideContent::NoFile })
    }

    async fn activity(&self, _: ActivityOf) -> Result<Activity, ApiError> {
        Ok(Activity::default())
    }

    async fn rules_read(&self, _: OfShare) -> Result<RulesText, ApiError> {
        Ok(RulesText { text: None })
    }

    async fn rules_try(&self, tried: TryPath) -> Result<TriedPath, ApiError> {
        Err(ApiError::no_such_share(&tried.share))
    }

    async fn rules_preview(&self, preview: PreviewRules) -> Result<RulesPreview, ApiError> {
        Err(ApiError::no_such_share(&preview.share))
    }

    async fn rules_write(&self, _: WriteRules) -> Result<Nothing, ApiError> {
        Ok(Nothing {})
    }

    async fn folder_count(&self, _: CountFolder) -> Result<FolderTally, ApiError> {
        Ok(FolderTally::default())
    }

    async fn machine_status(&self, _: Nothing) -> Result<MachineInfo, ApiError> {
        Ok(self.feed.machine())
    }

    async fn machine_start(&self, _: Nothing) -> Result<MachineInfo, ApiError> {
        Ok(self.feed.machine())
    }

    async fn machine_stop(&self, _: Nothing) -> Result<MachineInfo, ApiError> {
        let stopped = MachineInfo { state: MachineState::Stopped, ..self.feed.machine() };
        self.feed.put_machine(stopped.clone());
        Ok(stopped)
    }

    async fn machine_configure(&self, wish: ConfigureMachine) -> Result<MachineSettings, ApiError> {
        Ok(MachineSettings {
            kind: wish.kind.unwrap_or_default(),
            cpus: None,
            memory_mib: wish.memory_mib.and_then(Setting::number),
            disk_gib: wish.disk_gib.and_then(Setting::number),
        })
    }

    async fn machine_reset(&self, _: Nothing) -> Result<MachineInfo, ApiError> {
        Ok(self.feed.machine())
    }

    async fn share_prune_unused(&self, _: Nothing) -> Result<Vec<ShareName>, ApiError> {
        Ok(Vec::new())
    }

    async fn docker_status(&self, _: Nothing) -> Result<DockerInfo, ApiError> {
        let settings = DockerSettings::default();
        Ok(DockerInfo {
            socket: "/run/docker.sock".into(),
            allowed: vec!["/home".into()],
            wanted: Vec::new(),
            projects: Vec::new(),
            settings,
            engine: None,
            context_selected: false,
        })
    }

    async fn share_configure(&self, params: ConfigureShare) -> Result<ShareInfo, ApiError> {
        let info = ShareInfo { mode: params.mode, ..self.get(&params.share)? };
        self.feed.put_share(info.clone());
        Ok(info)
    }

    async fn share_retry(&self, params: OfShare) -> Result<ShareInfo, ApiError> {
        self.get(&params.share)
    }

    async fn machine_usage(&self, params: UsageOf) -> Result<Usage, ApiError> {
        let interval_ms = params.span.interval_ms();
        Ok(Usage {
            interval_ms,
            samples: Vec::new(),
            now: None,
            cpus: 1,
            memory_bytes: None,
            disk_bytes: None,
            given_back_bytes: None,
        })
    }

    async fn machine_try_acceleration(&self, _: Nothing) -> Result<Acceleration, ApiError> {
        Ok(Acceleration::default())
    }

    async fn machine_console(&self, _: Nothing) -> Result<ConsoleTail, ApiError> {
        Ok(ConsoleTail::default())
    }

    async fn docker_dismiss(&self, _: DismissWanted) -> Result<Nothing, ApiError> {
        Ok(Nothing {})
    }

    async fn docker_configure(&self, _: ConfigureDocker) -> Result<DockerInfo, ApiError> {
        self.docker_status(Nothing {}).await
    }

    async fn doctor(&self, _: Nothing) -> Result<Vec<Check>, ApiError> {
        Ok(Vec::new())
    }
}

/// A server in a home of its own, which ends when this is dropped.
pub struct Served {
    pub home: Home,
    pub memory: Arc<Memory>,
    _dir: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Served {
    pub fn start() -> Self {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let home = Home::at(dir.path()).unwrap();
        home.prepare().unwrap();
        let memory = Arc::new(Memory::new());
        let (stop, stopped) = oneshot::channel();
        let listener = socket::listen(&home).unwrap();
        let handler = Arc::clone(&memory);
        let serving = tokio::spawn(server::serve(listener, handler, async {
            let _ = stopped.await;
        }));
        Self { home, memory, _dir: dir, stop: Some(stop), serving: Some(serving) }
    }

    pub async fn client(&self) -> Client {
        Client::connect(&self.home).await.unwrap()
    }

    pub fn ask_to_stop(&mut self) -> JoinHandle<()> {
        self.stop.take().unwrap().send(()).unwrap();
        self.serving.take().unwrap()
    }
}

/// Waits for `done`, or fails after 10 s.
pub async fn eventually(what: &str, done: impl Fn() -> bool) {
    for _ in 0..2000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what}: not after 10 s");
}

pub fn machine() -> MachineInfo {
    MachineInfo {
        kind: MachineKind::Local,
        state: MachineState::Running,
        state_since: Timestamp::from_ns(0),
        detail: None,
        remedy: None,
        agent: Some(AgentInfo { version: "0.1.0".into(), pid: Some(1), ready_ms: Some(4) }),
        disk_path: Some("/machine/disk".into()),
        disk_used_bytes: Some(1),
        disk_free_bytes: None,
        restarts: 0,
        chosen_because: String::new(),
        acceleration_remedy: None,
        start: None,
        vm: None,
    }
}

pub fn share(name: &str) -> ShareInfo {
    ShareInfo {
        id: ShareId(format!("id-{name}")),
        name: ShareName::new(name).unwrap(),
        host_path: PathBytes::from(b"/src/caf\xe9".as_slice()),
        guest_path: "/causeway/x".into(),
        mode: Mode::TwoWaySafe,
        symlinks: Symlinks::Raw,
        patterns: Patterns::default(),
        created: Timestamp::from_ns(1),
        state: State::Watching,
        state_since: Timestamp::from_ns(2),
        detail: None,
        remedy: None,
        progress: None,
        streams: Vec::new(),
        space: Space::default(),
        entries: Entries::default(),
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

pub fn problem(path: PathBytes) -> Problem {
    Problem {
        path,
        other_path: None,
        side: Side::Host,
        code: ProblemCode::PermissionDenied,
        sentence: "The file belongs to root.".into(),
        remedy: None,
        since: Timestamp::from_ns(0),
        next_try: None,
    }
}
