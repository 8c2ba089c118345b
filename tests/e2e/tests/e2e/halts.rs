//! Halts: what looks like an accident isn't carried on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use causeway_e2e::{Place, Share};

fn filled<'a>(place: &'a Place, name: &str) -> Share<'a> {
    let folder = place.folder(name);
    fs::create_dir(folder.join("dir")).unwrap();
    for n in 0..1200 {
        fs::write(folder.join(format!("dir/{n}")), format!("{n}")).unwrap();
    }
    place.share(&folder, &[])
}

/// Takes a directory out of a share, all at once: what is removed file by file begins to be removed on the other side too.
fn take_out(place: &Place, directory: &Path) {
    let aside = place.base().join("aside");
    fs::create_dir_all(&aside).unwrap();
    fs::rename(directory, aside.join(directory.file_name().unwrap())).unwrap();
}

/// Empties the host's folder, as when a disk that was mounted there no longer is.
fn empty(place: &Place, share: &Share<'_>) {
    take_out(place, &share.host.join("dir"));
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
fn an_emptied_root_is_filled_again_by_reset() {
    let place = Place::new();
    let share = filled(&place, "repo");
    empty(&place, &share);
    assert_halted(&share, "root_emptied");
    assert!(share.guest.join("dir/7").exists());
    share.ok("reset", &[]);
    share.wait_for_state("watching");
    assert_eq!(share.assert_equal().len(), 1201);
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
    take_out(&place, &share.guest.join("dir"));
    assert_halted(&share, "mass_deletion");
    assert!(share.host.join("dir/7").exists());
    share.ok("resume", &["--accept", "mass_deletion"]);
    share.wait_for_state("watching");
    assert_eq!(share.assert_equal().len(), 1);
}

#[test]
fn what_was_accepted_does_not_hold_for_the_next_deletion() {
    let place = Place::new();
    let share = filled(&place, "repo");
    fs::create_dir(share.host.join("other")).unwrap();
    for n in 0..800 {
        fs::write(share.host.join(format!("other/{n}")), format!("{n}")).unwrap();
    }
    // Without it the guest's copy would be empty in the end, which is another halt.
    fs::write(share.host.join("stays"), "x").unwrap();
    share.flush();
    take_out(&place, &share.guest.join("dir"));
    assert_halted(&share, "mass_deletion");
    share.ok("resume", &["--accept", "mass_deletion"]);
    share.wait_for_state("watching");
    assert_eq!(share.assert_equal().len(), 802);
    // What follows within a second belongs to the deletion before.
    std::thread::sleep(Duration::from_millis(1500));
    take_out(&place, &share.guest.join("other"));
    assert_halted(&share, "mass_deletion");
    assert!(share.host.join("other/7").exists());
    share.ok("reset", &[]);
    share.wait_for_state("watching");
    share.assert_equal();
    assert!(share.guest.join("other/7").exists(), "what the host still holds comes back");
}

#[test]
fn a_large_directory_that_is_renamed_is_no_deletion() {
    let place = Place::new();
    let share = filled(&place, "repo");
    for side in [&share.host, &share.guest] {
        let (from, to) = if side.join("dir").exists() { ("dir", "moved") } else { ("moved", "dir") };
        fs::rename(side.join(from), side.join(to)).unwrap();
        assert_eq!(share.assert_equal().len(), 1201);
        // One by one, too.
        fs::create_dir(side.join("aside")).unwrap();
        for n in 0..1200 {
            fs::rename(side.join(to).join(n.to_string()), side.join("aside").join(n.to_string())).unwrap();
        }
        fs::remove_dir(side.join(to)).unwrap();
        fs::rename(side.join("aside"), side.join(to)).unwrap();
        assert_eq!(share.assert_equal().len(), 1201);
    }
    let shown = share.show();
    assert_eq!((&shown["state"], &shown["conflicts"]), (&"watching".into(), &0.into()), "{shown}");
}

#[test]
fn a_root_that_is_gone_is_accepted() {
    let place = Place::new();
    let share = filled(&place, "repo");
    fs::rename(&share.host, place.base().join("aside")).unwrap();
    assert_halted(&share, "root_missing");
    share.ok("resume", &["--accept", "root_missing"]);
    share.wait_for_state("watching");
    assert!(share.assert_equal().is_empty());
    // It was accepted once, and not for ever.
    fs::create_dir(share.host.join("dir")).unwrap();
    fs::write(share.host.join("dir/x"), "x").unwrap();
    share.flush();
    fs::rename(share.guest.join("dir"), place.base().join("aside too")).unwrap();
    assert_halted(&share, "root_emptied");
}

#[test]
fn an_emptied_copy_is_filled_again_by_reset() {
    let place = Place::new();
    let share = filled(&place, "repo");
    fs::rename(share.guest.join("dir"), place.base().join("aside")).unwrap();
    assert_halted(&share, "root_emptied");
    assert!(share.host.join("dir/7").exists());
    share.ok("reset", &[]);
    share.wait_for_state("watching");
    assert_eq!(share.assert_equal().len(), 1201);
}

#[test]
fn a_folder_that_is_emptied_file_by_file_halts_before_much_is_gone() {
    let place = Place::new();
    let share = filled(&place, "repo");
    fs::remove_dir_all(share.host.join("dir")).unwrap();
    let shown = share.wait_for_state("halted");
    let code = shown["halt"]["code"].as_str().unwrap();
    assert!(["mass_deletion", "root_emptied"].contains(&code), "{shown}");
    // What was deleted until then rests in the guest's recycle bin; the rest comes back.
    share.ok("reset", &[]);
    share.wait_for_state("watching");
    let stands = share.assert_equal().len() as u64 - 1;
    let bin = share.show()["bin"]["guest"]["entries"].as_u64().unwrap();
    assert!(stands > 0 && bin + stands >= 1200, "{bin} in the bin, {stands} left");
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
