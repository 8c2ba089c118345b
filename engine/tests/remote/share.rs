//! A share's own connection: the guest's side at work, seen from the engine.

use std::fs;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use causeway_endpoint::fs::OsFs;
use causeway_endpoint::runner::{Answer, Events, Runner, ShareSide, Started, now_ms};
use causeway_endpoint::serve::{ServeError, serve_share};
use causeway_endpoint::watch::{HostWatcher, WatchConfig};
use causeway_engine::remote::{Loss, RemoteSide};
use causeway_sync::ignore::RuleTexts;
use causeway_sync::session::RootFault;
use causeway_sync::{Change, Changes, Entry, Hello, Problem, RelPath, RelPathBuf, Seq, Side};
use causeway_wire::agent::{Failure, FailureKind, RequestId};
use causeway_wire::errand::{Errand, ErrandReply};
use causeway_wire::share::{Event, ShareCall, ShareReply, ShareSaid, WatchBy};
use causeway_wire::{FrameReader, FrameWriter};

use crate::ends::{Ground, LIMIT, path};

/// A guest's side at work, and sessions with it.
struct Guest {
    ground: Ground,
    runner: Arc<Runner<OsFs>>,
}

impl Guest {
    fn new(fill: impl FnOnce(&Ground)) -> Self {
        let ground = Ground::new(Side::Guest);
        fill(&ground);
        let (share, cookies) = (ground.share.clone(), ground.private.join("cookies"));
        let watch = move |sink, skip| {
            let config = WatchConfig { share: share.clone(), cookies: cookies.clone(), skip: Some(skip) };
            Ok(Started { watch: Box::new(HostWatcher::start(config, sink)?), by: WatchBy::Inotify })
        };
        let runner = Runner::start(Arc::clone(&ground.endpoint), RuleTexts::default(), Box::new(watch)).unwrap();
        Self { ground, runner: Arc::new(runner) }
    }

    fn session(&self) -> Session {
        session(Arc::clone(&self.runner) as Arc<dyn ShareSide>)
    }
}

/// A session with a side at the other end of a connection.
fn session(side: Arc<dyn ShareSide>) -> Session {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let agent = std::thread::spawn(move || serve_share(Box::new(theirs), &side));
    let (lose, losses) = mpsc::channel();
    let remote = RemoteSide::start(Box::new(ours), Box::new(move |loss| drop(lose.send(loss)))).unwrap();
    let (report, events) = mpsc::channel();
    let session = Session { side: Some(Box::new(remote)), events, losses, agent: Some(agent) };
    let hello = session.ask(|side, answer: Sender<Result<Hello, Failure>>| {
        side.begin(Arc::new(move |event| drop(report.send(event))), Box::new(move |hello| drop(answer.send(hello))));
    });
    hello.unwrap();
    session
}

struct Session {
    side: Option<Box<dyn ShareSide>>,
    events: Receiver<Event>,
    losses: Receiver<Loss>,
    agent: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Session {
    fn side(&self) -> &dyn ShareSide {
        self.side.as_deref().unwrap()
    }

    fn ask<T>(&self, ask: impl FnOnce(&dyn ShareSide, Sender<T>)) -> T {
        let (answer, answered) = mpsc::channel();
        ask(self.side(), answer);
        answered.recv_timeout(LIMIT).expect("an answer in time")
    }

    fn pull(&self, after: Seq) -> Changes {
        self.ask(|side, answer| side.pull(after, 4096, Box::new(move |changes| drop(answer.send(changes)))))
    }

    /// Pulls until the side is crawled; gives all changes.
    fn pull_all(&self) -> (Vec<Change>, Seq) {
        let (mut all, mut after) = (Vec::new(), Seq(0));
        loop {
            let window = self.pull(after);
            after = window.upto;
            all.extend(window.changes);
            if window.crawled {
                return (all, after);
            }
        }
    }

    fn errand(&self, errand: Errand) -> Result<ErrandReply, Failure> {
        self.ask(|side, answer| side.ask(errand, Box::new(move |done| drop(answer.send(done)))))
    }

    fn event(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.events.recv_timeout(LIMIT).expect("an event in time");
            if wanted(&event) {
                return event;
            }
        }
    }

    fn finish(mut self) {
        self.side = None;
        self.agent.take().unwrap().join().unwrap().unwrap();
        assert!(self.losses.try_recv().is_err());
    }
}

/// Sorted: a side that is still being crawled tells what it has found so far.
fn paths(changes: &[Change]) -> Vec<String> {
    let path = |change: &Change| match change {
        Change::Now { path, .. } | Change::Moved { to: path, .. } | Change::Forgotten { path, .. } => path.to_string(),
    };
    let mut all: Vec<String> = changes.iter().map(path).collect();
    all.sort();
    all
}

#[test]
fn the_feed_tells_what_stands_there_and_then_every_edit() {
    let guest = Guest::new(|ground| {
        ground.write("a/b", "1");
        ground.write("c", "2");
    });
    let session = guest.session();
    let (all, mut after) = session.pull_all();
    assert_eq!(paths(&all), ["a", "a/b", "c"]);
    for round in 0..20 {
        let (answer, answered) = mpsc::channel();
        session.side().pull(after, 4096, Box::new(move |changes| drop(answer.send(changes))));
        assert!(answered.recv_timeout(Duration::from_millis(20)).is_err(), "nothing has changed");
        guest.ground.write("a/b", format!("round {round}"));
        let changes = answered.recv_timeout(LIMIT).unwrap();
        assert_eq!(paths(&changes.changes), ["a/b"]);
        let Change::Now { entry: Some(Entry::File(file)), .. } = &changes.changes[0] else { panic!() };
        assert_eq!(file.digest, Some(blake3::hash(format!("round {round}").as_bytes()).into()));
        after = changes.upto;
        session.side().acknowledge(after);
    }
    session.finish();
}

#[test]
fn many_changes_come_in_windows_of_bounded_length() {
    let guest = Guest::new(|ground| {
        for number in 0..3000 {
            ground.write(&format!("{}/{number}", "long-name".repeat(20)), "");
        }
    });
    let session = guest.session();
    let (all, _) = session.pull_all();
    assert_eq!(all.len(), 3001);
    session.finish();
}

#[test]
fn a_barrier_follows_all_that_was_written_before_it() {
    let guest = Guest::new(|_| {});
    let session = guest.session();
    let (_, mut after) = session.pull_all();
    for round in 0..30 {
        for file in 0..10 {
            guest.ground.write(&format!("{round}/{file}"), "x");
        }
        let seq: Seq = session.ask(|side, answer| side.barrier(Box::new(move |seq| answer.send(seq).unwrap())));
        let mut told = Vec::new();
        while after < seq {
            let window = session.pull(after);
            told.extend(paths(&window.changes));
            after = window.upto;
        }
        assert_eq!(told.len(), 11, "in round {round}: {told:?}");
    }
    let synced = session.ask(|side, answer| side.sync(Box::new(move |synced| answer.send(synced).unwrap())));
    assert_eq!(synced, Ok(()));
    session.finish();
}

#[test]
fn paths_are_told_again_when_they_are_asked_for() {
    let guest = Guest::new(|ground| {
        ground.write("a/b", "1");
        ground.write("c", "2");
    });
    let session = guest.session();
    let (_, mut after) = session.pull_all();
    let mut next = || {
        let window = session.pull(after);
        after = window.upto;
        paths(&window.changes)
    };
    session.side().recheck(path("c"));
    assert_eq!(next(), ["c"]);
    session.side().relist(path("a"));
    assert_eq!(next(), ["a", "a/b"]);
    session.side().read(vec![path("a/b")]);
    assert_eq!(next(), ["a/b"]);
    session.finish();
}

#[test]
fn the_next_session_finds_the_side_at_work() {
    let guest = Guest::new(|ground| ground.write("a", "1"));
    let session = guest.session();
    let (_, after) = session.pull_all();
    // It ends while a pull waits.
    session.side().pull(after, 10, Box::new(|_| panic!("the session is over")));
    session.finish();
    guest.ground.write("b", "2");
    let session = guest.session();
    session.ask(|side, answer| side.barrier(Box::new(move |seq| answer.send(seq).unwrap())));
    let (all, _) = session.pull_all();
    assert_eq!(paths(&all), ["a", "b"]);
    session.finish();
}

#[test]
fn a_root_that_vanishes_and_comes_back_is_told() {
    let guest = Guest::new(|ground| ground.write("a", "1"));
    let session = guest.session();
    session.pull_all();
    let aside = guest.ground.share.with_extension("aside");
    fs::rename(&guest.ground.share, &aside).unwrap();
    let fault = session.event(|event| matches!(event, Event::RootFault(_)));
    assert_eq!(fault, Event::RootFault(RootFault::Missing));
    fs::rename(&aside, &guest.ground.share).unwrap();
    session.event(|event| *event == Event::RootRestored);
    guest.ground.write("b", "2");
    session.ask(|side, answer| side.barrier(Box::new(move |seq| answer.send(seq).unwrap())));
    let (all, _) = session.pull_all();
    assert!(paths(&all).contains(&"b".to_owned()));
    session.finish();
}

#[test]
fn errands_are_done() {
    let guest = Guest::new(|ground| {
        ground.write("a", "12345");
        ground.write("d/b", "1");
    });
    let session = guest.session();
    session.pull_all();
    let Ok(ErrandReply::Counts(counts)) = session.errand(Errand::Counts) else { panic!() };
    assert_eq!((counts.files, counts.directories, counts.bytes), (2, 1, 6));
    assert!(counts.space.total_bytes > 0);

    let mut verified = Vec::new();
    loop {
        let after = verified.last().cloned();
        let Ok(ErrandReply::Verified { entries, more }) = session.errand(Errand::Verify { after, limit: 1 }) else {
            panic!()
        };
        verified.extend(entries.into_iter().map(|entry| entry.path));
        if !more {
            break;
        }
    }
    assert_eq!(verified, [path("a"), path("d"), path("d/b")]);

    let Ok(ErrandReply::Bin { items, more: false }) = session.errand(Errand::BinList { after: None, limit: 10 }) else {
        panic!()
    };
    assert!(items.is_empty());
    let item = causeway_wire::errand::BinId { at_ms: 1, number: 1 };
    let refused = session.errand(Errand::BinRestore { item, to: None }).unwrap_err();
    assert_eq!(refused.kind, FailureKind::NotFound);
    let Ok(ErrandReply::Removed { entries: 0, .. }) = session.errand(Errand::BinEmpty { before_ms: u64::MAX }) else {
        panic!()
    };
    session.finish();
}

#[test]
fn what_is_old_leaves_the_recycle_bin_when_something_is_counted() {
    let now_ms = now_ms();
    let guest = Guest::new(|ground| {
        for (at_ms, name) in [(now_ms - 31 * 24 * 3_600_000, "old"), (now_ms - 3_600_000, "young")] {
            let hour = ground.private.join(format!("bin/{}", at_ms - at_ms % 3_600_000));
            fs::create_dir_all(&hour).unwrap();
            fs::write(hour.join(format!("{at_ms}-1-d.{name}")), name).unwrap();
        }
    });
    let session = guest.session();
    let Ok(ErrandReply::Counts(counts)) = session.errand(Errand::Counts) else { panic!() };
    assert_eq!((counts.bin_items, counts.bin_bytes), (1, 5));
    let Ok(ErrandReply::Bin { items, .. }) = session.errand(Errand::BinList { after: None, limit: 10 }) else {
        panic!()
    };
    assert_eq!(items.into_iter().map(|item| item.path).collect::<Vec<_>>(), [Some(path("young"))]);
    session.finish();
}

#[test]
fn new_rules_hold_at_once() {
    let guest = Guest::new(|ground| {
        ground.write("keep", "1");
        ground.write("out/x", "1");
    });
    let session = guest.session();
    let (_, mut after) = session.pull_all();
    let rules = |text: &str| RuleTexts { syncignore: Some(text.into()), ..RuleTexts::default() };
    session.side().set_rules(rules("out\n"));
    let window = session.pull(after);
    assert!(matches!(&window.changes[..], [Change::Forgotten { path }] if **path == *RelPath::new(b"out").unwrap()));
    after = window.upto;
    // Twice the same changes nothing.
    session.side().set_rules(rules("out\n"));
    session.side().set_rules(rules(""));
    let mut told = Vec::new();
    while told.len() < 2 {
        let window = session.pull(after);
        after = window.upto;
        told.extend(paths(&window.changes));
    }
    assert_eq!(told, ["out", "out/x"]);

    guest.ground.write(".syncignore", "keep\n");
    let event = session.event(|event| matches!(event, Event::Syncignore(Some(_))));
    assert_eq!(event, Event::Syncignore(Some(b"keep\n".to_vec())));
    session.finish();
}

#[test]
fn a_verification_that_nobody_waits_for_ends_in_the_middle_of_a_file() {
    // Its zeros take no space, and minutes to read.
    let guest = Guest::new(|ground| fs::File::create(ground.share.join("large")).unwrap().set_len(1 << 40).unwrap());
    let session = guest.session();
    for _ in 0..2 {
        let (answer, answered) = mpsc::channel();
        let errand = Errand::Verify { after: None, limit: 10 };
        session.side().ask(errand, Box::new(move |done| drop(answer.send(done))));
        assert!(answered.recv_timeout(Duration::from_millis(300)).is_err(), "it is being read");
        session.side().stop_verifying();
        let done = answered.recv_timeout(LIMIT).unwrap();
        assert_eq!(done, Ok(ErrandReply::Verified { entries: Vec::new(), more: true }));
    }
    session.finish();
}

/// A side whose every change has the longest path that there is.
struct Longwinded;

impl ShareSide for Longwinded {
    fn begin(&self, _: Events, answer: Answer<Result<Hello, Failure>>) {
        let capabilities = causeway_sync::Capabilities {
            case_sensitive: true,
            normalization_sensitive: true,
            symlinks: true,
            executable: true,
            mtime_step_ns: 1,
        };
        let (replica, epoch) = (causeway_sync::Replica([0; 16]), causeway_sync::Epoch(1));
        answer(Ok(Hello {
            replica,
            epoch,
            acknowledged: Seq(0),
            empty: false,
            rebooted: false,
            stale: false,
            capabilities,
        }));
    }
    fn end(&self) {}
    fn pull(&self, after: Seq, limit: u32, answer: Answer<Changes>) {
        let upto = Seq((after.0 + u64::from(limit)).min(1000));
        let deep = vec!["n".repeat(250); 500].join("/");
        let change = |number: u64| Change::Forgotten { path: path(&format!("{number}/{deep}")) };
        let changes = (after.0..upto.0).map(change).collect();
        answer(Changes { changes, upto, as_of: Seq(1000), crawled: upto == Seq(1000) });
    }
    fn acknowledge(&self, _: Seq) {}
    fn recheck(&self, _: RelPathBuf) {}
    fn relist(&self, _: RelPathBuf) {}
    fn read(&self, _: Vec<RelPathBuf>) {}
    fn set_rules(&self, _: RuleTexts) {}
    fn pin(&self, _: Vec<RelPathBuf>) {}
    fn sync(&self, _: Answer<Result<(), Problem>>) {}
    fn barrier(&self, _: Answer<Seq>) {}
    fn stop_verifying(&self) {}
    fn ask(&self, _: Errand, _: Answer<Result<ErrandReply, Failure>>) {}
}

#[test]
fn windows_too_long_for_the_connection_are_told_in_shorter_ones() {
    let session = session(Arc::new(Longwinded));
    let (all, upto) = session.pull_all();
    assert_eq!((all.len(), upto), (1000, Seq(1000)));
    session.finish();
}

/// An agent that answers as it likes.
fn hostile(answer: impl Fn(ShareCall, &mut FrameWriter<UnixStream>) + Send + 'static) -> (RemoteSide, Receiver<Loss>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        let mut writer = FrameWriter::new(theirs.try_clone().unwrap());
        let mut reader = FrameReader::new(theirs);
        while let Ok(Some(call)) = reader.read::<ShareCall>() {
            answer(call, &mut writer);
        }
    });
    let (lose, losses) = mpsc::channel();
    let remote = RemoteSide::start(Box::new(ours), Box::new(move |loss| drop(lose.send(loss)))).unwrap();
    (remote, losses)
}

fn id_of(call: &ShareCall) -> RequestId {
    match call {
        ShareCall::Request { id, .. } => *id,
        ShareCall::Note(_) => panic!("a note has no number"),
    }
}

#[test]
fn answers_that_were_not_asked_for_end_the_connection() {
    let change = |at: &str| Change::Forgotten { path: path(at) };
    let window = move |count: usize, more, upto, as_of| ShareReply::Changes {
        changes: (0..count).map(|number| change(&number.to_string())).collect(),
        more,
        upto: Seq(upto),
        as_of: Seq(as_of),
        crawled: true,
    };
    type Reply = Box<dyn Fn(RequestId) -> ShareSaid + Send>;
    let cases: Vec<(&str, Reply)> = vec![
        (
            "another number",
            Box::new(|id| ShareSaid::Reply { id: RequestId(id.0 + 1), reply: ShareReply::Synced(Ok(())) }),
        ),
        ("another kind", Box::new(|id| ShareSaid::Reply { id, reply: ShareReply::Synced(Ok(())) })),
        ("too many changes", Box::new(move |id| ShareSaid::Reply { id, reply: window(11, false, 20, 20) })),
        (
            "a window that ends before it begins",
            Box::new(move |id| ShareSaid::Reply { id, reply: window(1, false, 4, 20) }),
        ),
        (
            "a window beyond the newest change",
            Box::new(move |id| ShareSaid::Reply { id, reply: window(1, false, 20, 19) }),
        ),
    ];
    for (what, reply) in cases {
        let (remote, losses) = hostile(move |call, writer| {
            let _ = writer.send(&reply(id_of(&call)));
        });
        remote.pull(Seq(5), 10, Box::new(|_| panic!("that is no answer")));
        let loss = losses.recv_timeout(LIMIT).unwrap();
        assert!(matches!(loss, Loss::Violation(_)), "{what}: {loss}");
        assert!(losses.recv_timeout(LIMIT).is_err(), "it is told once");
    }
    // Parts without an end don't collect without a bound.
    let (remote, losses) =
        hostile(
            move |call, writer| {
                while writer.send(&ShareSaid::Reply { id: id_of(&call), reply: window(3, true, 9, 9) }).is_ok() {}
            },
        );
    remote.pull(Seq(5), 10, Box::new(|_| panic!("that is no answer")));
    assert!(matches!(losses.recv_timeout(LIMIT).unwrap(), Loss::Violation(_)));
}

/// A side that answers nothing, so that requests stay open.
struct Silent;

impl ShareSide for Silent {
    fn begin(&self, _: Events, _: Answer<Result<Hello, Failure>>) {}
    fn end(&self) {}
    fn pull(&self, _: Seq, _: u32, _: Answer<Changes>) {}
    fn acknowledge(&self, _: Seq) {}
    fn recheck(&self, _: RelPathBuf) {}
    fn relist(&self, _: RelPathBuf) {}
    fn read(&self, _: Vec<RelPathBuf>) {}
    fn set_rules(&self, _: RuleTexts) {}
    fn pin(&self, _: Vec<RelPathBuf>) {}
    fn sync(&self, _: Answer<Result<(), Problem>>) {}
    fn barrier(&self, _: Answer<Seq>) {}
    fn stop_verifying(&self) {}
    fn ask(&self, _: Errand, _: Answer<Result<ErrandReply, Failure>>) {}
}

#[test]
fn an_engine_that_breaks_the_protocol_is_cut_off() {
    use causeway_wire::share::{Note, ShareRequest};
    let request = |id, request| ShareCall::Request { id: RequestId(id), request };
    let pull = || ShareRequest::Pull { after: Seq(0), limit: 1 };
    let many = (1..=257).map(|id| request(id, if id == 1 { ShareRequest::Begin } else { ShareRequest::Barrier }));
    let cases: Vec<(&str, Vec<ShareCall>)> = vec![
        ("a note first", vec![ShareCall::Note(Note::Acknowledge(Seq(1)))]),
        ("a pull first", vec![request(1, pull())]),
        ("two beginnings", vec![request(1, ShareRequest::Begin), request(2, ShareRequest::Begin)]),
        ("two pulls", vec![request(1, ShareRequest::Begin), request(2, pull()), request(3, pull())]),
        ("too many", many.collect()),
        ("a number twice", vec![request(1, ShareRequest::Begin), request(2, pull()), request(2, ShareRequest::Sync)]),
    ];
    for (what, calls) in cases {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let agent = std::thread::spawn(move || serve_share(Box::new(theirs), &(Arc::new(Silent) as _)));
        let mut writer = FrameWriter::new(ours.try_clone().unwrap());
        for call in calls {
            writer.push(&call).unwrap();
        }
        writer.flush().unwrap();
        let served = agent.join().unwrap();
        assert!(matches!(served, Err(ServeError::Violation(_))), "{what}: {served:?}");
        drop(ours);
    }
}
