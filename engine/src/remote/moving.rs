//! Which batch's content a lane moves to a side at this moment, and how far it is: to be shown, so that it costs next to nothing and need
//! not be exact.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use causeway_sync::BatchId;

/// No batch has this number.
const NONE: u64 = u64::MAX;

/// What a lane moves to one side. Written by one thread.
#[derive(Debug)]
pub(super) struct Moving {
    batch: AtomicU64,
    bytes: AtomicU64,
}

impl Default for Moving {
    fn default() -> Self {
        Self { batch: AtomicU64::new(NONE), bytes: AtomicU64::new(0) }
    }
}

impl Moving {
    /// So much more of a batch has crossed.
    pub(super) fn note(&self, batch: BatchId, bytes: u64) {
        if self.batch.load(Relaxed) == batch.0 {
            self.bytes.fetch_add(bytes, Relaxed);
        } else {
            self.bytes.store(bytes, Relaxed);
            self.batch.store(batch.0, Relaxed);
        }
    }

    /// The batch, and how many of its bytes have crossed.
    pub(super) fn now(&self) -> Option<(BatchId, u64)> {
        let batch = self.batch.load(Relaxed);
        (batch != NONE).then(|| (BatchId(batch), self.bytes.load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_begins_anew() {
        let moving = Moving::default();
        assert_eq!(moving.now(), None);
        moving.note(BatchId(0), 5);
        moving.note(BatchId(0), 0);
        moving.note(BatchId(0), 7);
        assert_eq!(moving.now(), Some((BatchId(0), 12)));
        moving.note(BatchId(3), 1);
        assert_eq!(moving.now(), Some((BatchId(3), 1)));
    }
}
