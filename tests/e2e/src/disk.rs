//! Small disks that tests fill up and turn read-only: file systems in memory, mounted where nobody else sees them.
//!
//! A test that mounts runs again as a process of its own in a mount namespace: its mounts are its own, and vanish with it and the
//! programs that it started, however they end. An ordinary user gets the right to mount by a user namespace; where the system
//! grants none (Ubuntu by default), by sudo that asks nothing.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set for the process in the namespace: a file that it makes, to show that the test did run.
const INSIDE: &str = "CAUSEWAY_E2E_INSIDE";
/// Name of the file that fills a disk, beside what the tests put there.
const BALLAST: &str = "ballast";

/// Whether the calling test, whose whole name this is, may mount here and now. Where it may not, it is run where it may, and has
/// passed when this returns false.
pub fn may_mount(test: &str) -> bool {
    if let Some(mark) = std::env::var_os(INSIDE) {
        fs::write(mark, "").unwrap();
        return true;
    }
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("ran");
    let words = namespace().unwrap_or_else(|| {
        panic!("mounting is permitted neither in a user namespace nor by `sudo -n`: allow either, or test as root")
    });
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg("env").arg(assignment(INSIDE, mark.as_os_str()));
    for (name, value) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"CAUSEWAY_")) {
        command.arg(assignment(name.to_str().unwrap(), &value));
    }
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    let status = command.status().unwrap();
    assert!(status.success(), "{test}, where it may mount: {status}");
    assert!(mark.exists(), "there is no test {test}");
    false
}

/// The command, in words, that runs another one where it may mount.
fn namespace() -> Option<&'static [&'static str]> {
    const OF_ROOT: &[&str] = &["unshare", "--mount", "--propagation", "private"];
    const OF_A_USER: &[&str] = &["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"];
    const BY_SUDO: &[&str] = &["sudo", "-n", "unshare", "--mount", "--propagation", "private"];
    let is_granted = |words: &&&[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["mount", "-t", "tmpfs", "none", "/mnt"]);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    };
    [OF_ROOT, OF_A_USER, BY_SUDO].iter().find(is_granted).copied()
}

fn assignment(name: &str, value: &OsStr) -> std::ffi::OsString {
    let mut words = std::ffi::OsString::from(name);
    words.push("=");
    words.push(value);
    words
}

/// A disk of a [`Place`](crate::Place), which unmounts it at its end.
#[derive(Clone, Debug)]
pub struct Disk {
    at: PathBuf,
    /// Whether it is but another mount of what stands there anyway.
    is_over: bool,
}

impl Disk {
    /// Mounts an empty one of so many MiB at a directory, which is made where it is missing.
    pub fn mount(at: &Path, mebibytes: u64) -> Self {
        fs::create_dir_all(at).unwrap();
        let options = format!("size={mebibytes}m,mode=755");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(at));
        Self { at: at.to_owned(), is_over: false }
    }

    /// Mounts a directory over itself.
    pub(crate) fn over(at: &Path) -> Self {
        run(Command::new("mount").arg("--bind").args([at, at]));
        Self { at: at.to_owned(), is_over: true }
    }

    /// Takes all the space that is left.
    pub fn fill(&self) {
        let mut ballast = OpenOptions::new().create(true).append(true).open(self.at.join(BALLAST)).unwrap();
        for step in [1 << 16, 1 << 12] {
            let zeros = vec![0; step];
            let full = loop {
                if let Err(error) = ballast.write_all(&zeros) {
                    break error;
                }
            };
            assert_eq!(full.kind(), io::ErrorKind::StorageFull, "{full}");
        }
    }

    /// Gives back what [`Self::fill`] took.
    pub fn free(&self) {
        fs::remove_file(self.at.join(BALLAST)).unwrap();
    }

    /// Lets it hold so many MiB.
    pub fn resize(&self, mebibytes: u64) {
        self.remount(&format!("size={mebibytes}m"));
    }

    /// Lets it be written no more.
    pub fn make_read_only(&self) {
        self.remount("ro");
    }

    /// Lets it be written again.
    pub fn make_writable(&self) {
        self.remount("rw");
    }

    fn remount(&self, how: &str) {
        // Only what is said here counts: a user namespace refuses the owner that the system's list of mounts names.
        let options = format!("remount,{}{how}", if self.is_over { "bind," } else { "" });
        run(Command::new("mount").args(["--options-mode", "ignore", "-o", &options, "none"]).arg(&self.at));
    }

    /// Ends it.
    pub fn unmount(&self) {
        run(Command::new("umount").arg(&self.at));
    }
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
