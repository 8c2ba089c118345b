//! The main job on real input: a large tree of real sources, packages installed by npm, and a git repository with history.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use causeway_e2e::place::finish;
use causeway_e2e::{Place, Share, crates, snapshot, watcher};
use serde_json::Value;

/// Larger archives are left out: they hold many bytes in few files.
const ARCHIVE_BYTES_MAX: u64 = 100_000;
/// Entries that a large share has at least.
const LARGE: usize = 100_000;
/// For so long it may take to become Watching. Far more than it should: tests share the computer.
const LARGE_TIME_MAX: Duration = Duration::from_secs(240);
/// How often it is asked how far a share is.
const TOLD_EVERY: Duration = Duration::from_millis(500);

#[test]
fn a_large_tree_of_real_files_is_shared() {
    let place = Place::new();
    let folder = place.folder("repo");
    for archive in crates::archives(ARCHIVE_BYTES_MAX) {
        let (name, version) = crates::name_and_version(&archive);
        crates::unpack(&archive, &folder.join("0").join(format!("{name}-{version}")));
    }
    let mut entries = count(&folder);
    let once = entries;
    for copy in 1.. {
        if entries > LARGE {
            break;
        }
        crates::run(Command::new("cp").arg("-r").arg(folder.join("0")).arg(folder.join(format!("{copy}"))));
        entries += once;
    }
    let mut create = place.command(&["share", "create", folder.to_str().unwrap()]);
    let create = create.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (created, told) = std::thread::scope(|scope| {
        let created = scope.spawn(|| finish(create, LARGE_TIME_MAX));
        let mut told = Vec::new();
        while !created.is_finished() {
            std::thread::sleep(TOLD_EVERY);
            told.extend(progress(&place));
        }
        (created.join().unwrap(), told)
    });
    assert_eq!(created.code, 0, "{created:?}\n{}", place.log_end());
    let share = Share::new(&place, "repo");
    let shown = share.show();
    let files = shown["entries"]["files"].as_u64().unwrap();
    assert!(files > LARGE as u64 / 2, "{shown}");
    // It was told, and how many there are only once all have been found. (What is carried while both sides are counted counts twice.)
    let totals: Vec<u64> = told.iter().filter_map(|(_, total)| *total).collect();
    assert!(told.iter().any(|(done, _)| (1..files / 2).contains(done)), "{files}: {told:?}");
    assert!(totals.iter().all(|total| (files * 9 / 10..=files * 11 / 10).contains(total)), "{files}: {told:?}");

    // A part of it is thrown away and made again, as builds and package managers do, on either side.
    for side in [&share.host, &share.guest] {
        let top = fs::read_dir(side.join("0")).unwrap().flatten().map(|entry| entry.path()).min().unwrap();
        let aside = place.base().join("aside");
        crates::run(Command::new("cp").arg("-r").arg(&top).arg(&aside));
        fs::remove_dir_all(&top).unwrap();
        crates::run(Command::new("cp").arg("-r").arg(&aside).arg(&top));
        fs::remove_dir_all(&aside).unwrap();
        share.flush();
    }

    // A restart finds nothing to do.
    place.ok(&["engine", "stop"]);
    fs::write(share.host.join("while-stopped"), "x").unwrap();
    place.ok(&["engine", "start"]);
    share.flush();
    assert!(share.guest.join("while-stopped").exists());
    assert!(share.assert_equal().len() > LARGE);
}

/// Files done, and files in all as far as that is known, while a share is copied.
fn progress(place: &Place) -> Option<(u64, Option<u64>)> {
    let shares: Value = serde_json::from_str(&place.run(&["--json", "share", "list"]).out).ok()?;
    let progress = shares.get(0).map(|share| &share["progress"]).filter(|progress| progress["phase"] == "copying")?;
    Some((progress["files_done"].as_u64()?, progress["files_total"].as_u64()))
}

#[test]
fn packages_installed_by_npm_are_shared() {
    let place = Place::new();
    let folder = place.folder("repo");
    fs::copy(watcher::packages().join("package.json"), folder.join("package.json")).unwrap();
    let installed = watcher::packages().join("node_modules");
    let install = |to: &Path| drop(crates::run(Command::new("cp").arg("-a").arg(&installed).arg(to)));
    install(&folder);
    let share = place.share(&folder, &[]);
    let tree = share.assert_equal();
    assert_eq!(tree, snapshot(&folder).unwrap());
    for side in [&share.guest, &share.host] {
        // A program that is a symlink to an executable in another package.
        let program = side.join("node_modules/.bin/esbuild");
        assert!(fs::symlink_metadata(&program).unwrap().is_symlink());
        let version = crates::run(Command::new(program).arg("--version"));
        assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{version}");
        // As `npm ci` does it: all is thrown away, and made again.
        fs::remove_dir_all(side.join("node_modules")).unwrap();
        install(side);
        assert_eq!(share.assert_equal(), tree);
    }
    assert_eq!(share.show()["conflicts"], 0);
}

/// How much stands below a folder.
fn count(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| if entry.file_type().unwrap().is_dir() { 1 + count(&entry.path()) } else { 1 }).sum()
}

#[test]
fn a_repository_is_checked_out_back_and_forth() {
    let place = Place::new();
    let folder = place.folder("repo");
    let commits = repository(&folder);
    let share = place.share(&folder, &[]);
    share.assert_equal();
    let (first, middle, last) = (&commits[0], &commits[commits.len() / 2], &commits[commits.len() - 1]);
    for commit in [first, last] {
        for (side, other) in [(&share.host, &share.guest), (&share.guest, &share.host)] {
            check_out(side, commit);
            assert_is_at(&share, other, commit);
            // There and back again before the other side has caught up.
            check_out(side, middle);
            check_out(side, commit);
            assert_is_at(&share, other, commit);
        }
    }
    assert_eq!(share.show()["conflicts"], 0);
    assert_eq!(share.show()["problems"], 0);
}

/// A repository whose commits are versions of real crates: each replaces, adds and removes hundreds of files. Gives the commits,
/// oldest first.
fn repository(folder: &Path) -> Vec<String> {
    let mut versions: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for archive in crates::archives(ARCHIVE_BYTES_MAX) {
        versions.entry(crates::name_and_version(&archive).0).or_default().push(archive);
    }
    // Those of which there are several versions, with some of which there is one, to be added and removed.
    let (several, single): (Vec<_>, Vec<_>) = versions.into_iter().partition(|(_, archives)| archives.len() > 1);
    assert!(several.len() > 5, "{several:?}");
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    let mut commits = Vec::new();
    for number in 0..6 {
        for (name, archives) in several.iter().take(20) {
            let top = folder.join("vendor").join(name);
            if top.exists() {
                fs::remove_dir_all(&top).unwrap();
            }
            crates::unpack(&archives[number % archives.len()], &top);
        }
        for (name, archives) in single.iter().skip(number * 5).take(10) {
            let top = folder.join(format!("step-{}", number % 3)).join(name);
            crates::unpack(&archives[0], &top);
        }
        if number % 3 == 2 {
            fs::remove_dir_all(folder.join("step-1")).unwrap();
        }
        // Files of archives bear old times: git takes one version of such a file for another of the same length.
        let _ = fs::remove_file(folder.join(".git/index"));
        git(folder, &["add", "--all", "--force"]);
        git(folder, &["commit", "--quiet", "--message", &format!("step {number}")]);
        commits.push(git(folder, &["rev-parse", "HEAD"]).trim().to_owned());
    }
    commits
}

fn check_out(side: &Path, commit: &str) {
    git(side, &["checkout", "--quiet", "--force", "--detach", commit]);
}

/// The other side is at the commit, and git finds nothing there that isn't of it.
fn assert_is_at(share: &Share<'_>, other: &Path, commit: &str) {
    share.assert_equal();
    assert_eq!(git(other, &["rev-parse", "HEAD"]).trim(), commit);
    let status = git(other, &["status", "--porcelain"]);
    assert!(status.is_empty(), "at {commit}: {status}");
    git(other, &["fsck", "--no-progress", "--connectivity-only"]);
    // `git status` has written the index anew.
    share.flush();
}

/// git with arguments, untouched by how this machine's user has set it up.
fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Causeway", "-c", "user.email=test@causeway.invalid", "-c", "safe.directory=*"]);
    // Collecting garbage goes on in the background.
    command.args(["-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.autocrlf=false", "-C"]);
    command.arg(folder).args(args).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    crates::run(&mut command)
}
