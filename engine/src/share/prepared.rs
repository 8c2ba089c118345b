//! Whether a share's copy was whole at some time: a file that stands beside what else is kept of it.
//!
//! Until then a container would find nothing in the machine, or half; after that at worst what is old.

use std::fs::File;
use std::io;

use causeway_api::{Amount, Home, ShareId};
use causeway_sync::session::Status;
use causeway_wire::errand::Counts;

use super::actor::{Actor, Link};

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
    pub(super) fn note_prepared(&mut self, now_ms: u64) {
        let path = self.around.share_dir(&self.settings).join(PREPARED_NAME);
        if self.prepared_noted || path.exists() {
            self.prepared_noted = true;
            return;
        }
        match File::create(&path) {
            Ok(_) => {
                self.prepared_noted = true;
                if let Link::Up(up) = &self.link {
                    self.known.prepared_in_ms = Some(now_ms.saturating_sub(up.milestones.began_ms));
                }
            }
            Err(error) => tracing::warn!(path = %path.display(), %error, "can't be made"),
        }
    }

    /// Both sides have been counted: how long it took to copy so much says how long the next share will take, if all of it was copied.
    pub(super) fn note_preparation(&mut self, host: &Counts, status: &Status) {
        let Some(took_ms) = self.known.prepared_in_ms.take() else { return };
        if status.carried_files < host.files || status.carried_bytes < host.bytes {
            return;
        }
        let amount = Amount { entries: host.files + host.directories + host.symlinks, bytes: host.bytes };
        self.around.preparations.note(&self.around.machine.info(), amount, took_ms);
    }
}
