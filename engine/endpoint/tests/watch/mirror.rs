//! Whoever does what the contract says, and no more, ends up knowing the whole tree, however fast it changes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use causeway_endpoint::watch::{Hint, Sink, WatchEvent};

use crate::{Backend, PATIENCE, Watched, backends, channel, write};

/// What is known of the share: content by path, `None` for a directory.
#[derive(Default)]
struct Mirror(BTreeMap<PathBuf, Option<Vec<u8>>>);

impl Mirror {
    /// Looks at a path, and below it if `deep`.
    fn look(&mut self, share: &Path, path: &Path, deep: bool) {
        let found = fs::symlink_metadata(share.join(path));
        let is_dir = found.as_ref().is_ok_and(fs::Metadata::is_dir);
        if deep || !is_dir {
            self.0.retain(|known, _| !known.starts_with(path) || known == path && is_dir);
        }
        if path.as_os_str().is_empty() {
        } else if is_dir {
            self.0.insert(path.into(), None);
        } else if found.is_ok()
            && let Ok(content) = fs::read(share.join(path))
        {
            self.0.insert(path.into(), Some(content));
        }
        if deep && is_dir {
            for entry in fs::read_dir(share.join(path)).into_iter().flatten().flatten() {
                self.look(share, &path.join(entry.file_name()), true);
            }
        }
    }

    fn heed(&mut self, share: &Path, event: &WatchEvent) {
        let as_path = |bytes| Path::new(OsStr::from_bytes(bytes)).to_owned();
        match event {
            WatchEvent::Dirty { path, hint, .. } => {
                let deep = matches!(hint, Hint::Created | Hint::Moved | Hint::Removed);
                self.look(share, &as_path(path.as_bytes()), deep);
            }
            WatchEvent::Renamed { from, to } => {
                [from, to].into_iter().for_each(|path| self.look(share, &as_path(path.as_bytes()), true));
            }
            WatchEvent::Overflow { subtree } => self.look(share, &as_path(subtree.as_bytes()), true),
            WatchEvent::CookieSeen(_) => {}
            WatchEvent::RootGone | WatchEvent::Limit(_) => panic!("{event:?}"),
        }
    }
}

/// As a package manager does: fills a directory under a temporary name and renames it, over and over; some vanish again.
fn install(share: &Path, thread: usize, rounds: usize) {
    for round in 0..rounds {
        let aside = share.join(format!(".tmp-{thread}-{round}"));
        let deep = aside.join("lib").join(format!("sub-{round}")).join("deep");
        fs::create_dir_all(&deep).unwrap();
        for (i, dir) in deep.ancestors().take(4).enumerate() {
            write(dir.join("file"), format!("{thread} {round} {i}"));
        }
        let place = share.join(format!("package-{thread}-{}", round % 20));
        if place.exists() {
            fs::rename(&place, aside.join("old")).unwrap();
            fs::rename(aside.join("lib"), &place).unwrap();
            write(place.join("after"), format!("{round}"));
            fs::create_dir_all(place.join(format!("new-{round}/x"))).unwrap();
            write(place.join(format!("new-{round}/x/y")), format!("{round}"));
            fs::remove_dir_all(aside).unwrap();
        } else {
            fs::rename(&aside, &place).unwrap();
            write(place.join("lib/after"), format!("{round}"));
        }
    }
}

#[test]
fn nothing_is_missed_while_trees_are_made_and_renamed() {
    for backend in backends() {
        let mut watched = Watched::new(backend);
        let share = watched.share.clone();
        let mut mirror = Mirror::default();
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..3)
                .map(|thread| {
                    let share = &share;
                    scope.spawn(move || install(share, thread, 150))
                })
                .collect();
            let is_done = &is_done;
            scope.spawn(move || {
                workers.into_iter().for_each(|worker| worker.join().unwrap());
                is_done.store(true, Ordering::Relaxed);
            });
            while !is_done.load(Ordering::Relaxed) {
                if let Ok(event) = watched.receiver.recv_timeout(std::time::Duration::from_millis(20)) {
                    mirror.heed(&share, &event);
                }
            }
        });
        for event in watched.events() {
            mirror.heed(&share, &event);
        }
        let mut real = Mirror::default();
        real.look(&share, Path::new(""), true);
        assert!(real.0.len() > 300);
        for (path, content) in &real.0 {
            assert_eq!(mirror.0.get(path), Some(content), "{backend:?}: {}", path.display());
        }
        assert_eq!(mirror.0.len(), real.0.len(), "{backend:?}: more is known than stands there");
        // And all that was made along the way is watched now.
        let dirs: Vec<_> = real.0.iter().filter(|(_, content)| content.is_none()).map(|(path, _)| path).collect();
        for dir in &dirs {
            write(share.join(dir).join("late"), "x");
        }
        for event in watched.events() {
            mirror.heed(&share, &event);
        }
        for dir in dirs {
            assert!(mirror.0.contains_key(&dir.join("late")), "{backend:?}: {} is not watched", dir.display());
        }
    }
}

/// Open or closed.
type Gate = Arc<(Mutex<bool>, Condvar)>;

/// A sink that stops the reader while the gate is closed.
fn gated() -> (Gate, Sink, std::sync::mpsc::Receiver<WatchEvent>) {
    let gate = Arc::new((Mutex::new(true), Condvar::new()));
    let (sink, receiver) = channel();
    let gated: Sink = {
        let gate = gate.clone();
        Arc::new(move |event| {
            let (is_open, changed) = &*gate;
            drop(changed.wait_while(is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
            sink(event);
        })
    };
    (gate, gated, receiver)
}

#[test]
fn an_overflow_is_told_and_cookies_survive_it() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    if limit > 100_000 {
        eprintln!("the queue is too long here to fill it: {limit}");
        return;
    }
    let (gate, sink, receiver) = gated();
    let set_gate = |is_open| {
        *gate.0.lock().unwrap() = is_open;
        gate.1.notify_all();
    };
    let mut watched = Watched::with_sink(Backend::Inotify, None, |_| {}, sink, receiver);
    assert_eq!(watched.told(), [""; 0]);
    set_gate(false);
    let name = |i| format!("file-{i}");
    for i in 0..limit {
        fs::File::create(watched.share.join(name(i % 1000))).unwrap();
        if i % 1000 == 0 {
            fs::create_dir_all(watched.share.join(format!("dir-{i}/sub"))).unwrap();
        }
    }
    // Written while the queue is full: its own event is lost.
    watched.watch.cookie(9999).unwrap();
    set_gate(true);
    let (mut is_overflow_told, mut events) = (false, 0);
    loop {
        events += 1;
        match watched.receiver.recv_timeout(PATIENCE).unwrap() {
            WatchEvent::Overflow { subtree } => is_overflow_told |= subtree.is_root(),
            WatchEvent::CookieSeen(id) => break assert_eq!(id, 9999),
            _ => {}
        }
    }
    assert!(is_overflow_told, "after {events} events");
    for dir in ["dir-0/sub", &format!("dir-{}/sub", (limit - 1) / 1000 * 1000)] {
        write(watched.share.join(dir).join("late"), "x");
        assert!(watched.told().contains(&format!("ClosedAfterWrite {dir}/late")), "{dir} is watched again");
    }
}
