//! What the proxy asks of the engine.

use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_api::ApiError;
use causeway_docker_proxy::answer::Shown;
use causeway_docker_proxy::request::Wish;
use causeway_docker_proxy::{Host, Later, Needs, Place, Project, Refusal, Unready};
use causeway_endpoint::serve::shares_dir;
use tokio::net::UnixStream;
use tokio::sync::{Notify, oneshot};

use super::compose;
use super::places::{Covered, Ground};
use super::removed::Removed;
use super::settings;
use super::spellings::Spellings;
use super::usage::Seen;
use crate::engine::Engine;
use crate::machine::Machine;
use crate::share::command::{Command, answer};
use crate::share::prepared::was_prepared;

/// Where a VM's Docker has its socket, for its containers.
const DOCKER_IN_VM: &str = "/var/run/docker.sock";

/// The engine, as the proxy sees it.
pub struct EngineHost {
    engine: Arc<Engine>,
    spellings: Spellings,
    /// Somebody has reached Docker, or may reach it now.
    reached: Arc<Notify>,
}

impl EngineHost {
    /// Of a running engine.
    pub fn new(engine: Arc<Engine>) -> Self {
        let spellings = Spellings::open(engine.home().root());
        Self { engine, spellings, reached: Arc::default() }
    }

    /// Wakes whoever waits for Docker.
    pub fn reached(&self) -> &Arc<Notify> {
        &self.reached
    }

    /// Where Docker may be.
    pub fn machine(&self) -> &dyn Machine {
        self.engine.machine()
    }

    /// Whether it makes sense to look for Docker.
    pub fn may_have_docker(&self) -> bool {
        if self.machine().has_docker() {
            return self.machine().agent().is_ok();
        }
        settings::read(self.engine.home().root()).is_ok_and(|settings| settings.engine_socket.is_some())
    }

    /// What containers have bound can't be told any more.
    pub fn containers_are_unknown(&self) {
        if self.engine.usage().forget() {
            self.tell_of_containers();
        }
    }

    /// What containers there are now.
    pub fn containers_are(&self, seen: Seen) {
        if self.engine.usage().replace(seen) {
            self.tell_of_containers();
        }
    }

    fn tell_of_containers(&self) {
        self.engine.show_docker();
        self.engine.tell_all(|| Command::Republish);
    }

    /// The shares, for what is in the machine already.
    fn shares(&self) -> Ground {
        let copies = shares_dir(self.engine.machine().disk());
        Ground { shares: self.engine.covered(), copies, ..Ground::default() }
    }

    /// What binds may lead to now.
    fn ground(&self) -> Ground {
        let home = self.engine.home();
        let settings = settings::read(home.root()).unwrap_or_else(|error| {
            tracing::warn!(%error, "the settings of Docker's API are those of a new installation");
            Default::default()
        });
        let real = |path: PathBuf| std::fs::canonicalize(&path).unwrap_or(path);
        let allowed = settings::allowed(&settings).iter().filter_map(|path| path.to_path()).map(real).collect();
        let docker_socket = home.docker_socket();
        // Docker in the machine, or an Engine on this computer.
        let is_host = !self.engine.machine().has_docker();
        let docker_in_machine = match is_host {
            true => docker_socket.to_string_lossy().into_owned(),
            false => DOCKER_IN_VM.to_owned(),
        };
        Ground { allowed, docker_socket, docker_in_machine, is_host, ..self.shares() }
    }

    /// How long a container waits at most; 0 where it doesn't.
    fn barrier_ms(&self) -> u64 {
        let settings = settings::read(self.engine.home().root());
        settings.map_or(causeway_api::docker::BARRIER_MS_UNASKED, |settings| settings.barrier_ms())
    }

    /// Waits for one share, until `deadline`; not at all where there is none.
    async fn settle_share(&self, share: &Covered, deadline: Option<Instant>) -> Result<(), Unready> {
        let is_absent = !was_prepared(self.engine.home(), &share.id);
        let left = deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now()));
        if deadline.is_none() && !is_absent {
            return Ok(());
        }
        let (reply, waiting) = oneshot::channel();
        let timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let flushed = match self.engine.tell(&share.id.0, Command::Flush { timeout_ms, reply }) {
            Ok(()) => answer(waiting).await,
            Err(error) => Err(error),
        };
        let why = |error: ApiError| format!("The share \"{}\" isn't up to date: {}", share.name, error.message);
        flushed.map(drop).map_err(|error| Unready { why: why(error), is_absent })
    }

    /// Notes whether a container has to do without what was changed in a share.
    fn was_let_start(&self, container: &str, share: &Covered, is_behind: bool) {
        if self.engine.usage().was_let_start(container, &share.guest, is_behind) {
            // A share that is removed meanwhile shows nothing any more.
            let _ = self.engine.tell(&share.id.0, Command::Republish);
        }
    }
}

/// What answers are translated by.
struct Paths<'a> {
    ground: Ground,
    spellings: &'a Spellings,
    removed: &'a Removed,
}

impl Shown for Paths<'_> {
    fn shown(&self, owner: &str, place: &str) -> Option<String> {
        let of_removed = || self.removed.shown(place);
        self.spellings.get(owner, place).or_else(|| self.ground.shown(place)).or_else(of_removed)
    }

    fn shown_in(&self, sentence: &str) -> String {
        self.ground.shown_in(sentence)
    }
}

impl Host for EngineHost {
    fn connect(&self) -> Later<'_, Result<UnixStream, Refusal>> {
        Box::pin(async move {
            let engine = Arc::clone(&self.engine);
            if engine.machine().has_docker() {
                return connect_in_machine(engine).await.inspect(|_| self.reached.notify_one());
            }
            let settings = settings::read(engine.home().root());
            let settings = settings.map_err(|error| Refusal::unavailable(format!("Causeway: {error}.")))?;
            let Some(socket) = settings.engine_socket.and_then(|socket| socket.to_path()) else {
                return Err(Refusal::unavailable(
                    "Causeway: the machine is a directory of this computer and has no Docker of its own. Say which to use: causeway \
                     docker config --engine-socket /var/run/docker.sock",
                ));
            };
            let connected = UnixStream::connect(&socket).await.inspect(|_| self.reached.notify_one());
            connected.map_err(|error| {
                Refusal::unavailable(format!("Causeway: Docker can't be reached at {}: {error}.", socket.display()))
            })
        })
    }

    fn place(&self, wish: &Wish, project: Option<&Project>) -> Result<Place, Refusal> {
        let ground = self.ground();
        let refusal = match ground.find(wish) {
            Ok(found) => {
                // Another container of the project may have wanted it first.
                if let Some(share) = found.share.filter(|share| compose::is_on_its_way(&self.engine, share)) {
                    compose::wait(&self.engine, &share)?;
                }
                return Ok(found.place);
            }
            Err(refusal) => refusal,
        };
        let Some((project, folder)) = project.and_then(|project| Some((project, ground.wanted(wish, project)?))) else {
            return Err(refusal);
        };
        compose::share(&self.engine, project, &folder, refusal)?;
        Ok(self.ground().find(wish)?.place)
    }

    fn waits(&self) -> bool {
        !self.engine.covered().is_empty() && self.barrier_ms() > 0
    }

    fn settle<'a>(&'a self, needs: &'a Needs) -> Later<'a, Result<(), Unready>> {
        Box::pin(async move {
            let ground = self.shares();
            let limit_ms = if needs.waits_for_nothing { 0 } else { self.barrier_ms() };
            let deadline = (limit_ms > 0).then(|| Instant::now() + Duration::from_millis(limit_ms));
            let mut shares: Vec<&Covered> = needs.places.iter().filter_map(|place| ground.share_at(place)).collect();
            shares.sort_by(|a, b| a.id.cmp(&b.id));
            shares.dedup_by(|a, b| a.id == b.id);
            self.engine.usage().starts_with(&needs.places);
            let mut unready: Option<Unready> = None;
            for share in shares {
                // Before the wait: what comes after it is written into the files that the container has by then.
                let _ = self.engine.tell(&share.id.0, Command::Republish);
                let settled = self.settle_share(share, deadline).await;
                if let Some(container) = needs.container.as_ref().filter(|_| deadline.is_some()) {
                    self.was_let_start(container, share, settled.is_err());
                }
                if let Err(Unready { why, is_absent }) = settled {
                    tracing::warn!(share = %share.name, why, "a container waits no longer");
                    let known = unready.get_or_insert(Unready { why: String::new(), is_absent: false });
                    known.is_absent |= is_absent;
                    known.why = [known.why.as_str(), &why].join(" ").trim().to_owned();
                }
            }
            unready.map_or(Ok(()), Err)
        })
    }

    fn check(&self, needs: &Needs) -> Result<(), Refusal> {
        let ground = self.shares();
        match needs.places.iter().any(|place| ground.is_left_over(place)) {
            false => Ok(()),
            true => Err(Refusal::bad_request(
                "Causeway: a share that this container has bound was removed, so there is nothing left to bind. Make the container anew, \
                 which binds the share that its folder has now: docker compose up --force-recreate, or docker rm and docker run.",
            )),
        }
    }

    fn created(&self, owner: &str, binds: &[(String, String)]) {
        let ground = self.shares();
        let odd = binds.iter().filter(|(given, place)| ground.shown(place).as_ref() != Some(given));
        let odd: Vec<_> = odd.map(|(given, place)| (place.clone(), given.clone())).collect();
        if !odd.is_empty() {
            self.spellings.put(owner, odd);
        }
    }

    fn paths(&self) -> Box<dyn Shown + '_> {
        Box::new(Paths { ground: self.shares(), spellings: &self.spellings, removed: self.engine.removed_shares() })
    }
}

/// A stream into the machine. Waits for a Docker that is on its way up.
async fn connect_in_machine(engine: Arc<Engine>) -> Result<UnixStream, Refusal> {
    let failed = |error: String| Refusal::unavailable(format!("Causeway: {error}"));
    let (ours, theirs) = StdStream::pair().map_err(|error| failed(format!("{error}.")))?;
    let connected = tokio::task::spawn_blocking(move || engine.machine().connect_docker(theirs)).await;
    connected.map_err(|_| failed("a defect; the log says more.".to_owned()))?.map_err(failed)?;
    let stream = ours.set_nonblocking(true).and_then(|()| UnixStream::from_std(ours));
    stream.map_err(|error| failed(format!("{error}.")))
}
