//! Single files that containers have bound.

use std::fs;
use std::path::Path;

use causeway_e2e::dockerd::BUSYBOX;
use causeway_e2e::{Docked, HasDocker, Share};

use super::bind;
use super::edits::within_a_second;

/// Saves a file as editors do that never leave half of one: written aside, and renamed into its place.
fn save(file: &Path, content: &str) {
    let aside = file.with_extension("aside");
    fs::write(&aside, content).unwrap();
    fs::rename(aside, file).unwrap();
}

#[test]
fn a_file_that_a_container_has_bound_is_updated_in_place() {
    let docked = Docked::new();
    let folder = docked.place.folder("repo");
    let file = folder.join("app.conf");
    fs::write(&file, "0").unwrap();
    let share = docked.place.share(&folder, &[]);
    let conf = bind(&file, "/conf");
    docked.docker_ok(&["run", "-d", "--name", "c1", "--network", "none", "-v", &conf, BUSYBOX, "sleep", "1000"]);
    let seen = |docked: &Docked| docked.docker_ok(&["exec", "c1", "cat", "/conf"]);
    saves_are_seen_in_place(&docked, &file);

    // The other way it is an edit like any other.
    docked.docker_ok(&["exec", "c1", "sh", "-c", "echo written >> /conf"]);
    share.flush();
    assert!(fs::read_to_string(&file).unwrap().ends_with("written\n"));
    save(&file, "and back");
    assert_eq!(seen(&docked), "and back");
    // What the container had before rests in the bin.
    let binned = share.ok("bin", &["list"]);
    assert!(binned.contains("app.conf"), "{binned}");

    what_was_saved_while_nothing_ran_is_in_place_too(&docked, &file);
    docked.docker_ok(&["rm", "-f", "c1"]);
    share.assert_equal();
}

/// At each of the ways in which a container looks at it: "c1" has the file at `/conf`.
pub fn saves_are_seen_in_place(docked: &dyn HasDocker, file: &Path) {
    for content in ["saved", "saved with more in it", "", "1"] {
        save(file, content);
        assert_eq!(docked.docker_ok(&["exec", "c1", "cat", "/conf"]), content);
    }
    let watch = ["exec", "c1", "inotifywait", "-m", "-e", "close_write", "/conf"];
    within_a_second(docked, &watch, "CLOSE_WRITE", |content| save(file, content));
}

/// The engine knows what was bound before Docker has told it anything.
fn what_was_saved_while_nothing_ran_is_in_place_too(docked: &Docked, file: &Path) {
    docked.place.kill_engine();
    save(file, "saved meanwhile");
    docked.place.ok(&["engine", "start"]);
    Share::new(&docked.place, "repo").flush();
    assert_eq!(docked.docker_ok(&["exec", "c1", "cat", "/conf"]), "saved meanwhile");
    docked.docker_ok(&["restart", "-t", "0", "c1"]);
    save(file, "saved after a restart");
    assert_eq!(docked.docker_ok(&["exec", "c1", "cat", "/conf"]), "saved after a restart");
}
