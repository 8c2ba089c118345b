//! Where in the machine a path of the host is.
//!
//! Symlinks on the host are resolved first, then the share is found that covers the path; the longest one. What no share covers, what a
//! share leaves out, and what can't be a copy is refused with what to do: a bind never leads to a wrong place.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use causeway_api::{Patterns, ShareId, ShareName};
use causeway_docker_proxy::bind::{System, native};
use causeway_docker_proxy::request::{Missing, Wish};
use causeway_docker_proxy::{Place, Project, Refusal};
use causeway_sync::RelPath;
use causeway_sync::ignore::Verdict;

use super::projects::project_around;
use crate::share::rules;

/// What belongs to the kernel that the containers run on: the machine's own, wherever it is.
const OF_THE_KERNEL: [&str; 5] = ["/dev", "/proc", "/sys", "/lib/modules", "/usr/lib/modules"];
/// Where programs expect Docker's socket.
const DOCKER_SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];

/// A share, as binds see it.
#[derive(Clone, Debug)]
pub struct Covered {
    /// Its id.
    pub id: ShareId,
    /// Its name.
    pub name: ShareName,
    /// Its folder; canonical.
    pub host: PathBuf,
    /// Where its copy stands in the machine; empty while that isn't known.
    pub guest: String,
    /// Its patterns.
    pub patterns: Patterns,
}

/// What binds may lead to.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// The shares.
    pub shares: Vec<Covered>,
    /// Folders that may be shared.
    pub allowed: Vec<PathBuf>,
    /// Where programs on the host reach Docker.
    pub docker_socket: PathBuf,
    /// Where Docker's socket is for a container.
    pub docker_in_machine: String,
    /// The directory of the machine that holds the copies of all shares; empty where that isn't known.
    pub copies: PathBuf,
    /// Whether containers run on the host itself, where they can have its own folders.
    pub is_host: bool,
}

/// A place, and the share that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The place.
    pub place: Place,
    /// The share, where it is in one.
    pub share: Option<ShareId>,
}

impl Ground {
    /// Finds the place for a wish. Makes what is missing, where the wish says so.
    pub fn find(&self, wish: &Wish) -> Result<Found, Refusal> {
        let given = clean(Path::new(&native(&wish.source, System::this())));
        if let Some(path) = self.of_machine(&given) {
            return Ok(Found { place: Place { path, is_directory: true }, share: None });
        }
        let real = resolve(&given, wish)?;
        if self.is_host && !wish.may_be_copy {
            return Ok(Found { place: self.own(&given, &real, wish.missing)?, share: None });
        }
        let share = self.covering(&real.path).ok_or_else(|| self.uncovered(&given, &real.path))?;
        if !wish.may_be_copy {
            return Err(Refusal::bad_request(format!(
                "Causeway: {} is asked for as the host's own (consistent), which bypasses shares, and this machine has no other way to \
                 it. Leave that out to use the share \"{}\".",
                given.display(),
                share.name
            )));
        }
        let is_directory = share.check(&given, &real)?;
        if share.guest.is_empty() {
            return Err(Refusal::unavailable(format!(
                "Causeway: the share \"{}\" has no place in the machine yet.",
                share.name
            )));
        }
        if !real.exists && wish.missing == Missing::Create {
            // The folder of a share that is gone is no empty folder.
            if !share.host.is_dir() {
                let name = &share.name;
                return Err(Refusal::bad_request(format!("Causeway: the folder of the share \"{name}\" is gone.")));
            }
            create(&given, &real.path)?;
        }
        Ok(Found { place: Place { path: share.place(&real.path)?, is_directory }, share: Some(share.id.clone()) })
    }

    /// The folder of a project that would have to be a share for a wish: where it holds the path, containers may have it, and no share
    /// covers it yet.
    pub fn wanted(&self, wish: &Wish, project: &Project) -> Option<PathBuf> {
        let given = clean(Path::new(&native(&wish.source, System::this())));
        let real = resolve(&given, wish).ok()?;
        let folder = match &project.folder {
            Some(folder) => fs::canonicalize(folder).ok()?,
            None => project_around(&real.path)?,
        };
        let is_wanted = real.path.starts_with(&folder) && self.allows(&folder);
        (is_wanted && wish.may_be_copy && self.covering(&real.path).is_none()).then_some(folder)
    }

    /// The path of the host for a place in a share.
    pub fn shown(&self, place: &str) -> Option<String> {
        self.shares.iter().find_map(|share| shown_in_copy(place, &share.guest, &share.host))
    }

    /// The share that a place in the machine is in.
    pub fn share_at(&self, place: &str) -> Option<&Covered> {
        let is_in = |share: &&Covered| !share.guest.is_empty() && Path::new(place).starts_with(&share.guest);
        self.shares.iter().find(is_in)
    }

    /// Whether a place was in the copy of a share that isn't there any more.
    pub fn is_left_over(&self, place: &str) -> bool {
        let is_copy = !self.copies.as_os_str().is_empty() && Path::new(place).starts_with(&self.copies);
        let all_are_known = self.shares.iter().all(|share| !share.guest.is_empty());
        is_copy && all_are_known && self.share_at(place).is_none()
    }

    /// Puts paths of the host into a sentence that names places.
    pub fn shown_in(&self, sentence: &str) -> String {
        let known = self.shares.iter().filter(|share| !share.guest.is_empty());
        known.fold(sentence.to_owned(), |sentence, share| sentence.replace(&share.guest, &share.host.to_string_lossy()))
    }

    fn of_machine(&self, given: &Path) -> Option<String> {
        if OF_THE_KERNEL.iter().any(|own| given.starts_with(own)) {
            return given.to_str().map(str::to_owned);
        }
        let is_docker = given == self.docker_socket || DOCKER_SOCKETS.iter().any(|socket| given == Path::new(socket));
        is_docker.then(|| self.docker_in_machine.clone())
    }

    /// The host's own folder or file, whatever shares there are.
    fn own(&self, given: &Path, real: &Real, missing: Missing) -> Result<Place, Refusal> {
        if !self.allows(&real.path) && self.covering(&real.path).is_none() {
            return Err(Refusal::bad_request(format!(
                "{} Allow its folder first: causeway docker config --allow DIR",
                outside(given, &real.path)
            )));
        }
        if !real.exists && missing == Missing::Create {
            create(given, &real.path)?;
        }
        let path = real.path.to_str().ok_or_else(|| Refusal::bad_request("Causeway: the path isn't valid UTF-8."))?;
        // Nothing of it is on its way.
        Ok(Place { path: path.to_owned(), is_directory: true })
    }

    fn allows(&self, path: &Path) -> bool {
        self.allowed.iter().any(|folder| path.starts_with(folder))
    }

    fn covering(&self, path: &Path) -> Option<&Covered> {
        let covering = self.shares.iter().filter(|share| path.starts_with(&share.host));
        covering.max_by_key(|share| share.host.as_os_str().len())
    }

    fn uncovered(&self, given: &Path, real: &Path) -> Refusal {
        if !self.allows(real) {
            return Refusal::bad_request(format!(
                "{} Allow its folder first: causeway docker config --allow DIR. Then share it: causeway share create DIR",
                outside(given, real)
            ));
        }
        let folder = if real.is_dir() { real } else { real.parent().unwrap_or(real) };
        let own = if self.is_host { ". Or let the container have the host's own by \"consistent\"." } else { "" };
        Refusal::bad_request(format!(
            "Causeway: no share covers {}, so containers can't have it. Share it first: causeway share create {}{own}",
            both(given, real),
            folder.display()
        ))
    }
}

/// The path of the host for a place in the copy of a folder.
pub fn shown_in_copy(place: &str, copy: &str, folder: &Path) -> Option<String> {
    let below = place.strip_prefix(copy).filter(|_| !copy.is_empty())?;
    let below = below.strip_prefix('/').or(below.is_empty().then_some(""))?;
    let path = if below.is_empty() { folder.to_owned() } else { folder.join(below) };
    Some(path.to_string_lossy().into_owned())
}

/// A path as it was given, and what it is.
fn both(given: &Path, real: &Path) -> String {
    let through = if given == real { String::new() } else { format!(" (which is {})", real.display()) };
    format!("{}{through}", given.display())
}

fn outside(given: &Path, real: &Path) -> String {
    format!("Causeway: {} is outside of the folders that containers may have.", both(given, real))
}

/// Makes a missing directory, as Docker does.
fn create(given: &Path, path: &Path) -> Result<(), Refusal> {
    fs::create_dir_all(path).map_err(|error| {
        Refusal::bad_request(format!("error while creating mount source path '{}': {error}", given.display()))
    })
}

impl Covered {
    /// Whether the share has the path on both sides. Returns whether it is a directory, or will be.
    fn check(&self, given: &Path, real: &Real) -> Result<bool, Refusal> {
        let refuse = |why: String| Err(Refusal::bad_request(format!("Causeway: {}{why}", given.display())));
        if !real.is_directory && !real.is_file {
            return refuse(" is neither a file nor a directory, and nothing else is synchronised.".to_owned());
        }
        if !on_one_disk(&self.host, &real.path) {
            return refuse(format!(
                " is on another file system, mounted inside of the share \"{}\", and isn't synchronised with it.",
                self.name
            ));
        }
        let Some(relative) = self.relative(&real.path) else {
            return refuse(" has a name that isn't valid UTF-8.".to_owned());
        };
        let relative = relative.as_bytes();
        let Ok(relative) = RelPath::new(relative) else {
            return refuse(" is no path that a share can have.".to_owned());
        };
        let name = &self.name;
        let texts = rules::read(&self.host).map(|syncignore| rules::texts(&self.patterns, syncignore));
        let Some(rules) = texts.ok().and_then(|texts| rules::compile(&texts).ok()) else {
            return refuse(format!(
                " is in the share \"{name}\", whose .syncignore can't be understood. Correct it first."
            ));
        };
        if rules.ignored(relative, real.is_directory) == Verdict::Ignored || !rules.uploads(relative, real.is_directory)
        {
            return refuse(format!(
                " is left out of the share \"{name}\", so the machine doesn't have it. Take it out of .syncignore, or leave the bind out."
            ));
        }
        Ok(real.is_directory)
    }

    fn relative(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix(&self.host).ok()?;
        let names = below.components().map(|name| name.as_os_str().to_str()).collect::<Option<Vec<_>>>()?;
        Some(names.join("/"))
    }

    fn place(&self, path: &Path) -> Result<String, Refusal> {
        let relative =
            self.relative(path).ok_or_else(|| Refusal::bad_request("Causeway: the path isn't valid UTF-8."))?;
        Ok(if relative.is_empty() { self.guest.clone() } else { format!("{}/{relative}", self.guest) })
    }
}

/// Whether a path, or what is there of it, is on the same file system as a folder around it: others mounted inside aren't synchronised.
#[cfg(unix)]
fn on_one_disk(folder: &Path, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.dev());
    path.ancestors().find_map(device) == device(folder)
}

/// Windows mounts nothing inside of folders that people share.
#[cfg(not(unix))]
fn on_one_disk(_: &Path, _: &Path) -> bool {
    true
}

/// What a path leads to on the host.
struct Real {
    /// Without symlinks.
    path: PathBuf,
    exists: bool,
    is_directory: bool,
    is_file: bool,
}

/// Removes `.` and `..` by name, as Docker does before it looks.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                cleaned.pop();
            }
            Component::CurDir => {}
            other => cleaned.push(other),
        }
    }
    cleaned
}

fn resolve(given: &Path, wish: &Wish) -> Result<Real, Refusal> {
    let failed = |error: &io::Error| {
        Err(Refusal::bad_request(format!("Causeway: {} can't be looked at: {error}.", given.display())))
    };
    match fs::canonicalize(given) {
        Ok(path) => match fs::metadata(&path) {
            Ok(metadata) => {
                let (is_directory, is_file) = (metadata.is_dir(), metadata.is_file());
                Ok(Real { path, exists: true, is_directory, is_file })
            }
            Err(error) => failed(&error),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => missing(given, wish),
        Err(error) => failed(&error),
    }
}

/// The same for what isn't there: as far as it is, and the names that follow.
fn missing(given: &Path, wish: &Wish) -> Result<Real, Refusal> {
    if wish.missing == Missing::Refuse {
        return Err(Refusal::no_source(&wish.source));
    }
    let mut names = Vec::new();
    let mut at = given;
    loop {
        // A symlink that leads nowhere isn't missing: what it leads to is.
        if fs::symlink_metadata(at).is_ok() {
            let Ok(mut path) = fs::canonicalize(at) else {
                return Err(Refusal::bad_request(format!(
                    "Causeway: {} is a symlink that leads nowhere.",
                    at.display()
                )));
            };
            path.extend(names.iter().rev());
            return Ok(Real { path, exists: false, is_directory: true, is_file: false });
        }
        let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else {
            return Err(Refusal::no_source(&wish.source));
        };
        names.push(name);
        at = parent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_s_own_is_given_where_containers_run_on_the_host() {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        for directory in ["home/repo", "outside"] {
            fs::create_dir_all(base.join(directory)).unwrap();
        }
        let ground = |is_host| Ground { allowed: vec![base.join("home")], is_host, ..Ground::default() };
        for (is_host, source, missing, expected) in [
            (true, "home/repo", Missing::Refuse, Ok(())),
            (true, "home/new", Missing::Create, Ok(())),
            (true, "home/other", Missing::Refuse, Err("bind source path does not exist")),
            (true, "outside", Missing::Create, Err("outside of the folders")),
            (false, "home/repo", Missing::Refuse, Err("no share covers")),
        ] {
            let path = base.join(source).to_str().unwrap().to_owned();
            let found = ground(is_host).find(&Wish { source: path.clone(), missing, may_be_copy: false });
            match (found, expected) {
                (Ok(found), Ok(())) => {
                    let place = Place { path, is_directory: true };
                    assert_eq!(found, Found { place, share: None }, "{source}");
                }
                (Err(refusal), Err(expected)) => assert!(refusal.to_string().contains(expected), "{source}: {refusal}"),
                (found, _) => panic!("{source}: {found:?}"),
            }
        }
        assert!(base.join("home/new").is_dir() && !base.join("home/other").exists());
    }

    #[test]
    fn what_is_the_kernel_s_is_the_machine_s_own() {
        for (source, expected) in [
            ("/proc/sys", Some("/proc/sys")),
            ("/dev", Some("/dev")),
            ("/lib/modules", Some("/lib/modules")),
            ("/run/docker.sock", Some("/m/docker.sock")),
            ("/lib/modules.old", None),
            ("/device", None),
        ] {
            let ground = Ground { docker_in_machine: "/m/docker.sock".to_owned(), ..Ground::default() };
            let wish = Wish { source: source.to_owned(), missing: Missing::Leave, may_be_copy: true };
            let found = ground.find(&wish).ok().map(|found| found.place.path);
            assert_eq!(found.as_deref(), expected, "{source}");
        }
    }

    #[test]
    fn the_copy_of_a_share_that_was_removed_is_left_over() {
        let covered = |guest: &str| Covered {
            id: ShareId(String::new()),
            name: ShareName::new("a").unwrap(),
            host: PathBuf::from("/home/a"),
            guest: guest.to_owned(),
            patterns: Patterns::default(),
        };
        for (guest, place, expected) in [
            ("/m/shares/1/content", "/m/shares/1/content/sub", false),
            ("/m/shares/1/content", "/m/shares/2/content", true),
            ("/m/shares/1/content", "/m/shares/2/content/sub", true),
            ("/m/shares/1/content", "/dev/null", false),
            ("/m/shares/1/content", "/m/shares.old", false),
            // Any may be its.
            ("", "/m/shares/2/content", false),
        ] {
            let ground = Ground { shares: vec![covered(guest)], copies: "/m/shares".into(), ..Ground::default() };
            assert_eq!(ground.is_left_over(place), expected, "{guest} {place}");
        }
        let nothing_known = Ground { shares: vec![covered("/m/shares/1/content")], ..Ground::default() };
        assert!(!nothing_known.is_left_over("/m/shares/2/content"));
    }

    #[test]
    fn the_folder_of_a_project_is_the_share_that_a_volume_needs() {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        for directory in ["home/shop/data/deep", "home/alone", "outside"] {
            fs::create_dir_all(base.join(directory)).unwrap();
        }
        fs::write(base.join("home/shop/compose.yaml"), "").unwrap();
        fs::write(base.join("home/file"), "").unwrap();
        let ground = Ground { allowed: vec![base.join("home")], ..Ground::default() };
        let named = |folder: &str| Some(base.join(folder).to_str().unwrap().to_owned());
        for (source, folder, expected) in [
            ("home/shop/data/deep", None, Some("home/shop")),
            ("home/shop", None, Some("home/shop")),
            ("home/alone", None, Some("home/alone")),
            ("home/shop/data", named("home/shop/data"), Some("home/shop/data")),
            ("home/alone", named("home/shop"), None),
            ("home/file", None, None),
            ("home/missing", None, None),
            ("outside", None, None),
        ] {
            let source = base.join(source).to_str().unwrap().to_owned();
            let wish = Wish { source, missing: Missing::Leave, may_be_copy: true };
            let project = Project { name: "shop".to_owned(), folder, files: Vec::new() };
            let wanted = ground.wanted(&wish, &project);
            assert_eq!(wanted, expected.map(|expected| base.join(expected)), "{}", wish.source);
        }
    }
}
