//! What a power cut leaves to be believed, and what can wait until nothing else is to be done.
//!
//! A file's metadata may reach the disk before its content does. Each row says in which generation it was written; a sync of the
//! file system, once it is done, vouches for all generations before it. After a power cut the rows of later generations
//! keep what they know, but their fingerprints match nothing, so that the next crawl reads the files.

use causeway_sync::Name;

use super::read::{name, stored};
use super::{DirId, Durability, Fingerprint, Index, SyncMark};
use crate::{IndexError, StoreError};

/// Rows looked at between two writes.
const ROWS_AT_ONCE: i64 = 4096;
/// Journal entries pruned in one slice; a few ms.
const PRUNED_AT_ONCE: i64 = 8192;

impl Index {
    /// Begins to make durable what the rows describe: sync the file system after this call, then give the mark to
    /// [`mark_synced`](Self::mark_synced).
    pub fn begin_sync(&mut self) -> Result<SyncMark, IndexError> {
        self.write(|index| {
            index.state.generation += 1;
            Ok(SyncMark(index.state.generation - 1))
        })
    }

    /// Notes that all content known when the mark was made is durable.
    pub fn mark_synced(&mut self, mark: SyncMark) -> Result<(), IndexError> {
        self.write(|index| {
            index.state.durable_generation = index.state.durable_generation.max(mark.0);
            Ok(())
        })
    }

    /// Takes the fingerprints of files that a power cut may have damaged, if there may have been one since the last opening.
    pub(super) fn distrust_after_power_cut(&mut self, boot_id: [u8; 16]) -> Result<(), StoreError> {
        if self.state.boot_id == boot_id {
            return Ok(());
        }
        self.store.begin()?;
        if self.state.written_generation > self.state.durable_generation {
            let mut after = (0, Vec::new());
            while let Some(last) = self.distrust_some(&after)? {
                after = last;
            }
        }
        self.state.boot_id = boot_id;
        self.state.rebooted = true;
        Ok(())
    }

    /// Does so for the rows after a key. Gives the last key that it looked at, if there may be more.
    fn distrust_some(&mut self, after: &(i64, Vec<u8>)) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        let fail = self.store.fail("look for rows that may be wrong");
        let sql =
            "SELECT seq, id, large, data, name, dir FROM rows WHERE (dir, name) > (?1, ?2) ORDER BY dir, name LIMIT ?3";
        let mut doubtful = Vec::new();
        let mut last = None;
        {
            let mut statement = self.store.statement(sql)?;
            let mut found = statement.query((after.0, &after.1, ROWS_AT_ONCE)).map_err(&fail)?;
            while let Some(row) = found.next().map_err(&fail)? {
                let (dir, name) = (row.get(5).map_err(&fail)?, name(&self.store, row, 4)?);
                let stored = stored(&self.store, row, 0)?;
                last = Some((dir, name.as_bytes().to_vec()));
                if stored.known.generation > self.state.durable_generation && stored.known.entry.as_file().is_some() {
                    doubtful.push((DirId::of_column(dir), name, stored));
                }
            }
        }
        drop(fail);
        for (dir, name, mut stored) in doubtful {
            stored.known.fingerprint = Fingerprint::UNKNOWN;
            let name: &Name = &name;
            self.write_row(dir, name, &stored)?;
        }
        Ok(last)
    }

    /// Does a slice (some ms) of what can wait: pruning the journal, bringing SQLite's log of writes back into the file. Commits.
    /// Tells whether there is more to do. To be called when nothing else is to be done.
    pub fn maintain(&mut self) -> Result<bool, IndexError> {
        let more = if self.has_prunable()? { self.write(|index| Ok(index.prune()?))? } else { false };
        self.commit(Durability::Process)?;
        if !more {
            self.store.tidy()?;
        }
        Ok(more)
    }

    fn has_prunable(&self) -> Result<bool, StoreError> {
        let sql = "SELECT seq FROM journal ORDER BY seq LIMIT 1";
        let oldest: Option<i64> = self.store.first("read the journal", sql, [], |row| row.get(0))?;
        Ok(oldest.is_some_and(|seq| seq as u64 <= self.state.acknowledged.0))
    }

    /// Removes the oldest of the acknowledged entries. Tells whether there are more.
    fn prune(&mut self) -> Result<bool, StoreError> {
        let acknowledged = self.state.acknowledged.0 as i64;
        let doing = "prune the journal";
        let sql = "SELECT seq FROM journal WHERE seq <= ?1 ORDER BY seq LIMIT 1 OFFSET ?2";
        let upto: Option<i64> = self.store.first(doing, sql, (acknowledged, PRUNED_AT_ONCE), |row| row.get(0))?;
        let last = upto.unwrap_or(acknowledged);
        if self.state.gone > 0 {
            self.state.gone -= self.prune_gone(last)?;
        }
        self.store.execute(doing, "DELETE FROM journal WHERE seq <= ?1", [last])?;
        Ok(upto.is_some())
    }

    /// Removes the rows of `gone` that find entries up to `last`. Gives their number.
    fn prune_gone(&self, last: i64) -> Result<u64, StoreError> {
        let fail = self.store.fail("prune the journal");
        // Gone and Forgotten, foreign and own.
        let sql = "SELECT dir, name, seq FROM journal WHERE seq <= ?1 AND kind IN (1, 2, 17, 18)";
        let mut entries = self.store.statement(sql)?;
        // A newer entry of the key keeps its row.
        let mut removal = self.store.statement("DELETE FROM gone WHERE dir = ?1 AND name = ?2 AND seq = ?3")?;
        let mut found = entries.query([last]).map_err(&fail)?;
        let mut count = 0;
        while let Some(row) = found.next().map_err(&fail)? {
            let key: (i64, Vec<u8>, i64) = row.try_into().map_err(&fail)?;
            count += removal.execute(key).map_err(&fail)? as u64;
        }
        Ok(count)
    }
}
