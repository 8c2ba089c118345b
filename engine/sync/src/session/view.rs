//! What stands where, as far as the session knows: the items first, then the ledger.

use crate::ledger::{Diverged, LedgerError};
use crate::session::Session;
use crate::session::items::Told;
use crate::{Entry, Ledger, RelPath, RelPathBuf, Side};

/// Diverged paths that are looked up at once.
const DIVERGED_ROUND: usize = 256;

impl<L: Ledger> Session<L> {
    /// What stands at `path` on `side`.
    pub(super) fn view(&self, path: &RelPath, side: Side) -> Result<Option<Entry>, LedgerError> {
        if path.is_root() {
            return Ok(Some(Entry::Directory));
        }
        if let Some(told) = self.told(path, side) {
            return Ok(told.entry.clone());
        }
        if self.gone_above(path, side)? {
            return Ok(None);
        }
        if let Some(diverged) = self.diverged(path)? {
            return Ok(diverged.on(side).cloned());
        }
        self.agreed(path)
    }

    fn told(&self, path: &RelPath, side: Side) -> Option<&Told> {
        self.items.get(path)?.told[side as usize].as_ref()
    }

    /// Whether a directory above `path` is none any more on `side`.
    fn gone_above(&self, path: &RelPath, side: Side) -> Result<bool, LedgerError> {
        for above in path.ancestors().filter(|above| !above.is_root()) {
            let entry = match self.told(above, side) {
                Some(told) => told.entry.clone(),
                None => match self.diverged(above)? {
                    Some(diverged) => diverged.on(side).cloned(),
                    None => continue,
                },
            };
            if !entry.is_some_and(|e| e.is_directory()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The diverged path as the ledger has it, if the list isn't empty.
    pub(super) fn diverged(&self, path: &RelPath) -> Result<Option<Diverged>, LedgerError> {
        if self.settling.nothing_diverges(&self.ledger)? { Ok(None) } else { self.ledger.diverged(path) }
    }

    /// Whether the path is diverged, by the ledger or by an update on its way there.
    pub(super) fn is_diverged(&self, path: &RelPath) -> Result<bool, LedgerError> {
        match self.items.get(path).and_then(|item| item.diverges) {
            Some((listed, _)) => Ok(listed),
            None => Ok(self.diverged(path)?.is_some()),
        }
    }

    /// What both sides have agreed on, updates on their way to the ledger included.
    pub(super) fn agreed(&self, path: &RelPath) -> Result<Option<Entry>, LedgerError> {
        if path.is_root() {
            return Ok(Some(Entry::Directory));
        }
        if let Some((entry, _)) = self.items.get(path).and_then(|item| item.agreed.as_ref()) {
            return Ok(entry.clone());
        }
        if path.ancestors().any(|above| self.items.get(above).is_some_and(|item| item.wiped.is_some())) {
            return Ok(None);
        }
        self.in_ledger(path)
    }

    /// What the ledger says of a path. It is asked several times on a path's way through the session.
    fn in_ledger(&self, path: &RelPath) -> Result<Option<Entry>, LedgerError> {
        let Some(item) = self.items.get(path) else { return self.ledger.agreed(path) };
        let mut known = item.in_ledger.borrow_mut();
        match &*known {
            Some((commit, entry)) if *commit == self.commits => Ok(entry.clone()),
            _ => {
                let entry = if self.ledger_lacks_parent(path) { None } else { self.ledger.agreed(path)? };
                *known = Some((self.commits, entry.clone()));
                Ok(entry)
            }
        }
    }

    /// Whether it is known already that the ledger has no directory above the path.
    fn ledger_lacks_parent(&self, path: &RelPath) -> bool {
        let parent = path.parent().and_then(|parent| self.items.get(parent));
        parent.is_some_and(|parent| match &*parent.in_ledger.borrow() {
            Some((commit, entry)) => *commit == self.commits && !entry.as_ref().is_some_and(Entry::is_directory),
            None => false,
        })
    }

    /// All diverged paths at and below a path.
    pub(super) fn all_diverged_below(&self, path: &RelPath) -> Result<Vec<(RelPathBuf, Diverged)>, LedgerError> {
        let mut all: Vec<(RelPathBuf, Diverged)> = Vec::new();
        if self.settling.nothing_diverges(&self.ledger)? {
            return Ok(all);
        }
        loop {
            let after = all.last().map(|(at, _)| at.clone());
            let page = self.ledger.diverged_below(path, after.as_deref(), DIVERGED_ROUND)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Whether something below `path` on `side` differs from what was agreed, and would be lost if the directory went.
    pub(super) fn survives_below(&self, path: &RelPath, side: Side) -> Result<bool, LedgerError> {
        for (at, item) in self.items_below(path) {
            let Some(told) = item.told[side as usize].as_ref() else { continue };
            if **at != *path && self.would_be_lost(at, told.entry.as_ref())? {
                return Ok(true);
            }
        }
        for (at, diverged) in self.all_diverged_below(path)? {
            let superseded = self.told(&at, side).is_some();
            if *at != *path && !superseded && self.would_be_lost(&at, diverged.on(side))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn would_be_lost(&self, at: &RelPath, entry: Option<&Entry>) -> Result<bool, LedgerError> {
        let tracked = entry.is_some_and(|entry| *entry != Entry::Untracked);
        let common = self.items.get(at).and_then(|item| item.common.clone());
        let held = common.map_or_else(|| self.agreed(at), Ok)?;
        Ok(tracked && !crate::reconcile::same(held.as_ref(), entry))
    }
}
