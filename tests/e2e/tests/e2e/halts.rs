//! Halts: what looks like an accident isn't carried on.

use std::fs;

use causeway_e2e::{Place, Share};

fn filled<'a>(place: &'a Place, name: &str) -> Share<'a> {
    let folder = place.folder(name);
    fs::create_dir(folder.join("dir")).unwrap();
    for n in 0..1200 {
        fs::write(folder.join(format!("dir/{n}")), format!("{n}")).unwrap();
    }
    place.share(&folder, &[])
}

/// Empties the host's folder at once, as when a disk that was mounted there no longer is.
fn empty(place: &Place, share: &Share<'_>) {
    let aside = place.base().join("aside");
    fs::rename(share.host.join("dir"), aside).unwrap();
}

/// The share is halted for this, nothing was deleted on the other side, and every way on has a command.
fn assert_halted(share: &Share<'_>, code: &str) {
    let shown = share.wait_for_state("halted");
    assert_eq!(shown["halt"]["code"], code, "{shown}");
    let remedies = shown["halt"]["remedies"].as_array().unwrap();
    assert!(remedies.iter().all(|way| way["command"].as_str().unwrap().contains(&share.name)), "{shown}");
    assert_eq!(share.verb("flush", &[]).code, 1);
}

#[test]
fn an_emptied_root_is_accepted() {
    let place = Place::new();
    let share = filled(&place, "repo");
    empty(&place, &share);
    assert_halted(&share, "root_emptied");
    assert_eq!(share.verb("resume", &["--accept", "mass_deletion"]).code, 1, "it is another halt");
    share.ok("resume", &["--accept", "root_emptied"]);
    share.wait_for_state("watching");
    assert!(share.assert_equal().is_empty());
}

#[test]
fn content_that_is_put_back_lets_it_go_on() {
    let place = Place::new();
    let share = filled(&place, "repo");
    let aside = place.base().join("aside");
    fs::rename(&share.host, &aside).unwrap();
    assert_halted(&share, "root_missing");
    fs::rename(&aside, &share.host).unwrap();
    share.ok("resume", &[]);
    share.wait_for_state("watching");
    assert_eq!(share.assert_equal().len(), 1201);
}

#[test]
fn a_root_that_is_missing_when_the_engine_starts_halts_too() {
    let place = Place::new();
    let share = filled(&place, "repo");
    place.ok(&["engine", "stop"]);
    let aside = place.base().join("aside");
    fs::rename(&share.host, &aside).unwrap();
    assert_halted(&share, "root_missing");
    assert!(share.guest.join("dir/7").exists());
    fs::rename(&aside, &share.host).unwrap();
    share.ok("resume", &[]);
    share.wait_for_state("watching");
    assert_eq!(share.assert_equal().len(), 1201);
}

#[test]
fn a_mass_deletion_waits_for_a_person() {
    let place = Place::new();
    let share = filled(&place, "repo");
    fs::write(share.host.join("stays"), "x").unwrap();
    share.flush();
    // In the guest, so that the host would lose nearly all.
    fs::remove_dir_all(share.guest.join("dir")).unwrap();
    assert_halted(&share, "mass_deletion");
    assert!(share.host.join("dir/7").exists());
    share.ok("resume", &["--accept", "mass_deletion"]);
    share.wait_for_state("watching");
    assert_eq!(share.assert_equal().len(), 1);
}

#[test]
fn a_reset_guest_disk_is_filled_again_and_never_mirrored_back() {
    let place = Place::new();
    let share = filled(&place, "repo");
    place.ok(&["machine", "stop"]);
    fs::remove_dir_all(place.home().join("machine/local")).unwrap();
    fs::create_dir(place.home().join("machine/local")).unwrap();
    place.ok(&["machine", "start"]);
    share.wait_for_state("watching");
    assert_eq!(share.assert_equal().len(), 1201);
}
