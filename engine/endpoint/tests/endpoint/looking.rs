//! Crawls and checks: what they find and tell.

use std::fs;
use std::os::unix::fs::symlink as make_symlink;

use causeway_endpoint::watch::Hint;
use causeway_endpoint::{Look, LookError};
use causeway_sync::session::RootFault;
use causeway_sync::{Change, Entry};

use crate::side::{Making, Side, now_ms, path, set_executable, symlink, write};

fn some_tree(share: &std::path::Path) {
    write(share, "README.md", "hello");
    write(share, "src/main.rs", "fn main() {}");
    write(share, "src/deep/er/file", "x");
    fs::create_dir(share.join("empty")).unwrap();
    make_symlink("src/main.rs", share.join("link")).unwrap();
    set_executable(&share.join("README.md"), true);
}

#[test]
fn a_first_crawl_tells_everything_unread() {
    let side = Side::with(some_tree);
    assert!(!side.ep.changes(causeway_sync::Seq(0), 10).unwrap().crawled);
    assert!(side.crawl().complete);
    let told = side.told();
    let paths = told.iter().map(|change| match change {
        Change::Now { path, entry: Some(_), .. } => path.to_string(),
        other => panic!("{other:?}"),
    });
    let mut paths: Vec<_> = paths.collect();
    for (at, below) in paths.iter().enumerate() {
        assert!(!paths[at..].iter().any(|above| below.starts_with(&format!("{above}/"))), "{paths:?}");
    }
    paths.sort();
    assert_eq!(
        paths,
        ["README.md", "empty", "link", "src", "src/deep", "src/deep/er", "src/deep/er/file", "src/main.rs"]
    );
    assert!(side.ep.changes(side.ep.seq(), 1000).unwrap().crawled);
    let readme = side.file("README.md");
    assert_eq!((readme.digest, readme.size, readme.executable), (None, 5, true));
    assert_eq!(side.entry("link"), Some(symlink("src/main.rs")));
    let counts = side.ep.counts();
    assert_eq!((counts.files, counts.directories, counts.symlinks, counts.untracked), (3, 4, 1, 0));
}

#[test]
fn a_second_crawl_tells_nothing() {
    let side = Side::crawled(some_tree);
    side.assert_known();
    side.told();
    side.crawl();
    assert_eq!(side.told_short(), [""; 0]);
    let side = side.reopen(true);
    side.told();
    side.crawl();
    assert_eq!(side.told_short(), [""; 0]);
    side.assert_known();
}

#[test]
fn a_crawl_finds_what_changed() {
    let side = Side::crawled(some_tree);
    side.write("src/main.rs", "fn main() { todo }");
    side.write("src/new.rs", "new");
    fs::remove_file(side.at("src/deep/er/file")).unwrap();
    fs::remove_dir(side.at("empty")).unwrap();
    fs::remove_file(side.at("link")).unwrap();
    make_symlink("elsewhere", side.at("link")).unwrap();
    side.crawl();
    assert_eq!(side.told_short(), ["+link", "+src/main.rs", "+src/new.rs", "-empty", "-src/deep/er/file"]);
    side.read_all();
    side.assert_known();
}

#[test]
fn a_content_change_under_an_old_time_is_found() {
    let side = Side::crawled(|share| write(share, "f", "old!"));
    let before = fs::metadata(side.at("f")).unwrap().modified().unwrap();
    side.write("f", "new!");
    fs::File::options().append(true).open(side.at("f")).unwrap().set_modified(before).unwrap();
    side.crawl();
    assert_eq!(side.told_short(), ["+f"]);
    side.assert_known();
}

#[test]
fn a_check_tells_what_is_dirty_and_nothing_else() {
    let side = Side::crawled(some_tree);
    side.write("src/main.rs", "changed");
    side.write("README.md", "changed too");
    side.check_closed(&["src/main.rs", "src/deep", "nothing/here"]);
    assert_eq!(side.told_short(), ["+src/main.rs"]);
    assert!(side.file("src/main.rs").digest.is_some());
}

#[test]
fn a_touch_and_a_chmod_are_told() {
    let side = Side::crawled(some_tree);
    let before = side.file("src/main.rs");
    crate::side::settle(&side.at("src"));
    set_executable(&side.at("src/deep/er/file"), true);
    side.check(&[("src/main.rs", Look::Hint(Hint::Attributes)), ("src/deep/er/file", Look::Hint(Hint::Attributes))]);
    assert_eq!(side.told_short(), ["+src/deep/er/file", "+src/main.rs"]);
    let after = side.file("src/main.rs");
    assert_eq!(after.digest, before.digest);
    assert_ne!(after.mtime_ns, before.mtime_ns);
    assert!(side.file("src/deep/er/file").executable);
}

#[test]
fn a_new_tree_is_found_by_any_of_its_paths() {
    for dirty in ["new", "new/a", "new/a/b/c"] {
        let side = Side::crawled(some_tree);
        side.write_old("new/a/b/c", "content");
        side.write_old("new/other", "content");
        side.check_closed(&[dirty]);
        assert_eq!(side.told_short(), ["+new", "+new/a", "+new/a/b", "+new/a/b/c", "+new/other"], "{dirty}");
    }
}

#[test]
fn a_removed_tree_is_told_once() {
    let side = Side::crawled(some_tree);
    fs::remove_dir_all(side.at("src")).unwrap();
    side.check(&[
        ("src/deep/er/file", Look::Hint(Hint::Removed)),
        ("src/deep/er", Look::Hint(Hint::Removed)),
        ("src/main.rs", Look::Hint(Hint::Removed)),
        ("src", Look::Hint(Hint::Removed)),
    ]);
    assert_eq!(side.told_short().last().unwrap(), "-src");
    side.assert_known();
}

#[test]
fn files_become_directories_and_back() {
    let side = Side::crawled(some_tree);
    fs::remove_file(side.at("README.md")).unwrap();
    side.write_old("README.md/inside", "x");
    fs::remove_dir_all(side.at("src")).unwrap();
    side.write_old("src", "a file");
    side.check_closed(&["README.md", "src"]);
    assert_eq!(side.told_short(), ["+README.md", "+README.md/inside", "+src"]);
    side.assert_known();
}

#[test]
fn lost_events_are_made_up_for_below_a_path() {
    let side = Side::crawled(some_tree);
    side.write_old("src/deep/er/file", "changed");
    side.write_old("src/deep/new", "new");
    side.write_old("outside", "not looked at");
    side.check(&[("src", Look::Below)]);
    assert_eq!(side.told_short(), ["+src/deep/er/file", "+src/deep/new"]);
    side.check(&[("", Look::Below)]);
    assert_eq!(side.told_short(), ["+outside"]);
    side.read_all();
    side.assert_known();
}

#[test]
fn untracked_kinds_take_a_name_and_are_counted() {
    let side = Side::new();
    let fifo = std::ffi::CString::new(side.at("fifo").to_str().unwrap()).unwrap();
    // SAFETY: the path is a valid C string.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    let _socket = std::os::unix::net::UnixListener::bind(side.at("socket")).unwrap();
    side.crawl();
    assert_eq!(side.told_short(), ["+fifo", "+socket"]);
    assert_eq!(side.entry("fifo"), Some(Entry::Untracked));
    assert_eq!(side.ep.counts().untracked, 2);
    fs::remove_file(side.at("fifo")).unwrap();
    side.write("fifo", "a file now");
    side.check_closed(&["fifo"]);
    assert_eq!(side.file("fifo").size, 10);
}

#[test]
fn symlinks_can_be_ignored() {
    let making = Making { symlinks: causeway_endpoint::Symlinks::Ignore, ..Making::default() };
    let side = Side::make(making, |share| make_symlink("x", share.join("link")).unwrap());
    side.crawl();
    assert_eq!(side.entry("link"), Some(Entry::Untracked));
    side.crawl();
    assert_eq!(side.ep.counts().untracked, 1);
}

#[test]
fn names_are_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9\n\xff");
    let side = Side::with(|share| fs::write(share.join(name), "x").unwrap());
    side.crawl();
    assert_eq!(side.ep.counts().files, 1);
    let long = "n".repeat(255);
    side.write(&long, "x");
    side.check_closed(&[&long]);
    assert_eq!(side.file(&long).size, 1);
}

#[test]
fn an_unreadable_directory_is_a_problem_and_no_deletion() {
    use std::os::unix::fs::PermissionsExt;
    let side = Side::crawled(some_tree);
    side.hooks.set(|call, name| {
        let denied = call == crate::hooked::Call::OpenDir && name == "deep";
        denied.then_some(causeway_endpoint::fs::FsErrorKind::PermissionDenied)
    });
    fs::set_permissions(side.at("src/deep"), fs::Permissions::from_mode(0o755)).unwrap();
    side.crawl();
    side.check_closed(&["src/deep/er/file"]);
    assert_eq!(side.told_short(), [""; 0]);
    let problems = side.ep.scan_problems();
    assert!(problems.iter().any(|(at, _)| *at == path("src/deep")), "{problems:?}");
    side.hooks.clear();
    side.crawl();
    side.check_closed(&["src/deep/er/file"]);
    assert_eq!(side.ep.scan_problems(), []);
    side.assert_known();
}

#[test]
fn a_root_that_vanished_or_changed_is_a_fault_and_no_deletion() {
    let side = Side::crawled(some_tree);
    let fault = |side: &Side| match side.try_check(&[("src", Look::Again), ("", Look::Below)], now_ms()) {
        Err(LookError::Root(fault)) => fault,
        other => panic!("{other:?}"),
    };
    fs::rename(&side.share, side.private.join("aside")).unwrap();
    assert_eq!(fault(&side), RootFault::Missing);
    fs::write(&side.share, "a file").unwrap();
    assert_eq!(fault(&side), RootFault::NotADirectory);
    fs::remove_file(&side.share).unwrap();
    make_symlink(side.private.join("aside"), &side.share).unwrap();
    assert_eq!(fault(&side), RootFault::NotADirectory);
    fs::remove_file(&side.share).unwrap();
    fs::create_dir(&side.share).unwrap();
    assert_eq!(fault(&side), RootFault::Emptied { entries: 8 });
    assert_eq!(side.told_short(), [""; 0]);
    fs::remove_dir(&side.share).unwrap();
    fs::rename(side.private.join("aside"), &side.share).unwrap();
    side.crawl();
    assert_eq!(side.told_short(), [""; 0]);
}

#[test]
fn an_emptied_root_is_believed_when_a_person_says_so() {
    let side = Side::crawled(some_tree);
    for entry in fs::read_dir(&side.share).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(entry.path()).unwrap();
        } else {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let looked =
        side.try_check(&[("src", Look::Hint(Hint::Removed)), ("README.md", Look::Hint(Hint::Removed))], now_ms());
    assert!(matches!(looked, Err(LookError::Root(RootFault::Emptied { .. }))), "{looked:?}");
    assert_eq!(side.told_short(), [""; 0]);
    side.ep.accept_emptied();
    side.crawl();
    assert_eq!(side.told_short(), ["-README.md", "-empty", "-link", "-src"]);
    side.assert_known();
    side.write("one", "x");
    side.check_closed(&["one"]);
    fs::remove_file(side.at("one")).unwrap();
    side.check_closed(&["one"]);
    side.assert_known();
}

#[test]
fn a_deep_tree_is_looked_at() {
    let side = Side::new();
    let mut at = side.share.clone();
    // Deeper than the chain of open directories.
    for _ in 0..60 {
        at.push("d");
    }
    fs::create_dir_all(&at).unwrap();
    fs::write(at.join("f"), "deep").unwrap();
    side.crawl();
    side.read_all();
    side.assert_known();
    fs::write(at.join("f"), "deeper").unwrap();
    let deep = format!("{}f", "d/".repeat(60));
    side.check_closed(&[&deep]);
    side.assert_known();
    fs::remove_dir_all(side.at("d/d/d")).unwrap();
    side.check_closed(&[&deep]);
    side.assert_known();
}

#[test]
fn a_large_directory_is_compared_in_pages() {
    let side = Side::crawled(|share| {
        for number in 0..5000 {
            fs::write(share.join(format!("{number:05}")), "").unwrap();
        }
    });
    for number in (0..5000).step_by(7) {
        fs::remove_file(side.at(&format!("{number:05}"))).unwrap();
    }
    for number in 0..3000 {
        fs::write(side.at(&format!("{number:05}-new")), "").unwrap();
    }
    side.crawl();
    assert_eq!(side.told().len(), 3000 + 5000_usize.div_ceil(7));
    side.read_all();
    side.assert_known();
}
