//! One of every message, and that each comes back as it went.

use std::fmt::Debug;

use causeway_sync::content::{Chunk, Content, Piece, Signature, Unavailable};
use causeway_sync::entry::Target as LinkTarget;
use causeway_sync::ignore::RuleTexts;
use causeway_sync::session::RootFault;
use causeway_sync::{
    Action, BatchId, Capabilities, Change, Digest, Entry, Epoch, File, Hello, Lane, Operation, Outcome, Problem,
    ProblemKind, RelPathBuf, Replica, Seq, Side, Source,
};
use causeway_wire::agent::{
    AgentAnswer, AgentCall, AgentInfo, AgentReply, AgentRequest, Failure, FailureKind, Lanes, RequestId, ShareId,
    ShareSettings, Symlinks,
};
use causeway_wire::channel::{ChannelId, Target};
use causeway_wire::errand::{BinId, BinItem, BinReason, Counts, Errand, ErrandReply, VerifiedEntry};
use causeway_wire::greeting::{Admission, BootId, Dial, Purpose, Refusal, Secret};
use causeway_wire::lane::LaneMessage;
use causeway_wire::share::{Event, Note, ShareCall, ShareReply, ShareRequest, ShareSaid, Space, WatchBy, WatchMode};
use causeway_wire::shell::{Ended, FromShell, Size, Start, Terminal, ToShell};
use causeway_wire::{FrameReader, FrameWriter, Message, decode};
use serde::{Deserialize, Serialize};

pub fn path(text: &str) -> RelPathBuf {
    RelPathBuf::new(text.into()).unwrap()
}

pub fn file() -> File {
    File { digest: Some(Digest([3; 32])), size: 12, executable: true, mtime_ns: -5 }
}

fn problem() -> Problem {
    Problem { side: Side::Guest, kind: ProblemKind::FileExists { existing: path("A") }, detail: "why".into() }
}

fn failure() -> Failure {
    Failure::new(FailureKind::NoSpace, "the disk is full")
}

fn rules() -> RuleTexts {
    RuleTexts {
        syncignore: Some(b"target\n".to_vec()),
        exclude: vec!["*.log".into()],
        upload_exclude: vec![],
        download_exclude: vec!["a".into(), "b".into()],
    }
}

pub fn dials() -> Vec<Dial> {
    let share = ShareId([9; 16]);
    let purposes = [
        Purpose::Agent,
        Purpose::Share { share, session: 4 },
        Purpose::Lane { share, session: u64::MAX, lane: Lane::Quick },
        Purpose::Lane { share, session: 4, lane: Lane::Bulk(1) },
    ];
    let dial = |purpose| Dial { secret: Secret([1; 32]), boot: BootId([2; 16]), pid: 77, purpose };
    purposes.into_iter().map(dial).collect()
}

pub fn admissions() -> Vec<Admission> {
    vec![Admission::Welcome, Admission::Refused(Refusal::WrongSecret), Admission::Refused(Refusal::Unexpected)]
}

pub fn agent_calls() -> Vec<AgentCall> {
    let share = ShareId([5; 16]);
    let settings = ShareSettings { share, name: "web".into(), symlinks: Symlinks::Portable, rules: rules() };
    let requests = [
        AgentRequest::Info,
        AgentRequest::OpenShare(settings),
        AgentRequest::CloseShare(share),
        AgentRequest::RemoveShare(share),
        AgentRequest::DialStreams { share, session: 3, lanes: Lanes(vec![Lane::Quick, Lane::Bulk(0), Lane::Bulk(1)]) },
        AgentRequest::Ping,
        AgentRequest::OpenChannel { channel: ChannelId(3), to: Target::Docker },
        AgentRequest::OpenChannel { channel: ChannelId(4), to: Target::Tcp(80) },
        AgentRequest::OpenChannel { channel: ChannelId(5), to: Target::Udp(53) },
        AgentRequest::OpenChannel { channel: ChannelId(6), to: Target::Shell },
        AgentRequest::SetClock(7),
        AgentRequest::Shutdown,
    ];
    (1..).map(RequestId).zip(requests).map(|(id, request)| AgentCall { id, request }).collect()
}

pub fn agent_answers() -> Vec<AgentAnswer> {
    let info = AgentInfo { version: "0.1.0".into(), kernel: "6.12".into(), space: Space::default() };
    let replies = [
        AgentReply::Done,
        AgentReply::Pong,
        AgentReply::Info(info),
        AgentReply::Opened { content: b"/disk/content".to_vec(), rebuilt: true },
        AgentReply::Failed(failure()),
    ];
    (1..).map(RequestId).zip(replies).map(|(id, reply)| AgentAnswer { id, reply }).collect()
}

pub fn share_calls() -> Vec<ShareCall> {
    let errands = [
        Errand::Counts,
        Errand::BinList { after: Some(BinId { at_ms: 1, number: 2 }), limit: 100 },
        Errand::BinRestore { item: BinId { at_ms: 1, number: 2 }, to: Some(path("x")) },
        Errand::Rename { path: path("a/b"), to: path("a/c") },
        Errand::BinEmpty { before_ms: u64::MAX },
        Errand::Prune,
        Errand::Verify { after: Some(path("a/b")), limit: 1 },
        Errand::CountBelow { directory: path("a"), limit: 9 },
        Errand::AcceptEmptied,
    ];
    let requests = [
        ShareRequest::Begin,
        ShareRequest::Pull { after: Seq(8), limit: 4096 },
        ShareRequest::Sync,
        ShareRequest::Barrier,
    ];
    let requests = requests.into_iter().chain(errands.map(ShareRequest::Errand));
    let notes = [
        Note::Acknowledge(Seq(7)),
        Note::Recheck(path("a")),
        Note::Relist(RelPathBuf::default()),
        Note::Read(vec![path("a"), path("b/c")]),
        Note::SetRules(rules()),
        Note::Pin(vec![path("a/file")]),
        Note::StopVerifying,
    ];
    let requests = (1..).map(RequestId).zip(requests).map(|(id, request)| ShareCall::Request { id, request });
    requests.chain(notes.map(ShareCall::Note)).collect()
}

pub fn share_said() -> Vec<ShareSaid> {
    let capabilities = Capabilities {
        case_sensitive: true,
        normalization_sensitive: false,
        symlinks: true,
        executable: true,
        mtime_step_ns: 1,
    };
    let (replica, epoch) = (Replica([4; 16]), Epoch(1));
    let hello = Hello { replica, epoch, acknowledged: Seq(1), empty: false, rebooted: true, stale: true, capabilities };
    let changes = vec![
        Change::Moved { from: path("a"), to: path("b"), entry: Entry::Directory, seq: Seq(3) },
        Change::Now { path: path("c"), entry: Some(Entry::File(file())) },
        Change::Now { path: path("d"), entry: None },
        Change::Now { path: path("e"), entry: Some(Entry::Symlink(LinkTarget::new(b"f".to_vec()).unwrap())) },
        Change::Forgotten { path: path("g") },
    ];
    let item = BinItem {
        id: BinId { at_ms: 3, number: 1 },
        path: Some(path("old")),
        reason: BinReason::Raced,
        entry: Entry::Untracked,
    };
    let verified = vec![
        VerifiedEntry { path: path("a"), found: Ok(Entry::Directory), indexed: true },
        VerifiedEntry { path: path("b"), found: Err(problem()), indexed: false },
    ];
    let errands = [
        Ok(ErrandReply::Done),
        Ok(ErrandReply::Counts(Counts { crawled: true, files: 1, bin_bytes: u64::MAX, ..Counts::default() })),
        Ok(ErrandReply::Bin { items: vec![item], more: true }),
        Ok(ErrandReply::Restored(path("x"))),
        Ok(ErrandReply::Below { entries: Some(3) }),
        Ok(ErrandReply::Below { entries: None }),
        Ok(ErrandReply::Removed { entries: 3, bytes: 9, more: false }),
        Ok(ErrandReply::Verified { entries: verified, more: true }),
        Err(failure()),
    ];
    let replies = [
        ShareReply::Begun(hello),
        ShareReply::Changes { changes, more: false, upto: Seq(1), as_of: Seq(3), crawled: true },
        ShareReply::Synced(Ok(())),
        ShareReply::Synced(Err(problem())),
        ShareReply::Barriered(Seq(5)),
        ShareReply::Failed(failure()),
    ];
    let replies = replies.into_iter().chain(errands.map(ShareReply::Errand));
    let events = [
        Event::RootFault(RootFault::Emptied { entries: 3 }),
        Event::RootRestored,
        Event::Syncignore(None),
        Event::Syncignore(Some(b"x".to_vec())),
        Event::Watching(WatchMode { by: WatchBy::Inotify, polling_because: "a limit".into(), polled: 1 }),
        Event::ScanProblem { path: path("p"), problem: problem() },
        Event::ScanProblemGone { path: path("p") },
        Event::VerifyRead { bytes: 1 << 40 },
    ];
    let replies = (1..).map(RequestId).zip(replies).map(|(id, reply)| ShareSaid::Reply { id, reply });
    replies.chain(events.map(ShareSaid::Event)).collect()
}

pub fn to_shell() -> Vec<ToShell> {
    let size = Size { columns: 80, rows: 24 };
    let terminal = Some(Terminal { kind: "xterm".into(), size });
    vec![
        ToShell::Start(Start { words: vec![], terminal }),
        ToShell::Start(Start { words: vec!["ls".into(), "-l".into()], terminal: None }),
        ToShell::Input(b"input".to_vec()),
        ToShell::InputEnds,
        ToShell::Resized(size),
        ToShell::Left,
    ]
}

pub fn from_shell() -> Vec<FromShell> {
    vec![
        FromShell::Output(b"output".to_vec()),
        FromShell::Errors(vec![]),
        FromShell::Ended(Ended::Code(3)),
        FromShell::Ended(Ended::Signal(9)),
        FromShell::Refused("why".into()),
    ]
}

pub fn lane_messages() -> Vec<LaneMessage<'static>> {
    let batch = BatchId(6);
    let target = LinkTarget::new(b"../x".to_vec()).unwrap();
    let operations = [
        Operation::Directory,
        Operation::File { file: file(), source: Source::Transfer { delta: true } },
        Operation::File { file: file(), source: Source::Copy { from: path("src") } },
        Operation::Symlink(target),
        Operation::Attributes(file()),
        Operation::Remove,
        Operation::Rename { to: path("to") },
    ];
    let action = |operation| Action { path: path("at"), expect: Some(Entry::File(file())), operation };
    let contents = [
        Content::Piece(Piece::Data(b"bytes")),
        Content::Piece(Piece::Hole(1 << 40)),
        Content::Piece(Piece::Copy { offset: 1 << 33, bytes: 9 }),
        Content::End(file()),
        Content::Unavailable(Unavailable::Changed),
        Content::Unavailable(Unavailable::Problem(problem())),
    ];
    let signature = Signature { average_bytes: 8192, chunks: vec![Chunk { bytes: 4000, digest: [1; 16] }; 3] };
    let outcomes = vec![
        Outcome::Done { entry: Some(Entry::File(file())), seq: Seq(9) },
        Outcome::Kept,
        Outcome::Unexpected,
        Outcome::SourceChanged,
        Outcome::Problem(problem()),
    ];
    let mut messages = vec![
        LaneMessage::Start { batch, to: Side::Guest, as_of: Seq(1), actions: 1024 },
        LaneMessage::Actions(operations.map(action).to_vec()),
        LaneMessage::Signature { batch, action: 2, signature },
        LaneMessage::Outcomes { batch, outcomes },
    ];
    messages.extend(contents.map(|content| LaneMessage::Content { batch, action: 3, content }));
    messages
}

/// The body of the frame that carries a message.
pub fn body<T: Serialize>(message: &T) -> Vec<u8> {
    let mut stream = Vec::new();
    FrameWriter::new(&mut stream).send(message).unwrap();
    assert_eq!(u32::from_le_bytes(stream[..4].try_into().unwrap()) as usize, stream.len() - 4);
    stream.split_off(4)
}

fn come_back<T: Serialize + for<'a> Deserialize<'a> + Message + PartialEq + Debug>(messages: &[T]) {
    let mut stream = Vec::new();
    let mut writer = FrameWriter::new(&mut stream);
    for message in messages {
        writer.push(message).unwrap();
    }
    writer.flush().unwrap();
    let mut reader = FrameReader::new(&*stream);
    for message in messages {
        assert_eq!(reader.read::<T>().unwrap().as_ref(), Some(message));
    }
    assert_eq!(reader.read::<T>().unwrap(), None);
}

#[test]
fn every_message_comes_back_as_it_went() {
    come_back(&dials());
    come_back(&admissions());
    come_back(&agent_calls());
    come_back(&agent_answers());
    come_back(&share_calls());
    come_back(&share_said());
    come_back(&to_shell());
    come_back(&from_shell());
    for message in lane_messages() {
        let body = body(&message);
        assert_eq!(decode::<LaneMessage<'_>>(&body).unwrap(), message);
    }
}
