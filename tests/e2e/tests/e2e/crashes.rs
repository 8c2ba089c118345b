//! `kill -9` of the engine: the agent ends with it, and what was changed meanwhile crosses afterwards.

use std::fs;
use std::path::Path;

use causeway_e2e::{Place, eventually};

#[test]
fn an_engine_that_dies_takes_its_agent_along() {
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    let agent = place.agent_pid();
    place.kill_engine();
    eventually(|| !Path::new(&format!("/proc/{agent}")).exists(), || "the agent to end with its engine".to_owned());
    fs::write(share.host.join("meanwhile"), "x").unwrap();
    fs::write(share.guest.join("meanwhile too"), "y").unwrap();
    place.ok(&["engine", "start"]);
    assert_eq!(share.assert_equal().len(), 2);
}
