//! From paths to directory ids and back, for both stores: each has a table `rows (dir, name, id, …)` and a table
//! `dirs (id, parent, name, …)`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Included, Unbounded};

use causeway_sync::path::PATH_DEPTH_MAX;
use causeway_sync::{Digest, Name, NameBuf, RelPath, RelPathBuf};

use crate::store::Store;
use crate::{DirId, StoreError};

/// Most directories whose path is kept in memory.
const CACHE_DIRECTORIES_MAX: usize = 4096;
/// Most bytes of paths that are kept in memory, counted once (each is held twice).
const CACHE_BYTES_MAX: usize = 512 << 10;

/// Looks directories up, and remembers some. At the bound it forgets all and begins again.
#[derive(Default)]
pub(crate) struct Directories {
    cache: RefCell<Cache>,
}

#[derive(Default)]
struct Cache {
    by_path: BTreeMap<RelPathBuf, DirId>,
    by_id: HashMap<DirId, RelPathBuf>,
    bytes: usize,
}

impl Cache {
    fn insert(&mut self, path: RelPathBuf, id: DirId) {
        let length = path.as_bytes().len();
        if self.by_id.len() >= CACHE_DIRECTORIES_MAX || self.bytes + length > CACHE_BYTES_MAX {
            *self = Self::default();
        }
        if length <= CACHE_BYTES_MAX && self.by_id.insert(id, path.clone()).is_none() {
            self.bytes += length;
            self.by_path.insert(path, id);
        }
    }

    fn forget_below(&mut self, path: &RelPath) {
        while let Some((found, id)) = self.by_path.range::<RelPath, _>((Included(path), Unbounded)).next() {
            if !found.starts_with(path) {
                break;
            }
            let (found, id) = (found.clone(), *id);
            self.by_path.remove(&found);
            self.by_id.remove(&id);
            self.bytes -= found.as_bytes().len();
        }
    }
}

impl Directories {
    /// The directory at a path.
    pub fn find(&self, store: &Store, path: &RelPath) -> Result<Option<DirId>, StoreError> {
        let mut names = Vec::new();
        let mut known = path;
        let mut id = loop {
            if known.is_root() {
                break DirId::ROOT;
            }
            if let Some(id) = self.cache.borrow().by_path.get(known) {
                break *id;
            }
            let (parent, name) = known.split_last().expect("the root was seen to above");
            names.push(name);
            known = parent;
        };
        while let Some(name) = names.pop() {
            match child(store, id, name)? {
                Some(below) => id = below,
                None => return Ok(None),
            }
        }
        if known != path {
            self.cache.borrow_mut().insert(path.to_owned(), id);
        }
        Ok(Some(id))
    }

    /// The path of a directory.
    pub fn path(&self, store: &Store, id: DirId) -> Result<Option<RelPathBuf>, StoreError> {
        let mut names: Vec<(DirId, NameBuf)> = Vec::new();
        let mut at = id;
        let mut path = loop {
            if at == DirId::ROOT {
                break RelPathBuf::default();
            }
            if let Some(path) = self.cache.borrow().by_id.get(&at) {
                break path.clone();
            }
            let Some((parent, name)) = place(store, at)? else {
                let doing = "find a directory's path";
                return if names.is_empty() { Ok(None) } else { Err(store.nonsense(doing, "it hangs in the air")) };
            };
            names.push((at, name));
            at = parent;
            if names.len() > PATH_DEPTH_MAX {
                return Err(store.nonsense("find a directory's path", "it holds itself"));
            }
        };
        while let Some((id, name)) = names.pop() {
            path = path.join(&name);
            // The parent too, because its other directories will be asked for; not all, because paths may be long.
            if names.len() < 2 {
                self.cache.borrow_mut().insert(path.clone(), id);
            }
        }
        Ok(Some(path))
    }

    /// Whether there is such a directory.
    pub fn exists(&self, store: &Store, id: DirId) -> Result<bool, StoreError> {
        if id == DirId::ROOT || self.cache.borrow().by_id.contains_key(&id) {
            return Ok(true);
        }
        // By its path, because more of the directory is going to be asked for.
        Ok(self.path(store, id)?.is_some())
    }

    /// The path of a file with this content, among those whose digest has a column of its own.
    pub fn find_content(&self, store: &Store, digest: &Digest) -> Result<Option<RelPathBuf>, StoreError> {
        let doing = "find a file by its content";
        let sql = "SELECT dir, name FROM rows WHERE large = ?1 LIMIT 1";
        let found = store.first(doing, sql, [&digest.0[..]], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        let Some((dir, name)) = found else { return Ok(None) };
        let name = NameBuf::new(name).map_err(|_| store.nonsense(doing, "its name isn't one"))?;
        let dir = self.path(store, DirId::of_column(dir))?;
        dir.map(|dir| dir.join(&name)).ok_or_else(|| store.nonsense(doing, "its directory isn't there")).map(Some)
    }

    /// What stood at and below this path stands there no more.
    pub fn forget_below(&self, path: &RelPath) {
        self.cache.borrow_mut().forget_below(path);
    }

    /// Anything may have changed.
    pub fn forget_all(&self) {
        *self.cache.borrow_mut() = Cache::default();
    }
}

/// The directory by a name in a directory.
fn child(store: &Store, dir: DirId, name: &Name) -> Result<Option<DirId>, StoreError> {
    let sql = "SELECT id FROM rows WHERE dir = ?1 AND name = ?2";
    let id =
        store.first("find a directory", sql, (dir.column(), name.as_bytes()), |row| row.get::<_, Option<i64>>(0))?;
    Ok(id.flatten().map(DirId::of_column))
}

/// The directory that holds a directory, and its name in there.
pub(crate) fn place(store: &Store, id: DirId) -> Result<Option<(DirId, NameBuf)>, StoreError> {
    let doing = "find a directory's place";
    let sql = "SELECT parent, name FROM dirs WHERE id = ?1";
    let found = store.first(doing, sql, [id.column()], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    let Some((parent, name)) = found else { return Ok(None) };
    let name = NameBuf::new(name).map_err(|_| store.nonsense(doing, "its name isn't one"))?;
    Ok(Some((DirId::of_column(parent), name)))
}
