//! Noting what stands where.

use causeway_sync::{Digest, Entry, Name, RelPath, Seq};
use rusqlite::params;

use super::journal::Kind;
use super::read::Stored;
use super::{DirId, Fingerprint, Index, Journal, Row};
use crate::codec::{Encoded, Known};
use crate::{IndexError, StoreError};

/// How many rows of a directory are read at once where they are written meanwhile.
const ROWS_AT_ONCE: usize = 256;

impl Index {
    /// Notes what stands by a name in a directory, and journals it, even where it is the same as before. A directory in place of a
    /// directory keeps its id and what it holds; anything else in place of a directory removes what that held.
    pub fn put(
        &mut self,
        dir: DirId,
        name: &Name,
        entry: Entry,
        fingerprint: Fingerprint,
        journal: Journal,
    ) -> Result<Row, IndexError> {
        self.require(dir)?;
        self.write(|index| {
            let old = index.stored(dir, name)?;
            let known = Known { entry, fingerprint, generation: index.state.generation };
            Ok(match (known.entry.is_directory(), old) {
                (true, Some(old)) if old.id.is_some() => index.put_same_directory(dir, name, &old, known, journal)?,
                (true, old) => index.put_new_directory(dir, name, old.as_ref(), known, journal)?,
                (false, old) => index.put_other(dir, name, old.as_ref(), known, journal)?,
            })
        })
    }

    pub(super) fn require(&self, dir: DirId) -> Result<(), IndexError> {
        if self.directories.exists(&self.store, dir)? { Ok(()) } else { Err(IndexError::NoDirectory(dir)) }
    }

    fn put_same_directory(
        &mut self,
        dir: DirId,
        name: &Name,
        old: &Stored,
        known: Known,
        journal: Journal,
    ) -> Result<Row, StoreError> {
        let (seq, row_seq) = self.log_again(journal, dir, name, old)?;
        let stored = Stored { known, seq: row_seq, id: old.id };
        self.write_row(dir, name, &stored)?;
        self.write_inode(&stored)?;
        Ok(Row { seq, ..stored.into() })
    }

    fn put_new_directory(
        &mut self,
        dir: DirId,
        name: &Name,
        old: Option<&Stored>,
        known: Known,
        journal: Journal,
    ) -> Result<Row, StoreError> {
        if let Some(old) = old {
            // A file took the place of whatever stood here before, maybe of a directory, and was never told: what that
            // directory held has to be known as gone before this one is.
            let replaced_something = self.state.pending(old.seq) && self.tells_presence(old.seq)?;
            self.drop_row_entry(old.seq)?;
            if replaced_something && self.gone_at(dir, name)?.is_none() {
                self.log_gone(Kind::Gone, journal, dir, name)?;
            }
            self.state.counts.subtract(&old.known.entry);
        }
        let id = DirId(self.state.next_dir);
        self.state.next_dir += 1;
        let seq = self.log(Kind::Present, journal, dir, name.as_bytes(), None)?;
        self.state.counts.add(&known.entry);
        let stored = Stored { known, seq, id: Some(id) };
        self.write_row(dir, name, &stored)?;
        let sql = "INSERT INTO dirs (id, parent, name, device, inode) VALUES (?1, ?2, ?3, ?4, ?5)";
        let print = &stored.known.fingerprint;
        let row = params![id.column(), dir.column(), name.as_bytes(), print.device as i64, print.inode as i64];
        self.store.execute("write a directory", sql, row)?;
        Ok(stored.into())
    }

    fn put_other(
        &mut self,
        dir: DirId,
        name: &Name,
        old: Option<&Stored>,
        known: Known,
        journal: Journal,
    ) -> Result<Row, StoreError> {
        if let Some(old) = old {
            self.drop_row_entry(old.seq)?;
            self.state.counts.subtract(&old.known.entry);
            if let Some(id) = old.id {
                self.clear(id)?;
            }
        }
        self.drop_gone(dir, name)?;
        let seq = self.log(Kind::Present, journal, dir, name.as_bytes(), None)?;
        self.state.counts.add(&known.entry);
        let stored = Stored { known, seq, id: None };
        self.write_row(dir, name, &stored)?;
        Ok(stored.into())
    }

    /// Notes that nothing stands there any more, nor below. Gives the number of the change; `None` when nothing was known there.
    pub fn remove(&mut self, dir: DirId, name: &Name, journal: Journal) -> Result<Option<Seq>, IndexError> {
        self.take_away(dir, name, Kind::Gone, journal)
    }

    /// Notes that what stands there is ignored from now on (it is told as [`Forgotten`](causeway_sync::Change::Forgotten)). Gives the
    /// number of the change; `None` when nothing was known there.
    pub fn forget(&mut self, dir: DirId, name: &Name) -> Result<Option<Seq>, IndexError> {
        self.take_away(dir, name, Kind::Forgotten, Journal::Foreign)
    }

    fn take_away(&mut self, dir: DirId, name: &Name, kind: Kind, journal: Journal) -> Result<Option<Seq>, IndexError> {
        let Some(old) = self.stored(dir, name)? else { return Ok(None) };
        self.write(|index| {
            if let Some(id) = old.id {
                index.clear(id)?;
            }
            index.drop_row_entry(old.seq)?;
            index.state.counts.subtract(&old.known.entry);
            let sql = "DELETE FROM rows WHERE dir = ?1 AND name = ?2";
            index.store.execute("remove a row", sql, (dir.column(), name.as_bytes()))?;
            Ok(Some(index.log_gone(kind, journal, dir, name)?))
        })
    }

    /// Removes all that is known below a directory, and its id.
    fn clear(&mut self, id: DirId) -> Result<(), StoreError> {
        let path = self.known_path(id)?;
        self.directories.forget_below(&path);
        let mut left = vec![id];
        while let Some(dir) = left.pop() {
            let mut name = None;
            loop {
                let rows = self.stored_after(dir, name.as_deref(), ROWS_AT_ONCE)?;
                for (_, row) in &rows {
                    self.state.counts.subtract(&row.known.entry);
                    self.drop_row_entry(row.seq)?;
                    left.extend(row.id);
                }
                if rows.len() < ROWS_AT_ONCE {
                    break;
                }
                name = rows.into_iter().last().map(|(name, _)| name);
            }
            self.store.execute("remove rows", "DELETE FROM rows WHERE dir = ?1", [dir.column()])?;
            self.drop_gone_in(dir)?;
            self.store.execute("remove a directory", "DELETE FROM dirs WHERE id = ?1", [dir.column()])?;
        }
        Ok(())
    }

    pub(super) fn write_row(&mut self, dir: DirId, name: &Name, row: &Stored) -> Result<(), StoreError> {
        self.state.written_generation = self.state.generation;
        let Encoded { data, large } = row.known.encode();
        let sql = "INSERT INTO rows (dir, name, seq, id, large, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (dir, name) DO UPDATE
            SET seq = excluded.seq, id = excluded.id, large = excluded.large, data = excluded.data";
        let id = row.id.map(DirId::column);
        let values = params![dir.column(), name.as_bytes(), row.seq.0 as i64, id, large, data];
        self.store.execute("write a row", sql, values)?;
        Ok(())
    }

    fn write_inode(&mut self, row: &Stored) -> Result<(), StoreError> {
        if let Some(id) = row.id {
            let sql = "UPDATE dirs SET device = ?2, inode = ?3 WHERE id = ?1 AND (device <> ?2 OR inode <> ?3)";
            let print = &row.known.fingerprint;
            let values = (id.column(), print.device as i64, print.inode as i64);
            self.store.execute("write a directory", sql, values)?;
        }
        Ok(())
    }

    /// Notes a file's digest, which wasn't known, without a change: only if it still looks as `fingerprint` says. Tells whether.
    pub fn set_digest(
        &mut self,
        dir: DirId,
        name: &Name,
        fingerprint: &Fingerprint,
        digest: Digest,
    ) -> Result<bool, IndexError> {
        let Some(mut row) = self.stored(dir, name)? else { return Ok(false) };
        let Entry::File(file) = &mut row.known.entry else { return Ok(false) };
        if row.known.fingerprint != *fingerprint || file.digest.is_some_and(|known| known != digest) {
            return Ok(false);
        }
        file.digest = Some(digest);
        row.known.generation = self.state.generation;
        self.write(|index| Ok(index.write_row(dir, name, &row)?))?;
        Ok(true)
    }

    /// Notes how something looks that hasn't changed. Tells whether there is such a row.
    pub fn refresh(&mut self, dir: DirId, name: &Name, fingerprint: Fingerprint) -> Result<bool, IndexError> {
        let Some(mut row) = self.stored(dir, name)? else { return Ok(false) };
        row.known.fingerprint = fingerprint;
        row.known.generation = self.state.generation;
        self.write(|index| {
            index.write_row(dir, name, &row)?;
            Ok(index.write_inode(&row)?)
        })?;
        Ok(true)
    }

    /// Notes how the root looks. It has no name, so that [`refresh`](Self::refresh) can't.
    pub fn refresh_root(&mut self, fingerprint: Fingerprint) -> Result<(), IndexError> {
        self.write(|index| {
            index.state.root = fingerprint;
            Ok(())
        })
    }

    /// Puts a path into the feed as it is known, or as absent.
    pub fn touch(&mut self, path: &RelPath) -> Result<(), IndexError> {
        let Some((parent, name)) = path.split_last() else {
            return self.write(|index| {
                index.log_at_path(Kind::PinnedPresent, Journal::Foreign, path)?;
                Ok(())
            });
        };
        let dir = self.dir(parent)?;
        self.write(|index| {
            let Some(dir) = dir else {
                index.log_at_path(Kind::PinnedGone, Journal::Foreign, path)?;
                return Ok(());
            };
            match index.stored(dir, name)? {
                Some(row) => index.touch_row(dir, name, row)?,
                None => {
                    index.log_gone(Kind::Gone, Journal::Foreign, dir, name)?;
                }
            }
            Ok(())
        })
    }

    fn touch_row(&mut self, dir: DirId, name: &Name, mut row: Stored) -> Result<(), StoreError> {
        let seq = if row.id.is_some() {
            self.log_again(Journal::Foreign, dir, name, &row)?.1
        } else {
            self.drop_row_entry(row.seq)?;
            self.log(Kind::Present, Journal::Foreign, dir, name.as_bytes(), None)?
        };
        if row.seq != seq {
            row.seq = seq;
            self.write_row(dir, name, &row)?;
        }
        Ok(())
    }

    /// Puts everything known at and below a path into the feed, behind all that is there; as absent if there is nothing.
    pub fn touch_below(&mut self, path: &RelPath) -> Result<(), IndexError> {
        self.touch(path)?;
        let Some(top) = self.dir(path)? else { return Ok(()) };
        self.write(|index| Ok(index.each_below(top, Self::touch_row)?))
    }

    /// Does something with every row below a directory, a directory's before those that it holds.
    pub(super) fn each_below(
        &mut self,
        top: DirId,
        mut work: impl FnMut(&mut Self, DirId, &Name, Stored) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut left = vec![top];
        while let Some(dir) = left.pop() {
            let mut after = None;
            loop {
                let rows = self.stored_after(dir, after.as_deref(), ROWS_AT_ONCE)?;
                let more = rows.len() == ROWS_AT_ONCE;
                for (name, row) in rows {
                    left.extend(row.id);
                    work(self, dir, &name, row)?;
                    after = Some(name);
                }
                if !more {
                    break;
                }
            }
        }
        Ok(())
    }
}
