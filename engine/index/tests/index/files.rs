//! The file behind an index: closed, lost, damaged, of another version, in use; and what a power cut leaves.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use causeway_index::{DirId, Durability, Fingerprint, Identity, Index, IndexError, Journal, Origin, StoreError};
use causeway_sync::{Entry, RelPath};

use crate::model::*;

const BOOT: [u8; 16] = [1; 16];

fn open(path: &Path) -> Index {
    Index::open(path, BOOT, Identity::random).unwrap()
}

fn put(index: &mut Index, at: &str, entry: Entry) {
    let at = path(at);
    let (dir, name) = at.split_last().unwrap();
    let dir = index.dir(dir).unwrap().unwrap();
    let inode = index.seq().0 + 1;
    index.put(dir, name, entry, fingerprint(inode), Journal::Foreign).unwrap();
}

fn knows(index: &Index, at: &str) -> bool {
    index.lookup(&path(at)).unwrap().is_some()
}

#[test]
fn closing_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file_path = folder.path().join("index");
    let mut index = open(&file_path);
    assert_eq!(index.origin(), &Origin::Fresh);
    put(&mut index, "a", Entry::Directory);
    put(&mut index, "a/b", file(1));
    let (replica, epoch, seq, counts) = (index.replica(), index.epoch(), index.seq(), index.counts());
    index.close().unwrap();
    drop(index);
    let mut index = open(&file_path);
    assert_eq!(index.origin(), &Origin::Existing);
    assert_eq!((index.replica(), index.epoch(), index.seq(), index.counts()), (replica, epoch, seq, counts));
    assert!(knows(&index, "a/b"));
    // It can be written to after having been closed, and is then no longer in good order.
    index.close().unwrap();
    put(&mut index, "c", file(2));
    index.commit(Durability::Process).unwrap();
    drop(index);
    let index = open(&file_path);
    assert!(knows(&index, "c"));
    assert!(index.seq().0 > seq.0 + 1, "numbers after an unexpected end are new");
}

#[test]
fn dropping_loses_what_is_not_committed_and_never_gives_a_number_twice() {
    let folder = tempfile::tempdir().unwrap();
    let file_path = folder.path().join("index");
    let mut index = open(&file_path);
    put(&mut index, "kept", file(1));
    index.commit(Durability::Process).unwrap();
    put(&mut index, "lost", file(2));
    let told = index.seq();
    drop(index);
    let mut index = open(&file_path);
    assert!(knows(&index, "kept") && !knows(&index, "lost"));
    put(&mut index, "new", file(3));
    assert!(index.seq() > told);
}

#[test]
fn a_second_owner_is_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    let file_path = folder.path().join("index");
    let _index = open(&file_path);
    let second = Index::open(&file_path, BOOT, Identity::random);
    assert!(matches!(second.err(), Some(IndexError::Store(StoreError::InUse { .. }))));
}

/// An index of a few pages, closed.
fn closed_index(path: &Path) -> Identity {
    let mut index = open(path);
    put(&mut index, "d", Entry::Directory);
    for number in 0..400 {
        put(&mut index, &format!("d/{number:03}"), file(number));
    }
    let identity = Identity { replica: index.replica(), epoch: index.epoch() };
    index.close().unwrap();
    identity
}

/// Opens, reads everything, writes, and opens again where damage shows only then.
fn open_and_use(path: &Path) -> Index {
    let read_and_write = |index: &mut Index| -> Result<(), IndexError> {
        let (mut left, mut after) = (vec![index.dir(RelPath::ROOT)?.unwrap()], None);
        while let Some(dir) = left.pop() {
            loop {
                let rows = index.list(dir, after.as_deref(), 100)?;
                left.extend(rows.iter().filter_map(|(_, row)| row.id));
                let Some((last, _)) = rows.into_iter().last() else { break };
                after = Some(last);
            }
            after = None;
        }
        let mut upto = causeway_sync::Seq(0);
        loop {
            let window = index.changes(upto, 100, None)?;
            upto = window.upto;
            if !window.more {
                break;
            }
        }
        index.put(DirId::ROOT, &name("new"), file(1), fingerprint(1), Journal::Foreign)?;
        index.remove(DirId::ROOT, &name("d"), Journal::Foreign)?;
        index.close()
    };
    for _ in 0..2 {
        let mut index = open(path);
        match read_and_write(&mut index) {
            Ok(()) => return index,
            Err(error) => assert!(error.is_damaged(), "{error:?}"),
        }
    }
    panic!("a new index is damaged too");
}

#[test]
fn a_damaged_file_is_set_aside_wherever_it_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let sound = folder.path().join("sound");
    let identity = closed_index(&sound);
    let bytes = fs::read(&sound).unwrap();
    let mut replaced = 0;
    let places = (0..bytes.len()).step_by(509);
    let count = places.clone().count();
    for place in places {
        let folder = tempfile::tempdir().unwrap();
        let file_path = folder.path().join("index");
        let mut bytes = bytes.clone();
        let end = (place + 64).min(bytes.len());
        for byte in &mut bytes[place..end] {
            *byte = !*byte;
        }
        fs::write(&file_path, bytes).unwrap();
        let index = open_and_use(&file_path);
        if let Origin::Replaced { .. } = index.origin() {
            replaced += 1;
            assert_ne!(index.epoch(), identity.epoch);
            assert_ne!(index.replica(), identity.replica);
            assert_eq!(index.seq().0, 1);
            assert!(folder.path().join("index.damaged-1").exists());
        }
    }
    // Some bytes are free space, or content that may be anything.
    assert!(replaced * 3 > count, "{replaced} of {count}");
}

#[test]
fn a_shortened_file_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    for (number, part) in [(1, 2), (2, 3), (3, 100)] {
        let file_path = folder.path().join(format!("index-{number}"));
        closed_index(&file_path);
        let file = fs::OpenOptions::new().write(true).open(&file_path).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length / part).unwrap();
        let index = open_and_use(&file_path);
        assert!(matches!(index.origin(), Origin::Replaced { .. }), "{:?}", index.origin());
    }
}

#[test]
fn another_version_and_another_kind_of_file_are_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let file_path = folder.path().join("index");
    for (number, pragma) in [(1, "user_version = 99"), (2, "application_id = 5")] {
        closed_index(&file_path);
        rusqlite::Connection::open(&file_path).unwrap().execute_batch(&format!("PRAGMA {pragma}")).unwrap();
        let mut index = open(&file_path);
        let Origin::Replaced { reason } = index.origin() else { panic!("it was read") };
        assert!(reason.contains(if number == 1 { "version 99" } else { "another kind" }), "{reason}");
        assert!(!knows(&index, "d"));
        assert!(folder.path().join(format!("index.damaged-{number}")).exists());
        index.close().unwrap();
    }
    fs::write(&file_path, "not a database at all, but long enough to be read as one".repeat(100)).unwrap();
    assert!(matches!(open(&file_path).origin(), Origin::Replaced { .. }));
}

#[test]
fn only_the_newest_damaged_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file_path = folder.path().join("index");
    for _ in 0..5 {
        fs::write(&file_path, [1; 4096]).unwrap();
        open(&file_path).close().unwrap();
    }
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|found| found.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["index", "index.damaged-3", "index.damaged-4", "index.damaged-5"]);
}

#[test]
fn after_a_power_cut_what_was_not_synced_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let file_path = folder.path().join("index");
    let mut index = open(&file_path);
    for at in ["synced", "moved", "late", "refreshed"] {
        put(&mut index, at, file(1));
    }
    put(&mut index, "dir", Entry::Directory);
    let mark = index.begin_sync().unwrap();
    put(&mut index, "late", file(2));
    index.mark_synced(mark).unwrap();
    put(&mut index, "after", file(3));
    index.refresh(DirId::ROOT, &name("refreshed"), fingerprint(99)).unwrap();
    index.move_row((DirId::ROOT, &name("moved")), (DirId::ROOT, &name("to")), Journal::Foreign).unwrap();
    index.close().unwrap();
    drop(index);
    let trusted =
        |index: &Index, at: &str| index.lookup(&path(at)).unwrap().unwrap().1.fingerprint != Fingerprint::UNKNOWN;
    let all = ["synced", "to", "late", "after", "refreshed", "dir"];
    let index = open(&file_path);
    assert_eq!(all.map(|at| trusted(&index, at)), [true; 6], "the same run of the system");
    drop(index);
    let mut index = Index::open(&file_path, [2; 16], Identity::random).unwrap();
    assert_eq!(all.map(|at| trusted(&index, at)), [true, true, false, false, false, true]);
    index.close().unwrap();
    drop(index);
    let index = Index::open(&file_path, [2; 16], Identity::random).unwrap();
    assert_eq!(all.map(|at| trusted(&index, at)), [true, true, false, false, false, true]);
}

/// Told to the child process: which file to write to.
const CHILD_FILE: &str = "CAUSEWAY_TEST_INDEX_FILE";

/// Not a test of its own: the process that is killed. Tells each number that it has committed.
#[test]
fn child_that_writes_until_killed() {
    let Some(file_path) = std::env::var_os(CHILD_FILE) else { return };
    let mut index = open(Path::new(&file_path));
    let first = index.counts().files;
    for number in first..1_000_000 {
        put(&mut index, &format!("{number}"), file(number));
        if number.is_multiple_of(7) {
            index.commit(Durability::Process).unwrap();
            println!("\ncommitted {number}");
        }
        if number.is_multiple_of(100) {
            index.acknowledge(causeway_sync::Seq(index.seq().0 / 2)).unwrap();
            index.maintain().unwrap();
        }
    }
}

#[test]
fn what_was_committed_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file_path = folder.path().join("index");
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "files::child_that_writes_until_killed"])
            .env(CHILD_FILE, &file_path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("committed ").and_then(|number| number.parse::<u64>().ok()));
        let at_least = told.by_ref().nth(20 + round * 13).unwrap();
        child.kill().unwrap();
        let committed = told.last().unwrap_or(at_least);
        child.wait().unwrap();
        let mut index = open(&file_path);
        assert_eq!(index.origin(), &Origin::Existing);
        assert!(index.counts().files > committed);
        assert!(knows(&index, &committed.to_string()));
        let mut reader = Reader { upto: index.acknowledged(), ..Reader::default() };
        reader.read_all(&index, 1000, None);
        index.commit(Durability::Process).unwrap();
    }
}
