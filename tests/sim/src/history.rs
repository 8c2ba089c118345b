//! What users wrote, and what they themselves did away with.

use std::collections::{BTreeMap, HashMap, HashSet};

use causeway_sync::Side;

use crate::disk::Bytes;

/// A version that a user wrote.
#[derive(Clone, Debug)]
pub struct Version {
    /// Where.
    pub side: Side,
    /// At which path.
    pub path: Vec<u8>,
    /// A user wrote over it, or removed it, on some side.
    pub discarded: bool,
    /// It was written into an open file that had been taken out of the share by then, or a power cut took it.
    pub excused: bool,
}

/// What users did.
#[derive(Debug, Default)]
pub struct History {
    /// Every content that users left in a file at any moment, and every symlink's target.
    pub states: HashSet<Bytes>,
    /// Contents that a user wrote as a whole.
    pub versions: HashMap<Bytes, Version>,
    /// Contents in the order in which they were written: chance must not depend on a map's order.
    pub order: Vec<Bytes>,
    /// Paths that users touched, with the edit's number.
    pub touched: Vec<(u64, Side, Vec<u8>)>,
    /// Where users keep apart: what those of each side left in the directory of their own, by path.
    pub left: [BTreeMap<Vec<u8>, Bytes>; 2],
    /// Number of the last edit.
    pub edits: u64,
    /// Whether a side takes `a` and `A` for one name: whoever touches the one may touch the other.
    pub ignores_case: bool,
}

impl History {
    /// A user leaves this in a file.
    pub fn leave(&mut self, content: &Bytes) {
        self.states.insert(content.clone());
    }

    /// A user has written this.
    pub fn write(&mut self, side: Side, path: &[u8], content: &Bytes, excused: bool) {
        self.leave(content);
        if content.is_empty() {
            return;
        }
        let version = Version { side, path: path.to_vec(), discarded: false, excused };
        self.versions.insert(content.clone(), version);
        self.order.push(content.clone());
    }

    /// A user did away with this.
    pub fn discard(&mut self, content: &Bytes) {
        if let Some(version) = self.versions.get_mut(content) {
            version.discarded = true;
        }
    }

    /// A user touched a path.
    pub fn touch(&mut self, side: Side, path: &[u8]) {
        self.touched.push((self.edits, side, self.compared(path)));
    }

    fn compared(&self, path: &[u8]) -> Vec<u8> {
        if self.ignores_case { path.to_ascii_lowercase() } else { path.to_vec() }
    }

    /// Whether a user touched a path, or one above or below it, after an edit.
    pub fn touched_since(&self, edit: u64, path: &[u8]) -> bool {
        let within = |a: &[u8], b: &[u8]| {
            a.strip_prefix(b).is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || b.is_empty())
        };
        let path = self.compared(path);
        self.touched
            .iter()
            .rev()
            .take_while(|(at, ..)| *at > edit)
            .any(|(_, _, touched)| within(touched, &path) || within(&path, touched))
    }
}
