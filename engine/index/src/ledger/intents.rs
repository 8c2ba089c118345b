//! The log of intents: a file beside the ledger's, to which records are appended without a sync: by the session, and by whoever reads
//! the content of what it sends.
//!
//! One write per batch, and nothing but that on the way of an edit. A record is its length (`u32`, little-endian) and a postcard
//! [`Intent`]; the first one that can't be read ends the log, as after a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_sync::ledger::Intent;

use crate::StoreError;
use crate::store::{beside, failed};

/// Ends the file's name.
const SUFFIX: &str = "-intents";
/// Ends the name of one that is being written.
const NEW_SUFFIX: &str = "-intents-new";
/// Bytes before a record.
const LENGTH_BYTES: usize = size_of::<u32>();

/// The log of a ledger. A clone is the same log.
#[derive(Clone)]
pub struct IntentLog(Arc<Mutex<Log>>);

impl IntentLog {
    /// Opens the log of a ledger, or makes it.
    pub(super) fn open(ledger: &Path) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(Mutex::new(Log::open(ledger)?))))
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that is noted.
    pub(super) fn intents(&self) -> Result<Vec<Intent>, StoreError> {
        Ok(self.lock().read()?.0)
    }

    /// Adds to the log. It survives the end of the process, but not a power cut.
    pub fn append(&self, intents: &[Intent]) -> Result<(), StoreError> {
        self.lock().append(intents)
    }

    /// Begins the log anew with these, and with what was noted of their content.
    pub(super) fn retain(&self, left: &[Intent]) -> Result<(), StoreError> {
        let mut log = self.lock();
        if left.is_empty() {
            return log.replace(left);
        }
        let reads = Intent::reads_of(left, log.read()?.0);
        log.replace(&[left, &reads].concat())
    }
}

/// The open log.
struct Log {
    file: File,
    ledger: PathBuf,
    path: PathBuf,
    /// How much of it holds.
    length: u64,
    /// Whether what a write that failed has left stands behind it.
    torn: bool,
}

impl Log {
    fn open(ledger: &Path) -> Result<Self, StoreError> {
        let path = beside(ledger, SUFFIX);
        let file = open(&path).map_err(|error| failed(&path, "open the log of intents", error))?;
        let mut log = Self { file, ledger: ledger.to_owned(), path, length: 0, torn: true };
        log.length = log.read()?.1;
        Ok(log)
    }

    /// The records, and how long they are.
    fn read(&mut self) -> Result<(Vec<Intent>, u64), StoreError> {
        let mut bytes = Vec::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_end(&mut bytes));
        read.map_err(|error| failed(&self.path, "read the log of intents", error))?;
        let mut intents = Vec::new();
        let mut rest = &bytes[..];
        while let Some((intent, after)) = take_record(rest) {
            intents.push(intent);
            rest = after;
        }
        Ok((intents, (bytes.len() - rest.len()) as u64))
    }

    fn append(&mut self, intents: &[Intent]) -> Result<(), StoreError> {
        let written = self.write(&encode(intents));
        self.torn |= written.is_err();
        written.map_err(|error| no_space_or_failed(&self.path, "add to the log of intents", error))
    }

    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(records)?;
        self.length += records.len() as u64;
        Ok(())
    }

    fn replace(&mut self, intents: &[Intent]) -> Result<(), StoreError> {
        let replaced = if intents.is_empty() { self.clear() } else { self.write_anew(&encode(intents)) };
        replaced.map_err(|error| no_space_or_failed(&self.path, "begin the log of intents anew", error))
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        (self.length, self.torn) = (0, false);
        Ok(())
    }

    /// Either the old log stands there, whenever the process ends, or the new one.
    fn write_anew(&mut self, records: &[u8]) -> io::Result<()> {
        let new = beside(&self.ledger, NEW_SUFFIX);
        fs::write(&new, records)?;
        fs::rename(&new, &self.path)?;
        self.file = open(&self.path)?;
        (self.length, self.torn) = (records.len() as u64, false);
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn encode(intents: &[Intent]) -> Vec<u8> {
    let mut out = Vec::with_capacity(intents.len() * 128);
    for intent in intents {
        let at = out.len();
        out.extend_from_slice(&[0; LENGTH_BYTES]);
        out = postcard::to_extend(intent, out).expect("plain data can be encoded");
        let length = u32::try_from(out.len() - at - LENGTH_BYTES).expect("paths and targets are bounded");
        out[at..at + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    }
    out
}

/// The first record, and what comes after it.
fn take_record(bytes: &[u8]) -> Option<(Intent, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    let (record, after) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((postcard::from_bytes(record).ok()?, after))
}

fn no_space_or_failed(path: &Path, doing: &'static str, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            StoreError::NoSpace { path: path.to_owned(), doing }
        }
        _ => failed(path, doing, error),
    }
}

#[cfg(test)]
mod tests {
    use causeway_sync::{Digest, Entry, File, RelPathBuf, Seq, Side, Target};

    use super::*;

    fn intent(path: &str, entry: Option<Entry>) -> Intent {
        Intent::Leave { side: Side::Guest, path: RelPathBuf::new(path.into()).unwrap(), entry, as_of: Seq(6) }
    }

    fn three() -> [Intent; 3] {
        let link = Entry::Symlink(Target::new(b"there".to_vec()).unwrap());
        let path = |text: &str| RelPathBuf::new(text.into()).unwrap();
        [
            intent("a", None),
            Intent::Move { side: Side::Host, from: path("b"), to: path("c"), as_of: Seq(7) },
            intent("d", Some(link)),
        ]
    }

    #[test]
    fn what_is_noted_is_there_after_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join("ledger.db");
        let [a, b, c] = three();
        let log = IntentLog::open(&ledger).unwrap();
        log.append(&[a.clone(), b.clone()]).unwrap();
        drop(log);
        let log = IntentLog::open(&ledger).unwrap();
        log.append(std::slice::from_ref(&c)).unwrap();
        assert_eq!(log.intents().unwrap(), [a, b.clone(), c]);
        log.retain(std::slice::from_ref(&b)).unwrap();
        assert_eq!(IntentLog::open(&ledger).unwrap().intents().unwrap(), [b]);
        log.retain(&[]).unwrap();
        assert_eq!(IntentLog::open(&ledger).unwrap().intents().unwrap(), []);
    }

    #[test]
    fn what_was_read_of_those_that_are_left_stays_noted() {
        let dir = tempfile::tempdir().unwrap();
        let log = IntentLog::open(&dir.path().join("ledger.db")).unwrap();
        let unread = Entry::File(File { digest: None, size: 1, executable: false, mtime_ns: 1 });
        let [left, gone] = ["left", "gone"].map(|path| intent(path, Some(unread.clone())));
        let read = |path: &str| {
            let path = RelPathBuf::new(path.into()).unwrap();
            Intent::Read { side: Side::Guest, path, digest: Digest([7; 32]) }
        };
        log.append(&[left.clone(), gone, read("left"), read("gone")]).unwrap();
        log.retain(std::slice::from_ref(&left)).unwrap();
        assert_eq!(log.intents().unwrap(), [left, read("left")]);
    }

    #[test]
    fn a_torn_end_is_no_record_and_does_not_hide_what_is_noted_after_it() {
        let [a, b, c] = three();
        let whole = encode(&[a.clone(), b]);
        let first = encode(std::slice::from_ref(&a)).len();
        for left in first..whole.len() {
            let dir = tempfile::tempdir().unwrap();
            let ledger = dir.path().join("ledger.db");
            std::fs::write(beside(&ledger, SUFFIX), &whole[..left]).unwrap();
            let log = IntentLog::open(&ledger).unwrap();
            assert_eq!(log.intents().unwrap(), std::slice::from_ref(&a));
            log.append(std::slice::from_ref(&c)).unwrap();
            assert_eq!(IntentLog::open(&ledger).unwrap().intents().unwrap(), [a.clone(), c.clone()], "{left}");
        }
    }
}
