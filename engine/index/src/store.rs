//! A SQLite file with one owner: opened, checked, set aside when it is of no use, committed.
//!
//! Exclusive locking keeps every other process out and needs no shared memory beside the log of writes (WAL). The log goes back
//! into the file when the owner says so, off the path of an edit, or when it has grown past [`LOG_BYTES_MAX`].

use std::cell::Cell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use crate::{StoreError, aside};

/// A commit brings the log of writes back into the file when it has grown past this.
const LOG_BYTES_MAX: u64 = 32 << 20;
/// Below this there is no point in bringing it back.
const LOG_BYTES_WORTHWHILE: u64 = 1 << 20;
/// Page cache (PRAGMA cache_size, in KiB when negative). 8 MB held the working set of a million rows.
const CACHE_KIB: i64 = 8 << 10;
/// How long an owner that is just ending is waited for.
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// Statements kept prepared; more than either store has.
const STATEMENTS_MAX: usize = 96;

/// Whether what was remembered is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// There was no file; it is new.
    Fresh,
    /// The file was there.
    Existing,
    /// The file was damaged or of another version. It was set aside, and a new one begun.
    Replaced {
        /// Why, in words for a log.
        reason: String,
    },
}

/// What a file holds.
pub(crate) struct Format {
    /// PRAGMA application_id: which kind of file it is.
    pub application_id: i32,
    /// PRAGMA user_version: only this one is read.
    pub version: i32,
    /// Makes the tables.
    pub schema: &'static str,
}

/// Keys of the table `state`.
const STATE_HEALTH: i64 = 0;
const STATE_OWNER: i64 = 1;

const STATE_SCHEMA: &str = "CREATE TABLE state (key INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;";

/// An open file.
pub(crate) struct Store {
    connection: Connection,
    path: PathBuf,
    /// Whether the file says that all is in order.
    clean: Cell<bool>,
    /// Whether it said so when it was opened.
    was_clean: bool,
    /// Whether there are commits that a power cut could take back.
    volatile: Cell<bool>,
    /// Changes the row that a durable commit writes: SQLite skips writing what is the same.
    stamp: Cell<u64>,
}

/// Why a file can't be opened.
enum Refusal {
    /// It is of no use to anyone, for this reason.
    Useless(String),
    /// It may be fine.
    Error(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged { doing, source, .. } => Self::Useless(format!("damaged ({doing}): {source}")),
            error => Self::Error(error),
        }
    }
}

impl Store {
    /// Opens the file, or makes it. One that is damaged or of another version is set aside first.
    pub fn open(path: &Path, format: &Format) -> Result<(Self, Origin), StoreError> {
        let new = match fs::metadata(path) {
            Ok(metadata) => metadata.len() == 0,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(failed(path, "look for the file", error)),
        };
        if new {
            aside::remove_mark(path)?;
        }
        let opened = match aside::read_mark(path) {
            Some(reason) => Err(Refusal::Useless(reason)),
            None => Self::try_open(path, format, new),
        };
        match opened {
            Ok(store) => Ok((store, if new { Origin::Fresh } else { Origin::Existing })),
            Err(Refusal::Error(error)) => Err(error),
            Err(Refusal::Useless(reason)) => {
                aside::set_aside(path)?;
                match Self::try_open(path, format, true) {
                    Ok(store) => Ok((store, Origin::Replaced { reason })),
                    Err(Refusal::Error(error)) => Err(error),
                    Err(Refusal::Useless(reason)) => Err(failed(path, "begin a new file", io::Error::other(reason))),
                }
            }
        }
    }

    fn try_open(path: &Path, format: &Format, new: bool) -> Result<Self, Refusal> {
        let map = |doing| move |error| of_sqlite(path, doing, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(map("open the file"))?;
        connection.busy_timeout(BUSY_WAIT).map_err(map("set up the connection"))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // Otherwise each new value of a bound LIMIT has the statement compiled anew (sqlite.org/c3ref/c_dbconfig_defensive.html).
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(map("set it up"))?;
        for (pragma, value) in [("locking_mode", "EXCLUSIVE"), ("journal_mode", "WAL"), ("synchronous", "NORMAL")] {
            connection
                .pragma_update_and_check(None, pragma, value, |_| Ok(()))
                .or_else(no_rows)
                .map_err(map("set it up"))?;
        }
        for (pragma, value) in [
            ("cache_size", -CACHE_KIB),
            ("wal_autocheckpoint", 0),
            ("journal_size_limit", LOG_BYTES_MAX as i64),
            ("cell_size_check", 1),
            ("temp_store", 2),
        ] {
            connection
                .pragma_update_and_check(None, pragma, value, |_| Ok(()))
                .or_else(no_rows)
                .map_err(map("set it up"))?;
        }
        let mut store = Self {
            connection,
            path: path.to_owned(),
            clean: Cell::new(false),
            was_clean: true,
            volatile: Cell::new(true),
            stamp: Cell::new(0),
        };
        if new {
            store.create(format)?
        } else {
            store.check(format)?
        }
        Ok(store)
    }

    fn create(&self, format: &Format) -> Result<(), StoreError> {
        let sql = format!(
            "BEGIN IMMEDIATE; {STATE_SCHEMA} {} PRAGMA application_id = {}; PRAGMA user_version = {};",
            format.schema, format.application_id, format.version
        );
        self.connection.execute_batch(&sql).map_err(self.fail("make the tables"))?;
        self.write_health()?;
        self.connection.execute_batch("COMMIT").map_err(self.fail("make the tables"))
    }

    fn check(&mut self, format: &Format) -> Result<(), Refusal> {
        let number = |pragma: &str| {
            self.connection
                .pragma_query_value(None, pragma, |row| row.get::<_, i32>(0))
                .map_err(self.fail("read the header"))
        };
        let (id, version) = (number("application_id")?, number("user_version")?);
        if id != format.application_id {
            return Err(Refusal::Useless("the file is of another kind".to_owned()));
        }
        if version != format.version {
            return Err(Refusal::Useless(format!("the file is of version {version}, not {}", format.version)));
        }
        // Takes the lock now, not at the first write.
        self.connection.execute_batch("BEGIN IMMEDIATE; COMMIT").map_err(self.fail("lock the file"))?;
        let health =
            self.read_state(STATE_HEALTH)?.ok_or_else(|| self.nonsense("read its state", "the state is missing"))?;
        self.was_clean = health.first() == Some(&1);
        self.clean.set(self.was_clean);
        self.stamp.set(health.get(1..9).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes));
        if !self.was_clean {
            let verdict: String = self
                .connection
                .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
                .map_err(self.fail("check the file"))?;
            if verdict != "ok" {
                return Err(Refusal::Useless(format!("damaged: {verdict}")));
            }
        }
        Ok(())
    }

    /// Whether the last owner closed it in good order.
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }

    /// A statement, prepared once.
    pub fn statement(&self, sql: &'static str) -> Result<CachedStatement<'_>, StoreError> {
        self.connection.prepare_cached(sql).map_err(self.fail("prepare a statement"))
    }

    /// Carries out a statement that gives no rows. Gives the number of rows changed.
    pub fn execute(
        &self,
        doing: &'static str,
        sql: &'static str,
        with: impl rusqlite::Params,
    ) -> Result<usize, StoreError> {
        self.statement(sql)?.execute(with).map_err(self.fail(doing))
    }

    /// The first row of a query, if there is one.
    pub fn first<T>(
        &self,
        doing: &'static str,
        sql: &'static str,
        with: impl rusqlite::Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        self.statement(sql)?.query_row(with, read).optional().map_err(self.fail(doing))
    }

    /// Makes an error of SQLite's one of this file.
    pub fn fail(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
        move |error| of_sqlite(&self.path, doing, error)
    }

    /// The error of content that makes no sense.
    pub fn nonsense(&self, doing: &'static str, what: &'static str) -> StoreError {
        damaged(&self.path, doing, what.into())
    }

    /// Whether a transaction is open.
    pub fn writing(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Opens a transaction, if none is open.
    pub fn begin(&self) -> Result<(), StoreError> {
        if self.writing() {
            return Ok(());
        }
        self.execute("begin a transaction", "BEGIN IMMEDIATE", [])?;
        if self.clean.replace(false) { self.write_health() } else { Ok(()) }
    }

    /// Ends the transaction. Where it fails, nothing of it holds.
    pub fn commit(&self) -> Result<(), StoreError> {
        if !self.writing() {
            return Ok(());
        }
        self.execute("commit", "COMMIT", [])?;
        self.volatile.set(true);
        if self.log_bytes() > LOG_BYTES_MAX { self.checkpoint() } else { Ok(()) }
    }

    /// Takes the transaction back. What SQLite has already taken back by itself is no error.
    pub fn roll_back(&self) -> Result<(), StoreError> {
        if self.writing() {
            self.execute("take back a transaction", "ROLLBACK", [])?;
        }
        // The flag was lowered within the transaction that is gone.
        self.clean.set(self.read_state(STATE_HEALTH)?.is_some_and(|health| health.first() == Some(&1)));
        Ok(())
    }

    /// Makes all commits so far survive a power cut. No transaction may be open.
    pub fn harden(&self) -> Result<(), StoreError> {
        if self.volatile.get() { self.write_durably(false) } else { Ok(()) }
    }

    /// Notes, durably, that all is in order. No transaction may be open.
    pub fn settle(&self) -> Result<(), StoreError> {
        if self.clean.get() && !self.volatile.get() { Ok(()) } else { self.write_durably(true) }
    }

    /// A commit with `synchronous=FULL` syncs the whole log, so it takes all commits before along.
    fn write_durably(&self, clean: bool) -> Result<(), StoreError> {
        debug_assert!(!self.writing(), "synchronous can't be changed within a transaction");
        self.execute("make commits durable", "PRAGMA synchronous = FULL", [])?;
        let written = self.write_durably_now(clean);
        if written.is_err() {
            self.roll_back()?;
        }
        self.execute("make commits durable", "PRAGMA synchronous = NORMAL", [])?;
        written
    }

    fn write_durably_now(&self, clean: bool) -> Result<(), StoreError> {
        self.execute("begin a transaction", "BEGIN IMMEDIATE", [])?;
        self.clean.set(clean);
        self.stamp.set(self.stamp.get() + 1);
        self.write_health()?;
        self.execute("make commits durable", "COMMIT", [])?;
        self.volatile.set(false);
        Ok(())
    }

    fn write_health(&self) -> Result<(), StoreError> {
        let mut health = vec![u8::from(self.clean.get())];
        health.extend_from_slice(&self.stamp.get().to_le_bytes());
        self.write(STATE_HEALTH, &health)
    }

    fn write(&self, key: i64, data: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO state (key, data) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET data = excluded.data";
        self.execute("write the state", sql, params![key, data]).map(|_| ())
    }

    fn read_state(&self, key: i64) -> Result<Option<Vec<u8>>, StoreError> {
        self.first("read the state", "SELECT data FROM state WHERE key = ?1", [key], |row| row.get(0))
    }

    /// What the owner has written last, commits only.
    pub fn owner_state(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_state(STATE_OWNER)
    }

    /// Writes the owner's numbers, within the transaction.
    pub fn write_owner_state(&self, data: &[u8]) -> Result<(), StoreError> {
        self.write(STATE_OWNER, data)
    }

    /// Brings the log of writes back into the file if that is worth while. No transaction may be open.
    pub fn tidy(&self) -> Result<(), StoreError> {
        if self.log_bytes() < LOG_BYTES_WORTHWHILE { Ok(()) } else { self.checkpoint() }
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        // Gives a row that says how much was done; with one owner that is all of it.
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(self.fail("bring the log of writes back"))?;
        self.volatile.set(false);
        Ok(())
    }

    /// Lets the file grow to so many pages only, as if the disk were full then.
    #[cfg(test)]
    pub fn limit_pages(&self, count: u32) -> Result<(), StoreError> {
        self.connection
            .pragma_update_and_check(None, "max_page_count", count, |_| Ok(()))
            .map_err(self.fail("set it up"))
    }

    fn log_bytes(&self) -> u64 {
        fs::metadata(beside(&self.path, "-wal")).map_or(0, |metadata| metadata.len())
    }
}

/// Some pragmas answer with their new value, others with nothing.
fn no_rows(error: rusqlite::Error) -> rusqlite::Result<()> {
    match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        error => Err(error),
    }
}

pub(crate) fn failed(
    path: &Path,
    doing: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Failed { path: path.to_owned(), doing, source: error.into() }
}

fn of_sqlite(path: &Path, doing: &'static str, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse { path: path.to_owned() },
        Some(ErrorCode::DiskFull) => StoreError::NoSpace { path: path.to_owned(), doing },
        // Without a code it isn't SQLite's own: a column isn't what the schema says.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => damaged(path, doing, error.into()),
        Some(_) => failed(path, doing, error),
    }
}

/// The error of a damaged file. Leaves a mark beside the file, so that the next opening doesn't have to find the damage again.
fn damaged(path: &Path, doing: &'static str, source: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    aside::leave_mark(path, &format!("damaged ({doing}): {source}"));
    StoreError::Damaged { path: path.to_owned(), doing, source }
}

/// The path with something appended to its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_compiled_once_whatever_is_bound_to_its_limit() {
        let temp = tempfile::tempdir().unwrap();
        let format = Format { application_id: 1, version: 1, schema: "CREATE TABLE numbers (n INTEGER PRIMARY KEY);" };
        let (store, _) = Store::open(&temp.path().join("store.db"), &format).unwrap();
        for limit in 1..9 {
            let mut statement = store.statement("SELECT n FROM numbers WHERE n > ?1 ORDER BY n LIMIT ?2").unwrap();
            assert!(statement.query((limit, limit)).unwrap().next().unwrap().is_none());
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{limit}");
        }
    }
}
