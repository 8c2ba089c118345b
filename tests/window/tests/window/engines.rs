//! The app and the engine: its own, or one that ran before; killed, stopped, started again.

use std::fs;

use causeway_e2e::eventually;
use causeway_window::Desktop;

#[test]
fn an_engine_that_ran_before_is_attached_to_and_replaced_when_it_is_killed() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let folder = desktop.place.folder("web");
    fs::write(folder.join("a"), "a").unwrap();
    let share = desktop.place.share(&folder, &[]);
    let before = desktop.place.engine_pid();

    let window = desktop.open(&[]);
    tray.wait_for("All up to date");
    window.click("nav button", "Settings");
    window.see("dd", "Ran before this app");
    assert_eq!(desktop.place.engine_pid(), before);

    desktop.place.kill_engine();
    window.see("dd", "Runs in this app");
    eventually(|| desktop.place.engine_pid() != before, || "no other engine came".to_owned());
    tray.wait_for("All up to date");
    fs::write(folder.join("b"), "b").unwrap();
    share.flush();
    share.assert_equal();
    window.close();
}

#[test]
fn an_engine_that_a_person_stopped_stays_stopped_until_it_is_wanted() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let window = desktop.open(&[]);
    tray.wait_for("No shares");
    desktop.place.ok(&["engine", "stop"]);
    window.see("h1", "The engine is stopped");
    tray.wait_for("The engine is stopped");
    window.click("button", "Start engine");
    window.see("h2", "The machine is ready");
    tray.wait_for("No shares");
    window.close();
}
