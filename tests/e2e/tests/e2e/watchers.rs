//! Tools that watch a folder report an edit on the other side as that one file's change.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use causeway_e2e::{Place, Share, Sighting, Tool, Watcher, eventually};

/// The file that is edited. It stands there before.
const FILE: &str = "src/main.js";

/// A way in which an editor saves [`FILE`] in a folder. Gets what to write.
struct Save {
    name: &'static str,
    save: fn(&Path, &str),
    /// Other paths that it makes use of: tools may hear of them.
    beside: &'static [&'static str],
    /// Whether for a moment nothing stands at the path: that may cross as it is.
    leaves_a_gap: bool,
}

/// How editors save. "Moves the old one aside" is what vim does by default where it keeps a backup.
const SAVES: &[Save] = &[
    Save {
        name: "writes in place",
        save: |folder, text| fs::write(folder.join(FILE), text).unwrap(),
        beside: &[],
        leaves_a_gap: false,
    },
    Save {
        name: "truncates, then writes piece by piece",
        save: |folder, text| {
            let mut file = fs::File::create(folder.join(FILE)).unwrap();
            for piece in text.as_bytes().chunks(3) {
                file.write_all(piece).unwrap();
            }
        },
        beside: &[],
        leaves_a_gap: false,
    },
    Save {
        name: "appends",
        save: |folder, text| {
            let mut file = fs::File::options().append(true).open(folder.join(FILE)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        },
        beside: &[],
        leaves_a_gap: false,
    },
    Save {
        name: "renames a new one over it",
        save: |folder, text| {
            fs::write(folder.join("src/.main.js.swp"), text).unwrap();
            fs::rename(folder.join("src/.main.js.swp"), folder.join(FILE)).unwrap();
        },
        beside: &["src/.main.js.swp"],
        leaves_a_gap: false,
    },
    Save {
        name: "moves the old one aside",
        save: |folder, text| {
            fs::rename(folder.join(FILE), folder.join("src/main.js~")).unwrap();
            fs::write(folder.join(FILE), text).unwrap();
            fs::remove_file(folder.join("src/main.js~")).unwrap();
        },
        beside: &["src/main.js~"],
        leaves_a_gap: true,
    },
    Save {
        name: "deletes and creates",
        save: |folder, text| {
            fs::remove_file(folder.join(FILE)).unwrap();
            fs::write(folder.join(FILE), text).unwrap();
        },
        beside: &[],
        leaves_a_gap: true,
    },
];

/// Until then a tool has to have heard of an edit. Far more than it takes, and far less than polling would.
const PROMPT: Duration = Duration::from_secs(15);
/// For so long chokidar holds a removal back to see whether the path comes again (its option `atomic`), thrice over.
const HELD_BACK: Duration = Duration::from_millis(300);

/// How the files begin that are made after an edit.
const MARKER: &str = "marker-";

#[test]
fn inotifywait_sees_edits() {
    every_save_is_one_change(Tool::Inotifywait);
}

#[test]
fn watchdog_sees_edits() {
    every_save_is_one_change(Tool::Watchdog);
}

#[test]
fn chokidar_sees_edits() {
    every_save_is_one_change(Tool::Chokidar);
}

#[test]
fn vite_sees_edits() {
    every_save_is_one_change(Tool::Vite);
}

#[test]
fn watchexec_sees_edits() {
    every_save_is_one_change(Tool::Watchexec);
}

fn every_save_is_one_change(tool: Tool) {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir(folder.join("src")).unwrap();
    fs::write(folder.join(FILE), "at first").unwrap();
    fs::write(folder.join("src/other.js"), "of no concern").unwrap();
    let share = place.share(&folder, &[]);
    share.flush();
    for (side, other) in [(&share.host, &share.guest), (&share.guest, &share.host)] {
        let watcher = Watcher::start(&place, tool, other);
        wait_until_it_sees(&watcher, &share, other);
        for (number, save) in SAVES.iter().enumerate() {
            let seen = during(&share, &watcher, side, number, || (save.save)(side, &format!("{tool:?} {}", save.name)));
            let what = format!("{tool:?}, {}: {seen:?}", save.name);
            let (about, beside): (Vec<_>, Vec<_>) = seen.iter().partition(|one| one.path == Path::new(FILE));
            let foreign = beside.iter().find(|one| !save.beside.iter().any(|path| one.path == Path::new(path)));
            assert!(foreign.is_none(), "of something else: {what}");
            assert!(!about.is_empty(), "nothing: {what}");
            assert!(!leaves_it_gone(&about), "it seems to be gone at last: {what}");
            match tool {
                Tool::Inotifywait => {
                    let arrivals = about.iter().filter(|one| one.event.contains("MOVED_TO")).count();
                    assert!(arrivals == 1 || (arrivals == 2 && save.leaves_a_gap), "not one change: {what}");
                    assert!(!about.iter().any(|one| one.event.contains("DELETE")), "a deletion: {what}");
                }
                // It takes what is renamed from outside over a file for a deletion and a creation, whoever does it.
                Tool::Watchdog => {
                    let created = about.iter().filter(|one| one.event == "created").count();
                    assert!(created == 1 || (created == 2 && save.leaves_a_gap), "not one change: {what}");
                }
                // It names a path that left and came once or twice.
                Tool::Watchexec => {
                    assert!(about.len() <= 2 || save.leaves_a_gap, "not one change: {what}");
                    assert!(!about.iter().any(|one| one.is_gone()), "a deletion: {what}");
                }
                Tool::Chokidar | Tool::Vite => {
                    assert!(about.len() == 1 || save.leaves_a_gap, "not one change: {what}");
                    assert!(save.leaves_a_gap || !about.iter().any(|one| one.is_gone()), "a deletion: {what}");
                }
            }
        }
        attributes_and_names(tool, &share, &watcher, side);
    }
    share.assert_equal();
}

/// Some say that they are ready before they have looked into every folder.
fn wait_until_it_sees(watcher: &Watcher, share: &Share<'_>, folder: &Path) {
    let marker = Path::new("src").join(format!("{MARKER}first"));
    let mut written = 0;
    let sees = || {
        written += 1;
        fs::write(folder.join(&marker), format!("{written}")).unwrap();
        thread::sleep(HELD_BACK);
        watcher.sightings().iter().any(|one| one.path == marker)
    };
    eventually(sees, || format!("{} to be seen", marker.display()));
    forget(watcher, folder, &marker);
    share.flush();
}

/// A change of mode concerns the one file and takes it away for nobody; a rename is one.
fn attributes_and_names(tool: Tool, share: &Share<'_>, watcher: &Watcher, side: &Path) {
    let seen = during(share, watcher, side, 100, || {
        fs::set_permissions(side.join(FILE), fs::Permissions::from_mode(0o755)).unwrap();
    });
    assert!(seen.iter().all(|one| one.path == Path::new(FILE) && !one.is_gone()), "{tool:?}, a mode: {seen:?}");
    assert!(tool != Tool::Inotifywait || seen.iter().any(|one| one.event == "ATTRIB"), "{tool:?}, a mode: {seen:?}");
    fs::set_permissions(side.join(FILE), fs::Permissions::from_mode(0o644)).unwrap();

    for (from, to) in [(FILE, "src/renamed.js"), ("src/renamed.js", FILE)] {
        let seen = during(share, watcher, side, 101, || fs::rename(side.join(from), side.join(to)).unwrap());
        let of = |path: &str| seen.iter().filter(|one| one.path == Path::new(path)).collect::<Vec<_>>();
        // To watchexec every rename is a modification of both names.
        let is_told = tool == Tool::Watchexec || leaves_it_gone(&of(from));
        assert!(is_told && !of(from).is_empty(), "{tool:?}, the old name of a rename: {seen:?}");
        assert!(!of(to).is_empty() && !leaves_it_gone(&of(to)), "{tool:?}, the new name of a rename: {seen:?}");
        assert!(seen.len() <= of(from).len() + of(to).len(), "{tool:?}, a rename: {seen:?}");
    }
}

fn leaves_it_gone(about: &[&Sighting]) -> bool {
    about.last().is_some_and(|last| last.is_gone())
}

/// What the watcher sees of an act on the other side: until it has seen a file that was made after it.
fn during(share: &Share<'_>, watcher: &Watcher, side: &Path, number: usize, act: impl FnOnce()) -> Vec<Sighting> {
    let marker = PathBuf::from(format!("{MARKER}{number}"));
    let before = watcher.sightings().len();
    let acted = Instant::now();
    act();
    share.flush();
    fs::write(side.join(&marker), "").unwrap();
    let has_seen_marker = || watcher.sightings()[before..].iter().any(|one| one.path == marker);
    eventually(has_seen_marker, || format!("what comes after the edit: {:?}", &watcher.sightings()[before..]));
    assert!(acted.elapsed() < PROMPT, "it took {:?}", acted.elapsed());
    thread::sleep(HELD_BACK);
    let mut seen = watcher.sightings().split_off(before);
    forget(watcher, side, &marker);
    seen.retain(|one| !one.path.file_name().unwrap_or_default().to_string_lossy().starts_with(MARKER));
    seen
}

/// Removes a marker, and waits until the watcher has seen that.
fn forget(watcher: &Watcher, folder: &Path, marker: &Path) {
    let before = watcher.sightings().len();
    fs::remove_file(folder.join(marker)).unwrap();
    let is_told = || watcher.sightings()[before..].iter().any(|one| one.path == marker);
    eventually(is_told, || format!("{} to be gone: {:?}", marker.display(), &watcher.sightings()[before..]));
}
