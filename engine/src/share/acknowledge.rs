//! Telling the sides what they may forget, and keeping the ledger tidy: after a moment, so that neither is on the path of an edit.
//!
//! A side forgets only what the ledger would still know after a power cut: it is hardened first.

use causeway_sync::{Seq, Side};

use super::actor::{Actor, Link};

/// How long acknowledgements are collected. Journals are bounded by what changes in this time.
const COLLECT_MS: u64 = 1_000;
/// How long nothing may have been acknowledged before the ledger is tidied.
const TIDY_AFTER_MS: u64 = 3_000;

/// What is to be acknowledged, and when.
#[derive(Debug, Default)]
pub struct Acknowledgements {
    waiting: [Option<Seq>; 2],
    due_ms: Option<u64>,
    tidy_ms: Option<u64>,
}

impl Acknowledgements {
    /// Notes that a side's changes up to this one are in the ledger.
    pub fn note(&mut self, side: Side, seq: Seq, now_ms: u64) {
        self.waiting[side as usize] = Some(seq);
        self.due_ms.get_or_insert(now_ms + COLLECT_MS);
        self.tidy_ms = None;
    }

    /// When something is to be done.
    pub fn due_ms(&self) -> Option<u64> {
        self.due_ms.or(self.tidy_ms)
    }
}

impl Actor {
    pub(super) fn acknowledge_when_due(&mut self, now_ms: u64) {
        let Link::Up(up) = &mut self.link else { return };
        if up.acknowledgements.due_ms().is_none_or(|due| due > now_ms) {
            return;
        }
        let acknowledges = up.acknowledgements.due_ms.take().is_some();
        up.acknowledgements.tidy_ms = acknowledges.then_some(now_ms + TIDY_AFTER_MS);
        let done = if acknowledges { up.session.ledger().harden() } else { up.session.ledger().maintain() };
        if let Err(error) = done {
            let reason = format!("What both sides agreed on can't be made durable: {error}.");
            return self.go_down_with(reason, super::space::remedy(&error));
        }
        for side in Side::BOTH {
            if let Some(seq) = up.acknowledgements.waiting[side as usize].take() {
                up.side(side).acknowledge(seq);
            }
        }
    }
}
