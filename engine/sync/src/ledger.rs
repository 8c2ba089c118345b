//! What both sides have agreed on, and where they have not.
//!
//! The session reads and writes the ledger; the caller keeps it on disk. It is a tree of agreed entries (the ancestor) and a
//! list of diverged paths. A path that isn't in the list is, on each side, what the ancestor says.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::change::{Epoch, Replica, Seq};
use crate::plan::{Action, Operation, Problem};
use crate::{Digest, Entry, File, Name, NameBuf, RelPath, RelPathBuf, Side};

/// A path at which a side differs from the ancestor, and stays so until something happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diverged {
    /// What stands there on the host.
    pub host: Option<Entry>,
    /// What stands there in the guest.
    pub guest: Option<Entry>,
    /// Why it stays.
    pub hold: Hold,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
}

impl Diverged {
    /// What stands there on `side`.
    pub fn on(&self, side: Side) -> Option<&Entry> {
        match side {
            Side::Host => self.host.as_ref(),
            Side::Guest => self.guest.as_ref(),
        }
    }
}

/// Why a path stays diverged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// A person decides.
    Conflict,
    /// It is tried again when something changes or some time has passed.
    Problem(Problem),
    /// The share's mode or patterns say that this side's content isn't to cross. Not a fault.
    OneSided,
}

/// A change to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// Both sides durably hold this (`None`: nothing) at the path. Where it isn't a directory, nothing is agreed below.
    /// The directory above is agreed already.
    Agree(RelPathBuf, Option<Entry>),
    /// Both sides have moved a directory: the agreed tree and the diverged paths below go along.
    Move(Moved),
    /// The path is diverged, or (`None`) no longer. Entries on the list below the path are not touched.
    Diverge(RelPathBuf, Option<Diverged>),
}

/// Which histories the ledger belongs to. If one of the three numbers isn't what it was, agreement can't be told from chance, and
/// the ledger starts anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    /// The host's index.
    pub host: Epoch,
    /// The guest's index.
    pub guest: Epoch,
    /// The guest's copy.
    pub guest_replica: Replica,
}

/// How often each kind of hold stands in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Conflicts.
    pub conflicts: u64,
    /// Problems.
    pub problems: u64,
    /// Paths that stay on one side by the share's rules.
    pub one_sided: u64,
}

/// What a batch under way would leave, by the session that sends it, and by those who carry it out. When that is told after the end of the process that planned it, this says whose doing it is:
/// both sides held it then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// This would stand there.
    Leave {
        /// On which side.
        side: Side,
        /// Where.
        path: RelPathBuf,
        /// What; a file's digest may be unknown.
        entry: Option<Entry>,
        /// The newest change of that side that was known when it was noted: what stood there as of then stood there before.
        as_of: Seq,
    },
    /// The directory would be moved, and with it what was left in it.
    Move {
        /// On which side; the other one has moved it.
        side: Side,
        /// Where it stands.
        from: RelPathBuf,
        /// Where it would.
        to: RelPathBuf,
        /// The change by which the other side has.
        as_of: Seq,
    },
    /// The file that would be left there, its digest being unknown, has been read. Whoever reads it notes so before it can be put in
    /// place.
    Read {
        /// On which side it would stand.
        side: Side,
        /// Where.
        path: RelPathBuf,
        /// Its digest.
        digest: Digest,
    },
}

impl Intent {
    /// What is to be noted when the content for an action has been read; nothing where it was known before.
    pub fn read(side: Side, action: &Action, read: &File) -> Option<Self> {
        match &action.operation {
            Operation::File { file, .. } if file.digest.is_none() => {
                Some(Self::Read { side, path: action.path.clone(), digest: read.digest? })
            }
            _ => None,
        }
    }

    /// What of `noted` tells of the content of those that are `left`.
    pub fn reads_of(left: &[Self], noted: Vec<Self>) -> Vec<Self> {
        let unread: HashSet<_> = left
            .iter()
            .filter_map(|intent| match intent {
                Self::Leave { side, path, entry: Some(Entry::File(File { digest: None, .. })), .. } => {
                    Some((side, path))
                }
                _ => None,
            })
            .collect();
        let is_of_them = |intent: &Self| match intent {
            Self::Read { side, path, .. } => unread.contains(&(side, path)),
            Self::Leave { .. } | Self::Move { .. } => false,
        };
        noted.into_iter().filter(is_of_them).collect()
    }
}

/// A directory that both sides have moved. What a side tells as of before that speaks of the old place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Where it stood.
    pub from: RelPathBuf,
    /// Where it stands.
    pub to: RelPathBuf,
    /// The changes by which the host and the guest have moved it.
    pub as_of: [Seq; 2],
}

/// A ledger couldn't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the ledger: {doing}")]
pub struct LedgerError {
    /// What was being done.
    pub doing: &'static str,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Where the session keeps what both sides agreed on.
///
/// Reads see all updates committed before. A commit is all or nothing. When it returns from `commit`, the update survives the end
/// of the process; whether it also survives a power cut may be settled later, in the order of the commits.
pub trait Ledger {
    /// The histories it belongs to; `None` while it is new.
    fn peers(&self) -> Result<Option<Peers>, LedgerError>;
    /// Forgets everything and belongs to `peers` from now on, with nothing absorbed of either side.
    fn start_anew(&mut self, peers: Peers) -> Result<(), LedgerError>;
    /// The newest change of `side` that agreed entries and diverged paths take account of.
    fn absorbed(&self, side: Side) -> Result<Seq, LedgerError>;

    /// What is agreed at a path. The root is always a directory.
    fn agreed(&self, path: &RelPath) -> Result<Option<Entry>, LedgerError>;
    /// What is agreed right below a directory, by name, after `after`, at most `limit`.
    fn agreed_children(
        &self,
        path: &RelPath,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(NameBuf, Entry)>, LedgerError>;
    /// The moves that a side may still tell of, oldest first: those of which one of the changes isn't absorbed.
    fn moves(&self) -> Result<Vec<Moved>, LedgerError>;
    /// How many entries are agreed at and below a path, counted up to `limit`.
    fn agreed_count(&self, path: &RelPath, limit: u64) -> Result<u64, LedgerError>;
    /// How many entries are agreed in all. Costs nothing.
    fn agreed_total(&self) -> Result<u64, LedgerError>;
    /// A path at which a file with this content is agreed, if one is known. May know only large files.
    fn find_content(&self, digest: &Digest) -> Result<Option<RelPathBuf>, LedgerError>;

    /// The diverged path, if it is one.
    fn diverged(&self, path: &RelPath) -> Result<Option<Diverged>, LedgerError>;
    /// Diverged paths at and below `path`, in order, after `after`, at most `limit`.
    fn diverged_below(
        &self,
        path: &RelPath,
        after: Option<&RelPath>,
        limit: usize,
    ) -> Result<Vec<(RelPathBuf, Diverged)>, LedgerError>;
    /// How many there are of each kind. Costs nothing.
    fn holds(&self) -> Result<Holds, LedgerError>;

    /// Carries out `updates` in their order and notes what has been absorbed of the host and of the guest.
    fn commit(&mut self, updates: &[Update], host: Seq, guest: Seq) -> Result<(), LedgerError>;

    /// Notes what is about to be carried out. It survives the end of the process; a power cut may take all of it or the newest part.
    fn intend(&mut self, intents: &[Intent]) -> Result<(), LedgerError>;
    /// What was noted.
    fn intents(&mut self) -> Result<Vec<Intent>, LedgerError>;
    /// Only these are left to note, with what was noted of their content: the ledger takes account of all others.
    fn retain_intents(&mut self, left: &[Intent]) -> Result<(), LedgerError>;
}
