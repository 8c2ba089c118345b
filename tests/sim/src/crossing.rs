//! What crosses between the sides is encoded and decoded as it is in earnest.

use causeway_sync::content::{Content, Signature};
use causeway_sync::{Batch, BatchId, Changes, Hello, Outcome};
use causeway_wire::agent::RequestId;
use causeway_wire::lane::{self, LaneMessage};
use causeway_wire::share::{ShareReply, ShareSaid};
use causeway_wire::{FrameReader, FrameWriter, Message, decode};
use serde::{Deserialize, Serialize};

/// Length of a frame's head.
const HEAD_BYTES: usize = 4;

fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let mut writer = FrameWriter::new(Vec::new());
    writer.send(message).expect("what is sent can be encoded");
    writer.get_ref().clone()
}

fn received<'a, T: Deserialize<'a> + Message>(frame: &'a [u8]) -> T {
    decode(&frame[HEAD_BYTES..]).expect("what was sent is well-formed")
}

/// A hello from the guest.
pub fn hello(hello: Hello) -> Hello {
    let said = ShareSaid::Reply { id: RequestId(1), reply: ShareReply::Begun(hello) };
    match received(&encode(&said)) {
        ShareSaid::Reply { reply: ShareReply::Begun(hello), .. } => hello,
        other => panic!("a hello became {other:?}"),
    }
}

/// A window from the guest.
pub fn changes(window: Changes) -> Changes {
    let Changes { changes, upto, as_of, crawled } = window;
    let reply = ShareReply::Changes { changes, more: false, upto, as_of, crawled };
    match received(&encode(&ShareSaid::Reply { id: RequestId(1), reply })) {
        ShareSaid::Reply { reply: ShareReply::Changes { changes, upto, as_of, crawled, .. }, .. } => {
            Changes { changes, upto, as_of, crawled }
        }
        other => panic!("changes became {other:?}"),
    }
}

/// A batch on its way to the agent.
pub fn batch(batch: &Batch) -> Batch {
    let mut writer = FrameWriter::new(Vec::new());
    lane::push_batch(&mut writer, batch).expect("a batch can be encoded");
    writer.flush().expect("a vector takes everything");
    let bytes = writer.get_ref().clone();
    let mut reader = FrameReader::new(&bytes[..]);
    let mut crossed: Option<Batch> = None;
    while let Some(message) = reader.read().expect("what was sent is well-formed") {
        match (message, &mut crossed) {
            (LaneMessage::Start { batch, to, as_of, .. }, _) => {
                crossed = Some(Batch { id: batch, to, as_of, actions: Vec::new() });
            }
            (LaneMessage::Actions(actions), Some(batch)) => batch.actions.extend(actions),
            (other, _) => panic!("a batch became {other:?}"),
        }
    }
    crossed.expect("a start was sent")
}

/// The outcomes of a batch, from the agent.
pub fn outcomes(batch: BatchId, outcomes: &[Outcome]) -> Vec<Outcome> {
    let mut writer = FrameWriter::new(Vec::new());
    lane::push_outcomes(&mut writer, batch, outcomes).expect("outcomes can be encoded");
    writer.flush().expect("a vector takes everything");
    let bytes = writer.get_ref().clone();
    let mut reader = FrameReader::new(&bytes[..]);
    let mut crossed = Vec::new();
    while let Some(message) = reader.read().expect("what was sent is well-formed") {
        match message {
            LaneMessage::Outcomes { outcomes, .. } => crossed.extend(outcomes),
            other => panic!("outcomes became {other:?}"),
        }
    }
    crossed
}

/// A signature, from the side that receives.
pub fn signature(batch: BatchId, action: u32, signature: Signature) -> Signature {
    match received(&encode(&LaneMessage::Signature { batch, action, signature })) {
        LaneMessage::Signature { signature, .. } => signature,
        other => panic!("a signature became {other:?}"),
    }
}

/// A piece of content; given to `take` as it arrives.
pub fn content<T>(batch: BatchId, action: u32, content: Content<'_>, take: impl FnOnce(u32, Content<'_>) -> T) -> T {
    let frame = encode(&LaneMessage::Content { batch, action, content });
    match received(&frame) {
        LaneMessage::Content { action, content, .. } => take(action, content),
        other => panic!("content became {other:?}"),
    }
}
