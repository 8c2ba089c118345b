//! Files that somebody is writing: they cross after a quiet moment or a bounded time, never torn.

use std::fs;
use std::io::Write;

use causeway_endpoint::watch::Hint;
use causeway_endpoint::{Later, Look};
use causeway_sync::ProblemKind;

use crate::hooked::Call;
use crate::side::{Side, now_ms, path, write};

fn check_at(side: &Side, look: Look, now_ms: u64) -> Vec<Later> {
    side.try_check(&[("log", look)], now_ms).unwrap().later
}

#[test]
fn a_file_that_stays_open_is_read_when_it_is_quiet() {
    let side = Side::crawled(|share| write(share, "log", ""));
    let mut log = fs::File::options().append(true).open(side.at("log")).unwrap();
    log.write_all(b"line\n").unwrap();
    let start = now_ms();
    assert_eq!(check_at(&side, Look::Hint(Hint::Written), start), [Later { path: path("log"), due_ms: start + 300 }]);
    // It is written again before it is due.
    log.write_all(b"line\n").unwrap();
    let due_ms = start + 200 + 300;
    assert_eq!(check_at(&side, Look::Hint(Hint::Written), start + 200), [Later { path: path("log"), due_ms }]);
    assert_eq!(check_at(&side, Look::Again, start + 300), [Later { path: path("log"), due_ms }]);
    assert_eq!(side.told_short(), [""; 0]);
    assert_eq!(check_at(&side, Look::Again, due_ms), []);
    assert_eq!(side.told_short(), ["+log"]);
    assert_eq!(side.file("log").size, 10);
}

#[test]
fn a_file_that_is_never_quiet_is_read_now_and_then() {
    let side = Side::crawled(|share| write(share, "log", ""));
    let mut log = fs::File::options().append(true).open(side.at("log")).unwrap();
    let start = now_ms();
    let mut told = 0;
    for at_ms in (0..10_000).step_by(100) {
        log.write_all(b"line\n").unwrap();
        check_at(&side, Look::Hint(Hint::Written), start + at_ms);
        told += side.told().len();
    }
    assert_eq!(told, 3);
}

#[test]
fn a_close_is_waited_for_no_longer() {
    let side = Side::crawled(|_| {});
    side.write("log", "complete");
    let start = now_ms();
    assert_eq!(check_at(&side, Look::Hint(Hint::Created), start).len(), 1);
    assert_eq!(side.told_short(), [""; 0]);
    assert_eq!(check_at(&side, Look::Hint(Hint::ClosedAfterWrite), start), []);
    assert_eq!(side.told_short(), ["+log"]);
}

#[test]
fn a_second_name_is_complete_at_once() {
    let side = Side::crawled(|share| write(share, "old", "content"));
    fs::hard_link(side.at("old"), side.at("log")).unwrap();
    assert_eq!(check_at(&side, Look::Hint(Hint::Created), now_ms()), []);
    assert_eq!(side.told_short(), ["+log"]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_told_torn() {
    let side = Side::crawled(|share| write(share, "log", "whole"));
    let at = side.at("log");
    fs::write(&at, "first version").unwrap();
    // Between the look before reading it and the one after.
    side.hooks.nth(Call::StatFile, "", 2, move || fs::write(at, "second version!").unwrap());
    let start = now_ms();
    let later = check_at(&side, Look::Hint(Hint::ClosedAfterWrite), start);
    assert_eq!(later, [Later { path: path("log"), due_ms: start + 100 }]);
    assert_eq!(side.told_short(), [""; 0]);
    side.hooks.clear();
    assert_eq!(check_at(&side, Look::Hint(Hint::ClosedAfterWrite), start + 100), []);
    side.assert_known();
}

#[test]
fn a_file_that_changes_at_each_read_becomes_a_problem() {
    let side = Side::crawled(|share| write(share, "log", "whole"));
    let at = side.at("log");
    fs::write(&at, "0").unwrap();
    let mut number = 0;
    side.hooks.set(move |call, _| {
        if call == Call::StatFile {
            number += 1;
            fs::write(&at, number.to_string()).unwrap();
        }
        None
    });
    let start = now_ms();
    let mut due_ms = start;
    for _ in 0..12 {
        let later = check_at(&side, Look::Hint(Hint::Unknown), due_ms);
        due_ms = later[0].due_ms;
    }
    let problems = side.ep.scan_problems();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].1.kind, ProblemKind::KeepsChanging);
    assert_eq!(side.told_short(), [""; 0]);
    side.hooks.clear();
    check_at(&side, Look::Hint(Hint::ClosedAfterWrite), due_ms);
    assert_eq!(side.ep.scan_problems(), []);
    assert_eq!(side.told_short(), ["+log"]);
}

/// A write within the same step of the file system's clock as the one before changes no time stamp.
#[test]
fn a_write_that_no_stat_shows_is_found() {
    let side = Side::crawled(|share| write(share, "log", "one"));
    side.write("log", "two");
    side.check_closed(&["log"]);
    side.told();
    // The same length, and a stat that says nothing: written directly under the row.
    side.write("log", "new");
    let due_ms = side.ep.settle(now_ms(), &std::sync::atomic::AtomicBool::new(false)).unwrap();
    assert!(due_ms.is_some(), "it is to be read once more");
    let stop = std::sync::atomic::AtomicBool::new(false);
    assert_eq!(side.ep.settle(due_ms.unwrap(), &stop).unwrap().map(|_| ()), None);
    side.assert_known();
}

/// A log is written on while it is looked at and carried: what it was when it was looked at is a version of it.
#[test]
fn of_a_file_that_has_grown_what_it_was_is_told() {
    for (now, outcome) in [("whole\nand more", "whole"), ("other\nand more", ""), ("who", "")] {
        for is_read in [true, false] {
            let host = Side::host_with(|share| write(share, "log", "whole"));
            if is_read {
                host.read_all();
            }
            let guest = Side::crawled(|_| {});
            let file = host.file("log");
            let operation =
                causeway_sync::Operation::File { file, source: causeway_sync::Source::Transfer { delta: false } };
            let action = causeway_sync::Action { path: path("log"), expect: None, operation };
            fs::write(host.at("log"), now).unwrap();
            let outcomes = guest.carry_out(vec![action], Some(&host));
            let is_told = is_read && !outcome.is_empty();
            if is_told {
                assert_eq!(fs::read_to_string(guest.at("log")).unwrap(), outcome, "{now}");
            } else {
                assert_eq!(outcomes, [causeway_sync::Outcome::SourceChanged], "{now} {is_read}");
                assert!(!guest.at("log").exists());
            }
            // What was told of is not taken for what stands there.
            host.check_dirty();
            host.check_closed(&["log"]);
            host.assert_known();
        }
    }
}

#[test]
fn a_supplier_tells_of_no_torn_file() {
    let host = Side::host_with(|share| write(share, "file", "whole"));
    let guest = Side::crawled(|_| {});
    let at = host.at("file");
    let file = host.file("file");
    host.hooks.nth(Call::StatFile, "", 2, move || fs::write(at, "other").unwrap());
    let operation = causeway_sync::Operation::File { file, source: causeway_sync::Source::Transfer { delta: false } };
    let action = causeway_sync::Action { path: path("file"), expect: None, operation };
    let outcomes = guest.carry_out(vec![action.clone()], Some(&host));
    assert_eq!(outcomes, [causeway_sync::Outcome::SourceChanged]);
    assert!(!guest.at("file").exists());
    assert_eq!(guest.staged(), [""; 0]);
    host.hooks.clear();
    host.check_dirty();
    // It is another file by now.
    assert_eq!(guest.carry_out(vec![action], Some(&host)), [causeway_sync::Outcome::SourceChanged]);
}
