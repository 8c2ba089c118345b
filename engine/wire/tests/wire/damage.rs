//! Messages that are cut short, run on, lie about lengths, or hold values out of range.

use std::fmt::Debug;

use causeway_sync::content::{Chunk, Content, Piece, SIGNATURE_CHUNKS_MAX, Signature};
use causeway_sync::ignore::RuleTexts;
use causeway_sync::{BatchId, Lane, Seq, Side};
use causeway_wire::agent::{
    AgentAnswer, AgentCall, AgentReply, AgentRequest, Lanes, RequestId, ShareId, ShareSettings, Symlinks,
};
use causeway_wire::errand::{Errand, PAGE_ITEMS_MAX};
use causeway_wire::greeting::{Admission, Dial};
use causeway_wire::lane::LaneMessage;
use causeway_wire::share::{PULL_CHANGES_MAX, READ_PATHS_MAX, ShareCall, ShareRequest, ShareSaid};
use causeway_wire::{Malformed, Message, decode};
use serde::{Deserialize, Serialize};

use crate::samples::{
    admissions, agent_answers, agent_calls, body, dials, file, from_shell, lane_messages, share_calls, share_said,
    to_shell,
};

/// No part of a message is one, nor is a message with something behind it.
fn cut_and_prolonged<T: Serialize + for<'a> Deserialize<'a> + Message + Debug>(messages: &[T]) {
    for message in messages {
        let whole = body(message);
        for end in 0..whole.len() {
            assert!(decode::<T>(&whole[..end]).is_err(), "{message:?} cut to {end} bytes");
        }
        let longer = [&whole[..], &[0]].concat();
        assert_eq!(decode::<T>(&longer).unwrap_err(), Malformed::Trailing(1), "{message:?}");
    }
}

#[test]
fn a_part_of_a_message_is_none() {
    cut_and_prolonged(&dials());
    cut_and_prolonged(&admissions());
    cut_and_prolonged(&agent_calls());
    cut_and_prolonged(&agent_answers());
    cut_and_prolonged(&share_calls());
    cut_and_prolonged(&share_said());
    cut_and_prolonged(&to_shell());
    cut_and_prolonged(&from_shell());
    for message in lane_messages() {
        let whole = body(&message);
        for end in 0..whole.len() {
            assert!(decode::<LaneMessage<'_>>(&whole[..end]).is_err(), "{message:?} cut to {end} bytes");
        }
    }
}

#[test]
fn unknown_variants_are_refused() {
    for first in 20..=255 {
        assert!(decode::<ShareCall>(&[first, 1, 1]).is_err());
        assert!(decode::<ShareSaid>(&[first, 1, 1]).is_err());
        assert!(decode::<LaneMessage<'_>>(&[first, 1, 1]).is_err());
        assert!(decode::<Admission>(&[first]).is_err());
    }
}

/// A varint, as postcard writes lengths.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

#[test]
fn a_length_that_lies_is_refused_before_anything_is_allocated_for_it() {
    let claims = [u64::from(u32::MAX), 1 << 40, u64::MAX >> 1, u64::MAX];
    for claim in claims {
        // Actions, a note of paths to read, a path, a pattern, content, a signature's chunks.
        let bodies: [Vec<u8>; 6] = [
            [vec![1], varint(claim)].concat(),
            [vec![1, 3], varint(claim)].concat(),
            [vec![1, 1], varint(claim)].concat(),
            [vec![1, 4, 0], varint(claim)].concat(),
            [vec![2, 0, 0, 0, 0], varint(claim)].concat(),
            [vec![3, 0, 0, 0x80, 0x40], varint(claim)].concat(),
        ];
        for (number, body) in bodies.iter().enumerate() {
            let lane = matches!(number, 0 | 4 | 5);
            let refused =
                if lane { decode::<LaneMessage<'_>>(body).is_err() } else { decode::<ShareCall>(body).is_err() };
            assert!(refused, "body {number} with {claim}");
        }
    }
}

#[test]
fn lists_over_their_bounds_are_refused() {
    // Each item is whole and valid; there are too many.
    let paths = |count: usize| [vec![1, 3], varint(count as u64), vec![0; count]].concat();
    assert!(decode::<ShareCall>(&paths(READ_PATHS_MAX)).is_ok());
    assert!(decode::<ShareCall>(&paths(READ_PATHS_MAX + 1)).is_err());

    let action = [0, 0, 4];
    let actions = |count: usize| [vec![1], varint(count as u64), action.repeat(count)].concat();
    assert!(decode::<LaneMessage<'_>>(&actions(1024)).is_ok());
    assert!(decode::<LaneMessage<'_>>(&actions(1025)).is_err());

    let outcomes = |count: usize| [vec![4, 1], varint(count as u64), vec![1; count]].concat();
    assert!(decode::<LaneMessage<'_>>(&outcomes(1024)).is_ok());
    assert!(decode::<LaneMessage<'_>>(&outcomes(1025)).is_err());
}

fn lane(message: &LaneMessage<'_>) -> Result<(), Malformed> {
    decode::<LaneMessage<'_>>(&body(message)).map(|_| ())
}

fn content(content: Content<'_>) -> Result<(), Malformed> {
    lane(&LaneMessage::Content { batch: BatchId(1), action: 0, content })
}

#[test]
fn values_out_of_range_are_refused() {
    let start = |actions| lane(&LaneMessage::Start { batch: BatchId(1), to: Side::Host, as_of: Seq(0), actions });
    assert!(start(1).is_ok() && start(1024).is_ok());
    assert!(start(0).is_err() && start(1025).is_err());

    let data = vec![7; 256 * 1024 + 1];
    assert!(content(Content::Piece(Piece::Data(&data[1..]))).is_ok());
    assert!(content(Content::Piece(Piece::Data(&data))).is_err());
    assert!(content(Content::Piece(Piece::Data(&[]))).is_err());
    assert!(content(Content::Piece(Piece::Hole(0))).is_err());
    assert!(content(Content::Piece(Piece::Hole(u64::MAX))).is_err());
    assert!(content(Content::Piece(Piece::Copy { offset: 0, bytes: 0 })).is_err());
    assert!(content(Content::Piece(Piece::Copy { offset: u64::MAX, bytes: 2 })).is_err());
    assert!(content(Content::Piece(Piece::Copy { offset: i64::MAX as u64, bytes: 1 })).is_err());
    assert!(content(Content::End(causeway_sync::File { size: u64::MAX, ..file() })).is_err());

    let signature = |average_bytes, chunks| {
        let signature = Signature { average_bytes, chunks };
        lane(&LaneMessage::Signature { batch: BatchId(1), action: 0, signature })
    };
    let chunk = Chunk { bytes: 1, digest: [0; 16] };
    assert!(signature(8192, vec![chunk; SIGNATURE_CHUNKS_MAX]).is_ok());
    assert!(signature(8192, vec![chunk; SIGNATURE_CHUNKS_MAX + 1]).is_err());
    assert!(signature(8192, vec![Chunk { bytes: 0, ..chunk }]).is_err());
    assert!(signature(8193, vec![]).is_err() && signature(0, vec![]).is_err() && signature(1 << 30, vec![]).is_err());

    let call = |request| decode::<ShareCall>(&body(&ShareCall::Request { id: RequestId(1), request })).map(|_| ());
    let most = u32::try_from(PULL_CHANGES_MAX).unwrap();
    assert!(call(ShareRequest::Pull { after: Seq(0), limit: most }).is_ok());
    assert!(call(ShareRequest::Pull { after: Seq(0), limit: most + 1 }).is_err());
    assert!(call(ShareRequest::Pull { after: Seq(0), limit: 0 }).is_err());
    let most = u32::try_from(PAGE_ITEMS_MAX).unwrap();
    assert!(call(ShareRequest::Errand(Errand::Verify { after: None, limit: most + 1 })).is_err());
    assert!(call(ShareRequest::Errand(Errand::BinList { after: None, limit: 0 })).is_err());

    let agent = |request| decode::<AgentCall>(&body(&AgentCall { id: RequestId(1), request })).map(|_| ());
    let lanes = |lanes| agent(AgentRequest::DialStreams { share: ShareId([0; 16]), session: 1, lanes: Lanes(lanes) });
    assert!(lanes(vec![Lane::Bulk(1), Lane::Quick]).is_ok());
    assert!(lanes(vec![Lane::Bulk(2)]).is_err());
    assert!(lanes(vec![Lane::Quick, Lane::Quick]).is_err());
    let rules = RuleTexts { syncignore: Some(vec![b'#'; 600 * 1024]), ..RuleTexts::default() };
    let settings = |name: String, rules| {
        agent(AgentRequest::OpenShare(ShareSettings { share: ShareId([0; 16]), name, symlinks: Symlinks::Raw, rules }))
    };
    assert!(settings("n".repeat(255), RuleTexts::default()).is_ok());
    assert!(settings("n".repeat(256), RuleTexts::default()).is_err());
    assert!(settings("n".into(), rules).is_err());

    let opened = |content: &[u8]| {
        let reply = AgentReply::Opened { content: content.to_vec(), rebuilt: false };
        decode::<AgentAnswer>(&body(&AgentAnswer { id: RequestId(1), reply })).map(|_| ())
    };
    assert!(opened(b"/disk").is_ok());
    assert!(opened(b"disk").is_err() && opened(b"").is_err() && opened(b"/di\0sk").is_err());
    assert!(opened(&[b'/'; 5000]).is_err());
}

#[test]
fn paths_that_leave_the_share_are_no_paths() {
    for bad in [&b".."[..], b"a/../b", b"/etc/passwd", b"a//b", b"a/", b".", b"a\0b", &[b'n'; 256]] {
        let recheck = [vec![1, 1], varint(bad.len() as u64), bad.to_vec()].concat();
        assert!(decode::<ShareCall>(&recheck).is_err(), "{bad:?}");
        // As the path of an action, and as where something is renamed to.
        let at = [vec![1, 1], varint(bad.len() as u64), bad.to_vec(), vec![0, 4]].concat();
        let to = [vec![1, 1, 1, b'x', 0, 5], varint(bad.len() as u64), bad.to_vec()].concat();
        assert!(decode::<LaneMessage<'_>>(&at).is_err() && decode::<LaneMessage<'_>>(&to).is_err(), "{bad:?}");
    }
    let good = [vec![1, 1, 1, b'x', 0, 5], vec![1, b'y']].concat();
    assert!(decode::<LaneMessage<'_>>(&good).is_ok());
}

#[test]
fn a_secret_does_not_show() {
    let shown = format!("{:?}", dials());
    assert!(shown.contains("Secret(…)") && !shown.contains("1, 1"));
    let _: Vec<Dial> = dials();
}
