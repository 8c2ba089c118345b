//! Which containers use which share, as Docker tells: its list of containers, asked for again after each of its events.
//!
//! The machine isn't trusted: what it tells is bounded, and shown and nothing else.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_api::{Container, PathBytes, Timestamp};
use serde::Deserialize;

use super::pins::Pins;

/// Containers of a share that are shown, at most.
const SHOWN_MAX: usize = 256;
/// Binds that are remembered, at most.
const BINDS_MAX: usize = 16 * 1024;
/// Longest name, in characters. Docker's own are shorter.
const NAME_CHARS_MAX: usize = 256;

/// Containers that started without what was changed before that are remembered, at most; of more, those that are gone are forgotten.
const BEHIND_MAX: usize = 1024;

/// The binds of all containers.
#[derive(Debug)]
pub struct UsageBook {
    /// Empty, too, while Docker can't be asked.
    binds: Mutex<Vec<Bind>>,
    /// By Docker's id and the place of the share.
    behind: Mutex<HashMap<(String, String), Timestamp>>,
    is_known: AtomicBool,
    pins: Mutex<Pins>,
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
            binds: Mutex::default(),
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
        let binds = self.binds();
        let behind = self.behind();
        let uses = binds.iter().filter(|bind| Path::new(&bind.place).starts_with(&*guest));
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
        !std::mem::take(&mut *self.binds()).is_empty()
    }

    /// These are all binds now. Returns whether they are others than before.
    pub fn replace(&self, binds: Vec<Bind>) -> bool {
        let are_bound = self.pins().are(binds.iter().map(|bind| bind.place.clone()).collect());
        let mut known = self.binds();
        let differs = *known != binds;
        *known = binds;
        self.is_known.store(true, Ordering::Release);
        differs || are_bound
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
            let known: HashSet<String> = self.binds().iter().map(|bind| bind.container.id.clone()).collect();
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

    fn binds(&self) -> MutexGuard<'_, Vec<Bind>> {
        self.binds.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// The binds in Docker's answers: to `/containers/json?all=1`, and to `/volumes`.
pub fn binds(containers: &[u8], volumes: &[u8]) -> serde_json::Result<Vec<Bind>> {
    let containers: Vec<Listed> = serde_json::from_slice(containers)?;
    let volumes: Volumes = serde_json::from_slice(volumes)?;
    let volumes = volumes.volumes.unwrap_or_default().into_iter();
    let devices: HashMap<_, _> = volumes.filter_map(|volume| Some((volume.name, bound(volume.options?)?))).collect();
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
    Ok(found)
}

/// The place that a volume is bound to.
fn bound(mut options: HashMap<String, String>) -> Option<String> {
    let binds = options.get("o")?.split(',').any(|option| matches!(option.trim(), "bind" | "rbind"));
    options.remove("device").filter(|_| binds)
}

impl Listed {
    fn container(&self, mount: &Mounted) -> Container {
        let label = |name: &str| self.labels.as_ref()?.get(name).map(|value| short(value));
        let name = self.names.iter().flatten().next().map_or(self.id.as_str(), |name| name.trim_start_matches('/'));
        Container {
            id: short(&self.id),
            name: short(name),
            image: short(&self.image),
            state: short(&self.state),
            compose_project: label("com.docker.compose.project"),
            compose_service: label("com.docker.compose.service"),
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
            "Labels":{"com.docker.compose.project":"shop","com.docker.compose.service":"web"},"Mounts":[
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
        assert!(book.replace(binds(CONTAINERS, VOLUMES).unwrap()));
        assert!(!book.replace(binds(CONTAINERS, VOLUMES).unwrap()));
        let of = |guest: &str| {
            let containers = book.containers_at(&PathBytes::from(guest));
            containers.iter().map(|c| format!("{} {} {}", c.name, c.mounted_at, c.read_only)).collect::<Vec<_>>()
        };
        assert_eq!(of("/m/a/content"), ["web /app false", "old /sub true"]);
        assert_eq!(of("/m/b/content"), ["web /v false"]);
        assert!(of("/m/a/cont").is_empty() && of("").is_empty());
        assert_eq!(book.bound_below(Path::new("/m/a/content")), ["sub"]);
        assert!(book.bound_below(Path::new("")).is_empty());
        let web = &book.containers_at(&PathBytes::from("/m/a/content"))[0];
        assert_eq!((web.compose_project.as_deref(), web.compose_service.as_deref()), (Some("shop"), Some("web")));
        assert!(book.replace(binds(b"[]", br#"{"Volumes":null}"#).unwrap()) && of("/m/a/content").is_empty());
        assert!(binds(b"{}", b"{}").is_err());
    }

    #[test]
    fn a_container_that_did_not_wait_is_told_until_it_does() {
        let data = tempfile::tempdir().unwrap();
        let book = UsageBook::open(data.path());
        book.replace(binds(CONTAINERS, VOLUMES).unwrap());
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
