//! A child process, most often the agent: found, started, ended, started again when it ends by itself.
//!
//! The child holds the reading end of a pipe (its standard input) whose writing end only this process has. However this
//! process ends, the pipe closes, and the agent ends itself: no orphan is left, not even after `kill -9`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use shared_child::SharedChild;

use super::backoff::Backoff;

/// What names another agent program than the one beside this program.
pub const AGENT_VARIABLE: &str = "CAUSEWAY_AGENT";

/// Why there is no agent to start.
#[derive(Debug, thiserror::Error)]
#[error("the program causeway-agent was not found at {}; install it beside this program, or name it in {AGENT_VARIABLE}", .0.display())]
pub struct AgentMissing(pub PathBuf);

/// Where the agent's program is: what [`AGENT_VARIABLE`] names, else `causeway-agent` beside this program.
pub fn find_agent() -> Result<PathBuf, AgentMissing> {
    let path = match std::env::var_os(AGENT_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => beside_this_program(&format!("causeway-agent{}", std::env::consts::EXE_SUFFIX)),
    };
    if path.is_file() { Ok(path) } else { Err(AgentMissing(path)) }
}

fn beside_this_program(name: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.parent().unwrap_or(Path::new("")).join(name)
}

/// What the supervisor is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing, by request.
    Stopped,
    /// The agent is being started, or will be after a moment.
    Starting {
        /// Why the last one ended, or couldn't be started.
        last: Option<String>,
    },
    /// The agent runs.
    Running {
        /// Its process id.
        pid: u32,
    },
    /// It is to end, and hasn't yet.
    Stopping,
}

/// Keeps one child process running while it is wanted.
pub struct Supervisor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What is started.
pub struct Start {
    /// The command; its standard streams are set by the supervisor.
    pub command: Command,
    /// Told to the child at the start of its standard input.
    pub told: Vec<u8>,
}

/// Prepares each start anew; an error is shown and tried again.
pub type MakeStart = Box<dyn Fn() -> anyhow::Result<Start> + Send + Sync>;
/// Called, without any lock held, when the phase has changed.
pub type OnChange = Box<dyn Fn() + Send + Sync>;

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    make: MakeStart,
    on_change: OnChange,
    log: PathBuf,
    /// What runs, for the log.
    what: &'static str,
}

struct State {
    wanted: bool,
    quit: bool,
    phase: Phase,
    starts: u64,
    child: Option<Arc<SharedChild>>,
    /// Dropped to ask the agent to end.
    life_line: Option<ChildStdin>,
}

impl Supervisor {
    /// Begins with nothing wanted. What the child prints on standard error is appended to `log`.
    pub fn new(what: &'static str, make: MakeStart, on_change: OnChange, log: PathBuf) -> io::Result<Self> {
        let state =
            State { wanted: false, quit: false, phase: Phase::Stopped, starts: 0, child: None, life_line: None };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), make, on_change, log, what });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("supervisor".to_owned()).spawn(move || theirs.supervise())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Wants the child to run. Returns at once.
    pub fn start(&self) {
        let mut state = self.shared.state();
        if !state.wanted {
            state.wanted = true;
            state.phase = Phase::Starting { last: None };
            self.shared.changed.notify_all();
            drop(state);
            (self.shared.on_change)();
        }
    }

    /// Ends the child now, if it runs and is wanted; it is started again.
    pub fn kill(&self) {
        let state = self.shared.state();
        if let (true, Some(child)) = (state.wanted, &state.child) {
            // It may have ended in this moment.
            let _ = child.kill();
        }
    }

    /// Wants nothing, and waits until the child has ended: of itself, or killed when `limit` has passed.
    pub fn stop(&self, limit: Duration) {
        let mut state = self.shared.state();
        state.wanted = false;
        state.life_line = None;
        self.shared.changed.notify_all();
        if state.child.is_some() {
            state.phase = Phase::Stopping;
            drop(state);
            (self.shared.on_change)();
            state = self.shared.state();
        }
        let deadline = Instant::now() + limit;
        while let Some(child) = state.child.clone() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!(pid = child.id(), "{} did not end in time and is killed", self.shared.what);
                let _ = child.kill();
                // The kernel ends it now whatever it does; only waiting is left.
                state = self.shared.wait(state, Duration::from_secs(5));
                break;
            }
            state = self.shared.wait(state, left);
        }
        let changed = state.phase != Phase::Stopped;
        state.phase = Phase::Stopped;
        drop(state);
        if changed {
            (self.shared.on_change)();
        }
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        self.shared.state().phase.clone()
    }

    /// How often a child was started.
    pub fn starts(&self) -> u64 {
        self.shared.state().starts
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.shared.state().quit = true;
        self.stop(Duration::from_secs(3));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    fn supervise(&self) {
        let mut backoff = Backoff::default();
        while self.wait_until_wanted() {
            let began = Instant::now();
            let reason = match self.spawn() {
                Ok(child) => self.wait_for_end(&child),
                Err(e) => format!("it could not be started: {e:#}"),
            };
            let ran = began.elapsed();
            let mut state = self.state();
            if !state.wanted {
                continue;
            }
            let wait = backoff.after(ran);
            tracing::warn!(reason, ?wait, "{} ended and is started again", self.what);
            state.phase = Phase::Starting { last: Some(reason) };
            drop(state);
            (self.on_change)();
            state = self.state();
            let until = Instant::now() + wait;
            while state.wanted && Instant::now() < until {
                let left = until.saturating_duration_since(Instant::now());
                state = self.wait(state, left);
            }
        }
    }

    /// Returns false when there is nothing to do any more.
    fn wait_until_wanted(&self) -> bool {
        let mut state = self.state();
        loop {
            if state.quit {
                return false;
            }
            if state.wanted {
                return true;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn spawn(&self) -> anyhow::Result<Arc<SharedChild>> {
        let Start { mut command, told } = (self.make)()?;
        let log = open_log(&self.log)?;
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let mut state = self.state();
        if !state.wanted {
            anyhow::bail!("it is no longer wanted");
        }
        let child = Arc::new(SharedChild::spawn(&mut command)?);
        state.life_line = child.take_stdin();
        if let Some(stdin) = &mut state.life_line {
            // Far less than a pipe holds. A child that has ended already is found out right below.
            let _ = stdin.write_all(&told);
        }
        state.child = Some(Arc::clone(&child));
        state.starts += 1;
        state.phase = Phase::Running { pid: child.id() };
        drop(state);
        tracing::info!(pid = child.id(), "{} runs", self.what);
        (self.on_change)();
        Ok(child)
    }

    fn wait_for_end(&self, child: &SharedChild) -> String {
        let status = child.wait();
        let mut state = self.state();
        state.child = None;
        state.life_line = None;
        self.changed.notify_all();
        match status {
            Ok(status) => describe(status),
            Err(e) => format!("its end could not be awaited: {e}"),
        }
    }
}

fn describe(status: ExitStatus) -> String {
    format!("it ended with {status}")
}

/// The agent's log is bounded by starting over at each start when it has grown large.
const AGENT_LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

fn open_log(path: &Path) -> io::Result<File> {
    let large = std::fs::metadata(path).is_ok_and(|m| m.len() > AGENT_LOG_BYTES_MAX);
    if large {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn supervise(script: &'static str, dir: &Path) -> Supervisor {
        let dir = dir.to_path_buf();
        let log = dir.join("log");
        let make = move || {
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(script).current_dir(&dir);
            Ok(Start { command, told: b"told\n".to_vec() })
        };
        Supervisor::new("it", Box::new(make), Box::new(|| ()), log).unwrap()
    }

    fn wait_for(what: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(10);
        while !what() {
            assert!(Instant::now() < until, "in vain");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_dies_is_started_again_until_it_is_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let supervisor = supervise("read line; echo $line >> starts; exit 3", dir.path());
        supervisor.start();
        wait_for(|| {
            std::fs::read_to_string(dir.path().join("starts")).is_ok_and(|s| s.starts_with("told\ntold\ntold\n"))
        });
        supervisor.stop(Duration::from_secs(5));
        assert_eq!(supervisor.phase(), Phase::Stopped);
        let starts = supervisor.starts();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(supervisor.starts(), starts);
    }

    #[test]
    fn a_closed_life_line_ends_it_and_a_deaf_one_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        for (script, limit_ms) in [("cat; exit 0", 5_000), ("trap '' TERM; exec sleep 60 </dev/null", 50)] {
            let supervisor = supervise(script, dir.path());
            supervisor.start();
            wait_for(|| matches!(supervisor.phase(), Phase::Running { .. }));
            let Phase::Running { pid } = supervisor.phase() else { panic!() };
            let began = Instant::now();
            supervisor.stop(Duration::from_millis(limit_ms));
            assert!(began.elapsed() < Duration::from_secs(4), "{script}");
            let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            assert!(rustix::process::test_kill_process(pid).is_err(), "{script} still runs");
            // And it can be started again.
            supervisor.start();
            wait_for(|| matches!(supervisor.phase(), Phase::Running { .. }));
        }
    }

    #[test]
    fn a_program_that_does_not_exist_is_reported_and_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let make = || Ok(Start { command: Command::new("/nonexistent/agent"), told: Vec::new() });
        let supervisor = Supervisor::new("it", Box::new(make), Box::new(|| ()), dir.path().join("log")).unwrap();
        supervisor.start();
        wait_for(|| matches!(supervisor.phase(), Phase::Starting { last: Some(_) }));
    }
}
