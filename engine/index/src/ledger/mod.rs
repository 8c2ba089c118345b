//! The session's ledger on disk.

use std::path::Path;

use causeway_sync::ledger::{Diverged, Holds, Intent, LedgerError, Moved, Peers, Update};
use causeway_sync::{Digest, Entry, Ledger, Name, NameBuf, RelPath, RelPathBuf, Seq, Side};

use crate::directories::Directories;
use crate::store::{Format, Store};
use crate::{Origin, StoreError};

mod agreed;
mod diverged;
mod intents;
mod state;

pub use intents::IntentLog;
use state::State;

const FORMAT: Format = Format {
    application_id: i32::from_be_bytes(*b"CwLe"),
    version: 2,
    // `rows` are the agreed entries, `rows.large` the digest of a large file; `diverged.path` has NUL for the slash, so that its
    // order is that of paths.
    schema: "
        CREATE TABLE rows (
            dir INTEGER NOT NULL, name BLOB NOT NULL, id INTEGER, large BLOB, data BLOB NOT NULL, PRIMARY KEY (dir, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX rows_large ON rows (large) WHERE large IS NOT NULL;
        CREATE TABLE dirs (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, name BLOB NOT NULL) STRICT;
        CREATE TABLE diverged (path BLOB PRIMARY KEY, data BLOB NOT NULL) STRICT, WITHOUT ROWID;
    ",
};

/// A ledger in a SQLite file.
///
/// A commit survives the end of the process when it returns. A power cut may take the newest commits back, in their order, but
/// for those before the last [`harden`](Self::harden): harden before a side is told to forget what has been absorbed.
pub struct LedgerStore {
    store: Store,
    state: State,
    directories: Directories,
    intents: IntentLog,
    origin: Origin,
    /// Whether what stands in memory is no longer what stands in the file, after an error.
    stale: bool,
}

impl LedgerStore {
    /// Opens a ledger, or makes it where there is none. One that is damaged or of another version is set aside and a new one begun:
    /// the session then starts anew, and nothing is deleted on either side.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        match Self::open_store(path) {
            // Damage that the check of the file doesn't see. It has left its mark, so the file is set aside now.
            Err(StoreError::Damaged { .. }) => Self::open_store(path),
            other => other,
        }
    }

    /// The log of intents, for those who read the content of what the session sends.
    pub fn intent_log(&self) -> IntentLog {
        self.intents.clone()
    }

    fn open_store(path: &Path) -> Result<Self, StoreError> {
        let (store, origin) = Store::open(path, &FORMAT)?;
        let mut ledger = Self {
            store,
            state: State::default(),
            directories: Directories::default(),
            intents: IntentLog::open(path)?,
            origin,
            stale: false,
        };
        match ledger.origin {
            Origin::Existing => ledger.load()?,
            Origin::Fresh | Origin::Replaced { .. } => {
                ledger.store.begin()?;
                ledger.state.write(&ledger.store)?;
                ledger.store.commit()?;
            }
        }
        Ok(ledger)
    }

    /// Whether the ledger was there when it was opened.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Makes all commits so far survive a power cut.
    pub fn harden(&self) -> Result<(), StoreError> {
        self.store.harden()
    }

    /// Brings SQLite's log of writes back into the file. To be called when nothing else is to be done: it may take some 10 ms.
    pub fn maintain(&self) -> Result<(), StoreError> {
        self.store.tidy()
    }

    fn load(&mut self) -> Result<(), StoreError> {
        self.directories.forget_all();
        self.state = State::read(&self.store)?;
        Ok(())
    }

    /// Does something in a transaction of its own: all of it or nothing.
    fn write(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), LedgerError> {
        let done = self.write_now(work);
        if done.is_err() {
            // Where even this fails it is tried again before the next write; until then nothing is written.
            self.stale = self.store.roll_back().and_then(|()| self.load()).is_err();
        }
        done.map_err(|failure| LedgerError { doing, source: failure.into() })
    }

    fn write_now(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Failure>) -> Result<(), Failure> {
        if self.stale {
            self.load()?;
            self.stale = false;
        }
        self.store.begin()?;
        work(self)?;
        self.state.write(&self.store)?;
        Ok(self.store.commit()?)
    }

    fn update(&mut self, update: &Update) -> Result<(), Failure> {
        match update {
            Update::Agree(path, entry) => self.agree(path, entry.as_ref()),
            Update::Move(moved) => {
                let Moved { from, to, .. } = moved;
                if from == to {
                    return Ok(());
                }
                if to.starts_with(from) || from.starts_with(to) {
                    return Err(Failure::Nested(from.clone()));
                }
                self.move_agreed(from, to)?;
                self.move_diverged(from, to)?;
                self.state.moves.push(moved.clone());
                Ok(())
            }
            Update::Diverge(path, diverged) => Ok(self.set_diverged(path, diverged.as_ref())?),
        }
    }
}

impl Drop for LedgerStore {
    fn drop(&mut self) {
        // Without this note the next opening checks the file, that is all.
        let _ = self.store.settle();
    }
}

/// Why a ledger couldn't do something.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the directory that holds {0:?} isn't agreed")]
    NoDirectory(RelPathBuf),
    #[error("the root can't be anything but a directory")]
    Root,
    #[error("{0:?} can't be moved into itself, nor over what holds it")]
    Nested(RelPathBuf),
}

fn failing(doing: &'static str) -> impl Fn(StoreError) -> LedgerError {
    move |error| LedgerError { doing, source: error.into() }
}

impl Ledger for LedgerStore {
    fn peers(&self) -> Result<Option<Peers>, LedgerError> {
        Ok(self.state.peers)
    }

    fn start_anew(&mut self, peers: Peers) -> Result<(), LedgerError> {
        self.retain_intents(&[])?;
        self.write("start anew", |ledger| {
            for table in ["DELETE FROM rows", "DELETE FROM dirs", "DELETE FROM diverged"] {
                ledger.store.execute("empty a table", table, [])?;
            }
            ledger.directories.forget_all();
            ledger.state = State::new(peers);
            Ok(())
        })
    }

    fn absorbed(&self, side: Side) -> Result<Seq, LedgerError> {
        Ok(match side {
            Side::Host => self.state.host,
            Side::Guest => self.state.guest,
        })
    }

    fn agreed(&self, path: &RelPath) -> Result<Option<Entry>, LedgerError> {
        self.agreed_at(path).map_err(failing("look up what is agreed"))
    }

    fn agreed_children(
        &self,
        path: &RelPath,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(NameBuf, Entry)>, LedgerError> {
        self.agreed_in(path, after, limit).map_err(failing("list what is agreed"))
    }

    fn agreed_count(&self, path: &RelPath, limit: u64) -> Result<u64, LedgerError> {
        self.count_agreed(path, limit).map_err(failing("count what is agreed"))
    }

    fn agreed_total(&self) -> Result<u64, LedgerError> {
        Ok(self.state.agreed)
    }

    fn moves(&self) -> Result<Vec<Moved>, LedgerError> {
        Ok(self.state.moves.clone())
    }

    fn find_content(&self, digest: &Digest) -> Result<Option<RelPathBuf>, LedgerError> {
        self.directories.find_content(&self.store, digest).map_err(failing("find a file by its content"))
    }

    fn diverged(&self, path: &RelPath) -> Result<Option<Diverged>, LedgerError> {
        self.diverged_at(path).map_err(failing("look up a diverged path"))
    }

    fn diverged_below(
        &self,
        path: &RelPath,
        after: Option<&RelPath>,
        limit: usize,
    ) -> Result<Vec<(RelPathBuf, Diverged)>, LedgerError> {
        self.list_diverged(path, after, limit).map_err(failing("list diverged paths"))
    }

    fn holds(&self) -> Result<Holds, LedgerError> {
        Ok(self.state.holds())
    }

    fn commit(&mut self, updates: &[Update], host: Seq, guest: Seq) -> Result<(), LedgerError> {
        self.write("commit", |ledger| {
            for update in updates {
                ledger.update(update)?;
            }
            (ledger.state.host, ledger.state.guest) = (host, guest);
            ledger.state.moves.retain(|moved| moved.as_of[0] > host || moved.as_of[1] > guest);
            Ok(())
        })
    }

    fn intend(&mut self, intents: &[Intent]) -> Result<(), LedgerError> {
        self.intents.append(intents).map_err(failing("note what is intended"))
    }

    fn intents(&mut self) -> Result<Vec<Intent>, LedgerError> {
        self.intents.intents().map_err(failing("read what was intended"))
    }

    fn retain_intents(&mut self, left: &[Intent]) -> Result<(), LedgerError> {
        self.intents.retain(left).map_err(failing("forget what was intended"))
    }
}
