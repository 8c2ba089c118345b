//! Files that somebody has pinned are written in place: whole to whoever opens them, and to every process that comes after a crash.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use causeway_endpoint::Look;
use causeway_endpoint::fs::FsErrorKind;
use causeway_sync::{Outcome, ProblemKind};

use crate::crashes::killed_and_left_at_every_step;
use crate::hooked::Call;
use crate::races::{at_every_step, everywhere};
use crate::side::{Side, done, path, set_executable, write};

/// Several pieces of content.
const LONG: usize = 700_000;

fn pinned() -> Side {
    let side = Side::crawled(|share| {
        write(share, "file", "old");
        write(share, "dir/x", "x");
        write(share, "dir/sub/y", "y");
    });
    side.ep.pin(vec![path("file"), path("dir/x")]);
    side.ep.hello().unwrap();
    side
}

fn inode(side: &Side, at: &str) -> u64 {
    fs::metadata(side.at(at)).unwrap().ino()
}

#[test]
fn a_pinned_file_stays_the_file_that_it_is() {
    let long = "long".repeat(LONG / 4);
    for content in ["new", "", "o", "longer than before", &long] {
        let side = pinned();
        fs::set_permissions(side.at("file"), fs::Permissions::from_mode(0o640)).unwrap();
        side.crawl();
        side.told();
        let before = inode(&side, "file");
        let host = Side::host_with(|share| write(share, "file", content));
        let entry = done(side.put_from(&host, "file", side.entry("file"), false));
        assert_eq!((entry.as_ref(), inode(&side, "file")), (host.entry("file").as_ref(), before));
        assert_eq!(fs::read_to_string(side.at("file")).unwrap(), content);
        assert_eq!(fs::metadata(side.at("file")).unwrap().mode() & 0o777, 0o640);
        assert_eq!((side.binned(), side.staged()), (vec!["Replaced file old".to_owned()], vec![]));
        side.check_dirty();
        side.crawl();
        assert_eq!(side.told_short(), [""; 0]);
        side.assert_known();
    }
}

#[test]
fn what_a_difference_is_sent_of_is_put_together_first() {
    let old: String = (0..LONG / 8).map(|line| format!("{line:07}\n")).collect();
    let side = Side::crawled(|share| write(share, "file", &old));
    side.ep.pin(vec![path("file")]);
    let new = old.replace("0050000", "changed");
    let host = Side::host_with(|share| write(share, "file", &new));
    let before = inode(&side, "file");
    done(side.put_from(&host, "file", side.entry("file"), true));
    assert_eq!((fs::read_to_string(side.at("file")).unwrap() == new, inode(&side, "file")), (true, before));
}

#[test]
fn the_executable_bit_comes_along() {
    let side = pinned();
    let host = Side::host_with(|share| {
        write(share, "file", "new");
        set_executable(&share.join("file"), true);
    });
    done(side.put_from(&host, "file", side.entry("file"), false));
    assert_eq!(fs::metadata(side.at("file")).unwrap().mode() & 0o111, 0o111);
    side.assert_known();
}

#[test]
fn others_are_replaced_and_so_is_a_pinned_one_when_it_is_not_any_more() {
    let side = pinned();
    let before = inode(&side, "dir/sub/y");
    done(side.put("dir/sub/y", side.entry("dir/sub/y"), "new"));
    assert_ne!(inode(&side, "dir/sub/y"), before);
    side.ep.pin(Vec::new());
    let before = inode(&side, "file");
    done(side.put("file", side.entry("file"), "new"));
    assert_ne!(inode(&side, "file"), before);
}

#[test]
fn whoever_has_it_open_sees_the_new_content() {
    let side = pinned();
    let mut open = File::open(side.at("file")).unwrap();
    done(side.put("file", side.entry("file"), "new content"));
    let mut seen = String::new();
    open.rewind().unwrap();
    open.read_to_string(&mut seen).unwrap();
    assert_eq!(seen, "new content");
    assert_eq!(side.binned(), ["Replaced file old"]);
}

/// A program that runs can't be written (`ETXTBSY`); it is replaced, as without a pin.
#[test]
fn a_program_that_runs_is_replaced() {
    let side = Side::crawled(|share| {
        fs::copy("/bin/sleep", share.join("file")).unwrap();
    });
    side.ep.pin(vec![path("file")]);
    let mut running = std::process::Command::new(side.at("file")).arg("60").spawn().unwrap();
    let outcome = side.put("file", side.entry("file"), "new");
    running.kill().unwrap();
    running.wait().unwrap();
    done(outcome);
    assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "new");
}

/// Does `act` beside the action: whoever has to wait for the action's end is waited for in `finish`.
#[derive(Clone, Default)]
struct Beside(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Beside {
    fn run(&self, act: impl FnOnce() + Send + 'static) {
        let thread = std::thread::spawn(act);
        let until = Instant::now() + Duration::from_millis(40);
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.0.lock().unwrap().push(thread);
    }

    fn finish(&self) {
        self.0.lock().unwrap().drain(..).for_each(|thread| thread.join().unwrap());
    }
}

#[test]
fn what_somebody_writes_meanwhile_stands_there_afterwards() {
    let host = Side::host_with(|share| write(share, "file", &"theirs".repeat(LONG / 6)));
    let beside = Beside::default();
    at_every_step(
        pinned,
        |side| {
            let outcome = side.put_from(&host, "file", side.entry("file"), false);
            beside.finish();
            outcome
        },
        |side| {
            let (at, beside) = (side.at("file"), beside.clone());
            Box::new(move || beside.run(move || fs::write(at, "mine").unwrap()))
        },
        |side, outcome, step| {
            assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "mine", "{step} {outcome:?}");
        },
    );
}

#[test]
fn what_somebody_saves_by_rename_meanwhile_stands_there_afterwards() {
    let host = Side::host_with(|share| write(share, "file", "theirs"));
    at_every_step(
        pinned,
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
            assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "mine", "{step} {outcome:?} {all:?}");
        },
    );
}

/// It took the place of the old content, not of what is just being written: nobody has seen that.
#[test]
fn what_somebody_saves_by_rename_while_it_is_written_is_not_told_as_its_successor() {
    let host = Side::host_with(|share| write(share, "file", "theirs"));
    let side = pinned();
    let (file, at, aside) = (side.entry("file"), side.at("file"), side.private.join("aside"));
    let (mut is_writing, mut writes) = (false, 0);
    side.hooks.set(move |call, name| {
        is_writing |= call == Call::OpenForUpdate && name == "file";
        writes += u32::from(is_writing && call == Call::Write);
        // The first is the note.
        if writes == 2 {
            is_writing = false;
            writes = 0;
            fs::write(&aside, "mine").unwrap();
            fs::rename(&aside, &at).unwrap();
        }
        None
    });
    assert_eq!(side.put_from(&host, "file", file.clone(), false), Outcome::Unexpected);
    side.hooks.clear();
    assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "mine");
    assert_eq!((side.entry("file"), side.staged()), (file, vec![]));
    assert_eq!(side.binned(), ["Replaced file old"]);
}

#[test]
fn a_pinned_file_that_is_removed_or_moved_meanwhile() {
    let host = Side::host_with(|share| write(share, "file", "theirs"));
    for is_moved in [false, true] {
        at_every_step(
            pinned,
            |side| side.put_from(&host, "file", side.entry("file"), false),
            |side| {
                let (at, to) = (side.at("file"), side.at("moved"));
                Box::new(move || if is_moved { fs::rename(at, to) } else { fs::remove_file(at) }.unwrap())
            },
            |side, outcome, step| {
                assert!(!side.at("file").exists(), "{step} {outcome:?}");
                if is_moved {
                    let moved = fs::read_to_string(side.at("moved")).unwrap();
                    assert!(moved == "old" || moved == "theirs", "{step} {outcome:?} {moved}");
                }
            },
        );
    }
}

/// Updates "file" by content of several pieces.
fn update(host: &Side) -> impl Fn(&Side) -> Outcome {
    move |side| {
        side.ep.pin(vec![path("file")]);
        side.told();
        side.put_from(host, "file", side.entry("file"), false)
    }
}

#[test]
fn a_crash_leaves_the_old_file_or_the_new_one() {
    let new = "new".repeat(LONG / 3);
    let host = Side::host_with(|share| write(share, "file", &new));
    killed_and_left_at_every_step(
        update(&host),
        |_| {},
        |side, step| {
            let content = fs::read_to_string(side.at("file")).unwrap();
            assert!(content == "old" || content == new, "step {step}: {} bytes", content.len());
            if content == new {
                assert!(side.binned().iter().any(|item| item.ends_with("file old")), "step {step}");
            }
            side.crawl();
            let told = side.told_short();
            assert!(content == new || told.is_empty(), "step {step}: {told:?}");
        },
    );
}

#[test]
fn what_somebody_writes_after_a_crash_is_not_lost() {
    let host = Side::host_with(|share| write(share, "file", &"new".repeat(LONG / 3)));
    killed_and_left_at_every_step(
        update(&host),
        |side| fs::write(side.at("file"), "mine").unwrap(),
        |side, step| {
            let all = everywhere(side, "file");
            assert!(all.iter().any(|found| found.ends_with("mine")), "step {step}: {all:?}");
            let content = fs::read_to_string(side.at("file")).unwrap();
            assert!(content == "mine" || content == "old", "step {step}: {content}");
        },
    );
}

#[test]
fn what_somebody_saves_by_rename_after_a_crash_stands() {
    let host = Side::host_with(|share| write(share, "file", &"new".repeat(LONG / 3)));
    killed_and_left_at_every_step(
        update(&host),
        |side| {
            fs::write(side.private.join("aside"), "mine").unwrap();
            fs::rename(side.private.join("aside"), side.at("file")).unwrap();
        },
        |side, step| assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "mine", "step {step}"),
    );
}

#[test]
fn a_write_that_fails_is_undone() {
    let host = Side::host_with(|share| write(share, "file", &"new".repeat(LONG / 3)));
    for nth in 1.. {
        let side = pinned();
        let (file, mut writes, mut was_opened) = (side.entry("file"), 0, false);
        let failed = Arc::new(Mutex::new(false));
        let has_failed = Arc::clone(&failed);
        side.hooks.set(move |call, name| {
            was_opened |= call == Call::OpenForUpdate && name == "file";
            writes += u32::from(was_opened && call == Call::Write);
            let fails = was_opened && call == Call::Write && writes == nth;
            *has_failed.lock().unwrap() |= fails;
            fails.then_some(FsErrorKind::NoSpace)
        });
        let outcome = side.put_from(&host, "file", file, false);
        side.hooks.clear();
        if !*failed.lock().unwrap() {
            assert!(nth > 3, "there are writes to fail");
            done(outcome);
            return;
        }
        assert!(matches!(&outcome, Outcome::Problem(problem) if problem.kind == ProblemKind::NoSpace), "{outcome:?}");
        assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "old", "write {nth}");
        assert_eq!(side.staged(), [""; 0], "write {nth}");
        side.check_dirty();
        side.crawl();
        assert_eq!(side.told_short(), [""; 0], "write {nth}");
        side.assert_known();
    }
}

#[test]
fn what_can_not_be_undone_at_once_is_not_told_and_undone_later() {
    for reopens in [false, true] {
        let host = Side::host_with(|share| write(share, "file", &"new".repeat(LONG / 3)));
        let mut side = pinned();
        let (file, mut is_writing, mut writes) = (side.entry("file"), false, 0);
        side.hooks.set(move |call, name| {
            is_writing |= call == Call::OpenForUpdate && name == "file";
            writes += u32::from(is_writing && call == Call::Write);
            // The first is the note.
            (call == Call::Write && writes > 2).then_some(FsErrorKind::Io)
        });
        let outcome = side.put_from(&host, "file", file, false);
        assert!(matches!(&outcome, Outcome::Problem(problem) if problem.kind == ProblemKind::Io), "{outcome:?}");
        assert_ne!(fs::read_to_string(side.at("file")).unwrap(), "old");
        side.check(&[("file", Look::Again)]);
        side.crawl();
        assert_eq!(side.told_short(), [""; 0]);
        assert_eq!(side.ep.scan_problems().len(), 1);
        side.hooks.clear();
        if reopens {
            side = side.reopen(true);
        }
        side.check(&[("file", Look::Again)]);
        side.check(&[("file", Look::Again)]);
        assert_eq!(fs::read_to_string(side.at("file")).unwrap(), "old");
        assert_eq!((side.staged(), side.ep.scan_problems()), (vec![], vec![]));
        side.crawl();
        assert_eq!(side.told_short(), [""; 0]);
        side.assert_known();
    }
}
