//! Receiving: pieces out of order, too many, too few, or not what was announced; disks that fill up.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use causeway_endpoint::fs::FsErrorKind;
use causeway_endpoint::serve::Carrying;
use causeway_endpoint::{Applier, ProtocolError};
use causeway_sync::content::{Content, PIECE_BYTES_MAX, Piece, Unavailable};
use causeway_sync::{Action, Batch, BatchId, File, Operation, Outcome, Problem, ProblemKind, Seq, Source};

use crate::hooked::{Call, Hooked};
use crate::side::{Side, done, now_ms, path, write};

fn file(content: &[u8]) -> File {
    File {
        digest: Some(blake3::hash(content).into()),
        size: content.len() as u64,
        executable: false,
        mtime_ns: 1_600_000_000_000_000_000,
    }
}

fn action(at: &str, content: &[u8], delta: bool) -> Action {
    Action {
        path: path(at),
        expect: None,
        operation: Operation::File { file: file(content), source: Source::Transfer { delta } },
    }
}

fn batch(id: u64, actions: Vec<Action>) -> Batch {
    Batch { id: BatchId(id), to: causeway_sync::Side::Guest, as_of: Seq(0), actions }
}

fn data(bytes: &[u8]) -> Content<'_> {
    Content::Piece(Piece::Data(bytes))
}

#[test]
fn what_breaks_the_protocol_is_refused() {
    let side = Side::crawled(|_| {});
    let wrong_side = Batch { to: causeway_sync::Side::Host, ..batch(1, vec![]) };
    assert_eq!(side.ep.applier().begin(wrong_side), Err(ProtocolError::WrongSide));
    let many = batch(1, vec![action("x", b"", false); 1025]);
    assert_eq!(side.ep.applier().begin(many), Err(ProtocolError::TooManyActions));
    assert_eq!(side.ep.applier().begin(batch(1, vec![action("", b"", false)])), Err(ProtocolError::BadPath(0)));

    let too_long = vec![0; PIECE_BYTES_MAX + 1];
    let large = vec![1; PIECE_BYTES_MAX * 2];
    let cases: Vec<(BatchId, u32, Content<'_>, ProtocolError)> = vec![
        (BatchId(1), 1, data(b"x"), ProtocolError::WrongAction(1)),
        (BatchId(1), 7, data(b"x"), ProtocolError::WrongAction(7)),
        (BatchId(2), 0, data(b"x"), ProtocolError::OutOfOrder),
        (BatchId(1), 0, data(b""), ProtocolError::BadPiece(0)),
        (BatchId(1), 0, data(&too_long), ProtocolError::BadPiece(0)),
        (BatchId(1), 0, Content::Piece(Piece::Hole(0)), ProtocolError::BadPiece(0)),
        (BatchId(1), 0, Content::Piece(Piece::Hole(u64::MAX)), ProtocolError::BadPiece(0)),
        (BatchId(1), 0, Content::Piece(Piece::Copy { offset: 0, bytes: 1 }), ProtocolError::BadPiece(0)),
    ];
    for (id, number, content, error) in cases {
        let mut applier = side.ep.applier();
        applier.begin(batch(1, vec![action("a", &large, false), action("b", &large, false)])).unwrap();
        assert_eq!(applier.content(id, number, content), Err(error));
    }
    // After its content is complete, and after all of it.
    let mut applier = side.ep.applier();
    applier.begin(batch(1, vec![action("a", b"x", false)])).unwrap();
    applier.content(BatchId(1), 0, data(b"x")).unwrap();
    assert_eq!(applier.content(BatchId(1), 0, data(b"x")), Err(ProtocolError::BadPiece(0)), "longer than announced");
    applier.content(BatchId(1), 0, Content::End(file(b"x"))).unwrap();
    assert_eq!(applier.content(BatchId(1), 0, data(b"x")), Err(ProtocolError::OutOfOrder));
    drop(applier);
    assert_eq!(side.staged(), [""; 0]);
    assert_eq!(crate::side::tree(&side.share), [""; 0]);
}

#[test]
fn a_copy_from_outside_of_the_file_is_refused() {
    let side = Side::crawled(|share| write(share, "base", "0123456789"));
    for (offset, bytes) in [(0, 11), (10, 1), (u64::MAX, 2), (3, u64::MAX)] {
        let mut applier = side.ep.applier();
        let wanted = vec![0; 20];
        assert_eq!(applier.begin(batch(1, vec![action("base", &wanted, true)])).unwrap(), [0]);
        assert!(!applier.signature(0).chunks.is_empty());
        let copy = Content::Piece(Piece::Copy { offset, bytes });
        assert_eq!(applier.content(BatchId(1), 0, copy), Err(ProtocolError::BadPiece(0)), "{offset} {bytes}");
    }
    assert_eq!(side.staged(), [""; 0]);
}

#[test]
fn content_that_is_not_what_was_announced_is_thrown_away() {
    let side = Side::crawled(|_| {});
    let other = file(b"other");
    let cases: Vec<(&str, Vec<Content<'_>>)> = vec![
        ("another digest told", vec![data(b"right"), Content::End(other.clone())]),
        ("no digest told", vec![data(b"right"), Content::End(File { digest: None, ..file(b"right") })]),
        ("other content", vec![data(b"wrong"), Content::End(file(b"right"))]),
        ("too short", vec![data(b"rig"), Content::End(file(b"right"))]),
        ("nothing", vec![Content::End(file(b"right"))]),
        ("another bit", vec![data(b"right"), Content::End(File { executable: true, ..file(b"right") })]),
        ("not supplied", vec![data(b"ri"), Content::Unavailable(Unavailable::Changed)]),
    ];
    for (name, contents) in cases {
        let mut applier = side.ep.applier();
        applier.begin(batch(1, vec![action("a", b"right", false)])).unwrap();
        for content in contents {
            applier.content(BatchId(1), 0, content).unwrap();
        }
        assert_eq!(applier.flush(now_ms()), [(BatchId(1), vec![Outcome::SourceChanged])], "{name}");
        assert_eq!(side.staged(), [""; 0], "{name}");
    }
    let problem =
        Problem { side: causeway_sync::Side::Host, kind: ProblemKind::PermissionDenied, detail: String::new() };
    let mut applier = side.ep.applier();
    applier.begin(batch(1, vec![action("a", b"right", false)])).unwrap();
    applier.content(BatchId(1), 0, Content::Unavailable(Unavailable::Problem(problem.clone()))).unwrap();
    assert_eq!(applier.flush(now_ms()), [(BatchId(1), vec![Outcome::Problem(problem)])]);
}

#[test]
fn several_batches_are_carried_out_together_and_in_order() {
    let side = Side::crawled(|_| {});
    let mut applier = side.ep.applier();
    let make = Action { path: path("dir"), expect: None, operation: Operation::Directory };
    applier.begin(batch(1, vec![make, action("dir/a", b"1", false)])).unwrap();
    applier.begin(batch(2, vec![action("dir/b", b"2", false)])).unwrap();
    applier.begin(batch(3, vec![action("dir/c", b"3", false)])).unwrap();
    assert!(!applier.has_complete());
    applier.content(BatchId(1), 1, data(b"1")).unwrap();
    applier.content(BatchId(1), 1, Content::End(file(b"1"))).unwrap();
    applier.content(BatchId(2), 0, data(b"2")).unwrap();
    applier.content(BatchId(2), 0, Content::End(file(b"2"))).unwrap();
    applier.content(BatchId(3), 0, data(b"3")).unwrap();
    let outcomes = applier.flush(now_ms());
    assert_eq!(outcomes.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [1, 2]);
    for outcome in outcomes.into_iter().flat_map(|(_, outcomes)| outcomes) {
        done(outcome);
    }
    applier.content(BatchId(3), 0, Content::End(file(b"3"))).unwrap();
    assert_eq!(applier.flush(now_ms()).len(), 1);
    side.assert_known();
    assert_eq!(side.staged(), [""; 0]);
}

#[test]
fn many_files_are_synced_at_once() {
    let side = Side::crawled(|_| {});
    let (mut singly, mut whole) = (0, 0);
    let counts = std::sync::Arc::new(std::sync::Mutex::new((0, 0)));
    let heard = std::sync::Arc::clone(&counts);
    side.hooks.set(move |call, _| {
        let mut counts = heard.lock().unwrap();
        counts.0 += i32::from(call == Call::SyncFile);
        counts.1 += i32::from(call == Call::SyncFs);
        None
    });
    for (first, many, single_syncs, whole_syncs) in [(0, 1, 1, 0), (100, 8, 8, 0), (200, 500, 0, 1)] {
        let host = Side::host_with(|share| {
            for number in first..first + many {
                write(share, &number.to_string(), "content");
            }
        });
        let actions = (first..first + many).map(|number| {
            let at = number.to_string();
            let operation = Operation::File { file: host.file(&at), source: Source::Transfer { delta: false } };
            Action { path: path(&at), expect: None, operation }
        });
        for outcome in side.carry_out(actions.collect(), Some(&host)) {
            done(outcome);
        }
        let counts = *counts.lock().unwrap();
        assert_eq!((counts.0 - singly, counts.1 - whole), (single_syncs, whole_syncs), "{many} files");
        (singly, whole) = counts;
    }
}

#[test]
fn a_full_disk_is_a_problem_and_leaves_nothing_behind() {
    let host = Side::host_with(|share| {
        write(share, "a", "content of a");
        write(share, "b", "content of b");
    });
    for call in [Call::CreateFile, Call::Write, Call::SetMtime, Call::SyncFile, Call::Rename] {
        let side = Side::crawled(|_| {});
        let mut failed = false;
        side.hooks.set(move |heard, _| {
            let fails = heard == call && !failed;
            failed |= fails;
            fails.then_some(FsErrorKind::NoSpace)
        });
        let transfer = |at: &str| Action {
            path: path(at),
            expect: None,
            operation: Operation::File { file: host.file(at), source: Source::Transfer { delta: false } },
        };
        let outcomes = side.carry_out(vec![transfer("a"), transfer("b")], Some(&host));
        match &outcomes[..] {
            [Outcome::Problem(problem), Outcome::Done { .. }] => assert_eq!(problem.kind, ProblemKind::NoSpace),
            other => panic!("{call:?}: {other:?}"),
        }
        side.hooks.clear();
        assert_eq!(side.staged(), [""; 0], "{call:?}");
        side.assert_known();
        // Space returns.
        done(side.put_from(&host, "a", None, false));
    }
}

#[test]
fn a_full_disk_at_the_whole_sync_fails_all() {
    let host = Side::host_with(|share| {
        for number in 0..20 {
            write(share, &number.to_string(), "content");
        }
    });
    let side = Side::crawled(|_| {});
    side.hooks.set(|call, _| (call == Call::SyncFs).then_some(FsErrorKind::NoSpace));
    let actions = (0..20).map(|number| Action {
        path: path(&number.to_string()),
        expect: None,
        operation: Operation::File { file: host.file(&number.to_string()), source: Source::Transfer { delta: false } },
    });
    let outcomes = side.carry_out(actions.collect(), Some(&host));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Problem(p) if p.kind == ProblemKind::NoSpace)));
    assert_eq!(side.staged(), [""; 0]);
    assert_eq!(crate::side::tree(&side.share), [""; 0]);
    assert!(side.ep.sync().is_err());
    side.hooks.clear();
    side.ep.sync().unwrap();
}

#[test]
fn an_unreadable_source_is_a_problem_of_its_side() {
    let host = Side::host_with(|share| write(share, "a", "content"));
    let side = Side::crawled(|_| {});
    host.hooks.set(|call, _| (call == Call::OpenFile).then_some(FsErrorKind::PermissionDenied));
    match side.put_from(&host, "a", None, false) {
        Outcome::Problem(problem) => {
            assert_eq!((problem.side, problem.kind), (causeway_sync::Side::Host, ProblemKind::PermissionDenied));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_root_that_is_gone_gets_nothing() {
    let host = Side::host_with(|share| write(share, "a", "content"));
    let side = Side::crawled(|share| write(share, "x", "x"));
    std::fs::rename(&side.share, side.private.join("aside")).unwrap();
    assert!(matches!(side.put_from(&host, "a", None, false), Outcome::Problem(_)));
    assert!(matches!(side.act("new", None, Operation::Directory), Outcome::Problem(_)));
    assert_eq!(side.staged(), [""; 0]);
    assert!(!side.share.exists());
}

/// Begins a batch of files of these names, and receives their content.
fn receive(applier: &mut Applier<'_, Hooked>, id: u64, names: impl Iterator<Item = String>) {
    let actions: Vec<_> = names.map(|name| action(&name, b"content", false)).collect();
    let count = u32::try_from(actions.len()).unwrap();
    applier.begin(batch(id, actions)).unwrap();
    for number in 0..count {
        applier.content(BatchId(id), number, data(b"content")).unwrap();
        applier.content(BatchId(id), number, Content::End(file(b"content"))).unwrap();
    }
}

/// More files than are made durable one by one.
fn many(letter: char) -> impl Iterator<Item = String> {
    (0..20).map(move |number| format!("{letter}{number}"))
}

#[test]
fn a_failed_sync_fails_for_all_that_was_written_before_it() {
    let side = Side::crawled(|_| {});
    let (mut first, mut second, mut later) = (side.ep.applier(), side.ep.applier(), side.ep.applier());
    receive(&mut first, 1, many('a'));
    receive(&mut second, 2, many('b'));
    // As the system does it: whoever syncs first hears of it, the next one doesn't.
    let mut failed = false;
    side.hooks.set(move |call, _| {
        let fails = call == Call::SyncFs && !failed;
        failed |= fails;
        fails.then_some(FsErrorKind::Io)
    });
    for (applier, id) in [(&mut first, 1), (&mut second, 2)] {
        let (batch, outcomes) = applier.flush(now_ms()).remove(0);
        assert_eq!(batch.0, id);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Problem(_))), "{outcomes:?}");
    }
    receive(&mut later, 3, many('c'));
    later.flush(now_ms()).remove(0).1.into_iter().for_each(|outcome| drop(done(outcome)));
    drop((first, second, later));
    assert_eq!(side.staged(), [""; 0]);
    let names: Vec<_> = crate::side::tree(&side.share).into_iter().collect();
    assert!(names.len() == 20 && names.iter().all(|name| name.contains('c')), "{names:?}");
}

#[test]
fn what_waits_is_carried_out_together_and_in_order_and_thrown_away_at_the_end() {
    let side = Side::crawled(|_| {});
    let carrying = Carrying::default();
    let syncs = Arc::new(AtomicU32::new(0));
    let heard = Arc::clone(&syncs);
    side.hooks.set(move |call, _| {
        heard.fetch_add(u32::from(call == Call::SyncFs), Ordering::Relaxed);
        None
    });
    let mut applier = side.ep.applier();
    for (id, letter) in [(1, 'a'), (2, 'b')] {
        receive(&mut applier, id, many(letter));
        carrying.push(applier.complete().unwrap());
    }
    assert!(!carrying.is_idle() && applier.complete().is_none());
    // The lane breaks while the first are told of: what was received meanwhile isn't put in place.
    let told = carrying.run(|done| {
        assert_eq!(done.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [1, 2]);
        receive(&mut applier, 3, many('c'));
        carrying.push(applier.complete().unwrap());
        carrying.end();
        Ok::<(), Infallible>(())
    });
    assert_eq!(told, Ok(()));
    assert_eq!(syncs.load(Ordering::Relaxed), 1, "one sync for both");
    drop(applier);
    assert_eq!(side.staged(), [""; 0]);
    assert_eq!(crate::side::tree(&side.share).len(), 40);
}
