//! The processes that run as long as the guest does: started again when they end, and ended in order.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use causeway_wire::boot::Boot;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::data_disk::MOUNTED_AT;
use super::tool::PATH;
use crate::ENDED_AS_ASKED;

/// Waits before a service is started again: the first, and the longest. They double from one to the other.
const AGAIN_MIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(5);
/// What ran this long is started again as if it had never failed.
const GOOD_RUN_MIN: Duration = Duration::from_secs(10);
/// How long Docker may take to stop its containers.
const DOCKER_END_LIMIT: Duration = Duration::from_secs(8);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// What a service is, and how it is started.
pub struct Service {
    name: &'static str,
    program: &'static str,
    arguments: Vec<String>,
    /// Told at the start of standard input, which stays open until the service ends.
    told: Vec<u8>,
    /// Whether the guest ends when it ends as asked.
    decides_the_end: bool,
    wait: Duration,
    began: Instant,
    _life_line: Option<ChildStdin>,
}

/// The services, by process. Clones are the same.
#[derive(Clone, Default)]
pub struct Services {
    running: Arc<Mutex<BTreeMap<i32, Service>>>,
}

/// The agent proper: this program again.
pub fn agent(boot: &Boot) -> Service {
    let disk = format!("{MOUNTED_AT}/causeway");
    let arguments = vec!["--vsock".to_owned(), boot.port.to_string(), "--disk".to_owned(), disk];
    let told = boot.secret.0.to_vec();
    Service { told, decides_the_end: true, ..Service::new("the agent", "/proc/self/exe", arguments) }
}

/// Docker, with a containerd of its own.
pub fn docker() -> Service {
    let data_root = format!("--data-root={MOUNTED_AT}/docker");
    let arguments = [
        data_root.as_str(),
        "--exec-root=/run/docker",
        "--pidfile=/run/docker.pid",
        "--host=unix:///run/docker.sock",
        "--group=root",
        "--log-level=warn",
        "--shutdown-timeout=5",
    ];
    Service::new("Docker", "/usr/sbin/dockerd", arguments.map(str::to_owned).to_vec())
}

impl Service {
    fn new(name: &'static str, program: &'static str, arguments: Vec<String>) -> Self {
        Self {
            name,
            program,
            arguments,
            told: Vec::new(),
            decides_the_end: false,
            wait: AGAIN_MIN,
            began: Instant::now(),
            _life_line: None,
        }
    }

    fn spawn(&mut self) -> Result<i32> {
        let mut command = Command::new(self.program);
        command.args(&self.arguments).env_clear().env("PATH", PATH).env("HOME", "/root").current_dir("/");
        command.stdin(if self.told.is_empty() { Stdio::null() } else { Stdio::piped() });
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.name))?;
        let mut life_line = child.stdin.take();
        if let Some(stdin) = &mut life_line {
            // Far less than a pipe holds. A child that has ended already is found out by its end.
            let _ = stdin.write_all(&self.told);
        }
        self._life_line = life_line;
        self.began = Instant::now();
        Ok(child.id().cast_signed())
    }
}

impl Services {
    /// Starts one.
    pub fn start(&self, mut service: Service) -> Result<()> {
        // Held meanwhile: its end can't be noted before its start.
        let mut running = self.running();
        let pid = service.spawn()?;
        running.insert(pid, service);
        Ok(())
    }

    /// Takes in every process that ends, orphans too, and starts services again, until one that decides it ends as asked.
    pub fn watch(&self) {
        loop {
            let (pid, status) = match rustix::process::wait(WaitOptions::empty()) {
                Ok(Some(ended)) => ended,
                Err(rustix::io::Errno::INTR) => continue,
                // No child is left; one is about to be started again.
                Ok(None) | Err(_) => {
                    std::thread::sleep(LOOK);
                    continue;
                }
            };
            let Some(service) = self.running().remove(&pid.as_raw_nonzero().get()) else { continue };
            if service.decides_the_end && status.exit_status() == Some(i32::from(ENDED_AS_ASKED)) {
                return;
            }
            self.start_again(service, status);
        }
    }

    fn start_again(&self, mut service: Service, status: WaitStatus) {
        let ended = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => format!("with code {code}"),
            (_, Some(signal)) => format!("by signal {signal}"),
            _ => String::new(),
        };
        service.wait =
            if service.began.elapsed() > GOOD_RUN_MIN { AGAIN_MIN } else { (service.wait * 2).min(AGAIN_MAX) };
        eprintln!("{} ended {ended} and is started again", service.name);
        let services = self.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(service.wait);
                let mut running = services.running();
                match service.spawn() {
                    Ok(pid) => {
                        running.insert(pid, service);
                        return;
                    }
                    Err(error) => eprintln!("{error:#}"),
                }
                drop(running);
                service.wait = AGAIN_MAX;
            }
        });
    }

    /// Ends what is left, in a bounded time.
    pub fn end(&self) {
        let left: Vec<i32> = self.running().keys().copied().collect();
        for pid in left.iter().filter_map(|pid| Pid::from_raw(*pid)) {
            // It may have ended in this moment.
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + DOCKER_END_LIMIT;
        let mut left = left;
        while !left.is_empty() && Instant::now() < deadline {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, _))) => left.retain(|known| *known != pid.as_raw_nonzero().get()),
                Ok(None) => std::thread::sleep(LOOK),
                Err(_) => return,
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<i32, Service>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
