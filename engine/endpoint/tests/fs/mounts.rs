//! Other file systems and mounts: each case runs again as a process of its own, in a user and mount namespace.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use causeway_endpoint::fs::{Area, FileMode, Fs, FsErrorKind, Kind, Rename, is_reserved};

use crate::{failure, name, open, path};

/// Set for the process in the namespace: the temporary directory of the test.
const INSIDE: &str = "CAUSEWAY_TEST_MOUNTS";

/// Runs `test` again in a namespace after `mounts` (shell commands in the temporary directory); gives that directory to the one inside.
/// `None` outside. Says so and passes where the system has no user namespaces.
fn inside(test: &str, mounts: &str) -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(INSIDE) {
        return Some(dir.into());
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "--propagation", "private"]);
        command
    };
    if !unshare().arg("true").output().is_ok_and(|out| out.status.success()) {
        eprintln!("no user namespaces here: {test} was not run");
        return None;
    }
    let temp = tempfile::tempdir().unwrap();
    let script = format!("set -e; mkdir share private; {mounts}; exec \"$0\" --exact {test} --nocapture");
    let status = unshare()
        .args(["sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .current_dir(temp.path())
        .env(INSIDE, temp.path())
        .status()
        .unwrap();
    assert!(status.success(), "in the namespace: {status}");
    None
}

fn areas(dir: &Path) -> (PathBuf, PathBuf) {
    (dir.join("share"), dir.join("private"))
}

#[test]
fn mounts_inside_the_share_are_not_entered() {
    let mounts = "mkdir share/other share/same elsewhere; touch share/file elsewhere/inside; \
        mount -t tmpfs none share/other; mkdir share/other/sub; touch share/other/inside; \
        mount --bind elsewhere share/same; mount --bind elsewhere/inside share/file";
    let Some(dir) = inside("mounts::mounts_inside_the_share_are_not_entered", mounts) else { return };
    let (share, private) = areas(&dir);
    let (fs, root) = open(&share, &private, FileMode::User);
    assert!(!fs.in_share_staging());
    for mounted in ["other", "same", "file"] {
        assert_eq!(fs.stat(&root, name(mounted)).unwrap().unwrap().kind, Kind::Mount, "{mounted}");
    }
    for mounted in ["other", "same", "other/sub"] {
        assert_eq!(failure(fs.open_path(&root, path(mounted))), Some(FsErrorKind::CrossDevice), "{mounted}");
    }
    assert_eq!(failure(fs.open_dir(&root, name("other"))), Some(FsErrorKind::CrossDevice));
    assert_eq!(failure(fs.open_file(&root, name("file"))), Some(FsErrorKind::CrossDevice));
    let bin = fs.root(Area::Bin).unwrap();
    let busy = failure(fs.rename(&root, name("same"), &bin, name("same"), Rename::NoReplace));
    assert!(matches!(busy, Some(FsErrorKind::Busy | FsErrorKind::CrossDevice)), "{busy:?}");
}

#[test]
fn a_share_on_another_file_system_stages_inside_itself() {
    let mounts = "mount -t tmpfs none share";
    let Some(dir) = inside("mounts::a_share_on_another_file_system_stages_inside_itself", mounts) else { return };
    stages_inside_itself(&dir);
}

#[test]
fn a_share_on_another_mount_of_the_same_file_system_stages_inside_itself() {
    let mounts = "mount --bind share share";
    let test = "mounts::a_share_on_another_mount_of_the_same_file_system_stages_inside_itself";
    let Some(dir) = inside(test, mounts) else { return };
    stages_inside_itself(&dir);
}

fn stages_inside_itself(dir: &Path) {
    let (share, private) = areas(dir);
    let (fs, root) = open(&share, &private, FileMode::User);
    assert!(fs.in_share_staging());
    assert_eq!(std::fs::read_dir(&share).unwrap().count(), 0, "nothing stands there before it is needed");
    fs.probe().unwrap();
    assert_eq!(std::fs::read_dir(&share).unwrap().count(), 0, "nor after the probe");
    let staging = fs.root(Area::Staging).unwrap();
    let mut reserved = Vec::new();
    fs.list(&root, &mut |name, _| {
        reserved.push(is_reserved(name));
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(reserved, [true]);
    fs.create_file(&staging, name("staged"), false).unwrap();
    fs.release_staging().unwrap();
    fs.rename(&staging, name("staged"), &root, name("file"), Rename::NoReplace).unwrap();
    let bin = fs.root(Area::Bin).unwrap();
    let got = failure(fs.rename(&root, name("file"), &bin, name("file"), Rename::NoReplace));
    assert_eq!(got, Some(FsErrorKind::CrossDevice));
    fs.sync_fs().unwrap();
    fs.release_staging().unwrap();
    assert_eq!(failure(fs.create_file(&staging, name("late"), false)), Some(FsErrorKind::NotFound));
    let names: Vec<_> = std::fs::read_dir(&share).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["file"]);
}

#[test]
fn a_full_disk_and_a_read_only_one_are_told_apart() {
    let mounts = "mount -t tmpfs -o size=256k,nr_inodes=40 none share; mkdir share/s";
    let Some(dir) = inside("mounts::a_full_disk_and_a_read_only_one_are_told_apart", mounts) else { return };
    let (share, private) = (dir.join("share/s"), dir.join("share/p"));
    let (fs, root) = open(&share, &private, FileMode::User);
    assert!(!fs.in_share_staging());
    assert!(fs.space().unwrap().free_bytes <= 256 << 10 && fs.space().unwrap().free_inodes <= 40);
    let mut file = fs.create_file(&root, name("file"), false).unwrap();
    let full = std::iter::repeat_with(|| file.write_all(&[1; 4096])).find_map(Result::err).unwrap();
    assert_eq!(FsErrorKind::of(&full), FsErrorKind::NoSpace);
    assert_eq!(fs.space().unwrap().free_bytes, 0);
    file.set_len(0).unwrap();
    let full = (0..).map(|i| failure(fs.create_file(&root, name(&format!("f{i}")), false))).find_map(|kind| kind);
    assert_eq!(full, Some(FsErrorKind::NoSpace), "no inodes");
    assert_eq!(fs.space().unwrap().free_inodes, 0);
    drop(file);
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(dir.join("share")).status().unwrap();
    assert!(remounted.success());
    assert_eq!(failure(fs.create_file(&root, name("more"), false)), Some(FsErrorKind::ReadOnly));
    assert_eq!(failure(fs.remove_file(&root, name("file"))), Some(FsErrorKind::ReadOnly));
}
