//! The recycle bin, verification, durability and the feed.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_endpoint::{Inquiry, KeepError, Retention};
use causeway_sync::{Entry, Operation, RelPath, RelPathBuf, Seq};

use crate::side::{Side, done, now_ms, path, write};

fn filled() -> Side {
    let side = Side::crawled(|share| {
        write(share, "file", "content");
        write(share, "dir/x", "x");
        write(share, "dir/sub/y", "yy");
    });
    done(side.act("file", side.entry("file"), Operation::Remove));
    done(side.act("dir", side.entry("dir"), Operation::Remove));
    side.told();
    side
}

#[test]
fn an_item_is_put_back_where_it_stood() {
    let side = filled();
    for item in side.ep.bin_items(None, 10).unwrap() {
        assert_eq!(side.ep.bin_restore(item.id, None).unwrap(), item.path);
    }
    side.check_dirty();
    assert_eq!(side.told_short(), ["+dir", "+dir/sub", "+dir/sub/y", "+dir/x", "+file"]);
    side.assert_known();
    assert_eq!(side.ep.bin_usage().unwrap().items, 0);
}

#[test]
fn an_item_is_put_elsewhere() {
    let side = filled();
    let items = side.ep.bin_items(None, 10).unwrap();
    let file = items.iter().find(|item| item.path == path("file")).unwrap();
    side.write_old("taken", "x");
    assert!(matches!(side.ep.bin_restore(file.id, Some(&path("taken"))), Err(KeepError::Occupied(_))));
    assert!(matches!(side.ep.bin_restore(file.id, Some(&path("taken/below"))), Err(KeepError::Occupied(_))));
    assert!(matches!(side.ep.bin_restore(file.id, Some(&path(".causeway-tmp-x"))), Err(KeepError::Ignored(_))));
    assert_eq!(side.ep.bin_restore(file.id, Some(&path("new/place"))).unwrap(), path("new/place"));
    assert!(matches!(side.ep.bin_restore(file.id, None), Err(KeepError::NoItem(_))));
    side.check_dirty();
    assert_eq!(side.told_short(), ["+new", "+new/place"]);
    assert_eq!(fs::read_to_string(side.at("new/place")).unwrap(), "content");
}

#[test]
fn a_path_is_renamed_and_nothing_overwritten() {
    let side = Side::crawled(|share| {
        write(share, "dir/a", "a");
        write(share, "dir/b", "b");
        write(share, "dir/sub/c", "c");
        std::os::unix::fs::symlink("dir", share.join("link")).unwrap();
    });
    let rename = |from: &str, to: &str| side.ep.rename(&path(from), &path(to));
    assert!(matches!(rename("dir/a", "dir/b"), Err(KeepError::Occupied(at)) if at == path("dir/b")));
    assert!(matches!(rename("dir/a", "dir/sub"), Err(KeepError::Occupied(_))));
    for absent in ["dir/x", "none/a", "link/a", "dir/b/a"] {
        assert!(matches!(rename(absent, "dir/new"), Err(KeepError::Absent(at)) if at == path(absent)), "{absent}");
    }
    assert!(matches!(rename("dir/a", ".causeway-tmp-x"), Err(KeepError::Ignored(_))));
    assert!(matches!(rename("", "dir/new"), Err(KeepError::Ignored(_))));
    rename("dir/a", "dir/new").unwrap();
    rename("dir/sub", "dir/other").unwrap();
    assert_eq!(fs::read_to_string(side.at("dir/new")).unwrap(), "a");
    assert_eq!(fs::read_to_string(side.at("dir/b")).unwrap(), "b");
    side.check_dirty();
    side.assert_known();
    assert!(side.entry("dir/a").is_none() && side.entry("dir/new").is_some() && side.entry("dir/other/c").is_some());
}

#[test]
fn a_long_path_is_remembered() {
    let long = format!("{}file", "directory/".repeat(60));
    let side = Side::crawled(|share| write(share, &long, "deep"));
    done(side.act(&long, side.entry(&long), Operation::Remove));
    let items = side.ep.bin_items(None, 10).unwrap();
    assert_eq!(items[0].path, path(&long));
    side.ep.bin_restore(items[0].id, None).unwrap();
    assert_eq!(fs::read_to_string(side.at(&long)).unwrap(), "deep");
    assert_eq!(side.ep.bin_items(None, 10).unwrap(), []);
}

#[test]
fn the_bin_is_listed_in_pages_and_emptied() {
    let side = Side::crawled(|share| {
        for number in 0..30 {
            write(share, &format!("{number:02}"), "12345");
        }
    });
    for number in 0..30 {
        let at = format!("{number:02}");
        done(side.act(&at, side.entry(&at), Operation::Remove));
    }
    assert_eq!(side.ep.bin_usage().unwrap(), causeway_endpoint::Usage { items: 30, bytes: 150 });
    let (mut after, mut paths) = (None, Vec::new());
    loop {
        let page = side.ep.bin_items(after, 7).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        paths.extend(page.iter().map(|item| item.path.to_string()));
    }
    assert_eq!(paths, (0..30).map(|number| format!("{number:02}")).collect::<Vec<_>>());
    let (gone, more) = side.ep.bin_empty(u64::MAX, 10).unwrap();
    assert_eq!((gone.items, gone.bytes, more), (10, 50, true));
    assert_eq!(side.ep.bin_usage().unwrap(), causeway_endpoint::Usage { items: 20, bytes: 100 });
    let (gone, more) = side.ep.bin_empty(1, 10).unwrap();
    assert_eq!((gone.items, more), (0, false), "nothing is so old");
    let (gone, more) = side.ep.bin_empty(u64::MAX, 100).unwrap();
    assert_eq!((gone.items, more), (20, false));
    assert_eq!(fs::read_dir(side.private.join("bin")).unwrap().count(), 0);
}

#[test]
fn the_bin_keeps_what_is_young_and_fits() {
    let side = filled();
    let keep = |age_ms_max, bytes_max| side.ep.bin_expire(Retention { age_ms_max, bytes_max }, now_ms()).unwrap();
    assert_eq!(keep(60_000, 1000).items, 0);
    // The oldest goes first, until the rest fits.
    assert_eq!(keep(60_000, 9).items, 1);
    assert_eq!(side.ep.bin_items(None, 10).unwrap()[0].path, path("dir"));
    assert_eq!(keep(0, 1000).items, 1);
}

#[test]
fn everything_is_read_and_compared() {
    let side = Side::crawled(|share| {
        for at in ["a/1", "a/2", "a.b", "b/c/d/e", "b/c/f", "z"] {
            write(share, at, at);
        }
        fs::create_dir(share.join("empty")).unwrap();
    });
    // A change that no stat shows.
    let before = fs::metadata(side.at("b/c/f")).unwrap().modified().unwrap();
    side.write("b/c/f", "b/c/F");
    fs::File::options().append(true).open(side.at("b/c/f")).unwrap().set_modified(before).unwrap();
    for limit in 1..=12 {
        let (mut after, mut all): (Option<RelPathBuf>, Vec<_>) = (None, Vec::new());
        loop {
            let (page, more) = side.ep.verify(after.as_deref(), limit, &mut |_| true).unwrap();
            after = page.last().map(|verified| verified.path.clone()).or(after);
            all.extend(page);
            if !more {
                break;
            }
        }
        let paths: Vec<_> = all.iter().map(|verified| verified.path.to_string()).collect();
        assert_eq!(paths, ["a", "a/1", "a/2", "a.b", "b", "b/c", "b/c/d", "b/c/d/e", "b/c/f", "empty", "z"], "{limit}");
        let differ: Vec<_> = all.iter().filter(|verified| !verified.indexed).map(|verified| &verified.path).collect();
        assert_eq!(differ, [&path("b/c/f")]);
        assert!(all.iter().all(|verified| match &verified.found {
            Ok(Entry::File(file)) => file.digest.is_some(),
            other => other.is_ok(),
        }));
    }
    side.check_dirty();
    side.assert_known();
}

#[test]
fn what_is_below_a_directory_is_counted_up_to_a_limit() {
    let side = Side::crawled(|share| {
        for n in 0..1030 {
            write(share, &format!("a/{n}"), "x");
        }
        write(share, "a/b/c/d", "x");
        write(share, "e", "x");
    });
    let below = |directory: &str, limit| side.ep.entries_below(&path(directory), limit).unwrap();
    assert_eq!((below("a", 2_000), below("a/b", 2), below("a/b", 1)), (Some(1_033), Some(2), None));
    assert_eq!((below("a", 1_032), below("e", 5), below("gone", 5)), (None, Some(0), Some(0)));
}

#[test]
fn reading_all_ends_where_it_is_when_that_is_said() {
    let side = Side::crawled(|_| ());
    // Its zeros take no space, and minutes to read.
    fs::File::create(side.at("large")).unwrap().set_len(1 << 40).unwrap();
    let stop = AtomicBool::new(false);
    let mut read = 0;
    let began = Instant::now();
    let (page, more) = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            stop.store(true, Ordering::Relaxed);
        });
        side.ep
            .verify(None, 10, &mut |bytes| {
                read += bytes;
                !stop.load(Ordering::Relaxed)
            })
            .unwrap()
    });
    // What is read of a large file is told before it is read whole.
    assert!((1..1 << 40).contains(&read), "{read}");
    assert!(began.elapsed() < Duration::from_secs(30) && page.is_empty() && more);
}

#[test]
fn news_are_told_when_there_are_some() {
    let side = Side::crawled(|share| write(share, "file", "content"));
    let seq = side.ep.seq();
    let told = Arc::new(AtomicBool::new(false));
    let listener = Arc::clone(&told);
    side.ep.on_news(move || listener.store(true, Ordering::Relaxed));
    let mut asked = Inquiry::new(seq, 10);
    assert!(side.ep.news(&mut asked, true).unwrap().is_none());
    // Whoever doesn't know yet that all was looked at learns it at once.
    assert!(side.ep.news(&mut asked, false).unwrap().unwrap().crawled);
    side.write("new", "x");
    side.check_closed(&["new"]);
    assert!(told.swap(false, Ordering::Relaxed));
    let changes = side.ep.news(&mut asked, true).unwrap().unwrap();
    assert_eq!(changes.changes.len(), 1);
    side.ep.owe_changes();
    assert!(told.load(Ordering::Relaxed));
}

#[test]
fn what_is_durable_survives() {
    let side = Side::crawled(|share| write(share, "file", "content"));
    side.write("file", "changed");
    side.check_closed(&["file"]);
    let (seq, digest) = (side.ep.seq(), side.file("file").digest);
    side.ep.sync().unwrap();
    let side = side.reopen(false);
    assert!(side.ep.seq() >= seq);
    assert_eq!(side.file("file").digest, digest);
    assert!(side.ep.maintain().is_ok());
}

#[test]
fn a_hello_says_whether_the_copy_is_empty() {
    let side = Side::new();
    assert!(side.ep.hello().unwrap().empty);
    side.write("x", "x");
    assert!(!side.ep.hello().unwrap().empty);
    let hello = side.ep.hello().unwrap();
    assert!(hello.capabilities.case_sensitive && hello.capabilities.symlinks && hello.capabilities.executable);
    assert_eq!(hello.acknowledged, Seq(0));
    let side = side.reopen(true);
    let again = side.ep.hello().unwrap();
    assert_eq!((again.replica, again.epoch), (hello.replica, hello.epoch));
    side.ep.relist(RelPath::ROOT).unwrap();
}
