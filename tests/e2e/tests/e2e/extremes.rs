//! The largest and the longest that is promised, as far as it is quickly made.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use causeway_e2e::{Place, eventually};

#[test]
fn long_names_and_deep_directories_cross() {
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    for (side, mark) in [(&share.host, "h"), (&share.guest, "g")] {
        for number in 0..20 {
            let name = format!("{mark}{number:02}{}", "\u{e9}".repeat(126));
            assert_eq!(name.len(), 255);
            fs::write(side.join(name), mark).unwrap();
        }
        let deep: PathBuf = (0..500).map(|level| format!("{mark}{level}")).collect();
        fs::create_dir_all(side.join(&deep)).unwrap();
        fs::write(side.join(&deep).join("leaf"), mark).unwrap();
    }
    assert_eq!(share.assert_equal().len(), 2 * (20 + 501));
    fs::remove_dir_all(share.guest.join("h0")).unwrap();
    assert_eq!(share.assert_equal().len(), 20 + 20 + 501);
}

#[test]
fn a_wide_directory_crosses_and_is_renamed() {
    const FILES: usize = 20_000;
    let place = Place::new();
    let folder = place.folder("repo");
    fs::create_dir(folder.join("wide")).unwrap();
    for number in 0..FILES {
        fs::File::create(folder.join(format!("wide/{number}"))).unwrap();
    }
    let share = place.share(&folder, &[]);
    fs::rename(share.host.join("wide"), share.host.join("wider")).unwrap();
    share.flush();
    assert!(share.guest.join("wider/0").exists() && !share.guest.join("wide").exists());
    let last = || share.show()["last_change"].clone();
    eventually(|| last()["entries"] == FILES, || format!("what is in it to be counted: {}", last()));
    assert_eq!((&last()["kind"], &last()["paths"]), (&"renamed".into(), &1.into()));
    fs::rename(share.guest.join("wider"), share.guest.join("wide")).unwrap();
    assert!(share.assert_equal().len() > FILES);
    assert_eq!(share.show()["conflicts"], 0);
}

#[test]
fn a_log_that_never_rests_crosses_and_ends_equal() {
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    let mut log = fs::File::create(share.host.join("log")).unwrap();
    let began = Instant::now();
    let mut lines = 0;
    let copied = || fs::read_to_string(share.guest.join("log")).unwrap_or_default();
    // It crosses while it is written: not only when it rests.
    while copied().is_empty() {
        assert!(began.elapsed() < causeway_e2e::PATIENCE, "{}\n{}", share.show(), place.log_end());
        writeln!(log, "line {lines}").unwrap();
        lines += 1;
        thread::sleep(Duration::from_millis(2));
    }
    // A line is written in pieces: the copy may end within one.
    let written: String = (0..lines).map(|number| format!("line {number}\n")).collect();
    let copy = copied();
    assert!(written.starts_with(&copy), "torn: {copy}");
    // It stays open, and is equal once it rests.
    eventually(|| copied().lines().count() == lines, || format!("all {lines} lines: {}", share.show()));
    writeln!(log, "line {lines}").unwrap();
    eventually(|| copied().lines().count() == lines + 1, || format!("the last line: {}", share.show()));
    drop(log);
    share.assert_equal();
}
