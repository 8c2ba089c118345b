//! What was taken out of the share and could not be put where it belongs at once, mostly for want of space.

use std::sync::{MutexGuard, PoisonError};

use causeway_sync::{RelPath, RelPathBuf};

use crate::endpoint::Endpoint;
use crate::fs::{self, Area, Fs};
use crate::problem;
use crate::recycle_bin::{Reason, Taken};
use crate::settings::Look;

/// What was taken out and waits to be put where it belongs, at most; the rest stays where it is: in the recycle bin, or in staging for
/// the next opening.
const LEFT_ASIDE_MAX: usize = 10_000;
/// When that is tried again, in milliseconds: disks are seldom full for less.
const LEFT_ASIDE_MS: u64 = 5_000;

/// What was taken out of the share and has to wait until it can be put where it belongs: mostly for space.
pub(crate) struct LeftAside<F: Fs> {
    /// Where it stands now.
    pub taken: Taken<F>,
    /// Where it stood.
    pub path: RelPathBuf,
    /// Why it is to rest in the recycle bin. `None`: it is to go back, unless something else stands there by then.
    pub reason: Option<Reason>,
}

impl<F: Fs> Endpoint<F> {
    /// Remembers what could not be put where it belongs. A crash doesn't lose it either: it rests in the recycle bin, or its name in
    /// staging tells what it is.
    pub(crate) fn note_left_aside(&self, left: LeftAside<F>) {
        let path = left.path.clone();
        let mut waiting = self.left_aside();
        if waiting.len() < LEFT_ASIDE_MAX {
            waiting.push(left);
        }
        drop(waiting);
        // After the look that this leads to it is tried again.
        self.dirty(&path, Look::Again);
    }

    fn left_aside(&self) -> MutexGuard<'_, Vec<LeftAside<F>>> {
        self.left_aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what could not be put before where it belongs. Gives the time at which to try again, if something is left.
    pub(crate) fn settle_left_aside(&self, now_ms: u64) -> Option<u64> {
        let waiting = std::mem::take(&mut *self.left_aside());
        if waiting.is_empty() {
            return None;
        }
        // Staging may stand in the share while it is used.
        let entered = self.enter_staging();
        let left: Vec<_> = waiting.into_iter().filter_map(|left| self.settle_one(left, now_ms)).collect();
        drop(entered);
        let mut waiting = self.left_aside();
        waiting.extend(left);
        (!waiting.is_empty()).then_some(now_ms + LEFT_ASIDE_MS)
    }

    fn settle_one(&self, mut left: LeftAside<F>, now_ms: u64) -> Option<LeftAside<F>> {
        if left.reason.is_none() {
            match self.put_back(&left.taken, &left.path) {
                Ok(()) => {
                    self.dirty(&left.path, Look::Below);
                    return None;
                }
                // Somebody has put something else there, or has removed the directory.
                Err(error) if error.kind == fs::FsErrorKind::Exists || problem::is_stale(&error) => {
                    left.reason = Some(Reason::Raced);
                }
                Err(_) => return Some(left),
            }
        }
        let reason = left.reason.unwrap_or(Reason::Raced);
        let from = (&left.taken.dir, &*left.taken.name);
        match self.bin.put(&self.fs, from, &left.path, reason, now_ms) {
            // What isn't there any more has been moved by somebody else.
            Err(error) if error.kind != fs::FsErrorKind::NotFound => Some(left),
            _ => None,
        }
    }

    /// Puts what was taken out back to where it stood, unless something stands there.
    fn put_back(&self, taken: &Taken<F>, path: &RelPath) -> fs::Result<()> {
        let (above, name) = path.split_last().expect("nothing is taken out at the root");
        let dir = self.fs.open_path(&self.fs.root(Area::Share)?, above)?;
        self.fs.rename(&taken.dir, &taken.name, &dir, name, fs::Rename::NoReplace)
    }
}
