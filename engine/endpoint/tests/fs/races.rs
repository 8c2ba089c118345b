//! Another process renames directories and puts symlinks in their place while paths are opened: nothing may land outside.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use causeway_endpoint::fs::{FileMode, Fs, FsErrorKind};

use crate::{Place, name, path};

#[test]
fn a_component_swapped_for_a_symlink_is_never_followed() {
    let place = Place::new();
    let outside = place.share.with_extension("outside");
    std::fs::create_dir_all(outside.join("c")).unwrap();
    std::fs::create_dir_all(place.share.join("a/b/c")).unwrap();
    symlink(&outside, place.share.join("a/evil")).unwrap();
    let (fs, root) = place.open(FileMode::User);
    let stop = AtomicBool::new(false);
    let (mut reached, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let dir = std::fs::File::open(place.share.join("a")).unwrap();
            while !stop.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(&dir, "b", &dir, "evil", rustix::fs::RenameFlags::EXCHANGE).unwrap();
            }
        });
        for round in 0..20_000 {
            let file = format!("file-{round}");
            match fs.open_path(&root, path("a/b/c")) {
                Ok(dir) => {
                    reached += 1;
                    fs.create_file(&dir, name(&file), false).unwrap();
                    fs.remove_file(&dir, name(&file)).unwrap();
                }
                Err(error) => {
                    refused += 1;
                    let refusals = [FsErrorKind::IsSymlink, FsErrorKind::NotADirectory];
                    assert!(refusals.contains(&error.kind), "{error}");
                }
            }
            assert!(!outside.join("c").join(&file).exists());
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(reached > 0 && refused > 0, "the race was run: {reached} reached, {refused} refused");
    assert_eq!(std::fs::read_dir(outside.join("c")).unwrap().count(), 0);
}

#[test]
fn a_file_swapped_for_a_symlink_is_never_read() {
    let place = Place::new();
    let secret = place.share.with_extension("secret");
    std::fs::write(&secret, "secret").unwrap();
    std::fs::write(place.share.join("file"), "public").unwrap();
    symlink(&secret, place.share.join("evil")).unwrap();
    let (fs, root) = place.open(FileMode::User);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let dir = std::fs::File::open(&place.share).unwrap();
            while !stop.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(&dir, "file", &dir, "evil", rustix::fs::RenameFlags::EXCHANGE).unwrap();
            }
        });
        for _ in 0..20_000 {
            match fs.open_file(&root, name("file")) {
                Ok(file) => assert_eq!(std::io::read_to_string(file).unwrap(), "public"),
                Err(error) => assert_eq!(error.kind, FsErrorKind::IsSymlink),
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}
