//! The index's numbers, written with each commit.

use causeway_sync::Seq;
use serde::{Deserialize, Serialize};

use super::{Counts, DirId, Fingerprint, Identity};
use crate::StoreError;
use crate::store::Store;

/// All that an index knows beside its tables.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub identity: Identity,
    /// The newest change.
    pub seq: Seq,
    /// The newest change of somebody else's.
    pub foreign_seq: Seq,
    /// The newest acknowledged change.
    pub acknowledged: Seq,
    /// The next directory's number.
    pub next_dir: u64,
    /// How many rows the table `gone` has.
    pub gone: u64,
    /// Between which two syncs of the file system rows are written now.
    pub generation: u64,
    /// Up to which generation rows describe what is durable.
    pub durable_generation: u64,
    /// In which generation a row was written last.
    pub written_generation: u64,
    /// In which run of the operating system the index was opened last.
    pub boot_id: [u8; 16],
    /// It has begun a new run since a session last took account of a look at everything.
    pub rebooted: bool,
    pub counts: Counts,
    /// How the root looked.
    pub root: Fingerprint,
}

impl State {
    pub fn new(identity: Identity, boot_id: [u8; 16]) -> Self {
        Self {
            identity,
            seq: Seq(0),
            foreign_seq: Seq(0),
            acknowledged: Seq(0),
            next_dir: DirId::ROOT.0 + 1,
            gone: 0,
            generation: 1,
            durable_generation: 0,
            written_generation: 0,
            boot_id,
            rebooted: false,
            counts: Counts::default(),
            root: Fingerprint::UNKNOWN,
        }
    }

    /// The numbers of the last commit, or what the open transaction has written of them.
    pub fn read(store: &Store) -> Result<Self, StoreError> {
        let data = store.owner_state()?.ok_or_else(|| store.nonsense("read its numbers", "they are missing"))?;
        postcard::from_bytes(&data).map_err(|_| store.nonsense("read its numbers", "they can't be decoded"))
    }

    pub fn write(&self, store: &Store) -> Result<(), StoreError> {
        store.write_owner_state(&postcard::to_stdvec(self).expect("plain numbers can be encoded"))
    }

    /// Whether a change is one that may still be asked for.
    pub fn pending(&self, seq: Seq) -> bool {
        seq > self.acknowledged
    }
}
