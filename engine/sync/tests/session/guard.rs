//! The guard against mass deletions.

use causeway_sync::session::{Halt, Limits};
use causeway_sync::{Entry, File, Mode, RelPathBuf, Side};

use crate::model::{World, path};

const FILES: usize = 24;
const MOST: u64 = 15;

/// Both sides hold `FILES` files in each of the directories, and more than `MOST` deletions halt the session.
fn filled(directories: &[&str]) -> World {
    let limits = Limits { deleted_part_max: [0.0; 2], deleted_min: MOST };
    let mut world = World::limited(7, Mode::TwoWaySafe, limits);
    for directory in directories {
        fill(&mut world, directory);
    }
    rest(&mut world);
    assert_eq!(world.sides[1].tree.len(), directories.len() * (FILES + 1));
    world
}

fn fill(world: &mut World, directory: &str) {
    world.user_puts(Side::Host, &path(directory), Some(Entry::Directory));
    for number in 0..FILES {
        let digest = blake3::hash(at(directory, number).as_bytes()).into();
        let file = File { digest: Some(digest), size: 9, executable: false, mtime_ns: 1 };
        world.user_puts(Side::Host, &at(directory, number), Some(Entry::File(file)));
    }
}

fn at(directory: &str, number: usize) -> RelPathBuf {
    path(&format!("{directory}/{number:02}"))
}

fn rest(world: &mut World) {
    for _ in 0..10_000 {
        if !world.step() {
            return;
        }
    }
    panic!("never comes to rest");
}

/// Removes files one by one, each told before the next is gone.
fn remove(world: &mut World, directory: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        world.user_puts(Side::Guest, &at(directory, number), None);
        rest(world);
    }
}

fn accept(world: &mut World) {
    let now_ms = world.now_ms;
    world.session().accept_halt(now_ms).unwrap();
}

#[test]
fn a_run_of_deletions_halts_where_the_limit_is_passed() {
    let mut world = filled(&["a", "b"]);
    remove(&mut world, "a", 0..FILES);
    assert_eq!(world.halts, [Halt::MassDeletion { side: Side::Host, entries: MOST + 1, total: 50 }]);
    assert_eq!(world.sides[0].tree.len(), 50 - MOST as usize);
}

#[test]
fn each_entry_counts_once() {
    let mut world = filled(&["a", "b"]);
    remove(&mut world, "a", 0..12);
    // Far apart, so that the rest of the directory is another run.
    world.now_ms += 20_000;
    remove(&mut world, "a", 12..FILES);
    world.user_puts(Side::Guest, &path("a"), None);
    rest(&mut world);
    assert_eq!(world.halts, []);
    assert_eq!(world.sides[0].tree.len(), 25);
}

#[test]
fn what_is_accepted_goes_on_however_late_it_is_told() {
    let mut world = filled(&["a", "b", "c"]);
    remove(&mut world, "a", 0..MOST as usize + 1);
    assert_eq!(world.halts.len(), 1);
    accept(&mut world);
    rest(&mut world);
    // Still the same run: between the windows, the session has nothing to do.
    for number in MOST as usize + 1..FILES {
        remove(&mut world, "a", number..number + 1);
        world.now_ms += 500;
    }
    world.user_puts(Side::Guest, &path("a"), None);
    remove(&mut world, "b", 0..FILES);
    assert_eq!((world.halts.len(), world.sides[0].tree.len()), (1, 26));
    // Another one.
    world.now_ms += 2_000;
    remove(&mut world, "c", 0..FILES);
    assert_eq!(world.halts.len(), 2);
    accept(&mut world);
    rest(&mut world);
    assert_eq!(world.sides[0].tree.len(), 2);
}

#[test]
fn a_directory_that_goes_whole_is_accepted_whole() {
    let mut world = filled(&["a", "b"]);
    world.user_puts(Side::Guest, &path("a"), None);
    rest(&mut world);
    assert!(matches!(world.halts[..], [Halt::MassDeletion { entries: 16, .. }]), "{:?}", world.halts);
    accept(&mut world);
    rest(&mut world);
    assert_eq!((world.halts.len(), world.sides[0].tree.len()), (1, 25));
}

#[test]
fn content_that_turns_up_elsewhere_is_not_deleted() {
    for gone_first in [true, false] {
        let mut world = filled(&["a", "b"]);
        for number in 0..FILES {
            let (from, to) = (at("a", number), path(&format!("b/x{number:02}")));
            let file = world.sides[1].tree[&from].clone();
            let mut steps = [(from, None), (to, Some(file))];
            if !gone_first {
                steps.reverse();
            }
            for (path, entry) in steps {
                world.user_puts(Side::Guest, &path, entry);
                rest(&mut world);
            }
        }
        assert_eq!((&world.halts[..], world.sides[0].tree.len()), (&[][..], 50));
    }
}

#[test]
fn what_was_renamed_is_not_deleted() {
    let mut world = filled(&["a", "b"]);
    for number in 0..FILES {
        let to = path(&format!("b/x{number:02}"));
        world.sides[1].rename(&at("a", number), &to, false);
    }
    rest(&mut world);
    assert_eq!((&world.halts[..], world.sides[0].tree.len()), (&[][..], 50));
    // The host can't rename the directory, for there is one already.
    world.sides[0].tree.insert(path("c"), Entry::Directory);
    world.sides[1].rename(&path("b"), &path("c"), false);
    rest(&mut world);
    assert_eq!(world.halts, []);
    assert_eq!(world.sides[0].tree, world.sides[1].tree);
    assert!(world.sides[0].tree.contains_key(&path("c/x00")));
}
