//! A share whose private directory is on another file system: staging stands in the share for moments, and the recycle bin
//! gets copies.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink as make_symlink};

use causeway_sync::{Entry, Operation};

use crate::hooked::Call;
use crate::side::{Making, Side, done, write};

/// `None` where there is no second file system to try it on.
fn side(fill: impl FnOnce(&std::path::Path)) -> Option<(Side, tempfile::TempDir)> {
    let elsewhere = tempfile::tempdir_in("/dev/shm").ok()?;
    let making = Making { private: Some(elsewhere.path().join("private")), ..Making::default() };
    let side = Side::make(making, |share| {
        fill(share);
        crate::side::settle(share);
    });
    let device = |at: &std::path::Path| fs::metadata(at).unwrap().dev();
    if device(&side.share) == device(elsewhere.path()) {
        return None;
    }
    side.crawl();
    side.read_all();
    side.told();
    Some((side, elsewhere))
}

fn filled(share: &std::path::Path) {
    write(share, "file", "old");
    write(share, "dir/x", "x");
    write(share, "dir/sub/y", "y");
    make_symlink("x", share.join("dir/link")).unwrap();
}

#[test]
fn everything_is_carried_out_all_the_same() {
    let Some((side, _elsewhere)) = side(filled) else { return };
    done(side.put("new", None, "new"));
    done(side.put("file", side.entry("file"), "newer"));
    done(side.act("dir", Some(Entry::Directory), Operation::Remove));
    assert_eq!(side.staged(), [""; 0]);
    side.crawl();
    side.assert_known();
    assert_eq!(side.binned(), ["Removed dir", "Replaced file old"]);
    // And back.
    for item in side.ep.bin_items(None, 10).unwrap() {
        match side.ep.bin_restore(item.id, None) {
            Ok(at) => assert_eq!(at.to_string(), "dir"),
            Err(error) => assert_eq!(error.to_string(), "something stands at \"file\""),
        }
    }
    side.check_dirty();
    assert_eq!(fs::read_to_string(side.at("dir/sub/y")).unwrap(), "y");
    assert_eq!(fs::read_link(side.at("dir/link")).unwrap().to_str(), Some("x"));
    side.assert_known();
    assert_eq!(side.staged(), [""; 0]);
}

#[test]
fn nothing_is_lost_when_somebody_writes_meanwhile() {
    let Some((side, _elsewhere)) = side(filled) else { return };
    let at = side.at("file");
    side.hooks.nth(Call::Stat, "file", 2, move || fs::write(at, "mine").unwrap());
    let outcome = side.put("file", side.entry("file"), "theirs");
    side.hooks.clear();
    let kept = fs::read_to_string(side.at("file")).unwrap() == "mine"
        || side.binned().iter().any(|item| item.ends_with("mine"));
    assert!(kept, "{outcome:?}");
}

#[test]
fn what_a_crash_left_in_the_share_is_cleared_up() {
    let Some((side, _elsewhere)) = side(filled) else { return };
    // Nothing can be cleared up any more once the old content is out.
    let mut out = false;
    side.hooks.set(move |call, name| {
        let fails = out;
        out |= call == Call::Rename && name == "file";
        fails.then_some(causeway_endpoint::fs::FsErrorKind::Io)
    });
    side.put("file", side.entry("file"), "theirs");
    assert_ne!(side.staged(), [""; 0]);
    let side = side.reopen(false);
    assert_eq!(side.staged(), [""; 0]);
    assert!(side.binned().iter().any(|item| item.ends_with("file old")), "{:?}", side.binned());
    side.crawl();
    side.read_all();
    side.assert_known();
}
