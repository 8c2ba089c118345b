//! A session that acts on what it has been told so far, hears of its own actions as outcomes, and gets everything late.

use std::collections::{BTreeMap, VecDeque};

use causeway_index::{Identity, Index, Journal};
use causeway_sync::{Change, Entry, RelPath, RelPathBuf, Seq};
use proptest::prelude::*;

use crate::model::*;

/// What the session holds to be true, and as of which change of the endpoint's.
#[derive(Clone, Debug, Default)]
struct Beliefs(BTreeMap<RelPathBuf, (Option<Entry>, Seq)>);

impl Beliefs {
    fn get(&self, path: &RelPath) -> Option<&Entry> {
        if path.is_root() { Some(&Entry::Directory) } else { self.0.get(path)?.0.as_ref() }
    }

    fn is_newer(&self, path: &RelPath, than: Seq) -> bool {
        self.0.get(path).is_some_and(|(_, seq)| *seq > than)
    }

    fn learn(&mut self, path: &RelPath, entry: Option<Entry>, seq: Seq) {
        let no_directory =
            |above: &RelPath| self.is_newer(above, seq) && !self.get(above).is_some_and(Entry::is_directory);
        if path.is_root() || path.ancestors().any(no_directory) {
            return;
        }
        // Even where something stands by now, what stood below it is gone.
        if !entry.as_ref().is_some_and(Entry::is_directory) {
            for (_, belief) in self.0.iter_mut().filter(|(at, (_, known))| at.starts_with(path) && *known <= seq) {
                *belief = (None, seq);
            }
        }
        if !self.is_newer(path, seq) {
            self.0.insert(path.to_owned(), (entry, seq));
        }
    }

    fn rename(&mut self, from: &RelPath, to: &RelPath, entry: Entry, seq: Seq) {
        let moved = self.0.iter().filter(|(at, (_, known))| at.starts_with(from) && *known <= seq);
        let moved: Vec<_> = moved.map(|(at, belief)| (at.clone(), belief.clone())).collect();
        for (at, _) in &moved {
            self.0.insert(at.clone(), (None, seq));
        }
        self.learn(to, Some(entry), seq);
        for (at, (entry, _)) in moved.into_iter().filter(|(at, _)| **at != *from) {
            self.learn(&at.rebase(from, to).unwrap(), entry, seq);
        }
    }

    fn tree(&self) -> Tree {
        Tree(self.0.iter().filter_map(|(at, (entry, _))| Some((at.clone(), entry.clone()?))).collect())
    }
}

/// Something that is to be done at a path, if that is still as the session believes it to be.
#[derive(Debug)]
struct Action {
    path: RelPathBuf,
    expect: Option<Entry>,
    entry: Option<Entry>,
    as_of: Seq,
}

#[derive(Debug)]
enum Message {
    Window(Vec<Change>, Seq),
    Outcome(RelPathBuf, Option<Entry>, Seq),
}

#[derive(Clone, Debug)]
enum Step {
    Put(RelPathBuf, bool),
    Remove(RelPathBuf),
    Move(RelPathBuf, RelPathBuf),
    Touch(RelPathBuf),
    /// The session decides to put a directory or a file, or to remove.
    Plan(RelPathBuf, Option<bool>),
    /// The oldest decision reaches the endpoint.
    Act,
    /// The session asks for changes, and the answer sets out.
    Pull(usize),
    /// The oldest message reaches the session.
    Deliver,
}

fn paths() -> impl Strategy<Value = RelPathBuf> {
    prop::collection::vec(prop::sample::select(vec!["a", "b"]), 1..4).prop_map(|names| path(&names.join("/")))
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (paths(), prop::bool::weighted(0.7)).prop_map(|(path, directory)| Step::Put(path, directory)),
        3 => paths().prop_map(Step::Remove),
        6 => (paths(), paths()).prop_map(|(from, to)| Step::Move(from, to)),
        1 => paths().prop_map(Step::Touch),
        9 => (paths(), prop_oneof![3 => Just(Some(true)), 1 => Just(Some(false)), 2 => Just(None)])
            .prop_map(|(path, what)| Step::Plan(path, what)),
        8 => Just(Step::Act),
        6 => (1usize..6).prop_map(Step::Pull),
        9 => Just(Step::Deliver),
    ]
}

struct World {
    _folder: tempfile::TempDir,
    index: Index,
    tree: Tree,
    /// When a path was changed last, and whether by the session.
    changed: BTreeMap<RelPathBuf, (Seq, bool)>,
    beliefs: Beliefs,
    pulled: Seq,
    planned: VecDeque<Action>,
    messages: VecDeque<Message>,
    version: u64,
}

impl World {
    fn new() -> Self {
        let folder = folder_in_memory();
        let index = Index::open(&folder.path().join("index"), [1; 16], Identity::random).unwrap();
        Self {
            _folder: folder,
            index,
            tree: Tree::default(),
            changed: BTreeMap::new(),
            beliefs: Beliefs::default(),
            pulled: Seq(0),
            planned: VecDeque::new(),
            messages: VecDeque::new(),
            version: 0,
        }
    }

    fn entry(&mut self, directory: bool) -> Entry {
        self.version += 1;
        if directory { Entry::Directory } else { file(self.version) }
    }

    /// Carries something out, if the directory is there. Gives its number.
    fn change(&mut self, path: &RelPath, entry: Option<Entry>, journal: Journal) -> Option<Seq> {
        let (parent, name) = path.split_last().unwrap();
        let dir = self.index.dir(parent).unwrap()?;
        let seq = match &entry {
            Some(entry) => {
                self.version += 1;
                self.index.put(dir, name, entry.clone(), fingerprint(self.version), journal).unwrap().seq
            }
            None => self.index.remove(dir, name, journal).unwrap()?,
        };
        match entry {
            Some(entry) => self.tree.put(path, entry),
            None => self.tree.remove(path),
        }
        self.changed.insert(path.to_owned(), (seq, journal == Journal::Own));
        self.changed.retain(|at, _| self.tree.0.contains_key(at));
        Some(seq)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Put(path, directory) => {
                let entry = self.entry(directory);
                self.change(&path, Some(entry), Journal::Foreign);
            }
            Step::Remove(path) => _ = self.change(&path, None, Journal::Foreign),
            Step::Move(from, to) => self.rename(&from, &to),
            Step::Touch(path) => self.index.touch(&path).unwrap(),
            Step::Plan(path, what) => {
                if !self.beliefs.get(path.parent().unwrap()).is_some_and(Entry::is_directory) {
                    return;
                }
                let entry = what.map(|directory| self.entry(directory));
                let expect = self.beliefs.get(&path).cloned();
                self.planned.push_back(Action { path, expect, entry, as_of: self.pulled_and_delivered() });
            }
            Step::Act => {
                if let Some(action) = self.planned.pop_front() {
                    self.act(action);
                }
            }
            Step::Pull(limit) => {
                // One at a time.
                if !self.messages.iter().any(|message| matches!(message, Message::Window(..))) {
                    let window = self.index.changes(self.pulled, limit, Some(Seq(0))).unwrap();
                    self.pulled = window.upto;
                    self.messages.push_back(Message::Window(window.changes, window.upto));
                }
            }
            Step::Deliver => match self.messages.pop_front() {
                Some(Message::Outcome(path, entry, seq)) => self.beliefs.learn(&path, entry, seq),
                Some(Message::Window(changes, upto)) => changes.into_iter().for_each(|change| self.hear(change, upto)),
                None => {}
            },
        }
    }

    /// The newest change up to which the session has been told everything.
    fn pulled_and_delivered(&self) -> Seq {
        let waiting = self.messages.iter().any(|message| matches!(message, Message::Window(..)));
        // While a window is on its way, as if the one before had told nothing.
        if waiting { Seq(0) } else { self.pulled }
    }

    fn act(&mut self, action: Action) {
        let Action { path, expect, entry, as_of } = action;
        let stands = self.tree.get(&path).cloned();
        if stands != expect || (stands.is_none() && entry.is_none()) {
            return;
        }
        let takes_tree = stands.is_some_and(|entry| entry.is_directory()) && entry != Some(Entry::Directory);
        if takes_tree {
            let guarded = self.index.foreign_changes_below(&path, as_of).unwrap();
            let mut below = self.changed.iter().filter(|(at, _)| at.starts_with(&path));
            let unknown = below.any(|(_, (seq, own))| !own && *seq > as_of);
            assert!(guarded || !unknown, "{path:?} holds what the session doesn't know as of {as_of:?}");
            if guarded {
                return;
            }
        }
        if let Some(seq) = self.change(&path, entry.clone(), Journal::Own) {
            self.messages.push_back(Message::Outcome(path, entry, seq));
        }
    }

    fn rename(&mut self, from: &RelPath, to: &RelPath) {
        let ((from_dir, from_name), (to_dir, to_name)) = (from.split_last().unwrap(), to.split_last().unwrap());
        let (Some(from_dir), Some(to_dir)) = (self.index.dir(from_dir).unwrap(), self.index.dir(to_dir).unwrap())
        else {
            return;
        };
        if let Ok(row) = self.index.move_row((from_dir, from_name), (to_dir, to_name), Journal::Foreign) {
            self.tree.rename(from, to);
            self.changed = std::mem::take(&mut self.changed)
                .into_iter()
                .map(|(at, change)| (at.rebase(from, to).unwrap_or(at), change))
                .collect();
            self.changed.insert(to.to_owned(), (row.seq, false));
        }
    }

    fn hear(&mut self, change: Change, upto: Seq) {
        match change {
            Change::Now { path, entry, .. } => self.beliefs.learn(&path, entry, upto),
            Change::Moved { from, to, entry, seq, .. } => {
                if [&from, &to].iter().any(|end| self.beliefs.is_newer(end, seq)) {
                    // What was told below may have been taken for outdated: it is asked for again.
                    self.index.touch_below(RelPath::ROOT).unwrap();
                }
                self.beliefs.rename(&from, &to, entry, seq);
            }
            Change::Forgotten { path } => self.beliefs.learn(&path, None, upto),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn a_session_ends_with_the_truth(history in prop::collection::vec(steps(), 1..60), limit in 1usize..8) {
        let mut world = World::new();
        for step in history {
            world.step(step);
        }
        while !world.planned.is_empty() {
            world.step(Step::Act);
        }
        while world.pulled < world.index.seq() || !world.messages.is_empty() {
            world.step(Step::Pull(limit));
            world.step(Step::Deliver);
        }
        prop_assert_eq!(world.beliefs.tree(), world.tree);
    }
}
