//! Writing what a look found, if nothing has come between.

use std::sync::Arc;

use causeway_index::{DirId, IndexError, Journal, Row};
use causeway_sync::ignore::SYNCIGNORE_NAME;
use causeway_sync::{Entry, Name, NameBuf, RelPath, RelPathBuf};

use super::Scan;
use super::examine::Finding;
use crate::endpoint::State;
use crate::fs::Fs;
use crate::settings::Look;

/// When a path is looked at again at which an action is under way, in milliseconds.
const IN_FLIGHT_MS: u64 = 20;

/// What a look found at one path, with the row that it read before.
pub(super) struct Found {
    pub dir: DirId,
    pub name: NameBuf,
    pub path: RelPathBuf,
    pub row: Option<Row>,
    pub what: What,
}

/// What is to be written.
pub(super) enum What {
    /// As examined.
    Finding(Finding),
    /// Nothing stands there any more.
    Gone,
    /// It is ignored.
    Ignored,
}

/// Whether something was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It was; this is the row now.
    Row(Option<Row>),
    /// Something has come between: it will be looked at again.
    Overtaken,
}

impl<F: Fs> Scan<'_, F> {
    /// Writes several findings under one lock.
    pub(super) fn write_all(&mut self, found: &mut Vec<Found>) -> Result<(), IndexError> {
        let ep = self.ep;
        let mut state = ep.lock();
        for found in found.drain(..) {
            self.write_locked(&mut state, &found)?;
        }
        Ok(())
    }

    pub(super) fn write(&mut self, found: &Found) -> Result<Written, IndexError> {
        let ep = self.ep;
        let mut state = ep.lock();
        self.write_locked(&mut state, found)
    }

    fn write_locked(&mut self, state: &mut State, found: &Found) -> Result<Written, IndexError> {
        let Found { dir, name, path, row, what } = found;
        if matches!(what, What::Finding(Finding::Same | Finding::Undecided)) {
            return Ok(Written::Row(row.clone()));
        }
        if !self.is_current(state, *dir, name, path, row.as_ref())? {
            if state.flights.is_busy(path) {
                // An action may take a while: there is no use in looking all the time.
                self.look_again_at(path, self.now_ms + IN_FLIGHT_MS);
            } else {
                self.ep.dirty_locked(state, path, Look::Again);
            }
            return Ok(Written::Overtaken);
        }
        let mut now = row.clone();
        let written = match what {
            What::Finding(Finding::Put(entry, fingerprint)) => {
                let put = state.index.put(*dir, name, entry.clone(), *fingerprint, Journal::Foreign);
                put.map(|put| now = Some(put))
            }
            What::Finding(Finding::Refresh(fingerprint)) => {
                if let Some(row) = &mut now {
                    row.fingerprint = *fingerprint;
                }
                state.index.refresh(*dir, name, *fingerprint).map(|_| ())
            }
            What::Finding(Finding::Same | Finding::Undecided) => Ok(()),
            What::Gone => {
                now = None;
                state.index.remove(*dir, name, Journal::Foreign).map(|_| ())
            }
            What::Ignored => {
                now = None;
                state.index.forget(*dir, name).map(|_| ())
            }
        };
        self.ep.check_write(state, written)?;
        let differs = !matches!(what, What::Finding(Finding::Refresh(_)));
        state.rules_changed |= differs && path.as_bytes() == SYNCIGNORE_NAME.as_bytes();
        state.wrote()?;
        Ok(Written::Row(now))
    }

    /// Whether the row is the one that was read, no flight has come near the path since, and the rules are the same.
    pub(super) fn is_current(
        &self,
        state: &State,
        dir: DirId,
        name: &Name,
        path: &RelPath,
        row: Option<&Row>,
    ) -> Result<bool, IndexError> {
        if state.flights.crossed(path, self.since) || !Arc::ptr_eq(&self.rules, &state.rules) {
            return Ok(false);
        }
        match state.index.get(dir, name) {
            Ok(now) => Ok(now.as_ref() == row && state.index.dir_row(dir)?.is_some()),
            Err(IndexError::NoDirectory(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a row for a directory that is ignored itself but holds something that isn't.
    pub(super) fn put_parent(
        &mut self,
        dir: DirId,
        name: &Name,
        path: &RelPath,
        inode: u64,
    ) -> Result<Option<DirId>, IndexError> {
        let fingerprint = causeway_index::Fingerprint { inode, ..causeway_index::Fingerprint::UNKNOWN };
        let found = Found {
            dir,
            name: name.to_owned(),
            path: path.to_owned(),
            row: None,
            what: What::Finding(Finding::Put(Entry::Directory, fingerprint)),
        };
        Ok(match self.write(&found)? {
            Written::Row(row) => row.and_then(|row| row.id),
            Written::Overtaken => None,
        })
    }
}
