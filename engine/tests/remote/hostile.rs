//! Peers that break the protocol, and connections that break.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use causeway_endpoint::ProtocolError;
use causeway_endpoint::serve::{ServeError, serve_lane};
use causeway_engine::remote::Loss;
use causeway_sync::content::{Content, Piece};
use causeway_sync::{BatchId, Digest, File, Lane, Outcome, Seq, Side};
use causeway_wire::lane::{LaneMessage, push_batch};
use causeway_wire::{FrameError, FrameReader, FrameWriter};

use crate::ends::{Ends, EngineEnd, Ground, LIMIT, batches, tree};

/// An engine's lane whose other end is ours to write to.
fn lane(host: &Ground) -> (EngineEnd, FrameWriter<UnixStream>, FrameReader<UnixStream>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(LIMIT)).unwrap();
    let engine = EngineEnd::start(vec![(Lane::Quick, theirs)], host);
    (engine, FrameWriter::new(ours.try_clone().unwrap()), FrameReader::new(ours))
}

fn loss(engine: &EngineEnd) -> Loss {
    let loss = engine.losses.recv_timeout(LIMIT).expect("the loss is told");
    assert!(engine.losses.recv_timeout(Duration::from_millis(50)).is_err(), "it is told once");
    loss
}

fn data(batch: u64, action: u32) -> LaneMessage<'static> {
    LaneMessage::Content { batch: BatchId(batch), action, content: Content::Piece(Piece::Data(b"x")) }
}

#[test]
fn an_agent_that_breaks_the_protocol_loses_its_lanes() {
    let said: Vec<(&str, LaneMessage<'_>)> = vec![
        ("outcomes of nothing", LaneMessage::Outcomes { batch: BatchId(1), outcomes: vec![Outcome::Kept] }),
        ("a batch", LaneMessage::Start { batch: BatchId(1), to: Side::Host, as_of: Seq(0), actions: 1 }),
        ("actions", LaneMessage::Actions(Vec::new())),
        ("content for nothing", data(1, 0)),
        (
            "a signature",
            LaneMessage::Signature {
                batch: BatchId(1),
                action: 0,
                signature: causeway_sync::content::Signature { average_bytes: 8192, chunks: Vec::new() },
            },
        ),
    ];
    for (what, message) in said {
        let host = Ground::new(Side::Host);
        let (mut engine, mut writer, _reader) = lane(&host);
        writer.send(&message).unwrap();
        let loss = loss(&engine);
        assert!(matches!(loss, Loss::Violation(_) | Loss::Content(_)), "{what}: {loss}");
        engine.end();
    }
}

#[test]
fn garbage_and_an_end_are_told_for_what_they_are() {
    let host = Ground::new(Side::Host);
    let (_engine, mut writer, _reader) = lane(&host);
    writer.push(&[0xee_u8; 32]).unwrap();
    writer.flush().unwrap();
    assert!(matches!(loss(&_engine), Loss::Frame(FrameError::Malformed(_))));

    let (_engine, writer, _reader) = lane(&host);
    let mut stream = writer.get_ref().try_clone().unwrap();
    stream.write_all(&u32::MAX.to_le_bytes()).unwrap();
    assert!(matches!(loss(&_engine), Loss::Frame(FrameError::TooLong { .. })));

    let (_engine, writer, reader) = lane(&host);
    drop((writer, reader));
    assert!(matches!(loss(&_engine), Loss::Closed));
}

/// The guest supplies other content than it was asked for: nothing of it reaches the host.
#[test]
fn a_guest_that_lies_about_content_writes_nothing() {
    let (host, guest) = (Ground::new(Side::Host), Ground::new(Side::Guest));
    guest.write("a", "expected");
    let actions = guest.as_actions();
    let file =
        File { digest: Some(Digest(*blake3::hash(b"expected").as_bytes())), size: 8, executable: false, mtime_ns: 0 };
    let end = |file: File| Content::End(file);
    let cases: Vec<(&str, Vec<Content<'_>>)> = vec![
        ("another digest", vec![Content::Piece(Piece::Data(b"surprise")), end(file.clone())]),
        ("too short", vec![Content::Piece(Piece::Data(b"expect")), end(file.clone())]),
        ("a hole", vec![Content::Piece(Piece::Hole(8)), end(file.clone())]),
        ("nothing", vec![end(file.clone())]),
    ];
    for (what, contents) in cases {
        let (mut engine, mut writer, mut reader) = lane(&host);
        engine.run(batches(Side::Host, &actions, 10, 1).remove(0), Lane::Quick);
        while !matches!(reader.read::<LaneMessage<'_>>().unwrap(), Some(LaneMessage::Actions(_))) {}
        for content in contents {
            writer.push(&LaneMessage::Content { batch: BatchId(1), action: 0, content }).unwrap();
        }
        writer.flush().unwrap();
        assert_eq!(engine.outcomes()[&BatchId(1)], [Outcome::SourceChanged], "{what}");
        assert!(tree(&host.share).is_empty(), "{what}");
        engine.end();
    }
    // More than was announced, and a copy where no delta was asked for, break the protocol.
    for piece in [Piece::Data(b"expected and more"), Piece::Copy { offset: 0, bytes: 8 }, Piece::Hole(9)] {
        let (mut engine, mut writer, mut reader) = lane(&host);
        engine.run(batches(Side::Host, &actions, 10, 1).remove(0), Lane::Quick);
        while !matches!(reader.read::<LaneMessage<'_>>().unwrap(), Some(LaneMessage::Actions(_))) {}
        writer.send(&LaneMessage::Content { batch: BatchId(1), action: 0, content: Content::Piece(piece) }).unwrap();
        assert!(matches!(loss(&engine), Loss::Content(ProtocolError::BadPiece(0))));
        engine.end();
        assert!(tree(&host.share).is_empty() && host.staged() == 0);
    }
}

#[test]
fn an_engine_that_breaks_the_protocol_is_cut_off() {
    let guest = Ground::new(Side::Guest);
    let source = Ground::new(Side::Host);
    source.write("a", "a");
    let actions = source.as_actions();
    let to_guest = move |id| batches(Side::Guest, &actions, 10, id).remove(0);
    type Say = Box<dyn Fn(&mut FrameWriter<UnixStream>)>;
    let cases: Vec<(&str, Say)> = vec![
        (
            "outcomes",
            Box::new(|writer| {
                writer.send(&LaneMessage::Outcomes { batch: BatchId(1), outcomes: vec![Outcome::Kept] }).unwrap();
            }),
        ),
        ("actions without a batch", Box::new(|writer| writer.send(&LaneMessage::Actions(Vec::new())).unwrap())),
        ("content without a batch", Box::new(|writer| writer.send(&data(1, 0)).unwrap())),
        (
            "a batch within a batch",
            Box::new(|writer| {
                let start = LaneMessage::Start { batch: BatchId(1), to: Side::Guest, as_of: Seq(0), actions: 2 };
                writer.push(&start).unwrap();
                writer.send(&start).unwrap();
            }),
        ),
        (
            "too many at once",
            Box::new(move |writer| {
                for id in 1..100 {
                    push_batch(writer, &to_guest(id)).unwrap();
                }
                writer.flush().unwrap();
            }),
        ),
    ];
    for (what, say) in cases {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let endpoint = Arc::clone(&guest.endpoint);
        let served = thread::spawn(move || serve_lane(Box::new(theirs), &endpoint));
        say(&mut FrameWriter::new(ours.try_clone().unwrap()));
        let served = served.join().unwrap();
        assert!(matches!(served, Err(ServeError::Violation(_) | ServeError::Content(_))), "{what}: {served:?}");
        drop(ours);
    }
    assert!(tree(&guest.share).is_empty() && guest.staged() == 0);
}

#[test]
fn a_cut_connection_leaves_nothing_half_written() {
    for to in Side::BOTH {
        for cut_after_ms in [0, 3, 10, 30] {
            let mut ends = Ends::new();
            let source = ends.side(to.other());
            for number in 0..50 {
                source.write(&format!("f{number}"), vec![number; 400_000]);
            }
            let actions = source.as_actions();
            for batch in batches(to, &actions, 5, 1) {
                ends.engine.run(batch, Lane::Bulk(0));
            }
            thread::sleep(Duration::from_millis(cut_after_ms));
            let begun = Instant::now();
            ends.engine.end();
            assert!(begun.elapsed() < Duration::from_secs(10));
            let source = tree(&ends.side(to.other()).share);
            for (at, content) in tree(&ends.side(to).share) {
                assert!(source[&at] == content, "{at} is half-written");
            }
            ends.finish_cut();
        }
    }
}
