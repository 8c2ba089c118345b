//! What a killed process leaves behind, and what the next one makes of it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causeway_sync::{Entry, Operation, Outcome};

use crate::side::{Side, write};

fn filled() -> Side {
    Side::crawled(|share| {
        write(share, "file", "old");
        write(share, "dir/x", "x");
        write(share, "dir/sub/y", "y");
    })
}

/// Runs `act`, killed before every single step of it in turn, and checks what a new process makes of the rest.
fn killed_at_every_step(act: impl Fn(&Side) -> Outcome, check: impl Fn(&Side, u64)) {
    killed_and_left_at_every_step(act, |_| {}, check);
}

/// The same, with somebody doing something before the new process begins.
pub fn killed_and_left_at_every_step(
    act: impl Fn(&Side) -> Outcome,
    meanwhile: impl Fn(&Side),
    check: impl Fn(&Side, u64),
) {
    for step in 1.. {
        let side = filled();
        let steps = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&steps);
        side.hooks.set(move |_, _| {
            let now = count.fetch_add(1, Ordering::Relaxed) + 1;
            // Nothing works any more from here on, not even clearing up.
            if now == step {
                std::panic::panic_any(Killed);
            }
            (now > step).then_some(causeway_endpoint::fs::FsErrorKind::Io)
        });
        let survived = catch_unwind(AssertUnwindSafe(|| act(&side))).is_ok();
        side.hooks.clear();
        meanwhile(&side);
        let side = side.reopen(false);
        assert_eq!(side.staged(), [""; 0], "step {step}");
        check(&side, step);
        side.crawl();
        side.read_all();
        side.assert_known();
        if survived && steps.load(Ordering::Relaxed) < step {
            assert!(step > 3, "there are steps to be killed at");
            return;
        }
    }
}

struct Killed;

#[test]
fn a_file_is_the_old_one_or_the_new_one_and_nothing_is_lost() {
    let host = Side::host_with(|share| write(share, "file", "new"));
    killed_at_every_step(
        |side| side.put_from(&host, "file", side.entry("file"), false),
        |side, step| {
            let content = fs::read_to_string(side.at("file")).unwrap();
            let binned = side.binned();
            match content.as_str() {
                "old" => {}
                "new" => assert!(binned.iter().any(|item| item.ends_with("old")), "step {step}: {binned:?}"),
                other => panic!("step {step}: {other}"),
            }
        },
    );
}

#[test]
fn a_new_file_is_there_whole_or_not_at_all() {
    let host = Side::host_with(|share| write(share, "new", &"content".repeat(100_000)));
    killed_at_every_step(
        |side| side.put_from(&host, "new", None, false),
        |side, step| {
            if side.at("new").exists() {
                assert_eq!(fs::metadata(side.at("new")).unwrap().len(), 700_000, "step {step}");
            }
        },
    );
}

#[test]
fn a_removed_tree_is_in_the_share_or_in_the_bin() {
    killed_at_every_step(
        |side| side.act("dir", Some(Entry::Directory), Operation::Remove),
        |side, step| {
            let in_bin = side.ep.bin_items(None, 10).unwrap().iter().any(|item| item.path.to_string() == "dir");
            assert!(in_bin != side.at("dir/sub/y").exists(), "step {step}");
        },
    );
}

#[test]
fn leftovers_in_staging_are_cleared_up() {
    let side = filled();
    fs::write(side.private.join("staging/in-77"), "half received").unwrap();
    fs::create_dir(side.private.join("staging/in-78")).unwrap();
    fs::write(side.private.join("staging/x-1763731624000-5-r.some%2Fwhere"), "somebody's").unwrap();
    fs::write(side.private.join("staging/x-odd"), "odd").unwrap();
    let side = side.reopen(true);
    assert_eq!(side.staged(), [""; 0]);
    assert_eq!(side.binned(), ["Recovered  odd", "Recovered some/where somebody's"]);
}

#[test]
fn an_interrupted_transfer_leaves_nothing() {
    let host = Side::host_with(|share| write(share, "new", &"content".repeat(100_000)));
    let side = filled();
    let operation =
        Operation::File { file: host.file("new"), source: causeway_sync::Source::Transfer { delta: false } };
    let action = causeway_sync::Action { path: crate::side::path("new"), expect: None, operation };
    let batch = causeway_sync::Batch {
        id: causeway_sync::BatchId(1),
        to: causeway_sync::Side::Guest,
        as_of: side.ep.seq(),
        actions: vec![action.clone(), action],
    };
    let mut applier = side.ep.applier();
    applier.begin(batch.clone()).unwrap();
    let mut pieces = 0;
    let taken = host.ep.supply(&batch, 0, &mut |_| unreachable!(), &mut |number, content| {
        pieces += 1;
        if pieces == 6 {
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        applier.content(batch.id, number, content).map_err(std::io::Error::other)
    });
    assert!(taken.is_err());
    assert_eq!(applier.flush(0), []);
    assert_eq!(side.staged().len(), 2);
    drop(applier);
    assert_eq!(side.staged(), [""; 0]);
}
