//! What is ignored, and what may cross in which direction.

use std::fs;

use causeway_e2e::{Place, eventually};

#[test]
fn syncignore_takes_effect_at_once() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir_all(folder.join("target/debug")).unwrap();
    fs::write(folder.join("target/debug/out"), "x").unwrap();
    fs::write(folder.join("kept"), "x").unwrap();
    fs::write(folder.join(".syncignore"), "target\n").unwrap();
    let share = place.share(&folder, &[]);
    assert!(share.guest.join("kept").exists() && !share.guest.join("target").exists());

    // Newly included: it appears.
    fs::write(folder.join(".syncignore"), "other\n").unwrap();
    eventually(|| share.guest.join("target/debug/out").exists(), || "target to appear".to_owned());

    // Newly excluded, from the guest this time: it stops being synchronised, the copy stays, and the share says so.
    fs::write(share.guest.join(".syncignore"), "target\n").unwrap();
    share.flush();
    assert_eq!(fs::read_to_string(folder.join(".syncignore")).unwrap(), "target\n");
    eventually(|| share.show()["prunable"]["entries"] != 0, || format!("copies to be counted: {}", share.show()));
    fs::write(folder.join("target/debug/out"), "newer").unwrap();
    share.flush();
    assert_eq!(fs::read_to_string(share.guest.join("target/debug/out")).unwrap(), "x");
    share.ok("prune", &[]);
    assert!(!share.guest.join("target").exists());
    assert_eq!(fs::read_to_string(folder.join("target/debug/out")).unwrap(), "newer");
    assert_eq!(share.show()["prunable"]["entries"], 0);
}

#[test]
fn a_wrong_syncignore_is_a_problem_and_the_rules_before_stay() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::write(folder.join(".syncignore"), "*.log\n").unwrap();
    let share = place.share(&folder, &[]);
    fs::write(folder.join(".syncignore"), "*.txt\n[\n").unwrap();
    let shown = share.wait_for_state("problem");
    assert_eq!(shown["worst_problem"]["code"], "invalid_rules", "{shown}");
    assert!(shown["worst_problem"]["sentence"].as_str().unwrap().contains("line 2"), "{shown}");
    fs::write(folder.join("a.log"), "x").unwrap();
    fs::write(folder.join("a.txt"), "x").unwrap();
    assert_eq!(share.verb("flush", &[]).code, 4);
    assert!(share.guest.join("a.txt").exists() && !share.guest.join("a.log").exists());
    fs::write(folder.join(".syncignore"), "").unwrap();
    eventually(|| share.guest.join("a.log").exists(), || "the log to appear".to_owned());
    share.wait_for_state("watching");
    share.assert_equal();
}

#[test]
fn patterns_of_the_share_hold_in_their_direction() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir(folder.join("sub")).unwrap();
    for name in ["x.never", "x.up", "x.down", "sub/y.up"] {
        fs::write(folder.join(name), "h").unwrap();
    }
    let share =
        place.share(&folder, &["--exclude", "*.never", "--upload-exclude", "*.up", "--download-exclude", "*.down"]);
    for (name, crosses) in [("x.never", false), ("x.up", false), ("sub/y.up", false), ("x.down", true)] {
        assert_eq!(share.guest.join(name).exists(), crosses, "{name} to the guest");
    }
    for name in ["z.never", "z.up", "z.down"] {
        fs::write(share.guest.join(name), "g").unwrap();
    }
    share.flush();
    for (name, crosses) in [("z.never", false), ("z.up", true), ("z.down", false)] {
        assert_eq!(folder.join(name).exists(), crosses, "{name} to the host");
    }
}
