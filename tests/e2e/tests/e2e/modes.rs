//! A share whose mode is changed.

use std::fs;

use causeway_e2e::{Place, Share, eventually};

fn guest(share: &Share<'_>) -> std::path::PathBuf {
    share.show()["guest_path"].as_str().unwrap().into()
}

#[test]
fn what_containers_did_alone_under_one_mode_deletes_nothing_under_the_next() {
    let place = Place::new();
    let folder = place.folder("web");
    fs::write(folder.join("deleted"), "host\n").unwrap();
    fs::write(folder.join("kept"), "host\n").unwrap();
    let share = place.share(&folder, &["--mode", "one-way-safe"]);
    let guest = guest(&share);
    fs::remove_file(guest.join("deleted")).unwrap();
    fs::write(guest.join("made"), "guest\n").unwrap();
    share.flush();
    assert!(folder.join("deleted").exists() && !folder.join("made").exists());

    share.ok("mode", &["two-way-safe"]);
    share.flush();
    share.assert_equal();
    for (file, content) in [("deleted", "host\n"), ("kept", "host\n"), ("made", "guest\n")] {
        assert_eq!(fs::read_to_string(folder.join(file)).unwrap(), content);
    }
    place.kill_engine();
    assert_eq!(share.show()["mode"], "two-way-safe");
}

#[test]
fn conflicts_are_settled_by_a_mode_that_knows_how_and_problems_can_be_tried_again() {
    let place = Place::new();
    let folder = place.folder("web");
    fs::write(folder.join("file"), "both\n").unwrap();
    let share = place.share(&folder, &[]);
    let guest = guest(&share);
    share.ok("pause", &[]);
    fs::write(folder.join("file"), "host\n").unwrap();
    fs::write(guest.join("file"), "guest\n").unwrap();
    share.ok("resume", &[]);
    share.wait_for_state("conflict");
    share.ok("retry", &[]);
    share.wait_for_state("conflict");

    share.ok("mode", &["two-way-resolved"]);
    eventually(|| share.show()["state"] == "watching", || format!("{}", share.show()));
    share.flush();
    assert_eq!(fs::read_to_string(guest.join("file")).unwrap(), "host\n");

    // One that rests keeps resting, and goes on under its new mode.
    share.ok("pause", &[]);
    share.ok("mode", &["one-way-replica"]);
    assert_eq!(share.show()["state"], "paused");
    assert!(share.verb("retry", &[]).err.contains("is paused"));
    fs::write(guest.join("file"), "guest\n").unwrap();
    share.ok("resume", &[]);
    share.wait_for_state("watching");
    share.flush();
    assert_eq!(fs::read_to_string(guest.join("file")).unwrap(), "host\n");
}
