//! Reading digests that nobody knows yet.

use std::sync::atomic::AtomicBool;

use causeway_sync::{Entry, RelPathBuf};

use super::Scan;
use crate::endpoint::Endpoint;
use crate::error::LookError;
use crate::fs::{Fs, FsError};
use crate::hash::{self, Reading};
use crate::problem;
use crate::settings::{Dirty, Look, Looked};

impl<F: Fs> Endpoint<F> {
    /// Reads the digests of files, then puts all the paths into the feed. What differs from the index is journalled.
    pub fn read(&self, paths: &[RelPathBuf], now_ms: u64, stop: &AtomicBool) -> Result<Looked, LookError> {
        let mut scan = Scan::begin(self, now_ms, stop)?;
        let mut differs = Vec::new();
        for path in paths {
            if scan.is_stopped() {
                return Ok(scan.finish(false));
            }
            if !scan.read_unread(path)? {
                differs.push(Dirty { path: path.clone(), look: Look::Again });
            }
        }
        let complete = scan.check(&differs)?;
        let looked = scan.finish(complete);
        for path in paths {
            self.touch(path)?;
        }
        Ok(looked)
    }
}

/// Files read once more in one go.
const SETTLED_AT_ONCE: usize = 64;

impl<F: Fs> Endpoint<F> {
    /// Reads files once more that were read so soon after a write that another one needn't have changed their time stamps, and puts
    /// what had to wait for that where it belongs: in the recycle bin, or back in the share. For idle moments; gives the time at which
    /// to call again, if there is more to do.
    pub fn settle(&self, now_ms: u64, stop: &AtomicBool) -> Result<Option<u64>, LookError> {
        let mut due = Vec::new();
        {
            let mut state = self.lock();
            while due.len() < SETTLED_AT_ONCE
                && let Some((_, path)) = state.unsettled.pop_front_if(|(due_ms, _)| *due_ms <= now_ms)
            {
                due.push(Dirty { path, look: Look::Again });
            }
        }
        if !due.is_empty() {
            for later in self.check(&due, now_ms, stop)?.later {
                self.dirty(&later.path, Look::Again);
            }
        }
        let left_aside = self.settle_left_aside(now_ms);
        Ok(self.lock().unsettled.front().map(|(due_ms, _)| *due_ms).into_iter().chain(left_aside).min())
    }
}

impl<F: Fs> Scan<'_, F> {
    /// Notes the digest of a file that is as the index says, but unread. False where it isn't as the index says.
    fn read_unread(&mut self, path: &RelPathBuf) -> Result<bool, LookError> {
        let Some((above, name)) = path.split_last() else { return Ok(true) };
        let Some((id, row)) = self.ep.lock().index.lookup(path)? else { return Ok(false) };
        let Entry::File(file) = &row.entry else { return Ok(false) };
        if file.digest.is_some() {
            return Ok(true);
        }
        let read = self.dirs.dir(above).and_then(|dir| match self.ep.fs.stat(&dir, name)? {
            Some(stat) if self.ep.eyes.is_unchanged(&row, &stat) => {
                hash::read_digest(&self.ep.fs, &dir, name, &stat, &mut self.buffer).map(|reading| (reading, stat))
            }
            _ => Err(FsError::of_kind("read", path, crate::fs::FsErrorKind::NotFound)),
        });
        match read {
            Ok((Reading::Whole(digest), stat)) => {
                self.ep.note_digest(id, name, &row.fingerprint, digest, &stat, self.now_ms)?;
                Ok(true)
            }
            Ok((Reading::Disturbed, _)) => Ok(false),
            Err(error) if problem::is_stale(&error) => Ok(false),
            Err(error) => {
                self.fail_at(path, &error);
                Ok(true)
            }
        }
    }
}
