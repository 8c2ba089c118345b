use std::time::Duration;

use causeway_api::{methods::Handler, *};
use serde_json::json;

use crate::{
    program::{command, finish},
    script::{Served, share},
};

fn preparing() -> ShareInfo {
    let progress = Progress {
        phase: Phase::Copying,
        files_done: 10,
        files_total: Some(100),
        bytes_done: 1,
        bytes_total: None,
        bytes_per_second: 0,
        left_ms: None,
    };
    ShareInfo { state: State::Preparing, progress: Some(progress), ..share("web") }
}

/// Creates, while the share goes through `states`.
async fn create(line: &str, states: &[State]) -> (Served, crate::program::Ran) {
    let served = Served::start();
    served.script.answer("share.create", preparing());
    served.script.feed().put_share(preparing());
    let steps = async {
        while served.script.asked("share.create").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for state in states {
            tokio::time::sleep(Duration::from_millis(60)).await;
            served.script.feed().put_share(ShareInfo { state: *state, ..preparing() });
        }
    };
    let (ran, ()) = tokio::join!(served.run(line), steps);
    (served, ran)
}

#[tokio::test]
async fn it_waits_until_the_share_is_watching_and_is_quiet_in_a_pipe() {
    let states = [State::Disconnected, State::Preparing, State::Syncing, State::Watching];
    let (_, ran) = create("share create .", &states).await;
    let ran = ran.with_code(0);
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.starts_with("web is shared: 133\u{202f}919 entries, 2.31 GB, ready after "), "{}", ran.stdout);
    let (_, ran) = create("share create . --json", &[State::Watching]).await;
    assert_eq!(ran.with_code(0).json()["state"], "watching");
}

#[tokio::test]
async fn it_ends_where_a_person_has_to_look() {
    for state in [State::Conflict, State::Problem, State::Halted] {
        let (_, ran) = create("share create .", &[state]).await;
        assert!(ran.with_code(4).stdout.contains(state.words()), "{state:?}");
    }
}

#[tokio::test]
async fn it_does_not_wait_where_that_is_not_wanted() {
    let (_, ran) = create("share create . --no-wait", &[]).await;
    assert!(ran.with_code(0).stdout.starts_with("◔ web: Preparing 10 %. 10 of 100 files · 1 B"));
}

#[tokio::test]
async fn everything_that_was_typed_is_asked_for() {
    let line = "share create /tmp/../tmp --name web --mode one-way-safe --exclude a --exclude *.b --upload-exclude c \
                --download-exclude d --symlinks ignore --force --no-wait";
    let (served, ran) = create(line, &[]).await;
    ran.with_code(0);
    let patterns = json!({"exclude": ["a", "*.b"], "upload_exclude": ["c"], "download_exclude": ["d"]});
    let asked = json!({
        "host_path": "/tmp", "name": "web", "mode": "one-way-safe", "symlinks": "ignore", "patterns": patterns, "force": true,
        "ignore_lines": [],
    });
    assert_eq!(served.script.asked("share.create"), [asked]);
}

#[tokio::test]
async fn a_relative_folder_is_made_absolute_though_it_is_missing() {
    let served = Served::start();
    served.script.refuse("share.create", ErrorCode::FolderMissing, "The folder doesn't exist.");
    let mut command = command(served.home.root());
    command.current_dir("/tmp").args(["share", "create", "no-such-folder-here"]);
    let ran = finish(command).await.with_code(1);
    assert!(ran.stderr.starts_with("error: The folder doesn't exist.\n"), "{ran:?}");
    assert_eq!(served.script.asked("share.create")[0]["host_path"], "/tmp/no-such-folder-here");
}

#[tokio::test]
async fn a_share_that_is_removed_meanwhile_is_no_such_share() {
    let served = Served::start();
    served.script.answer("share.create", preparing());
    served.run("share create .").await.with_code(3);
}
