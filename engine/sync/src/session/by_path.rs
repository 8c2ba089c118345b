//! The items by path: one is found at once, and those below a directory come in order.

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::ops::Bound;

use crate::session::items::Item;
use crate::{RelPath, RelPathBuf};

/// By path, with a hash that is quick for strings as long as paths. It is seeded, since a guest chooses its names.
pub(super) type PathMap<T> = foldhash::HashMap<RelPathBuf, T>;

/// Items by path. A path at work is asked for dozens of times, with all the directories above it; a search among a hundred thousand
/// others each time would be most of the session's work.
#[derive(Debug, Default)]
pub(super) struct Items {
    by_path: PathMap<Item>,
    /// The same paths in their order.
    paths: BTreeSet<RelPathBuf>,
}

impl Items {
    pub fn get(&self, path: &RelPath) -> Option<&Item> {
        self.by_path.get(path)
    }

    pub fn get_mut(&mut self, path: &RelPath) -> Option<&mut Item> {
        self.by_path.get_mut(path)
    }

    pub fn contains(&self, path: &RelPath) -> bool {
        self.by_path.contains_key(path)
    }

    /// The item of a path; a new one where there was none.
    pub fn item(&mut self, path: &RelPath) -> &mut Item {
        match self.by_path.entry(path.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                self.paths.insert(path.to_owned());
                new.insert(Item::default())
            }
        }
    }

    pub fn insert(&mut self, path: RelPathBuf, item: Item) {
        self.paths.insert(path.clone());
        self.by_path.insert(path, item);
    }

    pub fn remove(&mut self, path: &RelPath) -> Option<Item> {
        let item = self.by_path.remove(path)?;
        self.paths.remove(path);
        Some(item)
    }

    pub fn len(&self) -> usize {
        self.by_path.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    pub fn paths(&self) -> impl Iterator<Item = &RelPathBuf> {
        self.paths.iter()
    }

    /// Everything at and below a path, in order.
    pub fn below<'a>(&'a self, path: &'a RelPath) -> impl Iterator<Item = (&'a RelPathBuf, &'a Item)> {
        let range = self.paths.range::<RelPath, _>((Bound::Included(path), Bound::Unbounded));
        range.take_while(move |at| at.starts_with(path)).filter_map(|at| Some((at, self.by_path.get(at)?)))
    }
}
