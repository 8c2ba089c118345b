//! Each kind of change, each told as what it is; cookies in their order; the end.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use causeway_endpoint::watch::{Hint, WatchEvent};

use crate::{Backend, PATIENCE, STARTS, Watched, backends, is_dirty, text, write};

struct Case {
    what: &'static str,
    act: fn(&Path),
    inotify: &'static [&'static str],
    /// Events of one process on one name are merged.
    fanotify: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        what: "a file is written",
        act: |share| fs::write(share.join("new"), "x").unwrap(),
        inotify: &["Created new", "Written new", "ClosedAfterWrite new"],
        fanotify: &["ClosedAfterWrite new"],
    },
    Case {
        what: "a file is written and kept open",
        act: |share| {
            let mut file = OpenOptions::new().append(true).open(share.join("file")).unwrap();
            file.write_all(b"more").unwrap();
            std::mem::forget(file);
        },
        inotify: &["Written file"],
        fanotify: &["Written file"],
    },
    Case {
        what: "a file is read",
        act: |share| drop(fs::read(share.join("file")).unwrap()),
        inotify: &[],
        fanotify: &[],
    },
    Case {
        what: "a directory is listed",
        act: |share| assert_eq!(fs::read_dir(share.join("dir")).unwrap().count(), 1),
        inotify: &[],
        fanotify: &[],
    },
    Case {
        what: "permissions change",
        act: |share| fs::set_permissions(share.join("file"), fs::Permissions::from_mode(0o755)).unwrap(),
        inotify: &["Attributes file"],
        fanotify: &["Attributes file"],
    },
    Case {
        what: "a file is touched",
        act: |share| {
            let times = fs::FileTimes::new().set_accessed(std::time::UNIX_EPOCH).set_modified(std::time::UNIX_EPOCH);
            File::open(share.join("file")).unwrap().set_times(times).unwrap();
        },
        inotify: &["Attributes file"],
        fanotify: &["Attributes file"],
    },
    // The kernel takes this for writing (fsnotify_change in fsnotify.h).
    Case {
        what: "the modification time alone changes",
        act: |share| File::open(share.join("file")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap(),
        inotify: &["Written file"],
        fanotify: &["Written file"],
    },
    Case {
        what: "a file is renamed",
        act: |share| fs::rename(share.join("file"), share.join("dir/moved")).unwrap(),
        inotify: &["Moved file", "Moved dir/moved"],
        fanotify: &["Moved file", "Moved dir/moved"],
    },
    Case {
        what: "a file is saved atomically",
        act: |share| {
            fs::write(share.join("file.tmp"), "new").unwrap();
            fs::rename(share.join("file.tmp"), share.join("file")).unwrap();
        },
        inotify: &["Created file.tmp", "Written file.tmp", "ClosedAfterWrite file.tmp", "Moved file.tmp", "Moved file"],
        fanotify: &["ClosedAfterWrite file.tmp", "Moved file"],
    },
    Case {
        what: "a file is removed",
        act: |share| fs::remove_file(share.join("file")).unwrap(),
        inotify: &["Removed file"],
        fanotify: &["Removed file"],
    },
    Case {
        what: "a hard link is made",
        act: |share| fs::hard_link(share.join("file"), share.join("link")).unwrap(),
        inotify: &["Created link"],
        fanotify: &["Created link"],
    },
    Case {
        what: "a symlink is made",
        act: |share| symlink("file", share.join("link")).unwrap(),
        inotify: &["Created link"],
        fanotify: &["Created link"],
    },
    Case {
        what: "a directory is made",
        act: |share| fs::create_dir(share.join("dir/sub")).unwrap(),
        inotify: &["Created dir/sub"],
        fanotify: &["Created dir/sub"],
    },
    Case {
        what: "a directory is removed",
        act: |share| fs::remove_dir(share.join("empty")).unwrap(),
        inotify: &["Removed empty"],
        fanotify: &["Removed empty"],
    },
    Case {
        what: "a directory is renamed",
        act: |share| fs::rename(share.join("dir"), share.join("renamed")).unwrap(),
        inotify: &["Renamed dir to renamed"],
        // It is told whole where somebody else has done it.
        fanotify: &["Moved dir", "Moved renamed"],
    },
    Case {
        what: "two are exchanged",
        act: |share| {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let cwd = rustix::fs::CWD;
            rustix::fs::renameat_with(cwd, share.join("file"), cwd, share.join("dir/inside"), flags).unwrap();
        },
        inotify: &["Moved file", "Moved dir/inside", "Moved dir/inside", "Moved file"],
        fanotify: &["Moved file", "Moved dir/inside"],
    },
    Case {
        what: "content is cut",
        act: |share| OpenOptions::new().write(true).open(share.join("file")).unwrap().set_len(1).unwrap(),
        inotify: &["Written file", "ClosedAfterWrite file"],
        fanotify: &["ClosedAfterWrite file"],
    },
];

#[test]
fn every_change_is_told_as_what_it_is() {
    for backend in backends() {
        for case in CASES {
            let mut watched = Watched::prepared(backend, None, |share| {
                for dir in ["dir", "empty"] {
                    fs::create_dir(share.join(dir)).unwrap();
                }
                for file in ["file", "dir/inside"] {
                    write(share.join(file), "content");
                }
            });
            assert_eq!(watched.told(), [""; 0], "{backend:?}, nothing yet");
            {
                let _none = STARTS.read();
                (case.act)(&watched.share);
            }
            let told = watched.told();
            match backend {
                Backend::Inotify => assert_eq!(dedup(told), dedup(case.inotify), "inotify, {}", case.what),
                // What is merged depends on how fast it is read: each name must be told last as expected.
                Backend::Fanotify => {
                    for wanted in case.fanotify {
                        assert!(told.iter().any(|got| got == wanted), "{wanted} in {told:?}, {}", case.what);
                    }
                    assert_eq!(told.is_empty(), case.fanotify.is_empty(), "{told:?}, {}", case.what);
                }
            }
        }
    }
}

fn dedup<S: ToString>(texts: impl IntoIterator<Item = S>) -> Vec<String> {
    let mut texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
    texts.dedup();
    texts
}

#[test]
fn a_cookie_comes_after_what_was_done_before_it() {
    for backend in backends() {
        let watched = Watched::new(backend);
        for round in 0..1000 {
            let name = format!("file-{round}");
            write(watched.share.join(&name), "x");
            watched.watch.cookie(round).unwrap();
            let mut is_seen = false;
            loop {
                match watched.receiver.recv_timeout(PATIENCE).unwrap() {
                    WatchEvent::CookieSeen(id) => break assert_eq!(id, round),
                    event => is_seen |= is_dirty(&event, &name, Hint::ClosedAfterWrite),
                }
            }
            assert!(is_seen, "{backend:?}: {name}");
        }
    }
}

#[test]
fn names_that_are_not_text_are_told() {
    use std::os::unix::ffi::OsStrExt;
    for backend in backends() {
        let mut watched = Watched::new(backend);
        for name in [&b"latin-\xe9"[..], b"\xff", &[b'n'; 255], b"new\nline", b"..."] {
            write(watched.share.join(std::ffi::OsStr::from_bytes(name)), "x");
            let told = watched.events();
            let is_told =
                |event: &WatchEvent| matches!(event, WatchEvent::Dirty { path, .. } if path.as_bytes() == name);
            assert!(told.iter().any(is_told), "{backend:?}: {}", name.escape_ascii());
        }
    }
}

#[test]
fn the_end_of_the_root_is_told() {
    type Act = fn(&Path);
    let ends: [(&str, Act); 2] = [
        ("renamed", |share| fs::rename(share, share.with_extension("away")).unwrap()),
        ("removed", |share| fs::remove_dir(share).unwrap()),
    ];
    for backend in backends() {
        for (what, end) in ends {
            let watched = Watched::new(backend);
            end(&watched.share);
            loop {
                let event = watched.receiver.recv_timeout(PATIENCE).unwrap();
                if event == WatchEvent::RootGone {
                    break;
                }
                assert!(matches!(event, WatchEvent::Dirty { .. }), "{backend:?}, {what}: {}", text(&event));
            }
        }
    }
}

#[test]
fn no_event_comes_after_the_end() {
    for backend in backends() {
        let Watched { share, watch, receiver, _guest, temp, .. } = Watched::new(backend);
        write(share.join("before"), "x");
        drop(watch);
        while receiver.try_recv().is_ok() {}
        write(share.join("after"), "x");
        let got = receiver.recv_timeout(Duration::from_millis(100));
        assert_eq!(got, Err(RecvTimeoutError::Disconnected), "{backend:?}");
        drop((_guest, temp));
    }
}

#[test]
fn what_is_skipped_is_not_watched() {
    let skip = |path: &causeway_sync::path::RelPath| path.file_name().is_some_and(|name| name.as_bytes() == b"skipped");
    let mut watched = Watched::prepared(Backend::Inotify, Some(Arc::new(skip)), |share| {
        fs::create_dir_all(share.join("dir/skipped/deep")).unwrap();
    });
    fs::create_dir_all(watched.share.join("skipped/deep")).unwrap();
    for file in ["skipped/deep/file", "dir/skipped/file", "dir/skipped/deep/file"] {
        write(watched.share.join(file), "x");
    }
    assert_eq!(watched.told(), ["Created skipped"]);
    write(watched.share.join("dir/file"), "x");
    assert!(watched.told().contains(&"ClosedAfterWrite dir/file".to_owned()));
}
