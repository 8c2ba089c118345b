//! A lane: batches in both directions, the content for them, and what became of them.
//!
//! The engine starts batches. One whose actions are for the guest is followed by the content; the agent answers with signatures where
//! an action asks for a delta, and at last with outcomes. One whose actions are for the host asks the agent for content; the
//! signatures come from the engine, and the outcomes stay with it.
//!
//! ```text
//! to the guest:  engine ─ Start, Actions…, Content… ─►  agent      to the host:  engine ─ Start, Actions…, Signature… ─►  agent
//!                engine ◄─ Signature…, Outcomes…    ─   agent                    engine ◄─ Content…                     ─   agent
//! ```
//!
//! Rules, for both peers:
//! - `Start` is followed by `Actions` until as many came as it announced. Nothing else of this direction comes between.
//! - Batches are served in the order of their starts, separately for each destination, content in the order of the actions.
//!   Each action with [`Source::Transfer`](causeway_sync::Source::Transfer) gets pieces, then one `End` or `Unavailable`; other
//!   actions get nothing.
//! - Signatures are told in the order of the actions, before any of the batch's content is awaited: an action with
//!   `delta` gets exactly one, an empty one where there is nothing to compare with.
//! - At most [`BATCHES_IN_FLIGHT_MAX`] batches of a lane are started and not finished, in each direction.

use serde::{Deserialize, Serialize};

use causeway_sync::content::{Content, PIECE_BYTES_MAX, Piece, SIGNATURE_CHUNKS_MAX, Signature, Unavailable};
use causeway_sync::plan::BATCH_ACTIONS_MAX;
use causeway_sync::{Action, Batch, BatchId, Outcome, Seq, Side};

use crate::bounded;
use crate::check;
use crate::frame::{FrameError, FrameWriter, Malformed, Message};
use crate::parts::parts;

/// Most batches of a lane and a destination that are started and not finished. Enough to fill a connection of 10 ms at full
/// speed, little enough that a cancelled session throws away little.
pub const BATCHES_IN_FLIGHT_MAX: usize = 32;
/// Longest that the actions, or the outcomes, of one batch may be in all, encoded, in bytes. A thousand paths as deep as they may be
/// don't fit; the session makes smaller batches of such.
pub const BATCH_BYTES_MAX: usize = 16 << 20;

/// What crosses a lane, in both directions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LaneMessage<'a> {
    /// From the engine: a batch begins.
    Start {
        /// Its number.
        batch: BatchId,
        /// The side whose file system changes.
        to: Side,
        /// [`Batch::as_of`].
        as_of: Seq,
        /// How many actions it has: 1 to [`BATCH_ACTIONS_MAX`].
        actions: u32,
    },
    /// From the engine: the next actions of the batch begun last.
    Actions(#[serde(deserialize_with = "bounded::list::<_, _, BATCH_ACTIONS_MAX>")] Vec<Action>),
    /// From the side that the content comes from.
    Content {
        /// For which batch.
        batch: BatchId,
        /// For which of its actions.
        action: u32,
        /// What is told.
        #[serde(borrow)]
        content: Content<'a>,
    },
    /// From the side whose file system changes.
    Signature {
        /// For which batch.
        batch: BatchId,
        /// For which of its actions.
        action: u32,
        /// What it holds already.
        signature: Signature,
    },
    /// From the agent: what became of the next actions of a batch for the guest, in their order; complete when all are told.
    Outcomes {
        /// Which.
        batch: BatchId,
        /// Of the next actions.
        #[serde(deserialize_with = "bounded::list::<_, _, BATCH_ACTIONS_MAX>")]
        outcomes: Vec<Outcome>,
    },
}

impl Message for LaneMessage<'_> {
    fn check(&self) -> Result<(), Malformed> {
        match self {
            Self::Start { actions, .. } if !(1..=BATCH_ACTIONS_MAX).contains(&(*actions as usize)) => {
                Err(Malformed::OutOfRange("the number of actions"))
            }
            Self::Start { .. } => Ok(()),
            Self::Actions(actions) => actions.iter().try_for_each(check::action),
            Self::Content { content, .. } => check_content(content),
            Self::Signature { signature, .. } => check_signature(signature),
            Self::Outcomes { outcomes, .. } => outcomes.iter().try_for_each(check::outcome),
        }
    }
}

fn check_content(content: &Content<'_>) -> Result<(), Malformed> {
    match content {
        Content::Piece(Piece::Data(bytes)) if bytes.is_empty() || bytes.len() > PIECE_BYTES_MAX => {
            Err(Malformed::OutOfRange("the length of a piece"))
        }
        Content::Piece(Piece::Hole(0) | Piece::Copy { bytes: 0, .. }) => {
            Err(Malformed::OutOfRange("the length of a piece"))
        }
        Content::Piece(Piece::Data(_)) => Ok(()),
        Content::Piece(Piece::Hole(bytes)) => check::offset(*bytes),
        Content::Piece(Piece::Copy { offset, bytes }) => check::range(*offset, *bytes),
        Content::End(file) => check::file(file),
        Content::Unavailable(Unavailable::Problem(problem)) => check::problem(problem),
        Content::Unavailable(Unavailable::Changed) => Ok(()),
    }
}

fn check_signature(signature: &Signature) -> Result<(), Malformed> {
    if signature.chunks.len() > SIGNATURE_CHUNKS_MAX {
        return Err(Malformed::OutOfRange("the number of chunks"));
    }
    if !signature.average_bytes.is_power_of_two() || !(4 << 10..=4 << 20).contains(&signature.average_bytes) {
        return Err(Malformed::OutOfRange("the length of chunks"));
    }
    if signature.chunks.iter().any(|chunk| chunk.bytes == 0) {
        return Err(Malformed::OutOfRange("the length of a chunk"));
    }
    Ok(())
}

/// Appends a batch's start and its actions.
pub fn push_batch<W: std::io::Write>(writer: &mut FrameWriter<W>, batch: &Batch) -> Result<(), FrameError> {
    let actions = u32::try_from(batch.actions.len()).unwrap_or(u32::MAX);
    let start = LaneMessage::Start { batch: batch.id, to: batch.to, as_of: batch.as_of, actions };
    start.check()?;
    writer.push(&start)?;
    for part in parts(&batch.actions) {
        writer.push(&SentList::Actions(part.items))?;
    }
    Ok(())
}

/// Appends a batch's outcomes.
pub fn push_outcomes<W: std::io::Write>(
    writer: &mut FrameWriter<W>,
    batch: BatchId,
    outcomes: &[Outcome],
) -> Result<(), FrameError> {
    for part in parts(outcomes) {
        writer.push(&SentList::Outcomes { batch, outcomes: part.items })?;
    }
    Ok(())
}

/// The lists of [`LaneMessage`] by reference, encoded the same; so in the same order.
#[derive(Serialize)]
#[serde(rename = "LaneMessage")]
enum SentList<'a> {
    #[expect(dead_code, reason = "holds the place of the variant's number")]
    Start,
    Actions(&'a [Action]),
    #[expect(dead_code, reason = "holds the place of the variant's number")]
    Content,
    #[expect(dead_code, reason = "holds the place of the variant's number")]
    Signature,
    Outcomes {
        batch: BatchId,
        outcomes: &'a [Outcome],
    },
}

/// A batch whose actions are still arriving.
#[derive(Debug)]
pub struct Arriving {
    batch: Batch,
    expected: usize,
    bytes: usize,
}

impl Arriving {
    /// Begins with what a `Start` says.
    pub fn start(batch: BatchId, to: Side, as_of: Seq, actions: u32) -> Self {
        Self { batch: Batch { id: batch, to, as_of, actions: Vec::new() }, expected: actions as usize, bytes: 0 }
    }

    /// Takes the next actions; gives the batch when it is complete.
    pub fn take(mut self, actions: Vec<Action>) -> Result<Progress, Malformed> {
        add(&mut self.batch.actions, actions, self.expected, &mut self.bytes)?;
        Ok(if self.batch.actions.len() == self.expected {
            Progress::Complete(self.batch)
        } else {
            Progress::More(self)
        })
    }
}

/// How far a batch has arrived.
#[derive(Debug)]
pub enum Progress {
    /// More actions are to come.
    More(Arriving),
    /// All are there.
    Complete(Batch),
}

/// Outcomes of a batch, as far as they have arrived.
#[derive(Debug, Default)]
pub struct ArrivingOutcomes {
    outcomes: Vec<Outcome>,
    bytes: usize,
}

impl ArrivingOutcomes {
    /// Takes the next ones of a batch of `expected` actions; gives them all when they are complete.
    pub fn take(&mut self, outcomes: Vec<Outcome>, expected: usize) -> Result<Option<Vec<Outcome>>, Malformed> {
        add(&mut self.outcomes, outcomes, expected, &mut self.bytes)?;
        if self.outcomes.len() < expected {
            return Ok(None);
        }
        self.bytes = 0;
        Ok(Some(std::mem::take(&mut self.outcomes)))
    }
}

fn add<T: Serialize>(list: &mut Vec<T>, more: Vec<T>, expected: usize, bytes: &mut usize) -> Result<(), Malformed> {
    if more.is_empty() || list.len() + more.len() > expected {
        return Err(Malformed::OutOfRange("the number of actions"));
    }
    *bytes += more.iter().map(crate::frame::encoded_bytes).sum::<usize>();
    if *bytes > BATCH_BYTES_MAX {
        return Err(Malformed::OutOfRange("the length of a batch"));
    }
    list.extend(more);
    Ok(())
}
