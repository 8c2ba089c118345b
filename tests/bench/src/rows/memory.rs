//! Memory and processor time at rest.

use std::time::Duration;

use anyhow::Result;

use crate::figures::{Figure, Unit};
use crate::ground::Ground;

/// How long nothing happens before it counts as rest: longer than any tidying up.
const BEFORE: Duration = Duration::from_secs(10);
/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(60);

/// Engine and agent, one share.
pub fn at_rest(ground: &Ground) -> Result<Vec<Figure>> {
    let shared = ground.shared()?;
    let processes = shared.processes();
    std::thread::sleep(BEFORE);
    let before = processes.both()?.cpu_ms;
    std::thread::sleep(WATCHED);
    let (engine, agent) = (processes.engine()?, processes.agent()?);
    let one = |what: &str, unit, value| Figure::new(what, unit, vec![value]);
    Ok(vec![
        one("engine, its own memory at rest", Unit::Mb, engine.now_mb),
        one("agent, its own memory at rest", Unit::Mb, agent.now_mb),
        one("engine, peak so far", Unit::Mb, engine.peak_mb),
        one("agent, peak so far", Unit::Mb, agent.peak_mb),
        one("both, in a minute of rest", Unit::CpuMs, engine.cpu_ms + agent.cpu_ms - before),
    ])
}
