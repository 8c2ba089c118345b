//! Starting again.

use std::fs;
use std::time::Instant;

use anyhow::Result;
use causeway_e2e::Random;

use crate::figures::{Figure, Unit};
use crate::ground::{Ground, Shared};
use crate::limits::{find, ms};
use crate::observe::until;

/// Files changed while nothing runs.
const CHANGED: usize = 1_000;

/// With nothing changed, and with 1 000 changes made meanwhile. Counts from the start of the engine until a flush is done.
pub fn whole(ground: &Ground) -> Result<Vec<Figure>> {
    let shared = ground.shared()?;
    let (mut limits, mut unchanged, mut changed, mut cpu) = (vec![], vec![], vec![], vec![]);
    for repeat in 0..ground.repeats {
        limits.push(find(&shared.host.root)? + find(&shared.guest)?);
        unchanged.push(start_again(shared, || Ok(()))?);
        cpu.push(shared.processes().both()?.cpu_ms);
        changed.push(start_again(shared, || {
            let mut random = Random::new(u64::from(repeat) + 11);
            for file in shared.host.files.iter().take(CHANGED) {
                fs::write(shared.host.root.join(file), random.bytes(2_000))?;
            }
            Ok(())
        })?);
    }
    let limit = Figure::new("find over both sides", Unit::Ms, limits);
    Ok(vec![
        Figure::new("nothing changed", Unit::Ms, unchanged).against(&limit, Some(1.5)),
        Figure::new("nothing changed, engine and agent", Unit::CpuMs, cpu),
        Figure::new("1 000 files changed meanwhile", Unit::Ms, changed).against(&limit, None),
    ])
}

fn start_again(shared: &Shared, meanwhile: impl FnOnce() -> Result<()>) -> Result<f64> {
    shared.place.ok(&["engine", "stop"]);
    meanwhile()?;
    let begun = Instant::now();
    shared.place.ok(&["engine", "start"]);
    shared.flush()?;
    Ok(ms(begun.elapsed()))
}

/// The agent is killed, and the share is whole again.
pub fn agent(ground: &Ground) -> Result<Vec<Figure>> {
    let shared = ground.shared()?;
    let mut latencies = Vec::new();
    for _ in 0..ground.repeats {
        let begun = Instant::now();
        let before = shared.place.agent_pid();
        shared.place.kill_agent();
        until(|| Ok(shared.place.agent_pid() != before && shared.state() == "watching"))?;
        shared.flush()?;
        latencies.push(ms(begun.elapsed()));
    }
    Ok(vec![Figure::new("from the agent's death until a flush is done", Unit::Ms, latencies)])
}
