//! Creating, looking at, opening and removing entries of every kind.

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use causeway_endpoint::fs::{Area, FileMode, Fs, FsErrorKind, Kind, OsFs, OsFsConfig};
use causeway_sync::entry::Target;

use crate::{Place, failure, name, path};

/// One entry of every kind, under its kind's name.
fn one_of_each(place: &Place) {
    std::fs::write(place.share.join("file"), "content").unwrap();
    std::fs::create_dir(place.share.join("directory")).unwrap();
    symlink("file", place.share.join("link-to-file")).unwrap();
    symlink("directory", place.share.join("link-to-directory")).unwrap();
    symlink("nowhere", place.share.join("link-to-nowhere")).unwrap();
    UnixListener::bind(place.share.join("socket")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, place.share.join("fifo"), fifo, 0o600.into(), 0).unwrap();
}

#[test]
fn every_kind_is_told_and_opened_only_as_what_it_is() {
    let place = Place::new();
    one_of_each(&place);
    let (fs, root) = place.open(FileMode::User);
    use FsErrorKind::{IsSymlink, NotADirectory, NotAFile, NotFound};
    for (entry, kind, as_file, as_dir) in [
        ("file", Some(Kind::File), None, Some(NotADirectory)),
        ("directory", Some(Kind::Directory), Some(NotAFile), None),
        ("link-to-file", Some(Kind::Symlink), Some(IsSymlink), Some(NotADirectory)),
        ("link-to-directory", Some(Kind::Symlink), Some(IsSymlink), Some(NotADirectory)),
        ("link-to-nowhere", Some(Kind::Symlink), Some(IsSymlink), Some(NotADirectory)),
        ("socket", Some(Kind::Socket), Some(NotAFile), Some(NotADirectory)),
        ("fifo", Some(Kind::Fifo), Some(NotAFile), Some(NotADirectory)),
        ("missing", None, Some(NotFound), Some(NotFound)),
    ] {
        let entry_name = name(entry);
        assert_eq!(fs.stat(&root, entry_name).unwrap().map(|stat| stat.kind), kind, "{entry}");
        assert_eq!(failure(fs.open_file(&root, entry_name)), as_file, "{entry} as a file");
        assert_eq!(failure(fs.open_file_for_update(&root, entry_name)), as_file, "{entry} for update");
        assert_eq!(failure(fs.open_dir(&root, entry_name)), as_dir, "{entry} as a directory");
        assert_eq!(failure(fs.open_path(&root, path(entry))), as_dir, "{entry} as a path");
        let link = fs.read_link(&root, entry_name);
        assert_eq!(link.is_ok(), kind == Some(Kind::Symlink), "{entry} as a symlink: {link:?}");
    }
    let mut content = String::new();
    fs.open_file(&root, name("file")).unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "content");
    assert_eq!(fs.read_link(&root, name("link-to-nowhere")).unwrap().as_bytes(), b"nowhere");
}

#[test]
fn nothing_is_created_over_something() {
    let place = Place::new();
    one_of_each(&place);
    let (fs, root) = place.open(FileMode::User);
    let target = Target::new(b"elsewhere".to_vec()).unwrap();
    for entry in ["file", "directory", "link-to-file", "link-to-directory", "link-to-nowhere", "socket", "fifo"] {
        let exists = Some(FsErrorKind::Exists);
        let before = fs.stat(&root, name(entry)).unwrap();
        assert_eq!(failure(fs.create_file(&root, name(entry), false)), exists, "{entry}");
        assert_eq!(failure(fs.create_dir(&root, name(entry))), exists, "{entry}");
        assert_eq!(failure(fs.create_symlink(&root, name(entry), &target)), exists, "{entry}");
        assert_eq!(fs.stat(&root, name(entry)).unwrap(), before, "{entry}");
    }
    assert!(!place.share.join("nowhere").exists());
}

#[test]
fn removal_takes_what_it_names() {
    let place = Place::new();
    one_of_each(&place);
    let (fs, root) = place.open(FileMode::User);
    fs.create_file(&root, name("other"), false).unwrap();
    let directory = fs.open_dir(&root, name("directory")).unwrap();
    fs.create_file(&directory, name("inside"), false).unwrap();
    assert_eq!(failure(fs.remove_dir(&root, name("directory"))), Some(FsErrorKind::NotEmpty));
    fs.remove_file(&directory, name("inside")).unwrap();
    assert!(failure(fs.remove_file(&root, name("directory"))).is_some());
    assert_eq!(failure(fs.remove_dir(&root, name("link-to-directory"))), Some(FsErrorKind::NotADirectory));
    fs.remove_dir(&root, name("directory")).unwrap();
    for entry in ["link-to-file", "link-to-nowhere", "socket", "fifo", "other"] {
        fs.remove_file(&root, name(entry)).unwrap();
        assert_eq!(fs.stat(&root, name(entry)).unwrap(), None, "{entry}");
    }
    assert_eq!(failure(fs.remove_file(&root, name("other"))), Some(FsErrorKind::NotFound));
    assert_eq!(failure(fs.create_file(&directory, name("late"), false)), Some(FsErrorKind::NotFound));
    assert!(place.share.join("file").exists(), "the link's target stays");
}

#[test]
fn permissions_follow_the_side() {
    let umask = rustix::process::umask(0o022.into());
    rustix::process::umask(umask);
    #[allow(clippy::useless_conversion, reason = "16 bits wide on macOS")]
    let umask = u32::from(umask.bits());
    for (mode, file, executable, directory) in
        [(FileMode::User, 0o644 & !umask, 0o755 & !umask, 0o755 & !umask), (FileMode::Everyone, 0o666, 0o777, 0o777)]
    {
        let place = Place::new();
        let (fs, root) = place.open(mode);
        fs.create_file(&root, name("file"), false).unwrap();
        fs.create_file(&root, name("executable"), true).unwrap();
        fs.create_dir(&root, name("directory")).unwrap();
        for (entry, want) in [("file", file), ("executable", executable), ("directory", directory)] {
            let stat = fs.stat(&root, name(entry)).unwrap().unwrap();
            assert_eq!(stat.mode, want, "{entry} of {mode:?}");
            assert_eq!(stat.mode, std::fs::metadata(place.share.join(entry)).unwrap().mode() & 0o7777);
        }
    }
}

#[test]
fn the_executable_bit_is_for_those_who_may_read() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    let file = fs.create_file(&root, name("tool"), false).unwrap();
    for (before, on, off) in
        [(0o644, 0o755, 0o644), (0o600, 0o700, 0o600), (0o640, 0o750, 0o640), (0o755, 0o755, 0o644)]
    {
        let at = place.share.join("tool");
        std::fs::set_permissions(&at, std::fs::Permissions::from_mode(before)).unwrap();
        fs.set_executable(&file, true).unwrap();
        let stat = fs.stat_file(&file).unwrap();
        assert_eq!((stat.mode, stat.executable), (on, true), "from {before:o}");
        fs.set_executable(&file, false).unwrap();
        let stat = fs.stat_file(&file).unwrap();
        assert_eq!((stat.mode, stat.executable), (off, false), "from {before:o}");
    }
}

#[test]
fn a_replacement_inherits_owner_and_permissions() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    fs.create_file(&root, name("secret"), false).unwrap();
    let at = place.share.join("secret");
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(&at, Some(1234), Some(2345)).unwrap();
    }
    for (old, executable, want) in
        [(0o600, false, 0o600), (0o600, true, 0o700), (0o4755, false, 0o644), (0o664, true, 0o775)]
    {
        std::fs::set_permissions(&at, std::fs::Permissions::from_mode(old)).unwrap();
        let replaced = fs.stat(&root, name("secret")).unwrap().unwrap();
        let staged = fs.create_file(&root, name("staged"), executable).unwrap();
        fs.inherit(&staged, &replaced).unwrap();
        let stat = fs.stat_file(&staged).unwrap();
        assert_eq!(stat.mode, want, "from {old:o}, executable {executable}");
        assert_eq!(stat.owner, replaced.owner);
        assert_eq!(is_root, stat.owner.uid == 1234);
        fs.remove_file(&root, name("staged")).unwrap();
    }
}

#[test]
fn times_are_kept_to_the_nanosecond() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    let mut file = fs.create_file(&root, name("file"), false).unwrap();
    file.write_all(b"x").unwrap();
    fs.create_symlink(&root, name("link"), &Target::new(b"file".to_vec()).unwrap()).unwrap();
    for mtime_ns in [0, 1, 1_700_000_000_123_456_789, -1, -1_500_000_000] {
        fs.set_file_mtime(&file, mtime_ns).unwrap();
        assert_eq!(fs.stat_file(&file).unwrap().mtime_ns, mtime_ns);
        fs.set_mtime(&root, name("link"), mtime_ns + 2).unwrap();
        assert_eq!(fs.stat(&root, name("link")).unwrap().unwrap().mtime_ns, mtime_ns + 2, "the link's own");
        assert_eq!(fs.stat(&root, name("file")).unwrap().unwrap().mtime_ns, mtime_ns, "the target's stays");
        fs.set_mtime(&root, name("file"), mtime_ns + 3).unwrap();
        assert_eq!(fs.stat_file(&file).unwrap().mtime_ns, mtime_ns + 3);
    }
}

#[test]
fn roots_that_are_no_directories_are_told() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    let identity = fs.stat_dir(&root).unwrap();
    assert_eq!(fs.stat_dir(&fs.root(Area::Share).unwrap()).unwrap().inode, identity.inode);
    std::fs::rename(&place.share, place.share.with_extension("away")).unwrap();
    assert_eq!(failure(fs.root(Area::Share)), Some(FsErrorKind::NotFound));
    std::fs::write(&place.share, "a file").unwrap();
    assert_eq!(failure(fs.root(Area::Share)), Some(FsErrorKind::NotADirectory));
    std::fs::remove_file(&place.share).unwrap();
    symlink(place.share.with_extension("away"), &place.share).unwrap();
    assert!(matches!(failure(fs.root(Area::Share)), Some(FsErrorKind::NotADirectory | FsErrorKind::IsSymlink)));
    std::fs::remove_file(&place.share).unwrap();
    std::fs::create_dir(&place.share).unwrap();
    assert_ne!(fs.stat_dir(&fs.root(Area::Share).unwrap()).unwrap().inode, identity.inode, "another directory");
    assert_eq!(fs.stat_dir(&root).unwrap().inode, identity.inode, "the opened one is still itself");
}

#[test]
fn opening_needs_a_share_and_makes_a_private_place() {
    let place = Place::new();
    let open = |share: &std::path::Path| {
        let private = place.private.join("deep/inside");
        OsFs::open(OsFsConfig { share: share.into(), private, mode: FileMode::User })
    };
    assert_eq!(failure(open(&place.share.join("missing"))), Some(FsErrorKind::NotFound));
    let fs = open(&place.share).unwrap();
    assert!(!fs.in_share_staging());
    assert_eq!(std::fs::metadata(place.private.join("deep/inside")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(std::fs::read_dir(&place.share).unwrap().count(), 0, "nothing is left in the share");
    for area in [Area::Staging, Area::Bin] {
        let dir = fs.root(area).unwrap();
        fs.create_file(&dir, name("here"), false).unwrap();
    }
    fs.release_staging().unwrap();
    assert!(place.private.join("deep/inside/staging/here").exists());
    assert!(place.private.join("deep/inside/bin/here").exists());
}

#[test]
fn capabilities_and_space_are_those_of_an_ordinary_disk() {
    let place = Place::new();
    let (fs, _) = place.open(FileMode::User);
    let found = fs.probe().unwrap();
    assert!(found.case_sensitive && !found.normalizes_unicode && found.symlinks);
    assert!(found.executable_bit && found.exchange_rename);
    assert_eq!(found.time_granularity_ns, 1);
    assert_eq!(std::fs::read_dir(place.private.join("staging")).unwrap().count(), 0, "the probe cleans up");
    let space = fs.space().unwrap();
    assert!(space.free_bytes > 0 && space.free_bytes <= space.total_bytes && space.free_inodes > 0);
    fs.sync_dir(&fs.root(Area::Share).unwrap()).unwrap();
    fs.sync_fs().unwrap();
}
