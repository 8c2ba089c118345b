//! Errands: what people want of a side, one after the other on a thread of their own.

use std::sync::atomic::Ordering;

use causeway_index::{IndexError, StoreError};
use causeway_sync::RelPath;
use causeway_wire::agent::{Failure, FailureKind};
use causeway_wire::errand::{self, BinItem, BinReason, Counts, Errand, ErrandReply, VerifiedEntry};
use causeway_wire::parts;
use causeway_wire::share::Space;

use super::boot::now_ms;
use super::core::{Core, lock};
use crate::error::{KeepError, LookError};
use crate::fs::{Fs, FsError, FsErrorKind};
use crate::recycle_bin::{BinId, Item, Reason, Retention, Usage};
use crate::verify::Verified;

/// Items of the recycle bin that are deleted in one go: some tenths of a second.
const EMPTIED_AT_ONCE: u64 = 1024;

/// A verification tells how far it is each time that it has read so much: some tenths of a second on a slow disk.
const VERIFY_TOLD_BYTES: u64 = 16 << 20;

/// How often the recycle bin is looked through for what it isn't to keep any longer, in milliseconds.
const EXPIRE_EVERY_MS: u64 = 24 * 3_600_000;

/// Does an errand.
pub(super) fn run<F: Fs>(core: &Core<F>, errand: Errand) -> Result<ErrandReply, Failure> {
    let endpoint = &core.endpoint;
    match errand {
        Errand::Counts => counts(core),
        Errand::BinList { after, limit } => {
            let limit = limit as usize;
            let found = endpoint.bin_items(after.map(bin_id), limit).map_err(kept)?;
            let mut items: Vec<BinItem> = found.into_iter().map(bin_item).collect();
            let full = items.len() >= limit;
            let more = parts::fit(&mut items) || full;
            Ok(ErrandReply::Bin { items, more })
        }
        Errand::BinRestore { item, to } => {
            let path = endpoint.bin_restore(bin_id(item), to.as_deref()).map_err(kept)?;
            Ok(ErrandReply::Restored(path))
        }
        Errand::Rename { path, to } => {
            endpoint.rename(&path, &to).map_err(kept)?;
            Ok(ErrandReply::Done)
        }
        Errand::BinEmpty { before_ms } => {
            let (deleted, more) = endpoint.bin_empty(before_ms, EMPTIED_AT_ONCE).map_err(kept)?;
            Ok(ErrandReply::Removed { entries: deleted.items, bytes: deleted.bytes, more })
        }
        Errand::Prune => {
            *lock(&core.prunable) = None;
            let pruned = endpoint.prune(now_ms()).map_err(kept)?;
            Ok(ErrandReply::Removed { entries: pruned.items, bytes: pruned.bytes, more: false })
        }
        Errand::Verify { after, limit } => verify(core, after.as_deref(), limit as usize),
        Errand::CountBelow { directory, limit } => {
            let entries = endpoint.entries_below(&directory, limit).map_err(|error| index(&error))?;
            Ok(ErrandReply::Below { entries })
        }
        Errand::AcceptEmptied => {
            endpoint.accept_emptied();
            core.plan(|agenda| agenda.whole_due_ms = Some(0));
            Ok(ErrandReply::Done)
        }
    }
}

fn counts<F: Fs>(core: &Core<F>) -> Result<ErrandReply, Failure> {
    let counts = core.endpoint.counts();
    let space = core.endpoint.space().map_err(|error| fs(&error))?;
    expire(core);
    let bin = core.endpoint.bin_usage().map_err(kept)?;
    // Measuring them walks over them: done when the rules have changed, not for each count.
    let known = *lock(&core.prunable);
    let prunable = match known {
        Some(known) => known,
        None => {
            let measured = core.endpoint.excluded().map_err(kept)?;
            *lock(&core.prunable) = Some(measured);
            measured
        }
    };
    Ok(ErrandReply::Counts(Counts {
        crawled: core.endpoint.is_crawled(),
        files: counts.files,
        directories: counts.directories,
        symlinks: counts.symlinks,
        untracked: counts.untracked,
        bytes: counts.bytes,
        prunable: prunable.items,
        prunable_bytes: prunable.bytes,
        bin_items: bin.items,
        bin_bytes: bin.bytes,
        space: Space { free_bytes: space.free_bytes, total_bytes: space.total_bytes, free_inodes: space.free_inodes },
    }))
}

/// Deletes what the recycle bin isn't to keep any longer, once a day. Done when something is counted, which is when something has
/// changed: a share at rest needs no timer.
fn expire<F: Fs>(core: &Core<F>) {
    let now_ms = now_ms();
    if core.expire_due_ms.load(Ordering::Relaxed) > now_ms {
        return;
    }
    core.expire_due_ms.store(now_ms + EXPIRE_EVERY_MS, Ordering::Relaxed);
    match core.endpoint.bin_expire(Retention::default(), now_ms) {
        Ok(Usage { items: 0, .. }) => {}
        Ok(Usage { items, bytes }) => tracing::info!(items, bytes, "left the recycle bin, old or over its limit"),
        Err(error) => tracing::warn!(%error, "the recycle bin could not be looked through"),
    }
}

fn verify<F: Fs>(core: &Core<F>, after: Option<&RelPath>, limit: usize) -> Result<ErrandReply, Failure> {
    if after.is_none() {
        core.verify_read.store(0, Ordering::Relaxed);
    }
    let mut untold = 0;
    let mut goes_on = |bytes: u64| {
        let read = core.verify_read.fetch_add(bytes, Ordering::Relaxed) + bytes;
        untold += bytes;
        if untold >= VERIFY_TOLD_BYTES {
            untold = 0;
            core.report.verify_read(read);
        }
        !core.stop_verifying.load(Ordering::Relaxed)
    };
    let (found, more) = core.endpoint.verify(after, limit, &mut goes_on).map_err(|error| looked(&error))?;
    core.report.verify_read(core.verify_read.load(Ordering::Relaxed));
    let entry = |Verified { path, found, indexed }| VerifiedEntry { path, found, indexed };
    let mut entries: Vec<VerifiedEntry> = found.into_iter().map(entry).collect();
    let more = parts::fit(&mut entries) || more;
    Ok(ErrandReply::Verified { entries, more })
}

fn bin_id(id: errand::BinId) -> BinId {
    BinId { at_ms: id.at_ms, number: id.number }
}

fn bin_item(item: Item) -> BinItem {
    let reason = match item.reason {
        Reason::Removed => BinReason::Removed,
        Reason::Replaced => BinReason::Replaced,
        Reason::Raced => BinReason::Raced,
        Reason::Pruned => BinReason::Pruned,
        Reason::Recovered => BinReason::Recovered,
    };
    let id = errand::BinId { at_ms: item.id.at_ms, number: item.id.number };
    let path = (!item.path.is_root()).then_some(item.path);
    BinItem { id, path, reason, entry: item.entry }
}

fn kept(error: KeepError) -> Failure {
    match &error {
        KeepError::NoItem(_) | KeepError::UnknownPlace(_) | KeepError::Absent(_) => {
            Failure::new(FailureKind::NotFound, error)
        }
        KeepError::Occupied(_) | KeepError::Ignored(_) => Failure::new(FailureKind::Occupied, error),
        KeepError::Fs(error) => fs(error),
        KeepError::Index(error) => index(error),
    }
}

fn looked(error: &LookError) -> Failure {
    match error {
        LookError::Root(_) => Failure::new(FailureKind::NotFound, error),
        LookError::Fs(error) => fs(error),
        LookError::Index(error) => index(error),
    }
}

fn fs(error: &FsError) -> Failure {
    let kind = match error.kind {
        FsErrorKind::NoSpace => FailureKind::NoSpace,
        FsErrorKind::PermissionDenied | FsErrorKind::ReadOnly => FailureKind::PermissionDenied,
        FsErrorKind::NotFound => FailureKind::NotFound,
        FsErrorKind::Exists => FailureKind::Occupied,
        _ => FailureKind::Io,
    };
    Failure::new(kind, error)
}

fn index(error: &IndexError) -> Failure {
    let kind = match error {
        IndexError::Store(StoreError::NoSpace { .. }) => FailureKind::NoSpace,
        _ => FailureKind::Index,
    };
    Failure::new(kind, error)
}
