//! The names in a directory, sorted, in little memory: some 30 bytes for a name, a directory of a million in 30 MB.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use causeway_sync::Name;

use crate::fs::{self, Fs, Kind};

/// Names in ascending order of their bytes, as the index orders them.
#[derive(Default)]
pub(crate) struct Names {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

struct Span {
    start: u32,
    len: u8,
    kind: Option<Kind>,
}

impl Names {
    /// Lists `dir`. Memory is the bound: names beyond 4 GiB in all are an error of the kind `TooLarge`.
    pub(crate) fn list<F: Fs>(fs: &F, dir: &F::Dir) -> fs::Result<Self> {
        let mut names = Self::default();
        let mut fits = true;
        fs.list(dir, &mut |name, kind| {
            fits = names.push(name, kind);
            if fits { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if !fits {
            return Err(fs::FsError::of_kind(
                "list the directory",
                causeway_sync::RelPath::ROOT,
                fs::FsErrorKind::TooLarge,
            ));
        }
        let bytes = &names.bytes;
        names.spans.sort_unstable_by(|a, b| a.of(bytes).cmp(b.of(bytes)));
        names.spans.dedup_by(|a, b| a.of(bytes) == b.of(bytes));
        Ok(names)
    }

    /// Appends without sorting; false when it doesn't fit.
    fn push(&mut self, name: &Name, kind: Option<Kind>) -> bool {
        let Ok(start) = u32::try_from(self.bytes.len()) else { return false };
        let len = u8::try_from(name.as_bytes().len()).expect("a name has at most 255 bytes");
        self.bytes.extend_from_slice(name.as_bytes());
        self.spans.push(Span { start, len, kind });
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(crate) fn get(&self, at: usize) -> (&Name, Option<Kind>) {
        let span = &self.spans[at];
        let name = Name::new(span.of(&self.bytes)).expect("it was a name when it was listed");
        (name, span.kind)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, Option<Kind>)> {
        (0..self.len()).map(|at| self.get(at))
    }

    pub(crate) fn contains(&self, name: &Name) -> bool {
        self.spans.binary_search_by(|span| span.of(&self.bytes).cmp(name.as_bytes())).is_ok()
    }

    /// The listed name that answers to `name`, which isn't listed itself but by which something of this `inode` was found: the same but
    /// for case, or, normalised in another way, the same file.
    pub(crate) fn answering_to<F: Fs>(
        &self,
        fs: &F,
        dir: &F::Dir,
        name: &Name,
        inode: u64,
    ) -> fs::Result<Option<&Name>> {
        let wanted = folded(name);
        if let Some((listed, _)) = self.iter().find(|(listed, _)| folded(listed) == wanted) {
            return Ok(Some(listed));
        }
        for (listed, _) in self.iter() {
            if fs.stat(dir, listed)?.is_some_and(|stat| stat.inode == inode) {
                return Ok(Some(listed));
            }
        }
        Ok(None)
    }

    /// Where the first name after `after` stands.
    pub(crate) fn after(&self, after: &Name) -> usize {
        self.spans.partition_point(|span| span.of(&self.bytes).cmp(after.as_bytes()) != Ordering::Greater)
    }

    /// Keeps the names of which `keep` says so.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Name, Option<Kind>) -> bool) {
        let bytes = &self.bytes;
        self.spans.retain(|span| {
            let name = Name::new(span.of(bytes)).expect("it was a name when it was listed");
            keep(name, span.kind)
        });
    }
}

/// A name without its case.
pub(crate) fn folded(name: &Name) -> String {
    String::from_utf8_lossy(name.as_bytes()).to_lowercase()
}

impl Span {
    fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start as usize..self.start as usize + usize::from(self.len)]
    }
}
