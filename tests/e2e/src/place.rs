//! A `CAUSEWAY_HOME` of its own, and what runs in it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::disk::Disk;
use crate::share::Share;
use crate::{PATIENCE, eventually};

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// What keeps the directory of a failed test, to be looked at, and says where it is.
const KEEP_VARIABLE: &str = "CAUSEWAY_E2E_KEEP";

/// What a guest's kernel says first of a fault, and how many lines from there on are shown.
const KERNEL_FAULTS: [&str; 4] = ["] BUG: ", "] Oops", "] general protection fault", "] Call Trace:"];
const KERNEL_FAULT_LINES: usize = 64;

/// A `CAUSEWAY_HOME` with folders beside it.
pub struct Place {
    dir: TempDir,
    disks: Mutex<Vec<Disk>>,
    agent: Mutex<Option<PathBuf>>,
    /// More of the environment of its engines.
    environment: Vec<(&'static str, OsString)>,
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// An empty one. Nothing runs yet.
    pub fn new() -> Self {
        Self::of(tempfile::Builder::new().prefix("cw").tempdir().unwrap())
    }

    /// An empty one in a directory.
    pub fn in_directory(directory: &Path) -> Self {
        Self::of(tempfile::Builder::new().prefix("cw").tempdir_in(directory).unwrap())
    }

    fn of(dir: TempDir) -> Self {
        Self { dir, disks: Mutex::default(), agent: Mutex::default(), environment: Vec::new() }
    }

    /// With a variable in the environment of its engines.
    pub fn with_environment(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Mounts a disk of so many MiB at a directory below [`Self::base`]; see [`crate::disk::may_mount`].
    pub fn disk(&self, at: &str, mebibytes: u64) -> Disk {
        let disk = Disk::mount(&self.base().join(at), mebibytes);
        self.disks.lock().unwrap().push(disk.clone());
        disk
    }

    /// Makes a directory that is there a disk of its own, with what it holds: to be made read-only.
    pub fn disk_over(&self, directory: &Path) -> Disk {
        let disk = Disk::over(directory);
        self.disks.lock().unwrap().push(disk.clone());
        disk
    }

    /// The directory that holds everything of this place.
    pub fn base(&self) -> PathBuf {
        fs::canonicalize(self.dir.path()).unwrap()
    }

    /// Its `CAUSEWAY_HOME`.
    pub fn home(&self) -> PathBuf {
        self.base().join("home")
    }

    /// A folder beside the home, made where it is missing.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.base().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The `causeway` command in this place, with arguments.
    pub fn command<A: AsRef<OsStr>>(&self, args: &[A]) -> Command {
        let mut command = Command::new(program("causeway"));
        command.args(args).env("CAUSEWAY_HOME", self.home()).env("HOME", self.base().join("user")).stdin(Stdio::null());
        command.current_dir(self.dir.path());
        command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        command.envs(self.agent.lock().unwrap().iter().map(|agent| ("CAUSEWAY_AGENT", agent)));
        command
    }

    /// Lets engines that are started from now on start this program for their agent.
    pub(crate) fn set_agent(&self, program: PathBuf) {
        *self.agent.lock().unwrap() = Some(program);
    }

    /// Runs `causeway` with arguments to its end.
    pub fn run<A: AsRef<OsStr>>(&self, args: &[A]) -> Ran {
        self.run_for(args, PATIENCE)
    }

    /// The same, within a limit of its own.
    pub fn run_for<A: AsRef<OsStr>>(&self, args: &[A], limit: Duration) -> Ran {
        let child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        finish(child, limit)
    }

    /// The same, which has to succeed.
    pub fn ok<A: AsRef<OsStr>>(&self, args: &[A]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{:?} failed: {}{}\n{}", shown(args), ran.out, ran.err, self.log_end());
        ran.out
    }

    /// What `causeway --json` shows with arguments.
    pub fn json(&self, args: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(args);
        let out = self.run(&all);
        serde_json::from_str(&out.out).unwrap_or_else(|e| panic!("{args:?}: {e}: {} {}", out.out, out.err))
    }

    /// Shares a folder, and waits until that is Watching.
    pub fn share(&self, folder: &Path, options: &[&str]) -> Share<'_> {
        let mut args = vec!["share", "create", folder.to_str().unwrap()];
        args.extend(options);
        self.ok(&args);
        let name = options.iter().position(|option| *option == "--name").map(|at| options[at + 1]);
        let name = name.unwrap_or_else(|| folder.file_name().unwrap().to_str().unwrap());
        Share::new(self, name)
    }

    /// Process id of the engine that runs.
    pub fn engine_pid(&self) -> u32 {
        fs::read_to_string(self.home().join("run/engine.lock")).unwrap().trim().parse().unwrap()
    }

    /// Process id of the agent that answers; waits for one.
    pub fn agent_pid(&self) -> u32 {
        let mut pid = None;
        eventually(
            || {
                pid = self.json(&["machine", "status"])["agent"]["pid"].as_u64();
                pid.is_some()
            },
            || self.log_end(),
        );
        u32::try_from(pid.unwrap()).unwrap()
    }

    /// Kills the engine, and waits until it is gone.
    pub fn kill_engine(&self) {
        kill(self.engine_pid());
    }

    /// Kills the agent, and waits until it is gone. The engine starts another.
    pub fn kill_agent(&self) {
        kill(self.agent_pid());
    }

    /// The end of the logs, the guest's console among them, to be shown with a failure. The first fault of a guest's kernel is shown
    /// from its beginning, which names the cause.
    pub fn log_end(&self) -> String {
        let end = |name: &str| {
            let text = fs::read(self.home().join("logs").join(name)).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            let end = lines.len().saturating_sub(25);
            let fault = lines.iter().position(|line| KERNEL_FAULTS.iter().any(|fault| line.contains(fault)));
            let fault = fault.filter(|fault| *fault < end).map_or(String::new(), |fault| {
                format!("{}\n[...]\n", lines[fault..end.min(fault + KERNEL_FAULT_LINES)].join("\n"))
            });
            format!("--- {name}\n{fault}{}\n", lines[end..].join("\n"))
        };
        ["engine.log", "engine.stderr", "agent.log", "hypervisor.log", "machine.log"].map(end).concat()
    }

    /// Processes that run in this place.
    pub fn processes(&self) -> Vec<(u32, String)> {
        let home = self.home();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let mut environment = Vec::new();
            let read = fs::File::open(entry.path().join("environ")).and_then(|mut f| f.read_to_end(&mut environment));
            let ours = [b"CAUSEWAY_HOME=", home.as_os_str().as_encoded_bytes()].concat();
            if read.is_ok() && environment.split(|byte| *byte == 0).any(|variable| variable == ours) {
                let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                found.push((pid, String::from_utf8_lossy(&command).replace('\0', " ")));
            }
        }
        found
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.run(&["engine", "stop"]);
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut left = self.processes();
        while !left.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
            left = self.processes();
        }
        for (pid, _) in &left {
            kill(*pid);
        }
        let log_end = self.log_end();
        for disk in self.disks.get_mut().unwrap().drain(..).rev() {
            disk.unmount();
        }
        if std::thread::panicking() {
            eprintln!("{log_end}");
            if std::env::var_os(KEEP_VARIABLE).is_some() {
                self.dir.disable_cleanup(true);
                eprintln!("kept: {}", self.dir.path().display());
            }
        } else {
            assert!(left.is_empty(), "processes were left over: {left:?}\n{log_end}");
        }
    }
}

fn shown<A: AsRef<OsStr>>(args: &[A]) -> Vec<&OsStr> {
    args.iter().map(AsRef::as_ref).collect()
}

/// A program that was built into the directory of this one, or above that as tests are.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let beside = own.with_file_name(name);
    let built = if beside.is_file() { beside } else { own.parent().unwrap().with_file_name(name) };
    assert!(
        built.is_file() && built.with_file_name("causeway-agent").is_file(),
        "{} or causeway-agent is missing; build them first: cargo build --workspace",
        built.display()
    );
    built
}

/// Waits for the end of a command, and kills it when that takes too long.
pub fn finish(mut child: Child, limit: Duration) -> Ran {
    let read = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                stream.read_to_end(&mut bytes).unwrap();
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|s| Box::new(s) as _));
    let err = read(child.stderr.take().map(|s| Box::new(s) as _));
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            let status = child.wait().unwrap();
            panic!("took longer than {limit:?} ({status}): {}{}", out.join().unwrap(), err.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Ran { code: status.code().unwrap_or(-1), out: out.join().unwrap(), err: err.join().unwrap() }
}

/// Kills a process, and waits until it is gone or only waits to be buried.
pub fn kill(pid: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    let Some(pid) = Pid::from_raw(pid.cast_signed()) else { return };
    // It may have ended already.
    let _ = kill_process(pid, Signal::KILL);
    let gone = || match fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())) {
        Ok(stat) => stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X'])),
        Err(_) => true,
    };
    eventually(gone, || "the process to end".to_owned());
}
