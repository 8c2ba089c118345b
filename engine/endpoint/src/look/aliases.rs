//! File systems that take names for others: those that differ only in case, or in Unicode normalisation. A name counts only as it
//! is listed; events may use another one.

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

    /// The other paths that a dirty path may be about, where the file system takes names for others: what stands there by its listed
    /// name (events can use another), and what is known there by names that needn't be listed any more. A row by just this name rules
    /// none of them out: an action may have put something there before it was heard that what another row stands for is gone.
    pub(super) fn other_names(&mut self, path: &RelPath) -> Vec<RelPathBuf> {
        if !self.ep.takes_names_for_others() {
            return Vec::new();
        }
        let Some((above, name)) = path.split_last() else { return Vec::new() };
        let mut others = self.known_names(above, name);
        others.extend(self.listed_name(above, name));
        others.into_iter().filter(|other| **other != *name).map(|other| above.join(&other)).collect()
    }

    /// The listed name of what answers to `name`. The directory has been listed if anything does.
    fn listed_name(&mut self, above: &RelPath, name: &Name) -> Option<NameBuf> {
        let (_, names) = self.listed.as_ref().filter(|(of, names)| **of == *above && !names.contains(name))?;
        let dir = self.dirs.dir(above).ok()?;
        let stat = self.ep.fs.stat(&dir, name).ok()??;
        names.answering_to(&self.ep.fs, &dir, name, stat.inode).ok()?.map(ToOwned::to_owned)
    }

    /// The names of rows that differ from `name` at most in case. The names of a directory's rows are read once for all of a check.
    fn known_names(&mut self, above: &RelPath, name: &Name) -> Vec<NameBuf> {
        let mut known = self.known.take().filter(|(of, _)| **of == *above);
        if known.is_none() {
            known = self.names_of_rows(above).map(|names| (above.to_owned(), names));
        }
        self.known = known;
        let Some((_, known)) = &self.known else { return Vec::new() };
        let wanted = names::folded(name);
        let first = known.partition_point(|(folded, _)| *folded < wanted);
        known[first..].iter().take_while(|(folded, _)| *folded == wanted).map(|(_, name)| name.clone()).collect()
    }

    /// The names of a directory's rows, in the order of what they are without their case.
    fn names_of_rows(&self, above: &RelPath) -> Option<Vec<(String, NameBuf)>> {
        let id = self.ep.lock().index.dir(above).ok()??;
        let mut known = Vec::new();
        let mut after: Option<NameBuf> = None;
        loop {
            let page = self.ep.lock().index.list(id, after.as_deref(), ROWS_PAGE).ok()?;
            let is_last = page.len() < ROWS_PAGE;
            after = page.last().map(|(name, _)| name.clone());
            known.extend(page.into_iter().map(|(name, _)| (names::folded(&name), name)));
            if is_last {
                known.sort_unstable();
                return Some(known);
            }
        }
    }
}
