//! What must hold: always, when a flush is done, and at rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_endpoint::fs::Area;
use causeway_index::Counts;
use causeway_sync::ledger::{Diverged, Hold};
use causeway_sync::{Digest, Entry, File, Ledger, Mode, ProblemKind, RelPath, RelPathBuf, Side, Target};

use crate::disk::{Body, Bytes, Disk, Ino, root_of};
use crate::ground::Real;
use crate::users::brief;
use crate::world::World;

/// End what comes before the path in the names of items of the bin that were raced, or found half-way by the process that came
/// after (docs/on-disk-formats.md).
const RACED: [&[u8]; 2] = [b"-c", b"-l"];

/// What stands in a tree, by path.
pub type Tree = BTreeMap<RelPathBuf, Entry>;

/// The tree of an area.
pub fn tree(disk: &Disk, area: Area) -> Tree {
    let mut found = Tree::new();
    walk(disk, root_of(area), &mut Vec::new(), &mut |path, ino| {
        let node = disk.node(ino);
        let entry = match &node.body {
            Body::Directory(_) => Entry::Directory,
            Body::Symlink(target) => Entry::Symlink(Target::new(target.clone()).expect("only targets are made")),
            Body::File(content) => Entry::File(File {
                digest: Some(digest(content)),
                size: content.len() as u64,
                executable: node.executable,
                mtime_ns: node.mtime_ns,
            }),
        };
        found.insert(RelPathBuf::new(path.to_vec()).expect("only paths are made"), entry);
    });
    found
}

fn digest(content: &[u8]) -> Digest {
    Digest::from(blake3::hash(content))
}

fn walk(disk: &Disk, dir: Ino, path: &mut Vec<u8>, each: &mut dyn FnMut(&[u8], Ino)) {
    for (name, ino) in disk.children(dir).into_iter().flatten().map(|(_, at)| at) {
        let length = path.len();
        if length > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        each(path, *ino);
        walk(disk, *ino, path, each);
        path.truncate(length);
    }
}

/// Contents and targets in an area.
fn contents(disk: &Disk, area: Area) -> BTreeSet<Bytes> {
    let mut found = BTreeSet::new();
    walk(disk, root_of(area), &mut Vec::new(), &mut |_, ino| {
        match &disk.node(ino).body {
            Body::File(content) => found.insert(content.clone()),
            Body::Symlink(target) => found.insert(Arc::new(target.clone())),
            Body::Directory(_) => false,
        };
    });
    found
}

/// Contents in the bin that were written in the very moment in which Causeway acted on their path, and written over at once; or
/// the process ended in that moment.
fn raced(disk: &Disk) -> BTreeSet<Bytes> {
    let mut found = BTreeSet::new();
    walk(disk, root_of(Area::Bin), &mut Vec::new(), &mut |path, ino| {
        let item = path.split(|b| *b == b'/').nth(1).unwrap_or_default();
        let head = item.split(|b| *b == b'.').next().unwrap_or_default();
        match &disk.node(ino).body {
            Body::File(content) if RACED.iter().any(|end| head.ends_with(end)) => found.insert(content.clone()),
            _ => false,
        };
    });
    found
}

/// Where each inode of a share stands, with its content.
pub type Standing = BTreeMap<Ino, (Vec<u8>, Bytes)>;

impl Real {
    /// Where everything stands that can be lost.
    pub fn standing(&self, side: Side) -> Standing {
        let disk = &self.disks[side as usize];
        let mut found = Standing::new();
        walk(disk, root_of(Area::Share), &mut Vec::new(), &mut |path, ino| {
            let content = match &disk.node(ino).body {
                Body::File(content) => content.clone(),
                Body::Symlink(target) => Arc::new(target.clone()),
                Body::Directory(_) => return,
            };
            found.insert(ino, (path.to_vec(), content));
        });
        found
    }

    /// After a power cut: what it left is as good as if users had left it, and what it took is nobody's fault. `before`: what stood
    /// in the share.
    pub fn after_power_cut(&mut self, side: Side, before: &Standing) {
        let now = self.standing(side);
        let [here, there] = [side, side.other()].map(|side| contents(&self.disks[side as usize], Area::Share));
        for (ino, (path, content)) in before {
            // A rename that was taken back leaves it where others may have been put since.
            let was_moved = now.get(ino).is_some_and(|(at, _)| at != path);
            // What holds it here instead of what was taken is older, and may be what users did away with.
            let is_left = there.contains(content) || (now.contains_key(ino) && here.contains(content));
            if let Some(version) = self.history.versions.get_mut(content) {
                version.excused |= was_moved || !is_left;
            }
        }
        let disk = &self.disks[side as usize];
        for area in [Area::Share, Area::Bin, Area::Staging] {
            for content in contents(disk, area) {
                self.history.leave(&content);
            }
        }
        let left: BTreeSet<Bytes> = Side::BOTH
            .iter()
            .flat_map(|side| [Area::Share, Area::Bin].map(|area| contents(&self.disks[*side as usize], area)))
            .flatten()
            .collect();
        for (content, version) in &mut self.history.versions {
            version.excused |= !left.contains(content);
        }
        self.history.edits += 1;
        self.history.touch(side, b"");
    }
}

impl World {
    /// Paths that stay diverged.
    fn diverged(&self) -> Vec<(RelPathBuf, Diverged)> {
        self.ledger().diverged_below(RelPath::ROOT, None, usize::MAX >> 1).expect("the ledger can be read")
    }

    fn share_trees(&self) -> [Tree; 2] {
        let real = self.real();
        Side::BOTH.map(|side| tree(&real.disks[side as usize], Area::Share))
    }

    /// A flush is done: what users left alone since it was asked for stands on both sides.
    pub fn check_flush(&mut self, edits: u64) {
        let trees = self.share_trees();
        let diverged = self.diverged();
        let paths: BTreeSet<&RelPathBuf> = trees.iter().flat_map(Tree::keys).collect();
        let mut wrong = Vec::new();
        for path in paths {
            let excused = diverged.iter().any(|(at, _)| path.starts_with(at) || at.starts_with(path));
            let touched = self.real().history.touched_since(edits, path.as_bytes());
            if !excused && !touched && !same(trees[0].get(path), trees[1].get(path)) {
                wrong.push(format!("the flush lies about {path}: {:?} {:?}", trees[0].get(path), trees[1].get(path)));
            }
        }
        wrong.into_iter().for_each(|wrong| self.real().violate(wrong));
    }

    /// At rest everything must be in order.
    pub fn check_rest(&mut self) {
        let mut wrong = Vec::new();
        self.check_converged(&mut wrong);
        self.check_holds(&mut wrong);
        self.check_lost(&mut wrong);
        self.check_own(&mut wrong);
        self.check_indexes(&mut wrong);
        wrong.into_iter().for_each(|wrong| self.real().violate(wrong));
    }

    fn check_converged(&self, wrong: &mut Vec<String>) {
        let trees = self.share_trees();
        let diverged = self.diverged();
        let ledger = self.ledger();
        let mut paths: BTreeSet<RelPathBuf> = trees.iter().flat_map(Tree::keys).cloned().collect();
        agreed_below(ledger, RelPath::ROOT, &mut paths);
        for path in &paths {
            if diverged.iter().any(|(at, _)| path.starts_with(at)) {
                continue;
            }
            let [host, guest] = [trees[0].get(path), trees[1].get(path)];
            let agreed = ledger.agreed(path).expect("the ledger can be read");
            if host != guest {
                wrong.push(format!("{path} differs: {host:?} {guest:?}, agreed {agreed:?}"));
            } else if !same(agreed.as_ref(), host) {
                wrong.push(format!("the ledger is wrong about {path}: {agreed:?} but {host:?}"));
            }
        }
    }

    fn check_holds(&self, wrong: &mut Vec<String>) {
        let faults = self.real().faults.clone();
        let all = self.diverged();
        let held: BTreeSet<&RelPathBuf> = all.iter().map(|(path, _)| path).collect();
        for (path, diverged) in &all {
            // What stands below a held path waits with it.
            let waits = path.ancestors().any(|above| held.contains(&above.to_owned()));
            let justified = match &diverged.hold {
                Hold::Conflict => {
                    matches!(self.mode, Mode::TwoWaySafe | Mode::OneWaySafe)
                        && diverged.host.is_some()
                        && diverged.guest.is_some()
                }
                Hold::OneSided => self.mode == Mode::OneWaySafe || waits,
                Hold::Problem(problem) => {
                    faults.case_insensitive_host
                        && faults.case_names
                        && matches!(problem.kind, ProblemKind::FileExists { .. } | ProblemKind::Occupied)
                }
            };
            if !justified {
                wrong.push(format!("{path} is held without reason: {diverged:?}"));
            }
        }
    }

    /// No version that a user wrote and did not do away with is lost.
    fn check_lost(&self, wrong: &mut Vec<String>) {
        let real = self.real();
        let visible: BTreeSet<Bytes> = real.disks.iter().flat_map(|disk| contents(disk, Area::Share)).collect();
        let kept: BTreeSet<Bytes> = real.disks.iter().flat_map(|disk| contents(disk, Area::Bin)).collect();
        let raced: BTreeSet<Bytes> = real.disks.iter().flat_map(raced).collect();
        for content in &real.history.order {
            let Some(version) = real.history.versions.get(content) else { continue };
            if version.discarded || version.excused || visible.contains(content) {
                continue;
            }
            let where_from = String::from_utf8_lossy(&version.path).into_owned();
            if !kept.contains(content) {
                wrong.push(format!("{:?} {where_from} {} is lost", version.side, brief(content)));
            } else if self.mode == Mode::TwoWaySafe && !raced.contains(content) {
                wrong.push(format!("{:?} {where_from} {} is only in a bin", version.side, brief(content)));
            }
        }
    }

    /// Where users keep apart, what they left stands just so, and nothing else; but a guest that mirrors the host has nothing of its own.
    fn check_own(&self, wrong: &mut Vec<String>) {
        let real = self.real();
        let counts = |side: &Side| real.faults.apart && (*side == Side::Host || self.mode != Mode::OneWayReplica);
        for side in Side::BOTH.into_iter().filter(counts) {
            let (left, stands) = (&real.history.left[side as usize], real.standing_in_own(side));
            let paths: BTreeSet<_> = left.keys().chain(stands.keys()).collect();
            for path in paths.into_iter().filter(|path| left.get(*path) != stands.get(*path)) {
                let [left, stands] =
                    [left.get(path), stands.get(path)].map(|content| content.map(|content| brief(content)));
                let path = String::from_utf8_lossy(path);
                wrong.push(format!("{side:?} users left {left:?} at {path}, and {stands:?} stands there"));
            }
        }
    }

    /// The indexes are true to the disks, and the counts to the indexes.
    fn check_indexes(&self, wrong: &mut Vec<String>) {
        for side in Side::BOTH {
            let endpoint = self.sides[side as usize].endpoint();
            let mut counts = Counts::default();
            for entry in tree(&self.real().disks[side as usize], Area::Share).values() {
                match entry {
                    Entry::Directory => counts.directories += 1,
                    Entry::Symlink(_) => counts.symlinks += 1,
                    Entry::Untracked => counts.untracked += 1,
                    Entry::File(file) => {
                        counts.files += 1;
                        counts.bytes += file.size;
                    }
                }
            }
            if endpoint.counts() != counts {
                wrong.push(format!("{side:?} counts {:?}, a walk {counts:?}", endpoint.counts()));
            }
            match endpoint.verify(None, 10_000, &mut |_| true) {
                Ok((verified, _)) => {
                    for verified in verified.iter().filter(|verified| !verified.indexed) {
                        wrong.push(format!("{side:?} index is wrong about {}: {:?}", verified.path, verified.found));
                    }
                }
                Err(error) => wrong.push(format!("{side:?} can't be verified: {error}")),
            }
            for (path, problem) in endpoint.scan_problems() {
                wrong.push(format!("{side:?} can't look at {path}: {problem:?}"));
            }
        }
    }
}

fn agreed_below(ledger: &impl Ledger, path: &RelPath, into: &mut BTreeSet<RelPathBuf>) {
    let children = ledger.agreed_children(path, None, usize::MAX >> 1).expect("the ledger can be read");
    for (name, entry) in children {
        let child = path.join(&name);
        if entry.is_directory() {
            agreed_below(ledger, &child, into);
        }
        into.insert(child);
    }
}

/// Whether both are the same, times aside.
fn same(a: Option<&Entry>, b: Option<&Entry>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.same_content(b),
        (None, None) => true,
        _ => false,
    }
}
