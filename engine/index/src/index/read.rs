//! Looking things up.

use causeway_sync::{Digest, Entry, Name, NameBuf, RelPath, RelPathBuf, Seq};
use rusqlite::types::ValueRef;

use super::{DirId, Index, Journal, Row};
use crate::codec::{self, Known};
use crate::directories::place;
use crate::store::Store;
use crate::{IndexError, StoreError};

/// A row as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub known: Known,
    pub seq: Seq,
    pub id: Option<DirId>,
}

impl From<Stored> for Row {
    fn from(stored: Stored) -> Self {
        let Known { entry, fingerprint, .. } = stored.known;
        Self { entry, fingerprint, seq: stored.seq, id: stored.id }
    }
}

/// Reads the columns `seq, id, large, data` of `rows`, beginning with column `first`.
pub(super) fn stored(store: &Store, row: &rusqlite::Row<'_>, first: usize) -> Result<Stored, StoreError> {
    let doing = "read a row";
    let column = |at: usize| row.get_ref(first + at).map_err(store.fail(doing));
    let large = match column(2)? {
        ValueRef::Blob(bytes) => {
            Some(bytes.try_into().map_err(|_| store.nonsense(doing, "a digest has another length"))?)
        }
        _ => None,
    };
    let data = column(3)?.as_blob().map_err(|_| store.nonsense(doing, "it isn't there"))?;
    let known = Known::decode(data, large).ok_or_else(|| store.nonsense(doing, "it can't be decoded"))?;
    let id: Option<i64> = row.get(first + 1).map_err(store.fail(doing))?;
    if id.is_some() != known.entry.is_directory() {
        return Err(store.nonsense(doing, "a directory has no number, or something else has one"));
    }
    let seq: i64 = row.get(first).map_err(store.fail(doing))?;
    Ok(Stored { known, seq: Seq(seq as u64), id: id.map(DirId::of_column) })
}

/// Reads a name.
pub(super) fn name(store: &Store, row: &rusqlite::Row<'_>, column: usize) -> Result<NameBuf, StoreError> {
    let bytes = row.get(column).map_err(store.fail("read a name"))?;
    NameBuf::new(bytes).map_err(|_| store.nonsense("read a name", "it isn't one"))
}

impl Index {
    /// What is known at a path, and the directory that holds it. (The root is its own directory.)
    pub fn lookup(&self, path: &RelPath) -> Result<Option<(DirId, Row)>, IndexError> {
        let Some((parent, name)) = path.split_last() else {
            return Ok(Some((DirId::ROOT, self.root_row())));
        };
        let Some(dir) = self.dir(parent)? else { return Ok(None) };
        Ok(self.get(dir, name)?.map(|row| (dir, row)))
    }

    /// Whose doing the newest change of a row is. The endpoint's own, where nobody will ask for it any more.
    pub fn doing_of(&self, row: &Row) -> Result<Journal, IndexError> {
        let entry = if self.state.pending(row.seq) { self.entry_at(row.seq)? } else { None };
        Ok(entry.map_or(Journal::Own, |(_, journal)| journal))
    }

    /// Whether a row came to where it stands by a move from this path. Where that can't be told any more, it didn't.
    pub fn came_from(&self, row: &Row, from: &RelPath) -> Result<bool, IndexError> {
        // Moved, foreign and own.
        let sql = "SELECT data FROM journal WHERE seq = ?1 AND kind IN (4, 20)";
        let data: Option<Vec<u8>> = self.store.first("read the journal", sql, [row.seq.0 as i64], |row| row.get(0))?;
        Ok(data.as_deref().and_then(codec::decode_move).is_some_and(|(moved_from, _, _)| *moved_from == *from))
    }

    /// The directory at a path.
    pub fn dir(&self, path: &RelPath) -> Result<Option<DirId>, IndexError> {
        Ok(self.directories.find(&self.store, path)?)
    }

    /// What is known by a name in a directory.
    pub fn get(&self, dir: DirId, name: &Name) -> Result<Option<Row>, IndexError> {
        Ok(self.stored(dir, name)?.map(Row::from))
    }

    pub(super) fn stored(&self, dir: DirId, name: &Name) -> Result<Option<Stored>, StoreError> {
        let mut statement =
            self.store.statement("SELECT seq, id, large, data FROM rows WHERE dir = ?1 AND name = ?2")?;
        let fail = self.store.fail("read a row");
        let mut found = statement.query((dir.column(), name.as_bytes())).map_err(&fail)?;
        found.next().map_err(&fail)?.map(|row| stored(&self.store, row, 0)).transpose()
    }

    /// What is known in a directory, by name, after `after`, at most `limit`.
    pub fn list(&self, dir: DirId, after: Option<&Name>, limit: usize) -> Result<Vec<(NameBuf, Row)>, IndexError> {
        Ok(self.stored_after(dir, after, limit)?.into_iter().map(|(name, stored)| (name, stored.into())).collect())
    }

    pub(super) fn stored_after(
        &self,
        dir: DirId,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(NameBuf, Stored)>, StoreError> {
        let mut statement = self.store.statement(
            "SELECT seq, id, large, data, name FROM rows WHERE dir = ?1 AND name > ?2 ORDER BY name LIMIT ?3",
        )?;
        let fail = self.store.fail("list a directory");
        // No name is empty, so all of them come after the empty one.
        let after = after.map_or(&b""[..], Name::as_bytes);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = statement.query((dir.column(), after, limit)).map_err(&fail)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(&fail)? {
            rows.push((name(&self.store, row, 4)?, stored(&self.store, row, 0)?));
        }
        Ok(rows)
    }

    /// What is known of a directory itself.
    pub fn dir_row(&self, dir: DirId) -> Result<Option<Row>, IndexError> {
        if dir == DirId::ROOT {
            return Ok(Some(self.root_row()));
        }
        match self.place(dir)? {
            Some((parent, name)) => self.get(parent, &name),
            None => Ok(None),
        }
    }

    fn root_row(&self) -> Row {
        Row { entry: Entry::Directory, fingerprint: self.state.root, seq: Seq(0), id: Some(DirId::ROOT) }
    }

    /// The directory that holds this one, and its name in there. `None` for the root, and where there is no such directory.
    pub fn place(&self, dir: DirId) -> Result<Option<(DirId, NameBuf)>, IndexError> {
        Ok(place(&self.store, dir)?)
    }

    /// The path of a directory. `None` where there is no such directory.
    pub fn path_of(&self, dir: DirId) -> Result<Option<RelPathBuf>, IndexError> {
        Ok(self.directories.path(&self.store, dir)?)
    }

    /// The path of a directory that a table says is there.
    pub(super) fn known_path(&self, dir: DirId) -> Result<RelPathBuf, StoreError> {
        let path = self.directories.path(&self.store, dir)?;
        path.ok_or_else(|| self.store.nonsense("find a directory's path", "there is no such directory"))
    }

    /// The directories whose fingerprint has this inode: rarely more than one, as long as rows of vanished ones are left.
    pub fn dirs_by_inode(&self, device: u64, inode: u64) -> Result<Vec<DirId>, IndexError> {
        let fail = self.store.fail("find a directory by its inode");
        let mut statement = self.store.statement("SELECT id FROM dirs WHERE inode = ?1 AND device = ?2")?;
        let found = statement.query_map((inode as i64, device as i64), |row| row.get(0)).map_err(&fail)?;
        Ok(found.map(|id| id.map(DirId::of_column)).collect::<Result<_, _>>().map_err(&fail)?)
    }

    /// A path at which a file with this content is known. Knows files of 64 KiB and more.
    pub fn find_content(&self, digest: &Digest) -> Result<Option<RelPathBuf>, IndexError> {
        Ok(self.directories.find_content(&self.store, digest)?)
    }
}
