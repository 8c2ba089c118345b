//! The tools with which people watch folders, each as a process of its own that says what it sees.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::{Place, eventually};

/// Where the scripts stand.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/watchers");
/// Debian's own Python, for which Debian's packages are.
const PYTHON: &str = "/usr/bin/python3";

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `inotifywait` of inotify-tools: the system's own events.
    Inotifywait,
    /// Python's watchdog.
    Watchdog,
    /// chokidar, as nodemon and many others have it inside.
    Chokidar,
    /// The watcher of a Vite development server.
    Vite,
    /// watchexec.
    Watchexec,
}

/// What a tool said about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// In the tool's own words.
    pub event: String,
    /// Relative to the watched folder.
    pub path: PathBuf,
}

impl Sighting {
    /// Whether the tool took the path for removed.
    pub fn is_gone(&self) -> bool {
        matches!(&*self.event, "deleted" | "moved" | "unlink" | "remove")
            || self.event.contains("DELETE")
            || self.event.contains("MOVED_FROM")
    }
}

/// A tool at work on a folder. Ends with this.
pub struct Watcher {
    child: Child,
    folder: PathBuf,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Watcher {
    /// Starts a tool, and waits until it says that it watches, if it does.
    pub fn start(place: &Place, tool: Tool, folder: &Path) -> Self {
        let mut command = match tool {
            Tool::Inotifywait => {
                let mut command = Command::new("inotifywait");
                let events = "modify,attrib,close_write,moved_from,moved_to,create,delete";
                command.args(["--monitor", "--recursive", "--event", events, "--format", "%e\t%w%f"]);
                command
            }
            Tool::Watchdog => script(PYTHON, "python_watchdog.py"),
            Tool::Chokidar => script("node", "chokidar.mjs"),
            Tool::Vite => script("node", "vite.mjs"),
            Tool::Watchexec => {
                let mut command = Command::new("watchexec");
                command.args(["--only-emit-events", "--emit-events-to=stdio", "--watch"]);
                command
            }
        };
        command.arg(folder).env("CAUSEWAY_WATCHERS", packages());
        if tool == Tool::Vite {
            command.arg(place.folder("vite-cache"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = command.spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{tool:?}: {error}; `cargo xtask setup` installs it"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take().unwrap(), &lines);
        collect(child.stderr.take().unwrap(), &lines);
        let watcher = Self { child, folder: folder.to_owned(), lines };
        let is_ready = |line: &String| matches!(&**line, "ready" | "Watches established.");
        if tool != Tool::Watchexec {
            eventually(|| watcher.lines().iter().any(is_ready), || format!("{tool:?} to watch: {:?}", watcher.lines()));
        }
        watcher
    }

    /// What it has said so far about what stands in the folder.
    pub fn sightings(&self) -> Vec<Sighting> {
        let of_line = |line: &String| {
            let (event, path) = line.split_once(['\t', ':'])?;
            let path = Path::new(path).strip_prefix(&self.folder).ok()?.to_owned();
            Some(Sighting { event: event.to_owned(), path })
        };
        self.lines().iter().filter_map(of_line).collect()
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn script(interpreter: &str, name: &str) -> Command {
    let mut command = Command::new(interpreter);
    command.arg(Path::new(SCRIPTS).join(name));
    command
}

/// Where `cargo xtask setup` has installed the packages of npm: below the build directory, of which this test's own is a part.
pub fn packages() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let packages = test.ancestors().nth(3).unwrap().join("tools/watchers");
    let needed = fs::read(Path::new(SCRIPTS).join("package-lock.json")).unwrap();
    assert!(
        fs::read(packages.join("package-lock.json")).is_ok_and(|installed| installed == needed),
        "the packages in {} are missing or old; install them first: cargo xtask setup",
        packages.display()
    );
    packages
}

fn collect(stream: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
}
