//! Names and paths at their limits, and listing.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use causeway_endpoint::fs::{FileMode, Fs, FsErrorKind, Kind};
use causeway_sync::path::{Name, NameBuf, RelPath, RelPathBuf};

use crate::{Place, failure, name};

#[test]
fn names_are_bytes() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    let mut names: Vec<Vec<u8>> = (1..=255_u8).filter(|b| !b"/.".contains(b)).map(|b| vec![b]).collect();
    names.extend([vec![b'x'; 255], vec![0xff; 255], b"new\nline".to_vec(), b"latin-\xe9".to_vec(), b"...".to_vec()]);
    for bytes in &names {
        fs.create_file(&root, Name::new(bytes).unwrap(), false).unwrap();
    }
    let mut seen = BTreeSet::new();
    let passed_over = fs.list(&root, &mut |name, kind| {
        assert!(matches!(kind, Some(Kind::File) | None));
        seen.insert(name.as_bytes().to_vec());
        ControlFlow::Continue(())
    });
    assert_eq!(passed_over.unwrap(), 0);
    assert_eq!(seen, names.into_iter().collect());
}

#[test]
fn listings_end_when_told_and_do_not_disturb_each_other() {
    let place = Place::new();
    for i in 0..5000 {
        std::fs::write(place.share.join(format!("file-{i:05}")), "").unwrap();
    }
    let (fs, root) = place.open(FileMode::User);
    let count = || {
        let mut count = 0;
        fs.list(&root, &mut |_, _| {
            count += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
        count
    };
    let mut seen = 0;
    let mut inner = 0;
    fs.list(&root, &mut |_, _| {
        seen += 1;
        if seen == 2500 {
            inner = count();
        }
        if seen == 3000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!((seen, inner), (3000, 5000));
    std::thread::scope(|scope| {
        let counts: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
        for counted in counts {
            assert_eq!(counted.join().unwrap(), 5000);
        }
    });
    std::fs::write(place.share.join("one more"), "").unwrap();
    assert_eq!(count(), 5001);
}

#[test]
fn depth_and_length_beyond_the_systems_limit_are_walked() {
    for name_bytes in [1, 254, 255] {
        let place = Place::new();
        let (fs, root) = place.open(FileMode::User);
        let mut dir = root.clone();
        let mut path = RelPathBuf::default();
        for level in 0..500_usize {
            let mut bytes = vec![b'd'; name_bytes];
            bytes[name_bytes - 1] = b'a' + u8::try_from(level % 26).unwrap();
            let name = NameBuf::new(bytes).unwrap();
            dir = fs.create_dir(&dir, &name).unwrap();
            path = path.join(&name);
        }
        fs.create_file(&dir, name("bottom"), false).unwrap();
        let found = fs.open_path(&root, &path).unwrap();
        assert_eq!(fs.stat_dir(&found).unwrap().inode, fs.stat_dir(&dir).unwrap().inode);
        fs.open_file(&found, name("bottom")).unwrap();
        let missing = path.join(name("missing"));
        let error = fs.open_path(&root, &missing).err().unwrap();
        assert_eq!((error.kind, &*error.path), (FsErrorKind::NotFound, &*missing));
        assert_eq!(failure(fs.open_path(&root, &path.join(name("bottom")))), Some(FsErrorKind::NotADirectory));
        drop((dir, found));
        remove_below(&fs, &root, &path);
    }
}

/// Removes a chain of directories from the bottom up: a path so long is too much for `remove_dir_all`.
fn remove_below(fs: &impl Fs<Dir = causeway_endpoint::fs::Dir>, root: &causeway_endpoint::fs::Dir, path: &RelPath) {
    let bottom = fs.open_path(root, path).unwrap();
    fs.remove_file(&bottom, name("bottom")).unwrap();
    let mut path = path.to_owned();
    while let Some((parent, last)) = path.split_last() {
        fs.remove_dir(&fs.open_path(root, parent).unwrap(), last).unwrap();
        path = parent.to_owned();
    }
}

#[test]
fn errors_name_the_operation_and_the_path() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    let error = fs.open_file(&root, name("missing.txt")).err().unwrap();
    let text = error.to_string();
    assert!(text.starts_with("could not open the file \"missing.txt\": No such file"), "{text}");
}
