//! Noting moves.

use causeway_sync::{Name, RelPath};

use super::journal::Kind;
use super::read::Stored;
use super::{DirId, Index, Journal, Row};
use crate::{IndexError, StoreError};

impl Index {
    /// Notes that what stood at `from` stands at `to`, with all that it holds. Nothing may be known at `to`.
    ///
    /// The feed tells a move, but for a file that has changed since the last acknowledgement, and where very many moves wait
    /// to be acknowledged: that is told as what vanished and what appeared.
    pub fn move_row(&mut self, from: (DirId, &Name), to: (DirId, &Name), journal: Journal) -> Result<Row, IndexError> {
        let Some(row) = self.stored(from.0, from.1)? else { return Err(IndexError::Missing) };
        self.require(to.0)?;
        if self.stored(to.0, to.1)?.is_some() {
            return Err(IndexError::Occupied);
        }
        let from_path = self.known_path(from.0)?.join(from.1);
        let to_path = self.known_path(to.0)?.join(to.1);
        if to_path.starts_with(&from_path) {
            return Err(IndexError::IntoItself);
        }
        self.write(|index| {
            let row = if index.moves.is_full() || index.is_unknown_file(&row)? {
                index.move_as_new(from, to, &from_path, row, journal)?
            } else {
                index.move_as_one(from, to, &from_path, &to_path, row, journal)?
            };
            Ok(row.into())
        })
    }

    /// Whether the row is of something other than a directory that the session may not know as it is.
    fn is_unknown_file(&self, row: &Stored) -> Result<bool, StoreError> {
        Ok(row.id.is_none() && self.state.pending(row.seq) && self.tells_presence(row.seq)?)
    }

    fn move_as_one(
        &mut self,
        from: (DirId, &Name),
        to: (DirId, &Name),
        from_path: &RelPath,
        to_path: &RelPath,
        mut row: Stored,
        journal: Journal,
    ) -> Result<Stored, StoreError> {
        if self.state.pending(self.state.seq) {
            self.pin(from.0, from.1, from_path, Some(row.seq))?;
            self.pin(to.0, to.1, to_path, None)?;
            self.pin_around(from.0)?;
            self.pin_around(to.0)?;
        }
        row.seq = self.log_move(journal, to, from_path, to_path, &row.known.entry)?;
        self.carry(from, to, from_path, &row)?;
        Ok(row)
    }

    /// Pins what is told of a directory and of those around it.
    fn pin_around(&mut self, mut dir: DirId) -> Result<(), StoreError> {
        while let Some((parent, name)) = crate::directories::place(&self.store, dir)? {
            let row = self.stored(parent, &name)?.map(|row| row.seq);
            let path = self.known_path(dir)?;
            self.pin(parent, &name, &path, row)?;
            dir = parent;
        }
        Ok(())
    }

    fn move_as_new(
        &mut self,
        from: (DirId, &Name),
        to: (DirId, &Name),
        from_path: &RelPath,
        mut row: Stored,
        journal: Journal,
    ) -> Result<Stored, StoreError> {
        self.drop_row_entry(row.seq)?;
        self.log_gone(Kind::Gone, journal, from.0, from.1)?;
        if row.id.is_none() {
            self.drop_gone(to.0, to.1)?;
        }
        row.seq = self.log(Kind::Present, journal, to.0, to.1.as_bytes(), None)?;
        self.carry(from, to, from_path, &row)?;
        if let Some(id) = row.id {
            // What is told of the rows below stands at paths that this move, which isn't told, has changed.
            self.drop_gone_in(id)?;
            self.each_below(id, |index, dir, name, mut row| {
                index.drop_row_entry(row.seq)?;
                row.seq = index.log(Kind::Present, journal, dir, name.as_bytes(), None)?;
                if let Some(id) = row.id {
                    index.drop_gone_in(id)?;
                }
                index.write_row(dir, name, &row)
            })?;
        }
        Ok(row)
    }

    /// Moves the row itself.
    fn carry(
        &mut self,
        from: (DirId, &Name),
        to: (DirId, &Name),
        from_path: &RelPath,
        row: &Stored,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM rows WHERE dir = ?1 AND name = ?2";
        self.store.execute("move a row", sql, (from.0.column(), from.1.as_bytes()))?;
        self.write_row(to.0, to.1, row)?;
        if let Some(id) = row.id {
            let sql = "UPDATE dirs SET parent = ?2, name = ?3 WHERE id = ?1";
            self.store.execute("move a directory", sql, (id.column(), to.0.column(), to.1.as_bytes()))?;
            self.directories.forget_below(from_path);
        }
        Ok(())
    }
}
