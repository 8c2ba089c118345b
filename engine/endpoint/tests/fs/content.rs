//! Holes and copies.

use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;

use causeway_endpoint::fs::{FileMode, Fs};

use crate::{Place, name};

const MIB: u64 = 1 << 20;

#[test]
fn a_sparse_file_stays_sparse() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    let mut from = fs.create_file(&root, name("from"), false).unwrap();
    // A hole, data, a large hole, data, a hole at the end: 10 GB.
    for at in [3 * MIB, 8000 * MIB] {
        from.seek(SeekFrom::Start(at)).unwrap();
        from.write_all(&[7; MIB as usize]).unwrap();
    }
    fs.set_len(&from, 10_000 * MIB).unwrap();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(range) = fs.next_data(&from, at).unwrap() {
        at = range.end;
        ranges.push(range);
    }
    assert_eq!(ranges, [3 * MIB..4 * MIB, 8000 * MIB..8001 * MIB]);

    let mut to = fs.create_file(&root, name("to"), false).unwrap();
    assert_eq!(fs.copy_file(&from, &to).unwrap(), 10_000 * MIB);
    fs.sync_file(&to).unwrap();
    let copied = std::fs::metadata(place.share.join("to")).unwrap();
    assert_eq!(copied.len(), 10_000 * MIB);
    assert!(copied.blocks() * 512 < 4 * MIB, "{} blocks", copied.blocks());
    let mut piece = vec![0; 2 * MIB as usize];
    to.seek(SeekFrom::Start(8000 * MIB)).unwrap();
    to.read_exact(&mut piece).unwrap();
    assert!(piece[..MIB as usize].iter().all(|b| *b == 7) && piece[MIB as usize..].iter().all(|b| *b == 0));
}

#[test]
fn files_without_data_and_without_holes() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    let mut file = fs.create_file(&root, name("file"), false).unwrap();
    assert_eq!(fs.next_data(&file, 0).unwrap(), None);
    file.write_all(&[1; 5000]).unwrap();
    assert_eq!(fs.next_data(&file, 0).unwrap(), Some(0..5000));
    assert_eq!(fs.next_data(&file, 4999).unwrap(), Some(4999..5000));
    assert_eq!(fs.next_data(&file, 5000).unwrap(), None);
    let empty = fs.create_file(&root, name("empty"), false).unwrap();
    fs.set_len(&empty, MIB).unwrap();
    assert_eq!(fs.next_data(&empty, 0).unwrap(), None);
    let copy = fs.create_file(&root, name("copy"), false).unwrap();
    assert_eq!(fs.copy_file(&empty, &copy).unwrap(), MIB);
    assert_eq!(fs.stat_file(&copy).unwrap().size, MIB);
}

#[test]
fn ranges_are_copied_to_where_they_belong() {
    let place = Place::new();
    let (fs, root) = place.open(FileMode::User);
    let content: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
    let mut from = fs.create_file(&root, name("from"), false).unwrap();
    from.write_all(&content).unwrap();
    let mut to = fs.create_file(&root, name("to"), false).unwrap();
    to.write_all(b"head").unwrap();
    assert_eq!(fs.copy_range(&from, 100..200_100, &to, 4).unwrap(), 200_000);
    assert_eq!(fs.copy_range(&from, 299_990..400_000, &to, 200_004).unwrap(), 10, "up to the end");
    assert_eq!(fs.copy_range(&from, 5..5, &to, 0).unwrap(), 0);
    let got = std::fs::read(place.share.join("to")).unwrap();
    let want = [b"head", &content[100..200_100], &content[299_990..]].concat();
    assert!(got == want);
}
