//! The wire decoder: what arrives on the connections of an agent.

use std::fmt::Debug;

use causeway_sync::Batch;
use causeway_wire::agent::{AgentAnswer, AgentCall};
use causeway_wire::greeting::{Admission, Dial};
use causeway_wire::lane::{Arriving, ArrivingOutcomes, LaneMessage, Progress};
use causeway_wire::share::{ShareCall, ShareSaid};
use causeway_wire::shell::{FromShell, ToShell};
use causeway_wire::{FrameReader, FrameWriter, Message, decode};
use serde::{Deserialize, Serialize};

/// Bytes are refused or are a message, which survives being sent again; a stream of frames ends or fails, and what it carries
/// of a lane keeps to the bounds of batches.
///
/// The first byte of the input says which kind of connection, the rest is what arrives on it.
pub fn wire(data: &[u8]) {
    taken_whole(data);
}

/// Whether the input is nothing but messages that are accepted.
fn taken_whole(data: &[u8]) -> bool {
    let Some((kind, stream)) = data.split_first() else { return false };
    match kind % 9 {
        0 => messages::<Dial>(stream),
        1 => messages::<Admission>(stream),
        2 => messages::<AgentCall>(stream),
        3 => messages::<AgentAnswer>(stream),
        4 => messages::<ShareCall>(stream),
        5 => messages::<ShareSaid>(stream),
        7 => messages::<ToShell>(stream),
        8 => messages::<FromShell>(stream),
        _ => lane(stream),
    }
}

fn messages<T: for<'a> Deserialize<'a> + Serialize + Message + PartialEq + Debug>(stream: &[u8]) -> bool {
    if let Ok(message) = decode::<T>(stream) {
        survives(&message);
    }
    let mut reader = FrameReader::new(stream);
    loop {
        match reader.read::<T>() {
            Ok(Some(message)) => survives(&message),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

fn survives<T: for<'a> Deserialize<'a> + Serialize + Message + PartialEq + Debug>(message: &T) {
    let again = decode::<T>(&sent(message)).expect("what was decoded can be sent and decoded again");
    assert_eq!(*message, again);
}

/// The body of the frame that carries `message`.
fn sent<T: Serialize>(message: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    FrameWriter::new(&mut bytes).send(message).expect("a message that arrived in a frame fits into one");
    let mut reader = FrameReader::new(&*bytes);
    reader.read_body().expect("a frame was written").expect("a frame was written").to_vec()
}

/// As the two ends of a lane take messages, without knowing more than the lane tells.
fn lane(stream: &[u8]) -> bool {
    let mut reader = FrameReader::new(stream);
    let mut arriving: Option<Arriving> = None;
    let mut last: Option<Batch> = None;
    let mut told = ArrivingOutcomes::default();
    loop {
        let message = match reader.read::<LaneMessage<'_>>() {
            Ok(Some(message)) => message,
            Ok(None) => return true,
            Err(_) => return false,
        };
        let body = sent(&message);
        assert_eq!(decode::<LaneMessage<'_>>(&body).expect("a message that arrived is one"), message);
        match message {
            LaneMessage::Start { batch, to, as_of, actions } => {
                arriving = Some(Arriving::start(batch, to, as_of, actions))
            }
            LaneMessage::Actions(actions) => {
                let Some(begun) = arriving.take() else { return false };
                match begun.take(actions) {
                    Ok(Progress::More(more)) => arriving = Some(more),
                    Ok(Progress::Complete(batch)) => last = Some(batch),
                    Err(_) => return false,
                }
            }
            LaneMessage::Outcomes { outcomes, .. } => {
                let Some(batch) = &last else { return false };
                match told.take(outcomes, batch.actions.len()) {
                    Ok(Some(outcomes)) => assert_eq!(outcomes.len(), batch.actions.len()),
                    Ok(None) => {}
                    Err(_) => return false,
                }
            }
            LaneMessage::Content { .. } | LaneMessage::Signature { .. } => {}
        }
    }
}

#[cfg(test)]
mod test {
    use std::fs;
    use std::path::Path;

    /// After a change of the protocol the corpus has to be made anew, or the random input made from it is refused at once.
    #[test]
    fn the_corpus_is_of_this_protocol() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/wire");
        for entry in fs::read_dir(corpus).unwrap() {
            let path = entry.unwrap().path();
            assert!(super::taken_whole(&fs::read(&path).unwrap()), "{}", path.display());
        }
    }
}
