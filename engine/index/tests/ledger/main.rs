//! The ledger against a slow model: maps from whole paths.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use causeway_index::{LedgerStore, Origin};
use causeway_sync::ledger::{Diverged, Hold, Holds, Moved, Peers, Update};
use causeway_sync::plan::{Problem, ProblemKind};
use causeway_sync::{Digest, Entry, Epoch, File, Ledger, RelPath, RelPathBuf, Replica, Seq, Side};
use proptest::prelude::*;

const PEERS: Peers = Peers { host: Epoch(1), guest: Epoch(2), guest_replica: Replica([3; 16]) };

fn path(text: &str) -> RelPathBuf {
    RelPathBuf::new(text.as_bytes().to_vec()).unwrap()
}

fn file(version: u8) -> Entry {
    let size = if version.is_multiple_of(2) { 100 } else { 64 << 10 };
    Entry::File(File { digest: Some(Digest([version; 32])), size, executable: false, mtime_ns: 1 })
}

fn diverged(version: u8) -> Diverged {
    let hold = match version % 3 {
        0 => Hold::Conflict,
        1 => Hold::OneSided,
        _ => Hold::Problem(Problem { side: Side::Guest, kind: ProblemKind::NoSpace, detail: "full".to_owned() }),
    };
    Diverged { host: Some(file(version)), guest: None, hold, since_ms: u64::from(version) }
}

/// The host tells of it with change 2, the guest with change 4.
fn moved(from: RelPathBuf, to: RelPathBuf) -> Update {
    Update::Move(Moved { from, to, as_of: [Seq(2), Seq(4)] })
}

/// What a ledger holds, without the root.
#[derive(Clone, Debug, Default)]
struct Model {
    agreed: BTreeMap<RelPathBuf, Entry>,
    diverged: BTreeMap<RelPathBuf, Diverged>,
    moves: Vec<Moved>,
}

impl Model {
    fn is_directory(&self, path: &RelPath) -> bool {
        path.is_root() || self.agreed.get(path).is_some_and(Entry::is_directory)
    }

    /// Whether the update makes sense; if not, nothing of it is done.
    fn update(&mut self, update: &Update) -> bool {
        match update {
            Update::Agree(path, entry) => {
                if entry.is_some() && !self.is_directory(path.parent().unwrap()) {
                    return false;
                }
                if !entry.as_ref().is_some_and(Entry::is_directory) {
                    self.agreed.retain(|at, _| !at.starts_with(path));
                }
                if let Some(entry) = entry {
                    self.agreed.insert(path.clone(), entry.clone());
                }
            }
            Update::Move(moved) => {
                let Moved { from, to, .. } = moved;
                if from == to {
                    return true;
                }
                if to.starts_with(from) || from.starts_with(to) {
                    return false;
                }
                if self.agreed.contains_key(from) {
                    if !self.is_directory(to.parent().unwrap()) {
                        return false;
                    }
                    let (moved, mut kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
                        std::mem::take(&mut self.agreed).into_iter().partition(|(at, _)| at.starts_with(from));
                    kept.retain(|at, _| !at.starts_with(to));
                    kept.extend(moved.into_iter().map(|(at, entry)| (at.rebase(from, to).unwrap(), entry)));
                    self.agreed = kept;
                }
                self.moves.push(moved.clone());
                let (moved, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    std::mem::take(&mut self.diverged).into_iter().partition(|(at, _)| at.starts_with(from));
                self.diverged = kept;
                self.diverged.extend(moved.into_iter().map(|(at, diverged)| (at.rebase(from, to).unwrap(), diverged)));
            }
            Update::Diverge(path, Some(diverged)) => {
                self.diverged.insert(path.clone(), diverged.clone());
            }
            Update::Diverge(path, None) => {
                self.diverged.remove(path);
            }
        }
        true
    }

    fn check(&self, ledger: &LedgerStore) {
        for text in ["", "a", "b", "a/a", "a/b", "a-", "a-/b", "a/a/a", "c/a"] {
            let path = path(text);
            let entry = if path.is_root() { Some(&Entry::Directory) } else { self.agreed.get(&path) };
            assert_eq!(ledger.agreed(&path).unwrap().as_ref(), entry, "{text}");
            assert_eq!(ledger.diverged(&path).unwrap().as_ref(), self.diverged.get(&path), "{text}");
            let below = self.agreed.keys().filter(|at| at.starts_with(&path)).count() as u64;
            for limit in [0, 1, 2, u64::MAX] {
                assert_eq!(ledger.agreed_count(&path, limit).unwrap(), below.min(limit), "{text}");
            }
            self.check_lists(ledger, &path);
        }
        assert_eq!(ledger.moves().unwrap(), self.moves);
        assert_eq!(ledger.agreed_total().unwrap(), self.agreed.len() as u64);
        let count = |kind: fn(&Hold) -> bool| self.diverged.values().filter(|d| kind(&d.hold)).count() as u64;
        let holds = Holds {
            conflicts: count(|hold| matches!(hold, Hold::Conflict)),
            problems: count(|hold| matches!(hold, Hold::Problem(_))),
            one_sided: count(|hold| matches!(hold, Hold::OneSided)),
        };
        assert_eq!(ledger.holds().unwrap(), holds);
        for (path, entry) in &self.agreed {
            if let Some(file) = entry.as_file().filter(|file| file.size >= 64 << 10) {
                let same = ledger.find_content(&file.digest.unwrap()).unwrap().unwrap();
                assert_eq!(self.agreed[&same].as_file().unwrap().digest, file.digest, "{path:?}");
            }
        }
        assert_eq!(ledger.find_content(&Digest([200; 32])).unwrap(), None);
    }

    fn check_lists(&self, ledger: &LedgerStore, path: &RelPath) {
        let mut children = Vec::new();
        while let Some(child) = {
            let after = children.last().map(|(name, _): &(causeway_sync::NameBuf, Entry)| &**name);
            ledger.agreed_children(path, after, 1).unwrap().pop()
        } {
            children.push(child);
        }
        let expected: Vec<_> = self.agreed.iter().filter(|(at, _)| at.parent() == Some(path)).collect();
        assert_eq!(children.len(), expected.len());
        for ((name, entry), (at, known)) in children.iter().zip(expected) {
            assert_eq!((&path.join(name), entry), (at, known));
        }
        let expected: Vec<_> = self.diverged.iter().filter(|(at, _)| at.starts_with(path)).collect();
        let mut below: Vec<(RelPathBuf, Diverged)> = Vec::new();
        loop {
            let after = below.last().map(|(path, _)| path.clone());
            let more = ledger.diverged_below(path, after.as_deref(), 2).unwrap();
            if more.is_empty() {
                break;
            }
            below.extend(more);
        }
        assert!(below.iter().map(|(path, diverged)| (path, diverged)).eq(expected));
    }
}

fn paths() -> impl Strategy<Value = RelPathBuf> {
    // A name with a byte before the slash, so that the order of bytes isn't that of paths.
    prop::collection::vec(prop::sample::select(vec!["a", "b", "a-"]), 1..4).prop_map(|names| path(&names.join("/")))
}

fn updates() -> impl Strategy<Value = Update> {
    prop_oneof![
        4 => paths().prop_map(|path| Update::Agree(path, Some(Entry::Directory))),
        4 => (paths(), 0u8..12).prop_map(|(path, version)| Update::Agree(path, Some(file(version)))),
        2 => paths().prop_map(|path| Update::Agree(path, None)),
        3 => (paths(), paths()).prop_map(|(from, to)| moved(from, to)),
        4 => (paths(), 0u8..6).prop_map(|(path, version)| Update::Diverge(path, Some(diverged(version)))),
        2 => paths().prop_map(|path| Update::Diverge(path, None)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn commits_do_what_the_model_does_or_nothing(
        commits in prop::collection::vec((prop::collection::vec(updates(), 1..20), prop::bool::weighted(0.1)), 1..8),
    ) {
        // In memory, where the system has such a place: durability isn't what this is about.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let file = folder.path().join("ledger");
        let mut ledger = LedgerStore::open(&file).unwrap();
        let mut model = Model::default();
        let mut absorbed = Seq(0);
        for (number, (updates, any)) in (1..).map(Seq).zip(&commits) {
            let mut next = model.clone();
            // Most commits are made of what makes sense alone.
            let (sound, unsound): (Vec<_>, Vec<_>) = updates.iter().cloned().partition(|update| next.update(update));
            let (sound, updates) = if *any { (unsound.is_empty(), updates) } else { (true, &sound) };
            prop_assert_eq!(ledger.commit(updates, number, Seq(number.0 * 2)).is_ok(), sound);
            if sound {
                next.moves.retain(|_| number.0 < 2);
                (model, absorbed) = (next, number);
            }
            model.check(&ledger);
        }
        drop(ledger);
        let ledger = LedgerStore::open(&file).unwrap();
        prop_assert_eq!(ledger.origin(), &Origin::Existing);
        prop_assert_eq!(ledger.absorbed(Side::Host).unwrap(), absorbed);
        prop_assert_eq!(ledger.absorbed(Side::Guest).unwrap(), Seq(absorbed.0 * 2));
        model.check(&ledger);
    }
}

#[test]
fn starting_anew_forgets_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = LedgerStore::open(&folder.path().join("ledger")).unwrap();
    assert_eq!(ledger.peers().unwrap(), None);
    let updates = [
        Update::Agree(path("a"), Some(Entry::Directory)),
        Update::Agree(path("a/b"), Some(file(1))),
        Update::Diverge(path("a/c"), Some(diverged(0))),
    ];
    ledger.commit(&updates, Seq(5), Seq(6)).unwrap();
    ledger.start_anew(PEERS).unwrap();
    assert_eq!(ledger.peers().unwrap(), Some(PEERS));
    assert_eq!(ledger.absorbed(Side::Guest).unwrap(), Seq(0));
    Model::default().check(&ledger);
    drop(ledger);
    let ledger = LedgerStore::open(&folder.path().join("ledger")).unwrap();
    assert_eq!(ledger.peers().unwrap(), Some(PEERS));
}

#[test]
fn a_damaged_ledger_is_set_aside_and_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger");
    let mut ledger = LedgerStore::open(&file).unwrap();
    ledger.start_anew(PEERS).unwrap();
    drop(ledger);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[..16].fill(b'x');
    std::fs::write(&file, bytes).unwrap();
    let ledger = LedgerStore::open(&file).unwrap();
    assert!(matches!(ledger.origin(), Origin::Replaced { .. }), "{:?}", ledger.origin());
    assert_eq!(ledger.peers().unwrap(), None);
    assert!(folder.path().join("ledger.damaged-1").exists());
}

#[test]
fn the_root_is_a_directory_and_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = LedgerStore::open(&folder.path().join("ledger")).unwrap();
    let root = RelPath::ROOT.to_owned();
    ledger.commit(&[Update::Agree(root.clone(), Some(Entry::Directory))], Seq(1), Seq(1)).unwrap();
    for update in
        [Update::Agree(root.clone(), None), Update::Agree(root.clone(), Some(file(1))), moved(root.clone(), path("a"))]
    {
        assert!(ledger.commit(&[Update::Agree(path("x"), Some(file(1))), update], Seq(2), Seq(2)).is_err());
    }
    Model::default().check(&ledger);
    assert_eq!(ledger.absorbed(Side::Host).unwrap(), Seq(1));
}

#[test]
fn nothing_moves_into_itself_or_over_what_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = LedgerStore::open(&folder.path().join("ledger")).unwrap();
    let updates: Vec<_> = ["a", "a/b", "a/b/a"].map(|text| Update::Agree(path(text), Some(Entry::Directory))).into();
    ledger.commit(&updates, Seq(1), Seq(1)).unwrap();
    for (from, to) in [("a/b", "a"), ("a", "a/b/c")] {
        assert!(ledger.commit(&[moved(path(from), path(to))], Seq(2), Seq(2)).is_err());
    }
    assert_eq!(ledger.agreed_total().unwrap(), 3);
}
