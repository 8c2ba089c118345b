//! What the disk shows, as entries and fingerprints.

use causeway_index::{Fingerprint, Row};
use causeway_sync::{Entry, File, Name};

use crate::fs::{self, Capabilities, Fs, FsErrorKind, Kind, Stat};
use crate::settings::Symlinks;

/// How a stat becomes an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eyes {
    pub symlinks: Symlinks,
    /// Whether the file system keeps the executable bit. Where not, the bit is what the index says.
    pub executable_bit: bool,
    /// Step of modification times, in nanoseconds.
    pub mtime_step_ns: i64,
}

impl Eyes {
    pub(crate) fn new(symlinks: Symlinks, can: &Capabilities) -> Self {
        Self { symlinks, executable_bit: can.executable_bit, mtime_step_ns: mtime_step_ns(can) }
    }

    /// The file that a stat shows, unread.
    pub(crate) fn file(&self, stat: &Stat, known: Option<&Entry>) -> File {
        let executable = if self.executable_bit {
            stat.executable
        } else {
            known.and_then(Entry::as_file).is_some_and(|file| file.executable)
        };
        File { digest: None, size: stat.size, executable, mtime_ns: stat.mtime_ns }
    }

    /// The entry at `name`; of a file, unread. `None` where it vanished before a symlink could be read.
    pub(crate) fn entry<F: Fs>(
        &self,
        fs: &F,
        dir: &F::Dir,
        name: &Name,
        stat: &Stat,
        known: Option<&Entry>,
    ) -> fs::Result<Option<Entry>> {
        Ok(Some(match stat.kind {
            Kind::Directory => Entry::Directory,
            Kind::File => Entry::File(self.file(stat, known)),
            Kind::Symlink if self.symlinks != Symlinks::Ignore => match fs.read_link(dir, name) {
                Ok(target) => Entry::Symlink(target),
                Err(error) if error.kind == FsErrorKind::NotFound => return Ok(None),
                // Replaced by something else, or with a target that no symlink of ours may have.
                Err(error) if error.kind == FsErrorKind::InvalidInput => Entry::Untracked,
                Err(error) => return Err(error),
            },
            _ => Entry::Untracked,
        }))
    }

    /// Whether a stat shows what a row describes, as far as a stat can tell. The executable bit is compared by itself: one that
    /// was flipped within the clock's step of the last change has left no other trace.
    pub(crate) fn is_unchanged(&self, row: &Row, stat: &Stat) -> bool {
        let same_bit = match &row.entry {
            Entry::File(file) => !self.executable_bit || file.executable == stat.executable,
            _ => true,
        };
        same_bit && kind_matches(&row.entry, stat.kind) && row.fingerprint == fingerprint(stat)
    }

    /// Whether two times are the same as far as the file system keeps them.
    pub(crate) fn same_time(&self, a_ns: i64, b_ns: i64) -> bool {
        a_ns.div_euclid(self.mtime_step_ns) == b_ns.div_euclid(self.mtime_step_ns)
    }
}

pub(crate) fn mtime_step_ns(can: &Capabilities) -> i64 {
    i64::try_from(can.time_granularity_ns).unwrap_or(i64::MAX).max(1)
}

/// What is remembered of a stat. Of a directory only which one it is: its times change with what it holds. The device is left
/// out: it is always the root's, and its number isn't stable over restarts of the system.
pub(crate) fn fingerprint(stat: &Stat) -> Fingerprint {
    match stat.kind {
        Kind::Directory => Fingerprint { inode: stat.inode, ..Fingerprint::UNKNOWN },
        _ => Fingerprint {
            device: 0,
            inode: stat.inode,
            size: stat.size,
            mtime_ns: stat.mtime_ns,
            ctime_ns: stat.ctime_ns,
        },
    }
}

/// The same, but not to be taken for proof that the content is unchanged: a write in the same step of the file system's clock
/// would not have shown. Equals no stat (no file has changed in 1970), so that the next look reads the content again.
pub(crate) fn unsettled(stat: &Stat) -> Fingerprint {
    Fingerprint { ctime_ns: 0, ..fingerprint(stat) }
}

/// Whether it is the same file with the same length and time; its content may have been written, and the time set back.
pub(crate) fn looks_unchanged(row: &Row, stat: &Stat) -> bool {
    let now = fingerprint(stat);
    kind_matches(&row.entry, stat.kind) && Fingerprint { ctime_ns: now.ctime_ns, ..row.fingerprint } == now
}

fn kind_matches(entry: &Entry, kind: Kind) -> bool {
    match entry {
        Entry::Directory => kind == Kind::Directory,
        Entry::File(_) => kind == Kind::File,
        Entry::Symlink(_) => kind == Kind::Symlink,
        // An ignored symlink is untracked too.
        Entry::Untracked => !matches!(kind, Kind::Directory | Kind::File),
    }
}

/// Whether both stats are of the same file, unchanged between them, its name aside (a rename changes the ctime).
pub(crate) fn same_but_name(a: &Stat, b: &Stat) -> bool {
    a.kind == b.kind
        && a.inode == b.inode
        && (a.kind == Kind::Directory || (a.size == b.size && a.mtime_ns == b.mtime_ns))
}
