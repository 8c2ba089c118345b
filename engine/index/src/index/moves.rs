//! The journalled moves, by which a path of one moment becomes the path of another.

use causeway_sync::{RelPath, RelPathBuf, Seq};

/// Most moves that a journal holds: they stand in memory, and every path told is followed through them. A move beyond it is
/// journalled as what vanished and what appeared.
pub(super) const MOVES_MAX: usize = 4096;

/// A move, with its paths as they were then.
#[derive(Debug)]
struct Move {
    seq: Seq,
    from: RelPathBuf,
    to: RelPathBuf,
}

/// All moves that aren't acknowledged, oldest first.
#[derive(Debug, Default)]
pub(super) struct Moves(Vec<Move>);

impl Moves {
    pub fn push(&mut self, seq: Seq, from: RelPathBuf, to: RelPathBuf) {
        debug_assert!(self.0.last().is_none_or(|last| last.seq < seq), "moves come in their order");
        self.0.push(Move { seq, from, to });
    }

    pub fn is_full(&self) -> bool {
        self.0.len() >= MOVES_MAX
    }

    /// Whether anything was moved after `seq`.
    pub fn any_after(&self, seq: Seq) -> bool {
        self.0.last().is_some_and(|last| last.seq > seq)
    }

    /// Forgets the moves up to `seq`.
    pub fn forget(&mut self, seq: Seq) {
        let count = self.0.partition_point(|moved| moved.seq <= seq);
        self.0.drain(..count);
    }

    /// Where that which stands at `path` now, and stood somewhere right after change `then`, stood then.
    pub fn back(&self, path: RelPathBuf, then: Seq) -> RelPathBuf {
        let later = &self.0[self.0.partition_point(|moved| moved.seq <= then)..];
        later.iter().rev().fold(path, |path, moved| path.rebase(&moved.to, &moved.from).unwrap_or(path))
    }

    /// Where that which stood at `path` right after change `then` stands right after change `upto`, if it hasn't vanished.
    pub fn forth(&self, path: RelPathBuf, then: Seq, upto: Seq) -> RelPathBuf {
        let later = &self.0[self.0.partition_point(|moved| moved.seq <= then)..];
        let later = later.iter().take_while(|moved| moved.seq <= upto);
        later.fold(path, |path, moved| path.rebase(&moved.from, &moved.to).unwrap_or(path))
    }

    /// [`forth`](Self::forth) to the present.
    pub fn forth_to_now(&self, path: &RelPath, then: Seq) -> RelPathBuf {
        self.forth(path.to_owned(), then, Seq(u64::MAX))
    }
}
