//! The feed: what a session is told of the journal, window by window.
//!
//! A window covers the entries of the journal from one number to another, and tells paths as they were right after the last of
//! them: moves first, then everything else. That is the same as telling all in order, as long as no move depends on
//! anything told before it in the same window: a window ends before a move of which either end, or a directory around it, has been
//! told of in the window. Own changes that aren't told count as well.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound::{Included, Unbounded};

use causeway_sync::{Change, Entry, Name, NameBuf, RelPath, RelPathBuf, Seq};

use super::journal::Kind;
use super::read::{Stored, stored};
use super::{DirId, Index, Journal, Window};
use crate::codec;
use crate::{IndexError, StoreError};

/// A window ends when its paths and targets have come to so many bytes.
const WINDOW_BYTES_MAX: usize = 1 << 20;
/// A window ends after so many entries, told or not: a few ms.
const WINDOW_ENTRIES_MAX: usize = 16 << 10;

/// An entry of the journal.
struct Entered {
    seq: Seq,
    kind: Kind,
    journal: Journal,
    dir: DirId,
    name: Vec<u8>,
    data: Option<Vec<u8>>,
    /// What stands at its key now.
    row: Option<Stored>,
}

/// What an entry that isn't a move says, at the path where it stood then.
struct Told {
    seq: Seq,
    path: RelPathBuf,
    what: What,
}

enum What {
    Now(Option<Entry>),
    Forgotten,
}

/// A window that is being made.
#[derive(Default)]
struct Draft {
    moves: Vec<Change>,
    told: Vec<Told>,
    /// The paths of all entries of the window that aren't moves, moved along with its moves.
    touched: BTreeSet<RelPathBuf>,
    /// Those of them below which nothing is told to stand, and those that are told at all, where some aren't.
    barren: BTreeSet<RelPathBuf>,
    said: BTreeSet<RelPathBuf>,
    bytes: usize,
    entries: usize,
}

impl Draft {
    fn is_full(&self, limit: usize) -> bool {
        self.moves.len() + self.told.len() >= limit.max(1)
            || self.bytes >= WINDOW_BYTES_MAX
            || self.entries >= WINDOW_ENTRIES_MAX
    }

    /// Whether a move has to wait until the window is told.
    fn holds_up(&self, from: &RelPath, to: &RelPath) -> bool {
        let around = |path: &RelPath| path.ancestors().chain([path]).any(|path| self.touched.contains(path));
        // Nothing stands below the place that is moved to, but something may have been told to be absent there.
        let mut below = self.touched.range::<RelPath, _>((Included(to), Unbounded));
        around(from) || around(to) || below.next().is_some_and(|path| path.starts_with(to))
    }

    fn carry(&mut self, from: &RelPath, to: &RelPath) {
        for paths in [&mut self.touched, &mut self.barren, &mut self.said] {
            let below =
                paths.range::<RelPath, _>((Included(from), Unbounded)).take_while(|path| path.starts_with(from));
            for path in below.cloned().collect::<Vec<_>>() {
                paths.extend(path.rebase(from, to));
                paths.remove(&path);
            }
        }
    }

    /// Whether what the window tells so far would be untrue if this path weren't told of after it: something is told at or below it,
    /// or nothing is said to stand below what it stands in.
    fn calls_for(&self, path: &RelPath) -> bool {
        let mut below = self.said.range::<RelPath, _>((Included(path), Unbounded));
        below.next().is_some_and(|said| said.starts_with(path))
            || path.ancestors().any(|above| self.barren.contains(above))
    }
}

impl Index {
    /// The changes after `after`, at most `limit` of them. Leaves out the endpoint's own ones after `skip_own_after`, but for those
    /// that make something untrue that is told before them. The changes told may stand upon those left out, for example in a
    /// directory that the endpoint made.
    pub fn changes(&self, after: Seq, limit: usize, skip_own_after: Option<Seq>) -> Result<Window, IndexError> {
        if after > Seq::default() && !self.state.pending(after) && after != self.state.acknowledged {
            return Err(IndexError::Acknowledged { after: after.0, acknowledged: self.state.acknowledged.0 });
        }
        // What was acknowledged isn't removed at once, but what it stood upon may be gone.
        let after = after.max(self.state.acknowledged);
        let mut draft = Draft::default();
        let mut upto = after;
        let more = self.each_entry(after, |entered| {
            if draft.is_full(limit) {
                return Ok(false);
            }
            let seq = entered.seq;
            let skip = entered.journal == Journal::Own && skip_own_after.is_some_and(|skip| seq > skip);
            let fits = if entered.kind == Kind::Moved {
                self.draft_move(&mut draft, entered, skip)?
            } else {
                self.draft_other(&mut draft, entered, skip, skip_own_after.is_some())?;
                true
            };
            if fits {
                draft.entries += 1;
                upto = seq;
            }
            Ok(fits)
        })?;
        if !more {
            upto = self.state.seq;
        }
        let mut changes = draft.moves;
        changes.extend(draft.told.into_iter().map(|Told { seq, path, what }| {
            let path = self.moves.forth(path, seq, upto);
            match what {
                What::Now(entry) => Change::Now { path, entry },
                What::Forgotten => Change::Forgotten { path },
            }
        }));
        Ok(Window { changes, upto, more })
    }

    /// Takes a move into the window. Tells whether it may be there.
    fn draft_move(&self, draft: &mut Draft, entered: Entered, skip: bool) -> Result<bool, StoreError> {
        let (from, to, entry) = self.decode_move(&entered)?;
        let seq = entered.seq;
        if draft.holds_up(&from, &to) {
            return Ok(false);
        }
        draft.carry(&from, &to);
        if skip {
            // The session has moved it already: what came before is told by the places after it.
            for change in &mut draft.moves {
                if let Change::Moved { from: before, to: after, .. } = change {
                    *before = before.rebase(&from, &to).unwrap_or_else(|| before.clone());
                    *after = after.rebase(&from, &to).unwrap_or_else(|| after.clone());
                }
            }
        } else {
            // The digest may have been found since.
            let entry = entered.row.filter(|row| row.seq == entered.seq).map_or(entry, |row| row.known.entry);
            draft.bytes += from.as_bytes().len() + to.as_bytes().len();
            draft.moves.push(Change::Moved { from, to, entry, seq });
        }
        Ok(true)
    }

    /// Takes anything else into the window. `skip`: it may be left out; `skips`: some may.
    fn draft_other(&self, draft: &mut Draft, entered: Entered, skip: bool, skips: bool) -> Result<(), StoreError> {
        let seq = entered.seq;
        let Some(path) = self.path_then(&entered)? else { return Ok(()) };
        if self.moves.any_after(seq) {
            draft.touched.insert(path.clone());
        }
        if skip && !draft.calls_for(&path) {
            return Ok(());
        }
        let what = match entered.kind {
            Kind::Gone | Kind::PinnedGone => What::Now(None),
            Kind::Forgotten | Kind::PinnedForgotten => What::Forgotten,
            Kind::PinnedPresent => What::Now(Some(Entry::Directory)),
            // (Moves don't come here.)
            Kind::Present | Kind::Again | Kind::Moved => What::Now(entered.row.map(|row| row.known.entry)),
        };
        if skips {
            if !matches!(&what, What::Now(Some(Entry::Directory))) {
                draft.barren.insert(path.clone());
            }
            draft.said.insert(path.clone());
        }
        draft.bytes += path.as_bytes().len();
        if let What::Now(Some(Entry::Symlink(target))) = &what {
            draft.bytes += target.as_bytes().len();
        }
        draft.told.push(Told { seq, path, what });
        Ok(())
    }

    /// Where an entry that isn't a move stood then. `None` where it no longer counts.
    fn path_then(&self, entered: &Entered) -> Result<Option<RelPathBuf>, StoreError> {
        let row = entered.row.as_ref();
        match entered.kind {
            Kind::PinnedPresent | Kind::PinnedGone | Kind::PinnedForgotten => {
                return self.decode_path(entered).map(Some);
            }
            // Acknowledged ones aren't removed at once, and an unexpected end may take the acknowledgement back.
            Kind::Present if row.is_none_or(|row| row.seq != entered.seq) => return Ok(None),
            Kind::Again => {
                let id = row.and_then(|row| row.id).map(|id| id.0.to_le_bytes());
                if id.as_ref().map(|id| id.as_slice()) != entered.data.as_deref() {
                    return Ok(None);
                }
            }
            _ => {}
        }
        let name = self.decode_name(entered)?;
        let dir = self.known_path(entered.dir)?;
        Ok(Some(self.moves.back(dir, entered.seq).join(&name)))
    }

    fn decode_name(&self, entered: &Entered) -> Result<NameBuf, StoreError> {
        NameBuf::new(entered.name.clone()).map_err(|_| self.store.nonsense("read the journal", "a name isn't one"))
    }

    fn decode_path(&self, entered: &Entered) -> Result<RelPathBuf, StoreError> {
        let path = entered.data.clone().and_then(|path| RelPathBuf::new(path).ok());
        path.ok_or_else(|| self.store.nonsense("read the journal", "a path isn't one"))
    }

    fn decode_move(&self, entered: &Entered) -> Result<(RelPathBuf, RelPathBuf, Entry), StoreError> {
        let moved = entered.data.as_deref().and_then(codec::decode_move);
        moved.ok_or_else(|| self.store.nonsense("read the journal", "a move can't be decoded"))
    }

    /// Gives the entries after `after`, in order, to `work` until it says that it is enough. Tells whether it did.
    fn each_entry(
        &self,
        after: Seq,
        mut work: impl FnMut(Entered) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let fail = self.store.fail("read the journal");
        let mut statement = self.store.statement(
            "SELECT j.seq, j.kind, j.dir, j.name, j.data, r.seq, r.id, r.large, r.data
            FROM journal j LEFT JOIN rows r ON r.dir = j.dir AND r.name = j.name
            WHERE j.seq > ?1 ORDER BY j.seq",
        )?;
        let mut found = statement.query([after.0 as i64]).map_err(&fail)?;
        while let Some(row) = found.next().map_err(&fail)? {
            let (kind, journal) = self.kind(row.get(1).map_err(&fail)?)?;
            let standing: Option<i64> = row.get(5).map_err(&fail)?;
            let entered = Entered {
                seq: Seq(row.get::<_, i64>(0).map_err(&fail)? as u64),
                kind,
                journal,
                dir: DirId::of_column(row.get(2).map_err(&fail)?),
                name: row.get(3).map_err(&fail)?,
                data: row.get(4).map_err(&fail)?,
                row: standing.map(|_| stored(&self.store, row, 5)).transpose()?,
            };
            if !work(entered)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The changes up to `seq` won't be asked for again. They are removed by [`maintain`](Self::maintain).
    pub fn acknowledge(&mut self, seq: Seq) -> Result<(), IndexError> {
        let seq = seq.min(self.state.seq);
        if !self.state.pending(seq) {
            return Ok(());
        }
        self.write(|index| {
            index.state.acknowledged = seq;
            index.moves.forget(seq);
            Ok(())
        })
    }

    /// Whether anything at or below the path was changed by somebody else after `after`, as far as own changes haven't replaced it.
    pub fn foreign_changes_below(&self, path: &RelPath, after: Seq) -> Result<bool, IndexError> {
        if self.state.foreign_seq <= after {
            return Ok(false);
        }
        let mut below = HashMap::new();
        let after = after.max(self.state.acknowledged);
        Ok(self.each_entry(after, |entered| {
            Ok(entered.journal == Journal::Own || !self.concerns(path, &entered, &mut below)?)
        })?)
    }

    /// Whether an entry is of something that stands, or would stand, at or below a path now. `below` remembers the directories
    /// that do.
    fn concerns(
        &self,
        path: &RelPath,
        entered: &Entered,
        below: &mut HashMap<DirId, bool>,
    ) -> Result<bool, StoreError> {
        let seq = entered.seq;
        match entered.kind {
            Kind::Moved => {
                let (from, to, _) = self.decode_move(entered)?;
                let ends = [from, to].map(|end| self.moves.forth_to_now(&end, seq));
                Ok(ends.iter().any(|end| end.starts_with(path)))
            }
            Kind::PinnedPresent | Kind::PinnedGone | Kind::PinnedForgotten => {
                let told = self.decode_path(entered)?;
                Ok(self.moves.forth_to_now(&told, seq).starts_with(path))
            }
            Kind::Present | Kind::Gone | Kind::Forgotten | Kind::Again => {
                if let Some(true) = below.get(&entered.dir) {
                    return Ok(true);
                }
                if below.contains_key(&entered.dir) && path.file_name().map(Name::as_bytes) != Some(&entered.name) {
                    return Ok(false);
                }
                // What is told again may have vanished with its directory.
                let Some(dir) = self.directories.path(&self.store, entered.dir)? else { return Ok(false) };
                below.insert(entered.dir, dir.starts_with(path));
                Ok(dir.join(&self.decode_name(entered)?).starts_with(path))
            }
        }
    }
}
