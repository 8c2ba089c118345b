//! Two sides in their most obvious form, users on both, and a scheduler that delivers in any order that is allowed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use causeway_sync::ignore::{RuleTexts, Rules};
use causeway_sync::ledger::Intent;
use causeway_sync::session::{Halt, Limits, Output, Settings};
use causeway_sync::{
    Action, Batch, Capabilities, Change, Changes, Digest, Entry, Epoch, File, Hello, Lane, Mode, Operation, Outcome,
    Problem, ProblemKind, RelPath, RelPathBuf, Replica, Seq, Session, Side, Source, Target,
};

use crate::memory_ledger::MemoryLedger;

/// A small generator (splitmix64), so that a seed says everything.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

pub fn path(text: &str) -> RelPathBuf {
    RelPathBuf::new(text.as_bytes().to_vec()).unwrap()
}

enum Noted {
    Touched(RelPathBuf),
    Moved(RelPathBuf, RelPathBuf, Entry),
}

/// One side: a tree, and a journal of what happened to it.
#[derive(Default)]
pub struct Replicated {
    pub tree: BTreeMap<RelPathBuf, Entry>,
    journal: Vec<(Noted, bool)>,
    session_began: usize,
    /// Files that were found by a first look, which doesn't read them.
    unread: HashSet<RelPathBuf>,
    pub bin: Vec<(RelPathBuf, Entry)>,
    pub seen: HashSet<Digest>,
    asked: VecDeque<Output>,
    pull: Option<Seq>,
    crawled_told: bool,
    acknowledged: Seq,
    /// Whoever asks has to be told of everything up to here, though it be by an empty window.
    owed: Seq,
}

impl Replicated {
    fn seq(&self) -> Seq {
        Seq(self.journal.len() as u64)
    }

    /// A path, and those that it may have come to since it was spoken of.
    fn names_by_now(&self, path: RelPathBuf) -> Vec<RelPathBuf> {
        let mut names = vec![path];
        for (noted, _) in &self.journal {
            if let Noted::Moved(from, to, _) = noted {
                let moved: Vec<_> = names.iter().filter_map(|name| name.rebase(from, to)).collect();
                names.extend(moved.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
            }
        }
        names
    }

    fn note(&mut self, noted: Noted, own: bool) {
        self.journal.push((noted, own));
    }

    pub fn put(&mut self, at: &RelPath, entry: Option<Entry>, own: bool) -> Vec<(RelPathBuf, Entry)> {
        let directory = entry.as_ref().is_some_and(Entry::is_directory);
        let gone: Vec<_> = self
            .tree
            .iter()
            .filter(|(p, _)| p.starts_with(at) && (***p == *at || !directory))
            .map(|(p, e)| (p.clone(), e.clone()))
            .collect();
        for (p, _) in &gone {
            self.tree.remove(p);
            self.unread.remove(p);
        }
        if let Some(entry) = entry {
            if let Some(digest) = entry.as_file().and_then(|f| f.digest) {
                self.seen.insert(digest);
            }
            self.tree.insert(at.to_owned(), entry);
        }
        // What went with a directory isn't told by itself.
        self.note(Noted::Touched(at.to_owned()), own);
        gone
    }

    pub fn rename(&mut self, from: &RelPath, to: &RelPath, own: bool) {
        let below: Vec<_> = self.tree.keys().filter(|p| p.starts_with(from)).cloned().collect();
        let entry = self.tree[from].clone();
        for p in below {
            let e = self.tree.remove(&p).unwrap();
            self.tree.insert(p.rebase(from, to).unwrap(), e);
        }
        self.note(Noted::Moved(from.to_owned(), to.to_owned(), entry), own);
    }

    /// What is told of a path.
    fn seen(&self, at: &RelPath) -> Option<Entry> {
        let mut entry = self.tree.get(at).cloned();
        if let Some(Entry::File(file)) = &mut entry
            && self.unread.contains(at)
        {
            file.digest = None;
        }
        entry
    }

    fn changes(&mut self, after: Seq) -> Option<Changes> {
        let upto = self.seq();
        let skip_own = self.session_began;
        let mut moves: Vec<Change> = Vec::new();
        let mut touched: BTreeSet<RelPathBuf> = BTreeSet::new();
        for (n, (noted, own)) in self.journal.iter().enumerate().skip(after.0 as usize) {
            let told = !own || n < skip_own;
            match noted {
                Noted::Touched(p) if told => drop(touched.insert(p.clone())),
                Noted::Touched(_) => {}
                Noted::Moved(from, to, entry) => {
                    touched = touched.iter().map(|p| p.rebase(from, to).unwrap_or(p.clone())).collect();
                    if told {
                        let (from, to, entry) = (from.clone(), to.clone(), entry.clone());
                        moves.push(Change::Moved { from, to, entry, seq: Seq(n as u64 + 1) });
                    } else {
                        rebase_moves(&mut moves, from, to);
                    }
                }
            }
        }
        if moves.is_empty() && touched.is_empty() && self.crawled_told && self.owed <= after {
            return None;
        }
        self.crawled_told = true;
        let mut changes = moves;
        let is_gone = |at: &RelPath| !self.tree.get(at).is_some_and(Entry::is_directory);
        let goes_with_above = |p: &RelPath| p.ancestors().any(|above| touched.contains(above) && is_gone(above));
        let told: Vec<_> = touched.iter().filter(|p| !goes_with_above(p)).cloned().collect();
        for p in told {
            let entry = self.seen(&p);
            if entry.as_ref().is_some_and(Entry::is_directory) {
                changes.push(Change::Now { path: p.clone(), entry: None });
                // Removed and made again, perhaps: all that it holds is told with it.
                let below = self.tree.keys().filter(|q| q.starts_with(&p));
                changes.extend(below.map(|q| Change::Now { path: q.clone(), entry: self.seen(q) }));
            } else {
                changes.push(Change::Now { path: p, entry });
            }
        }
        Some(Changes { changes, upto, as_of: upto, crawled: true })
    }

    /// Where a session has changed this side.
    pub fn acted_on(&self) -> Vec<&RelPath> {
        let own = self.journal.iter().filter(|(_, own)| *own);
        own.map(|(noted, _)| match noted {
            Noted::Touched(at) | Noted::Moved(_, at, _) => &**at,
        })
        .collect()
    }

    fn last_by_session(&self, at: &RelPath) -> bool {
        let touched = |noted: &Noted| matches!(noted, Noted::Touched(p) if **p == *at);
        self.journal.iter().rev().find(|(noted, _)| touched(noted)).is_some_and(|(_, own)| *own)
    }

    fn foreign_after(&self, at: &RelPath, as_of: Seq) -> bool {
        self.journal.iter().enumerate().skip(as_of.0 as usize).any(|(_, (noted, own))| {
            !own && match noted {
                Noted::Touched(p) => p.starts_with(at),
                Noted::Moved(from, to, _) => from.starts_with(at) || to.starts_with(at),
            }
        })
    }
}

/// Whether a file is the one that is to be carried, as far as anybody can say.
fn is_wanted(found: &File, wanted: &File) -> bool {
    wanted.digest.is_none_or(|digest| found.digest == Some(digest))
        && (found.size, found.mtime_ns, found.executable) == (wanted.size, wanted.mtime_ns, wanted.executable)
}

/// The same for what is expected to stand somewhere.
fn is_expected(found: Option<&Entry>, expected: Option<&Entry>) -> bool {
    match (found, expected) {
        (Some(Entry::File(found)), Some(Entry::File(expected))) => is_wanted(found, expected),
        (found, expected) => found == expected,
    }
}

/// A session knows its own moves already: what came before them is told by the places after them.
fn rebase_moves(moves: &mut [Change], old: &RelPath, new: &RelPath) {
    for change in moves {
        if let Change::Moved { from, to, .. } = change {
            *from = from.rebase(old, new).unwrap_or(from.clone());
            *to = to.rebase(old, new).unwrap_or(to.clone());
        }
    }
}

/// The whole system.
pub struct World {
    pub random: Random,
    pub sides: [Replicated; 2],
    pub session: Option<Session<MemoryLedger>>,
    lanes: BTreeMap<(Side, Lane), VecDeque<Batch>>,
    answers: VecDeque<(Batch, Vec<Outcome>)>,
    pub mode: Mode,
    pub now_ms: u64,
    content: u64,
    pub overwritten: HashSet<Digest>,
    pub written: HashMap<Digest, (Side, RelPathBuf)>,
    pub log: Vec<String>,
    pub flushed: Vec<u64>,
    limits: Limits,
    pub halts: Vec<Halt>,
    /// The side whose disk has no room for files.
    pub full: Option<Side>,
    /// The side that has lost power since the last session.
    pub rebooted: Option<Side>,
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

impl World {
    /// One that never halts.
    pub fn new(seed: u64, mode: Mode) -> Self {
        Self::limited(seed, mode, Limits { deleted_part_max: [1.0, 1.0], deleted_min: 1_000_000 })
    }

    pub fn limited(seed: u64, mode: Mode, limits: Limits) -> Self {
        let mut world = Self {
            random: Random::new(seed),
            sides: [Replicated::default(), Replicated::default()],
            session: None,
            lanes: BTreeMap::new(),
            answers: VecDeque::new(),
            mode,
            now_ms: 1_000,
            content: 0,
            overwritten: HashSet::new(),
            written: HashMap::new(),
            log: Vec::new(),
            flushed: Vec::new(),
            limits,
            halts: Vec::new(),
            full: None,
            rebooted: None,
        };
        world.connect(MemoryLedger::default());
        world
    }

    fn connect(&mut self, ledger: MemoryLedger) {
        let rebooted = self.rebooted.take();
        let hello = |side: &Replicated, n: u64| Hello {
            rebooted: rebooted.is_some_and(|side| side as u64 + 1 == n),
            replica: Replica([n as u8; 16]),
            epoch: Epoch(n),
            acknowledged: side.acknowledged,
            empty: side.tree.is_empty(),
            stale: false,
            capabilities: Capabilities {
                case_sensitive: true,
                normalization_sensitive: true,
                symlinks: true,
                executable: true,
                mtime_step_ns: 1,
            },
        };
        for side in &mut self.sides {
            side.session_began = side.journal.len();
            side.crawled_told = false;
            side.asked.clear();
            side.pull = None;
        }
        self.lanes.clear();
        self.answers.clear();
        let rules = Rules::new(&RuleTexts::default()).unwrap();
        let settings = Settings { mode: self.mode, rules, limits: self.limits };
        let (host, guest) = (hello(&self.sides[0], 1), hello(&self.sides[1], 2));
        self.session = Some(Session::new(settings, ledger, &host, &guest, self.now_ms).unwrap());
    }

    pub fn session(&mut self) -> &mut Session<MemoryLedger> {
        self.session.as_mut().unwrap()
    }

    fn random_path(&mut self) -> RelPathBuf {
        let depth = 1 + self.random.below(3);
        let names: Vec<_> = (0..depth).map(|_| NAMES[self.random.below(NAMES.len())]).collect();
        path(&names.join("/"))
    }

    pub fn user_puts(&mut self, side: Side, at: &RelPath, entry: Option<Entry>) {
        if let Some(digest) = entry.as_ref().and_then(Entry::as_file).and_then(|f| f.digest) {
            self.written.insert(digest, (side, at.to_owned()));
        }
        for (_, gone) in self.sides[side as usize].put(at, entry, false) {
            self.overwritten.extend(gone.as_file().and_then(|f| f.digest));
        }
    }

    /// A user puts a file that isn't read before it is asked for.
    pub fn user_puts_unread(&mut self, side: Side, at: &RelPath, file: Entry) {
        self.user_puts(side, at, Some(file));
        self.sides[side as usize].unread.insert(at.to_owned());
    }

    /// A user does something on a side.
    pub fn user(&mut self, side: Side) {
        let at = self.random_path();
        for above in at.clone().ancestors().filter(|p| !p.is_root()) {
            if !self.sides[side as usize].tree.get(above).is_some_and(Entry::is_directory) {
                if self.random.one_in(3) {
                    return;
                }
                self.log.push(format!("{side:?} makes directory {above}"));
                self.user_puts(side, above, Some(Entry::Directory));
            }
        }
        let here = self.sides[side as usize].tree.get(&at).cloned();
        match self.random.below(10) {
            0..4 => {
                self.content += 1;
                let file = File {
                    digest: Some(blake3::hash(&self.content.to_le_bytes()).into()),
                    size: if self.random.one_in(8) { 6 << 20 } else { 100 },
                    executable: false,
                    mtime_ns: self.content as i64,
                };
                self.log.push(format!("{side:?} writes {at} {:?}", file.digest));
                if self.random.one_in(4) {
                    self.user_puts_unread(side, &at, Entry::File(file));
                } else {
                    self.user_puts(side, &at, Some(Entry::File(file)));
                }
            }
            4 | 5 if here.is_some() => {
                self.log.push(format!("{side:?} removes {at}"));
                self.user_puts(side, &at, None);
            }
            6 => {
                self.log.push(format!("{side:?} makes directory {at}"));
                if !here.is_some_and(|e| e.is_directory()) {
                    self.user_puts(side, &at, Some(Entry::Directory));
                }
            }
            7 | 8 if here.is_some() => {
                let to = self.random_path();
                let parent = to.parent().unwrap();
                let tree = &self.sides[side as usize].tree;
                let fits = parent.is_root() || tree.get(parent).is_some_and(Entry::is_directory);
                if fits && !tree.contains_key(&to) && !to.starts_with(&at) {
                    self.log.push(format!("{side:?} renames {at} to {to}"));
                    self.sides[side as usize].rename(&at, &to, false);
                }
            }
            9 => match here {
                Some(Entry::File(mut file)) => {
                    file.executable = !file.executable;
                    self.log.push(format!("{side:?} chmods {at}"));
                    self.sides[side as usize].put(&at, Some(Entry::File(file)), false);
                }
                _ => {
                    self.log.push(format!("{side:?} links {at}"));
                    self.user_puts(side, &at, Some(Entry::Symlink(Target::new(b"x".to_vec()).unwrap())));
                }
            },
            _ => {}
        }
    }

    /// The connection breaks, at any moment.
    pub fn reconnect(&mut self) {
        self.log.push("reconnect".into());
        let ledger = self.session.take().unwrap().into_ledger();
        self.connect(ledger);
    }

    fn drain_outputs(&mut self) {
        while let Some(output) = self.session().poll_output() {
            if std::env::var_os("CAUSEWAY_VERBOSE").is_some() {
                eprintln!("      {:?} {output:?}", self.log.last());
            }
            match output {
                Output::Run { batch, lane } => self.lanes.entry((batch.to, lane)).or_default().push_back(batch),
                Output::Pull { side, after, .. } => {
                    assert!(self.sides[side as usize].pull.is_none(), "two pulls outstanding");
                    self.sides[side as usize].pull = Some(after);
                }
                Output::Recheck { side, .. }
                | Output::Relist { side, .. }
                | Output::Read { side, .. }
                | Output::Sync { side, .. }
                | Output::Barrier { side, .. } => self.sides[side as usize].asked.push_back(output),
                Output::Acknowledge { side, seq } => {
                    let side = &mut self.sides[side as usize];
                    assert!(seq <= side.seq());
                    side.acknowledged = side.acknowledged.max(seq);
                }
                Output::Flushed { token, .. } => self.flushed.push(token),
                Output::Halted(halt) => self.halts.push(halt),
            }
        }
    }

    /// Something that may happen next happens. `false`: nothing can.
    pub fn step(&mut self) -> bool {
        self.drain_outputs();
        let lanes: Vec<_> = self.lanes.iter().filter(|(_, q)| !q.is_empty()).map(|(k, _)| *k).collect();
        let choice = self.random.below(6);
        for turn in 0..6 {
            match (choice + turn) % 6 {
                0 if !lanes.is_empty() => {
                    let key = lanes[self.random.below(lanes.len())];
                    let batch = self.lanes.get_mut(&key).unwrap().pop_front().unwrap();
                    let outcomes = batch.actions.iter().map(|action| self.carry_out(&batch, action)).collect();
                    self.answers.push_back((batch, outcomes));
                    return true;
                }
                1 if !self.answers.is_empty() => {
                    let n = self.random.below(self.answers.len());
                    let (batch, outcomes) = self.answers.remove(n).unwrap();
                    let now = self.now_ms;
                    self.session().handle_outcomes(batch.id, outcomes, now).unwrap();
                    return true;
                }
                n @ (2 | 3) => {
                    let side = Side::BOTH[n - 2];
                    if self.answer_pull(side) {
                        return true;
                    }
                }
                n @ (4 | 5) => {
                    let side = Side::BOTH[n - 4];
                    if let Some(asked) = self.sides[side as usize].asked.pop_front() {
                        self.answer(side, asked);
                        return true;
                    }
                }
                _ => {}
            }
        }
        let now = self.now_ms;
        match self.session().poll_timeout() {
            Some(due) if due < now + 20_000 => {
                self.now_ms = self.now_ms.max(due);
                let now = self.now_ms;
                self.session().handle_timeout(now).unwrap();
                true
            }
            _ => false,
        }
    }

    fn answer_pull(&mut self, side: Side) -> bool {
        let Some(after) = self.sides[side as usize].pull else { return false };
        let Some(changes) = self.sides[side as usize].changes(after) else { return false };
        self.sides[side as usize].pull = None;
        let now = self.now_ms;
        self.session().handle_changes(side, changes, now).unwrap();
        true
    }

    /// Before a sync or a barrier is answered, the outstanding pull is.
    fn catch_up(&mut self, side: Side) {
        self.sides[side as usize].owed = self.sides[side as usize].seq();
        let Some(after) = self.sides[side as usize].pull.take() else { return };
        let state = &mut self.sides[side as usize];
        let seq = state.seq();
        let changes = state.changes(after).unwrap_or(Changes { changes: vec![], upto: seq, as_of: seq, crawled: true });
        let now = self.now_ms;
        self.session().handle_changes(side, changes, now).unwrap();
        self.drain_outputs();
    }

    fn answer(&mut self, side: Side, asked: Output) {
        let now = self.now_ms;
        match asked {
            Output::Recheck { path, .. } => self.sides[side as usize].note(Noted::Touched(path), false),
            Output::Relist { path, .. } => {
                let state = &self.sides[side as usize];
                let named = state.names_by_now(path);
                let is_below = |at: &&RelPathBuf| named.iter().any(|name| at.starts_with(name));
                let below: Vec<_> = state.tree.keys().filter(is_below).cloned().collect();
                for p in below {
                    self.sides[side as usize].note(Noted::Touched(p), false);
                }
            }
            Output::Read { paths, .. } => {
                for p in paths {
                    self.sides[side as usize].unread.remove(&p);
                    self.sides[side as usize].note(Noted::Touched(p), false);
                }
            }
            Output::Sync { token, .. } => {
                self.catch_up(side);
                self.session().handle_synced(side, token, now).unwrap();
            }
            Output::Barrier { token, .. } => {
                self.catch_up(side);
                let seq = self.sides[side as usize].seq();
                self.session().handle_barrier(side, token, seq, now).unwrap();
            }
            other => panic!("nobody asks {other:?}"),
        }
    }

    fn carry_out(&mut self, batch: &Batch, action: &Action) -> Outcome {
        let to = batch.to;
        let there = self.sides[to as usize].tree.get(&action.path).cloned();
        let parent = action.path.parent().unwrap();
        let has_parent = parent.is_root() || self.sides[to as usize].tree.get(parent).is_some_and(Entry::is_directory);
        let entry = match &action.operation {
            Operation::Directory if there == Some(Entry::Directory) => {
                return Outcome::Done { entry: there, seq: self.sides[to as usize].seq() };
            }
            Operation::Rename { to: target } => {
                let state = &mut self.sides[to as usize];
                let parent = target.parent().unwrap();
                let fits = parent.is_root() || state.tree.get(parent).is_some_and(Entry::is_directory);
                if !is_expected(there.as_ref(), action.expect.as_ref())
                    || there.is_none()
                    || state.tree.contains_key(target)
                    || !fits
                {
                    return Outcome::Unexpected;
                }
                self.log.push(format!("  {to:?} gets {} renamed to {target}", action.path));
                state.rename(&action.path, target, true);
                return Outcome::Done { entry: there, seq: state.seq() };
            }
            Operation::Directory => Some(Entry::Directory),
            Operation::Symlink(target) => Some(Entry::Symlink(target.clone())),
            Operation::Attributes(file) => Some(Entry::File(file.clone())),
            Operation::Remove => None,
            Operation::File { .. } if self.full == Some(to) => {
                let problem = Problem { side: to, kind: ProblemKind::NoSpace, detail: String::new() };
                return Outcome::Problem(problem);
            }
            Operation::File { file, source } => {
                let (from, at) = match source {
                    Source::Transfer { .. } => (to.other(), &action.path),
                    Source::Copy { from } => (to, from),
                };
                match self.sides[from as usize].tree.get(at) {
                    Some(Entry::File(found)) if is_wanted(found, file) => {
                        let read = found.clone();
                        let noted = Intent::read(to, action, &read);
                        self.session().ledger().note(noted);
                        Some(Entry::File(read))
                    }
                    _ => return Outcome::SourceChanged,
                }
            }
        };
        let state = &mut self.sides[to as usize];
        if !is_expected(there.as_ref(), action.expect.as_ref()) || !has_parent {
            return Outcome::Unexpected;
        }
        let removes_tree = there.as_ref().is_some_and(Entry::is_directory);
        if removes_tree && state.foreign_after(&action.path, batch.as_of) {
            return Outcome::Unexpected;
        }
        self.log.push(format!("  {to:?} gets {} := {entry:?}", action.path));
        let keeps_content = matches!(action.operation, Operation::Attributes(_));
        // A new bit on what a user wrote doesn't make it the session's.
        let own = !keeps_content || state.last_by_session(&action.path);
        let gone = state.put(&action.path, entry.clone(), own);
        if !keeps_content {
            state.bin.extend(gone);
        }
        Outcome::Done { entry, seq: state.seq() }
    }
}
