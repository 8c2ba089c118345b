//! What a watcher reports, and what can be asked of it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use causeway_sync::path::{RelPath, RelPathBuf};

/// What kind of event made a path dirty. A hint about when to look, never about what will be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hint {
    /// A writer closed the file: it is likely whole. Look at once.
    ClosedAfterWrite,
    /// Renamed to or away from here: look at once. Where a directory stands there now, look below it too, unless a
    /// [`WatchEvent::Renamed`] says where it has come from.
    Moved,
    /// Created: a directory, symlink or hard link is complete; a file's content is still to come, and its close too. Where a
    /// directory stands there now, look below it too: it is watched by now, but what is in it may be older than that.
    Created,
    /// Removed.
    Removed,
    /// Permissions, times or owner changed.
    Attributes,
    /// Written by someone who still has it open: wait for the close, for a while. On Linux a modification time that was set alone
    /// looks the same, and no close follows.
    Written,
    /// The system doesn't tell what happened (macOS, Windows): look at once, and again if it changes meanwhile.
    Unknown,
}

/// What a watcher tells its sink. Events about one path come in the order in which they happened, though several may have become one.
///
/// A path is where the entry stood when it changed or stands now. Where a directory above it was renamed meanwhile, a
/// [`Hint::Moved`] for that directory follows, or a [`WatchEvent::Renamed`]: who finds no parent at a path looks again below the directory's
/// new place.
/// Content that is changed through one hard link is told for that one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// The path may have changed.
    Dirty {
        /// Relative to the share's root.
        path: RelPathBuf,
        /// What happened.
        hint: Hint,
        /// This process did it. Always false where the system doesn't tell who did (inotify).
        own: bool,
    },
    /// A directory was renamed within the share: both paths may have changed, as by [`Hint::Moved`]. What it holds brings no unseen change
    /// along: whatever was changed in there is told by its own path, of before or of after. Where that isn't sure, an
    /// [`WatchEvent::Overflow`] for the new path is told as well. Not told by every watcher, nor of every rename; those that are come in
    /// the order in which they happened. Of an exchange of two directories, two are told.
    Renamed {
        /// Where it stood.
        from: RelPathBuf,
        /// Where it came to stand.
        to: RelPathBuf,
    },
    /// Events were lost: anything at or below `subtree` may have changed, and has to be crawled.
    Overflow {
        /// The root of what has to be crawled.
        subtree: RelPathBuf,
    },
    /// The watcher has delivered every event of what happened before [`Watch::cookie`] was called with this number.
    CookieSeen(u64),
    /// The share's root was removed, renamed or unmounted. The watcher sees nothing any more. Not told where only a directory above
    /// the root was renamed, on some systems: opening the root tells.
    RootGone,
    /// From here on changes may go unseen, unless somebody polls ([`Poller`](super::Poller)). A watcher that has met a limit
    /// doesn't recover by itself: starting it anew does, once the limit is raised. Told once for each watcher and limit, but for
    /// [`WatchLimit::Unwatchable`], which is told for each directory.
    Limit(WatchLimit),
}

/// Why a watcher doesn't see everything, and what would help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchLimit {
    /// The user's inotify watches are used up (the system calls this "no space left on device").
    #[error(
        "the system's limit of watched directories is reached; raise it with: sysctl fs.inotify.max_user_watches={}",
        suggested
    )]
    Watches {
        /// The directory that could not be watched, and nothing below it.
        subtree: RelPathBuf,
        /// The present `fs.inotify.max_user_watches`; 0 where it can't be read.
        current: u64,
        /// A value to set.
        suggested: u64,
    },
    /// The user's inotify instances are used up.
    #[error(
        "the system's limit of watchers is reached; raise it with: sysctl fs.inotify.max_user_instances={suggested}"
    )]
    Instances {
        /// The present `fs.inotify.max_user_instances`; 0 where it can't be read.
        current: u64,
        /// A value to set.
        suggested: u64,
    },
    /// This directory can't be read, so nothing below it is watched.
    #[error("\"{subtree}\" can't be watched: {reason}")]
    Unwatchable {
        /// The directory.
        subtree: RelPathBuf,
        /// What the system said.
        reason: String,
    },
}

/// Where events go. Called on the watcher's thread: must return quickly, and not ask the watcher for anything.
pub type Sink = Arc<dyn Fn(WatchEvent) + Send + Sync>;

/// Directories that needn't be watched, because nothing at or below them can be synchronised. Asked on the watcher's thread.
/// Where the system can't leave out directories, it isn't asked. When the rules change, the watcher is started anew.
pub type Skip = Arc<dyn Fn(&RelPath) -> bool + Send + Sync>;

/// What to watch.
pub struct WatchConfig {
    /// The share's root: absolute, without symlinks in it.
    pub share: PathBuf,
    /// A directory of this watcher's own, outside the share, for cookies. Created where missing.
    pub cookies: PathBuf,
    /// Directories to leave out.
    pub skip: Option<Skip>,
}

/// A running watcher of one share. Dropping it ends it; no event comes after that.
pub trait Watch: Send + Sync {
    /// Asks for a [`WatchEvent::CookieSeen`] with this number once all that happened before this call has been delivered:
    /// a cookie file is written to a private directory that the same watcher watches. Numbers must not repeat.
    fn cookie(&self, id: u64) -> Result<(), WatchError>;
}

/// Why a watcher can't be started, or asked.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system refuses to watch at all.
    #[error("could not watch {}: {source}", path.display())]
    Start {
        /// What was to be watched.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A limit that leaves nothing to watch with.
    #[error(transparent)]
    Limit(#[from] WatchLimit),
    /// The cookie file could not be written.
    #[error("could not write the cookie {}: {source}", path.display())]
    Cookie {
        /// The cookie file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
