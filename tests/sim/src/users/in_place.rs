//! Writes in place, which take time: others see what is half written.

use std::sync::Arc;

use causeway_endpoint::watch::Hint;
use causeway_sync::Side;

use super::{brief, shown};
use crate::disk::{Bytes, Ino};
use crate::ground::Real;

/// A write that was begun: the file is open.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Where.
    pub side: Side,
    ino: Ino,
    path: Vec<u8>,
    rest: Vec<u8>,
    /// When the next step comes.
    pub due_us: u64,
}

impl Real {
    /// Opens a file, empties it, and writes the first part of what is to come.
    pub(super) fn user_begins_write(&mut self, side: Side) {
        let Some(file) = self.some_file(side) else { return };
        if self.pending.iter().any(|pending| pending.side == side && pending.ino == file.ino) {
            return;
        }
        let whole = self.new_content();
        let part: Bytes = Arc::new(whole[..whole.len() / 2].to_vec());
        self.tell(|| format!("{side:?} user begins to write {} := {}", shown(&file.path), brief(&whole)));
        self.discard(side, file.ino);
        self.history.leave(&part);
        // Reserves the content's number.
        self.history.write(side, &file.path, &whole, true);
        let now = self.stamp_ns();
        self.disks[side as usize].write(file.ino, part.clone(), true, now);
        self.disks[side as usize].step();
        self.history.touch(side, &file.path);
        self.changed(side, &file.path, Hint::Written, false);
        let due_us = self.now_us + self.random.below(50_000) as u64;
        let rest = whole[part.len()..].to_vec();
        self.pending.push(Pending { side, ino: file.ino, path: file.path, rest, due_us });
    }

    /// Ends the oldest write that was begun.
    pub fn end_write(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let is_free = |pending: &Pending| self.held[pending.side as usize] != Some(pending.ino);
        let Some(at) = self.pending.iter().position(is_free) else { return };
        let Pending { side, ino, path: begun_at, rest, .. } = self.pending.remove(at);
        self.history.edits += 1;
        let Some(part) = self.disks[side as usize].content(ino).cloned() else { return };
        let whole: Bytes = Arc::new([&part[..], &rest].concat());
        let now = self.stamp_ns();
        self.disks[side as usize].write(ino, whole.clone(), true, now);
        self.disks[side as usize].step();
        let at = self.share_path(side, ino);
        self.tell(|| format!("{side:?} user ends to write {} := {}", shown(&begun_at), brief(&whole)));
        self.history.discard(&part);
        self.history.write(side, &begun_at, &whole, at.is_none());
        if let Some(path) = at {
            self.history.touch(side, &path);
            self.changed(side, &path, Hint::Written, false);
            self.changed(side, &path, Hint::ClosedAfterWrite, false);
        }
    }

    /// Ends all writes of a side without their last part: the programs were ended.
    pub fn drop_writes(&mut self, side: Side) {
        self.pending.retain(|pending| pending.side != side);
    }

    pub(super) fn user_appends(&mut self, side: Side) {
        let Some(file) = self.some_file(side) else { return };
        let Some(before) = self.disks[side as usize].content(file.ino).cloned() else { return };
        let more = format!("+{} ", self.history.order.len());
        let whole: Bytes = Arc::new([&before[..], more.as_bytes()].concat());
        self.tell(|| format!("{side:?} user appends to {} := {}", shown(&file.path), brief(&whole)));
        self.history.discard(&before);
        self.history.write(side, &file.path, &whole, false);
        let now = self.stamp_ns();
        self.disks[side as usize].write(file.ino, whole, true, now);
        self.disks[side as usize].step();
        self.history.touch(side, &file.path);
        self.changed(side, &file.path, Hint::Written, false);
        self.changed(side, &file.path, Hint::ClosedAfterWrite, false);
    }
}
