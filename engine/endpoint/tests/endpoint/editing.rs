//! A person's edit through Causeway, with somebody else who writes the same file at the same time.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use causeway_endpoint::fs::{FileMode, FsErrorKind, OsFs, OsFsConfig};
use causeway_endpoint::{Edited, edit};
use causeway_sync::Name;

use crate::hooked::{Call, Hooked, Hooks};
use crate::side::{Side, now_ms};

const NAME: &str = ".syncignore";

struct Ground {
    fs: Hooked,
    hooks: Hooks,
    dir: tempfile::TempDir,
}

impl Ground {
    fn new(content: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (share, private) = (dir.path().join("share"), dir.path().join("private"));
        fs::create_dir(&share).unwrap();
        if let Some(content) = content {
            fs::write(share.join(NAME), content).unwrap();
        }
        let inner = OsFs::open(OsFsConfig { share, private, mode: FileMode::User }).unwrap();
        let hooks = Hooks::default();
        Self { fs: Hooked { inner, hooks: hooks.clone(), can: None }, hooks, dir }
    }

    fn place(&self) -> PathBuf {
        self.dir.path().join("share").join(NAME)
    }

    fn edit(&self, expected: Option<&str>, content: &str) -> Result<Edited, FsErrorKind> {
        let name = Name::new(NAME.as_bytes()).unwrap();
        let edited = edit(&self.fs, name, expected.map(str::as_bytes), content.as_bytes(), now_ms());
        edited.map_err(|error| error.kind)
    }

    fn stands(&self) -> Option<String> {
        fs::read_to_string(self.place()).ok()
    }

    /// What rests in the recycle bin.
    fn binned(&self) -> Vec<String> {
        let mut binned = Vec::new();
        for hour in fs::read_dir(self.dir.path().join("private/bin")).unwrap() {
            for entry in fs::read_dir(hour.unwrap().path()).unwrap() {
                binned.push(fs::read_to_string(entry.unwrap().path()).unwrap());
            }
        }
        binned.sort();
        binned
    }

    /// How many names are left in the folder besides the file, and in staging.
    fn left(&self) -> usize {
        let count = |path: &str| fs::read_dir(self.dir.path().join(path)).unwrap().count();
        count("share") - usize::from(fs::symlink_metadata(self.place()).is_ok()) + count("private/staging")
    }
}

#[test]
fn what_was_expected_is_replaced_and_rests_in_the_bin() {
    for (before, expected, edited, after, binned) in [
        (Some("old"), Some("old"), Edited::Written, "new", vec!["old"]),
        (None, None, Edited::Written, "new", vec![]),
        (Some("old"), None, Edited::Changed, "old", vec![]),
        (Some("older"), Some("old"), Edited::Changed, "older", vec![]),
    ] {
        let ground = Ground::new(before);
        assert_eq!(ground.edit(expected, "new"), Ok(edited), "{before:?} {expected:?}");
        assert_eq!(ground.stands().as_deref(), Some(after));
        assert_eq!(ground.binned(), binned);
        assert_eq!(ground.left(), 0);
    }
    let ground = Ground::new(None);
    assert_eq!(ground.edit(Some("old"), "new"), Ok(Edited::Changed));
    assert_eq!((ground.stands(), ground.left()), (None, 0));
}

#[test]
fn a_link_or_a_directory_is_left_alone() {
    for make in [
        |at: PathBuf| fs::create_dir(at).unwrap(),
        |at: PathBuf| {
            std::os::unix::fs::symlink("elsewhere", at).unwrap();
        },
    ] {
        for expected in [None, Some("old")] {
            let ground = Ground::new(None);
            make(ground.place());
            assert_eq!(ground.edit(expected, "new"), Ok(Edited::Changed));
            assert!(!fs::symlink_metadata(ground.place()).unwrap().is_file());
            assert_eq!(ground.left(), 0);
        }
    }
}

/// Somebody does `meddle` before each single step of an edit in turn. What they wrote stands there, or rests in the bin.
fn at_every_step(before: Option<&str>, exchanges: bool, meddle: fn(PathBuf)) {
    for step in 1.. {
        let ground = Ground::new(before);
        let steps = Arc::new(AtomicU64::new(0));
        let (count, act) = (Arc::clone(&steps), Mutex::new(Some((meddle, ground.place()))));
        let mut refuses = before.is_some() && !exchanges;
        ground.hooks.set(move |call, name| {
            if count.fetch_add(1, Ordering::Relaxed) + 1 == step
                && let Some((meddle, place)) = act.lock().unwrap().take()
            {
                meddle(place);
            }
            let refused = call == Call::Rename && name == NAME && std::mem::take(&mut refuses);
            refused.then_some(FsErrorKind::Unsupported)
        });
        let edited = ground.edit(before, "new");
        ground.hooks.clear();
        if steps.load(Ordering::Relaxed) < step {
            assert!(step > 5, "there are steps to meddle with");
            return;
        }
        let mut all = ground.binned();
        all.extend(ground.stands());
        let edited = edited.unwrap();
        assert!(all.iter().any(|found| found.contains("mine")), "{step}: {edited:?} {all:?}");
        match edited {
            // Whoever wrote afterwards knew what they wrote over.
            Edited::Written => assert!(matches!(ground.stands().unwrap().as_str(), "new" | "mine"), "{step}"),
            Edited::Changed => assert_eq!(ground.stands().as_deref(), Some("mine"), "{step}"),
        }
        assert_eq!(ground.left(), 0, "{step}");
    }
}

fn write_in_place(at: PathBuf) {
    fs::write(at, "mine").unwrap();
}

fn save_by_rename(at: PathBuf) {
    let aside = at.with_file_name("../mine");
    fs::write(&aside, "mine").unwrap();
    fs::rename(aside, at).unwrap();
}

#[test]
fn what_somebody_writes_meanwhile_is_not_lost() {
    for exchanges in [true, false] {
        for before in [Some("old"), None] {
            at_every_step(before, exchanges, save_by_rename);
            at_every_step(before, exchanges, write_in_place);
        }
    }
}

#[test]
fn what_is_written_to_the_file_that_was_replaced_rests_in_the_bin() {
    use std::io::Write;
    let ground = Ground::new(Some("old"));
    let mut open = fs::OpenOptions::new().append(true).open(ground.place()).unwrap();
    assert_eq!(ground.edit(Some("old"), "new"), Ok(Edited::Written));
    open.write_all(b" and mine").unwrap();
    assert_eq!(ground.binned(), ["old and mine"]);
}

/// A writer without a pause: each of its versions was replaced by itself, stands there, or rests in the bin.
#[test]
fn no_version_is_lost_to_a_busy_writer() {
    let ground = Ground::new(Some("0"));
    let done = Arc::new(AtomicBool::new(false));
    let (place, is_done) = (ground.place(), Arc::clone(&done));
    let writer = std::thread::spawn(move || {
        let mut version = 0;
        let mut lost = Vec::new();
        while !is_done.load(Ordering::Relaxed) {
            let read = fs::read_to_string(&place).unwrap();
            // It knows what it replaces: only what it has read, as an editor does.
            let aside = place.with_file_name("../aside");
            version += 1;
            fs::write(&aside, format!("writer {version}")).unwrap();
            let dir = fs::File::open(place.parent().unwrap()).unwrap();
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            rustix::fs::renameat_with(&dir, "../aside", &dir, NAME, flags).unwrap();
            let out = fs::read_to_string(&aside).unwrap();
            if out != read {
                lost.push(out);
            }
        }
        (version, lost)
    });
    let mut written = Vec::new();
    for number in 0..300 {
        let read = ground.stands().unwrap();
        let text = format!("edit {number}");
        if ground.edit(Some(&read), &text).unwrap() == Edited::Written {
            written.push((read, text));
        }
    }
    done.store(true, Ordering::Relaxed);
    let (versions, taken_by_writer) = writer.join().unwrap();
    assert!(versions > 0 && ground.left() == 0);
    let binned = ground.binned();
    // An edit that was made replaced just what its author had read.
    for (replaced, _) in &written {
        assert!(binned.contains(replaced), "{replaced} isn't in the bin");
    }
    // The writer's last version was replaced by an edit that knew it, or stands there.
    let last = format!("writer {versions}");
    assert!(
        ground.stands().as_ref() == Some(&last) || binned.contains(&last) || taken_by_writer.contains(&last),
        "{last} is lost"
    );
}

#[test]
fn the_bins_total_counts_what_an_edit_put_there() {
    let side = Side::crawled(|share| fs::write(share.join(NAME), "old").unwrap());
    assert_eq!(side.ep.bin_usage().unwrap().items, 0);
    let beside =
        OsFs::open(OsFsConfig { share: side.share.clone(), private: side.private.clone(), mode: FileMode::User });
    let name = Name::new(NAME.as_bytes()).unwrap();
    assert_eq!(edit(&beside.unwrap(), name, Some(b"old"), b"new", now_ms()).unwrap(), Edited::Written);
    side.ep.note_edit();
    assert_eq!(side.ep.bin_usage().unwrap().items, 1);
}
