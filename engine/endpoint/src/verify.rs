//! Reading everything, to compare it with the other side and with the index.

use causeway_sync::ignore::Verdict;
use causeway_sync::{Entry, Problem, ProblemKind, RelPath, RelPathBuf};

use crate::endpoint::Endpoint;
use crate::error::LookError;
use crate::fs::{self, Area, Fs, FsError, FsErrorKind, Kind, Stat};
use crate::hash::{self, Buffer, Reading};
use crate::problem;
use crate::settings::Look;
use crate::walk::{Step, Walk};

/// A page ends after so many bytes were read: some tenths of a second.
const PAGE_BYTES: u64 = 64 << 20;

/// An entry as it was just read from the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Where.
    pub path: RelPathBuf,
    /// What stands there; files with their digest. A problem where it can't be read.
    pub found: Result<Entry, Problem>,
    /// Whether the index says the same. Where not, it is looked at again.
    pub indexed: bool,
}

impl<F: Fs> Endpoint<F> {
    /// Reads what stands in the share after `after`, in the order of paths; at most `limit` entries, fewer where they are long.
    /// Tells too whether there is more. Ignored and untracked things are left out. `goes_on` is told how many bytes more have been
    /// read; as soon as it says no, this ends where it is, in the middle of a file too.
    pub fn verify(
        &self,
        after: Option<&RelPath>,
        limit: usize,
        goes_on: &mut impl FnMut(u64) -> bool,
    ) -> Result<(Vec<Verified>, bool), LookError> {
        let root = self.fs.root(Area::Share)?;
        let mut walk = Walk::new(&self.fs, root)?;
        if let Some(after) = after {
            resume(&mut walk, after);
        }
        let mut page = Vec::new();
        let mut bytes = 0;
        let mut buffer = Buffer::default();
        while let Some(step) = walk.next() {
            let Step::Entry(path, _) = step else { continue };
            if let Some((verified, stat)) = self.verify_entry(&mut walk, path, &mut buffer, goes_on)? {
                bytes += stat.size;
                page.push(verified);
            }
            if page.len() >= limit || bytes >= PAGE_BYTES || !goes_on(0) {
                return Ok((page, true));
            }
        }
        Ok((page, false))
    }

    fn verify_entry(
        &self,
        walk: &mut Walk<'_, F>,
        path: RelPathBuf,
        buffer: &mut Buffer,
        goes_on: &mut impl FnMut(u64) -> bool,
    ) -> Result<Option<(Verified, Stat)>, LookError> {
        let (above, name) = path.split_last().expect("an entry has a name");
        if above.is_root() && fs::is_reserved(name) {
            return Ok(None);
        }
        let row = self.lock().index.lookup(&path)?.map(|(_, row)| row.entry);
        let looked = walk.parent_of(&path).and_then(|dir| Ok((self.fs.stat(&dir, name)?, dir)));
        let (stat, dir) = match looked {
            Ok((Some(stat), dir)) => (stat, dir),
            Ok((None, _)) => return Ok(None),
            Err(error) if problem::is_stale(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let rules = self.lock().rules.clone();
        match rules.ignored(&path, stat.kind == Kind::Directory) {
            Verdict::Ignored => return Ok(None),
            Verdict::IgnoredParent if row.is_none() => {
                self.enter(walk, &path);
                return Ok(None);
            }
            Verdict::IgnoredParent | Verdict::Included => {}
        }
        let found = self.read_entry(&dir, name, &stat, row.as_ref(), buffer, goes_on);
        let found = match found {
            Ok(Some(Entry::Untracked) | None) => return Ok(None),
            Ok(Some(Entry::Directory)) => self.enter(walk, &path).map_or(Ok(Entry::Directory), Err),
            Ok(Some(entry)) => Ok(entry),
            Err(problem) => Err(problem),
        };
        let indexed = match (&found, &row) {
            (Ok(found), Some(row)) => is_same(found, row),
            _ => false,
        };
        if !indexed {
            self.dirty(&path, Look::Again);
        }
        Ok(Some((Verified { path, found, indexed }, stat)))
    }

    /// Goes on inside a directory; gives the problem where that can't be done.
    fn enter(&self, walk: &mut Walk<'_, F>, path: &RelPath) -> Option<Problem> {
        match walk.enter(path) {
            Err(error) if !problem::is_stale(&error) => Some(problem::of_fs(self.side, &error)),
            _ => None,
        }
    }

    /// `None` where it vanished meanwhile, or isn't wanted any more.
    fn read_entry(
        &self,
        dir: &F::Dir,
        name: &causeway_sync::Name,
        stat: &Stat,
        row: Option<&Entry>,
        buffer: &mut Buffer,
        goes_on: &mut impl FnMut(u64) -> bool,
    ) -> Result<Option<Entry>, Problem> {
        let failed = |error: FsError| problem::of_fs(self.side, &error);
        if stat.kind != Kind::File {
            return self.eyes.entry(&self.fs, dir, name, stat, row).map_err(failed);
        }
        let mut file = self.eyes.file(stat, row);
        match hash::read_digest_while(&self.fs, dir, name, stat, buffer, goes_on) {
            Ok(None) => return Ok(None),
            Ok(Some(Reading::Whole(digest))) => file.digest = Some(digest),
            Ok(Some(Reading::Disturbed)) => return Err(problem::problem(self.side, ProblemKind::KeepsChanging, "")),
            Err(error) if error.kind == FsErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        }
        Ok(Some(Entry::File(file)))
    }
}

fn is_same(found: &Entry, row: &Entry) -> bool {
    match (found, row) {
        (Entry::File(found), Entry::File(row)) => {
            let known = causeway_sync::File { digest: row.digest.or(found.digest), ..row.clone() };
            *found == known
        }
        (found, row) => found == row,
    }
}

/// Goes on behind `after`, which was told last, or behind where it would stand.
fn resume<F: Fs>(walk: &mut Walk<'_, F>, after: &RelPath) {
    let mut at = RelPathBuf::default();
    for name in after.names() {
        walk.skip_to(name);
        at = at.join(name);
        if walk.enter(&at).is_err() {
            return;
        }
    }
}
