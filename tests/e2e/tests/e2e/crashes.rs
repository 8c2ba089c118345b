//! `kill -9` under load: afterwards both sides are equal, and nothing that was written is lost.

use std::fs;
use std::time::Duration;

use causeway_e2e::load::{Load, Written, missing};
use causeway_e2e::{Place, Random, Share};

/// Crashes of the engine, and of the agent: 50 in all.
const ENGINE_ROUNDS: u64 = 32;
const AGENT_ROUNDS: u64 = 18;
/// Crashes of one agent: each time it is started again a little later.
const ROUNDS_OF_ONE: u64 = 6;

fn rounds(seed: u64, count: u64, crash: impl Fn(&Place, u64)) {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir(folder.join("h")).unwrap();
    fs::create_dir(folder.join("g")).unwrap();
    let share = place.share(&folder, &[]);
    let mut random = Random::new(seed);
    let mut written = [Written::new(), Written::new()];
    for round in 0..count {
        let [on_host, in_guest] = written;
        let host = Load::start(share.host.join("h"), on_host, seed * 1000 + round);
        let guest = Load::start(share.guest.join("g"), in_guest, seed * 7000 + round);
        std::thread::sleep(Duration::from_millis(random.below(400)));
        crash(&place, round);
        std::thread::sleep(Duration::from_millis(random.below(300)));
        written = [host.stop(), guest.stop()];
        assert_nothing_lost(&share, &written, round);
    }
}

fn assert_nothing_lost(share: &Share<'_>, [on_host, in_guest]: &[Written; 2], round: u64) {
    share.assert_equal();
    for (dir, written) in [("h", on_host), ("g", in_guest)] {
        for side in [&share.host, &share.guest] {
            let lost = missing(&side.join(dir), written);
            assert!(lost.is_empty(), "round {round}, {}: {lost:#?}\n{}", side.join(dir).display(), share.show());
        }
    }
    let shown = share.show();
    assert_eq!((&shown["conflicts"], &shown["halt"]), (&0.into(), &serde_json::Value::Null), "round {round}: {shown}");
}

#[test]
fn nothing_dies_and_nothing_is_lost() {
    rounds(3, 10, |_, _| ());
}

#[test]
fn the_agent_dies_again_and_again() {
    for seed in 0..AGENT_ROUNDS / ROUNDS_OF_ONE {
        rounds(10 + seed, ROUNDS_OF_ONE, |place, _| place.kill_agent());
    }
}

#[test]
fn the_engine_dies_again_and_again() {
    rounds(2, ENGINE_ROUNDS, |place, round| {
        place.kill_engine();
        // Sometimes something happens before it is started again; any command does that.
        if round % 2 == 0 {
            std::thread::sleep(Duration::from_millis(150));
        }
        place.ok(&["engine", "start"]);
    });
}

#[test]
fn an_engine_that_dies_takes_its_agent_along() {
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    let agent = place.agent_pid();
    place.kill_engine();
    causeway_e2e::eventually(
        || !std::path::Path::new(&format!("/proc/{agent}")).exists(),
        || "the agent to end with its engine".to_owned(),
    );
    fs::write(share.host.join("meanwhile"), "x").unwrap();
    fs::write(share.guest.join("meanwhile too"), "y").unwrap();
    place.ok(&["engine", "start"]);
    assert_eq!(share.assert_equal().len(), 2);
}
