//! The engine's parts together: settings, machine, shares, and what subscribers see of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_api::{
    Acceleration, Activity, Amount, ApiError, Check, ConfigureMachine, CountFolder, CreateShare, DockerInfo,
    DockerSettings, EngineLock, ErrorCode, Estimate, Feed, FolderTally, Home, MachineInfo, MachineSettings, Mode,
    PathBytes, Patterns, Remedy, ShareId, ShareInfo, ShareName, Timestamp, Usage, UsageSpan, WantedFolder,
};
use tokio::sync::watch;

use crate::activity::ActivityBook;
use crate::docker;
use crate::docker::places::Covered;
use crate::docker::removed::Removed;
use crate::docker::usage::UsageBook;
use crate::doctor::{self, SharedFolder, Subject};
use crate::folder::counts::FolderCounts;
use crate::looks;
use crate::machine::usage::{History, Measuring};
use crate::machine::{self, Machine};
use crate::preparations::Preparations;
use crate::settings::{SettingsError, SettingsStore, ShareSettings};
use crate::share::check::{Granted, Present, Wish, check, check_mode};
use crate::share::command::Command;
use crate::share::prepared::forget_prepared;
use crate::share::publish::guest_path;
use crate::share::rules;
use crate::share::{ShareHandle, Surroundings};

/// How long all shares together may take to end in good order. What they leave undone, the next start finds and does.
const SHARES_STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Containers that an error names; of more it says how many.
const USERS_NAMED_MAX: usize = 8;

/// Folders that containers wanted, of which so many are remembered.
const WANTED_MAX: usize = 16;

/// A running engine.
pub struct Engine {
    home: Home,
    machine: Arc<dyn Machine>,
    settings: Mutex<SettingsStore>,
    shares: Mutex<BTreeMap<ShareId, ShareHandle>>,
    feed: Arc<Feed>,
    activity: Arc<ActivityBook>,
    usage: Arc<UsageBook>,
    preparations: Arc<Preparations>,
    removed: Removed,
    /// Folders that containers wanted, the latest last.
    wanted: Mutex<Vec<WantedFolder>>,
    history: Arc<History>,
    /// Ends when the engine does; none where the system had no room for it.
    _measuring: Option<Measuring>,
    counts: FolderCounts,
    stopping: watch::Sender<bool>,
    started: Timestamp,
    _lock: EngineLock,
}

impl Engine {
    /// Starts all shares that aren't paused. Returns at once: what takes time goes on by itself.
    pub fn start(
        home: Home,
        lock: EngineLock,
        settings: SettingsStore,
        machine: Arc<dyn Machine>,
        feed: Arc<Feed>,
    ) -> Arc<Self> {
        let history = Arc::<History>::default();
        let measuring = Measuring::start(&machine, Arc::clone(&history))
            .inspect_err(|error| tracing::warn!(%error, "what the machine takes isn't measured"));
        let usage = Arc::new(UsageBook::open(home.root()));
        let preparations = Arc::new(Preparations::open(home.root()));
        let removed = Removed::open(home.root());
        let engine = Arc::new(Self {
            home,
            machine,
            settings: Mutex::new(settings),
            shares: Mutex::new(BTreeMap::new()),
            feed,
            activity: Arc::default(),
            usage,
            preparations,
            removed,
            wanted: Mutex::default(),
            history,
            _measuring: measuring.ok(),
            counts: FolderCounts::default(),
            stopping: watch::Sender::new(false),
            started: Timestamp::now(),
            _lock: lock,
        });
        let known = engine.settings().shares().to_vec();
        let mut shares = engine.shares();
        for settings in known {
            let id = settings.id.clone();
            shares.insert(id, engine.start_share(settings));
        }
        drop(shares);
        engine.show_docker();
        engine
    }

    /// Where everything is kept.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The machine.
    pub fn machine(&self) -> &dyn Machine {
        &*self.machine
    }

    /// What subscribers see.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// When it started.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// How many shares there are.
    pub fn share_count(&self) -> u64 {
        self.shares().len() as u64
    }

    /// Asks whoever runs the engine to end it.
    pub fn ask_to_stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Becomes true when the engine was asked to end.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Ends all shares and the machine in good order, within a bounded time. Shares end at the same time.
    pub fn stop(&self) {
        let shares = std::mem::take(&mut *self.shares());
        for share in shares.values() {
            share.tell(Command::Stop);
        }
        let deadline = std::time::Instant::now() + SHARES_STOP_PATIENCE;
        for (id, share) in shares {
            if !share.wait_until_ended(deadline) {
                tracing::warn!(share = %id, "did not end in time; the next start looks at everything again");
            }
        }
        self.machine.stop(self.machine.patience().stop);
    }

    fn settings(&self) -> MutexGuard<'_, SettingsStore> {
        // An update that panicked changed neither the file nor the list.
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shares(&self) -> MutexGuard<'_, BTreeMap<ShareId, ShareHandle>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_share(&self, settings: ShareSettings) -> ShareHandle {
        let surroundings = Surroundings {
            home: self.home.clone(),
            machine: Arc::clone(&self.machine),
            feed: Arc::clone(&self.feed),
            activity: Arc::clone(&self.activity),
            usage: Arc::clone(&self.usage),
            preparations: Arc::clone(&self.preparations),
        };
        ShareHandle::start(settings, surroundings)
    }

    /// The id of the share that has this name or id.
    fn find(&self, share: &str) -> Result<ShareId, ApiError> {
        self.settings()
            .shares()
            .iter()
            .find(|known| known.name.as_str() == share || known.id.0 == share)
            .map(|known| known.id.clone())
            .ok_or_else(|| ApiError::no_such_share(share))
    }

    /// Hands a request to a share's thread.
    pub fn tell(&self, share: &str, command: Command) -> Result<(), ApiError> {
        let id = self.find(share)?;
        match self.shares().get(&id) {
            Some(handle) => handle.tell(command),
            None if *self.stopping.borrow() => {
                return Err(ApiError::new(ErrorCode::Stopping, "The engine is stopping."));
            }
            None => return Err(ApiError::no_such_share(share)),
        }
        Ok(())
    }

    /// A container of a project wanted a folder that no share covers, as a share like this.
    pub fn note_wanted(&self, wish: CreateShare, project: &str) {
        let CreateShare { host_path: folder, mode, patterns, .. } = wish;
        let mut wanted = self.lock_wanted();
        wanted.retain(|known| known.folder != folder);
        wanted.push(WantedFolder { folder, project: project.to_owned(), at: Timestamp::now(), mode, patterns });
        if wanted.len() > WANTED_MAX {
            wanted.remove(0);
        }
        drop(wanted);
        self.show_docker();
    }

    /// A person doesn't want to be told of it.
    pub fn dismiss_wanted(&self, folder: &PathBytes) {
        self.lock_wanted().retain(|known| known.folder != *folder);
        self.show_docker();
    }

    /// What containers wanted and no share covers even now.
    fn wanted(&self) -> Vec<WantedFolder> {
        let shares = self.covered();
        let is_covered = |wanted: &WantedFolder| {
            wanted.folder.to_path().is_none_or(|folder| shares.iter().any(|share| folder.starts_with(&share.host)))
        };
        let mut wanted = self.lock_wanted();
        wanted.retain(|wanted| !is_covered(wanted));
        wanted.clone()
    }

    fn lock_wanted(&self) -> MutexGuard<'_, Vec<WantedFolder>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shares that were made for projects of Docker Compose, and that no container has.
    pub fn unused(&self) -> Result<Vec<(ShareId, ShareName)>, ApiError> {
        if !self.usage.is_known() {
            let message = "Docker can't be asked now which containers there are, so no share is known to be unused.";
            return Err(ApiError::new(ErrorCode::MachineUnavailable, message));
        }
        let known = self.settings().shares().to_vec();
        let made =
            known.into_iter().filter(|share| share.compose_project.is_some()).map(|share| (share.id, share.name));
        Ok(made.filter(|(id, _)| self.check_unused(&id.0).is_ok()).collect())
    }

    /// Hands the same to all shares.
    pub fn tell_all(&self, command: impl Fn() -> Command) {
        for share in self.shares().values() {
            share.tell(command());
        }
    }

    /// Which containers have what.
    pub fn usage(&self) -> &UsageBook {
        &self.usage
    }

    /// Where shares stood that were removed.
    pub fn removed_shares(&self) -> &Removed {
        &self.removed
    }

    /// Refuses where containers have something of a share.
    pub fn check_unused(&self, share: &str) -> Result<(), ApiError> {
        let shown = self.shown(share)?;
        let mut users: Vec<_> = self.usage.containers_at(&shown.guest_path).into_iter().map(|used| used.name).collect();
        users.dedup();
        if users.is_empty() {
            return Ok(());
        }
        let more = users.len().saturating_sub(USERS_NAMED_MAX);
        users.truncate(USERS_NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let users = users.join(", ");
        let message =
            format!("Containers have the share \"{}\": {users}{more}. They would lose the folder.", shown.name);
        Err(ApiError::new(ErrorCode::ShareInUse, message).with_remedy(Remedy::command(
            "Remove the containers first, or insist.",
            format!("causeway share remove {} --force", shown.name),
        )))
    }

    /// What has crossed lately, in all shares or in the one that has this name or id.
    pub fn activity(&self, share: Option<&str>) -> Result<Activity, ApiError> {
        let id = share.map(|share| self.find(share)).transpose()?;
        Ok(self.activity.of(id.as_ref()))
    }

    /// How the share of this name or id is set up.
    pub(crate) fn settings_of(&self, share: &str) -> Result<ShareSettings, ApiError> {
        let known =
            self.settings().shares().iter().find(|known| known.name.as_str() == share || known.id.0 == share).cloned();
        known.ok_or_else(|| ApiError::no_such_share(share))
    }

    /// Counts what is in a folder, and says why it can't become a share.
    pub fn count_folder(&self, folder: &CountFolder) -> Result<FolderTally, ApiError> {
        let wish = CreateShare::of(folder.host_path.clone());
        let refusal = self.check_wish(&wish, &self.settings()).err();
        let place = wish.host_path.to_path().filter(|place| place.is_absolute() && place.is_dir());
        let tally = place.map(|place| self.counts.ask(&place, &folder.patterns)).unwrap_or_default();
        Ok(FolderTally { refusal, ..tally })
    }

    /// How soon a share with so much in it would be usable.
    pub fn estimate(&self, amount: Amount) -> Estimate {
        Estimate { usable_ms: self.preparations.estimate_ms(&self.machine.info(), amount) }
    }

    /// How a share was when it last told.
    pub fn shown(&self, share: &str) -> Result<ShareInfo, ApiError> {
        let id = self.find(share)?;
        self.feed.share(&id).ok_or_else(|| ApiError::no_such_share(share))
    }

    /// Makes a share and starts it. After an error nothing has changed.
    pub fn create_share(&self, wish: &CreateShare) -> Result<ShareInfo, ApiError> {
        self.create_share_for(wish, None)
    }

    /// The same, for a project of Docker Compose.
    pub fn create_share_for(&self, wish: &CreateShare, project: Option<String>) -> Result<ShareInfo, ApiError> {
        // Held throughout: two creations at the same time can't both find their names and folders free.
        let mut settings = self.settings();
        let granted = self.check_wish(wish, &settings)?;
        let mut patterns = wish.patterns.clone();
        patterns.exclude.extend(granted.own_inside.iter().map(|own| rules::pattern_for(own)));
        let ignored = looks::with_lines(&granted.folder, &wish.ignore_lines)?;
        check_rules(&patterns, &granted, ignored.as_ref().map(|longer| longer.text.as_str()))?;

        let share = ShareSettings {
            id: new_share_id()?,
            name: granted.name,
            host_path: granted.folder,
            mode: wish.mode,
            symlinks: wish.symlinks,
            patterns,
            paused: false,
            created: Timestamp::now(),
            compose_project: project,
        };
        if let Some(longer) = &ignored {
            // Before the share is noted: nothing of what they leave out is ever copied.
            let dir = self.home.share_dir(&share.id);
            looks::write_syncignore(&share.host_path, &dir, longer.before.as_deref(), &longer.text)?;
        }
        settings.update(|shares| shares.push(share.clone())).map_err(settings_error)?;
        let id = share.id.clone();
        let mut shares = self.shares();
        let handle = self.start_share(share);
        shares.insert(id.clone(), handle);
        drop((shares, settings));
        tracing::info!(share = %id, "created");
        self.show_docker();
        self.feed.share(&id).ok_or_else(|| ApiError::no_such_share(&id.0))
    }

    /// The shares, as binds of containers see them.
    pub fn covered(&self) -> Vec<Covered> {
        let known = self.settings().shares().to_vec();
        let covered = known.into_iter().map(|share| Covered {
            guest: self.guest_path(&share).to_string(),
            id: share.id,
            name: share.name,
            host: share.host_path,
            patterns: share.patterns,
        });
        covered.collect()
    }

    /// Where a share's copy stands in the machine: as the agent has said, or as it will.
    fn guest_path(&self, share: &ShareSettings) -> PathBytes {
        let shown = self.feed.share(&share.id).map(|shown| shown.guest_path);
        shown.unwrap_or_else(|| guest_path(share, self.machine()))
    }

    /// How Docker's API is.
    pub fn docker(&self, settings: DockerSettings) -> DockerInfo {
        DockerInfo {
            socket: PathBytes::from(self.home.docker_socket().as_path()),
            allowed: docker::settings::allowed(&settings),
            wanted: self.wanted(),
            projects: docker::projects::unshared(
                self.usage.projects(),
                &docker::settings::allowed(&settings),
                &self.covered(),
            ),
            settings,
            engine: self.usage.engine(),
            context_selected: docker::context::is_selected(&self.home.docker_socket()),
        }
    }

    /// Tells subscribers how Docker's API is. Settings that can't be read leave what they saw.
    pub fn show_docker(&self) {
        match docker::settings::read(self.home.root()) {
            Ok(settings) => self.feed.put_docker(self.docker(settings)),
            Err(error) => tracing::warn!(%error, "how Docker's API is set up can't be shown"),
        }
    }

    /// What the machine takes of this computer, and took lately.
    pub fn machine_usage(&self, span: UsageSpan) -> Usage {
        self.history.of(span, self.machine.bounds())
    }

    /// Notes a share's mode, and tells which it was. Refuses one that brings changes to a folder which can't be written to.
    pub fn note_mode(&self, share: &str, mode: Mode) -> Result<Mode, ApiError> {
        let known = self.settings_of(share)?;
        check_mode(&known.host_path, mode)?;
        let set = |shares: &mut Vec<ShareSettings>| {
            shares.iter_mut().filter(|share| share.id == known.id).for_each(|share| share.mode = mode);
        };
        self.settings().update(set).map_err(settings_error)?;
        Ok(known.mode)
    }

    fn check_wish(&self, wish: &CreateShare, settings: &SettingsStore) -> Result<Granted, ApiError> {
        let folder = wish.host_path.to_path().ok_or_else(|| {
            ApiError::new(ErrorCode::InvalidParams, format!("\"{}\" is not a path of this computer.", wish.host_path))
        })?;
        let present = Present {
            shares: settings.shares().iter().map(|share| (&share.name, share.host_path.as_path())).collect(),
            own: vec![self.home.root().to_path_buf(), self.home.config_dir(), self.home.sockets_dir().to_path_buf()],
            home: directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf()),
        };
        let wish = Wish { folder: &folder, name: wish.name.as_ref(), mode: wish.mode, force: wish.force };
        Ok(check(&wish, &present)?)
    }

    /// Notes whether a share rests, so that it does after a restart too.
    pub fn note_paused(&self, share: &str, paused: bool) -> Result<(), ApiError> {
        let id = self.find(share)?;
        let mut settings = self.settings();
        if settings.shares().iter().any(|known| known.id == id && known.paused != paused) {
            settings.update(|shares| set_paused(shares, &id, paused)).map_err(settings_error)?;
        }
        Ok(())
    }

    /// Takes a share whose thread has removed all that was kept of it off the list.
    pub fn forget_share(&self, share: &str) -> Result<(), ApiError> {
        let id = self.find(share)?;
        let known = self.settings().shares().iter().find(|known| known.id == id).cloned();
        self.settings().update(|shares| shares.retain(|known| known.id != id)).map_err(settings_error)?;
        self.shares().remove(&id);
        if let Some(share) = known {
            self.removed.put(&self.guest_path(&share), &PathBytes::from(share.host_path.as_path()));
        }
        self.feed.remove_share(&id);
        self.activity.forget(&id);
        self.show_docker();
        tracing::info!(share = %id, "removed");
        Ok(())
    }

    /// Starts the machine and waits until its agent answers.
    pub fn start_machine(&self) -> Result<MachineInfo, ApiError> {
        self.machine.start();
        self.machine.wait_until_ready(self.machine.patience().start)?;
        Ok(self.machine.info())
    }

    /// Stops the machine; its shares are Disconnected until it is started again.
    pub fn stop_machine(&self) -> Result<MachineInfo, ApiError> {
        self.machine.stop(self.machine.patience().stop);
        Ok(self.machine.info())
    }

    /// Tries anew whether the processor runs VMs.
    pub fn try_acceleration(&self) -> Result<Acceleration, ApiError> {
        machine::choose::try_acceleration(&self.home).map_err(|error| {
            ApiError::new(ErrorCode::Io, format!("What the last trial showed can't be forgotten: {error}."))
        })
    }

    /// Changes how the machine is set up.
    pub fn configure_machine(&self, wish: &ConfigureMachine) -> Result<MachineSettings, ApiError> {
        machine::settings::change(self.home.root(), wish)
    }

    /// Deletes the machine's disk and starts it anew. Shares find an empty copy of another identity, and fill it from the host.
    pub fn reset_machine(&self) -> Result<MachineInfo, ApiError> {
        self.machine.stop(self.machine.patience().stop);
        self.machine.reset()?;
        let known = self.settings().shares().to_vec();
        for share in known {
            let forgotten = forget_prepared(&self.home, &share.id);
            forgotten.map_err(|error| ApiError::new(ErrorCode::Io, format!("{}: {error}.", share.name)))?;
        }
        self.start_machine()
    }

    /// Looks at everything that Causeway needs.
    pub fn examine(&self) -> Vec<Check> {
        let shown: BTreeMap<_, _> =
            self.feed.snapshot().shares.into_iter().map(|share| (share.id, share.entries.directories)).collect();
        let known = self.settings().shares().to_vec();
        let shares = known.iter().map(|share| SharedFolder {
            name: share.name.to_string(),
            folder: share.host_path.clone(),
            writes_to_host: matches!(share.mode, Mode::TwoWaySafe | Mode::TwoWayResolved),
            directories: shown.get(&share.id).copied().unwrap_or(0),
        });
        let subject = Subject {
            home: self.home.root().to_path_buf(),
            machine: Some(self.machine.info()),
            shares: shares.collect(),
        };
        doctor::examine(&subject)
    }
}

fn set_paused(shares: &mut [ShareSettings], id: &ShareId, paused: bool) {
    if let Some(share) = shares.iter_mut().find(|share| share.id == *id) {
        share.paused = paused;
    }
}

/// Checks the patterns and the folder's `.syncignore`: `text`, where that is what will stand there.
fn check_rules(patterns: &Patterns, granted: &Granted, text: Option<&str>) -> Result<(), ApiError> {
    let invalid = |message: String| {
        ApiError::new(ErrorCode::InvalidPattern, format!("{message}."))
            .with_remedy(Remedy::sentence("Correct the pattern and try again."))
    };
    let syncignore = match text {
        Some(text) => Some(text.as_bytes().to_vec()),
        None => rules::read(&granted.folder).map_err(|e| invalid(e.to_string()))?,
    };
    rules::compile(&rules::texts(patterns, syncignore)).map_err(|e| invalid(e.to_string()))?;
    Ok(())
}

fn new_share_id() -> Result<ShareId, ApiError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| ApiError::new(ErrorCode::Io, format!("The system gives no random numbers: {e}.")))?;
    Ok(ShareId(causeway_wire::agent::ShareId(bytes).to_string()))
}

pub(crate) fn settings_error(error: SettingsError) -> ApiError {
    let code = match &error {
        SettingsError::Io { source, .. } => match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorCode::NoSpace,
            std::io::ErrorKind::PermissionDenied => ErrorCode::PermissionDenied,
            std::io::ErrorKind::ReadOnlyFilesystem => ErrorCode::ReadOnly,
            _ => ErrorCode::Io,
        },
        _ => ErrorCode::Io,
    };
    ApiError::new(code, format!("{error}."))
}
