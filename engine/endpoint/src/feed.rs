//! The feed: what the session is told.

use std::sync::{Arc, PoisonError};

use causeway_index::{Durability, IndexError};
use causeway_sync::{Change, Changes, RelPath, Seq};

use crate::endpoint::{Endpoint, State};
use crate::fs::Fs;

/// What an asker wants to be told.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry {
    after: Seq,
    limit: usize,
    /// Up to here there is nothing to tell: the endpoint's own changes aren't gone through again with each that follows.
    silent: Seq,
}

impl Inquiry {
    /// What has changed after `after`, at most `limit` changes.
    pub fn new(after: Seq, limit: usize) -> Self {
        Self { after, limit, silent: after }
    }
}

impl<F: Fs> Endpoint<F> {
    /// What has changed after `after`, at most `limit` changes. May be empty though there is more behind `upto`.
    pub fn changes(&self, after: Seq, limit: usize) -> Result<Changes, IndexError> {
        let mut state = self.lock();
        let (changes, _) = window(&state, after, limit)?;
        state.keep_moves(&changes)?;
        Ok(changes)
    }

    /// What there is to tell an asker now: a change after [`Inquiry::after`], or an empty window where one [is owed](Self::owe_changes), or
    /// that all has been looked at, if the asker doesn't know that yet. Where it is nothing, [`Self::on_news`] tells when to ask again.
    pub fn news(&self, asked: &mut Inquiry, knows_crawled: bool) -> Result<Option<Changes>, IndexError> {
        let mut state = self.lock();
        let changes = next_changes(&state, asked.silent, asked.limit)?;
        let owed = asked.after < state.owed && changes.upto >= state.owed;
        if !changes.changes.is_empty() || (changes.crawled && !knows_crawled) || owed {
            state.keep_moves(&changes)?;
            return Ok(Some(changes));
        }
        asked.silent = changes.upto;
        Ok(None)
    }

    /// Lets `tell` be called whenever there may be something new to tell. It holds up who found it, and may ask for [`Self::news`].
    pub fn on_news(&self, tell: impl Fn() + Send + Sync + 'static) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(tell));
    }

    /// To be called without the endpoint's lock.
    pub(crate) fn tell_news(&self) {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(tell) = listener {
            tell();
        }
    }

    /// The newest change. Askers are told of everything up to this one from now on, be it by an empty window
    /// (the endpoint's own changes), so that who needs to have heard of everything up to here does.
    pub fn owe_changes(&self) -> Seq {
        let mut state = self.lock();
        state.owed = state.index.seq();
        let owed = state.owed;
        drop(state);
        self.tell_news();
        owed
    }

    /// Changes up to `seq` won't be asked for again.
    pub fn acknowledge(&self, seq: Seq) -> Result<(), IndexError> {
        let mut state = self.lock();
        let seq = seq.min(state.index.seq());
        let is_whole = state.crawled.is_some_and(|all| seq >= all);
        let mut written = state.index.acknowledge(seq);
        if is_whole && written.is_ok() {
            written = state.index.note_whole_look_absorbed();
        }
        self.check_write(&mut state, written)?;
        state.uncommitted += 1;
        Ok(())
    }

    /// Puts everything known at and below a path into the feed.
    pub fn relist(&self, path: &RelPath) -> Result<(), IndexError> {
        let mut state = self.lock();
        for name in state.renames.names_by_now(path) {
            state.index.touch_below(&name)?;
        }
        // All that is known is told once more before anybody may think that all has been told.
        state.crawled = state.crawled.map(|_| state.index.seq());
        state.wrote()?;
        drop(state);
        self.tell_news();
        Ok(())
    }
}

impl State {
    /// The other side will rename just so. If this side's process ended and forgot, what it told next would not follow from that.
    fn keep_moves(&mut self, told: &Changes) -> Result<(), IndexError> {
        let moved = told.changes.iter().any(|change| matches!(change, Change::Moved { .. }));
        if moved { self.commit(Durability::Process) } else { Ok(()) }
    }
}

/// The next window that isn't empty, or the last one.
fn next_changes(state: &State, mut after: Seq, limit: usize) -> Result<Changes, IndexError> {
    loop {
        let (changes, more) = window(state, after, limit)?;
        if !changes.changes.is_empty() || !more {
            return Ok(changes);
        }
        after = changes.upto;
    }
}

/// A window, and whether there is more after it.
fn window(state: &State, after: Seq, limit: usize) -> Result<(Changes, bool), IndexError> {
    if state.crawled.is_none() && state.index.rebooted() {
        // What the index says may never have reached the disk: nobody hears of it before that has been looked at.
        return Ok((Changes { changes: Vec::new(), upto: after, as_of: after, crawled: false }, false));
    }
    let window = state.index.changes(after, limit, state.own_after)?;
    let crawled = !window.more && state.crawled.is_some_and(|all| window.upto >= all);
    // What a window tells holds as of its newest change, whatever has happened since.
    let changes = Changes { changes: window.changes, upto: window.upto, as_of: window.upto, crawled };
    Ok((changes, window.more))
}
