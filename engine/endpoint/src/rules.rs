//! New rules: what they ignore leaves the index without being told as removed, and what they include is looked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use causeway_index::{DirId, IndexError};
use causeway_sync::ignore::{DirState, Rules, SYNCIGNORE_BYTES_MAX, SYNCIGNORE_NAME, Verdict};
use causeway_sync::{NameBuf, RelPath, RelPathBuf, Side};

use std::io::Read;

use crate::endpoint::Endpoint;
use crate::error::KeepError;
use crate::fs::{self, Area, Fs, FsError, FsErrorKind};
use crate::settings::Look;

/// Rows judged under one lock.
const PAGE: usize = 1024;

/// A directory whose rows are still to be judged.
struct Pending {
    path: RelPathBuf,
    id: DirId,
    state: DirState,
}

impl<F: Fs> Endpoint<F> {
    /// The file with the rules; `None` where there is none, or something else by its name. At most one byte more than
    /// [`SYNCIGNORE_BYTES_MAX`], which no rules are made of.
    pub fn syncignore(&self) -> fs::Result<Option<Vec<u8>>> {
        let name = NameBuf::new(SYNCIGNORE_NAME.into()).expect("it is a name");
        let file = match self.fs.open_file(&self.fs.root(Area::Share)?, &name) {
            Ok(file) => file,
            Err(error)
                if matches!(error.kind, FsErrorKind::NotFound | FsErrorKind::NotAFile | FsErrorKind::IsSymlink) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        let read = file.take(SYNCIGNORE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| FsError::at("read", &name, error))?;
        Ok(Some(bytes))
    }

    /// New rules hold from now on. Rows that they ignore are forgotten; in the guest the copies stay, and [`Self::excluded`] counts them.
    /// What they include and isn't known yet is found by a look at everything, for which the root waits among
    /// [`Self::take_dirty`]. Takes a walk over the index. One that was stopped is to be done again.
    pub fn set_rules(&self, rules: Rules, stop: &AtomicBool) -> Result<(), KeepError> {
        let rules = Arc::new(rules);
        self.lock().rules = Arc::clone(&rules);
        let forgotten = self.forget_ignored(&rules, stop);
        // Also after a failure: what was forgotten so far stands there.
        self.tell_news();
        self.dirty(RelPath::ROOT, Look::Below);
        let forgotten = forgotten?;
        if self.side == Side::Guest {
            self.exclude(forgotten, &rules)?;
        }
        Ok(())
    }

    fn forget_ignored(&self, rules: &Rules, stop: &AtomicBool) -> Result<Vec<RelPathBuf>, IndexError> {
        let mut forgotten = Vec::new();
        let mut pending = vec![Pending { path: RelPathBuf::default(), id: DirId::ROOT, state: rules.root() }];
        while let Some(next) = pending.pop() {
            let mut after: Option<NameBuf> = None;
            loop {
                if stop.load(Ordering::Relaxed) {
                    return Ok(forgotten);
                }
                let mut state = self.lock();
                let page = state.index.list(next.id, after.as_deref(), PAGE)?;
                let is_last = page.len() < PAGE;
                after = page.last().map(|(name, _)| name.clone());
                for (name, row) in page {
                    let path = next.path.join(&name);
                    if rules.judge(&next.state, &name, row.id.is_some()) == Verdict::Ignored {
                        let forgot = state.index.forget(next.id, &name);
                        self.check_write(&mut state, forgot)?;
                        state.wrote()?;
                        forgotten.push(path);
                    } else if let Some(id) = row.id {
                        pending.push(Pending { path, id, state: rules.enter(&next.state, &name) });
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(forgotten)
    }
}
