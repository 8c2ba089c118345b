//! File systems that take names for others: those that differ only in case, or in Unicode normalisation. A name counts only as it
//! is listed; events may use another one.

use std::collections::HashMap;

use causeway_sync::{Name, NameBuf, RelPath, RelPathBuf};

use super::Scan;
use crate::fs::{self, Fs, Stat};
use crate::names::{self, Names};

/// Rows read under one lock.
const ROWS_PAGE: usize = 1024;

impl<F: Fs> Scan<'_, F> {
    /// What stands at `name` of `dir`, which is `above`, by just this name: where the file system takes several names for one, only the
    /// listed one counts.
    pub(super) fn stat(&mut self, above: &RelPath, dir: &F::Dir, name: &Name) -> fs::Result<Option<Stat>> {
        let stat = self.ep.fs.stat(dir, name)?;
        if stat.is_none() || !self.ep.takes_names_for_others() {
            return Ok(stat);
        }
        if let Some((of, names)) = &self.listed
            && **of == *above
            && names.contains(name)
        {
            return Ok(stat);
        }
        // What was listed before may be out of date by now.
        let names = Names::list(&self.ep.fs, dir)?;
        let is_listed = names.contains(name);
        self.listed = Some((above.to_owned(), names));
        Ok(stat.filter(|_| is_listed))
    }

    /// The other paths that a name without a row may be about, where the file system takes names for others: what stands there by its
    /// listed name (events can use another), and what is known there by a name that needn't be listed any more.
    pub(super) fn other_names(&mut self, path: &RelPath) -> Vec<RelPathBuf> {
        if !self.ep.takes_names_for_others() {
            return Vec::new();
        }
        let Some((above, name)) = path.split_last() else { return Vec::new() };
        let others = [self.listed_name(above, name), self.known_name(above, name)];
        others.into_iter().flatten().filter(|other| **other != *name).map(|other| above.join(&other)).collect()
    }

    /// The listed name of what answers to `name`.
    fn listed_name(&mut self, above: &RelPath, name: &Name) -> Option<NameBuf> {
        let dir = self.dirs.dir(above).ok()?;
        let stat = self.ep.fs.stat(&dir, name).ok()??;
        let (_, names) = self.listed.as_ref().filter(|(of, _)| **of == *above)?;
        if names.contains(name) {
            return None;
        }
        names.answering_to(&self.ep.fs, &dir, name, stat.inode).ok()?.map(ToOwned::to_owned)
    }

    /// The name of a row that differs from `name` only in case. The names of a directory's rows are read once for all of a check.
    fn known_name(&mut self, above: &RelPath, name: &Name) -> Option<NameBuf> {
        if self.known.as_ref().is_none_or(|(of, _)| **of != *above) {
            self.known = Some((above.to_owned(), self.known_names(above)?));
        }
        let (_, known) = self.known.as_ref()?;
        known.get(&names::folded(name)).cloned()
    }

    fn known_names(&self, above: &RelPath) -> Option<HashMap<String, NameBuf>> {
        let id = self.ep.lock().index.dir(above).ok()??;
        let mut known = HashMap::new();
        let mut after: Option<NameBuf> = None;
        loop {
            let page = self.ep.lock().index.list(id, after.as_deref(), ROWS_PAGE).ok()?;
            let is_last = page.len() < ROWS_PAGE;
            after = page.last().map(|(name, _)| name.clone());
            known.extend(page.into_iter().map(|(name, _)| (names::folded(&name), name)));
            if is_last {
                return Some(known);
            }
        }
    }
}
