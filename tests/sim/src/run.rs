//! One run: rounds of edits, work and mishaps, then rest, then a restart that must change nothing.

use std::path::Path;

use causeway_sync::{Mode, Side};

use crate::faults::{Faults, Level};
use crate::random::Random;
use crate::world::World;

const ROUNDS: usize = 8;
const STEPS_MAX: usize = 20_000;
/// How long problems may take to be tried again, once what caused them is gone.
const REST_MS: u64 = 200_000;

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// What went against a rule; empty where all is well.
    pub violations: Vec<String>,
    /// What happened, where it was to be told.
    pub story: Vec<String>,
}

/// The mode of a seed.
pub fn mode_of(seed: u64) -> Mode {
    match seed % 8 {
        0..=3 => Mode::TwoWaySafe,
        4 | 5 => Mode::TwoWayResolved,
        6 => Mode::OneWaySafe,
        _ => Mode::OneWayReplica,
    }
}

/// Up to which class of faults a seed goes: as often as not up to the last, because each chooses among all below it.
pub fn level_of(seed: u64) -> Level {
    match seed / 8 % 14 {
        0 => Level::None,
        1 => Level::Steps,
        2 => Level::Breaks,
        3 => Level::Losses,
        4 => Level::Races,
        5 => Level::Ends,
        6 => Level::Disks,
        _ => Level::Power,
    }
}

/// Runs a seed. `home` is an empty directory for indexes.
pub fn run(seed: u64, mode: Mode, level: Level, home: &Path, tells: bool) -> Outcome {
    let mut random = Random::new(seed);
    let faults = Faults::choose(level, &mut random);
    let mut world = World::new(seed, mode, faults.clone(), home, tells);
    world.real().tell(|| format!("{mode:?} {faults:?}"));
    for _ in 0..ROUNDS {
        round(&mut world, &faults);
    }
    rest(&mut world);
    world.check_rest();
    if world.real().violations.is_empty() {
        check_restart(&mut world);
    }
    let mut real = world.real();
    Outcome { violations: std::mem::take(&mut real.violations), story: real.story.take().unwrap_or_default() }
}

fn round(world: &mut World, faults: &Faults) {
    let edits = {
        let mut real = world.real();
        real.edits_left = 4;
        real.racing = true;
        let full = real.faults.full_disks && real.random.one_in(4);
        let side = real.random.below(2);
        if full {
            real.tell(|| format!("disk {side} is full"));
        }
        real.disks[side].full = full;
        if real.faults.apart { real.random.below(40) } else { real.random.below(5) }
    };
    for _ in 0..edits {
        let mut real = world.real();
        let side = Side::BOTH[real.random.below(2)];
        real.user_edit(side);
        real.now_us += if real.random.one_in(3) { real.random.below(40_000) as u64 } else { 50 };
    }
    let steps_max = if faults.apart { 200 } else { 50 };
    let steps = world.real().random.below(steps_max);
    for _ in 0..steps {
        mishap(world, faults);
        if !world.step() {
            let limit_ms = world.real().now_ms() + 3_000;
            world.pass_time(limit_ms);
        }
        world.start_ended();
    }
    let flushes = world.real().random.one_in(6);
    if flushes && !world.is_flushing() {
        world.flush();
    }
    world.real().racing = false;
}

fn mishap(world: &mut World, faults: &Faults) {
    let side = Side::BOTH[world.real().random.below(2)];
    if world.real().random.one_in(faults.break_one_in) {
        world.reconnect();
    }
    if world.real().random.one_in(faults.restart_one_in) {
        if world.real().random.one_in(2) {
            world.restart(side);
        } else {
            let mut real = world.real();
            let calls = real.random.below(60) as u32;
            real.ends_in[side as usize] = Some(calls);
        }
    }
    if faults.power_cuts && world.real().random.one_in(100) {
        world.lose_power(side);
    }
}

/// Lets everything come to rest.
fn rest(world: &mut World) {
    {
        let mut real = world.real();
        real.tell(|| "users rest".to_owned());
        real.racing = false;
        real.ends_in = [None; 2];
        for disk in &mut real.disks {
            disk.full = false;
        }
    }
    world.start_ended();
    if !world.is_flushing() {
        world.flush();
    }
    let limit_ms = world.real().now_ms() + REST_MS;
    for _ in 0..STEPS_MAX {
        if !world.step() && !world.pass_time(limit_ms) {
            if world.is_flushing() {
                world.real().violate("the flush never ends");
            }
            return;
        }
    }
    world.real().violate("it never comes to rest");
}

/// A restart with nothing changed changes nothing and transfers nothing.
fn check_restart(world: &mut World) {
    let crashes = world.real().random.one_in(2);
    let (own_before, batches_before) = (world.real().own_changes, world.batches);
    if crashes {
        world.restart(Side::Host);
        world.restart(Side::Guest);
    } else {
        world.restart_well();
    }
    rest(world);
    let held = world.has_problems();
    if !held && world.real().own_changes != own_before {
        world.real().violate("a restart changed something");
    }
    if !held && world.batches != batches_before {
        world.real().violate("a restart carried something out");
    }
    world.check_rest();
}
