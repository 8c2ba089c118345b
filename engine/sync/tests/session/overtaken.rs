//! Edits on top of what has just been carried, told before the session hears what became of that.

use causeway_sync::{Entry, File, Mode, Side};

use crate::model::{World, path};

/// Orders of delivery.
const SEEDS: u64 = 200;

fn file(text: &str, mtime_ns: i64) -> Entry {
    let digest = Some(blake3::hash(text.as_bytes()).into());
    Entry::File(File { digest, size: text.len() as u64, executable: false, mtime_ns })
}

fn rest(world: &mut World) {
    for _ in 0..10_000 {
        if !world.step() {
            return;
        }
    }
    panic!("never comes to rest");
}

/// Something happens, or time passes.
fn pass(world: &mut World) {
    if world.random.below(3) > 0 {
        world.step();
    } else {
        world.now_ms += world.random.below(60) as u64;
        let now_ms = world.now_ms;
        world.session().handle_timeout(now_ms).unwrap();
    }
}

/// The host edits a file; right when that stands in the guest, the guest does something to it.
fn after_an_edit(seed: u64, then: Option<Entry>) -> World {
    let mut world = World::new(seed, Mode::TwoWaySafe);
    let at = path("a");
    world.user_puts(Side::Host, &at, Some(file("first", 1)));
    rest(&mut world);
    let edited = file("by the host", 1_000_000_000_000);
    world.user_puts(Side::Host, &at, Some(edited.clone()));
    while world.sides[1].tree[&at] != edited {
        assert!(world.step(), "seed {seed}: it doesn't cross");
    }
    world.user_puts(Side::Guest, &at, then);
    rest(&mut world);
    world
}

#[test]
fn what_was_edited_on_top_of_it_is_no_conflict() {
    for seed in 0..SEEDS {
        let last = file("by the guest, on top of it", 2_000_000_000_000);
        let world = after_an_edit(seed, Some(last.clone()));
        let ledger = world.session.as_ref().unwrap().ledger();
        assert!(ledger.diverged.is_empty(), "seed {seed}: {:?}\n{}", ledger.diverged, world.log.join("\n"));
        for side in &world.sides {
            assert_eq!(side.tree.get(&path("a")), Some(&last), "seed {seed}\n{}", world.log.join("\n"));
        }
    }
}

#[test]
fn what_was_deleted_after_it_came_does_not_come_back() {
    for seed in 0..SEEDS {
        let world = after_an_edit(seed, None);
        for side in &world.sides {
            assert!(side.tree.is_empty(), "seed {seed}: {:?}\n{}", side.tree, world.log.join("\n"));
        }
    }
}

/// A directory is thrown away and made again as it was, as package managers do it, while the first is still on its way.
#[test]
fn what_is_thrown_away_and_made_again_stands() {
    let names = ["d", "d/x", "d/x/f", "d/x/g", "d/h"];
    for seed in 0..50 * SEEDS {
        let mut world = World::new(seed, Mode::TwoWaySafe);
        let entry = |name: &str| if name.len() == 1 || name.ends_with('x') { Entry::Directory } else { file(name, 1) };
        for name in names {
            world.user_puts(Side::Host, &path(name), Some(entry(name)));
        }
        rest(&mut world);
        for gone in ["d/x", "d"] {
            world.user_puts(Side::Host, &path(gone), None);
            for _ in 0..world.random.below(9) {
                pass(&mut world);
            }
        }
        for name in names {
            for _ in 0..world.random.below(4) {
                pass(&mut world);
            }
            world.user_puts(Side::Host, &path(name), Some(entry(name)));
        }
        for _ in 0..40 {
            pass(&mut world);
        }
        rest(&mut world);
        for (side, of) in Side::BOTH.into_iter().zip(&world.sides) {
            let stands: Vec<_> = of.tree.keys().map(ToString::to_string).collect();
            assert_eq!(stands.len(), names.len(), "seed {seed}: {side:?} {stands:?}\n{}", world.log.join("\n"));
        }
    }
}

/// The guest tells of something else, and by that of everything before, while what was carried is still without an outcome.
#[test]
fn what_was_carried_before_the_connection_broke_is_not_forgotten() {
    for seed in 0..50 * SEEDS {
        let mut world = World::new(seed, Mode::TwoWaySafe);
        world.user_puts(Side::Host, &path("x"), Some(file("x", 1)));
        rest(&mut world);
        for name in ["b", "a"] {
            world.user_puts(Side::Host, &path(name), Some(file(name, 2)));
            (0..seed % 7).for_each(|_| pass(&mut world));
        }
        world.user_puts(Side::Guest, &path("x"), None);
        (0..seed % 23).for_each(|_| pass(&mut world));
        world.reconnect();
        world.user_puts(Side::Host, &path("a"), None);
        rest(&mut world);
        for side in &world.sides {
            assert!(side.tree.keys().eq([&path("b")]), "seed {seed}: {:?}\n{}", side.tree, world.log.join("\n"));
        }
    }
}

/// A file crosses before anybody has read it; then the connection breaks, or the process ends, before the outcome is heard.
fn carried_unread(seed: u64, then: Option<Entry>) -> World {
    let mut world = World::new(seed, Mode::TwoWaySafe);
    let at = path("a");
    world.user_puts_unread(Side::Host, &at, file("first", 1_000));
    while world.sides[1].tree.is_empty() {
        assert!(world.step(), "seed {seed}: it doesn't cross");
    }
    for _ in 0..world.random.below(3) {
        world.step();
    }
    world.user_puts(Side::Host, &at, then);
    world.reconnect();
    rest(&mut world);
    world
}

#[test]
fn what_was_carried_unread_is_no_conflict_with_what_came_after_it() {
    for seed in 0..SEEDS {
        let last = file("the second", 2_000_000_000_000);
        let world = carried_unread(seed, Some(last.clone()));
        let ledger = world.session.as_ref().unwrap().ledger();
        assert!(ledger.diverged.is_empty(), "seed {seed}: {:?}\n{}", ledger.diverged, world.log.join("\n"));
        for side in &world.sides {
            assert_eq!(side.tree.get(&path("a")), Some(&last), "seed {seed}\n{}", world.log.join("\n"));
        }
    }
}

#[test]
fn what_was_carried_unread_and_then_deleted_does_not_come_back() {
    for seed in 0..SEEDS {
        let world = carried_unread(seed, None);
        for side in &world.sides {
            assert!(side.tree.is_empty(), "seed {seed}: {:?}\n{}", side.tree, world.log.join("\n"));
        }
    }
}

/// The rename of the directory is known when the side tells once more of what came into it before.
#[test]
fn what_was_moved_into_a_directory_before_that_was_renamed_goes_along() {
    for seed in 0..10 * SEEDS {
        let mut world = World::new(seed, Mode::TwoWaySafe);
        world.user_puts(Side::Host, &path("b"), Some(Entry::Directory));
        rest(&mut world);
        world.user_puts(Side::Guest, &path("e"), Some(file("e", 1)));
        (0..world.random.below(20)).for_each(|_| pass(&mut world));
        world.sides[1].rename(&path("e"), &path("b/d"), false);
        world.sides[1].rename(&path("b"), &path("a"), false);
        (0..world.random.below(30)).for_each(|_| pass(&mut world));
        world.reconnect();
        rest(&mut world);
        for side in &world.sides {
            let stands = side.tree.keys().eq([&path("a"), &path("a/d")]);
            assert!(stands, "seed {seed}: {:?}\n{}", side.tree, world.log.join("\n"));
        }
    }
}

/// The rename crosses before what was removed has; then the connection breaks.
#[test]
fn what_was_in_a_directory_that_was_made_anew_and_renamed_stays_gone() {
    for seed in 0..50 * SEEDS {
        let mut world = World::new(seed, Mode::TwoWaySafe);
        world.user_puts(Side::Host, &path("d"), Some(Entry::Directory));
        for name in ["d/f", "d/g"] {
            world.user_puts(Side::Host, &path(name), Some(file(name, 1)));
        }
        rest(&mut world);
        world.user_puts(Side::Host, &path("d"), None);
        world.user_puts(Side::Host, &path("d"), Some(Entry::Directory));
        world.user_puts(Side::Host, &path("d/new"), Some(file("new", 2)));
        world.sides[0].rename(&path("d"), &path("e"), false);
        (0..seed % 37).for_each(|_| pass(&mut world));
        world.reconnect();
        rest(&mut world);
        for side in &world.sides {
            let stands = side.tree.keys().eq([&path("e"), &path("e/new")]);
            assert!(stands, "seed {seed}: {:?}\n{}", side.tree, world.log.join("\n"));
        }
    }
}

/// A directory goes and comes back as it was, while the guest's side of that is known from notes alone: it doesn't tell by itself of what
/// went with the directory.
#[test]
fn what_comes_back_with_its_directory_stays() {
    let names = ["d", "d/f", "d/g"];
    let edited = file("edited", 2);
    for seed in 0..50 * SEEDS {
        let mut world = World::new(seed, Mode::TwoWaySafe);
        for name in names {
            world.user_puts(Side::Host, &path(name), Some(if name == "d" { Entry::Directory } else { file(name, 1) }));
        }
        rest(&mut world);
        world.user_puts(Side::Host, &path("d/f"), Some(edited.clone()));
        // Something is always on its way, so that nothing noted is let go of.
        for number in 0..2 + seed % 5 {
            world.user_puts(Side::Host, &path(&format!("x{number}")), Some(file("x", 3)));
            (0..world.random.below(12)).for_each(|_| pass(&mut world));
        }
        world.user_puts(Side::Host, &path("d"), None);
        (0..world.random.below(20)).for_each(|_| pass(&mut world));
        world.reconnect();
        for (name, entry) in names.into_iter().zip([Entry::Directory, edited.clone(), file("d/g", 1)]) {
            world.user_puts(Side::Host, &path(name), Some(entry));
            (0..world.random.below(4)).for_each(|_| pass(&mut world));
        }
        rest(&mut world);
        for side in &world.sides {
            let stands: Vec<_> = side.tree.keys().map(ToString::to_string).filter(|at| !at.starts_with('x')).collect();
            assert_eq!(stands, names, "seed {seed}\n{}", world.log.join("\n"));
        }
    }
}

/// A directory is renamed and comes back, while how it went may be known from notes alone.
#[test]
fn what_is_in_a_directory_that_was_elsewhere_for_a_moment_stays() {
    let names = ["d", "d/f", "d/g"];
    for seed in 0..50 * SEEDS {
        let mut world = World::new(seed, Mode::TwoWaySafe);
        for name in names {
            world.user_puts(Side::Host, &path(name), Some(if name == "d" { Entry::Directory } else { file(name, 1) }));
        }
        rest(&mut world);
        if seed % 2 == 0 {
            world.user_puts(Side::Host, &path("e"), Some(file("before it", 2)));
            (0..world.random.below(4)).for_each(|_| pass(&mut world));
            world.user_puts(Side::Host, &path("e"), None);
        }
        world.sides[0].rename(&path("d"), &path("e"), false);
        (0..world.random.below(30)).for_each(|_| pass(&mut world));
        if seed % 3 == 0 {
            world.reconnect();
            (0..world.random.below(20)).for_each(|_| pass(&mut world));
        }
        world.sides[0].rename(&path("e"), &path("d"), false);
        (0..world.random.below(9)).for_each(|_| pass(&mut world));
        world.reconnect();
        rest(&mut world);
        for side in &world.sides {
            assert!(side.tree.keys().eq(&names.map(path)), "seed {seed}: {:?}\n{}", side.tree, world.log.join("\n"));
        }
    }
}

/// Both sides rename a directory alike, and the host's user renames it back before anybody has told.
#[test]
fn a_directory_that_both_rename_and_one_renames_back_stands_somewhere() {
    let (d, e, it) = (path("d"), path("e"), file("it", 1));
    for seed in 0..50 * SEEDS {
        let mut world = World::new(seed, Mode::TwoWaySafe);
        world.user_puts(Side::Host, &d, Some(Entry::Directory));
        world.user_puts(Side::Host, &path("d/f"), Some(it.clone()));
        rest(&mut world);
        for side in 0..2 {
            world.sides[side].rename(&d, &e, false);
        }
        if seed % 2 == 0 {
            (0..world.random.below(3)).for_each(|_| pass(&mut world));
        }
        world.sides[0].rename(&e, &d, false);
        (0..world.random.below(9)).for_each(|_| pass(&mut world));
        if seed % 3 == 0 {
            world.reconnect();
        }
        rest(&mut world);
        let mut stand = world.sides.iter().flat_map(|side| side.tree.values());
        assert!(stand.any(|entry| *entry == it), "seed {seed}\n{}", world.log.join("\n"));
    }
}

/// What was put somewhere is taken away and brought back as it was, while an earlier session's notes speak of it still.
#[test]
fn what_comes_back_to_where_it_was_put_stays() {
    let (at, it) = (path("a"), file("it", 1));
    for seed in 0..50 * SEEDS {
        let mut world = World::new(seed, Mode::TwoWaySafe);
        world.user_puts(Side::Host, &at, Some(it.clone()));
        (0..seed % 9).for_each(|_| pass(&mut world));
        world.reconnect();
        while world.sides[1].tree.is_empty() {
            assert!(world.step(), "seed {seed}: it doesn't cross");
        }
        (0..world.random.below(6)).for_each(|_| pass(&mut world));
        world.user_puts(Side::Guest, &at, None);
        (0..world.random.below(25)).for_each(|_| pass(&mut world));
        if seed % 3 == 0 {
            world.reconnect();
            (0..world.random.below(6)).for_each(|_| pass(&mut world));
        }
        world.user_puts(Side::Guest, &at, Some(it.clone()));
        rest(&mut world);
        for side in &world.sides {
            assert_eq!(side.tree.get(&at), Some(&it), "seed {seed}\n{}", world.log.join("\n"));
        }
    }
}

/// The guest's edit stands on the host when the guest loses power, which leaves an empty file of it.
#[test]
fn what_a_power_cut_left_of_an_edit_does_not_replace_what_crossed_before() {
    let (at, edited, empty) = (path("a"), file("edited", 2), file("", 2));
    for seed in 0..10 * SEEDS {
        let mut world = World::new(seed, Mode::TwoWaySafe);
        world.user_puts(Side::Guest, &at, Some(file("first", 1)));
        rest(&mut world);
        world.user_puts(Side::Guest, &at, Some(edited.clone()));
        while world.sides[0].tree[&at] != edited {
            assert!(world.step(), "seed {seed}: it doesn't cross");
        }
        world.user_puts(Side::Guest, &at, Some(empty.clone()));
        world.rebooted = Some(Side::Guest);
        for _ in 0..1 + seed % 3 {
            world.reconnect();
            (0..world.random.below(20)).for_each(|_| pass(&mut world));
        }
        rest(&mut world);
        assert_eq!(world.sides[0].tree.get(&at), Some(&edited), "seed {seed}\n{}", world.log.join("\n"));
    }
}

/// One side alone edits, back and forth between a few contents, and renames, while connections break: nothing there is anybody else's
/// doing.
#[test]
fn what_one_side_alone_leaves_is_what_stands() {
    let executable = |entry: Entry| match entry {
        Entry::File(file) => Entry::File(File { executable: true, ..file }),
        other => other,
    };
    let entries = [Some(file("one", 1)), Some(executable(file("one", 1))), Some(file("two", 2)), None];
    let [at, other, mut dir, mut next] = ["a", "b", "d", "e"].map(path);
    for seed in 0..100 * SEEDS {
        let mut world = World::new(seed, [Mode::TwoWaySafe, Mode::TwoWayResolved][seed as usize % 2]);
        world.user_puts(Side::Guest, &dir, Some(Entry::Directory));
        let mut last: Option<Entry> = None;
        for _ in 0..8 {
            assert_eq!(world.sides[1].tree.get(&at), last.as_ref(), "seed {seed}\n{}", world.log.join("\n"));
            match world.random.below(4) {
                0 => {
                    assert!(world.sides[1].tree.contains_key(&dir), "seed {seed}\n{}", world.log.join("\n"));
                    world.sides[1].rename(&dir, &next, false);
                    std::mem::swap(&mut dir, &mut next);
                }
                1 if last.is_some() => {
                    for (from, to) in [(&at, &other), (&other, &at)] {
                        assert!(world.sides[1].tree.contains_key(from), "seed {seed}\n{}", world.log.join("\n"));
                        world.sides[1].rename(from, to, false);
                        (0..world.random.below(6)).for_each(|_| pass(&mut world));
                    }
                }
                _ => {
                    last = entries[world.random.below(entries.len())].clone();
                    world.user_puts(Side::Guest, &at, last.clone());
                }
            }
            (0..world.random.below(12)).for_each(|_| pass(&mut world));
            if world.random.below(3) == 0 {
                world.reconnect();
            }
        }
        rest(&mut world);
        for side in &world.sides {
            assert_eq!(side.tree.get(&at), last.as_ref(), "seed {seed}\n{}", world.log.join("\n"));
        }
    }
}
