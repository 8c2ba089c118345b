//! Lists in parts, and batches put together from them.

use causeway_sync::{Action, Batch, BatchId, Operation, Outcome, Seq, Side};
use causeway_wire::lane::{Arriving, ArrivingOutcomes, LaneMessage, Progress, push_batch, push_outcomes};
use causeway_wire::parts::{PART_BYTES, fit, parts};
use causeway_wire::{FRAME_BYTES_MAX, FrameReader, FrameWriter};

use crate::samples::path;

fn batch(actions: usize, path_bytes: usize) -> Batch {
    let at = path(&vec!["n".repeat(99); path_bytes.div_ceil(100)].join("/"));
    let action = Action { path: at, expect: None, operation: Operation::Remove };
    Batch { id: BatchId(3), to: Side::Guest, as_of: Seq(2), actions: vec![action; actions] }
}

fn receive(stream: &[u8]) -> Result<(Batch, usize), String> {
    let mut reader = FrameReader::new(stream);
    let mut arriving = None;
    let mut parts = 0;
    loop {
        match reader.read::<LaneMessage<'_>>().map_err(|e| e.to_string())?.ok_or("it ended")? {
            LaneMessage::Start { batch, to, as_of, actions } => {
                arriving = Some(Arriving::start(batch, to, as_of, actions));
            }
            LaneMessage::Actions(actions) => {
                parts += 1;
                match arriving.take().ok_or("no start")?.take(actions).map_err(|e| e.to_string())? {
                    Progress::More(more) => arriving = Some(more),
                    Progress::Complete(batch) => return Ok((batch, parts)),
                }
            }
            other => return Err(format!("{other:?}")),
        }
    }
}

#[test]
fn a_batch_travels_in_as_many_parts_as_it_needs() {
    for (actions, path_bytes, least, most) in
        [(1, 50, 1, 1), (1024, 50, 1, 1), (1024, 500, 4, 6), (20, 120_000, 20, 20)]
    {
        let batch = batch(actions, path_bytes);
        let mut stream = Vec::new();
        let mut writer = FrameWriter::new(&mut stream);
        push_batch(&mut writer, &batch).unwrap();
        writer.flush().unwrap();
        let (received, parts) = receive(&stream).unwrap();
        assert_eq!(received, batch);
        assert!((least..=most).contains(&parts), "{parts} parts of {actions} actions");
    }
}

#[test]
fn a_batch_beyond_its_bounds_is_refused() {
    let heavy = batch(200, 120_000);
    let mut stream = Vec::new();
    let mut writer = FrameWriter::new(&mut stream);
    push_batch(&mut writer, &heavy).unwrap();
    writer.flush().unwrap();
    assert_eq!(receive(&stream).unwrap_err(), "the length of a batch is out of range");

    let two = batch(2, 50).actions;
    let start = |actions| Arriving::start(BatchId(1), Side::Host, Seq(0), actions);
    assert!(start(1).take(two.clone()).is_err());
    assert!(start(2).take(Vec::new()).is_err());
    assert!(matches!(start(2).take(two), Ok(Progress::Complete(_))));
    let mut stream = Vec::new();
    assert!(push_batch(&mut FrameWriter::new(&mut stream), &batch(0, 50)).is_err());
}

#[test]
fn outcomes_are_told_whole() {
    let outcomes = vec![Outcome::Kept; 1024];
    let mut stream = Vec::new();
    let mut writer = FrameWriter::new(&mut stream);
    push_outcomes(&mut writer, BatchId(1), &outcomes).unwrap();
    writer.flush().unwrap();
    let mut reader = FrameReader::new(&*stream);
    let Some(LaneMessage::Outcomes { outcomes: told, .. }) = reader.read().unwrap() else { panic!() };
    let mut arriving = ArrivingOutcomes::default();
    assert_eq!(arriving.take(told[..1000].to_vec(), 1024).unwrap(), None);
    assert!(arriving.take(vec![Outcome::Kept; 25], 1024).is_err());
    assert_eq!(arriving.take(told[1000..].to_vec(), 1024).unwrap(), Some(outcomes));
    assert_eq!(arriving.take(told[..1].to_vec(), 1).unwrap().map(|told| told.len()), Some(1));
}

#[test]
fn parts_are_of_bounded_length_and_in_order() {
    let items: Vec<String> = (0..5000).map(|number| format!("{number:0>100}")).collect();
    let all: Vec<_> = parts(&items).collect();
    assert!(all.iter().all(|part| part.items.len() * 101 <= PART_BYTES));
    assert!(all[..all.len() - 1].iter().all(|part| !part.last) && all[all.len() - 1].last);
    assert_eq!(all.iter().flat_map(|part| part.items).collect::<Vec<_>>(), items.iter().collect::<Vec<_>>());

    let none: Vec<_> = parts::<String>(&[]).collect();
    assert!(none.len() == 1 && none[0].items.is_empty() && none[0].last);
    let giant = vec!["x".repeat(FRAME_BYTES_MAX / 2); 3];
    assert_eq!(parts(&giant).count(), 3);

    let mut page = items.clone();
    assert!(fit(&mut page));
    assert_eq!(page, all[0].items);
    assert!(!fit(&mut page));
}
