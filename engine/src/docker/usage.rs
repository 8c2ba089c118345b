//! Which containers use which share, as Docker tells: its list of containers, asked for again after each of its events.
//!
//! The machine isn't trusted: what it tells is bounded, and shown and nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_api::{ComposeProject, Container, DockerEngine, PathBytes, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::pins::Pins;

/// Containers of a share that are shown, at most.
const SHOWN_MAX: usize = 256;
/// Binds that are remembered, at most.
const BINDS_MAX: usize = 16 * 1024;
/// Containers whose times are known, at most.
const TIMES_MAX: usize = 1024;
/// Longest name, in characters. Docker's own are shorter.
const NAME_CHARS_MAX: usize = 256;

/// The labels by which Docker Compose knows its containers again.
const COMPOSE_PROJECT: &str = "com.docker.compose.project";
const COMPOSE_SERVICE: &str = "com.docker.compose.service";
const COMPOSE_FOLDER: &str = "com.docker.compose.project.working_dir";
/// Longest path of a project's folder: Linux has none that are longer.
const FOLDER_BYTES_MAX: usize = 4096;
/// Projects of Docker Compose that are told of, at most.
const PROJECTS_MAX: usize = 16;

/// Containers that started without what was changed before that are remembered, at most; of more, those that are gone are forgotten.
const BEHIND_MAX: usize = 1024;

/// The binds of all containers.
#[derive(Debug)]
pub struct UsageBook {
    seen: Mutex<Seen>,
    /// By Docker's id and the place of the share.
    behind: Mutex<HashMap<(String, String), Timestamp>>,
    is_known: AtomicBool,
    pins: Mutex<Pins>,
}

/// What Docker tells of its containers; nothing while it can't be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    engine: Option<DockerEngine>,
    projects: Vec<ComposeProject>,
    binds: Vec<Bind>,
}

/// A place in the machine that a container has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    place: String,
    container: Container,
}

impl UsageBook {
    /// Of containers of which nothing was told yet, but for what is remembered in the data directory.
    pub fn open(data: &Path) -> Self {
        Self {
            seen: Mutex::default(),
            behind: Mutex::default(),
            is_known: AtomicBool::default(),
            pins: Mutex::new(Pins::open(data)),
        }
    }

    /// What containers have bound below a directory of the machine, from there: also while Docker can't be asked.
    pub fn bound_below(&self, directory: &Path) -> Vec<String> {
        if directory.as_os_str().is_empty() {
            return Vec::new();
        }
        self.pins().below(directory).map(str::to_owned).collect()
    }

    /// A container that has these places is about to start.
    pub fn starts_with(&self, places: &[String]) {
        self.pins().start(places);
    }

    /// The containers that have something of the share whose copy stands here; running ones first.
    pub fn containers_at(&self, guest: &PathBytes) -> Vec<Container> {
        let guest = guest.to_text();
        if guest.is_empty() {
            return Vec::new();
        }
        let seen = self.seen();
        let behind = self.behind();
        let uses = seen.binds.iter().filter(|bind| Path::new(&bind.place).starts_with(&*guest));
        let told = |bind: &Bind| {
            let behind_since = behind.get(&(bind.container.id.clone(), guest.clone().into_owned())).copied();
            Container { behind_since, ..bind.container.clone() }
        };
        let mut containers: Vec<Container> = uses.map(told).collect();
        containers.sort_by(|a, b| (a.state != "running", &a.name).cmp(&(b.state != "running", &b.name)));
        containers.truncate(SHOWN_MAX);
        containers
    }

    /// Whether Docker can be asked.
    pub fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Acquire)
    }

    /// Docker can't be asked any more. Returns whether that shows.
    pub fn forget(&self) -> bool {
        self.is_known.store(false, Ordering::Release);
        std::mem::take(&mut *self.seen()) != Seen::default()
    }

    /// This is what there is now. Returns whether it is something else than before.
    pub fn replace(&self, seen: Seen) -> bool {
        let are_bound = self.pins().are(seen.binds.iter().map(|bind| bind.place.clone()).collect());
        let mut known = self.seen();
        let differs = *known != seen;
        *known = seen;
        self.is_known.store(true, Ordering::Release);
        differs || are_bound
    }

    /// The projects of Docker Compose that have containers, as Docker tells: their folders need not be there.
    pub fn projects(&self) -> Vec<ComposeProject> {
        self.seen().projects.clone()
    }

    /// How many containers Docker has; `None` while it can't be asked.
    pub fn engine(&self) -> Option<DockerEngine> {
        self.seen().engine
    }

    /// A container was let start: with what was changed in the share whose copy stands here, or without it. Returns whether that shows.
    pub fn was_let_start(&self, container: &str, guest: &str, is_behind: bool) -> bool {
        let (key, mut behind) = ((short(container), guest.to_owned()), self.behind());
        if !is_behind {
            return behind.remove(&key).is_some();
        }
        behind.insert(key, Timestamp::now());
        if behind.len() > BEHIND_MAX {
            drop(behind);
            let known: HashSet<String> = self.seen().binds.iter().map(|bind| bind.container.id.clone()).collect();
            self.behind().retain(|(id, _), _| known.contains(id));
        }
        true
    }

    fn behind(&self) -> MutexGuard<'_, HashMap<(String, String), Timestamp>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pins(&self) -> MutexGuard<'_, Pins> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Since when containers run, or have ended, by Docker's id and word for the state. Asked for once for each state of each.
#[derive(Debug, Default)]
pub struct Times(HashMap<(String, String), Option<Timestamp>>);

impl Times {
    /// Sets the times that are known, forgets those of other containers, and gives the ids of containers whose time has to be asked for.
    pub fn tell(&mut self, seen: &mut Seen) -> Vec<String> {
        let state_of = |bind: &Bind| (bind.container.id.clone(), bind.container.state.clone());
        let present: HashSet<_> = seen.binds.iter().map(state_of).collect();
        self.0.retain(|state, _| present.contains(state));
        for bind in &mut seen.binds {
            bind.container.state_since = self.0.get(&state_of(bind)).copied().flatten();
        }
        let asked = present.into_iter().filter(|state| !self.0.contains_key(state)).map(|(id, _)| id);
        asked.take(TIMES_MAX - self.0.len().min(TIMES_MAX)).collect()
    }

    /// Takes in Docker's answer to `/containers/ID/json`.
    pub fn learn(&mut self, inspected: &[u8]) -> serde_json::Result<()> {
        let Inspected { id, state } = serde_json::from_slice(inspected)?;
        let since = match state.status.as_str() {
            "running" => state.started_at,
            "exited" | "dead" => state.finished_at,
            _ => Value::Null,
        };
        // Docker writes the year 1 for never.
        let since = Timestamp::deserialize(since).ok().filter(|time| time.as_ns() > 0);
        self.0.insert((short(&id), short(&state.status)), since);
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    state: InspectedState,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedState {
    status: String,
    #[serde(default)]
    started_at: Value,
    #[serde(default)]
    finished_at: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    names: Option<Vec<String>>,
    #[serde(default)]
    image: String,
    #[serde(default)]
    state: String,
    labels: Option<HashMap<String, String>>,
    mounts: Option<Vec<Mounted>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mounted {
    #[serde(rename = "Type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    destination: String,
    #[serde(rename = "RW", default)]
    writable: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volumes {
    volumes: Option<Vec<Volume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    options: Option<HashMap<String, String>>,
}

/// What Docker's answers tell: to `/containers/json?all=1`, and to `/volumes`.
pub fn seen(containers: &[u8], volumes: &[u8]) -> serde_json::Result<Seen> {
    let containers: Vec<Listed> = serde_json::from_slice(containers)?;
    let volumes: Volumes = serde_json::from_slice(volumes)?;
    let volumes = volumes.volumes.unwrap_or_default().into_iter();
    let devices: HashMap<_, _> = volumes.filter_map(|volume| Some((volume.name, bound(volume.options?)?))).collect();
    let running = containers.iter().filter(|listed| listed.state == "running").count() as u64;
    let engine = Some(DockerEngine { containers: containers.len() as u64, running });
    let projects = projects(&containers);
    let mut found = Vec::new();
    for listed in containers {
        for mount in listed.mounts.iter().flatten() {
            let place = match mount.kind.as_str() {
                "bind" => mount.source.clone(),
                "volume" => devices.get(&mount.name).cloned().unwrap_or_default(),
                _ => continue,
            };
            if !place.is_empty() && found.len() < BINDS_MAX {
                found.push(Bind { place, container: listed.container(mount) });
            }
        }
    }
    Ok(Seen { engine, projects, binds: found })
}

/// The projects of Docker Compose that the containers belong to, by their folders, with what each has.
fn projects(containers: &[Listed]) -> Vec<ComposeProject> {
    let mut known: BTreeMap<_, (BTreeSet<&str>, u64)> = BTreeMap::new();
    for listed in containers {
        let Some(project) = listed.project() else { continue };
        let (services, containers) = known.entry(project).or_default();
        services.extend(listed.label(COMPOSE_SERVICE));
        *containers += 1;
    }
    let counted = known.into_iter().take(PROJECTS_MAX).map(|((folder, name), (services, containers))| ComposeProject {
        folder: PathBytes::from(folder),
        name,
        services: services.len() as u64,
        containers,
    });
    counted.collect()
}

/// The place that a volume is bound to.
fn bound(mut options: HashMap<String, String>) -> Option<String> {
    let binds = options.get("o")?.split(',').any(|option| matches!(option.trim(), "bind" | "rbind"));
    options.remove("device").filter(|_| binds)
}

impl Listed {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// The project that it belongs to: its folder and its name.
    fn project(&self) -> Option<(&str, String)> {
        let folder = self.label(COMPOSE_FOLDER).filter(|folder| folder.len() <= FOLDER_BYTES_MAX)?;
        Some((folder, short(self.label(COMPOSE_PROJECT)?)))
    }

    fn container(&self, mount: &Mounted) -> Container {
        let label = |name: &str| self.label(name).map(short);
        let name = self.names.iter().flatten().next().map_or(self.id.as_str(), |name| name.trim_start_matches('/'));
        Container {
            id: short(&self.id),
            name: short(name),
            image: short(&self.image),
            state: short(&self.state),
            state_since: None,
            compose_project: label(COMPOSE_PROJECT),
            compose_service: label(COMPOSE_SERVICE),
            mounted_at: PathBytes::from(mount.destination.as_str()),
            read_only: !mount.writable,
            behind_since: None,
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(NAME_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINERS: &[u8] = br#"[
        {"Id":"1","Names":["/old"],"Image":"img","State":"exited","Labels":{},"Mounts":[
            {"Type":"bind","Source":"/m/a/content/sub","Destination":"/sub","RW":false}]},
        {"Id":"2","Names":["/web"],"Image":"img:2","State":"running",
            "Labels":{"com.docker.compose.project":"shop","com.docker.compose.service":"web",
                "com.docker.compose.project.working_dir":"/home/ada/shop"},"Mounts":[
            {"Type":"bind","Source":"/m/a/content","Destination":"/app","RW":true},
            {"Type":"volume","Name":"v","Source":"/var/lib/docker/volumes/v/_data","Destination":"/v","RW":true},
            {"Type":"volume","Name":"w","Source":"x","Destination":"/w"},{"Type":"tmpfs"}]},
        {"Id":"3","Mounts":null}]"#;
    const VOLUMES: &[u8] =
        br#"{"Volumes":[{"Name":"v","Options":{"o":"bind","device":"/m/b/content"}},{"Name":"w","Options":null}]}"#;

    #[test]
    fn containers_are_told_by_share() {
        let data = tempfile::tempdir().unwrap();
        let book = UsageBook::open(data.path());
        assert!(book.replace(seen(CONTAINERS, VOLUMES).unwrap()));
        assert!(!book.replace(seen(CONTAINERS, VOLUMES).unwrap()));
        let of = |guest: &str| {
            let containers = book.containers_at(&PathBytes::from(guest));
            containers.iter().map(|c| format!("{} {} {}", c.name, c.mounted_at, c.read_only)).collect::<Vec<_>>()
        };
        assert_eq!(of("/m/a/content"), ["web /app false", "old /sub true"]);
        assert_eq!(of("/m/b/content"), ["web /v false"]);
        assert!(of("/m/a/cont").is_empty() && of("").is_empty());
        assert_eq!(book.engine(), Some(DockerEngine { containers: 3, running: 1 }));
        let shop =
            ComposeProject { folder: "/home/ada/shop".into(), name: "shop".to_owned(), services: 1, containers: 1 };
        assert_eq!(book.projects(), [shop]);
        assert_eq!(book.bound_below(Path::new("/m/a/content")), ["sub"]);
        assert!(book.bound_below(Path::new("")).is_empty());
        let web = &book.containers_at(&PathBytes::from("/m/a/content"))[0];
        assert_eq!((web.compose_project.as_deref(), web.compose_service.as_deref()), (Some("shop"), Some("web")));
        assert!(book.replace(seen(b"[]", br#"{"Volumes":null}"#).unwrap()) && of("/m/a/content").is_empty());
        assert!(seen(b"{}", b"{}").is_err());
    }

    #[test]
    fn since_when_a_container_is_so_is_asked_for_once() {
        let mut times = Times::default();
        let mut asked = || {
            let mut seen = seen(CONTAINERS, VOLUMES).unwrap();
            let mut asked = times.tell(&mut seen);
            asked.sort();
            let since =
                |id: &str| seen.binds.iter().find(|bind| bind.container.id == id).unwrap().container.state_since;
            for (id, state) in
                [("1", "exited"), ("2", "running")].iter().filter(|(id, _)| asked.iter().any(|one| one == id))
            {
                let inspected = format!(
                    r#"{{"Id":"{id}","State":{{"Status":"{state}","StartedAt":"2026-11-03T09:00:00.5Z","FinishedAt":"0001-01-01T00:00:00Z"}}}}"#
                );
                times.learn(inspected.as_bytes()).unwrap();
            }
            (asked, since("1"), since("2"))
        };
        assert_eq!(asked(), (vec!["1".to_owned(), "2".to_owned()], None, None));
        assert_eq!(asked(), (vec![], None, Some(Timestamp::from_ns(1_793_696_400_500_000_000))));
        times.tell(&mut Seen::default());
        assert!(times.0.is_empty() && times.learn(b"{}").is_err());
    }

    #[test]
    fn a_container_that_did_not_wait_is_told_until_it_does() {
        let data = tempfile::tempdir().unwrap();
        let book = UsageBook::open(data.path());
        book.replace(seen(CONTAINERS, VOLUMES).unwrap());
        let behind = |guest: &str| {
            let containers = book.containers_at(&PathBytes::from(guest));
            containers.iter().filter(|c| c.behind_since.is_some()).map(|c| c.name.clone()).collect::<Vec<_>>()
        };
        assert!(!book.was_let_start("2", "/m/a/content", false));
        assert!(book.was_let_start("2", "/m/a/content", true));
        assert_eq!((behind("/m/a/content"), behind("/m/b/content")), (vec!["web".to_owned()], vec![]));
        // One that is made right now isn't on the list yet.
        assert!(book.was_let_start("9", "/m/a/content", true));
        assert!(book.was_let_start("2", "/m/a/content", false));
        assert!(behind("/m/a/content").is_empty());
        for number in 0..2 * BEHIND_MAX {
            book.was_let_start(&format!("gone {number}"), "/m/a/content", true);
        }
        assert!(book.behind().len() <= BEHIND_MAX);
    }
}
