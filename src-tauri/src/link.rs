//! The way to the engine: the one that runs, or else one in this process; reached again after it was lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use causeway_api::{
    ApiError, CallError, Client, EngineLock, ErrorCode, Event, Home, Nothing, PROTOCOL_VERSION, Remedy,
};
use causeway_engine::MachineAtStart;
use tokio::sync::watch;

use crate::events::EngineState;
use crate::shown::Shown;

/// How often to look whether an engine that is starting listens already.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long to wait before an engine that can't be started or reached is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// The engine's own bounds for an orderly end sum up to 15 s; see `causeway_engine::run`.
const END_PATIENCE: Duration = Duration::from_secs(16);

/// The way to the engine. Commands use it as it is at the moment.
pub struct Link {
    home: Home,
    shown: Arc<Shown>,
    client: Mutex<Option<Arc<Client>>>,
    embedded: Mutex<Option<Embedded>>,
    wanted: watch::Sender<Wanted>,
}

type Embedded = JoinHandle<anyhow::Result<()>>;

/// What this app wants of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// That it runs.
    Running,
    /// Nothing: a person stopped it.
    Nothing,
    /// Its end, with the app.
    Ended,
}

impl Link {
    /// Not on the way yet.
    pub fn new(home: Home, shown: Arc<Shown>) -> Arc<Self> {
        let wanted = watch::Sender::new(Wanted::Running);
        Arc::new(Self { home, shown, client: Mutex::default(), embedded: Mutex::default(), wanted })
    }

    /// Reaches the engine, and stays on it until the app ends.
    pub fn start(self: &Arc<Self>) {
        let link = Arc::clone(self);
        tauri::async_runtime::spawn(async move { link.keep().await });
    }

    /// A person wants the engine to run again.
    pub fn want(&self) {
        self.change(Wanted::Nothing, Wanted::Running);
    }

    fn change(&self, from: Wanted, to: Wanted) {
        self.wanted.send_if_modified(|wanted| {
            let changes = *wanted == from;
            if changes {
                *wanted = to;
            }
            changes
        });
    }

    /// The engine, if it is reached.
    pub fn client(&self) -> Result<Arc<Client>, ApiError> {
        self.lock_client().clone().ok_or_else(|| {
            ApiError::new(ErrorCode::Io, "The engine isn't reached.")
                .with_remedy(Remedy::sentence("The app reaches it again by itself."))
        })
    }

    fn lock_client(&self) -> MutexGuard<'_, Option<Arc<Client>>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_embedded(&self) -> MutexGuard<'_, Option<Embedded>> {
        self.embedded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(&self) {
        let mut wanted = self.wanted.subscribe();
        loop {
            let now = *wanted.borrow_and_update();
            match now {
                Wanted::Ended => return,
                Wanted::Nothing => {
                    self.shown.set_engine(EngineState::Stopped);
                    let _ = wanted.changed().await;
                }
                Wanted::Running => {
                    if let Err(error) = self.reach_and_follow().await {
                        tracing::warn!(error = format!("{error:#}"), "the engine isn't reached");
                        self.shown.set_engine(EngineState::Failed { sentence: format!("{error:#}.") });
                        let _ = tokio::time::timeout(TRY_AGAIN, wanted.changed()).await;
                    }
                }
            }
        }
    }

    /// Follows the engine until it is lost. Afterwards it is reached again, unless it ended in this process in good order: then
    /// somebody wanted that.
    async fn reach_and_follow(&self) -> anyhow::Result<()> {
        let client = Arc::new(self.reach().await?);
        let embedded = self.lock_embedded().is_some();
        *self.lock_client() = Some(Arc::clone(&client));
        self.shown.take(Event::Snapshot(client.subscribe().await?));
        self.shown.set_engine(EngineState::Running { embedded });
        let lost = self.follow(&client).await;
        *self.lock_client() = None;
        drop(client);
        tracing::info!(embedded, lost = %lost, "the engine is lost");
        if self.ended_in_good_order().await {
            self.change(Wanted::Running, Wanted::Nothing);
        } else if *self.wanted.borrow() == Wanted::Running {
            self.shown.set_engine(EngineState::Starting);
        }
        Ok(())
    }

    async fn follow(&self, client: &Client) -> CallError {
        loop {
            let event = match client.next_event().await {
                Ok(event) => event,
                Err(error) => return error,
            };
            if !self.shown.take(event) {
                match client.subscribe().await {
                    Ok(snapshot) => self.shown.take(Event::Snapshot(snapshot)),
                    Err(error) => return error,
                };
            }
        }
    }

    /// Waits for the engine of this process, where that is the one that was lost.
    async fn ended_in_good_order(&self) -> bool {
        let Some(thread) = self.lock_embedded().take() else { return false };
        let ended = tokio::task::spawn_blocking(move || thread.join()).await;
        matches!(ended, Ok(Ok(Ok(()))))
    }

    /// Connects to the engine; starts one in this process where none runs.
    async fn reach(&self) -> anyhow::Result<Client> {
        loop {
            match self.connect().await {
                Ok(client) => return Ok(client),
                Err(CallError::NotRunning { .. } | CallError::Closed) => self.start_where_none_runs().await?,
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn connect(&self) -> Result<Client, CallError> {
        let client = Client::connect(&self.home).await?;
        let status = client.engine_status(&Nothing {}).await?;
        if status.protocol == PROTOCOL_VERSION {
            return Ok(client);
        }
        let message = format!(
            "The engine that runs is version {}, this app is version {}, and they don't understand each other",
            status.version,
            env!("CARGO_PKG_VERSION")
        );
        Err(ApiError::new(ErrorCode::VersionMismatch, message).into())
    }

    async fn start_where_none_runs(&self) -> anyhow::Result<()> {
        let ended = self.lock_embedded().take_if(|thread| thread.is_finished());
        if let Some(thread) = ended {
            // It could not start: that is what there is to say, and not that nothing listens.
            thread.join().map_err(|_| anyhow::anyhow!("the engine broke down"))??;
        }
        if self.lock_embedded().is_none() && !EngineLock::is_taken(&self.home) {
            let home = self.home.clone();
            let thread = thread::Builder::new()
                .name("engine".into())
                .spawn(move || causeway_engine::run(home, MachineAtStart::Started))?;
            *self.lock_embedded() = Some(thread);
        }
        Ok(())
    }

    /// Ends the engine of this process in good order and waits for that, for a bounded time; one that ran before goes on.
    pub fn end(&self) {
        self.wanted.send_replace(Wanted::Ended);
        if self.lock_embedded().is_none() {
            return;
        }
        if let Some(client) = self.lock_client().clone() {
            let asked = tauri::async_runtime::block_on(async move { client.engine_stop(&Nothing {}).await });
            tracing::info!(?asked, "the app ends, and its engine");
        }
        let deadline = Instant::now() + END_PATIENCE;
        while EngineLock::is_taken(&self.home) && Instant::now() < deadline {
            thread::sleep(LOOK_AGAIN);
        }
    }
}
