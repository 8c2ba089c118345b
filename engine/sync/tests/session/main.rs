//! The session against a naive model of two sides, under random users, orders of delivery and broken connections.

#![allow(clippy::unwrap_used)]

mod guard;
mod memory_ledger;
mod model;
mod overtaken;
mod problems;

use std::collections::HashSet;

use causeway_sync::ledger::Hold;
use causeway_sync::{Entry, Ledger, Mode, RelPath, Side};

use model::World;

const STEPS_MAX: usize = 40_000;

fn run(seed: u64, mode: Mode, users: &[Side]) -> World {
    run_with(seed, mode, users, true)
}

/// `breaks`: whether the connection does.
fn run_with(seed: u64, mode: Mode, users: &[Side], breaks: bool) -> World {
    let mut world = World::new(seed, mode);
    for _ in 0..12 {
        for _ in 0..world.random.below(5) {
            let side = users[world.random.below(users.len())];
            world.user(side);
        }
        for _ in 0..world.random.below(30) {
            world.step();
        }
        if verbose() {
            eprintln!("{}", world.log.join("\n"));
            world.log.clear();
        }
        if breaks && world.random.one_in(8) {
            world.reconnect();
        }
    }
    let flush = world.now_ms;
    let token = world.session().flush(flush).unwrap();
    let mut steps = 0;
    while !world.flushed.contains(&token) {
        assert!(world.step() || world.flushed.contains(&token), "seed {seed}: the flush is stuck\n{}", story(&world));
        steps += 1;
        assert!(steps < STEPS_MAX, "seed {seed}: never comes to rest\n{}", story(&world));
    }
    for _ in 0..STEPS_MAX {
        if !world.step() {
            assert!(world.halts.is_empty(), "seed {seed}: {:?}", world.halts);
            return world;
        }
    }
    panic!("seed {seed}: never idle\n{}", story(&world));
}

/// `CAUSEWAY_VERBOSE=1` tells a run's story as it goes, also when it never ends.
fn verbose() -> bool {
    std::env::var_os("CAUSEWAY_VERBOSE").is_some()
}

fn story(world: &World) -> String {
    let session = world.session.as_ref().unwrap();
    format!("{}\nhost {:#?}\nguest {:#?}\n{session:#?}", world.log.join("\n"), world.sides[0].tree, world.sides[1].tree)
}

fn without_time(entry: Option<&Entry>) -> Option<Entry> {
    let mut entry = entry.cloned();
    if let Some(Entry::File(file)) = &mut entry {
        file.mtime_ns = 0;
    }
    entry
}

/// Both sides hold the same wherever the ledger lists nothing, and the ledger says so.
fn assert_converged(seed: u64, world: &World) {
    let ledger = world.session.as_ref().unwrap().ledger();
    let excused = |path: &RelPath| ledger.diverged.keys().any(|at| path.starts_with(at));
    let paths: HashSet<_> = world.sides.iter().flat_map(|side| side.tree.keys()).chain(ledger.agreed.keys()).collect();
    for path in paths {
        let [host, guest] = [&world.sides[0], &world.sides[1]].map(|side| without_time(side.tree.get(path)));
        if excused(path) {
            continue;
        }
        assert_eq!(host, guest, "seed {seed}: {path} differs\n{}", story(world));
        assert_eq!(
            without_time(ledger.agreed(path).unwrap().as_ref()),
            host,
            "seed {seed}: the ledger is wrong about {path}\n{}",
            story(world)
        );
    }
}

/// What went to the bin of a side had crossed to the other side before: somebody there saw it and replaced it.
fn assert_nothing_lost(seed: u64, world: &World) {
    for side in Side::BOTH {
        for (path, entry) in &world.sides[side as usize].bin {
            let Some(digest) = entry.as_file().and_then(|f| f.digest) else { continue };
            let known = world.sides[side.other() as usize].seen.contains(&digest);
            assert!(known, "seed {seed}: {side:?} lost {path} {digest:?} unseen\n{}", story(world));
        }
    }
}

fn seeds() -> std::ops::Range<u64> {
    let count = std::env::var("CAUSEWAY_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let first = std::env::var("CAUSEWAY_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    first..first + count
}

#[test]
fn two_way_safe_converges_and_loses_nothing() {
    for seed in seeds() {
        let world = run(seed, Mode::TwoWaySafe, &Side::BOTH);
        assert_converged(seed, &world);
        assert_nothing_lost(seed, &world);
    }
}

#[test]
fn one_user_never_makes_a_conflict() {
    for seed in seeds() {
        let user = [Side::BOTH[(seed % 2) as usize]];
        let world = run(seed, Mode::TwoWaySafe, &user);
        assert_converged(seed, &world);
        assert_nothing_lost(seed, &world);
        let ledger = world.session.as_ref().unwrap().ledger();
        assert!(ledger.diverged.is_empty(), "seed {seed}: {:#?}\n{}", ledger.diverged, story(&world));
    }
}

#[test]
fn what_one_user_leaves_stands_as_it_was_left() {
    for seed in seeds() {
        let user = Side::BOTH[(seed % 2) as usize];
        let world = run_with(seed, Mode::TwoWaySafe, &[user], false);
        let acted_on = world.sides[user as usize].acted_on();
        assert!(acted_on.is_empty(), "seed {seed}: {user:?} was changed at {acted_on:?}\n{}", story(&world));
    }
}

#[test]
fn two_way_resolved_leaves_no_conflict() {
    for seed in seeds() {
        let world = run(seed, Mode::TwoWayResolved, &Side::BOTH);
        assert_converged(seed, &world);
        let ledger = world.session.as_ref().unwrap().ledger();
        assert!(ledger.diverged.is_empty(), "seed {seed}: {:#?}\n{}", ledger.diverged, story(&world));
    }
}

#[test]
fn one_way_replica_mirrors_the_host() {
    for seed in seeds() {
        let world = run(seed, Mode::OneWayReplica, &Side::BOTH);
        assert_converged(seed, &world);
        let ledger = world.session.as_ref().unwrap().ledger();
        assert!(ledger.diverged.is_empty(), "seed {seed}: {:#?}\n{}", ledger.diverged, story(&world));
        assert!(world.sides[0].bin.is_empty(), "seed {seed}: the host was changed\n{}", story(&world));
    }
}

#[test]
fn one_way_safe_never_touches_the_host_and_never_loses_the_guest() {
    for seed in seeds() {
        let world = run(seed, Mode::OneWaySafe, &Side::BOTH);
        assert_converged(seed, &world);
        assert_nothing_lost(seed, &world);
        assert!(world.sides[0].bin.is_empty(), "seed {seed}: the host was changed\n{}", story(&world));
        let ledger = world.session.as_ref().unwrap().ledger();
        for (path, entry) in &world.sides[0].tree {
            let held = ledger.diverged.keys().any(|at| path.starts_with(at));
            let there = world.sides[1].tree.get(path);
            assert!(
                held || without_time(there) == without_time(Some(entry)),
                "seed {seed}: {path} is missing\n{}",
                story(&world)
            );
        }
    }
}

#[test]
fn conflicts_are_only_where_both_changed() {
    for seed in seeds() {
        let world = run(seed, Mode::TwoWaySafe, &Side::BOTH);
        for (path, diverged) in &world.session.as_ref().unwrap().ledger().diverged {
            let excused = diverged.hold == Hold::Conflict
                || world
                    .session
                    .as_ref()
                    .unwrap()
                    .ledger()
                    .diverged
                    .keys()
                    .any(|at| path.starts_with(at) && at != path);
            assert!(excused, "seed {seed}: {path} {diverged:?}\n{}", story(&world));
            if diverged.hold == Hold::Conflict {
                assert!(diverged.host.is_some() && diverged.guest.is_some(), "seed {seed}: {path} {diverged:?}");
            }
        }
    }
}
