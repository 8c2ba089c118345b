//! The recycle bin: what Causeway took out of a share rests here until a person restores it or empties the bin, or until it is
//! older than [`Retention`] says.
//!
//! An item is what stood at one path, a directory with all it held, moved here by one rename. Items stand in directories of one
//! hour each, named by the hour's beginning in milliseconds since 1970; their names tell the rest ([`name`]).

mod keep;
mod name;

pub use keep::{Item, Retention, Usage};
pub use name::{BinId, InvalidBinId, Reason};

pub(crate) use keep::{Found, empty, expire, forget_path, items, locate};

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_sync::{Name, NameBuf, RelPath};

use crate::fs::{self, Area, Fs, FsError, FsErrorKind, Rename};
use crate::walk;

/// Begins the name of what was taken out of the share into staging: never deleted unseen, but moved on into the bin.
pub(crate) const TAKEN_PREFIX: &[u8] = b"x-";

const HOUR_MS: u64 = 3_600_000;
/// How often a taken name is tried anew with the next number.
const NAMES_TRIED_MAX: u32 = 64;

/// Where things are put into the bin.
pub(crate) struct Bin<F: Fs> {
    next: AtomicU64,
    hour: Mutex<Option<(u64, F::Dir)>>,
    /// What it holds, once somebody has asked.
    usage: Mutex<Option<Usage>>,
}

/// Something taken out of the share, not yet kept for good.
pub(crate) struct Taken<F: Fs> {
    pub dir: F::Dir,
    pub name: NameBuf,
    /// It stands in staging, because the bin is on another file system.
    pub aside: bool,
}

impl<F: Fs> Bin<F> {
    pub(crate) fn new() -> Self {
        Self { next: AtomicU64::new(1), hour: Mutex::new(None), usage: Mutex::new(None) }
    }

    fn next_id(&self, now_ms: u64) -> BinId {
        BinId { at_ms: now_ms, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// A name for staging under which something taken out from `path` may stand.
    pub(crate) fn taken_name(&self, path: &RelPath, reason: Reason, now_ms: u64) -> NameBuf {
        let (item, _) = name::item_name(self.next_id(now_ms), reason, path);
        let mut bytes = TAKEN_PREFIX.to_vec();
        bytes.extend_from_slice(item.as_bytes());
        NameBuf::new(bytes).expect("an item's name leaves room for the prefix")
    }

    /// Takes what stands at `from_name` out of the share in one step.
    pub(crate) fn take(
        &self,
        fs: &F,
        (from, from_name): (&F::Dir, &Name),
        path: &RelPath,
        reason: Reason,
        now_ms: u64,
    ) -> fs::Result<Taken<F>> {
        if !fs.in_share_staging() {
            let (dir, name) = self.rename_in(fs, (from, from_name), path, reason, now_ms)?;
            return Ok(Taken { dir, name, aside: false });
        }
        let staging = fs.root(Area::Staging)?;
        let name = self.taken_name(path, reason, now_ms);
        fs.rename(from, from_name, &staging, &name, Rename::NoReplace)?;
        Ok(Taken { dir: staging, name, aside: true })
    }

    /// Keeps what was taken out.
    pub(crate) fn keep(&self, fs: &F, taken: &Taken<F>, path: &RelPath, reason: Reason, now_ms: u64) -> fs::Result<()> {
        if taken.aside {
            return self.put(fs, (&taken.dir, &taken.name), path, reason, now_ms);
        }
        self.count_in(fs, &taken.dir, &taken.name);
        Ok(())
    }

    /// What it holds. The first call measures every item; from then on it is counted along.
    pub(crate) fn usage(&self, fs: &F) -> fs::Result<Usage> {
        if let Some(usage) = *self.counted() {
            return Ok(usage);
        }
        let usage = keep::usage(fs)?;
        *self.counted() = Some(usage);
        Ok(usage)
    }

    /// Something was put into it that wasn't counted along: it is measured anew when it is asked for.
    pub(crate) fn forget_usage(&self) {
        *self.counted() = None;
    }

    /// Notes that items have left it.
    pub(crate) fn count_out(&self, gone: Usage) {
        if let Some(usage) = &mut *self.counted() {
            usage.items = usage.items.saturating_sub(gone.items);
            usage.bytes = usage.bytes.saturating_sub(gone.bytes);
        }
    }

    fn count_in(&self, fs: &F, dir: &F::Dir, name: &Name) {
        if self.counted().is_none() {
            return;
        }
        let measured = walk::measure(fs, dir, name);
        let mut usage = self.counted();
        match (measured, &mut *usage) {
            (Ok(measure), Some(usage)) => {
                usage.items += 1;
                usage.bytes += measure.bytes;
            }
            // Measured anew when somebody asks.
            _ => *usage = None,
        }
    }

    fn counted(&self) -> MutexGuard<'_, Option<Usage>> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves what stands in staging into the bin; by a copy where the bin is on another file system.
    pub(crate) fn put(
        &self,
        fs: &F,
        from: (&F::Dir, &Name),
        path: &RelPath,
        reason: Reason,
        now_ms: u64,
    ) -> fs::Result<()> {
        let (dir, name) = match self.rename_in(fs, from, path, reason, now_ms) {
            Err(error) if error.kind == FsErrorKind::CrossDevice => self.copy_in(fs, from, path, reason, now_ms)?,
            done => done?,
        };
        self.count_in(fs, &dir, &name);
        Ok(())
    }

    fn rename_in(
        &self,
        fs: &F,
        (from, from_name): (&F::Dir, &Name),
        path: &RelPath,
        reason: Reason,
        now_ms: u64,
    ) -> fs::Result<(F::Dir, NameBuf)> {
        self.with_free_name(fs, path, reason, now_ms, |into, name| {
            fs.rename(from, from_name, into, name, Rename::NoReplace)
        })
    }

    fn copy_in(
        &self,
        fs: &F,
        (from, from_name): (&F::Dir, &Name),
        path: &RelPath,
        reason: Reason,
        now_ms: u64,
    ) -> fs::Result<(F::Dir, NameBuf)> {
        let copied = self.with_free_name(fs, path, reason, now_ms, |into, name| {
            let copied = walk::copy_tree(fs, from, from_name, into, name);
            if copied.as_ref().is_err_and(|error| error.kind != FsErrorKind::Exists) {
                // A half-copied item would be no more than a puzzle; the whole one still stands in staging.
                let _ = walk::remove_tree(fs, into, name);
            }
            copied
        })?;
        walk::remove_tree(fs, from, from_name)?;
        Ok(copied)
    }

    fn with_free_name(
        &self,
        fs: &F,
        path: &RelPath,
        reason: Reason,
        now_ms: u64,
        place: impl Fn(&F::Dir, &Name) -> fs::Result<()>,
    ) -> fs::Result<(F::Dir, NameBuf)> {
        let mut tried = 0;
        loop {
            tried += 1;
            let hour = self.hour(fs, now_ms, tried > 1)?;
            let (name, path_file) = name::item_name(self.next_id(now_ms), reason, path);
            let placed = match &path_file {
                Some(beside) => write_path(fs, &hour, beside, path).and_then(|()| place(&hour, &name)),
                None => place(&hour, &name),
            };
            match placed {
                Ok(()) => return Ok((hour, name)),
                // Another process's number, or an hour that was just emptied and removed.
                Err(error)
                    if matches!(error.kind, FsErrorKind::Exists | FsErrorKind::NotFound)
                        && tried < if error.kind == FsErrorKind::Exists { NAMES_TRIED_MAX } else { 2 } => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The directory of the hour of `now_ms`, opened `anew` or as it was last used.
    fn hour(&self, fs: &F, now_ms: u64, anew: bool) -> fs::Result<F::Dir> {
        let start_ms = now_ms - now_ms % HOUR_MS;
        let mut open = self.hour.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, dir)) = &*open
            && *of == start_ms
            && !anew
        {
            return Ok(dir.clone());
        }
        let root = fs.root(Area::Bin)?;
        let name = NameBuf::new(start_ms.to_string().into_bytes()).expect("digits are a name");
        let dir = match fs.create_dir(&root, &name) {
            Err(error) if error.kind == FsErrorKind::Exists => fs.open_dir(&root, &name)?,
            made => made?,
        };
        *open = Some((start_ms, dir.clone()));
        Ok(dir)
    }
}

fn write_path<F: Fs>(fs: &F, dir: &F::Dir, name: &Name, path: &RelPath) -> fs::Result<()> {
    let mut file = fs.create_file(dir, name, false)?;
    file.write_all(path.as_bytes()).map_err(|error| FsError::at("write the path of a removed item", name, error))
}

/// Whether a name in staging belongs to something that was taken out of the share; then what its name tells of it.
pub(crate) fn taken_origin(staged: &Name) -> Option<Option<causeway_sync::RelPathBuf>> {
    let item = staged.as_bytes().strip_prefix(TAKEN_PREFIX)?;
    Some(match name::parse(item) {
        name::Parsed::Item(item) => item.path,
        name::Parsed::PathFile | name::Parsed::Foreign => None,
    })
}
