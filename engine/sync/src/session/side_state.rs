//! A side as the session knows it: how far it has told, what of that waits, and what the ledger has absorbed.

use std::collections::VecDeque;

use crate::change::{Capabilities, Change, Changes, Hello, Seq};
use crate::plan::BatchId;
use crate::session::by_path::PathMap;
use crate::session::directory_move::PastMove;
use crate::{RelPath, RelPathBuf};

/// A window of a side's changes, until the ledger has absorbed it.
#[derive(Debug)]
struct Window {
    upto: Seq,
    /// Items that hold it.
    open: usize,
    /// Those of them that are not settled.
    unsettled: usize,
    /// Batches before this one may have changed what the window covers: it isn't absorbed before their outcomes are known.
    batches: BatchId,
}

/// A change that waits for being taken in.
#[derive(Debug)]
pub(super) struct Heard {
    pub change: Change,
    pub as_of: Seq,
    window: u64,
}

/// What the session knows of a side.
#[derive(Debug)]
pub(super) struct SideState {
    pub capabilities: Capabilities,
    /// See [`Hello::rebooted`].
    pub rebooted: bool,
    /// Everything in the ledger takes account of changes to here.
    absorbed: Seq,
    /// The newest change that was told.
    pub pulled: Seq,
    /// The newest change that the last window knew of.
    as_of: Seq,
    /// The newest change up to which everything was taken in.
    known: Seq,
    pub pull_outstanding: bool,
    pub crawled: bool,
    /// All that the crawl found has been taken in.
    caught_up: bool,
    /// Windows not yet absorbed, the first one with number `first_window`.
    windows: VecDeque<Window>,
    first_window: u64,
    /// Changes told but not yet taken in, behind a directory that was renamed.
    pub intake: VecDeque<Heard>,
    /// The window of what is being taken in.
    pub taking_in: Option<u64>,
    /// What was carried out on this side since the last window that was taken in: the next one may have been made before. With it,
    /// whether a directory stands there now.
    carried_out: PathMap<(Seq, bool)>,
    /// The newest of that.
    newest_carried_out: Seq,
    /// What of that a window to here knows was dropped.
    pruned: Seq,
    /// Items whose own change on this side no window covers yet.
    pub unclaimed: Vec<RelPathBuf>,
    /// Renames that windows under way don't know of.
    past_moves: Vec<PastMove>,
}

impl SideState {
    pub fn new(hello: &Hello) -> Self {
        Self {
            capabilities: hello.capabilities,
            rebooted: hello.rebooted,
            absorbed: Seq::default(),
            pulled: Seq::default(),
            as_of: Seq::default(),
            known: Seq::default(),
            pull_outstanding: false,
            crawled: false,
            caught_up: false,
            windows: VecDeque::new(),
            first_window: 0,
            intake: VecDeque::new(),
            taking_in: None,
            carried_out: PathMap::default(),
            newest_carried_out: Seq::default(),
            pruned: Seq::default(),
            unclaimed: Vec::new(),
            past_moves: Vec::new(),
        }
    }

    pub fn begin(&mut self, absorbed: Seq) {
        self.absorbed = absorbed;
        self.pulled = absorbed;
        self.known = absorbed;
    }

    /// Whether everything that stands on this side has been told and taken in.
    pub fn caught_up(&self) -> bool {
        self.caught_up
    }

    /// Notes that nothing waits outside the intake.
    pub fn note_taken_in(&mut self) {
        if self.intake.is_empty() {
            self.caught_up |= self.crawled;
            self.known = self.pulled;
            if self.pruned < self.as_of {
                self.carried_out.retain(|_, (seq, _)| *seq > self.as_of);
                self.pruned = self.as_of;
            }
            self.past_moves.retain(|past| !past.is_known_by(self.as_of));
        }
    }

    /// Whether all that was told so far needn't be told again.
    pub fn is_absorbed(&self) -> bool {
        self.caught_up && self.windows.is_empty()
    }

    /// The newest change that the ledger takes account of, as of the last commit.
    pub fn absorbed(&self) -> Seq {
        self.absorbed
    }

    /// Whether the endpoint has looked at everything; what it found may still have to be taken in.
    pub fn has_crawled(&self) -> bool {
        self.crawled
    }

    /// The newest change up to which the session knows this side.
    pub fn known(&self) -> Seq {
        self.known
    }

    pub fn pulled(&self) -> Seq {
        self.pulled
    }

    /// The newest change of this side that the session has heard of: whatever is sent from now on comes after it.
    pub fn newest(&self) -> Seq {
        self.known.max(self.as_of).max(self.newest_carried_out)
    }

    /// Something was carried out on this side.
    pub fn note_carried_out(&mut self, path: &RelPath, seq: Seq, is_directory: bool) {
        self.newest_carried_out = self.newest_carried_out.max(seq);
        self.carried_out.insert(path.to_owned(), (seq, is_directory));
    }

    /// Whether something was carried out that a change told `as_of` doesn't know of.
    pub fn superseded(&self, path: &RelPath, as_of: Seq) -> bool {
        if self.carried_out.is_empty() {
            return false;
        }
        let newer = |at: &RelPath| self.carried_out.get(at).filter(|(seq, _)| *seq > as_of);
        newer(path).is_some() || path.ancestors().any(|above| newer(above).is_some_and(|(_, directory)| !directory))
    }

    /// Whether something was carried out below a directory that a change told `as_of` doesn't know of.
    pub fn has_carried_out_below(&self, path: &RelPath, as_of: Seq) -> bool {
        self.carried_out.iter().any(|(at, (seq, _))| *seq > as_of && at.starts_with(path))
    }

    /// When something else than a directory was put above the path, if a change told `as_of` doesn't know of it.
    pub fn gone_with_above(&self, path: &RelPath, as_of: Seq) -> Option<Seq> {
        if self.carried_out.is_empty() {
            return None;
        }
        let above = path.ancestors().filter_map(|above| self.carried_out.get(above));
        above.filter(|(seq, directory)| *seq > as_of && !directory).map(|(seq, _)| *seq).max()
    }

    /// This side has renamed a directory: what it told before speaks of the old place.
    pub fn remember_move(&mut self, past: PastMove) {
        let told = past.is_among(self.intake.iter().map(|heard| &heard.change));
        self.intake.retain_mut(|heard| {
            let goes_along = !past.is_known_by(heard.as_of) || (told && past.comes_after(&heard.change));
            !goes_along || past.follow(&mut heard.change)
        });
        past.carry(&mut self.carried_out);
        self.past_moves.push(past);
    }

    /// The change by which this side has renamed a directory just so, if that waits to be taken in.
    pub fn has_told_move(&self, from: &RelPath, to: &RelPath) -> Option<Seq> {
        self.intake.iter().find_map(|told| match &told.change {
            Change::Moved { from: left, to: came, seq, .. } => (**left == *from && **came == *to).then_some(*seq),
            _ => None,
        })
    }

    /// Whether what stands below `above` came there with a directory after a change told `as_of`.
    pub fn came_after(&self, above: &RelPath, below: &RelPath, as_of: Seq) -> bool {
        let came = |past: &PastMove| past.came_to(below) && !past.came_to(above) && !past.is_known_by(as_of);
        self.past_moves.iter().any(came)
    }

    pub fn extend_intake(&mut self, window: Changes) {
        self.as_of = self.as_of.max(window.as_of);
        let told: Vec<_> = self.past_moves.iter().map(|past| past.is_among(&window.changes)).collect();
        for mut change in window.changes {
            let mut known = self.past_moves.iter().zip(&told);
            let is_void = known.any(|(past, told)| {
                let goes_along = !past.is_known_by(window.upto) || (*told && past.comes_after(&change));
                goes_along && !past.follow(&mut change)
            });
            if !is_void {
                self.intake.push_back(Heard { change, as_of: window.as_of, window: self.last_window() });
            }
        }
    }

    pub fn take_next(&mut self) -> Option<Heard> {
        let next = self.intake.pop_front()?;
        self.taking_in = Some(next.window);
        Some(next)
    }

    /// The window of what is being taken in; the last one otherwise.
    pub fn present_window(&self) -> Option<u64> {
        let last = (!self.windows.is_empty()).then(|| self.last_window());
        self.taking_in.or(last).filter(|number| *number >= self.first_window)
    }

    fn last_window(&self) -> u64 {
        self.first_window + self.windows.len() as u64 - 1
    }

    pub fn open_window(&mut self, upto: Seq, batches: BatchId) {
        self.windows.push_back(Window { upto, open: 0, unsettled: 0, batches });
    }

    /// The window that covers a change, if it has come and isn't absorbed.
    pub fn window_with(&self, seq: Seq) -> Option<u64> {
        let before = self.windows.partition_point(|window| window.upto < seq);
        (before < self.windows.len()).then(|| self.first_window + before as u64)
    }

    fn window(&mut self, number: u64) -> Option<&mut Window> {
        self.windows.get_mut(usize::try_from(number.checked_sub(self.first_window)?).ok()?)
    }

    pub fn hold(&mut self, number: u64) {
        if let Some(window) = self.window(number) {
            window.open += 1;
        }
    }

    pub fn release(&mut self, number: u64) {
        if let Some(window) = self.window(number) {
            window.open = window.open.saturating_sub(1);
        }
    }

    pub fn count_unsettled(&mut self, number: u64, open: bool) {
        if let Some(window) = self.window(number) {
            window.unsettled = if open { window.unsettled + 1 } else { window.unsettled.saturating_sub(1) };
        }
    }

    /// The newest change that the ledger may call absorbed. `running`: the oldest batch for this side that is on its way.
    /// `held_up`: a change of this window waits outside the intake.
    pub fn absorb(&mut self, running: Option<BatchId>, held_up: Option<u64>) -> Seq {
        let complete = |w: &Window| w.open == 0 && running.is_none_or(|id| id >= w.batches);
        let waiting = self.intake.front().map(|told| told.window);
        let kept = held_up.into_iter().chain(waiting).min().unwrap_or(u64::MAX);
        while self.first_window < kept && self.windows.front().is_some_and(complete) {
            if let Some(window) = self.windows.pop_front() {
                self.absorbed = self.absorbed.max(window.upto);
                self.first_window += 1;
            }
        }
        self.absorbed
    }

    /// Whether everything told up to `seq` has been dealt with.
    pub fn settled_upto(&self, seq: Seq) -> bool {
        if self.absorbed >= seq {
            return true;
        }
        let mut until = self.absorbed;
        let mut within = self.windows.iter().take_while(|window| std::mem::replace(&mut until, window.upto) < seq);
        self.pulled >= seq && self.intake.is_empty() && within.all(|window| window.unsettled == 0)
    }
}
