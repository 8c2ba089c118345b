//! Files that containers have bound: the guest updates them in place.

use std::path::Path;

use causeway_sync::RelPathBuf;

use super::actor::{Actor, Link};

impl Actor {
    /// Tells the guest which files these are, unless it knows.
    pub(super) fn pin(&mut self) {
        let (Link::Up(up), Some(guest)) = (&mut self.link, &self.guest_path) else { return };
        let bound = self.around.usage.bound_below(Path::new(&*guest.to_text()));
        let paths: Vec<_> = bound.into_iter().filter_map(|path| RelPathBuf::new(path.into_bytes()).ok()).collect();
        if up.pinned.as_ref() != Some(&paths) {
            up.guest.pin(paths.clone());
            up.pinned = Some(paths);
        }
    }
}
