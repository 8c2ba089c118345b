//! What the engine and the agent have used, and what others have, from `/proc` (proc(5)).

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use causeway_e2e::Place;

/// How often a [`Family`] is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Processor time, user and system, in milliseconds.
    pub cpu_ms: f64,
    /// The same of its children that have ended.
    pub waited_for_ms: f64,
    /// Bytes that it caused to be written to disks.
    pub written: f64,
    /// Memory at most, in megabytes.
    pub peak_mb: f64,
    /// Memory now, in megabytes: what is its own, without what the kernel can drop (`RssAnon`).
    pub now_mb: f64,
}

/// The engine and the agent of a place.
pub struct Processes {
    engine: u32,
    agent: u32,
}

impl Processes {
    /// Those that run now.
    pub fn of(place: &Place) -> Self {
        Self { engine: place.engine_pid(), agent: place.agent_pid() }
    }

    /// What the engine has used.
    pub fn engine(&self) -> Result<Used> {
        used(self.engine)
    }

    /// What the agent has used.
    pub fn agent(&self) -> Result<Used> {
        used(self.agent)
    }

    /// What both have used.
    pub fn both(&self) -> Result<Used> {
        let (a, b) = (self.engine()?, self.agent()?);
        Ok(Used {
            cpu_ms: a.cpu_ms + b.cpu_ms,
            waited_for_ms: a.waited_for_ms + b.waited_for_ms,
            written: a.written + b.written,
            peak_mb: a.peak_mb + b.peak_mb,
            now_mb: a.now_mb + b.now_mb,
        })
    }
}

/// What a program of somebody else's uses, with all the processes that it starts.
pub struct Family {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Used>,
}

impl Family {
    /// Looks at a process and its descendants from now on, every 10 ms: what they use after the last look is missing.
    pub fn of(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut all = Used::default();
            while !stopped.load(Ordering::Relaxed) {
                let now = sum_of(pid);
                all.cpu_ms = all.cpu_ms.max(now.cpu_ms);
                all.peak_mb = all.peak_mb.max(now.now_mb);
                all.now_mb = now.now_mb;
                std::thread::sleep(LOOK);
            }
            all
        });
        Self { stop, thread }
    }

    /// What they have used; `peak_mb` is the most that all of them had at once.
    pub fn used(self) -> Used {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// A process and its descendants; those that have ended don't count, but for their processor time where somebody has waited for them.
fn sum_of(pid: u32) -> Used {
    let mut all = Used::default();
    let mut left = vec![pid];
    while let Some(pid) = left.pop() {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        left.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        let Ok(process) = used(pid) else { continue };
        all.cpu_ms += process.cpu_ms + process.waited_for_ms;
        all.now_mb += process.now_mb;
    }
    all
}

fn used(pid: u32) -> Result<Used> {
    let read = |name: &str| {
        let file = format!("/proc/{pid}/{name}");
        fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))
    };
    let field = |text: &str, name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    };
    // The 14th to 17th fields, counted from 1; the name before them may hold spaces.
    let stat = read("stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |first: usize| -> f64 {
        let fields = after_name.split_whitespace().skip(first).take(2);
        fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 1000.0
            / rustix::param::clock_ticks_per_second() as f64
    };
    let (status, io) = (read("status")?, read("io")?);
    Ok(Used {
        cpu_ms: ticks(11),
        waited_for_ms: ticks(13),
        written: field(&io, "write_bytes"),
        peak_mb: field(&status, "VmHWM") * 1024.0 / 1e6,
        now_mb: field(&status, "RssAnon") * 1024.0 / 1e6,
    })
}
