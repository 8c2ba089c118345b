//! Leases: whoever opens a file waits until the holder has closed it (fcntl(2), "Leases").

use std::fs::File;
use std::os::fd::AsRawFd;

/// Which signal tells that somebody waits (asm-generic/fcntl.h).
const F_SETSIG: libc::c_int = 10;

/// Takes the lease for writing, which ends with the descriptor. False where anybody else has the file open, or where the file is
/// somebody else's and this process has no capability for it.
pub(super) fn take(file: &File) -> bool {
    // The kernel tells of somebody who waits by a signal: one that ends no process that doesn't expect it.
    // SAFETY: takes numbers alone.
    let is_quiet = unsafe { libc::fcntl(file.as_raw_fd(), F_SETSIG, libc::SIGURG) } == 0;
    // SAFETY: takes numbers alone.
    is_quiet && unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_WRLCK) } == 0
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use super::*;

    #[test]
    fn others_wait_until_the_file_is_closed() {
        let temp = tempfile::tempdir().unwrap();
        let at = temp.path().join("file");
        std::fs::write(&at, "old").unwrap();
        let mut file = File::options().read(true).write(true).open(&at).unwrap();
        assert!(take(&file));
        let reader = std::thread::spawn(move || std::fs::read_to_string(at).unwrap());
        std::thread::sleep(Duration::from_millis(50));
        assert!(!reader.is_finished());
        file.write_all(b"new").unwrap();
        drop(file);
        assert_eq!(reader.join().unwrap(), "new");
    }

    #[test]
    fn it_is_refused_while_somebody_has_the_file_open() {
        let temp = tempfile::tempdir().unwrap();
        let at = temp.path().join("file");
        std::fs::write(&at, "old").unwrap();
        let other = File::open(&at).unwrap();
        let file = File::options().read(true).write(true).open(&at).unwrap();
        assert!(!take(&file));
        drop(other);
        assert!(take(&file));
    }
}
