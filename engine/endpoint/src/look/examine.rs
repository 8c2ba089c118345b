//! Deciding what an entry on the disk means for its row.

use causeway_index::{Fingerprint, Row};
use causeway_sync::{Entry, Name, RelPath};

use super::Scan;
use crate::fs::{self, Fs, FsErrorKind, Kind, Stat};
use crate::hash::{self, Reading};
use crate::problem;
use crate::seen;

/// A file system's clock may stand still for so long, in milliseconds: the kernel's timer tick is at most 10 ms (CONFIG_HZ_100). A
/// write within a tick of the one before changes no time stamp.
pub(crate) const CLOCK_STEP_MS: u32 = 20;
/// When a file whose time stamps don't tell yet is read once more, in milliseconds.
pub(crate) const SETTLE_MS: u64 = 1_000;
/// Longer files are read once more only when somebody looks for another reason, in bytes.
const SETTLE_BYTES_MAX: u64 = 64 << 20;
/// First delay after a read was disturbed, in milliseconds; it doubles each time.
const DISTURBED_MS: u64 = 100;
const DISTURBED_MS_MAX: u64 = 2_000;

/// What is to be done about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The row is right.
    Same,
    /// The row is right but for what the file looks like.
    Refresh(Fingerprint),
    /// Something else stands there.
    Put(Entry, Fingerprint),
    /// Nothing is known yet: it will be looked at again.
    Undecided,
}

impl<F: Fs> Scan<'_, F> {
    /// What stands at `name` of `dir`, which is `path`, and looked like `stat`. Directories aren't entered.
    pub(super) fn examine(
        &mut self,
        dir: &F::Dir,
        path: &RelPath,
        name: &Name,
        row: Option<&Row>,
        stat: &Stat,
    ) -> Finding {
        match self.ep.undo_half_written(path, self.now_ms) {
            Ok(false) => {}
            Ok(true) => {
                self.look_again_at(path, self.now_ms);
                return Finding::Undecided;
            }
            Err(error) => {
                self.fail_at(path, &error);
                self.look_again_at(path, self.now_ms + SETTLE_MS);
                return Finding::Undecided;
            }
        }
        if row.is_some_and(|row| self.ep.eyes.is_unchanged(row, stat)) {
            self.undisturbed(path);
            return Finding::Same;
        }
        let examined = match stat.kind {
            Kind::File => self.examine_file(dir, path, name, row, stat),
            _ => self.examine_other(dir, name, row, stat),
        };
        match examined {
            Ok(finding) => {
                if finding != Finding::Undecided {
                    self.undisturbed(path);
                }
                finding
            }
            Err(error) if problem::is_stale(&error) => {
                self.look_again_at(path, self.now_ms);
                Finding::Undecided
            }
            Err(error) => {
                self.fail_at(path, &error);
                if error.kind == FsErrorKind::TooManyOpenFiles {
                    self.look_again_at(path, self.now_ms + SETTLE_MS);
                }
                Finding::Undecided
            }
        }
    }

    fn examine_other(&mut self, dir: &F::Dir, name: &Name, row: Option<&Row>, stat: &Stat) -> fs::Result<Finding> {
        let known = row.map(|row| &row.entry);
        Ok(match self.ep.eyes.entry(&self.ep.fs, dir, name, stat, known)? {
            None => Finding::Undecided,
            Some(entry) if Some(&entry) == known => Finding::Refresh(seen::fingerprint(stat)),
            Some(entry) => Finding::Put(entry, seen::fingerprint(stat)),
        })
    }

    fn examine_file(
        &mut self,
        dir: &F::Dir,
        path: &RelPath,
        name: &Name,
        row: Option<&Row>,
        stat: &Stat,
    ) -> fs::Result<Finding> {
        let known = row.map(|row| &row.entry);
        let mut file = self.ep.eyes.file(stat, known);
        let was_read = match known {
            Some(Entry::File(before)) if before.digest.is_none() && self.eager.is_none() => false,
            Some(Entry::File(_)) => true,
            _ => self.may_read(stat),
        };
        let mut fingerprint = seen::fingerprint(stat);
        if was_read {
            match hash::read_digest(&self.ep.fs, dir, name, stat, &mut self.buffer)? {
                Reading::Whole(digest) => {
                    file.digest = Some(digest);
                    fingerprint = self.remembered(path, stat);
                }
                Reading::Disturbed => {
                    self.disturbed(path);
                    if row.is_none_or(|row| row.fingerprint != Fingerprint::UNKNOWN) {
                        return Ok(Finding::Undecided);
                    }
                    // Nobody may take what is known for what stands there: a power cut may have torn it.
                    file.digest = None;
                    fingerprint = Fingerprint::UNKNOWN;
                }
            }
        }
        Ok(Finding::of(Entry::File(file), known, fingerprint))
    }

    /// Whether a new file is read at once.
    fn may_read(&mut self, stat: &Stat) -> bool {
        let Some(budget) = &mut self.eager else { return false };
        if budget.files == 0 || budget.bytes < stat.size {
            return false;
        }
        budget.files -= 1;
        budget.bytes -= stat.size;
        true
    }

    /// What is remembered of a file that was just read. Where a write right after the read needn't have changed a time stamp, the
    /// file is to be read once more.
    fn remembered(&mut self, path: &RelPath, stat: &Stat) -> Fingerprint {
        if !is_unsettled(stat, self.now_ms) {
            return seen::fingerprint(stat);
        }
        if stat.size <= SETTLE_BYTES_MAX {
            self.ep.lock().note_unsettled(path, self.now_ms + SETTLE_MS);
        }
        seen::unsettled(stat)
    }

    /// A file changed while it was read.
    fn disturbed(&mut self, path: &RelPath) {
        let mut state = self.ep.lock();
        let writing = state.writing(path, self.now_ms);
        let delay_ms = (DISTURBED_MS << writing.disturbed.min(8)).min(DISTURBED_MS_MAX);
        writing.disturbed += 1;
        if self.now_ms.saturating_sub(writing.first_ms) >= super::check::WRITING_MS_MAX {
            let kind = causeway_sync::ProblemKind::KeepsChanging;
            state.problems.insert(path.to_owned(), problem::problem(self.ep.side, kind, ""));
        }
        drop(state);
        self.look_again_at(path, self.now_ms + delay_ms);
    }

    /// A path could be looked at.
    fn undisturbed(&self, path: &RelPath) {
        let mut state = self.ep.lock();
        if !state.writing.is_empty() {
            state.writing.remove(path);
        }
        if !state.problems.is_empty() {
            state.problems.remove(path);
        }
    }
}

/// Whether a write at this moment might leave the file's time stamps as they are. The ctime can't be set by anybody.
pub(crate) fn is_unsettled(stat: &Stat, now_ms: u64) -> bool {
    let changed_ms = u64::try_from(stat.ctime_ns / 1_000_000).unwrap_or(0);
    changed_ms.saturating_add(u64::from(CLOCK_STEP_MS)) >= now_ms
}

impl Finding {
    fn of(entry: Entry, known: Option<&Entry>, fingerprint: Fingerprint) -> Self {
        if Some(&entry) == known { Self::Refresh(fingerprint) } else { Self::Put(entry, fingerprint) }
    }
}
