//! Batches: actions gather per side and lane, and leave together.

use std::collections::{BTreeMap, HashMap};

use crate::ledger::LedgerError;
use crate::plan::{Action, BATCH_ACTIONS_MAX, BULK_LANES, Batch, BatchId, Lane, Operation, Source};
use crate::session::items::Stage;
use crate::session::{Output, Session};
use crate::{Ledger, RelPath, Side};

/// Content and paths of a batch at which it leaves. Directories that a batch makes arrive whole with what it puts into them, which costs
/// less than file by file; a batch of paths as deep as they may be must stay within what the lanes carry.
const BATCH_BYTES: u64 = 2 * 1024 * 1024;
/// Actions of a batch at which it leaves.
const BATCH_ACTIONS: usize = 256;
/// The first batches on their way are smaller, each twice the one before, so that the first of many files are seen at once.
const RAMP: usize = 4;
/// Items ready up to which the quick lane is taken.
const QUICK_ITEMS: usize = 64;
/// Bytes up to which an action goes there.
const QUICK_BYTES: u64 = 512 * 1024;
/// A file from this size on has the last bulk lane to itself, so that nothing small is behind a gigabyte.
const LARGE_BYTES: u64 = 4 * 1024 * 1024;
/// Batches in flight at which nothing further is decided.
const IN_FLIGHT_MAX: usize = 64;
/// Batches in flight from which on much is being carried across.
const BUSY: usize = 4;

const _: () = assert!(BATCH_ACTIONS <= BATCH_ACTIONS_MAX);

#[derive(Debug, Default)]
struct Open {
    actions: Vec<Action>,
    bytes: u64,
}

#[derive(Debug)]
pub(super) struct Running {
    pub to: Side,
    pub actions: Vec<Action>,
    large: bool,
}

/// What is gathered, and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    open: BTreeMap<(Side, Lane), Open>,
    running: HashMap<BatchId, Running>,
    large_running: usize,
    /// Files and bytes of content that actions gathered or on their way would put in place.
    to_carry: (u64, u64),
    next_batch: u64,
    next_bulk: u8,
}

impl Lanes {
    pub fn idle(&self) -> bool {
        self.running.is_empty() && self.open.is_empty()
    }

    /// The batch that leaves next.
    pub fn next_batch(&self) -> BatchId {
        BatchId(self.next_batch)
    }

    /// The oldest batch on its way to a side.
    pub fn oldest_running(&self, to: Side) -> Option<BatchId> {
        self.running.iter().filter(|(_, running)| running.to == to).map(|(id, _)| *id).min()
    }

    pub fn has_room(&self) -> bool {
        self.running.len() - self.large_running < IN_FLIGHT_MAX
    }

    /// Whether much is being carried across.
    pub fn is_busy(&self) -> bool {
        self.running.len() >= BUSY
    }

    fn is_full(&self, open: &Open) -> bool {
        let ramp = RAMP.saturating_sub(self.running.len());
        open.bytes >= BATCH_BYTES >> ramp || open.actions.len() >= BATCH_ACTIONS >> ramp
    }

    pub fn take(&mut self, id: BatchId) -> Option<Running> {
        let running = self.running.remove(&id)?;
        self.large_running -= usize::from(running.large);
        for (files, bytes) in running.actions.iter().map(carries) {
            self.to_carry.0 -= files;
            self.to_carry.1 -= bytes;
        }
        Some(running)
    }

    /// Files and bytes that are still to be put in place, as far as they have been decided on.
    pub fn to_carry(&self) -> (u64, u64) {
        self.to_carry
    }

    /// The actions that have left.
    pub fn on_their_way(&self) -> impl Iterator<Item = (Side, &Action)> {
        self.running.values().flat_map(|running| running.actions.iter().map(|action| (running.to, action)))
    }

    fn choose(&mut self, bytes: u64, ready: usize) -> Lane {
        let last = BULK_LANES - 1;
        if bytes >= LARGE_BYTES {
            return Lane::Bulk(last);
        }
        if ready <= QUICK_ITEMS && bytes <= QUICK_BYTES {
            return Lane::Quick;
        }
        if self.large_running > 0 {
            return if last == 0 { Lane::Quick } else { Lane::Bulk(0) };
        }
        Lane::Bulk(self.next_bulk % BULK_LANES)
    }
}

/// Files, and bytes of content, that an action puts in place.
pub(super) fn carries(action: &Action) -> (u64, u64) {
    match &action.operation {
        Operation::File { file, .. } => (1, file.size),
        _ => (0, 0),
    }
}

/// Bytes that an action sends across.
fn content_bytes(action: &Action) -> u64 {
    match &action.operation {
        Operation::File { file, source: Source::Transfer { .. } } => file.size,
        _ => 0,
    }
}

/// Bytes that its paths take.
fn path_bytes(action: &Action) -> u64 {
    let other = match &action.operation {
        Operation::Rename { to } => to.as_bytes().len(),
        Operation::File { source: Source::Copy { from }, .. } => from.as_bytes().len(),
        _ => 0,
    };
    (action.path.as_bytes().len() + other) as u64
}

impl<L: Ledger> Session<L> {
    /// Adds an action to the batch that it will travel in. `lane`: the one on which the directory above is being made.
    pub(super) fn enqueue(&mut self, action: Action, to: Side, lane: Option<Lane>) -> Result<(), LedgerError> {
        let bytes = content_bytes(&action);
        if lane.is_some() && bytes >= LARGE_BYTES && lane != Some(Lane::Bulk(BULK_LANES - 1)) {
            let parent = action.path.parent().unwrap_or(RelPath::ROOT).to_owned();
            self.block(&action.path, &parent);
            return Ok(());
        }
        let lane = lane.unwrap_or_else(|| self.lanes.choose(bytes, self.ready.len()));
        self.set_stage(&action.path, Stage::Running(to, lane));
        self.add(action, to, lane, bytes)
    }

    /// Adds a rename; both paths are at work until its outcome.
    pub(super) fn enqueue_rename(&mut self, action: Action, target: &RelPath, to: Side) -> Result<(), LedgerError> {
        self.set_stage(&action.path, Stage::Running(to, Lane::Quick));
        self.set_stage(target, Stage::Running(to, Lane::Quick));
        self.add(action, to, Lane::Quick, 0)
    }

    pub(super) fn add(&mut self, action: Action, to: Side, lane: Lane, bytes: u64) -> Result<(), LedgerError> {
        let (files, content) = carries(&action);
        self.lanes.to_carry.0 += files;
        self.lanes.to_carry.1 += content;
        let open = self.lanes.open.entry((to, lane)).or_default();
        open.bytes += bytes + path_bytes(&action);
        open.actions.push(action);
        if self.lanes.open.get(&(to, lane)).is_some_and(|open| self.lanes.is_full(open)) {
            self.send(to, lane)?;
            self.lanes.next_bulk = self.lanes.next_bulk.wrapping_add(1);
        }
        Ok(())
    }

    /// Sends what has gathered.
    pub(super) fn send_batches(&mut self) -> Result<(), LedgerError> {
        while let Some((to, lane)) = self.lanes.open.keys().next().copied() {
            self.send(to, lane)?;
        }
        Ok(())
    }

    fn send(&mut self, to: Side, lane: Lane) -> Result<(), LedgerError> {
        let Some(open) = self.lanes.open.remove(&(to, lane)) else { return Ok(()) };
        self.intend(to, &open.actions)?;
        let id = BatchId(self.lanes.next_batch);
        self.lanes.next_batch += 1;
        let large = open.actions.iter().any(|action| content_bytes(action) >= LARGE_BYTES);
        self.lanes.large_running += usize::from(large);
        let as_of = self.sides[to as usize].known();
        let running = Running { to, actions: open.actions.clone(), large };
        self.lanes.running.insert(id, running);
        self.outputs.push_back(Output::Run { batch: Batch { id, to, as_of, actions: open.actions }, lane });
        Ok(())
    }
}
