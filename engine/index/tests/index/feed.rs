//! Random histories, read in random windows.

use std::collections::BTreeSet;

use causeway_index::{Durability, Fingerprint, Identity, Index, IndexError, Journal};
use causeway_sync::{Change, Entry, RelPath, RelPathBuf, Seq};
use proptest::prelude::*;

use crate::model::*;

#[derive(Clone, Debug)]
enum Step {
    Put(RelPathBuf, u8),
    Remove(RelPathBuf),
    Forget(RelPathBuf),
    Move(RelPathBuf, RelPathBuf),
    Touch(RelPathBuf),
    TouchBelow(RelPathBuf),
    SetDigest(RelPathBuf),
    /// The reader reads one window of so many changes.
    Read(usize),
    /// The reader begins again from where it was once.
    Again(prop::sample::Index),
    /// What was read up to here is acknowledged.
    Acknowledge(prop::sample::Index),
    Maintain,
    Reopen,
}

fn paths() -> impl Strategy<Value = RelPathBuf> {
    prop::collection::vec(prop::sample::select(vec!["a", "b"]), 1..4).prop_map(|names| path(&names.join("/")))
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (paths(), 0u8..8).prop_map(|(path, kind)| Step::Put(path, kind)),
        4 => paths().prop_map(Step::Remove),
        1 => paths().prop_map(Step::Forget),
        12 => (paths(), paths()).prop_map(|(from, to)| Step::Move(from, to)),
        1 => paths().prop_map(Step::Touch),
        1 => paths().prop_map(Step::TouchBelow),
        1 => paths().prop_map(Step::SetDigest),
        4 => (1usize..6).prop_map(Step::Read),
        1 => any::<prop::sample::Index>().prop_map(Step::Again),
        2 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
        1 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
    ]
}

/// The index, the model, and two readers.
struct World {
    folder: tempfile::TempDir,
    index: Index,
    tree: Tree,
    /// Reads everything, sometimes again.
    reader: Reader,
    /// What the reader knew at earlier moments.
    past: Vec<Reader>,
    /// Is told of own changes as they happen, and skips them in the feed.
    session: Reader,
    hello: Seq,
    /// Where something foreign happened, by number: at its path of now, unless own changes have replaced it.
    foreign: Vec<(Seq, RelPathBuf)>,
    newest_foreign: Seq,
    version: u64,
}

fn open(folder: &tempfile::TempDir) -> Index {
    Index::open(&folder.path().join("index"), [1; 16], Identity::random).unwrap()
}

impl World {
    fn new() -> Self {
        let folder = folder_in_memory();
        let index = open(&folder);
        Self {
            folder,
            index,
            tree: Tree::default(),
            reader: Reader::default(),
            past: vec![Reader::default()],
            session: Reader::default(),
            hello: Seq(0),
            foreign: Vec::new(),
            newest_foreign: Seq(0),
            version: 0,
        }
    }

    fn step(&mut self, step: &Step, journal: Journal) {
        match step {
            Step::Read(limit) => {
                self.reader.read(&self.index, *limit, None);
                self.past.push(self.reader.clone());
            }
            Step::Again(which) => self.reader = which.get(&self.past).clone(),
            Step::Acknowledge(which) => {
                let seq = which.get(&self.past).upto.min(self.reader.upto).min(self.session.upto);
                self.index.acknowledge(seq).unwrap();
                self.past.retain(|reader| reader.upto >= seq);
                self.past.push(self.reader.clone());
            }
            Step::Maintain => while self.index.maintain().unwrap() {},
            Step::Reopen => {
                self.index.close().unwrap();
                // The old one has to go before the new one can come.
                let other = folder_in_memory();
                self.index = open(&other);
                self.index = open(&self.folder);
            }
            step => {
                let own = journal == Journal::Own;
                if own {
                    self.session.read_all(&self.index, 3, Some(self.hello));
                }
                let before = self.tree.clone();
                self.change(step, journal);
                if own && self.tree != before {
                    self.session.view = self.tree.clone();
                }
            }
        }
    }

    fn note_foreign(&mut self, path: &RelPath) {
        self.newest_foreign = self.index.seq();
        self.foreign.push((self.index.seq(), path.to_owned()));
    }

    fn change(&mut self, step: &Step, journal: Journal) {
        let foreign = journal == Journal::Foreign;
        self.version += 1;
        match step {
            Step::Put(path, kind) => {
                let (parent, name) = path.split_last().unwrap();
                let Some(dir) = self.index.dir(parent).unwrap() else {
                    return assert!(!self.tree.is_directory(parent));
                };
                let entry = match kind {
                    0..4 => Entry::Directory,
                    4..7 => file(self.version),
                    _ => symlink("x"),
                };
                let row = self.index.put(dir, name, entry.clone(), fingerprint(self.version), journal).unwrap();
                assert_eq!((row.seq, &row.entry), (self.index.seq(), &entry));
                if foreign {
                    self.note_foreign(path);
                } else if !entry.is_directory() {
                    self.foreign.retain(|(_, at)| !at.starts_with(path));
                } else {
                    self.foreign.retain(|(_, at)| at != path);
                }
                self.tree.put(path, entry);
            }
            Step::Remove(path) | Step::Forget(path) => {
                let Some((dir, _)) = self.index.lookup(path).unwrap() else {
                    return assert!(self.tree.get(path).is_none());
                };
                let name = path.file_name().unwrap();
                let (seq, foreign) = match step {
                    Step::Remove(_) => (self.index.remove(dir, name, journal).unwrap(), foreign),
                    _ => (self.index.forget(dir, name).unwrap(), true),
                };
                assert_eq!(seq, Some(self.index.seq()));
                if foreign {
                    self.note_foreign(path);
                } else {
                    self.foreign.retain(|(_, at)| !at.starts_with(path));
                }
                self.tree.remove(path);
            }
            Step::Move(from, to) => self.rename(from, to, journal),
            Step::Touch(path) => {
                let before = self.index.seq();
                self.index.touch(path).unwrap();
                self.note_foreign(path);
                assert!(self.told_after(before).contains(path));
            }
            Step::TouchBelow(path) => {
                let before = self.index.seq();
                self.index.touch_below(path).unwrap();
                self.note_foreign(path);
                let told = self.told_after(before);
                let mut below = self.tree.0.keys().filter(|at| at.starts_with(path));
                assert!(below.all(|at| told.contains(at)), "below {path:?} only {told:?} are told");
            }
            Step::SetDigest(path) => {
                let Some((dir, row)) = self.index.lookup(path).unwrap() else { return };
                let (name, was) = (path.file_name().unwrap(), row.fingerprint);
                assert!(!self.index.set_digest(dir, name, &Fingerprint::UNKNOWN, digest(1)).unwrap());
                if let Entry::File(mut file) = row.entry {
                    assert!(self.index.set_digest(dir, name, &was, file.digest.unwrap()).unwrap());
                    file.digest = None;
                    self.index.put(dir, name, Entry::File(file.clone()), was, Journal::Foreign).unwrap();
                    self.note_foreign(path);
                    file.digest = Some(digest(self.version));
                    assert!(self.index.set_digest(dir, name, &was, digest(self.version)).unwrap());
                    self.tree.put(path, Entry::File(file));
                }
            }
            _ => unreachable!("not a change"),
        }
    }

    fn rename(&mut self, from: &RelPath, to: &RelPath, journal: Journal) {
        let ((from_dir, from_name), (to_dir, to_name)) = (from.split_last().unwrap(), to.split_last().unwrap());
        let (Some(from_dir), Some(to_dir)) = (self.index.dir(from_dir).unwrap(), self.index.dir(to_dir).unwrap())
        else {
            return;
        };
        match self.index.move_row((from_dir, from_name), (to_dir, to_name), journal) {
            Ok(row) => {
                assert!(row.seq <= self.index.seq());
                for (_, at) in &mut self.foreign {
                    if let Some(moved) = at.rebase(from, to) {
                        *at = moved;
                    }
                }
                if journal == Journal::Foreign {
                    self.note_foreign(from);
                    self.note_foreign(to);
                }
                self.tree.rename(from, to);
            }
            Err(IndexError::Missing) => assert!(self.tree.get(from).is_none()),
            Err(IndexError::Occupied) => assert!(self.tree.get(to).is_some()),
            Err(IndexError::IntoItself) => assert!(to.starts_with(from)),
            Err(error) => panic!("{error}"),
        }
    }

    /// The paths of which the feed after `seq` tells, as they are now.
    fn told_after(&self, mut seq: Seq) -> BTreeSet<RelPathBuf> {
        let mut told = BTreeSet::new();
        loop {
            let window = self.index.changes(seq, 1000, None).unwrap();
            for change in window.changes {
                match change {
                    Change::Now { path, .. } | Change::Forgotten { path } => _ = told.insert(path),
                    Change::Moved { from, to, .. } => {
                        told = told.into_iter().map(|at: RelPathBuf| at.rebase(&from, &to).unwrap_or(at)).collect();
                        told.insert(to);
                    }
                }
            }
            seq = window.upto;
            if !window.more {
                return told;
            }
        }
    }

    fn check(&mut self, limit: usize) {
        self.reader.read_all(&self.index, limit, None);
        assert_eq!(self.reader.view, self.tree);
        self.session.read_all(&self.index, limit, Some(self.hello));
        assert_eq!(self.session.view, self.tree);
        for mut reader in self.past.clone() {
            reader.read_all(&self.index, limit, None);
            assert_eq!(reader.view, self.tree);
            self.check_foreign(reader.upto);
        }
        assert_eq!(self.index.counts(), self.tree.counts());
        self.check_rows();
    }

    fn check_foreign(&self, after: Seq) {
        for text in ["", "a", "b", "a/b", "c/a"] {
            let path = path(text);
            let told = self.index.foreign_changes_below(&path, after).unwrap();
            let expected = self.foreign.iter().any(|(seq, at)| *seq > after && at.starts_with(&path));
            assert!(told || !expected, "something foreign happened below {path:?} after {after:?}");
            assert!(!told || self.newest_foreign > after, "nothing foreign happened after {after:?}");
        }
    }

    /// Every way of looking things up gives what the model holds.
    fn check_rows(&self) {
        let mut left = vec![RelPathBuf::default()];
        let mut found = Tree::default();
        while let Some(at) = left.pop() {
            let dir = self.index.dir(&at).unwrap().unwrap();
            assert_eq!(self.index.path_of(dir).unwrap().as_ref(), Some(&at));
            let mut after = None;
            loop {
                let rows = self.index.list(dir, after.as_deref(), 2).unwrap();
                let Some((last, _)) = rows.last() else { break };
                after = Some(last.clone());
                for (name, row) in rows {
                    let path = at.join(&name);
                    assert_eq!(self.index.lookup(&path).unwrap(), Some((dir, row.clone())));
                    if let Some(id) = row.id {
                        assert_eq!(self.index.place(id).unwrap(), Some((dir, name)));
                        let by_inode = self.index.dirs_by_inode(row.fingerprint.device, row.fingerprint.inode).unwrap();
                        assert_eq!(by_inode, vec![id]);
                        assert_eq!(self.index.dir_row(id).unwrap().as_ref(), Some(&row));
                        left.push(path.clone());
                    }
                    if let Some(file) = row.entry.as_file().filter(|file| file.size >= 64 << 10) {
                        let same = self.index.find_content(&file.digest.unwrap()).unwrap().unwrap();
                        assert_eq!(self.tree.get(&same).unwrap().as_file().unwrap().digest, file.digest);
                    }
                    found.0.insert(path, row.entry);
                }
            }
        }
        assert_eq!(found, self.tree);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn any_windows_of_any_history_lead_to_the_present(
        history in prop::collection::vec((steps(), prop::bool::weighted(0.2)), 1..60),
        limit in 1usize..8,
    ) {
        let mut world = World::new();
        for (step, own) in &history {
            world.step(step, if *own { Journal::Own } else { Journal::Foreign });
        }
        world.check(limit);
        world.index.commit(Durability::Power).unwrap();
        world.step(&Step::Reopen, Journal::Foreign);
        world.check(limit);
    }
}

/// Directories made (`+a`), moved (`a>b`) and removed (`-a`); `|` is where a reader stands that then reads on in one go.
const HISTORIES: [&str; 9] = [
    // Moved twice.
    "+a +a/x | a>b b>c",
    // Moved, and removed where it came to stand.
    "+a +a/x | a>b -b",
    // Moved into a new directory, which is moved itself.
    "+a | +n a>n/a n>m",
    // Moved out of a directory that is removed then.
    "+a +a/x | a/x>x -a",
    // Made after the reader looked, in a directory that is moved, and moved out of it.
    "+a | +a/x a>b b/x>c",
    // Made anew with less in it, and moved.
    "+a +a/x | -a +a a>b",
    // Made anew where another one is moved from and to.
    "+a +a/x +b | a>c b>a c>b +c",
    // Moved into a directory that is removed and made anew.
    "+a +d +d/e | a>d/e/a -d +d +d/e",
    // Round about, by way of what was removed.
    "+a +a/x +b +b/y | a>t b>a t>b -a b>a +b",
];

#[test]
fn histories_are_told_from_wherever_a_reader_stands() {
    for history in HISTORIES {
        for limit in 1..10 {
            let mut world = World::new();
            for word in history.split(' ') {
                let step = match (word.split_at(1), word.split_once('>')) {
                    (("|", _), _) => {
                        world.reader.read_all(&world.index, 100, None);
                        world.past.push(world.reader.clone());
                        continue;
                    }
                    (_, Some((from, to))) => Step::Move(path(from), path(to)),
                    (("+", at), _) => Step::Put(path(at), 0),
                    ((_, at), _) => Step::Remove(path(at)),
                };
                let before = world.index.seq();
                world.step(&step, Journal::Foreign);
                assert_ne!(world.index.seq(), before, "{word} of {history:?} does nothing");
            }
            world.check(limit);
        }
    }
}

#[test]
fn more_moves_than_a_journal_holds_are_told_as_what_vanished_and_appeared() {
    let mut world = World::new();
    for at in ["a", "a/x", "a/x/y", "b"] {
        world.step(&Step::Put(path(at), 0), Journal::Foreign);
    }
    world.step(&Step::Put(path("a/x/file"), 4), Journal::Foreign);
    world.reader.read(&world.index, 2, None);
    world.past.push(world.reader.clone());
    for round in 0..2100 {
        for (from, to) in [("a/x", "b/x"), ("b/x", "a/x")] {
            world.step(&Step::Move(path(from), path(to)), Journal::Foreign);
        }
        if round == 1000 {
            world.reader.read_all(&world.index, 100, None);
            world.past.push(world.reader.clone());
        }
    }
    world.step(&Step::Move(path("a/x/file"), path("b/file")), Journal::Foreign);
    world.step(&Step::Move(path("a"), path("b/a")), Journal::Foreign);
    world.check(100);
    world.check(3);
}
