//! A share's life in the window: made, used, in conflict, with a problem, removed; the tray icon at each step.

use std::fs;

use causeway_e2e::{Share, eventually};
use causeway_window::{Desktop, Tray, Window};

#[test]
fn a_share_from_nothing_to_removed() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let folder = desktop.place.folder("storefront");
    // Few enough that what is done right after them isn't shown together with them, in one line.
    for n in 0..40 {
        fs::write(folder.join(format!("{n}.txt")), format!("{n}\n")).unwrap();
    }
    fs::create_dir_all(folder.join("node_modules/left-pad")).unwrap();
    for n in 0..200 {
        fs::write(folder.join(format!("node_modules/left-pad/{n}.js")), "x").unwrap();
    }
    let opened = desktop.text_editor();
    let window = desktop.open(&[("CAUSEWAY_APP_CHOOSE_FOLDER", folder.to_str().unwrap())]);
    tray.wait_for("No shares");

    create(&window);
    tray.wait_for("All up to date");
    tray.wait_for_picture("idle");
    let share = Share::new(&desktop.place, "storefront");
    let guest = guest_of(&share);
    assert_eq!(fs::read_to_string(folder.join(".syncignore")).unwrap(), "node_modules\n");
    assert!(guest.join("7.txt").exists() && !guest.join("node_modules").exists());

    edits_cross(&window, &share, &folder, &guest);
    a_verification_that_is_stopped(&window, &share, &folder);
    a_conflict(&window, &tray, &share, &folder, &guest, || {
        let file = folder.join("1.txt");
        eventually(
            || fs::read_to_string(&opened).is_ok_and(|path| path == file.to_str().unwrap()),
            || "no editor".into(),
        );
    });
    a_problem_that_passes(&window, &tray, &share, &folder);
    pause_from_the_tray(&tray, &window);

    window.click("button", "Remove…");
    window.click("dialog button", "Remove share");
    window.see("h2", "No shares yet");
    tray.wait_for("No shares");
    assert!(folder.join("7.txt").exists() && !guest.exists());
    window.close();
}

/// First run: the folder is chosen, counted, and shared without what npm installed.
fn create(window: &Window) {
    window.see("h2", "The machine is ready");
    window.click("button", "Choose folder…");
    window.see("h2", "What is in it");
    window.see("span", "Counted in");
    window.see("td", "node_modules");
    window.click("button", "Create share");
    window.see("h2", "storefront is shared");
    window.see("code", "docker run");
    window.click("button", "Finish");
    window.see("h1", "storefront");
    window.see(".state-line", "Watching for filesystem changes");
}

fn guest_of(share: &Share<'_>) -> std::path::PathBuf {
    share.show()["guest_path"].as_str().unwrap().into()
}

/// Edits on both sides stand in the activity.
fn edits_cross(window: &Window, share: &Share<'_>, folder: &std::path::Path, guest: &std::path::Path) {
    fs::write(folder.join("from-host.txt"), "a").unwrap();
    fs::write(guest.join("from-guest.txt"), "b").unwrap();
    share.flush();
    window.see("td", "from-host.txt");
    window.see("td", "from-guest.txt");
    window.see("td", "to host");
    fs::create_dir_all(folder.join("src/deep")).unwrap();
    share.flush();
    fs::rename(folder.join("src"), folder.join("lib")).unwrap();
    window.see("td", "directory renamed, 1");
}

/// How far it is stands in a dialog; stopped, it reads no more.
fn a_verification_that_is_stopped(window: &Window, share: &Share<'_>, folder: &std::path::Path) {
    let large = folder.join("large");
    // Zeros that take no space, and seconds to read.
    fs::File::create(&large).unwrap().set_len(4 << 30).unwrap();
    share.flush();
    window.click("button", "Verify");
    window.see("dialog p", "entries");
    window.click("dialog button", "Stop");
    window.see("dialog p", "Stopped before both sides had been read whole.");
    window.click("dialog button", "Close");
    eventually(|| share.show()["verifying"].is_null(), || format!("it to end: {}", share.show()));
    window.see("p", "Never verified.");
    fs::remove_file(&large).unwrap();
    share.flush();
}

/// Both sides change a file: the window shows both, and settles it as a person chooses.
fn a_conflict(
    window: &Window,
    tray: &Tray,
    share: &Share<'_>,
    folder: &std::path::Path,
    guest: &std::path::Path,
    is_in_editor: impl FnOnce(),
) {
    window.click("button", "Pause");
    window.see(".state-line", "Paused");
    fs::write(folder.join("1.txt"), "one\nhost\n").unwrap();
    fs::write(guest.join("1.txt"), "one\nguest\n").unwrap();
    window.click("button", "Resume");
    window.see(".state-line", "Conflict");
    tray.wait_for("1 in conflict");
    tray.wait_for_picture("conflict");
    window.click("[role=tab]", "Conflicts");
    window.see(".diff .ch", "host");
    window.see(".diff .ch", "guest");
    window.click("button", "Unified");
    window.see(".unified .ch", "Guest");
    window.click("button", "Open in editor");
    is_in_editor();
    window.click(".side button", "Keep guest");
    window.see("h2", "No conflicts.");
    share.flush();
    assert_eq!(fs::read_to_string(folder.join("1.txt")).unwrap(), "one\nguest\n");
    tray.wait_for("All up to date");
    window.click("[role=tab]", "Recycle bin");
    window.see("td", "1.txt");
}

/// A `.syncignore` that is wrong is a problem, which passes when it is mended.
fn a_problem_that_passes(window: &Window, tray: &Tray, share: &Share<'_>, folder: &std::path::Path) {
    fs::write(folder.join(".syncignore"), "node_modules\n[a-\n").unwrap();
    window.see(".state-line", "Problem");
    tray.wait_for("1 with problems");
    tray.wait_for_picture("problem");
    window.click("[role=tab]", "Problems");
    window.see("h2", "Invalid ignore rules");
    fs::write(folder.join(".syncignore"), "node_modules\n").unwrap();
    window.see("h2", "No problems.");
    tray.wait_for("All up to date");
    share.wait_for_state("watching");
}

fn pause_from_the_tray(tray: &Tray, window: &Window) {
    tray.choose("Pause all");
    tray.wait_for("1 paused");
    tray.wait_for_picture("stopped");
    window.see(".state-line", "Paused");
    tray.choose("Resume all");
    tray.wait_for("All up to date");
}

#[test]
fn a_window_that_is_closed_comes_back_and_shares_go_on() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let folder = desktop.place.folder("docs");
    fs::write(folder.join("a"), "a").unwrap();
    let window = desktop.open(&[]);
    let share = desktop.place.share(&folder, &[]);
    tray.wait_for("All up to date");
    let screen = desktop.screen();
    let shown = || screen.shown("Causeway");
    eventually(|| shown().len() == 1, || "the window doesn't come".to_owned());

    screen.close(shown()[0]);
    eventually(|| shown().is_empty(), || "the window stays".to_owned());
    tray.wait_for("All up to date");
    desktop.start_again();
    eventually(|| shown().len() == 1, || "the window doesn't come back".to_owned());
    screen.close(shown()[0]);
    eventually(|| shown().is_empty(), || "the window stays".to_owned());
    tray.choose("Open Causeway");
    eventually(|| shown().len() == 1, || "the tray doesn't bring the window back".to_owned());
    fs::write(folder.join("b"), "b").unwrap();
    share.flush();
    share.assert_equal();
    assert!(tray.menu().iter().any(|entry| entry.label == "docs: Watching for filesystem changes"));
    window.close();
}

#[test]
fn a_folder_that_is_dropped_on_the_window_leads_to_create_share() {
    let desktop = Desktop::new();
    let tray = desktop.tray();
    let folder = desktop.place.folder("dropped");
    fs::write(folder.join("a"), "a").unwrap();
    let window = desktop.open(&[]);
    tray.wait_for("No shares");
    window.see("h2", "The machine is ready");
    let screen = desktop.screen();
    let target = screen.shown("Causeway")[0];
    let drag = screen.drag(&folder, target);
    drag.over(400, 300);
    window.see(".over", "");
    drag.drop_it();
    window.see("h2", "What is in it");
    window.see_no(".over", "");
    window.see("span", "Counted in");
    window.click("button", "Create share");
    window.see("h2", "dropped is shared");
    Share::new(&desktop.place, "dropped").flush();
    window.close();
}
