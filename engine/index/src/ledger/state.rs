//! The ledger's numbers, written with each commit.

use causeway_sync::Seq;
use causeway_sync::ledger::{Hold, Holds, Moved, Peers};
use serde::{Deserialize, Serialize};

use crate::store::Store;
use crate::{DirId, StoreError};

/// All that a ledger knows beside its tables.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub peers: Option<Peers>,
    /// What is absorbed of the host.
    pub host: Seq,
    /// What is absorbed of the guest.
    pub guest: Seq,
    /// The next directory's number.
    pub next_dir: u64,
    /// How many entries are agreed, without the root.
    pub agreed: u64,
    /// Moves that a side may still tell of.
    pub moves: Vec<Moved>,
    conflicts: u64,
    problems: u64,
    one_sided: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            peers: None,
            host: Seq(0),
            guest: Seq(0),
            next_dir: DirId::ROOT.0 + 1,
            agreed: 0,
            moves: Vec::new(),
            conflicts: 0,
            problems: 0,
            one_sided: 0,
        }
    }
}

impl State {
    /// Those of an empty ledger that belongs to `peers`.
    pub fn new(peers: Peers) -> Self {
        Self { peers: Some(peers), ..Self::default() }
    }

    /// The numbers of the last commit.
    pub fn read(store: &Store) -> Result<Self, StoreError> {
        let data = store.owner_state()?.ok_or_else(|| store.nonsense("read its numbers", "they are missing"))?;
        postcard::from_bytes(&data).map_err(|_| store.nonsense("read its numbers", "they can't be decoded"))
    }

    pub fn write(&self, store: &Store) -> Result<(), StoreError> {
        store.write_owner_state(&postcard::to_stdvec(self).expect("plain numbers can be encoded"))
    }

    pub fn holds(&self) -> Holds {
        Holds { conflicts: self.conflicts, problems: self.problems, one_sided: self.one_sided }
    }

    /// The number of diverged paths that are held like this one.
    pub fn count_of(&mut self, hold: &Hold) -> &mut u64 {
        match hold {
            Hold::Conflict => &mut self.conflicts,
            Hold::Problem(_) => &mut self.problems,
            Hold::OneSided => &mut self.one_sided,
        }
    }
}
