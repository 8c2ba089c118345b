//! Where an agent's connections arrive.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use causeway_engine::remote::{AgentError, Door, DoorError, Listener, Loss};
use causeway_sync::Lane;
use causeway_wire::agent::{AgentAnswer, AgentCall, AgentReply, AgentRequest, Failure, FailureKind, ShareId};
use causeway_wire::greeting::{self, BootId, Dial, GreetingError, Purpose, Refusal, Secret};
use causeway_wire::{FrameReader, FrameWriter};

use crate::ends::LIMIT;

const SHARE: ShareId = ShareId([3; 16]);

struct Ground {
    door: Door,
    socket: PathBuf,
    _listener: Listener,
    _dir: tempfile::TempDir,
}

fn ground() -> Ground {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("agent.sock");
    let door = Door::default();
    let listener = Listener::bind(&socket, door.clone()).unwrap();
    Ground { door, socket, _listener: listener, _dir: dir }
}

fn dial(socket: &Path, secret: &Secret, purpose: Purpose) -> Result<UnixStream, GreetingError> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let dial = Dial { secret: secret.clone(), boot: BootId([1; 16]), pid: 42, purpose };
    greeting::dial(&mut stream, &dial)?;
    Ok(stream)
}

/// An agent that answers each request as it is told.
fn agent(stream: UnixStream, answer: impl Fn(AgentRequest) -> Option<AgentReply> + Send + 'static) {
    thread::spawn(move || {
        let mut writer = FrameWriter::new(stream.try_clone().unwrap());
        let mut reader = FrameReader::new(stream);
        while let Ok(Some(AgentCall { id, request })) = reader.read::<AgentCall>() {
            if let Some(reply) = answer(request) {
                writer.send(&AgentAnswer { id, reply }).unwrap();
            }
        }
    });
}

#[test]
fn an_agent_and_its_connections_are_let_in_and_nobody_else() {
    let ground = ground();
    assert_eq!(std::fs::metadata(&ground.socket).unwrap().permissions().mode() & 0o777, 0o600);
    let expected = ground.door.renew().unwrap();
    let secret = expected.secret().clone();
    let wrong = dial(&ground.socket, &Secret([0; 32]), Purpose::Agent).unwrap_err();
    assert!(matches!(wrong, GreetingError::WrongSecret), "{wrong}");

    let stream = dial(&ground.socket, &secret, Purpose::Agent).unwrap();
    let (lose, losses) = mpsc::channel();
    let link = expected.wait(LIMIT, Box::new(move |loss| drop(lose.send(loss)))).unwrap();
    assert_eq!((link.boot(), link.pid()), (BootId([1; 16]), 42));
    let second = dial(&ground.socket, &secret, Purpose::Agent).unwrap_err();
    assert!(matches!(second, GreetingError::Refused(Refusal::Unexpected)), "{second}");

    let streams = ground.door.expect(SHARE, &[Lane::Quick, Lane::Bulk(0)]);
    let (session, socket, of_agent) = (streams.session(), ground.socket.clone(), secret.clone());
    agent(stream, move |request| match request {
        AgentRequest::DialStreams { share, session, lanes } => {
            let mut kept = Vec::new();
            for lane in lanes.0.iter().rev() {
                kept.push(dial(&socket, &of_agent, Purpose::Lane { share, session, lane: *lane }).unwrap());
            }
            kept.push(dial(&socket, &of_agent, Purpose::Share { share, session }).unwrap());
            Some(AgentReply::Done)
        }
        AgentRequest::CloseShare(_) => {
            Some(AgentReply::Failed(Failure::new(FailureKind::NotOpen, "the share isn't open")))
        }
        AgentRequest::Info => None,
        _ => Some(AgentReply::Pong),
    });
    link.dial(SHARE, session, &[Lane::Quick, Lane::Bulk(0)], LIMIT).unwrap();
    let (_own, lanes) = streams.wait(LIMIT).unwrap();
    assert_eq!(lanes.iter().map(|(lane, _)| *lane).collect::<Vec<_>>(), [Lane::Quick, Lane::Bulk(0)]);
    let late = dial(&ground.socket, &secret, Purpose::Share { share: SHARE, session }).unwrap_err();
    assert!(matches!(late, GreetingError::Refused(Refusal::Unexpected)), "{late}");

    link.ping(LIMIT).unwrap();
    let failed = link.close_share(SHARE, LIMIT).unwrap_err();
    assert_eq!(failed.to_string(), "the share isn't open");
    let limit = Duration::from_millis(20);
    assert!(matches!(link.info(limit), Err(AgentError::TimedOut(_))));
    assert!(!link.is_over());
    // An answer that doesn't fit ends it.
    assert!(matches!(link.remove_share(SHARE, LIMIT), Err(AgentError::Gone)));
    assert!(matches!(losses.recv_timeout(LIMIT).unwrap(), Loss::Violation(_)));
    assert!(link.is_over() && matches!(link.ping(LIMIT), Err(AgentError::Gone)));
}

#[test]
fn an_agent_of_before_is_refused_and_expectations_end() {
    let ground = ground();
    let old = ground.door.renew().unwrap();
    let new = ground.door.renew().unwrap();
    let refused = dial(&ground.socket, old.secret(), Purpose::Agent).unwrap_err();
    assert!(matches!(refused, GreetingError::WrongSecret), "{refused}");
    let limit = Duration::from_millis(20);
    assert!(matches!(new.wait(limit, Box::new(|_| {})), Err(DoorError::TimedOut(_))));

    let expected = ground.door.renew().unwrap();
    let streams = ground.door.expect(SHARE, &[]);
    let session = streams.session();
    assert!(matches!(streams.wait(limit), Err(DoorError::TimedOut(_))));
    let late = dial(&ground.socket, expected.secret(), Purpose::Share { share: SHARE, session }).unwrap_err();
    assert!(matches!(late, GreetingError::Refused(Refusal::Unexpected)), "{late}");
}

#[test]
fn an_agent_of_another_version_is_named_as_such() {
    use std::io::Write;
    let ground = ground();
    let expected = ground.door.renew().unwrap();
    let mut stream = UnixStream::connect(&ground.socket).unwrap();
    stream.write_all(b"CAUSEW\xff\x7f").unwrap();
    let error = expected.wait(LIMIT, Box::new(|_| {})).err().unwrap();
    assert!(matches!(error, DoorError::Greeting(GreetingError::Version { theirs: 0x7fff, .. })), "{error}");
}

#[test]
fn silent_visitors_keep_nobody_out() {
    let ground = ground();
    let _silent: Vec<_> = (0..40).map(|_| UnixStream::connect(&ground.socket).unwrap()).collect();
    let expected = ground.door.renew().unwrap();
    let begun = Instant::now();
    let stream = dial(&ground.socket, expected.secret(), Purpose::Agent).unwrap();
    let link = expected.wait(LIMIT, Box::new(|_| {})).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4));
    agent(stream, |_| Some(AgentReply::Pong));
    link.ping(LIMIT).unwrap();
}

#[test]
fn a_lost_agent_is_told_once_and_fails_what_waits() {
    let ground = ground();
    let expected = ground.door.renew().unwrap();
    let stream = dial(&ground.socket, expected.secret(), Purpose::Agent).unwrap();
    let (lose, losses) = mpsc::channel();
    let link = expected.wait(LIMIT, Box::new(move |loss| drop(lose.send(loss)))).unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| link.ping(LIMIT));
        thread::sleep(Duration::from_millis(30));
        drop(stream);
        assert!(matches!(waits.join().unwrap(), Err(AgentError::Gone)));
    });
    assert!(matches!(losses.recv_timeout(LIMIT).unwrap(), Loss::Closed | Loss::Frame(_)));
    assert!(losses.try_recv().is_err());
}
