//! How much stands below a directory, by the index.

use causeway_index::IndexError;
use causeway_sync::{Entry, NameBuf, RelPath};

use crate::endpoint::Endpoint;
use crate::fs::Fs;

/// Rows that are read before others get their turn.
const ROWS_AT_ONCE: usize = 1024;

impl<F: Fs> Endpoint<F> {
    /// How many entries are known to stand below a directory; `None` where there are more than `limit`. Others get on with theirs between
    /// its parts.
    pub fn entries_below(&self, directory: &RelPath, limit: u64) -> Result<Option<u64>, IndexError> {
        let Some(top) = self.lock().index.dir(directory)? else { return Ok(Some(0)) };
        let (mut left, mut entries) = (vec![top], 0);
        while let Some(dir) = left.pop() {
            let mut after: Option<NameBuf> = None;
            loop {
                let rows = self.lock().index.list(dir, after.as_deref(), ROWS_AT_ONCE)?;
                entries += rows.iter().filter(|(_, row)| row.entry != Entry::Untracked).count() as u64;
                if entries > limit {
                    return Ok(None);
                }
                left.extend(rows.iter().filter_map(|(_, row)| row.id));
                let is_last = rows.len() < ROWS_AT_ONCE;
                after = rows.into_iter().last().map(|(name, _)| name);
                if is_last {
                    break;
                }
            }
        }
        Ok(Some(entries))
    }
}
