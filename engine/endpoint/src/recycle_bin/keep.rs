//! What rests in the recycle bin, and how long.

use std::io::Read;

use causeway_sync::path::PATH_BYTES_MAX;
use causeway_sync::{Entry, File, NameBuf, RelPathBuf};

use super::name::{self, BinId, ItemName, Parsed, Reason};
use crate::fs::{self, Area, Fs, FsErrorKind, Kind, Stat};
use crate::names::Names;
use crate::walk::{self, Measure};

/// An item of the recycle bin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which; tells when it came.
    pub id: BinId,
    /// Where it stood; the root where that isn't known any more (after some crashes).
    pub path: RelPathBuf,
    /// Why it is here.
    pub reason: Reason,
    /// What it is; of a file without its digest, of a directory without what it holds.
    pub entry: Entry,
}

/// What the recycle bin holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Items.
    pub items: u64,
    /// Bytes in their files.
    pub bytes: u64,
}

/// How long the recycle bin keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Items older than this are deleted, in milliseconds.
    pub age_ms_max: u64,
    /// Beyond this many bytes the oldest are deleted, however young.
    pub bytes_max: u64,
}

impl Default for Retention {
    /// Thirty days, as desktop systems keep their bins, and 10 GB.
    fn default() -> Self {
        Self { age_ms_max: 30 * 24 * 3_600_000, bytes_max: 10_000_000_000 }
    }
}

/// Where an item stands.
pub(crate) struct Found<F: Fs> {
    pub hour: F::Dir,
    pub name: NameBuf,
    pub item: ItemName,
}

impl<F: Fs> Found<F> {
    /// Where it stood in the share; the root where that isn't known.
    pub(crate) fn path(&self, fs: &F) -> RelPathBuf {
        match &self.item.path {
            Some(path) => path.clone(),
            None => read_path(fs, &self.hour, &self.name).unwrap_or_default(),
        }
    }
}

fn path_file(name: &NameBuf) -> Option<NameBuf> {
    NameBuf::new([name.as_bytes(), name::PATH_FILE].concat()).ok()
}

fn read_path<F: Fs>(fs: &F, hour: &F::Dir, name: &NameBuf) -> Option<RelPathBuf> {
    let file = fs.open_file(hour, &path_file(name)?).ok()?;
    let mut bytes = Vec::new();
    file.take(PATH_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
    RelPathBuf::new(bytes).ok()
}

/// The hours, oldest first.
fn hours<F: Fs>(fs: &F) -> fs::Result<Vec<(u64, NameBuf)>> {
    let names = Names::list(fs, &fs.root(Area::Bin)?)?;
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<u64>().ok();
    let mut hours: Vec<_> =
        names.iter().filter_map(|(name, _)| Some((number(name.as_bytes())?, name.to_owned()))).collect();
    hours.sort_unstable();
    Ok(hours)
}

/// The items of an hour, oldest first.
fn items_of<F: Fs>(fs: &F, hour: &F::Dir) -> fs::Result<Vec<(ItemName, NameBuf)>> {
    let mut items: Vec<_> = Names::list(fs, hour)?
        .iter()
        .filter_map(|(name, _)| match name::parse(name.as_bytes()) {
            Parsed::Item(item) => Some((item, name.to_owned())),
            Parsed::PathFile | Parsed::Foreign => None,
        })
        .collect();
    items.sort_unstable_by_key(|(item, _)| item.id);
    Ok(items)
}

/// Calls `each` for the items after `after`, oldest first, until it says no.
pub(crate) fn visit<F: Fs>(
    fs: &F,
    after: Option<BinId>,
    mut each: impl FnMut(Found<F>) -> fs::Result<bool>,
) -> fs::Result<()> {
    let root = fs.root(Area::Bin)?;
    for (start_ms, name) in hours(fs)? {
        if after.is_some_and(|after| start_ms.saturating_add(super::HOUR_MS) <= after.at_ms) {
            continue;
        }
        let hour = match fs.open_dir(&root, &name) {
            Err(error) if error.kind == FsErrorKind::NotFound => continue,
            opened => opened?,
        };
        for (item, name) in items_of(fs, &hour)? {
            if after.is_none_or(|after| item.id > after) && !each(Found { hour: hour.clone(), name, item })? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// At most `limit` items after `after`, oldest first.
pub(crate) fn items<F: Fs>(fs: &F, after: Option<BinId>, limit: usize) -> fs::Result<Vec<Item>> {
    let mut list = Vec::new();
    visit(fs, after, |found| {
        if list.len() == limit {
            return Ok(false);
        }
        // Somebody may be restoring it at this moment.
        if let Some(stat) = fs.stat(&found.hour, &found.name)? {
            list.push(Item {
                id: found.item.id,
                path: found.path(fs),
                reason: found.item.reason,
                entry: entry(fs, &found, &stat)?,
            });
        }
        Ok(true)
    })?;
    Ok(list)
}

fn entry<F: Fs>(fs: &F, found: &Found<F>, stat: &Stat) -> fs::Result<Entry> {
    let Stat { size, executable, mtime_ns, .. } = *stat;
    Ok(match stat.kind {
        Kind::Directory => Entry::Directory,
        Kind::File => Entry::File(File { digest: None, size, executable, mtime_ns }),
        Kind::Symlink => Entry::Symlink(fs.read_link(&found.hour, &found.name)?),
        _ => Entry::Untracked,
    })
}

/// Where the item stands; `None` where it doesn't exist (any more).
pub(crate) fn locate<F: Fs>(fs: &F, id: BinId) -> fs::Result<Option<Found<F>>> {
    let mut located = None;
    let before = BinId { at_ms: id.at_ms - id.at_ms % super::HOUR_MS, number: 0 };
    visit(fs, Some(before), |found| {
        let is_it = found.item.id == id;
        if is_it {
            located = Some(found);
            return Ok(false);
        }
        Ok(found.item.id < id)
    })?;
    Ok(located)
}

/// Measures every item. Costs a look at each file in the bin.
pub(crate) fn usage<F: Fs>(fs: &F) -> fs::Result<Usage> {
    let mut usage = Usage::default();
    visit(fs, None, |found| {
        usage.items += 1;
        usage.bytes += walk::measure(fs, &found.hour, &found.name)?.bytes;
        Ok(true)
    })?;
    Ok(usage)
}

/// Deletes an item for good.
pub(crate) fn delete<F: Fs>(fs: &F, found: &Found<F>) -> fs::Result<()> {
    walk::remove_tree(fs, &found.hour, &found.name)?;
    forget_path(fs, found)
}

/// Removes the file with the path of an item that has left the bin.
pub(crate) fn forget_path<F: Fs>(fs: &F, found: &Found<F>) -> fs::Result<()> {
    match path_file(&found.name) {
        Some(beside) if found.item.path.is_none() => walk::remove_tree(fs, &found.hour, &beside),
        _ => Ok(()),
    }
}

/// Deletes what came before `before_ms`, at most `limit` items; tells whether there is more.
pub(crate) fn empty<F: Fs>(fs: &F, before_ms: u64, limit: u64) -> fs::Result<(Usage, bool)> {
    let mut deleted = Usage::default();
    let mut more = false;
    visit(fs, None, |found| {
        if found.item.id.at_ms >= before_ms {
            return Ok(false);
        }
        more = deleted.items == limit;
        if more {
            return Ok(false);
        }
        deleted.bytes += walk::measure(fs, &found.hour, &found.name)?.bytes;
        delete(fs, &found)?;
        deleted.items += 1;
        Ok(true)
    })?;
    if !more {
        remove_empty_hours(fs)?;
    }
    Ok((deleted, more))
}

/// Deletes what `retention` doesn't keep; returns what was deleted.
pub(crate) fn expire<F: Fs>(fs: &F, retention: Retention, now_ms: u64) -> fs::Result<Usage> {
    let mut all: Vec<(BinId, Measure)> = Vec::new();
    visit(fs, None, |found| {
        all.push((found.item.id, walk::measure(fs, &found.hour, &found.name)?));
        Ok(true)
    })?;
    let mut bytes: u64 = all.iter().map(|(_, measure)| measure.bytes).sum();
    let mut deleted = Usage::default();
    let mut doomed = all.iter().peekable();
    visit(fs, None, |found| {
        let Some((id, measure)) = doomed.next_if(|(id, _)| *id == found.item.id) else { return Ok(false) };
        let is_old = now_ms.saturating_sub(id.at_ms) >= retention.age_ms_max;
        if !is_old && bytes <= retention.bytes_max {
            return Ok(false);
        }
        delete(fs, &found)?;
        bytes -= measure.bytes;
        deleted.items += 1;
        deleted.bytes += measure.bytes;
        Ok(true)
    })?;
    remove_empty_hours(fs)?;
    Ok(deleted)
}

fn remove_empty_hours<F: Fs>(fs: &F) -> fs::Result<()> {
    let root = fs.root(Area::Bin)?;
    for (_, name) in hours(fs)? {
        match fs.remove_dir(&root, &name) {
            Err(error) if !matches!(error.kind, FsErrorKind::NotEmpty | FsErrorKind::NotFound) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
