//! Files of no use: marked when damage is found in them, and set aside when they are opened next.

use std::fs;
use std::io;
use std::path::Path;

use crate::StoreError;
use crate::store::{beside, failed};

/// How many files set aside are kept.
const SET_ASIDE_MAX: u64 = 3;
/// Ends the name of a mark: damage was found in the file. Holds what was found.
const SUSPECT: &str = "-suspect";

/// Leaves a mark beside a file in which damage was found: checks when opening may not find it. Where it can't be left, the damage is
/// met again.
pub(crate) fn leave_mark(path: &Path, found: &str) {
    let _ = fs::write(beside(path, SUSPECT), found);
}

/// What was found in the file, if it is marked.
pub(crate) fn read_mark(path: &Path) -> Option<String> {
    fs::read_to_string(beside(path, SUSPECT)).ok()
}

/// Renames the file and its log to `*.damaged-<n>`, and removes the oldest such files.
pub(crate) fn set_aside(path: &Path) -> Result<(), StoreError> {
    let newest = newest_set_aside(path).map_err(|error| failed(path, "look for files set aside", error))?;
    let number = newest + 1;
    // The log of writes first: a file without its log is only older, a log without its file is nothing.
    for log in ["-wal", "-shm", ""] {
        let to = beside(path, &format!(".damaged-{number}{log}"));
        match fs::rename(beside(path, log), to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(path, "set the file aside", error));
            }
            _ => {}
        }
        if let Some(old) = number.checked_sub(SET_ASIDE_MAX) {
            // What can't be removed is only in the way of tidiness.
            let _ = fs::remove_file(beside(path, &format!(".damaged-{old}{log}")));
        }
    }
    remove_mark(path)
}

/// Takes the mark away.
pub(crate) fn remove_mark(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(beside(path, SUSPECT)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, "remove a mark", error)),
        _ => Ok(()),
    }
}

fn newest_set_aside(path: &Path) -> io::Result<u64> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(0) };
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!("{name}.damaged-");
    let mut newest = 0;
    for found in fs::read_dir(folder)? {
        let found = found?.file_name();
        let number = found.to_str().and_then(|found| found.strip_prefix(&prefix)).and_then(|n| n.parse().ok());
        newest = newest.max(number.unwrap_or(0));
    }
    Ok(newest)
}
