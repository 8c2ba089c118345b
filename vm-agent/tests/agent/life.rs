//! How an agent begins and ends.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use causeway_wire::agent::{AgentReply, AgentRequest};
use causeway_wire::greeting::{GreetingError, Secret};

use crate::engine::Ground;

/// Exit code of an agent that ended though nobody asked it to.
const ENGINE_GONE: i32 = 3;

#[test]
fn it_answers_and_ends_when_it_is_asked_to() {
    let ground = Ground::new();
    let (mut agent, mut control) = ground.connected();
    assert_eq!(control.ask(AgentRequest::Ping), AgentReply::Pong);
    let AgentReply::Info(info) = control.ask(AgentRequest::Info) else { panic!() };
    assert_eq!(info.version, env!("CARGO_PKG_VERSION"));
    assert!(info.space.total_bytes > 0 && !info.kernel.is_empty());
    control.open();
    assert_eq!(control.ask(AgentRequest::Shutdown), AgentReply::Done);
    assert!(agent.end().success());
    let mode = std::fs::metadata(ground.disk()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
}

#[test]
fn it_ends_with_the_engine() {
    let ground = Ground::new();
    let (mut agent, mut control) = ground.connected();
    control.open();
    let mut session = ground.share(&mut control, 1);
    agent.life_line = None;
    assert!(control.is_closed() && session.is_closed());
    assert_eq!(agent.end().code(), Some(ENGINE_GONE));

    let (mut agent, mut control) = ground.connected();
    control.open();
    drop(control);
    assert_eq!(agent.end().code(), Some(ENGINE_GONE));
}

#[test]
fn it_ends_when_it_is_not_let_in() {
    let ground = Ground::new();
    let mut agent = ground.start(&Secret([1; 32]));
    assert!(matches!(ground.accept(), Err(GreetingError::WrongSecret)));
    assert_eq!(agent.end().code(), Some(1));
}

#[test]
fn it_says_what_it_lacks() {
    for arguments in [&["--disk", "/tmp"][..], &["--socket", "/nowhere/s", "--disk"], &["--help"]] {
        let agent =
            Command::new(env!("CARGO_BIN_EXE_causeway-agent")).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert_eq!(agent.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&agent.stderr).contains("usage: causeway-agent"), "{arguments:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut agent = Command::new(env!("CARGO_BIN_EXE_causeway-agent"))
        .args(["--socket", "/nowhere/s", "--disk"])
        .arg(dir.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    agent.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(agent.wait().unwrap().code(), Some(1));
    assert!(said.contains("the secret could not be read"), "{said}");
}

#[test]
fn garbage_ends_it() {
    let ground = Ground::new();
    let mut agent = ground.start(&Secret([7; 32]));
    let (mut stream, _) = ground.accept().unwrap();
    std::io::Write::write_all(&mut stream, &[5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff]).unwrap();
    assert_eq!(agent.end().code(), Some(ENGINE_GONE));
}
