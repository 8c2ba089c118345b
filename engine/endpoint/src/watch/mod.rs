//! Watching one side's share: hints about what may have changed, from the system's own notification.
//!
//! A watcher never says what changed: it names dirty paths, and says when it lost track. Nothing is debounced, filtered by
//! ignore rules or remembered here; events reach the sink on the thread that read them, as soon as they were read.
//!
//! Absent by design: looking at files, deciding, timers (but for [`Poller`], which exists for nothing else).

mod event;

pub use event::{Hint, Sink, Watch, WatchError, WatchEvent, WatchLimit};
