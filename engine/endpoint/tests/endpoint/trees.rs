//! Directories that are made with all that they are to hold: by one rename, or piece by piece where that can't be.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causeway_endpoint::fs::FsErrorKind;
use causeway_sync::content::{Content, Unavailable};
use causeway_sync::{Action, Batch, BatchId, Entry, Operation, Outcome, Seq, Source};

use crate::hooked::Call;
use crate::races::{at_every_step, everywhere};
use crate::side::{Side, now_ms, path, tree, write};

const NEW: [&str; 7] = ["new", "new/a", "new/b", "new/empty", "new/sub", "new/sub/c", "new/sub/deep"];

fn host() -> Side {
    Side::host_with(|share| {
        for (at, content) in [("new/a", "a"), ("new/b", "b"), ("new/sub/c", "c")] {
            write(share, at, content);
        }
        fs::create_dir_all(share.join("new/empty")).unwrap();
        write(share, "new/sub/deep/d", "d");
    })
}

fn actions(host: &Side, paths: &[&str]) -> Vec<Action> {
    let operation = |at: &str| match host.entry(at) {
        Some(Entry::File(file)) => Operation::File { file, source: Source::Transfer { delta: false } },
        _ => Operation::Directory,
    };
    paths.iter().map(|at| Action { path: path(at), expect: None, operation: operation(at) }).collect()
}

fn carry_out(side: &Side, host: &Side) -> Vec<Outcome> {
    side.carry_out(actions(host, &NEW), Some(host))
}

fn are_done(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done { entry: Some(_), .. }))
}

#[test]
fn a_directory_arrives_whole_by_one_rename() {
    let (side, host) = (Side::crawled(|_| {}), host());
    let renames = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&renames);
    side.hooks.set(move |call, _| {
        count.fetch_add(u64::from(call == Call::Rename), Ordering::Relaxed);
        None
    });
    let outcomes = carry_out(&side, &host);
    side.hooks.clear();
    assert!(are_done(&outcomes), "{outcomes:?}");
    assert_eq!(renames.load(Ordering::Relaxed), 1);
    assert_eq!(side.staged(), [""; 0]);
    for at in NEW {
        assert_eq!(side.entry(at), host.entry(at), "{at}");
    }
    side.assert_known();
    // Nothing is found at the next look: all of it is known as it stands.
    let seq = side.ep.seq();
    side.crawl();
    assert_eq!(side.ep.seq(), seq);
}

#[test]
fn what_later_batches_put_into_it_arrives_too() {
    let (side, host) = (Side::crawled(|_| {}), host());
    let mut applier = side.ep.applier();
    let all = actions(&host, &[&NEW[..], &["new/sub/deep/d"]].concat());
    for (id, part) in [(1, &all[..3]), (2, &all[3..5]), (3, &all[5..])] {
        let to = causeway_sync::Side::Guest;
        let batch = Batch { id: BatchId(id), to, as_of: Seq(0), actions: part.to_vec() };
        applier.begin(batch.clone()).unwrap();
        let mut take =
            |number, content: Content<'_>| applier.content(BatchId(id), number, content).map_err(std::io::Error::other);
        host.ep.supply(&batch, now_ms(), &mut |_| unreachable!("no deltas"), &mut take).unwrap();
    }
    for (_, outcomes) in applier.flush(now_ms()) {
        assert!(are_done(&outcomes), "{outcomes:?}");
    }
    drop(applier);
    assert_eq!(side.staged(), [""; 0]);
    assert_eq!(tree(&side.share), tree(&host.share));
    side.assert_known();
}

#[test]
fn what_cannot_be_supplied_is_missing_from_it() {
    let (side, host) = (Side::crawled(|_| {}), host());
    let mut applier = side.ep.applier();
    let batch = Batch { id: BatchId(1), to: causeway_sync::Side::Guest, as_of: Seq(0), actions: actions(&host, &NEW) };
    applier.begin(batch.clone()).unwrap();
    let mut take = |number: u32, content: Content<'_>| {
        let content =
            if NEW[number as usize] == "new/b" { Content::Unavailable(Unavailable::Changed) } else { content };
        applier.content(BatchId(1), number, content).map_err(std::io::Error::other)
    };
    // What comes of "b" before its end would be out of order.
    let mut whole = |number: u32, content: Content<'_>| match (NEW[number as usize], &content) {
        ("new/b", Content::Piece(_)) => Ok(()),
        _ => take(number, content),
    };
    host.ep.supply(&batch, now_ms(), &mut |_| unreachable!("no deltas"), &mut whole).unwrap();
    let outcomes = applier.flush(now_ms()).remove(0).1;
    drop(applier);
    assert_eq!(outcomes[2], Outcome::SourceChanged);
    assert!(are_done(&[&outcomes[..2], &outcomes[3..]].concat()), "{outcomes:?}");
    assert!(!side.at("new/b").exists() && side.at("new/sub/c").exists());
    assert_eq!(side.staged(), [""; 0]);
    side.assert_known();
}

#[test]
fn what_was_received_of_it_is_thrown_away() {
    let (side, host) = (Side::crawled(|_| {}), host());
    let mut applier = side.ep.applier();
    let batch = Batch { id: BatchId(1), to: causeway_sync::Side::Guest, as_of: Seq(0), actions: actions(&host, &NEW) };
    applier.begin(batch.clone()).unwrap();
    let mut take = |number: u32, content: Content<'_>| match NEW[number as usize] {
        // The connection breaks in the middle of a file.
        "new/sub/c" if matches!(content, Content::End(_)) => Err(std::io::ErrorKind::BrokenPipe.into()),
        _ => applier.content(BatchId(1), number, content).map_err(std::io::Error::other),
    };
    assert!(host.ep.supply(&batch, now_ms(), &mut |_| unreachable!("no deltas"), &mut take).is_err());
    assert_eq!(side.staged().len(), 1);
    drop(applier);
    assert_eq!(side.staged(), [""; 0]);
    assert_eq!(tree(&side.share), [""; 0]);
}

#[test]
fn where_it_cannot_be_renamed_whole_it_is_put_in_place_piece_by_piece() {
    let (side, host) = (Side::crawled(|_| {}), host());
    side.hooks.set(|call, name| (call == Call::Rename && name == "new").then_some(FsErrorKind::PermissionDenied));
    let outcomes = carry_out(&side, &host);
    side.hooks.clear();
    assert!(are_done(&outcomes), "{outcomes:?}");
    assert_eq!(side.staged(), [""; 0]);
    for at in NEW {
        assert_eq!(side.entry(at), host.entry(at), "{at}");
    }
    side.assert_known();
}

#[test]
fn what_is_ignored_here_does_not_come_in_with_it() {
    use crate::side::rules;
    let (side, host) = (Side::crawled(|_| {}), host());
    side.ep.set_rules(rules("new/sub/c\n"), &std::sync::atomic::AtomicBool::new(false)).unwrap();
    let outcomes = carry_out(&side, &host);
    assert!(matches!(&outcomes[5], Outcome::Problem(_)), "{outcomes:?}");
    assert!(are_done(&[&outcomes[..5], &outcomes[6..]].concat()), "{outcomes:?}");
    assert!(side.at("new/a").exists() && !side.at("new/sub/c").exists());
    assert_eq!(side.staged(), [""; 0]);
}

#[test]
fn what_somebody_puts_in_its_place_meanwhile_is_not_lost() {
    let host = host();
    at_every_step(
        || Side::crawled(|_| {}),
        |side| carry_out(side, &host),
        |side| {
            let (dir, at) = (side.at("new"), side.at("new/mine"));
            Box::new(move || {
                fs::create_dir_all(dir).unwrap();
                fs::write(at, "mine").unwrap();
            })
        },
        |side, outcomes, step| {
            let all = everywhere(side, "new/mine");
            assert!(all.iter().any(|found| found.ends_with("mine")), "{step} {outcomes:?} {all:?}");
        },
    );
}

#[test]
fn what_somebody_writes_into_it_as_soon_as_it_stands_there_is_not_lost() {
    let host = host();
    at_every_step(
        || Side::crawled(|_| {}),
        |side| carry_out(side, &host),
        |side| {
            let at = side.at("new/a");
            Box::new(move || {
                if at.exists() {
                    fs::write(at, "mine").unwrap();
                }
            })
        },
        |side, outcomes, step| {
            let stands = fs::read_to_string(side.at("new/a"));
            assert!(stands.is_ok_and(|stands| stands == "mine" || stands == "a"), "{step} {outcomes:?}");
        },
    );
}

#[test]
fn what_somebody_renames_away_as_soon_as_it_stands_there_goes_along() {
    let host = host();
    at_every_step(
        || Side::crawled(|_| {}),
        |side| carry_out(side, &host),
        |side| {
            let (from, to) = (side.at("new"), side.at("away"));
            Box::new(move || {
                let _ = fs::rename(from, to);
            })
        },
        |side, outcomes, step| {
            let stands = ["new/a", "away/a"].map(|at| fs::read_to_string(side.at(at)).ok());
            assert!(stands.contains(&Some("a".to_owned())) || !are_done(outcomes), "{step} {outcomes:?}");
        },
    );
}
