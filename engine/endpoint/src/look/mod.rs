//! Looking at the share: crawls, and checks of dirty paths.
//!
//! A look reads rows, then the disk, then decides, then writes what differs under the lock, if nothing has come between
//! (see [`flights`](crate::flights)). A failure to look is never taken for an absence: rows stay as they are, and the failure is
//! listed among the scan's problems.

mod aliases;
mod asked;
mod check;
mod crawl;
mod examine;
mod moves;
mod read;
mod root;
mod write;

pub(crate) use examine::{CLOCK_STEP_MS, SETTLE_MS, is_unsettled};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use causeway_sync::ignore::Rules;
use causeway_sync::{NameBuf, RelPath, RelPathBuf};

use crate::dirs::Dirs;
use crate::endpoint::Endpoint;
use crate::error::LookError;
use crate::flights::{LookId, Tick};
use crate::fs::{Fs, FsError};
use crate::hash::Buffer;
use crate::names::Names;
use crate::problem;
use crate::renames::Told;
use crate::settings::{Later, Looked};

/// Whether everything below two directories is judged alike by the rules.
pub(crate) fn same_rules_below(rules: &Rules, one: &RelPath, other: &RelPath) -> bool {
    let state = |path: &RelPath| path.names().fold(rules.root(), |state, name| rules.enter(&state, name));
    rules.same_below(&state(one), &state(other))
}

/// A look in progress.
pub(crate) struct Scan<'e, F: Fs> {
    ep: &'e Endpoint<F>,
    dirs: Dirs<'e, F>,
    root_inode: u64,
    rules: Arc<Rules>,
    id: LookId,
    since: Tick,
    now_ms: u64,
    stop: &'e AtomicBool,
    /// Whether this is a check: what it finds is read at once, within [`Budget`], and what is being written is left for later.
    eager: Option<Budget>,
    buffer: Buffer,
    later: Vec<Later>,
    /// The renames that the watcher has told since the last check.
    told: Told,
    /// Directories that were found at another path, until it has been looked at what was told of them by the old one.
    moved: Vec<(RelPathBuf, RelPathBuf)>,
    /// Directories whose rows stand and that the disk doesn't show: removed at the end, unless they turned up elsewhere.
    vanished: Vec<RelPathBuf>,
    /// The directory that was listed last to tell a name from another that the file system takes for it.
    listed: Option<(RelPathBuf, Names)>,
    /// The names of a directory's rows, without their case and in the order of that, read to tell the same.
    known: Option<(RelPathBuf, Vec<(String, NameBuf)>)>,
}

/// How much a check reads of new files; the rest is read while it is sent.
struct Budget {
    files: u32,
    bytes: u64,
}

impl Default for Budget {
    /// Some tenths of a second of reading: beyond that the other side should have begun to receive.
    fn default() -> Self {
        Self { files: 4096, bytes: 64 << 20 }
    }
}

impl<'e, F: Fs> Scan<'e, F> {
    fn begin(ep: &'e Endpoint<F>, now_ms: u64, stop: &'e AtomicBool) -> Result<Self, LookError> {
        let (dir, root_inode) = root::open(&ep.fs)?;
        let mut state = ep.lock();
        let (id, since) = state.flights.begin_look();
        let rules = Arc::clone(&state.rules);
        drop(state);
        Ok(Self {
            ep,
            dirs: Dirs::new(&ep.fs, dir),
            root_inode,
            rules,
            id,
            since,
            now_ms,
            stop,
            eager: None,
            buffer: Buffer::default(),
            later: Vec::new(),
            told: Told::default(),
            moved: Vec::new(),
            vanished: Vec::new(),
            listed: None,
            known: None,
        })
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Rows and disk are read from now on: flights that have landed don't matter any more.
    fn renew(&mut self) {
        self.since = self.ep.lock().flights.renew_look(self.id);
    }

    fn look_again_at(&mut self, path: &RelPath, due_ms: u64) {
        self.later.push(Later { path: path.to_owned(), due_ms });
    }

    /// Lists what can't be looked at. What is known there stays.
    fn fail_at(&self, path: &RelPath, error: &FsError) {
        tracing::debug!(%path, %error, "can't be looked at");
        let shown = problem::of_fs(self.ep.side, error);
        self.ep.lock().problems.insert(path.to_owned(), shown);
    }

    /// Ends the look.
    fn finish(mut self, complete: bool) -> Looked {
        let mut state = self.ep.lock();
        let rules_changed = std::mem::take(&mut state.rules_changed);
        drop(state);
        Looked { later: std::mem::take(&mut self.later), rules_changed, complete }
    }
}

impl<F: Fs> Drop for Scan<'_, F> {
    fn drop(&mut self) {
        self.ep.lock().flights.end_look(self.id);
        self.ep.tell_news();
    }
}
