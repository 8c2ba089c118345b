//! What the app itself does: settings, notifications, the start at login, the bundle, what is kept of the window.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use causeway_e2e::eventually;
use causeway_window::{Desktop, Tray};

/// Quits as a person does, and waits until the app is gone.
fn quit(desktop: &Desktop, tray: &Tray) {
    tray.choose("Quit Causeway");
    let runs = || desktop.place.processes().iter().any(|(_, command)| command.contains("causeway-app"));
    eventually(|| !runs(), || "the app goes on".to_owned());
}

#[test]
fn what_persists_is_told_once_unless_a_person_wants_no_notifications() {
    let desktop = Desktop::new();
    let (tray, notifications) = (desktop.tray(), desktop.notifications());
    let folder = desktop.place.folder("web");
    for name in ["a", "b"] {
        fs::write(folder.join(name), name).unwrap();
    }
    let window = desktop.open(&[]);
    let share = desktop.place.share(&folder, &[]);
    tray.wait_for("All up to date");

    window.click("nav button", "Settings");
    window.click("label", "Notifications");
    fs::rename(&folder, folder.with_file_name("away")).unwrap();
    tray.wait_for("1 halted");
    desktop.place.ok(&["share", "reset", "web"]);
    tray.wait_for("All up to date");
    window.click("label", "Notifications");

    // A conflict that is settled at once, and a problem that stays.
    desktop.place.ok(&["share", "pause", "web"]);
    let guest = PathBuf::from(share.show()["guest_path"].as_str().unwrap());
    fs::write(folder.join("a"), "host").unwrap();
    fs::write(guest.join("a"), "guest").unwrap();
    desktop.place.ok(&["share", "resume", "web"]);
    tray.wait_for("1 in conflict");
    desktop.place.ok(&["share", "resolve", "web", "a", "--keep", "host"]);
    tray.wait_for("All up to date");
    fs::write(folder.join(".syncignore"), "[a-\n").unwrap();
    tray.wait_for("1 with problems");
    notifications.wait_for(1);
    let told = notifications.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "web: Problem");
    assert!(!told[0].1.is_empty());
    window.close();
}

#[test]
fn settings_and_the_window_are_as_they_were_at_the_next_start() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let window = desktop.open(&[]);
    tray.wait_for("No shares");
    window.click("nav button", "Settings");
    window.click("label", "Dark");
    window.see("html[data-theme=dark]", "");
    window.click("label", "Start at login");
    let entry = || autostart_entry(&desktop.place.base());
    eventually(|| entry().is_some(), || "nothing starts at login".to_owned());
    let text = fs::read_to_string(entry().unwrap()).unwrap();
    assert!(text.contains("--hidden") && text.contains("causeway-app"), "{text}");

    let screen = desktop.screen();
    screen.resize(screen.shown("Causeway")[0], 980, 640);
    let size = |window: &causeway_window::Window| {
        window.run("return [innerWidth, innerHeight].join()", &serde_json::json!([])).as_str().unwrap().to_owned()
    };
    eventually(|| size(&window) == "980,640", || size(&window));
    quit(&desktop, &tray);
    drop(window);

    let tray = desktop.tray();
    let window = desktop.open(&[]);
    tray.wait_for("No shares");
    eventually(|| size(&window) == "980,640", || size(&window));
    window.see("html[data-theme=dark]", "");
    window.click("nav button", "Settings");
    window.click("label", "Start at login");
    eventually(|| entry().is_none(), || "it still starts at login".to_owned());
    window.close();
}

/// The file that makes a desktop start a program when a person signs in.
fn autostart_entry(base: &Path) -> Option<PathBuf> {
    let places = [base.join("xdg/CONFIG/autostart"), base.join("user/.config/autostart")];
    let files = places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten().flatten();
    files.map(|file| file.path()).find(|path| path.extension().is_some_and(|is| is == "desktop"))
}

#[test]
fn a_start_at_login_shows_no_window_until_it_is_wanted() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let mut app = desktop.command(causeway_window::desktop::app());
    let mut app = app.arg("--hidden").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    tray.wait_for("No shares");
    let screen = desktop.screen();
    assert!(screen.shown("Causeway").is_empty());
    tray.choose("Open Causeway");
    eventually(|| screen.shown("Causeway").len() == 1, || "the window doesn't come".to_owned());
    tray.choose("Quit Causeway");
    eventually(|| app.try_wait().unwrap().is_some(), || "the app goes on".to_owned());
}

#[test]
fn a_bundle_holds_what_is_known_and_no_content() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let folder = desktop.place.folder("ledger");
    fs::write(folder.join("accounts.txt"), "the content of a file").unwrap();
    let file = desktop.place.base().join("bundle.json");
    let window = desktop.open(&[("CAUSEWAY_APP_SAVE_BUNDLE", file.to_str().unwrap())]);
    desktop.place.share(&folder, &[]);
    tray.wait_for("All up to date");

    window.click("nav button", "Troubleshoot");
    window.see("li", "What the machine is");
    window.see("td", "the machine is a directory");
    window.write("input[aria-label=\"Filter the log\"]", "no line has this");
    window.see("p", "No line matches.");
    window.write("input[aria-label=\"Filter the log\"]", "directory");
    window.see("td", "the machine is a directory");
    window.click("button", "Check again");
    window.see("li", "What the machine is");
    window.click("button", "Save bundle…");
    window.see("[role=status]", "Saved as");

    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("the content of a file"));
    let bundle: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bundle["shares"]["shares"][0]["name"], "ledger");
    assert_eq!(bundle["shares"]["machine"]["state"], "running");
    for list in ["doctor", "log"] {
        assert!(!bundle[list].as_array().unwrap().is_empty(), "{list}");
    }
    window.close();
}
