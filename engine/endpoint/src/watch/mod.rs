//! Watching one side's share: hints about what may have changed, from the system's own notification.
//!
//! A watcher never says what changed: it names dirty paths, and says when it lost track. Nothing is debounced or remembered
//! here; events reach the sink on the thread that read them, as soon as they were read.
//!
//! - [`HostWatcher`]: on Linux inotify, one watch for each directory; elsewhere the `notify` crate (FSEvents,
//!   `ReadDirectoryChangesW`), whose inotify part loses track of trees of the size that Causeway is made for.
//! - [`GuestWatcher`]: one fanotify mark for the whole disk, where that is permitted; otherwise as on the host.
//! - [`Poller`]: asks for crawls at an interval, while a limit keeps a watcher from seeing everything.
//!
//! Absent by design: looking at content, deciding, debouncing.

mod cookies;
mod event;
#[cfg(target_os = "linux")]
mod fanotify;
mod guest;
#[cfg(target_os = "linux")]
mod inotify;
mod poller;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;
#[cfg(target_os = "linux")]
mod wakeup;

pub use event::{Hint, Sink, Skip, Watch, WatchConfig, WatchError, WatchEvent, WatchLimit};
pub use guest::GuestWatcher;
#[cfg(target_os = "linux")]
pub use inotify::InotifyWatcher as HostWatcher;
pub use poller::Poller;
#[cfg(not(target_os = "linux"))]
pub use portable::PortableWatcher as HostWatcher;
