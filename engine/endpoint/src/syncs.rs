//! Syncs of the whole file system, shared by all who wait for one.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use causeway_sync::Problem;

use crate::endpoint::Endpoint;
use crate::fs::Fs;
use crate::problem;

/// How many syncs have failed. The system tells only one of them that content was lost, whoever wrote it (`syncfs(2)`): so whoever
/// wrote something before a failure can't rely on a later sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Failures(u64);

/// The syncs of an endpoint.
#[derive(Default)]
pub(crate) struct Syncs {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    is_running: bool,
    /// Number of the sync begun last.
    begun: u64,
    /// Number of the newest one that was successful.
    done: u64,
    failures: Failures,
    /// Why the last one that failed did.
    failed: Option<Problem>,
}

impl Syncs {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Fs> Endpoint<F> {
    /// For [`Self::sync_fs`]: to be noted before anything is written that it is to make durable.
    pub(crate) fn sync_failures(&self) -> Failures {
        self.syncs.lock().failures
    }

    /// Returns when all that was written before the call is durable. Fails where a sync has failed since `failures` was noted.
    pub(crate) fn sync_fs(&self, failures: Failures) -> Result<(), Problem> {
        let mut state = self.syncs.lock();
        // One that runs already may have passed by what was written last.
        let covering = state.begun + 1;
        loop {
            match &state.failed {
                Some(problem) if state.failures != failures => return Err(problem.clone()),
                _ if state.done >= covering => return Ok(()),
                _ if state.is_running => state = self.syncs.ended.wait(state).unwrap_or_else(PoisonError::into_inner),
                _ => state = self.sync_now(state),
            }
        }
    }

    fn sync_now<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.is_running = true;
        state.begun += 1;
        let number = state.begun;
        drop(state);
        let synced = self.fs.sync_fs();
        let mut state = self.syncs.lock();
        state.is_running = false;
        match synced {
            Ok(()) => state.done = number,
            Err(error) => {
                state.failures.0 += 1;
                state.failed = Some(problem::of_fs(self.side, &error));
            }
        }
        self.syncs.ended.notify_all();
        state
    }
}
