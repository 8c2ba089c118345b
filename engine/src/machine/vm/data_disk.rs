//! The data disk's file on the host: raw, and sparse, so that it takes the space of its content.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use causeway_wire::boot::DataDisk;

/// Why there is no data disk.
#[derive(Debug, thiserror::Error)]
pub enum DataDiskError {
    /// The system refused.
    #[error("could not {doing} the data disk {}: {source}", path.display())]
    Io {
        /// Completes "could not …".
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes it where it isn't there, and grows it to `bytes`; it is never shortened. Says whether anything was ever written to it.
pub fn prepare(path: &Path, bytes: u64) -> Result<DataDisk, DataDiskError> {
    let failed = |doing| move |source| DataDiskError::Io { doing, path: path.to_owned(), source };
    let file: File = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed("open"))?;
    let metadata = file.metadata().map_err(failed("look at"))?;
    if metadata.len() < bytes {
        file.set_len(bytes).map_err(failed("grow"))?;
    }
    Ok(if metadata.blocks() == 0 { DataDisk::Blank } else { DataDisk::Used })
}

/// Deletes it, with everything in it.
pub fn remove(path: &Path) -> Result<(), DataDiskError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DataDiskError::Io { doing: "delete", path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_disk_is_blank_until_it_is_written_to_and_never_shortened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk");
        assert_eq!(prepare(&path, 1 << 30).unwrap(), DataDisk::Blank);
        assert_eq!(prepare(&path, 1 << 31).unwrap(), DataDisk::Blank);
        OpenOptions::new().write(true).open(&path).unwrap().write_at(&[1; 4096], 1 << 20).unwrap();
        assert_eq!(prepare(&path, 1 << 29).unwrap(), DataDisk::Used);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 1 << 31);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }
}
