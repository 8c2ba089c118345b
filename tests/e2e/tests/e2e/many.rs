//! Much at once: many small files, a large one, bursts.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;

use causeway_e2e::{Place, Random};

#[test]
fn many_small_files_cross_at_once() {
    let place = Place::new();
    let folder = place.folder("repo");
    let mut random = Random::new(3);
    for dir in 0..100 {
        fs::create_dir(folder.join(format!("{dir}"))).unwrap();
        for n in 0..60 {
            let size = usize::try_from(random.below(6000)).unwrap();
            fs::write(folder.join(format!("{dir}/{n}")), random.bytes(size)).unwrap();
        }
    }
    let share = place.share(&folder, &[]);
    assert_eq!(share.assert_equal().len(), 6100);

    // A burst of changes all over the tree, as a branch switch makes it.
    for dir in 0..100 {
        for n in 0..20 {
            fs::write(folder.join(format!("{dir}/{n}")), format!("{dir} {n}")).unwrap();
        }
        fs::remove_file(folder.join(format!("{dir}/40"))).unwrap();
    }
    for dir in 0..10 {
        fs::remove_dir_all(share.guest.join(format!("{}", 90 + dir))).unwrap();
    }
    share.assert_equal();
    let verified = share.json("verify");
    assert_eq!(verified["differ"], 0, "{verified}");
}

#[test]
fn a_large_file_and_a_change_in_its_midst_cross() {
    let place = Place::new();
    let folder = place.folder("repo");
    let bytes = Random::new(4).bytes(48 << 20);
    fs::write(folder.join("large"), &bytes).unwrap();
    let share = place.share(&folder, &[]);
    share.assert_equal();
    let mut file = fs::File::options().write(true).open(share.guest.join("large")).unwrap();
    file.seek(SeekFrom::Start(20 << 20)).unwrap();
    file.write_all(b"something else in the midst of it").unwrap();
    drop(file);
    share.assert_equal();
}

#[test]
fn a_sparse_file_stays_sparse() {
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    let (bytes, on_disk_max) = (3 << 30, 1 << 20);
    fs::File::create(share.host.join("sparse")).unwrap().set_len(bytes).unwrap();
    share.flush();
    for (side, other, at) in [(&share.host, &share.guest, 1 << 30), (&share.guest, &share.host, 2 << 30)] {
        let mut file = fs::File::options().write(true).open(side.join("sparse")).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(b"an island").unwrap();
        drop(file);
        share.flush();
        let there = fs::metadata(other.join("sparse")).unwrap();
        assert_eq!(there.len(), bytes);
        assert!(there.blocks() * 512 < on_disk_max, "{} bytes on disk", there.blocks() * 512);
        let mut island = [0; 9];
        let mut file = fs::File::open(other.join("sparse")).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.read_exact(&mut island).unwrap();
        assert_eq!(&island, b"an island");
    }
}

#[test]
fn a_keystroke_is_not_behind_a_gigabyte() {
    let place = Place::new();
    let share = place.share(&place.folder("repo"), &[]);
    let mut file = fs::File::create(share.host.join("large")).unwrap();
    let bytes = Random::new(5).bytes(8 << 20);
    for _ in 0..20 {
        file.write_all(&bytes).unwrap();
    }
    drop(file);
    fs::write(share.host.join("small"), "typed").unwrap();
    causeway_e2e::eventually(|| share.guest.join("small").exists(), || "the small file to arrive".to_owned());
    share.assert_equal();
}
