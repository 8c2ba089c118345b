//! Renames: what stands at the destination decides.

use causeway_endpoint::fs::{Area, FileMode, Fs, FsErrorKind, Rename};
use causeway_sync::entry::Target;

use crate::{Place, failure, name};

const KINDS: [&str; 5] = ["file", "full", "empty", "link", "missing"];

/// Puts an entry of a kind at `at`.
fn put<F: Fs>(fs: &F, dir: &F::Dir, at: &str, kind: &str) {
    match kind {
        "file" => drop(fs.create_file(dir, name(at), false).unwrap()),
        "empty" => drop(fs.create_dir(dir, name(at)).unwrap()),
        "full" => {
            let made = fs.create_dir(dir, name(at)).unwrap();
            fs.create_file(&made, name("inside"), false).unwrap();
        }
        "link" => fs.create_symlink(dir, name(at), &Target::new(b"nowhere".to_vec()).unwrap()).unwrap(),
        _ => {}
    }
}

fn inode<F: Fs>(fs: &F, dir: &F::Dir, at: &str) -> Option<u64> {
    fs.stat(dir, name(at)).unwrap().map(|stat| stat.inode)
}

#[test]
fn every_kind_onto_every_kind() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    let staging = fs.root(Area::Staging).unwrap();
    for (row, (from, to)) in KINDS.iter().flat_map(|from| KINDS.map(|to| (*from, to))).enumerate() {
        for how in [Rename::NoReplace, Rename::Exchange] {
            let (a, b) = (format!("{row}-{how:?}-a"), format!("{row}-{how:?}-b"));
            put(&fs, &staging, &a, from);
            put(&fs, &root, &b, to);
            let (inode_a, inode_b) = (inode(&fs, &staging, &a), inode(&fs, &root, &b));
            let want = match (how, from, to) {
                (_, "missing", _) => Some(FsErrorKind::NotFound),
                (Rename::NoReplace, _, "missing") => None,
                (Rename::NoReplace, ..) => Some(FsErrorKind::Exists),
                (Rename::Exchange, _, "missing") => Some(FsErrorKind::NotFound),
                (Rename::Exchange, ..) => None,
            };
            let got = failure(fs.rename(&staging, name(&a), &root, name(&b), how));
            // With neither there, which one is named is the system's choice.
            let is_free_choice = from == "missing" && how == Rename::NoReplace && got == Some(FsErrorKind::Exists);
            assert!(got == want || is_free_choice, "{how:?} of {from} onto {to}: {got:?}");
            let after = (inode(&fs, &staging, &a), inode(&fs, &root, &b));
            let moved = if got.is_none() { (inode_b, inode_a) } else { (inode_a, inode_b) };
            assert_eq!(after, moved, "{how:?} of {from} onto {to}");
        }
    }
}

#[test]
fn a_directory_does_not_move_into_itself() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    let dir = fs.create_dir(&root, name("dir")).unwrap();
    let got = failure(fs.rename(&root, name("dir"), &dir, name("inside"), Rename::NoReplace));
    assert_eq!(got, Some(FsErrorKind::InvalidInput));
    assert!(place.share.join("dir").exists());
}
