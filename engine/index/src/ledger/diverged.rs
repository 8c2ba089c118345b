//! The list of diverged paths.

use causeway_sync::ledger::Diverged;
use causeway_sync::{RelPath, RelPathBuf};

use super::LedgerStore;
use crate::StoreError;

/// How many paths are moved between two reads.
const PATHS_AT_ONCE: usize = 256;

/// A path as a column whose order is that of paths: NUL, which no name holds, for the slash.
fn column(path: &RelPath) -> Vec<u8> {
    path.as_bytes().iter().map(|byte| if *byte == b'/' { 0 } else { *byte }).collect()
}

/// The first column value after those of the paths at and below this one. Everything is below the root, and no name begins with
/// the byte 255 as often as that of the greatest value.
fn column_after(path: &RelPath) -> Vec<u8> {
    if path.is_root() {
        return vec![0xff; causeway_sync::path::NAME_BYTES_MAX + 1];
    }
    let mut after = column(path);
    after.push(1);
    after
}

impl LedgerStore {
    pub(super) fn diverged_at(&self, path: &RelPath) -> Result<Option<Diverged>, StoreError> {
        let doing = "look up a diverged path";
        let sql = "SELECT data FROM diverged WHERE path = ?1";
        let data: Option<Vec<u8>> = self.store.first(doing, sql, [column(path)], |row| row.get(0))?;
        data.map(|data| self.decode(&data)).transpose()
    }

    fn decode(&self, data: &[u8]) -> Result<Diverged, StoreError> {
        postcard::from_bytes(data).map_err(|_| self.store.nonsense("read a diverged path", "it can't be decoded"))
    }

    pub(super) fn list_diverged(
        &self,
        path: &RelPath,
        after: Option<&RelPath>,
        limit: usize,
    ) -> Result<Vec<(RelPathBuf, Diverged)>, StoreError> {
        let doing = "list diverged paths";
        let fail = self.store.fail(doing);
        let mut first = column(path);
        if let Some(after) = after.filter(|after| *after >= path) {
            // The least value that is greater.
            first = column(after);
            first.push(0);
        }
        let mut statement = self
            .store
            .statement("SELECT path, data FROM diverged WHERE path >= ?1 AND path < ?2 ORDER BY path LIMIT ?3")?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = statement.query((first, column_after(path), limit)).map_err(&fail)?;
        let mut paths = Vec::new();
        while let Some(row) = found.next().map_err(&fail)? {
            let mut path: Vec<u8> = row.get(0).map_err(&fail)?;
            path.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b'/');
            let path = RelPathBuf::new(path).map_err(|_| self.store.nonsense(doing, "a path isn't one"))?;
            let data: Vec<u8> = row.get(1).map_err(&fail)?;
            paths.push((path, self.decode(&data)?));
        }
        Ok(paths)
    }

    pub(super) fn set_diverged(&mut self, path: &RelPath, diverged: Option<&Diverged>) -> Result<(), StoreError> {
        if let Some(old) = self.diverged_at(path)? {
            *self.state.count_of(&old.hold) -= 1;
            if diverged.is_none() {
                let sql = "DELETE FROM diverged WHERE path = ?1";
                self.store.execute("remove a diverged path", sql, [column(path)])?;
            }
        }
        if let Some(diverged) = diverged {
            *self.state.count_of(&diverged.hold) += 1;
            let data = postcard::to_stdvec(diverged).expect("bytes, numbers and strings can be encoded");
            let sql = "INSERT INTO diverged (path, data) VALUES (?1, ?2)
                ON CONFLICT (path) DO UPDATE SET data = excluded.data";
            self.store.execute("write a diverged path", sql, (column(path), data))?;
        }
        Ok(())
    }

    /// `to` doesn't stand below `from`.
    pub(super) fn move_diverged(&mut self, from: &RelPath, to: &RelPath) -> Result<(), StoreError> {
        loop {
            let paths = self.list_diverged(from, None, PATHS_AT_ONCE)?;
            for (path, diverged) in &paths {
                self.set_diverged(path, None)?;
                if let Some(path) = path.rebase(from, to) {
                    self.set_diverged(&path, Some(diverged))?;
                }
            }
            if paths.len() < PATHS_AT_ONCE {
                return Ok(());
            }
        }
    }
}
