//! Problems are tried again, all of them, soon after what was in the way has gone.

use causeway_sync::{Entry, File, Mode, Side};

use crate::model::{World, path};

const FILES: u64 = 3_000;
/// Longest that the last problem may stay after space has returned: the longest pause, and what trying all of them takes.
const RESOLVED_AFTER_MS: u64 = 30_000 + 10_000;

fn rest(world: &mut World) {
    for _ in 0..100_000 {
        if !world.step() {
            return;
        }
    }
    panic!("never comes to rest");
}

/// How many paths the ledger lists.
fn listed(world: &mut World) -> usize {
    world.session().ledger().diverged.len()
}

#[test]
fn what_is_to_be_carried_is_known_until_it_is() {
    let mut world = World::new(1, Mode::TwoWaySafe);
    for number in 0..FILES {
        let digest = Some(blake3::hash(&number.to_le_bytes()).into());
        let file = File { digest, size: 8, executable: false, mtime_ns: 1 };
        world.user_puts(Side::Host, &path(&format!("{number:06}")), Some(Entry::File(file)));
    }
    let mut most = 0;
    while world.step() {
        let status = world.session().status().unwrap();
        assert_eq!(status.remaining_bytes, 8 * status.remaining_files);
        assert!(status.carried_files + status.remaining_files <= FILES);
        most = most.max(status.remaining_files);
    }
    let status = world.session().status().unwrap();
    assert!(most > 100, "{most}");
    assert_eq!((status.carried_files, status.remaining_files), (FILES, 0));
}

#[test]
fn all_resolve_soon_after_space_returns() {
    let mut world = World::new(1, Mode::TwoWaySafe);
    world.full = Some(Side::Guest);
    for number in 0..FILES {
        let digest = Some(blake3::hash(&number.to_le_bytes()).into());
        let file = File { digest, size: 8, executable: false, mtime_ns: 1 };
        world.user_puts(Side::Host, &path(&format!("{number:06}")), Some(Entry::File(file)));
    }
    // Until it is tried most seldom.
    for _ in 0..20 {
        rest(&mut world);
        world.now_ms += 10_000;
    }
    assert_eq!(listed(&mut world), FILES as usize);

    world.full = None;
    let freed_ms = world.now_ms;
    while listed(&mut world) > 0 {
        if !world.step() {
            let due_ms = world.session().poll_timeout().expect("they are tried again");
            world.now_ms = world.now_ms.max(due_ms);
            let now_ms = world.now_ms;
            world.session().handle_timeout(now_ms).unwrap();
        }
        let took_ms = world.now_ms - freed_ms;
        assert!(took_ms <= RESOLVED_AFTER_MS, "{} are left after {took_ms} ms", listed(&mut world));
    }
    assert_eq!(world.sides[0].tree, world.sides[1].tree);
}

/// The host's full disk takes nothing new, and the ledger has not heard yet that both have removed what stood there.
#[test]
fn what_both_removed_is_no_reason_to_remove_what_is_written_there_later() {
    for seed in 0..100 {
        let mut world = World::new(seed, Mode::TwoWayResolved);
        let at = path("d");
        world.user_puts(Side::Guest, &at, Some(Entry::Directory));
        rest(&mut world);
        world.full = Some(Side::Host);
        world.user_puts(Side::Guest, &at, None);
        while world.sides[0].tree.contains_key(&at) {
            assert!(world.step());
        }
        world.reconnect();
        crosses_once_there_is_space(world);
    }
}

/// The same, of a directory that both hold.
#[test]
fn a_directory_that_both_made_is_no_reason_to_remove_what_takes_its_place() {
    for seed in 0..100 {
        let mut world = World::new(seed, Mode::TwoWayResolved);
        let at = path("d");
        world.user_puts(Side::Guest, &at, Some(Entry::Directory));
        while !world.sides[0].tree.contains_key(&at) {
            assert!(world.step());
        }
        world.full = Some(Side::Host);
        world.reconnect();
        crosses_once_there_is_space(world);
    }
}

/// What the guest's user writes at `d`, of which the ledger doesn't know yet what both hold, stays, and crosses.
fn crosses_once_there_is_space(mut world: World) {
    let written = |number: u64| {
        let digest = Some(blake3::hash(&number.to_le_bytes()).into());
        Some(Entry::File(File { digest, size: 8, executable: false, mtime_ns: 1 }))
    };
    let at = path("d");
    for number in 0..2 {
        world.user_puts(Side::Guest, &at, written(number));
        rest(&mut world);
        assert_eq!(world.sides[1].tree.get(&at).cloned(), written(number));
    }
    world.full = None;
    world.reconnect();
    rest(&mut world);
    assert_eq!(world.sides[0].tree.get(&at).cloned(), written(1));
}
