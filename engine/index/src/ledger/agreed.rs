//! The tree of agreed entries.

use causeway_sync::{Entry, Name, NameBuf, RelPath};
use rusqlite::params;
use rusqlite::types::ValueRef;

use super::{Failure, LedgerStore};
use crate::codec::{self, Encoded};
use crate::store::Store;
use crate::{DirId, StoreError};

/// Reads the columns `large, data` of `rows`, beginning with column `first`.
fn entry(store: &Store, row: &rusqlite::Row<'_>, first: usize) -> Result<Entry, StoreError> {
    let doing = "read an agreed entry";
    let large = match row.get_ref(first).map_err(store.fail(doing))? {
        ValueRef::Blob(bytes) => {
            Some(bytes.try_into().map_err(|_| store.nonsense(doing, "a digest has another length"))?)
        }
        _ => None,
    };
    let data = row.get_ref(first + 1).map_err(store.fail(doing))?;
    let data = data.as_blob().map_err(|_| store.nonsense(doing, "it isn't there"))?;
    codec::decode_entry(data, large).ok_or_else(|| store.nonsense(doing, "it can't be decoded"))
}

/// A row as far as it concerns the tree.
struct Node {
    id: Option<DirId>,
    entry: Entry,
}

impl LedgerStore {
    pub(super) fn agreed_at(&self, path: &RelPath) -> Result<Option<Entry>, StoreError> {
        let Some((parent, name)) = path.split_last() else { return Ok(Some(Entry::Directory)) };
        let Some(dir) = self.directories.find(&self.store, parent)? else { return Ok(None) };
        Ok(self.node(dir, name)?.map(|node| node.entry))
    }

    fn node(&self, dir: DirId, name: &Name) -> Result<Option<Node>, StoreError> {
        let fail = self.store.fail("read an agreed entry");
        let mut statement = self.store.statement("SELECT id, large, data FROM rows WHERE dir = ?1 AND name = ?2")?;
        let mut found = statement.query((dir.column(), name.as_bytes())).map_err(&fail)?;
        let Some(row) = found.next().map_err(&fail)? else { return Ok(None) };
        let id: Option<i64> = row.get(0).map_err(&fail)?;
        Ok(Some(Node { id: id.map(DirId::of_column), entry: entry(&self.store, row, 1)? }))
    }

    pub(super) fn agreed_in(
        &self,
        path: &RelPath,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(NameBuf, Entry)>, StoreError> {
        let Some(dir) = self.directories.find(&self.store, path)? else { return Ok(Vec::new()) };
        let doing = "list what is agreed";
        let fail = self.store.fail(doing);
        let mut statement = self
            .store
            .statement("SELECT name, large, data FROM rows WHERE dir = ?1 AND name > ?2 ORDER BY name LIMIT ?3")?;
        // No name is empty, so all of them come after the empty one.
        let after = after.map_or(&b""[..], Name::as_bytes);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = statement.query((dir.column(), after, limit)).map_err(&fail)?;
        let mut children = Vec::new();
        while let Some(row) = found.next().map_err(&fail)? {
            let name = NameBuf::new(row.get(0).map_err(&fail)?);
            let name = name.map_err(|_| self.store.nonsense(doing, "a name isn't one"))?;
            children.push((name, entry(&self.store, row, 1)?));
        }
        Ok(children)
    }

    /// The root itself isn't counted: it is always agreed.
    pub(super) fn count_agreed(&self, path: &RelPath, limit: u64) -> Result<u64, StoreError> {
        if path.is_root() {
            return Ok(self.state.agreed.min(limit));
        }
        if self.agreed_at(path)?.is_none() {
            return Ok(0);
        }
        let mut count = 1;
        let mut left: Vec<DirId> = self.directories.find(&self.store, path)?.into_iter().collect();
        while let Some(dir) = left.pop().filter(|_| count < limit) {
            let fail = self.store.fail("count what is agreed");
            let mut statement = self.store.statement("SELECT id FROM rows WHERE dir = ?1 LIMIT ?2")?;
            let most = i64::try_from(limit - count).unwrap_or(i64::MAX);
            let mut found = statement.query((dir.column(), most)).map_err(&fail)?;
            while let Some(row) = found.next().map_err(&fail)? {
                count += 1;
                left.extend(row.get::<_, Option<i64>>(0).map_err(&fail)?.map(DirId::of_column));
            }
        }
        Ok(count.min(limit))
    }

    pub(super) fn agree(&mut self, path: &RelPath, entry: Option<&Entry>) -> Result<(), Failure> {
        let Some((parent, name)) = path.split_last() else {
            return if entry.is_some_and(Entry::is_directory) { Ok(()) } else { Err(Failure::Root) };
        };
        let Some(dir) = self.directories.find(&self.store, parent)? else {
            return if entry.is_none() { Ok(()) } else { Err(Failure::NoDirectory(path.to_owned())) };
        };
        let old = self.node(dir, name)?;
        match (entry, old) {
            (Some(Entry::Directory), Some(Node { id: Some(_), .. })) | (None, None) => {}
            (None, Some(old)) => self.remove_node(dir, name, path, &old)?,
            (Some(entry), old) => {
                match old {
                    Some(Node { id: Some(id), .. }) => self.clear(id, path)?,
                    Some(_) => {}
                    None => self.state.agreed += 1,
                }
                let id = if entry.is_directory() { Some(self.new_directory(dir, name)?) } else { None };
                self.write_node(dir, name, id, entry)?;
            }
        }
        Ok(())
    }

    fn new_directory(&mut self, parent: DirId, name: &Name) -> Result<DirId, StoreError> {
        let id = DirId(self.state.next_dir);
        self.state.next_dir += 1;
        let sql = "INSERT INTO dirs (id, parent, name) VALUES (?1, ?2, ?3)";
        self.store.execute("write a directory", sql, (id.column(), parent.column(), name.as_bytes()))?;
        Ok(id)
    }

    fn write_node(&mut self, dir: DirId, name: &Name, id: Option<DirId>, entry: &Entry) -> Result<(), StoreError> {
        let Encoded { data, large } = codec::encode_entry(entry);
        let sql = "INSERT INTO rows (dir, name, id, large, data) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (dir, name) DO UPDATE SET id = excluded.id, large = excluded.large, data = excluded.data";
        let values = params![dir.column(), name.as_bytes(), id.map(DirId::column), large, data];
        self.store.execute("write an agreed entry", sql, values)?;
        Ok(())
    }

    fn remove_node(&mut self, dir: DirId, name: &Name, path: &RelPath, node: &Node) -> Result<(), StoreError> {
        if let Some(id) = node.id {
            self.clear(id, path)?;
        }
        let sql = "DELETE FROM rows WHERE dir = ?1 AND name = ?2";
        self.store.execute("remove an agreed entry", sql, (dir.column(), name.as_bytes()))?;
        self.state.agreed -= 1;
        Ok(())
    }

    /// Removes what is agreed below a directory, and its id.
    fn clear(&mut self, id: DirId, path: &RelPath) -> Result<(), StoreError> {
        self.directories.forget_below(path);
        let mut left = vec![id];
        while let Some(dir) = left.pop() {
            {
                let fail = self.store.fail("remove agreed entries");
                let mut statement = self.store.statement("SELECT id FROM rows WHERE dir = ?1 AND id IS NOT NULL")?;
                let found = statement.query_map([dir.column()], |row| row.get(0)).map_err(&fail)?;
                for id in found {
                    left.push(DirId::of_column(id.map_err(&fail)?));
                }
            }
            let sql = "DELETE FROM rows WHERE dir = ?1";
            self.state.agreed -= self.store.execute("remove agreed entries", sql, [dir.column()])? as u64;
            let sql = "DELETE FROM dirs WHERE id = ?1";
            self.store.execute("remove an agreed directory", sql, [dir.column()])?;
        }
        Ok(())
    }

    /// Where nothing is agreed at `from`, there is nothing to do.
    pub(super) fn move_agreed(&mut self, from: &RelPath, to: &RelPath) -> Result<(), Failure> {
        let (Some((from_dir, from_name)), Some((to_dir, to_name))) = (from.split_last(), to.split_last()) else {
            return Err(Failure::Root);
        };
        let Some(from_dir) = self.directories.find(&self.store, from_dir)? else { return Ok(()) };
        let Some(node) = self.node(from_dir, from_name)? else { return Ok(()) };
        let Some(to_dir) = self.directories.find(&self.store, to_dir)? else {
            return Err(Failure::NoDirectory(to.to_owned()));
        };
        if let Some(old) = self.node(to_dir, to_name)? {
            self.remove_node(to_dir, to_name, to, &old)?;
        }
        let sql = "DELETE FROM rows WHERE dir = ?1 AND name = ?2";
        self.store.execute("move an agreed entry", sql, (from_dir.column(), from_name.as_bytes()))?;
        self.write_node(to_dir, to_name, node.id, &node.entry)?;
        if let Some(id) = node.id {
            let sql = "UPDATE dirs SET parent = ?2, name = ?3 WHERE id = ?1";
            let values = (id.column(), to_dir.column(), to_name.as_bytes());
            self.store.execute("move an agreed directory", sql, values)?;
            self.directories.forget_below(from);
        }
        Ok(())
    }
}
