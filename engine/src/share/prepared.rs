//! Whether a share's copy was whole at some time: a file that stands beside what else is kept of it.
//!
//! Until then a container would find nothing in the machine, or half; after that at worst what is old.

use std::fs::File;
use std::io;

use causeway_api::{Home, ShareId};

use super::actor::Actor;

/// Name of the file in a share's directory.
const PREPARED_NAME: &str = "prepared";

/// Whether the copy was whole at some time.
pub fn was_prepared(home: &Home, share: &ShareId) -> bool {
    home.shares_dir().join(&share.0).join(PREPARED_NAME).exists()
}

/// The copy is no more: the machine's disk was deleted.
pub fn forget_prepared(home: &Home, share: &ShareId) -> io::Result<()> {
    match std::fs::remove_file(home.shares_dir().join(&share.0).join(PREPARED_NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Actor {
    /// The copy is whole: noted once.
    pub(super) fn note_prepared(&mut self) {
        let path = self.around.share_dir(&self.settings).join(PREPARED_NAME);
        if self.prepared_noted || path.exists() {
            self.prepared_noted = true;
            return;
        }
        match File::create(&path) {
            Ok(_) => self.prepared_noted = true,
            Err(error) => tracing::warn!(path = %path.display(), %error, "can't be made"),
        }
    }
}
