//! An endpoint's index: rows, the journal of changes, and the feed made from it.

use std::path::Path;

use causeway_sync::{Epoch, Replica, Seq};

use crate::directories::Directories;
use crate::store::{Format, Store};
use crate::{IndexError, Origin, StoreError};

mod feed;
mod journal;
mod moves;
mod moving;
mod read;
mod row;
mod state;
mod trust;
mod write;

use moves::Moves;
pub use row::{Counts, DirId, Durability, Fingerprint, Identity, Journal, Row, SyncMark, Window};
use state::State;

/// Numbers told before an unexpected end, and not committed, must not be given to other changes afterwards. No transaction
/// holds as many changes as this.
const SEQ_LEAP: u64 = 1 << 24;

const FORMAT: Format = Format {
    application_id: i32::from_be_bytes(*b"CwIx"),
    version: 2,
    // `rows.large` is the digest of a large file; `dirs` finds a directory by its id or inode; `gone` finds the newest entry of the
    // journal that says that nothing stands at a key.
    schema: "
        CREATE TABLE rows (
            dir INTEGER NOT NULL, name BLOB NOT NULL, seq INTEGER NOT NULL, id INTEGER, large BLOB, data BLOB NOT NULL,
            PRIMARY KEY (dir, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX rows_large ON rows (large) WHERE large IS NOT NULL;
        CREATE TABLE dirs (
            id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, name BLOB NOT NULL,
            device INTEGER NOT NULL, inode INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX dirs_inode ON dirs (inode, device);
        CREATE TABLE journal (
            seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, dir INTEGER NOT NULL, name BLOB NOT NULL, data BLOB
        ) STRICT;
        CREATE INDEX journal_moves ON journal (seq) WHERE kind IN (4, 20);
        CREATE TABLE gone (
            dir INTEGER NOT NULL, name BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (dir, name)
        ) STRICT, WITHOUT ROWID;
    ",
};

/// An endpoint's index: a cache of its file system, and a journal of what changed.
///
/// The first write opens a transaction, [`commit`](Self::commit) ends it; reads see what is written and not yet committed.
/// Dropping an index without [`close`](Self::close) is like the end of the process: what isn't committed is lost, which is
/// harmless, because the next crawl finds it again. After an error of a write or a commit, all that isn't committed is taken
/// back; then the caller crawls again, and the session begins again from the ledger.
pub struct Index {
    store: Store,
    state: State,
    directories: Directories,
    moves: Moves,
    origin: Origin,
    /// Whether what stands in memory is no longer what stands in the file, after an error.
    stale: bool,
}

impl Index {
    /// Opens an index, or makes it where there is none. One that is damaged or of another version is set aside and a new one begun.
    ///
    /// `boot_id` tells one run of the operating system from another: after a power cut, the rows whose content may not have
    /// reached the disk lose their fingerprints.
    pub fn open(path: &Path, boot_id: [u8; 16], identity: impl FnOnce() -> Identity) -> Result<Self, IndexError> {
        let identity = identity();
        match Self::open_store(path, boot_id, identity) {
            // Damage that the check of the file doesn't see. It has left its mark, so the file is set aside now.
            Err(StoreError::Damaged { .. }) => Ok(Self::open_store(path, boot_id, identity)?),
            other => Ok(other?),
        }
    }

    fn open_store(path: &Path, boot_id: [u8; 16], identity: Identity) -> Result<Self, StoreError> {
        let (store, origin) = Store::open(path, &FORMAT)?;
        let mut index = Self {
            store,
            state: State::new(identity, boot_id),
            directories: Directories::default(),
            moves: Moves::default(),
            origin,
            stale: false,
        };
        if index.origin == Origin::Existing {
            index.load()?;
            // A power cut may have taken back that the file was written to after it was closed in good order.
            if !index.store.was_clean() || index.state.boot_id != boot_id {
                index.state.seq.0 += SEQ_LEAP;
            }
            index.distrust_after_power_cut(boot_id)?;
        }
        index.store.begin()?;
        index.state.write(&index.store)?;
        index.store.commit()?;
        // Before a number is told, the next power cut must not lead back to where it isn't used yet.
        index.store.harden()?;
        Ok(index)
    }

    /// Reads into memory what the file says.
    fn load(&mut self) -> Result<(), StoreError> {
        self.directories.forget_all();
        let used = (self.state.seq, self.state.next_dir);
        self.state = State::read(&self.store)?;
        self.moves = self.load_moves()?;
        // Numbers that were told aren't used again.
        self.state.seq = self.state.seq.max(used.0);
        self.state.next_dir = self.state.next_dir.max(used.1);
        Ok(())
    }

    /// Commits, durably, and notes that all is in order, so that the next opening needs no check. It can be written to again.
    pub fn close(&mut self) -> Result<(), IndexError> {
        self.commit(Durability::Process)?;
        Ok(self.store.settle()?)
    }

    /// Ends the transaction, if there is one.
    pub fn commit(&mut self, durability: Durability) -> Result<(), IndexError> {
        if self.store.writing()
            && let Err(error) = self.state.write(&self.store).and_then(|()| self.store.commit())
        {
            self.take_back();
            return Err(error.into());
        }
        match durability {
            Durability::Process => Ok(()),
            Durability::Power => Ok(self.store.harden()?),
        }
    }

    /// Does something within the transaction. An error of the file takes the transaction back.
    fn write<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, IndexError>) -> Result<T, IndexError> {
        if self.stale {
            self.load()?;
            self.stale = false;
        }
        let done = self.store.begin().map_err(IndexError::from).and_then(|()| work(self));
        if let Err(IndexError::Store(_)) = done {
            self.take_back();
        }
        done
    }

    fn take_back(&mut self) {
        // Where even this fails it is tried again before the next write; until then nothing is written.
        self.stale = self.store.roll_back().and_then(|()| self.load()).is_err();
    }

    /// Whether the index was there when it was opened.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Which copy of the share it describes.
    pub fn replica(&self) -> Replica {
        self.state.identity.replica
    }

    /// Which history its numbers belong to.
    pub fn epoch(&self) -> Epoch {
        self.state.identity.epoch
    }

    /// The newest change.
    pub fn seq(&self) -> Seq {
        self.state.seq
    }

    /// The newest change that was acknowledged.
    pub fn acknowledged(&self) -> Seq {
        self.state.acknowledged
    }

    /// Whether the operating system has started anew since [`note_whole_look_absorbed`](Self::note_whole_look_absorbed): what was
    /// told before may never have reached the disk.
    pub fn rebooted(&self) -> bool {
        self.state.rebooted
    }

    /// Notes that a session has taken account of all that a look at everything found.
    pub fn note_whole_look_absorbed(&mut self) -> Result<(), IndexError> {
        if !self.state.rebooted {
            return Ok(());
        }
        self.write(|index| {
            index.state.rebooted = false;
            Ok(())
        })
    }

    /// How much it holds. Costs nothing.
    pub fn counts(&self) -> Counts {
        self.state.counts
    }
}

#[cfg(test)]
mod tests {
    use causeway_sync::{Entry, NameBuf};

    use super::*;

    /// As many directories as the file has room for.
    fn fill(index: &mut Index, room: bool) -> Result<u64, IndexError> {
        let before = index.counts().directories;
        index.store.limit_pages(if room { u32::MAX } else { 30 })?;
        for number in 0..3000 {
            let name = NameBuf::new(format!("{number}").into_bytes()).expect("digits are a name");
            index.put(DirId::ROOT, &name, Entry::Directory, Fingerprint::UNKNOWN, Journal::Foreign)?;
            if number == 99 {
                index.commit(Durability::Process)?;
            }
        }
        index.commit(Durability::Process)?;
        Ok(index.counts().directories - before)
    }

    #[test]
    fn a_full_disk_takes_back_what_is_not_committed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let mut index = Index::open(&path, [0; 16], Identity::random).unwrap();
        let error = fill(&mut index, false).unwrap_err();
        assert!(matches!(error, IndexError::Store(StoreError::NoSpace { .. })), "{error:?}");
        assert_eq!(index.counts().directories, 100);
        assert_eq!(index.list(DirId::ROOT, None, 1000).unwrap().len(), 100);
        let told = index.seq();
        assert!(told.0 > 100, "numbers that may have been told aren't given again");
        assert_eq!(fill(&mut index, true).unwrap(), 2900);
        let last = index.list(DirId::ROOT, None, 5000).unwrap().into_iter().map(|(_, row)| row.seq).max();
        assert!(last.unwrap() > told);
        index.close().unwrap();
        drop(index);
        let index = Index::open(&path, [0; 16], Identity::random).unwrap();
        assert_eq!((index.origin(), index.counts().directories), (&Origin::Existing, 3000));
    }
}
