//! Batches in both directions.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use causeway_sync::{Action, Batch, BatchId, Entry, Lane, Operation, Outcome, Seq, Side, Source};

use crate::ends::{Ends, Ground, LANES, batches, path, tree};

/// Bytes that no delta finds again.
fn noise(bytes: usize, seed: u8) -> Vec<u8> {
    let mut state = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(bytes).collect()
}

fn fill(ground: &Ground, directories: usize, files: usize) {
    for directory in 0..directories {
        for file in 0..files {
            ground.write(&format!("d{directory}/s/f{file}"), format!("{directory} {file}").repeat(file));
        }
    }
    ground.write("run.sh", "#!/bin/sh\n");
    fs::set_permissions(ground.share.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("d0/s", ground.share.join("link")).unwrap();
    ground.write("empty", "");
}

#[test]
fn a_first_sync_crosses_in_either_direction() {
    for from in Side::BOTH {
        let mut ends = Ends::new();
        fill(ends.side(from), 20, 25);
        ends.bring(from);
        let (source, copy) = (tree(&ends.side(from).share), tree(&ends.side(from.other()).share));
        assert_eq!(source.len(), 20 * 27 + 3);
        assert!(source == copy, "from {from:?}");
        ends.finish();
    }
}

#[test]
fn both_directions_at_once_cross_each_other() {
    let mut ends = Ends::new();
    ends.host.write("h/x", "x");
    ends.guest.write("g/x", "x");
    ends.bring(Side::Host);
    // The guest's own directory is known to it; the host's copy of it isn't made yet.
    ends.bring(Side::Guest);
    for number in 0..600 {
        ends.host.write(&format!("h/{number}"), noise(number, 1));
        ends.guest.write(&format!("g/{number}"), noise(number, 2));
    }
    let to_guest = batches(Side::Guest, &ends.host.as_actions(), 3, 1);
    let to_host = batches(Side::Host, &ends.guest.as_actions(), 3, 1_000_000);
    assert!(to_guest.len() >= 200 && to_host.len() >= 200);
    // More at once than may be in flight, and all lanes carry both.
    for (number, pair) in to_guest.into_iter().zip(to_host).enumerate() {
        let lane = LANES[number % 3];
        ends.engine.run(pair.0, lane);
        ends.engine.run(pair.1, lane);
    }
    ends.engine.all_done();
    assert!(tree(&ends.host.share) == tree(&ends.guest.share));
    ends.finish();
}

fn transfer(from: &Ground, at: &str, expect: Option<Entry>, delta: bool) -> Vec<Action> {
    let mut actions = from.as_actions();
    assert_eq!(actions.len(), 1);
    assert_eq!(actions[0].path, path(at));
    let Operation::File { source, .. } = &mut actions[0].operation else { panic!() };
    *source = Source::Transfer { delta };
    actions[0].expect = expect;
    actions
}

fn batch(id: u64, to: Side, actions: Vec<Action>) -> Batch {
    Batch { id: BatchId(id), to, as_of: Seq(u64::MAX), actions }
}

#[test]
fn large_and_sparse_files_cross_and_change_by_deltas() {
    for from in Side::BOTH {
        let mut ends = Ends::new();
        let mut content = noise(12 << 20, 3);
        ends.side(from).write("large", &content);
        let mut sparse = fs::File::create(ends.side(from).share.join("sparse")).unwrap();
        sparse.write_all(b"begin").unwrap();
        sparse.seek(SeekFrom::Start(300 << 20)).unwrap();
        sparse.write_all(b"end").unwrap();
        drop(sparse);
        ends.bring(from);
        let copy = ends.side(from.other());
        assert!(fs::read(copy.share.join("large")).unwrap() == content);
        let sparse = fs::metadata(copy.share.join("sparse")).unwrap();
        assert_eq!(sparse.len(), (300 << 20) + 3);
        assert!(sparse.blocks() * 512 < 4 << 20, "the hole takes {} blocks", sparse.blocks());

        // The receiver's index knows its copy; the change is in the middle.
        content.splice(5_000_000..5_000_000, *b"inserted");
        ends.side(from).write("large", &content);
        copy.changes();
        let known = copy.endpoint.verify(None, 10, &mut |_| true).unwrap().0;
        let known = known.into_iter().find(|found| found.path == path("large")).unwrap().found.unwrap();
        let actions = transfer(ends.side(from), "large", Some(known), true);
        ends.engine.run(batch(9, from.other(), actions), Lane::Bulk(0));
        ends.engine.all_done();
        assert!(fs::read(ends.side(from.other()).share.join("large")).unwrap() == content);
        ends.finish();
    }
}

#[test]
fn what_changed_at_its_source_is_not_put_in_place() {
    for from in Side::BOTH {
        let mut ends = Ends::new();
        ends.side(from).write("a", "one");
        ends.side(from).write("b", "two");
        ends.side(from).write("c", "three");
        let actions = ends.side(from).as_actions();
        ends.side(from).write("b", "changed meanwhile");
        fs::remove_file(ends.side(from).share.join("c")).unwrap();
        ends.engine.run(batch(1, from.other(), actions), Lane::Quick);
        let outcomes = ends.engine.outcomes().remove(&BatchId(1)).unwrap();
        assert!(matches!(outcomes[0], Outcome::Done { .. }));
        assert_eq!(outcomes[1..], [Outcome::SourceChanged, Outcome::SourceChanged]);
        assert_eq!(tree(&ends.side(from.other()).share).into_keys().collect::<Vec<_>>(), ["a"]);
        ends.finish();
    }
}

#[test]
fn batches_without_content_keep_their_place_among_those_with_some() {
    for to in Side::BOTH {
        let mut ends = Ends::new();
        ends.side(to.other()).write("file", noise(3 << 20, 1));
        let put = ends.side(to.other()).as_actions();
        let rename = Operation::Rename { to: path("renamed") };
        let file = match &put[0].operation {
            Operation::File { file, .. } => file.clone(),
            other => panic!("{other:?}"),
        };
        let digest = blake3_of(&ends.side(to.other()).share.join("file"));
        let put_file = Entry::File(causeway_sync::File { digest: Some(digest), ..file });
        let then = |operation| vec![Action { path: path("file"), expect: Some(put_file.clone()), operation }];
        let directory = Action { path: path("dir"), expect: None, operation: Operation::Directory };
        let after = Action { path: path("renamed"), expect: Some(put_file.clone()), operation: Operation::Remove };
        ends.engine.run(batch(1, to, vec![directory]), Lane::Quick);
        ends.engine.run(batch(2, to, put), Lane::Quick);
        ends.engine.run(batch(3, to, then(rename)), Lane::Quick);
        ends.engine.run(batch(4, to, vec![after]), Lane::Quick);
        ends.engine.all_done();
        assert_eq!(tree(&ends.side(to).share).into_keys().collect::<Vec<_>>(), ["dir/"]);
        ends.finish();
    }
}

fn blake3_of(file: &std::path::Path) -> causeway_sync::Digest {
    blake3::hash(&fs::read(file).unwrap()).into()
}
