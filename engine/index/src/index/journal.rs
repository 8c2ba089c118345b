//! The journal: what has changed, by number, until it is acknowledged.
//!
//! Told from the first entry to the last, each at the path where it stood then, the entries lead from any earlier state to the
//! present one. To stay as small as what differs, an entry takes the place of an older one of the same key, where the
//! outcome is the same:
//!
//! - *Present* says that a row came to stand at its key. A newer one of a file replaces it; a directory's first one stays
//!   where it is, because what the directory holds is told after it. There is at most one for a row, and it has the row's number.
//! - *Gone* says that nothing stands at the key, nor below. A newer one replaces it, a file that comes to stand there too; a
//!   directory comes after it, because only so what an older directory held there is known to be gone. The
//!   table `gone` finds the newest one of a key. *Forgotten* is the same, but the thing is there and ignored.
//! - *Again* tells a directory again. It counts only while that directory stands at the key.
//! - *Moved* is never replaced. All that it depends on, the directories around both its ends and what vanished there before,
//!   is *pinned* when it happens: its entry gets the path of its moment and stays until it is acknowledged, whatever
//!   becomes of the row.
//!
//! What is removed takes along the entries of all that it held, but for pinned ones.

use causeway_sync::{Entry, Name, RelPath, Seq};
use rusqlite::params;

use super::moves::Moves;
use super::read::Stored;
use super::{DirId, Index, Journal};
use crate::StoreError;
use crate::codec;

/// What an entry of the journal says. Numbers are those of the column `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// The row of this number stands at the key.
    Present = 0,
    /// Nothing stands at the key.
    Gone = 1,
    /// What stands at the key is ignored.
    Forgotten = 2,
    /// The directory, whose id is in the data, is told again.
    Again = 3,
    /// The data say what moved; the key is where it came to stand.
    Moved = 4,
    /// A directory came to stand at the path in the data.
    PinnedPresent = 5,
    /// What stood at the path in the data vanished.
    PinnedGone = 6,
    /// What stood at the path in the data was ignored from then on.
    PinnedForgotten = 7,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Present,
        Self::Gone,
        Self::Forgotten,
        Self::Again,
        Self::Moved,
        Self::PinnedPresent,
        Self::PinnedGone,
        Self::PinnedForgotten,
    ];
    /// Added to the number of an own change.
    const OWN: u8 = 0x10;

    fn column(self, journal: Journal) -> i64 {
        i64::from(self as u8 | if journal == Journal::Own { Self::OWN } else { 0 })
    }

    /// Reads the column.
    pub fn of_column(column: i64) -> Option<(Self, Journal)> {
        let column = u8::try_from(column).ok()?;
        let kind = *Self::ALL.get(usize::from(column & !Self::OWN))?;
        Some((kind, if column & Self::OWN == 0 { Journal::Foreign } else { Journal::Own }))
    }

    /// The same, pinned, for those that a move may depend on.
    fn pinned(self) -> Option<Self> {
        match self {
            Self::Present => Some(Self::PinnedPresent),
            Self::Gone => Some(Self::PinnedGone),
            Self::Forgotten => Some(Self::PinnedForgotten),
            _ => None,
        }
    }
}

impl Index {
    /// Writes an entry. Gives its number.
    pub(super) fn log(
        &mut self,
        kind: Kind,
        journal: Journal,
        dir: DirId,
        name: &[u8],
        data: Option<&[u8]>,
    ) -> Result<Seq, StoreError> {
        self.state.seq.0 += 1;
        if journal == Journal::Foreign {
            self.state.foreign_seq = self.state.seq;
        }
        let sql = "INSERT INTO journal (seq, kind, dir, name, data) VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = params![self.state.seq.0 as i64, kind.column(journal), dir.column(), name, data];
        self.store.execute("write to the journal", sql, row)?;
        Ok(self.state.seq)
    }

    /// Notes that nothing stands at a key, or that it is ignored.
    pub(super) fn log_gone(
        &mut self,
        kind: Kind,
        journal: Journal,
        dir: DirId,
        name: &Name,
    ) -> Result<Seq, StoreError> {
        self.drop_gone(dir, name)?;
        let seq = self.log(kind, journal, dir, name.as_bytes(), None)?;
        let sql = "INSERT INTO gone (dir, name, seq) VALUES (?1, ?2, ?3)";
        self.store.execute("write to the journal", sql, (dir.column(), name.as_bytes(), seq.0 as i64))?;
        self.state.gone += 1;
        Ok(seq)
    }

    /// Tells a directory again. Gives the number of the change, and the number that its row is to have.
    pub(super) fn log_again(
        &mut self,
        journal: Journal,
        dir: DirId,
        name: &Name,
        row: &Stored,
    ) -> Result<(Seq, Seq), StoreError> {
        let id = row.id.expect("only a directory is told again").0.to_le_bytes();
        let entry = if self.state.pending(row.seq) { self.entry_at(row.seq)? } else { None };
        match entry.map(|(kind, _)| kind) {
            Some(Kind::Again) => self.drop_row_entry(row.seq)?,
            // Its first entry stays, and keeps being that of the row.
            Some(Kind::Present | Kind::PinnedPresent) => {
                let seq = self.log(Kind::Again, journal, dir, name.as_bytes(), Some(&id))?;
                return Ok((seq, row.seq));
            }
            _ => {}
        }
        let seq = self.log(Kind::Again, journal, dir, name.as_bytes(), Some(&id))?;
        Ok((seq, seq))
    }

    /// What the entry of this number says, and whose doing it is, if it is there.
    pub(super) fn entry_at(&self, seq: Seq) -> Result<Option<(Kind, Journal)>, StoreError> {
        let sql = "SELECT kind FROM journal WHERE seq = ?1";
        let column = self.store.first("read the journal", sql, [seq.0 as i64], |row| row.get(0))?;
        column.map(|column| self.kind(column)).transpose()
    }

    /// Whether the entry of this number says that its row stands at its key.
    pub(super) fn tells_presence(&self, seq: Seq) -> Result<bool, StoreError> {
        Ok(self.entry_at(seq)?.is_some_and(|(kind, _)| kind == Kind::Present))
    }

    pub(super) fn kind(&self, column: i64) -> Result<(Kind, Journal), StoreError> {
        Kind::of_column(column).ok_or_else(|| self.store.nonsense("read the journal", "an entry is of no known kind"))
    }

    /// Removes the entry that says that a row stands at its key, unless it is pinned, or acknowledged (pruning removes those).
    pub(super) fn drop_row_entry(&mut self, seq: Seq) -> Result<(), StoreError> {
        if self.state.pending(seq) {
            // Present and Again, foreign and own.
            let sql = "DELETE FROM journal WHERE seq = ?1 AND kind IN (0, 3, 16, 19)";
            self.store.execute("write to the journal", sql, [seq.0 as i64])?;
        }
        Ok(())
    }

    /// The newest entry that says that nothing stands at a key, if it may still be asked for.
    pub(super) fn gone_at(&self, dir: DirId, name: &Name) -> Result<Option<Seq>, StoreError> {
        if self.state.gone == 0 {
            return Ok(None);
        }
        let sql = "SELECT seq FROM gone WHERE dir = ?1 AND name = ?2";
        let seq: Option<i64> =
            self.store.first("read the journal", sql, (dir.column(), name.as_bytes()), |row| row.get(0))?;
        Ok(seq.map(|seq| Seq(seq as u64)).filter(|seq| self.state.pending(*seq)))
    }

    /// Removes the newest entry that says that nothing stands at a key.
    pub(super) fn drop_gone(&mut self, dir: DirId, name: &Name) -> Result<(), StoreError> {
        if self.state.gone == 0 {
            return Ok(());
        }
        if let Some(seq) = self.gone_at(dir, name)? {
            self.store.execute("write to the journal", "DELETE FROM journal WHERE seq = ?1", [seq.0 as i64])?;
        }
        self.lose_gone(dir, name)
    }

    /// Keeps the newest entry that says that nothing stands at a key from being found, and so from being replaced.
    fn lose_gone(&mut self, dir: DirId, name: &Name) -> Result<(), StoreError> {
        let sql = "DELETE FROM gone WHERE dir = ?1 AND name = ?2";
        let count = self.store.execute("write to the journal", sql, (dir.column(), name.as_bytes()))?;
        self.state.gone -= count as u64;
        Ok(())
    }

    /// Removes the entries that say that nothing stands at keys of a directory.
    pub(super) fn drop_gone_in(&mut self, dir: DirId) -> Result<(), StoreError> {
        if self.state.gone == 0 {
            return Ok(());
        }
        let sql = "DELETE FROM journal WHERE seq IN (SELECT seq FROM gone WHERE dir = ?1 AND seq > ?2)";
        let acknowledged = self.state.acknowledged.0 as i64;
        self.store.execute("write to the journal", sql, (dir.column(), acknowledged))?;
        let count = self.store.execute("write to the journal", "DELETE FROM gone WHERE dir = ?1", [dir.column()])?;
        self.state.gone -= count as u64;
        Ok(())
    }

    /// Pins what is told of a directory, or of what vanished, at a key. `path` is the key's path now, `row` the number of its row.
    pub(super) fn pin(&mut self, dir: DirId, name: &Name, path: &RelPath, row: Option<Seq>) -> Result<(), StoreError> {
        if let Some(seq) = row.filter(|seq| self.state.pending(*seq)) {
            self.pin_entry(seq, path)?;
        }
        if let Some(seq) = self.gone_at(dir, name)? {
            self.pin_entry(seq, path)?;
            self.lose_gone(dir, name)?;
        }
        Ok(())
    }

    fn pin_entry(&mut self, seq: Seq, path: &RelPath) -> Result<(), StoreError> {
        let Some((kind, journal)) = self.entry_at(seq)? else { return Ok(()) };
        if let Some(kind) = kind.pinned() {
            let path = self.moves.back(path.to_owned(), seq);
            let sql = "UPDATE journal SET kind = ?2, dir = 0, name = x'', data = ?3 WHERE seq = ?1";
            let row = (seq.0 as i64, kind.column(journal), path.as_bytes());
            self.store.execute("write to the journal", sql, row)?;
        }
        Ok(())
    }

    /// Writes an entry that has a path instead of a key.
    pub(super) fn log_at_path(&mut self, kind: Kind, journal: Journal, path: &RelPath) -> Result<Seq, StoreError> {
        self.log(kind, journal, DirId(0), b"", Some(path.as_bytes()))
    }

    /// Writes a move.
    pub(super) fn log_move(
        &mut self,
        journal: Journal,
        (dir, name): (DirId, &Name),
        from: &RelPath,
        to: &RelPath,
        entry: &Entry,
    ) -> Result<Seq, StoreError> {
        let data = codec::encode_move(from, to, entry);
        let seq = self.log(Kind::Moved, journal, dir, name.as_bytes(), Some(&data))?;
        self.moves.push(seq, from.to_owned(), to.to_owned());
        Ok(seq)
    }

    /// Reads the moves that may still be asked for.
    pub(super) fn load_moves(&self) -> Result<Moves, StoreError> {
        let doing = "read the journalled moves";
        let mut statement =
            self.store.statement("SELECT seq, data FROM journal WHERE kind IN (4, 20) AND seq > ?1 ORDER BY seq")?;
        let mut found = statement.query([self.state.acknowledged.0 as i64]).map_err(self.store.fail(doing))?;
        let mut moves = Moves::default();
        while let Some(row) = found.next().map_err(self.store.fail(doing))? {
            let seq: i64 = row.get(0).map_err(self.store.fail(doing))?;
            let data: Vec<u8> = row.get(1).map_err(self.store.fail(doing))?;
            let (from, to, _) =
                codec::decode_move(&data).ok_or_else(|| self.store.nonsense(doing, "one can't be decoded"))?;
            moves.push(Seq(seq as u64), from, to);
        }
        Ok(moves)
    }
}
