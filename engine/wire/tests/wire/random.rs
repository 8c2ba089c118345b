//! Whatever arrives, decoding ends with a message or an error.

use causeway_wire::agent::{AgentAnswer, AgentCall};
use causeway_wire::decode;
use causeway_wire::greeting::{Admission, Dial};
use causeway_wire::lane::LaneMessage;
use causeway_wire::share::{ShareCall, ShareSaid};
use proptest::prelude::*;

use crate::samples::{agent_calls, body, lane_messages, share_calls, share_said};

/// Decodes as every message, and checks that what is accepted is sent as it was received, or shorter (lengths may be written longer
/// than needed).
fn decode_as_all(bytes: &[u8]) {
    fn again<T: serde::Serialize>(message: Result<T, causeway_wire::Malformed>, bytes: &[u8]) {
        if let Ok(message) = message {
            assert!(body(&message).len() <= bytes.len());
        }
    }
    again(decode::<Dial>(bytes), bytes);
    again(decode::<Admission>(bytes), bytes);
    again(decode::<AgentCall>(bytes), bytes);
    again(decode::<AgentAnswer>(bytes), bytes);
    again(decode::<ShareCall>(bytes), bytes);
    again(decode::<ShareSaid>(bytes), bytes);
    again(decode::<LaneMessage<'_>>(bytes), bytes);
}

fn samples() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = share_calls().iter().map(body).collect();
    all.extend(share_said().iter().map(body));
    all.extend(agent_calls().iter().map(body));
    all.extend(lane_messages().iter().map(body));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode_as_all(&bytes);
    }

    #[test]
    fn damaged_messages(which in any::<prop::sample::Index>(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let samples = samples();
        let mut bytes = which.get(&samples).clone();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        decode_as_all(&bytes);
    }
}
