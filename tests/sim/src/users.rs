//! Users: what people and programs do to a share, one system call's worth or one whole habit at a time.

mod in_place;

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_endpoint::fs::Area;
use causeway_endpoint::watch::Hint;
use causeway_sync::Side;

use crate::disk::{Body, Bytes, Ino, root_of};
use crate::ground::Real;

pub use in_place::Pending;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const CASE_NAMES: [&str; 5] = ["a", "A", "b", "B", "c"];
const DEPTH_MAX: usize = 4;

/// A place in the share.
#[derive(Clone, Debug)]
struct Spot {
    ino: Ino,
    path: Vec<u8>,
}

/// The directory of a side's own, where users keep apart.
fn own_name(side: Side) -> &'static [u8] {
    match side {
        Side::Host => b"h",
        Side::Guest => b"g",
    }
}

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// What is told of a content.
pub fn brief(content: &[u8]) -> String {
    let head = content.iter().position(|b| *b == b' ').unwrap_or(content.len());
    format!("{}({})", String::from_utf8_lossy(&content[..head]), content.len())
}

impl Real {
    /// Users of both sides keep to a directory of their own from now on.
    pub fn keep_apart(&mut self) {
        let root = Spot { ino: root_of(Area::Share), path: Vec::new() };
        for side in Side::BOTH {
            self.place(side, &root, own_name(side), Body::Directory(BTreeMap::new()), &[Hint::Created]);
        }
    }

    /// One edit on a side.
    pub fn user_edit(&mut self, side: Side) {
        if !self.faults.apart {
            return self.edit(side);
        }
        let before = self.standing_in_own(side);
        self.edit(side);
        let after = self.standing_in_own(side);
        let left = &mut self.history.left[side as usize];
        for path in before.keys().filter(|path| !after.contains_key(*path)) {
            left.remove(path);
        }
        left.extend(after.into_iter().filter(|(path, content)| before.get(path) != Some(content)));
    }

    /// What stands in the directory of a side's own, by path.
    pub fn standing_in_own(&self, side: Side) -> BTreeMap<Vec<u8>, Bytes> {
        let standing = self.standing(side).into_values();
        standing.filter(|(path, _)| path.split(|b| *b == b'/').next() == Some(own_name(side))).collect()
    }

    fn edit(&mut self, side: Side) {
        self.history.edits += 1;
        let choice = self.random.below(24);
        match choice {
            0..=6 => self.user_saves(side),
            7 | 8 => self.user_makes_directory(side),
            9 | 10 => self.user_renames(side),
            11 => self.user_renames_back(side),
            12 | 13 => self.user_deletes(side),
            14 => self.user_changes_kind(side),
            15 => self.user_sets_executable(side),
            16 => self.user_sets_time(side),
            17 => self.user_links(side),
            18 | 19 if self.faults.in_place => self.user_begins_write(side),
            20 if self.faults.in_place => self.user_appends(side),
            21 => self.user_copies(side),
            22 if self.faults.emptied_roots && self.random.one_in(6) => self.user_empties(side),
            23 => (0..3 + self.random.below(8)).for_each(|_| self.user_saves(side)),
            _ => self.user_saves(side),
        }
    }

    fn spots(&self, side: Side, wanted: impl Fn(&Body) -> bool) -> Vec<Spot> {
        let disk = &self.disks[side as usize];
        let mut found = Vec::new();
        let mut todo: Vec<Spot> = self.top(side).into_iter().collect();
        while let Some(at) = todo.pop() {
            let body = &disk.node(at.ino).body;
            if let Body::Directory(names) = body {
                for (name, ino) in names.values() {
                    todo.push(Spot { ino: *ino, path: join(&at.path, name) });
                }
            }
            if wanted(body) {
                found.push(at);
            }
        }
        found
    }

    /// The directory in which a side's users work.
    fn top(&self, side: Side) -> Option<Spot> {
        let root = root_of(Area::Share);
        if !self.faults.apart {
            return Some(Spot { ino: root, path: Vec::new() });
        }
        let ino = self.disks[side as usize].lookup(root, own_name(side))?;
        Some(Spot { ino, path: own_name(side).to_vec() })
    }

    /// Anything below it.
    fn some_spot(&mut self, side: Side) -> Option<Spot> {
        let mut all = self.spots(side, |_| true);
        all.retain(|spot| Some(spot.ino) != self.top(side).map(|top| top.ino));
        self.random.pick(&all).cloned()
    }

    fn some_directory(&mut self, side: Side) -> Spot {
        let mut all = self.spots(side, |body| matches!(body, Body::Directory(_)));
        all.retain(|spot| spot.path.iter().filter(|b| **b == b'/').count() + 1 < DEPTH_MAX);
        let top = Spot { ino: root_of(Area::Share), path: Vec::new() };
        self.random.pick(&all).cloned().or_else(|| self.top(side)).unwrap_or(top)
    }

    /// A file that can be opened.
    fn some_file(&mut self, side: Side) -> Option<Spot> {
        let all = self.spots(side, |body| matches!(body, Body::File(_)));
        let picked = self.random.pick(&all).cloned();
        picked.filter(|spot| self.held[side as usize] != Some(spot.ino))
    }

    /// Whether half of a file is in it that Causeway was writing when its process ended. Containers can't move what they have bound.
    fn holds_half(&self, side: Side, ino: Ino) -> bool {
        match &self.disks[side as usize].node(ino).body {
            Body::File(content) => !content.is_empty() && !self.history.states.contains(content),
            Body::Directory(names) => names.values().any(|(_, ino)| self.holds_half(side, *ino)),
            Body::Symlink(_) => false,
        }
    }

    fn some_name(&mut self) -> &'static [u8] {
        let names = if self.faults.case_names { &CASE_NAMES } else { &NAMES };
        names[self.random.below(names.len())].as_bytes()
    }

    /// What a user writes. Where users keep apart it may have been written before, anywhere: the same licence stands in many places,
    /// and a branch that is left and taken up again brings back what was. Elsewhere a version is known by its content.
    fn new_content(&mut self) -> Bytes {
        if self.faults.apart && self.random.one_in(3) {
            let written = self.random.pick(&self.history.order).cloned();
            if let Some(content) = written.filter(|content| !content.starts_with(b"l")) {
                return content;
            }
        }
        let number = self.history.order.len();
        let size = match self.random.below(12) {
            0 => return Bytes::default(),
            1 => 3_000,
            _ => self.random.below(40),
        };
        let mut content = format!("v{number} ").into_bytes();
        content.resize(content.len() + size, b'.');
        Arc::new(content)
    }

    /// What a user does away with.
    fn discard(&mut self, side: Side, ino: Ino) {
        match &self.disks[side as usize].node(ino).body {
            Body::File(content) => self.history.discard(&content.clone()),
            Body::Symlink(target) => self.history.discard(&Arc::new(target.clone())),
            Body::Directory(names) => {
                let below: Vec<Ino> = names.values().map(|(_, ino)| *ino).collect();
                below.into_iter().for_each(|ino| self.discard(side, ino));
            }
        }
    }

    /// `rm -r`.
    fn remove_tree(&mut self, side: Side, at: &Spot) {
        let below: Vec<Spot> = self.disks[side as usize]
            .children(at.ino)
            .into_iter()
            .flatten()
            .map(|(_, (name, ino))| Spot { ino: *ino, path: join(&at.path, name) })
            .collect();
        below.iter().for_each(|spot| self.remove_tree(side, spot));
        if at.path.is_empty() {
            return;
        }
        self.discard(side, at.ino);
        let now = self.stamp_ns();
        self.disks[side as usize].detach(at.ino, now);
        self.disks[side as usize].step();
        self.history.touch(side, &at.path);
        self.changed(side, &at.path, Hint::Removed, false);
    }

    fn place(&mut self, side: Side, dir: &Spot, name: &[u8], body: Body, hints: &[Hint]) -> Ino {
        let now = self.stamp_ns();
        let disk = &mut self.disks[side as usize];
        let ino = disk.make(body, true, now);
        disk.attach(dir.ino, name, ino, now);
        disk.step();
        let path = join(&dir.path, name);
        self.history.touch(side, &path);
        hints.iter().for_each(|hint| self.changed(side, &path, *hint, false));
        ino
    }

    /// Writes a whole file: aside and renamed into place, or in place in one go.
    fn user_saves(&mut self, side: Side) {
        let dir = self.some_directory(side);
        let name = self.some_name();
        let path = join(&dir.path, name);
        let there = self.disks[side as usize].lookup(dir.ino, name);
        if there.is_some_and(|ino| self.disks[side as usize].children(ino).is_some()) {
            return;
        }
        let is_held = there.is_some() && self.held[side as usize] == there;
        let content = self.new_content();
        let in_one_go = self.random.one_in(2) && !is_held;
        self.tell(|| format!("{side:?} user saves {} := {}", shown(&path), brief(&content)));
        if let Some(old) = there {
            self.discard(side, old);
        }
        let now = self.stamp_ns();
        match there {
            Some(old) if in_one_go && self.disks[side as usize].content(old).is_some() => {
                self.history.write(side, &path, &content, false);
                self.disks[side as usize].write(old, content, true, now);
                self.disks[side as usize].step();
                self.history.touch(side, &path);
                self.changed(side, &path, Hint::Written, false);
                self.changed(side, &path, Hint::ClosedAfterWrite, false);
            }
            Some(old) => {
                self.history.write(side, &path, &content, false);
                self.disks[side as usize].detach(old, now);
                self.place(side, &dir, name, Body::File(content), &[Hint::Moved]);
            }
            None => {
                self.history.write(side, &path, &content, false);
                let hints = [Hint::Created, Hint::Written, Hint::ClosedAfterWrite];
                let hints = if in_one_go { &hints[..] } else { &[Hint::Moved] };
                self.place(side, &dir, name, Body::File(content), hints);
            }
        }
    }

    fn user_makes_directory(&mut self, side: Side) {
        let dir = self.some_directory(side);
        let name = self.some_name();
        if self.disks[side as usize].lookup(dir.ino, name).is_none() {
            self.tell(|| format!("{side:?} user makes {}/", shown(&join(&dir.path, name))));
            self.place(side, &dir, name, Body::Directory(BTreeMap::new()), &[Hint::Created]);
        }
    }

    fn user_renames(&mut self, side: Side) {
        let Some(from) = self.some_spot(side) else { return };
        let dir = self.some_directory(side);
        let name = self.some_name();
        let to = join(&dir.path, name);
        let disk = &self.disks[side as usize];
        let there = disk.lookup(dir.ino, name);
        let into_itself = to.starts_with(&from.path) && (to.len() == from.path.len() || to[from.path.len()] == b'/');
        let within = std::iter::successors(Some(dir.ino), |at| disk.node(*at).place.as_ref().map(|(above, _)| *above));
        if self.binds && self.holds_half(side, from.ino) {
            return;
        }
        if into_itself || within.into_iter().any(|at| at == from.ino) {
            return;
        }
        if let Some(there) = there.filter(|there| *there != from.ino) {
            if disk.children(there).is_some() || disk.children(from.ino).is_some() {
                return;
            }
            self.discard(side, there);
            let now = self.stamp_ns();
            self.disks[side as usize].detach(there, now);
        }
        self.relocate(side, &from, &dir, name);
    }

    /// A directory that was renamed goes back to where it stood, as a branch that is left for a moment does.
    fn user_renames_back(&mut self, side: Side) {
        let left = self.left[side as usize].take();
        let disk = &self.disks[side as usize];
        // A power cut may have taken back that they were ever made.
        let left = left.filter(|(ino, above, _)| disk.nodes.contains_key(ino) && disk.nodes.contains_key(above));
        let Some((ino, above, name)) = left else { return self.user_renames(side) };
        let (Some((Area::Share, path)), Some((Area::Share, dir))) = (disk.locate(ino), disk.locate(above)) else {
            return;
        };
        let is_within = dir.starts_with(&path) && (dir.len() == path.len() || dir[path.len()] == b'/');
        if is_within || disk.children(above).is_none() || disk.lookup(above, &name).is_some() {
            return;
        }
        self.relocate(side, &Spot { ino, path }, &Spot { ino: above, path: dir }, &name);
    }

    /// Renames to a name at which nothing stands.
    fn relocate(&mut self, side: Side, from: &Spot, dir: &Spot, name: &[u8]) {
        let to = join(&dir.path, name);
        self.tell(|| format!("{side:?} user renames {} to {}", shown(&from.path), shown(&to)));
        let now = self.stamp_ns();
        let disk = &mut self.disks[side as usize];
        if disk.children(from.ino).is_some() {
            self.left[side as usize] = disk.node(from.ino).place.clone().map(|(above, name)| (from.ino, above, name));
        }
        self.disks[side as usize].relocate(from.ino, dir.ino, name, now);
        self.disks[side as usize].step();
        [&from.path, &to].into_iter().for_each(|path| self.history.touch(side, path));
        if self.disks[side as usize].children(from.ino).is_some() {
            return self.renamed(side, &from.path, &to, false);
        }
        for path in [&from.path, &to] {
            self.changed(side, path, Hint::Moved, false);
        }
    }

    fn user_deletes(&mut self, side: Side) {
        if let Some(spot) = self.some_spot(side) {
            self.tell(|| format!("{side:?} user deletes {}", shown(&spot.path)));
            self.remove_tree(side, &spot);
        }
    }

    fn user_empties(&mut self, side: Side) {
        self.tell(|| format!("{side:?} user deletes everything"));
        self.remove_tree(side, &Spot { ino: root_of(Area::Share), path: Vec::new() });
    }

    /// A directory becomes a file, or a file a directory.
    fn user_changes_kind(&mut self, side: Side) {
        let Some(spot) = self.some_spot(side) else { return };
        let Some((above, name)) = self.disks[side as usize].node(spot.ino).place.clone() else { return };
        let was_directory = self.disks[side as usize].children(spot.ino).is_some();
        let cut = spot.path.len().saturating_sub(name.len() + 1);
        let dir = Spot { ino: above, path: spot.path[..cut].to_vec() };
        self.tell(|| format!("{side:?} user changes the kind of {}", shown(&spot.path)));
        self.remove_tree(side, &spot);
        if was_directory {
            let content = self.new_content();
            self.history.write(side, &spot.path, &content, false);
            let hints = [Hint::Created, Hint::Written, Hint::ClosedAfterWrite];
            self.place(side, &dir, &name, Body::File(content), &hints);
        } else {
            self.place(side, &dir, &name, Body::Directory(BTreeMap::new()), &[Hint::Created]);
        }
    }

    fn user_sets_executable(&mut self, side: Side) {
        let Some(file) = self.some_file(side) else { return };
        self.tell(|| format!("{side:?} user flips the executable bit of {}", shown(&file.path)));
        let now = self.stamp_ns();
        let node = self.disks[side as usize].node_mut(file.ino);
        node.executable = !node.executable;
        node.ctime_ns = now;
        self.disks[side as usize].step();
        self.history.touch(side, &file.path);
        self.changed(side, &file.path, Hint::Attributes, false);
    }

    fn user_sets_time(&mut self, side: Side) {
        let Some(file) = self.some_file(side) else { return };
        let back_ns = self.random.below(1_000_000_000) as i64;
        self.tell(|| format!("{side:?} user sets the time of {}", shown(&file.path)));
        let now = self.stamp_ns();
        let node = self.disks[side as usize].node_mut(file.ino);
        node.mtime_ns = now - back_ns * 1_000;
        node.ctime_ns = now;
        self.disks[side as usize].step();
        self.history.touch(side, &file.path);
        self.changed(side, &file.path, Hint::Attributes, false);
    }

    fn user_links(&mut self, side: Side) {
        let dir = self.some_directory(side);
        let name = self.some_name();
        if self.disks[side as usize].lookup(dir.ino, name).is_some() {
            return;
        }
        let path = join(&dir.path, name);
        let target: Bytes = Arc::new(format!("l{}", self.history.order.len()).into_bytes());
        self.tell(|| format!("{side:?} user links {} to {}", shown(&path), shown(&target)));
        self.history.write(side, &path, &target, false);
        self.place(side, &dir, name, Body::Symlink(target.to_vec()), &[Hint::Created]);
    }

    fn user_copies(&mut self, side: Side) {
        let Some(from) = self.some_file(side) else { return };
        let dir = self.some_directory(side);
        let name = self.some_name();
        if self.disks[side as usize].lookup(dir.ino, name).is_some() {
            return;
        }
        let Some(content) = self.disks[side as usize].content(from.ino).cloned() else { return };
        if self.binds && self.holds_half(side, from.ino) {
            return;
        }
        self.tell(|| format!("{side:?} user copies {} to {}", shown(&from.path), shown(&join(&dir.path, name))));
        let hints = [Hint::Created, Hint::Written, Hint::ClosedAfterWrite];
        self.place(side, &dir, name, Body::File(content), &hints);
    }
}
