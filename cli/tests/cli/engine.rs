//! Starting and stopping the engine itself.

use std::fs;

use causeway_api::{EngineLock, Home};
use serde_json::json;

use crate::program::{command, finish, run};

/// A home, whose engine is stopped when the test ends, however it ends.
struct Alone {
    home: Home,
    _dir: tempfile::TempDir,
}

impl Alone {
    fn new() -> Self {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        Self { home: Home::at(&dir.path().join("home")).unwrap(), _dir: dir }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // None runs where the test went well.
        let _ = command(self.home.root()).args(["engine", "stop", "--json"]).output();
    }
}

#[tokio::test]
async fn without_an_engine_status_says_so_and_stop_has_nothing_to_do() {
    let alone = Alone::new();
    let root = alone.home.root();
    assert_eq!(run(root, ["engine", "status", "--json"]).await.with_code(6).json(), json!({"running": false}));
    assert_eq!(run(root, ["engine", "status"]).await.with_code(6).stdout, "No engine runs.\n");
    run(root, ["engine", "stop"]).await.with_code(0);
    assert!(!root.exists(), "looking leaves nothing behind");
}

#[tokio::test]
async fn a_home_that_is_a_file_is_an_error() {
    let alone = Alone::new();
    fs::write(alone.home.root(), "").unwrap();
    let ran = run(alone.home.root(), ["share", "list"]).await.with_code(6);
    assert!(ran.stderr.starts_with("error: Can't reach the engine at "), "{ran:?}");
    assert_eq!(ran.stderr.matches("Not a directory").count(), 1, "{ran:?}");
    fs::remove_file(alone.home.root()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_command_starts_the_engine_in_the_background_and_it_stays() {
    let alone = Alone::new();
    let root = alone.home.root();
    // Two at once: one engine.
    let (first, second) = tokio::join!(run(root, ["share", "list", "--json"]), run(root, ["share", "list", "--json"]));
    assert_eq!((first.with_code(0).json(), second.with_code(0).json()), (json!([]), json!([])));
    assert!(EngineLock::is_taken(&alone.home));
    let status = run(root, ["engine", "status", "--json"]).await.with_code(0).json();
    assert_eq!((&status["running"], &status["shares"]), (&json!(true), &json!(0)));
    let again = run(root, ["engine", "start", "--json"]).await.with_code(0).json();
    assert_eq!(again["pid"], status["pid"]);

    let pid = status["pid"].as_u64().unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session: u64 = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap().parse().unwrap();
    assert_eq!(session, pid, "it leads a session of its own");

    run(root, ["engine", "stop"]).await.with_code(0);
    assert!(!EngineLock::is_taken(&alone.home));
    assert!(!alone.home.engine_socket().exists());
    run(root, ["engine", "status"]).await.with_code(6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relative_home_is_the_same_from_everywhere() {
    let alone = Alone::new();
    let parent = alone.home.root().parent().unwrap().to_owned();
    let mut start = command("home".as_ref());
    start.current_dir(&parent).args(["engine", "start"]);
    finish(start).await.with_code(0);
    run(alone.home.root(), ["engine", "status"]).await.with_code(0);
    run(alone.home.root(), ["engine", "stop"]).await.with_code(0);
}
