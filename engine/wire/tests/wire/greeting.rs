//! Greetings over real sockets, with peers of every kind.
#![cfg(unix)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use causeway_wire::greeting::{self, Admission, Dial, GreetingError, MAGIC, Refusal, Secret, VERSION};
use causeway_wire::{FrameError, FrameWriter, Stream};

use crate::samples::dials;

fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    for stream in [&ours, &theirs] {
        Stream::set_read_timeout(stream, Some(Duration::from_secs(10))).unwrap();
    }
    (ours, theirs)
}

fn greet(
    secret: &Secret,
    dial: &Dial,
    admission: Admission,
) -> (Result<(), GreetingError>, Result<Dial, GreetingError>) {
    let (mut agent, mut engine) = pair();
    thread::scope(|scope| {
        let agent = scope.spawn(move || greeting::dial(&mut agent, dial));
        let received = greeting::receive(&mut engine, secret);
        if received.is_ok() {
            greeting::admit(&mut engine, admission).unwrap();
        }
        drop(engine);
        (agent.join().unwrap(), received)
    })
}

#[test]
fn an_agent_that_knows_the_secret_is_let_in() {
    for dial in dials() {
        let (dialled, received) = greet(&dial.secret, &dial, Admission::Welcome);
        dialled.unwrap();
        assert_eq!(received.unwrap(), dial);
    }
}

#[test]
fn both_are_told_of_a_wrong_secret() {
    let dial = &dials()[0];
    let mut other = dial.secret.clone();
    other.0[31] ^= 1;
    let (dialled, received) = greet(&other, dial, Admission::Welcome);
    assert!(matches!(dialled, Err(GreetingError::WrongSecret)));
    assert!(matches!(received, Err(GreetingError::WrongSecret)));
}

#[test]
fn a_refusal_says_why() {
    let dial = &dials()[1];
    let (dialled, _) = greet(&dial.secret, dial, Admission::Refused(Refusal::Unexpected));
    assert!(matches!(dialled, Err(GreetingError::Refused(Refusal::Unexpected))));
}

#[test]
fn both_are_told_of_another_version() {
    let (mut agent, mut engine) = pair();
    let mut preface = MAGIC.to_vec();
    preface.extend((VERSION + 1).to_le_bytes());
    engine.write_all(&preface).unwrap();
    let refused = greeting::dial(&mut agent, &dials()[0]).unwrap_err();
    assert!(matches!(refused, GreetingError::Version { theirs, ours } if theirs == ours + 1), "{refused}");
    let told = format!("the other end speaks version {} of the protocol, this one version {VERSION}", VERSION + 1);
    assert_eq!(refused.to_string(), told);
    // Nothing but the version was told: no secret.
    let mut said = [0; 100];
    assert_eq!(engine.read(&mut said).unwrap(), 8);

    let (mut agent, mut engine) = pair();
    agent.write_all(&preface).unwrap();
    let refused = greeting::receive(&mut engine, &dials()[0].secret).unwrap_err();
    assert!(matches!(refused, GreetingError::Version { .. }), "{refused}");
}

#[test]
fn strangers_are_turned_away() {
    let secret = &dials()[0].secret;
    let received = |said: &[u8]| {
        let (mut stranger, mut engine) = pair();
        stranger.write_all(said).unwrap();
        stranger.shutdown(std::net::Shutdown::Write).unwrap();
        greeting::receive(&mut engine, secret).unwrap_err()
    };
    assert!(matches!(received(b"GET / HTTP/1.1\r\n\r\n"), GreetingError::NotCauseway));
    assert!(matches!(received(b"CAUS"), GreetingError::Closed));
    let head = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    assert!(matches!(received(&head), GreetingError::Closed));
    let oversized = received(&[&head[..], b"\xff\xff\xff\xff"].concat());
    assert!(matches!(oversized, GreetingError::Frame(FrameError::TooLong { .. })), "{oversized}");
}

#[test]
fn what_follows_the_greeting_is_left_in_the_stream() {
    let dial = &dials()[0];
    let (mut agent, mut engine) = pair();
    let mut said = MAGIC.to_vec();
    said.extend(VERSION.to_le_bytes());
    FrameWriter::new(&mut said).send(dial).unwrap();
    said.extend(b"the rest");
    agent.write_all(&said).unwrap();
    greeting::receive(&mut engine, &dial.secret).unwrap();
    let mut rest = [0; 8];
    engine.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b"the rest");
}
