//! Directories that are renamed, leave the share and come into it, and what is done in them afterwards.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;

use causeway_endpoint::watch::{Hint, WatchEvent};

use crate::{Backend, Watched, backends, is_dirty, run, write};

/// Whether a write to `file` is told under that path.
fn is_watched(watched: &mut Watched, file: &str) -> bool {
    write(watched.share.join(file), "x");
    watched.events().iter().any(|event| is_dirty(event, file, Hint::ClosedAfterWrite))
}

/// As it looks where another program does it.
fn rename_by_another(from: &Path, to: &Path) {
    assert!(run(Command::new("mv").arg("-T").args([from, to])).success());
}

#[test]
fn a_renamed_directory_is_watched_under_its_new_name() {
    for backend in backends() {
        let mut watched = Watched::prepared(backend, None, |share| {
            fs::create_dir_all(share.join("a/b/c")).unwrap();
            fs::create_dir_all(share.join("other")).unwrap();
        });
        for (from, to, file) in [
            ("a", "z", "z/b/c/file"),
            ("z/b", "other/b", "other/b/c/file"),
            ("other", "z/other", "z/other/b/file"),
            ("z/other/b/c", "c", "c/file"),
        ] {
            rename_by_another(&watched.share.join(from), &watched.share.join(to));
            let told = watched.told();
            let told: Vec<_> = told.iter().filter(|told| !told.starts_with("Moved")).collect();
            assert_eq!(told, [&format!("Renamed {from} to {to}")], "{backend:?}");
            assert!(is_watched(&mut watched, file), "{backend:?}: {file}");
        }
    }
}

#[test]
fn exchanged_directories_are_watched_under_each_others_names() {
    for backend in backends() {
        let mut watched = Watched::prepared(backend, None, |share| {
            fs::create_dir_all(share.join("a/in-a")).unwrap();
            fs::create_dir_all(share.join("b/in-b")).unwrap();
        });
        let (a, b) = (watched.share.join("a"), watched.share.join("b"));
        let cwd = rustix::fs::CWD;
        rustix::fs::renameat_with(cwd, a, cwd, b, rustix::fs::RenameFlags::EXCHANGE).unwrap();
        for file in ["a/in-b/file", "b/in-a/file", "a/file", "b/file"] {
            assert!(is_watched(&mut watched, file), "{backend:?}: {file}");
        }
    }
}

#[test]
fn what_leaves_the_share_is_no_longer_told_and_what_comes_in_is() {
    for backend in backends() {
        let mut watched = Watched::prepared(backend, None, |share| fs::create_dir_all(share.join("dir/sub")).unwrap());
        let outside = watched.outside();
        fs::rename(watched.share.join("dir"), outside.join("dir")).unwrap();
        assert_eq!(watched.told(), ["Moved dir"], "{backend:?}");
        write(outside.join("dir/sub/file"), "x");
        assert_eq!(watched.told(), [""; 0], "{backend:?}");
        fs::rename(outside.join("dir"), watched.share.join("back")).unwrap();
        let told = watched.told();
        assert!(told.contains(&"Moved back".to_owned()), "{backend:?}: {told:?}");
        assert!(is_watched(&mut watched, "back/sub/file"), "{backend:?}");
    }
}

/// A directory that was away brings along what nobody has seen: that it was renamed within the share isn't all that is told.
#[test]
fn what_was_changed_on_a_way_through_the_outside_is_not_vouched_for() {
    for backend in backends() {
        let mut watched = Watched::prepared(backend, None, |share| {
            fs::create_dir_all(share.join("dir/sub")).unwrap();
            fs::create_dir_all(share.join("other/sub")).unwrap();
        });
        let (outside, share) = (watched.outside(), watched.share.clone());
        let outside = outside.to_str().unwrap();
        let script = format!(
            "mv other there; mv dir back; mv back {outside}/dir; mv there other; echo x > {outside}/dir/sub/file; mv {outside}/dir dir;"
        );
        let script = [&*script.repeat(3), "mv dir back"].concat();
        assert!(run(Command::new("sh").args(["-c", &script]).current_dir(&share)).success());
        let told = watched.told();
        let covered = ["Overflow ", "Overflow dir", "Overflow back"];
        assert!(told.iter().any(|told| covered.contains(&told.as_str())), "{backend:?}: {told:?}");
    }
}

/// Names are used again at once for other directories, faster than events are read.
#[test]
fn names_that_pass_from_directory_to_directory() {
    for backend in backends() {
        let mut watched = Watched::new(backend);
        for round in 0..300 {
            let at = |name: &str| watched.share.join(name);
            fs::create_dir_all(at("a/b")).unwrap();
            fs::rename(at("a"), at(&format!("kept-{round}"))).unwrap();
            fs::create_dir(at("a")).unwrap();
            fs::create_dir(at("a/b")).unwrap();
            fs::create_dir(at("a/b/c")).unwrap();
            fs::rename(at("a/b"), at(&format!("kept-{round}/b/moved"))).unwrap();
            fs::remove_dir(at("a")).unwrap();
        }
        watched.events();
        for round in 0..300 {
            for dir in ["", "/b", "/b/moved", "/b/moved/c"] {
                write(watched.share.join(format!("kept-{round}{dir}/file")), "x");
            }
        }
        let events = watched.events();
        for round in 0..300 {
            for dir in ["", "/b", "/b/moved", "/b/moved/c"] {
                let file = format!("kept-{round}{dir}/file");
                let is_told = events.iter().any(|event| is_dirty(event, &file, Hint::ClosedAfterWrite));
                assert!(is_told, "{backend:?}: {file}");
            }
        }
    }
}

#[test]
fn paths_beyond_the_systems_limit_are_watched() {
    let name = "d".repeat(250);
    for backend in backends() {
        let mut watched = Watched::new(backend);
        let mut dir = fs::File::open(&watched.share).unwrap();
        for _ in 0..40 {
            rustix::fs::mkdirat(&dir, &*name, 0o755.into()).unwrap();
            let flags = rustix::fs::OFlags::DIRECTORY;
            dir = rustix::fs::openat(&dir, &*name, flags, rustix::fs::Mode::empty()).unwrap().into();
        }
        watched.events();
        // By another process: own changes so deep are not told, because an overflow doesn't say whose they are.
        let there = format!("/proc/self/fd/{}", dir.as_raw_fd());
        let status = run(Command::new("touch").arg("file").current_dir(there));
        assert!(status.success());
        let whole = [vec![&*name; 40].join("/"), "/file".into()].concat();
        let is_covered = |event: &WatchEvent| match event {
            WatchEvent::Dirty { path, .. } => path.as_bytes() == whole.as_bytes(),
            WatchEvent::Overflow { subtree } => {
                backend == Backend::Fanotify && !subtree.is_root() && whole.as_bytes().starts_with(subtree.as_bytes())
            }
            _ => false,
        };
        let events = watched.events();
        assert!(events.iter().any(is_covered), "{backend:?}: {events:?}");
        drop(dir);
    }
}
