use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    process::Stdio,
    time::{Duration, Instant},
};

use causeway_api::Home;

use crate::program::{command, run};

fn home() -> (tempfile::TempDir, Home) {
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let home = Home::at(dir.path()).unwrap();
    home.prepare().unwrap();
    (dir, home)
}

fn line(n: usize) -> String {
    format!(r#"{{"timestamp":"2020-01-01T12:00:00Z","level":"INFO","fields":{{"message":"line {n}"}},"target":"x"}}"#)
}

#[tokio::test]
async fn the_last_lines_come_from_all_files() {
    let (_dir, home) = home();
    let log = |n: &str| home.log_file().with_file_name(format!("engine.log{n}"));
    for (file, numbers) in [(".2", 0..3), (".1", 3..6), ("", 6..8)] {
        let text: String = numbers.map(|n| line(n) + "\n").collect();
        fs::write(log(file), text).unwrap();
    }
    let ran = run(home.root(), ["logs"]).await.with_code(0);
    let expected: String = (0..8).map(|n| format!("2020-01-01 12:00  INFO line {n}\n")).collect();
    assert_eq!(ran.stdout, expected);
    let ran = run(home.root(), ["logs", "-n", "4", "--json"]).await.with_code(0);
    let expected: Vec<serde_json::Value> = (4..8).map(|n| serde_json::from_str(&line(n)).unwrap()).collect();
    let shown: Vec<serde_json::Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn no_log_is_said_and_starts_no_engine() {
    let (_dir, home) = home();
    let ran = run(home.root(), ["logs"]).await.with_code(2);
    assert!(ran.stderr.contains("There is no log yet"), "{ran:?}");
    assert!(!home.engine_socket().exists());
}

#[test]
fn a_log_is_followed() {
    let (_dir, home) = home();
    fs::write(home.log_file(), line(1) + "\n").unwrap();
    let mut child = command(home.root()).args(["logs", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut read_until = |text: &str| {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut shown = String::new();
        while !shown.contains(text) && Instant::now() < deadline {
            let mut bytes = [0; 4096];
            let count = stdout.read(&mut bytes).unwrap();
            shown.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        assert!(shown.contains(text), "{shown}");
    };
    read_until("line 1\n");
    let mut log = OpenOptions::new().append(true).open(home.log_file()).unwrap();
    writeln!(log, "{}", line(2)).unwrap();
    read_until("line 2\n");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let (_dir, home) = home();
    let text: String = (0..20_000).map(|n| line(n) + "\n").collect();
    fs::write(home.log_file(), text).unwrap();
    let mut command = command(home.root());
    let mut child = command.args(["logs", "-n", "0"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
