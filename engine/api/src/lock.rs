//! One engine for one home: a lock on a file.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::PathBuf,
};

use crate::home::Home;

/// The lock can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another engine runs.
    #[error("an engine already runs{}", pid.map(|pid| format!(" as process {pid}")).unwrap_or_default())]
    Taken {
        /// Its process id, where it could be read.
        pid: Option<u32>,
    },
    /// The file can't be opened or locked.
    #[error("can't lock {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The right to be the engine of a home. Given back when dropped, and by the system when the process ends.
#[derive(Debug)]
pub struct EngineLock {
    _file: File,
}

impl EngineLock {
    /// Takes the lock without waiting. The home has to be prepared.
    pub fn take(home: &Home) -> Result<Self, LockError> {
        let path = home.lock_file();
        let io = |source| LockError::Io { path: path.clone(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Taken { pid: read_pid(&path) }),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0).map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }

    /// Whether some engine holds the lock.
    pub fn is_taken(home: &Home) -> bool {
        let Ok(file) = File::open(home.lock_file()) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

fn read_pid(path: &std::path::Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path()).unwrap();
        assert!(!EngineLock::is_taken(&home));
        home.prepare().unwrap();
        let lock = EngineLock::take(&home).unwrap();
        assert!(EngineLock::is_taken(&home));
        match EngineLock::take(&home) {
            Err(LockError::Taken { pid }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(lock);
        assert!(!EngineLock::is_taken(&home));
        EngineLock::take(&home).unwrap();
    }
}
