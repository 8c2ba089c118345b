//! What a container sees of edits on the host, whatever the machine is: "c1" has the folder at `/app`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use causeway_e2e::HasDocker;

use super::Running;

/// All of them, at once: a command waits for what was changed before, and so does a start.
pub fn a_command_sees_a_burst_of_edits(docked: &dyn HasDocker, folder: &Path, rounds: u32) {
    for round in 1..=rounds {
        for number in 0..200 {
            fs::write(folder.join(format!("burst {number}")), format!("{round}\n")).unwrap();
        }
        fs::write(folder.join("file"), round.to_string()).unwrap();
        let seen = docked.docker_ok(&["exec", "c1", "sh", "-c", "cat /app/file; cat /app/burst* | sort -u"]);
        assert_eq!(seen, format!("{round}{round}\n"));
    }
    fs::write(folder.join("file"), "restarted").unwrap();
    docked.docker_ok(&["restart", "-t", "0", "c1"]);
    assert_eq!(docked.docker_ok(&["exec", "c1", "cat", "/app/file"]), "restarted");
}

/// Within a second.
pub fn a_watching_process_sees_an_edit(docked: &dyn HasDocker, folder: &Path) {
    let watch = ["exec", "c1", "inotifywait", "-m", "/app"];
    within_a_second(docked, &watch, "hot", |content| fs::write(folder.join("hot"), content).unwrap());
}

/// Edits until a command that watches says so, and fails where that isn't within a second of an edit.
pub fn within_a_second(docked: &dyn HasDocker, watch: &[&str], says: &'static str, edit: impl Fn(&str)) {
    let mut watching = Running::start(docked, watch);
    // It doesn't say on this stream when it watches.
    let (mut is_seen, begun) = (false, Instant::now());
    let reader = std::thread::spawn(move || watching.wait_for(says));
    while !is_seen && begun.elapsed() < docked.limit() {
        let edited = Instant::now();
        edit(&format!("{:?}", begun.elapsed()));
        while !is_seen && edited.elapsed() < Duration::from_secs(1) {
            is_seen = reader.is_finished();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(is_seen, "no edit was seen within a second");
    reader.join().unwrap();
}
