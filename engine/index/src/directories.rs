//! From paths to directory ids and back, for both stores: each has a table `rows (dir, name, id, …)` and a table
//! `dirs (id, parent, name, …)`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use causeway_sync::path::PATH_DEPTH_MAX;
use causeway_sync::{Digest, Name, NameBuf, RelPath, RelPathBuf};

use crate::store::Store;
use crate::{DirId, StoreError};

/// Most directories whose place is kept in memory, but for the last that was asked for and those around it.
const CACHE_DIRECTORIES_MAX: usize = 4096;
/// Most bytes of names that are kept in memory, counted once (each is held twice).
const CACHE_BYTES_MAX: usize = 512 << 10;

/// Looks directories up, and remembers some. At the bound it forgets all and begins again.
#[derive(Default)]
pub(crate) struct Directories {
    cache: RefCell<Cache>,
}

/// Remembers by name and directory, not by path: a path's length times its depth would be the cost of each deep directory. What is
/// remembered of a directory is remembered of those around it too.
#[derive(Default)]
struct Cache {
    below: HashMap<DirId, BTreeMap<NameBuf, DirId>>,
    places: HashMap<DirId, (DirId, NameBuf)>,
    bytes: usize,
}

impl Cache {
    /// Makes room for one more directory and all around it.
    fn make_room(&mut self) {
        if self.places.len() >= CACHE_DIRECTORIES_MAX || self.bytes >= CACHE_BYTES_MAX {
            *self = Self::default();
        }
    }

    fn child(&self, dir: DirId, name: &Name) -> Option<DirId> {
        self.below.get(&dir)?.get(name).copied()
    }

    fn insert(&mut self, dir: DirId, name: &Name, id: DirId) {
        if self.places.insert(id, (dir, name.to_owned())).is_none() {
            self.bytes += name.as_bytes().len();
        }
        self.below.entry(dir).or_default().insert(name.to_owned(), id);
    }

    fn forget_below(&mut self, path: &RelPath) {
        let Some(top) = path.names().try_fold(DirId::ROOT, |dir, name| self.child(dir, name)) else { return };
        let mut left = vec![top];
        while let Some(id) = left.pop() {
            if let Some((dir, name)) = self.places.remove(&id) {
                self.bytes -= name.as_bytes().len();
                if let Some(beside) = self.below.get_mut(&dir) {
                    beside.remove(&name);
                }
            }
            left.extend(self.below.remove(&id).into_iter().flat_map(BTreeMap::into_values));
        }
    }
}

impl Directories {
    /// The directory at a path.
    pub fn find(&self, store: &Store, path: &RelPath) -> Result<Option<DirId>, StoreError> {
        let mut cache = self.cache.borrow_mut();
        cache.make_room();
        let mut id = DirId::ROOT;
        for name in path.names() {
            let known = cache.child(id, name);
            let found = if known.is_some() { known } else { child(store, id, name)? };
            let Some(below) = found else { return Ok(None) };
            if known.is_none() {
                cache.insert(id, name, below);
            }
            id = below;
        }
        Ok(Some(id))
    }

    /// The path of a directory.
    pub fn path(&self, store: &Store, id: DirId) -> Result<Option<RelPathBuf>, StoreError> {
        let doing = "find a directory's path";
        let mut cache = self.cache.borrow_mut();
        cache.make_room();
        let mut names: Vec<(DirId, DirId, NameBuf)> = Vec::new();
        let mut at = id;
        while at != DirId::ROOT {
            let known = cache.places.get(&at).cloned();
            let found = if known.is_some() { known } else { place(store, at)? };
            let Some((parent, name)) = found else {
                return if names.is_empty() { Ok(None) } else { Err(store.nonsense(doing, "it hangs in the air")) };
            };
            names.push((at, parent, name));
            at = parent;
            if names.len() > PATH_DEPTH_MAX {
                return Err(store.nonsense(doing, "it holds itself"));
            }
        }
        names.reverse();
        let path = names.iter().map(|(_, _, name)| name.as_bytes()).collect::<Vec<_>>().join(&b'/');
        for (id, parent, name) in names {
            if !cache.places.contains_key(&id) {
                cache.insert(parent, &name, id);
            }
        }
        RelPathBuf::new(path).map(Some).map_err(|_| store.nonsense(doing, "its path isn't one"))
    }

    /// Whether there is such a directory.
    pub fn exists(&self, store: &Store, id: DirId) -> Result<bool, StoreError> {
        if id == DirId::ROOT || self.cache.borrow().places.contains_key(&id) {
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
