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

    /// The path by which something stands, or is known, that answers to a name that isn't listed: where the file system takes names
    /// for others, events can name it so.
    pub(super) fn really_named(&mut self, path: &RelPath) -> Option<RelPathBuf> {
        if !self.ep.takes_names_for_others() {
            return None;
        }
        let (above, name) = path.split_last()?;
        let dir = self.dirs.dir(above).ok()?;
        if let Some(stat) = self.ep.fs.stat(&dir, name).ok()? {
            let (_, names) = self.listed.as_ref().filter(|(of, _)| **of == *above)?;
            let real = names.answering_to(&self.ep.fs, &dir, name, stat.inode).ok()??;
            return Some(above.join(real));
        }
        Some(above.join(&self.known_name(above, name)?))
    }

    /// The name of a row that differs from `name` only in case.
    fn known_name(&self, above: &RelPath, name: &Name) -> Option<NameBuf> {
        let id = self.ep.lock().index.dir(above).ok()??;
        let wanted = names::folded(name);
        let mut after: Option<NameBuf> = None;
        loop {
            let page = self.ep.lock().index.list(id, after.as_deref(), ROWS_PAGE).ok()?;
            let is_last = page.len() < ROWS_PAGE;
            after = page.last().map(|(name, _)| name.clone());
            let is_it = |known: &NameBuf| **known != *name && names::folded(known) == wanted;
            if let Some((known, _)) = page.into_iter().find(|(known, _)| is_it(known)) {
                return Some(known);
            }
            if is_last {
                return None;
            }
        }
    }
}
