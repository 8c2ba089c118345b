//! Shares in an agent.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use causeway_wire::agent::{AgentReply, AgentRequest, FailureKind, Lanes};

use crate::engine::{Ground, SHARE, mode};

#[test]
fn a_share_is_opened_watched_closed_and_removed() {
    let ground = Ground::new();
    let (_agent, mut control) = ground.connected();
    let content = control.open();
    assert!(content.starts_with(ground.disk().canonicalize().unwrap()));
    assert_eq!(mode(&content), 0o777);
    assert_eq!(mode(content.parent().unwrap()), 0o700);
    assert_eq!(control.open(), content, "opening an open share gives the same");

    let mut session = ground.share(&mut control, 1);
    assert!(session.hello.empty);
    assert!(session.pull().crawled);
    fs::write(content.join("made-inside"), "x").unwrap();
    session.pull_until("made-inside");

    // The next session ends the one before.
    let mut next = ground.share(&mut control, 2);
    assert!(session.is_closed());
    next.pull_until("made-inside");

    assert_eq!(control.ask(AgentRequest::CloseShare(SHARE)), AgentReply::Done);
    assert!(next.is_closed());
    assert!(content.join("made-inside").exists());
    let dial = AgentRequest::DialStreams { share: SHARE, session: 3, lanes: Lanes(Vec::new()) };
    let AgentReply::Failed(failure) = control.ask(dial) else { panic!() };
    assert_eq!(failure.kind, FailureKind::NotOpen);

    control.open();
    assert_eq!(control.ask(AgentRequest::RemoveShare(SHARE)), AgentReply::Done);
    assert!(!content.exists());
    assert_eq!(control.ask(AgentRequest::RemoveShare(SHARE)), AgentReply::Done);
}

#[test]
fn a_killed_agent_leaves_what_the_next_one_goes_on_with() {
    let ground = Ground::new();
    let (mut agent, mut control) = ground.connected();
    let content = control.open();
    let mut session = ground.share(&mut control, 1);
    fs::write(content.join("before"), "x").unwrap();
    session.pull_until("before");
    session.sync();
    let before = session.hello;
    agent.child.kill().unwrap();
    agent.end();

    fs::write(content.join("meanwhile"), "x").unwrap();
    let (_agent, mut control) = ground.connected();
    assert_eq!(control.open(), content);
    let mut session = ground.share(&mut control, 1);
    assert_eq!((session.hello.replica, session.hello.epoch), (before.replica, before.epoch));
    session.pull_until("meanwhile");
}

#[test]
fn what_cannot_be_opened_says_why_and_harms_nothing() {
    let ground = Ground::new();
    let (_agent, mut control) = ground.connected();
    let content = control.open();
    assert_eq!(control.ask(AgentRequest::CloseShare(SHARE)), AgentReply::Done);
    // Something else stands in the content's place.
    fs::remove_dir(&content).unwrap();
    fs::write(&content, "a file").unwrap();
    let settings = causeway_wire::agent::ShareSettings {
        share: SHARE,
        name: "test".into(),
        symlinks: causeway_wire::agent::Symlinks::Raw,
        rules: causeway_sync::ignore::RuleTexts::default(),
    };
    let AgentReply::Failed(failure) = control.ask(AgentRequest::OpenShare(settings)) else { panic!() };
    assert!(failure.detail.contains("copy"), "{failure}");
    assert_eq!(fs::read(&content).unwrap(), b"a file");
    fs::remove_file(&content).unwrap();
    control.open();
    fs::set_permissions(&content, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(control.ask(AgentRequest::Ping), AgentReply::Pong);
}
