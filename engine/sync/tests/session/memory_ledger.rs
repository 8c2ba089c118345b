//! The ledger's contract in its most obvious form: whole paths in two maps.

use std::cell::RefCell;
use std::collections::BTreeMap;

use causeway_sync::ledger::{Diverged, Hold, Holds, Intent, LedgerError, Moved, Peers, Update};
use causeway_sync::{Digest, Entry, Ledger, Name, NameBuf, RelPath, RelPathBuf, Seq, Side};

#[derive(Debug, Default, Clone)]
pub struct MemoryLedger {
    pub peers: Option<Peers>,
    pub absorbed: [Seq; 2],
    pub agreed: BTreeMap<RelPathBuf, Entry>,
    pub diverged: BTreeMap<RelPathBuf, Diverged>,
    pub intents: RefCell<Vec<Intent>>,
    pub moves: Vec<Moved>,
}

impl Ledger for MemoryLedger {
    fn peers(&self) -> Result<Option<Peers>, LedgerError> {
        Ok(self.peers)
    }

    fn start_anew(&mut self, peers: Peers) -> Result<(), LedgerError> {
        *self = Self { peers: Some(peers), ..Self::default() };
        Ok(())
    }

    fn absorbed(&self, side: Side) -> Result<Seq, LedgerError> {
        Ok(self.absorbed[side as usize])
    }

    fn agreed(&self, path: &RelPath) -> Result<Option<Entry>, LedgerError> {
        Ok(if path.is_root() { Some(Entry::Directory) } else { self.agreed.get(path).cloned() })
    }

    fn agreed_children(
        &self,
        path: &RelPath,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(NameBuf, Entry)>, LedgerError> {
        let children = self.agreed.iter().filter(|(at, _)| at.parent() == Some(path));
        let named = children.map(|(at, entry)| (at.file_name().unwrap().to_owned(), entry.clone()));
        Ok(named.filter(|(name, _)| after.is_none_or(|after| **name > *after)).take(limit).collect())
    }

    fn agreed_count(&self, path: &RelPath, limit: u64) -> Result<u64, LedgerError> {
        Ok((self.agreed.keys().filter(|at| at.starts_with(path)).count() as u64).min(limit))
    }

    fn agreed_total(&self) -> Result<u64, LedgerError> {
        Ok(self.agreed.len() as u64)
    }

    fn find_content(&self, digest: &Digest) -> Result<Option<RelPathBuf>, LedgerError> {
        let has = |entry: &Entry| entry.as_file().is_some_and(|f| f.digest.as_ref() == Some(digest));
        Ok(self.agreed.iter().find(|(_, entry)| has(entry)).map(|(at, _)| at.clone()))
    }

    fn diverged(&self, path: &RelPath) -> Result<Option<Diverged>, LedgerError> {
        Ok(self.diverged.get(path).cloned())
    }

    fn diverged_below(
        &self,
        path: &RelPath,
        after: Option<&RelPath>,
        limit: usize,
    ) -> Result<Vec<(RelPathBuf, Diverged)>, LedgerError> {
        let below = self.diverged.iter().filter(|(at, _)| at.starts_with(path) && after.is_none_or(|a| ***at > *a));
        Ok(below.take(limit).map(|(at, diverged)| (at.clone(), diverged.clone())).collect())
    }

    fn holds(&self) -> Result<Holds, LedgerError> {
        let mut holds = Holds::default();
        for diverged in self.diverged.values() {
            match diverged.hold {
                Hold::Conflict => holds.conflicts += 1,
                Hold::Problem(_) => holds.problems += 1,
                Hold::OneSided => holds.one_sided += 1,
            }
        }
        Ok(holds)
    }

    fn commit(&mut self, updates: &[Update], host: Seq, guest: Seq) -> Result<(), LedgerError> {
        for update in updates {
            match update {
                Update::Agree(path, entry) => self.agree(path, entry.clone()),
                Update::Move(moved) => {
                    self.moves.push(moved.clone());
                    let Moved { from, to, .. } = moved;
                    rebase_all(&mut self.agreed, from, to);
                    rebase_all(&mut self.diverged, from, to);
                }
                Update::Diverge(path, Some(diverged)) => drop(self.diverged.insert(path.clone(), diverged.clone())),
                Update::Diverge(path, None) => drop(self.diverged.remove(&**path)),
            }
        }
        self.absorbed = [host, guest];
        self.moves.retain(|moved| moved.as_of[0] > host || moved.as_of[1] > guest);
        Ok(())
    }

    fn moves(&self) -> Result<Vec<Moved>, LedgerError> {
        Ok(self.moves.clone())
    }

    fn intend(&mut self, intents: &[Intent]) -> Result<(), LedgerError> {
        self.intents.get_mut().extend_from_slice(intents);
        Ok(())
    }

    fn intents(&mut self) -> Result<Vec<Intent>, LedgerError> {
        Ok(self.intents.get_mut().clone())
    }

    fn retain_intents(&mut self, left: &[Intent]) -> Result<(), LedgerError> {
        let reads = Intent::reads_of(left, self.intents.take());
        self.intents = RefCell::new([left, &reads].concat());
        Ok(())
    }
}

impl MemoryLedger {
    /// Notes what was read of something that is carried.
    pub fn note(&self, read: Option<Intent>) {
        self.intents.borrow_mut().extend(read);
    }

    fn agree(&mut self, path: &RelPath, entry: Option<Entry>) {
        let directory = entry.as_ref().is_some_and(Entry::is_directory);
        self.agreed.retain(|at, _| !at.starts_with(path) || (directory && **at != *path));
        if let Some(entry) = entry {
            let parent = path.parent().unwrap();
            let stands = parent.is_root() || self.agreed.get(parent).is_some_and(Entry::is_directory);
            assert!(stands, "{path} is agreed before its parent");
            self.agreed.insert(path.to_owned(), entry);
        }
    }
}

fn rebase_all<T>(map: &mut BTreeMap<RelPathBuf, T>, from: &RelPath, to: &RelPath) {
    for (at, value) in std::mem::take(map) {
        map.insert(at.rebase(from, to).unwrap_or(at), value);
    }
}
