//! Limits of inotify, each in a user namespace with limits of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use causeway_endpoint::watch::{HostWatcher, Watch, WatchConfig, WatchError, WatchEvent, WatchLimit};

use crate::{PATIENCE, channel, run, write};

/// Set for the process in the namespace: the temporary directory of the test.
const INSIDE: &str = "CAUSEWAY_TEST_LIMITS";

/// Runs `test` again in a namespace with the limit `setting` (in /proc/sys/user). `None` outside. Says so and passes where the system has no
/// user namespaces.
fn inside(test: &str, setting: &str) -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(INSIDE) {
        return Some(dir.into());
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user"]);
        command
    };
    if !run(unshare().args(["sh", "-c", "exec 2>&-"])).success() {
        eprintln!("no user namespaces here: {test} was not run");
        return None;
    }
    let temp = tempfile::tempdir().unwrap();
    let (name, value) = setting.split_once('=').unwrap();
    let script = format!("set -e; echo {value} > /proc/sys/user/{name}; exec \"$0\" --exact {test} --nocapture");
    let status = run(unshare()
        .args(["sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .current_dir(temp.path())
        .env(INSIDE, temp.path()));
    assert!(status.success(), "in the namespace: {status}");
    None
}

#[test]
fn the_limit_of_watches_is_named_and_the_rest_is_still_watched() {
    let test = "limits::the_limit_of_watches_is_named_and_the_rest_is_still_watched";
    let Some(dir) = inside(test, "max_inotify_watches=20") else { return };
    let share = dir.join("share");
    fs::create_dir_all(share.join("first")).unwrap();
    let (sink, receiver) = channel();
    let config = WatchConfig { share: share.clone(), cookies: dir.join("cookies"), skip: None };
    let watcher = HostWatcher::start(config, sink).unwrap();
    for i in 0..50 {
        fs::create_dir(share.join(format!("dir-{i}"))).unwrap();
    }
    watcher.cookie(1).unwrap();
    let (mut limits, mut created) = (Vec::new(), 0);
    loop {
        match receiver.recv_timeout(PATIENCE).unwrap() {
            WatchEvent::CookieSeen(1) => break,
            WatchEvent::Limit(limit) => limits.push(limit),
            WatchEvent::Dirty { .. } => created += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(created, 50);
    let [WatchLimit::Watches { subtree, suggested, .. }] = &limits[..] else { panic!("{limits:?}") };
    assert!(subtree.as_bytes().starts_with(b"dir-") && *suggested >= 1 << 20);
    assert!(limits[0].to_string().contains("sysctl fs.inotify.max_user_watches="), "{}", limits[0]);
    write(share.join("first/file"), "x");
    let event = receiver.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, WatchEvent::Dirty { path, .. } if path.as_bytes() == b"first/file"));
}

#[test]
fn the_limit_met_at_the_start_is_told() {
    let Some(dir) = inside("limits::the_limit_met_at_the_start_is_told", "max_inotify_watches=20") else { return };
    let share = dir.join("share");
    for i in 0..50 {
        fs::create_dir_all(share.join(format!("dir-{i}/sub"))).unwrap();
    }
    let (sink, receiver) = channel();
    let config = WatchConfig { share, cookies: dir.join("cookies"), skip: None };
    let _watcher = HostWatcher::start(config, sink).unwrap();
    let event = receiver.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, WatchEvent::Limit(WatchLimit::Watches { .. })), "{event:?}");
    assert!(receiver.try_recv().is_err(), "told once");
}

#[test]
fn the_limit_of_watchers_is_named() {
    let Some(dir) = inside("limits::the_limit_of_watchers_is_named", "max_inotify_instances=0") else { return };
    let share = dir.join("share");
    fs::create_dir(&share).unwrap();
    let (sink, _receiver) = channel();
    let config = WatchConfig { share, cookies: dir.join("cookies"), skip: None };
    let error = HostWatcher::start(config, sink).err().unwrap();
    assert!(matches!(error, WatchError::Limit(WatchLimit::Instances { .. })), "{error}");
    assert!(error.to_string().contains("sysctl fs.inotify.max_user_instances="), "{error}");
}
