//! The limits of inotify, named for what they are (inotify(7), "/proc interfaces").

use causeway_sync::path::RelPathBuf;

use crate::watch::WatchLimit;

/// Enough for a share of millions of files; a watch costs the kernel about 1 KB, and only while it is used.
const WATCHES_MIN: u64 = 1 << 20;
const INSTANCES_MIN: u64 = 1 << 10;

/// The present value; 0 where it can't be read.
fn current(name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}"));
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The limit of watched directories was met at `subtree`.
pub(super) fn watches(subtree: RelPathBuf) -> WatchLimit {
    let current = current("max_user_watches");
    WatchLimit::Watches { subtree, current, suggested: WATCHES_MIN.max(current.saturating_mul(2)) }
}

/// The limit of watchers was met.
pub(super) fn instances() -> WatchLimit {
    let current = current("max_user_instances");
    WatchLimit::Instances { current, suggested: INSTANCES_MIN.max(current.saturating_mul(2)) }
}
