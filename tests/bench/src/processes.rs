//! What the engine and the agent have used, from `/proc` (proc(5)).

use std::fs;

use anyhow::{Context, Result};
use causeway_e2e::Place;

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Processor time, user and system, in milliseconds.
    pub cpu_ms: f64,
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
            written: a.written + b.written,
            peak_mb: a.peak_mb + b.peak_mb,
            now_mb: a.now_mb + b.now_mb,
        })
    }
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
    // The 14th and 15th fields, counted from 1; the name before them may hold spaces.
    let stat = read("stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    let (status, io) = (read("status")?, read("io")?);
    Ok(Used {
        cpu_ms: ticks * 1000.0 / rustix::param::clock_ticks_per_second() as f64,
        written: field(&io, "write_bytes"),
        peak_mb: field(&status, "VmHWM") * 1024.0 / 1e6,
        now_mb: field(&status, "RssAnon") * 1024.0 / 1e6,
    })
}
