//! Somebody else writes between the steps of an action, or of a look: what anybody wrote is where it was put, or in the recycle bin.

use std::fs;
use std::os::unix::fs::symlink as make_symlink;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use causeway_sync::{Entry, Operation, Outcome, Target};

use crate::side::{Side, done, write};

fn filled() -> Side {
    Side::crawled(|share| {
        write(share, "file", "old");
        write(share, "dir/x", "x");
        write(share, "dir/sub/y", "y");
    })
}

/// Runs `act`, with somebody doing `meddle` before every single step of it in turn; `check` judges each end.
pub fn at_every_step<T>(
    make: impl Fn() -> Side,
    act: impl Fn(&Side) -> T,
    meddle: impl Fn(&Side) -> Box<dyn FnOnce() + Send>,
    check: impl Fn(&Side, &T, u64),
) {
    for step in 1.. {
        let side = make();
        let steps = Arc::new(AtomicU64::new(0));
        let (count, act_at) = (Arc::clone(&steps), Mutex::new(Some(meddle(&side))));
        side.hooks.set(move |_, _| {
            if count.fetch_add(1, Ordering::Relaxed) + 1 == step
                && let Some(meddle) = act_at.lock().unwrap().take()
            {
                meddle();
            }
            None
        });
        let outcome = act(&side);
        side.hooks.clear();
        let done = steps.load(Ordering::Relaxed) < step;
        if !done {
            check(&side, &outcome, step);
        }
        assert_eq!(side.staged(), [""; 0], "step {step}");
        side.check_dirty();
        side.crawl();
        side.check_dirty();
        side.read_all();
        side.assert_known();
        if done {
            assert!(step > 3, "there are steps to meddle with");
            return;
        }
    }
}

/// What stands at a path, and everything in the bin.
pub fn everywhere(side: &Side, at: &str) -> Vec<String> {
    let mut all = side.binned();
    all.extend(fs::read_to_string(side.at(at)));
    all
}

#[test]
fn a_file_written_while_it_is_replaced_is_not_lost() {
    let host = Side::host_with(|share| write(share, "file", "theirs"));
    at_every_step(
        filled,
        |side| side.put_from(&host, "file", side.entry("file"), false),
        |side| {
            let at = side.at("file");
            Box::new(move || fs::write(at, "mine").unwrap())
        },
        |side, outcome, step| {
            let all = everywhere(side, "file");
            assert!(all.iter().any(|found| found.ends_with("mine")), "{step} {outcome:?} {all:?}");
            if *outcome == Outcome::Unexpected {
                assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "mine", "{step}");
            }
        },
    );
}

#[test]
fn a_file_saved_by_rename_while_it_is_replaced_is_not_lost() {
    let host = Side::host_with(|share| write(share, "file", "theirs"));
    at_every_step(
        filled,
        |side| side.put_from(&host, "file", side.entry("file"), false),
        |side| {
            let (at, aside) = (side.at("file"), side.private.join("aside"));
            Box::new(move || {
                fs::write(&aside, "mine").unwrap();
                fs::rename(aside, at).unwrap();
            })
        },
        |side, outcome, step| {
            let all = everywhere(side, "file");
            assert!(all.iter().any(|found| found.ends_with("mine")), "{step} {outcome:?} {all:?}");
        },
    );
}

#[test]
fn a_file_removed_while_it_is_replaced() {
    let host = Side::host_with(|share| write(share, "file", "theirs"));
    at_every_step(
        filled,
        |side| side.put_from(&host, "file", side.entry("file"), false),
        |side| {
            let at = side.at("file");
            Box::new(move || drop(fs::remove_file(at)))
        },
        |_, _, _| {},
    );
}

#[test]
fn a_file_that_becomes_a_directory_while_it_is_replaced() {
    let host = Side::host_with(|share| write(share, "file", "theirs"));
    at_every_step(
        filled,
        |side| side.put_from(&host, "file", side.entry("file"), false),
        |side| {
            let at = side.at("file");
            Box::new(move || {
                fs::remove_file(&at).unwrap();
                fs::create_dir(&at).unwrap();
                fs::write(at.join("mine"), "mine").unwrap();
            })
        },
        |side, outcome, step| {
            if !matches!(outcome, Outcome::Done { .. }) {
                assert_eq!(fs::read_to_string(side.at("file/mine")).unwrap(), "mine", "{step}");
            }
        },
    );
}

#[test]
fn something_created_where_a_file_is_put_is_not_lost() {
    let host = Side::host_with(|share| write(share, "new", "theirs"));
    at_every_step(
        filled,
        |side| side.put_from(&host, "new", None, false),
        |side| {
            let at = side.at("new");
            Box::new(move || {
                let _ = fs::OpenOptions::new().create_new(true).write(true).open(at).map(|mut file| {
                    use std::io::Write;
                    file.write_all(b"mine").unwrap();
                });
            })
        },
        |side, outcome, step| {
            let content = fs::read_to_string(side.at("new")).unwrap();
            match outcome {
                Outcome::Done { .. } => assert_eq!(content, "theirs", "{step}"),
                _ => assert_eq!(content, "mine", "{step}"),
            }
        },
    );
}

#[test]
fn a_file_written_while_it_is_removed_is_not_lost() {
    at_every_step(
        filled,
        |side| side.act("file", side.entry("file"), Operation::Remove),
        |side| {
            let at = side.at("file");
            Box::new(move || {
                drop(fs::File::options().write(true).truncate(true).open(&at).map(|_| fs::write(at, "mine")))
            })
        },
        |side, outcome, step| {
            let all = everywhere(side, "file");
            if *outcome == Outcome::Unexpected {
                assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "mine", "{step}");
            } else {
                assert!(all.iter().any(|found| found.ends_with("mine") || found.ends_with("old")), "{step} {all:?}");
            }
        },
    );
}

#[test]
fn a_file_written_in_a_tree_while_that_is_removed_is_not_lost() {
    at_every_step(
        filled,
        |side| side.act("dir", Some(Entry::Directory), Operation::Remove),
        |side| {
            let at = side.at("dir/sub/y");
            Box::new(move || {
                if at.exists() {
                    fs::write(at, "mine").unwrap();
                }
            })
        },
        |side, outcome, step| match outcome {
            Outcome::Unexpected => assert_eq!(fs::read_to_string(side.at("dir/sub/y")).unwrap(), "mine", "{step}"),
            Outcome::Done { .. } => assert!(!side.at("dir").exists(), "{step}"),
            other => panic!("{step} {other:?}"),
        },
    );
}

#[test]
fn a_file_created_in_a_tree_while_that_is_replaced_is_not_lost() {
    at_every_step(
        filled,
        |side| {
            let target = Target::new(b"elsewhere".to_vec()).unwrap();
            side.act("dir", Some(Entry::Directory), Operation::Symlink(target))
        },
        |side| {
            let at = side.at("dir/sub");
            Box::new(move || {
                if at.is_dir() {
                    fs::write(at.join("mine"), "mine").unwrap();
                }
            })
        },
        |side, outcome, step| {
            if !matches!(outcome, Outcome::Done { .. }) {
                assert_eq!(fs::read_to_string(side.at("dir/sub/mine")).unwrap(), "mine", "{step}");
            }
        },
    );
}

#[test]
fn a_directory_renamed_away_while_something_is_put_in_it() {
    let host = Side::host_with(|share| write(share, "dir/new", "theirs"));
    at_every_step(
        filled,
        |side| side.put_from(&host, "dir/new", None, false),
        |side| {
            let (from, to) = (side.at("dir"), side.at("moved"));
            Box::new(move || {
                fs::rename(&from, to).unwrap();
                fs::create_dir(from).unwrap();
            })
        },
        |side, outcome, step| {
            if matches!(outcome, Outcome::Done { .. }) {
                let stands = side.at("moved/new").exists() || side.at("dir/new").exists();
                assert!(stands, "{step}");
            }
        },
    );
}

#[test]
fn a_symlink_put_in_the_way_is_never_followed() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("new"), "outside").unwrap();
    let host = Side::host_with(|share| write(share, "dir/new", "theirs"));
    at_every_step(
        filled,
        |side| side.put_from(&host, "dir/new", None, false),
        |side| {
            let (from, to, outside) = (side.at("dir"), side.at("moved"), outside.path().to_owned());
            Box::new(move || {
                fs::rename(&from, to).unwrap();
                make_symlink(outside, from).unwrap();
            })
        },
        |_, _, step| {
            assert_eq!(fs::read_to_string(outside.path().join("new")).unwrap(), "outside", "{step}");
            assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "{step}");
        },
    );
}

#[test]
fn a_rename_while_somebody_writes_below() {
    at_every_step(
        filled,
        |side| side.act("dir", Some(Entry::Directory), Operation::Rename { to: crate::side::path("new") }),
        |side| {
            let (at, later) = (side.at("dir/x"), side.at("new/x"));
            Box::new(move || fs::write(if at.exists() { at } else { later }, "mine").unwrap())
        },
        |side, outcome, step| {
            assert!(matches!(outcome, Outcome::Done { .. }), "{step} {outcome:?}");
            assert_eq!(fs::read_to_string(side.at("new/x")).unwrap(), "mine", "{step}");
        },
    );
}

/// A look that is under way while an action is carried out journals nothing that it saw half-way.
#[test]
fn a_look_does_not_journal_what_an_action_does_meanwhile() {
    let host = Side::host_with(|share| {
        write(share, "file", "theirs");
        write(share, "dir/x", "theirs too");
        write(share, "dir/new", "new");
    });
    for step in 1.. {
        let side = Arc::new(filled());
        side.ep.hello().unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&steps);
        let (file, x) = (side.entry("file"), side.entry("dir/x"));
        let acting = Arc::downgrade(&side);
        let supplier = Side::host_with(|share| {
            for at in ["file", "dir/x", "dir/new"] {
                fs::create_dir_all(share.join("dir")).unwrap();
                fs::copy(host.at(at), share.join(at)).unwrap();
            }
        });
        let mut work = Some((file, x, supplier));
        side.hooks.set(move |_, _| {
            if count.fetch_add(1, Ordering::Relaxed) + 1 == step
                && let Some((file, x, supplier)) = work.take()
            {
                let side = acting.upgrade().unwrap();
                done(side.put_from(&supplier, "file", file, false));
                done(side.put_from(&supplier, "dir/x", x, false));
                done(side.put_from(&supplier, "dir/new", None, false));
                let sub = side.act("dir/sub", Some(Entry::Directory), Operation::Remove);
                assert!(matches!(sub, Outcome::Done { .. }));
            }
            None
        });
        side.crawl();
        side.hooks.clear();
        side.check_dirty();
        assert_eq!(side.told_short(), [""; 0], "step {step}");
        if steps.load(Ordering::Relaxed) < step {
            return;
        }
        side.read_all();
        side.assert_known();
    }
}
