//! A side for tests: a share, its index and its endpoint in a directory that goes away with it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use causeway_endpoint::fs::{Capabilities, FileMode, OsFs, OsFsConfig};
use causeway_endpoint::watch::Hint;
use causeway_endpoint::{Dirty, Endpoint, Look, LookError, Looked, Settings, Symlinks};
use causeway_index::{Identity, Index};
use causeway_sync::content::Content;
use causeway_sync::ignore::{RuleTexts, Rules};
use causeway_sync::{
    Action, Batch, BatchId, Change, Entry, File, Operation, Outcome, RelPath, RelPathBuf, Seq, Source, Target,
};

use crate::hooked::{Hooked, Hooks};

pub type Ep = Endpoint<Hooked>;

pub struct Side {
    pub ep: Ep,
    pub hooks: Hooks,
    pub share: PathBuf,
    pub private: PathBuf,
    side: causeway_sync::Side,
    /// How far the feed was read, and what of it nobody has asked for yet.
    told: Mutex<(Seq, Vec<Change>)>,
    dir: tempfile::TempDir,
}

/// What a side is made with.
pub struct Making {
    pub side: causeway_sync::Side,
    pub symlinks: Symlinks,
    pub syncignore: &'static str,
    pub can: Option<Capabilities>,
    /// Where the private directory stands instead of beside the share.
    pub private: Option<PathBuf>,
}

impl Default for Making {
    fn default() -> Self {
        Self { side: causeway_sync::Side::Guest, symlinks: Symlinks::Raw, syncignore: "", can: None, private: None }
    }
}

pub fn rules(syncignore: &str) -> Rules {
    let texts = RuleTexts { syncignore: Some(syncignore.into()), ..RuleTexts::default() };
    Rules::new(&texts).unwrap()
}

pub fn path(text: &str) -> RelPathBuf {
    RelPathBuf::new(text.into()).unwrap()
}

pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn private(dir: &Path, making: &Making) -> PathBuf {
    making.private.clone().unwrap_or_else(|| dir.join("private"))
}

fn open(dir: &Path, making: &Making, hooks: &Hooks) -> Ep {
    let config = OsFsConfig { share: dir.join("share"), private: private(dir, making), mode: FileMode::Everyone };
    let fs = Hooked { inner: OsFs::open(config).unwrap(), hooks: hooks.clone(), can: making.can };
    let index = Index::open(&dir.join("index"), [7; 16], Identity::random).unwrap();
    let settings = Settings { side: making.side, rules: rules(making.syncignore), symlinks: making.symlinks };
    Endpoint::open(fs, index, settings, now_ms()).unwrap()
}

impl Side {
    pub fn new() -> Self {
        Self::make(Making::default(), |_| {})
    }

    /// A side whose share was filled before the endpoint was opened.
    pub fn with(fill: impl FnOnce(&Path)) -> Self {
        Self::make(Making::default(), fill)
    }

    /// A side that has been crawled once, and whose session has been told everything.
    pub fn crawled(fill: impl FnOnce(&Path)) -> Self {
        let side = Self::with(|share| {
            fill(share);
            settle(share);
        });
        side.crawl();
        side.read_all();
        side.told();
        side
    }

    pub fn make(making: Making, fill: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let share = dir.path().join("share");
        fs::create_dir(&share).unwrap();
        fill(&share);
        let hooks = Hooks::default();
        let ep = open(dir.path(), &making, &hooks);
        let private = private(dir.path(), &making);
        Self { ep, hooks, share, private, side: making.side, told: Mutex::default(), dir }
    }

    /// Ends the endpoint as a killed process does, or in good order, and opens it anew.
    pub fn reopen(self, orderly: bool) -> Self {
        let Self { ep, hooks, share, private, side, dir, told } = self;
        if orderly {
            ep.close().unwrap();
        }
        drop(ep);
        hooks.clear();
        let ep = open(dir.path(), &Making { side, private: Some(private.clone()), ..Making::default() }, &hooks);
        // What wasn't committed is told anew.
        let upto = told.lock().unwrap().0.min(ep.seq());
        Self { ep, hooks, share, private, side, told: Mutex::new((upto, Vec::new())), dir }
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.share.join(path)
    }

    pub fn write(&self, path: &str, content: &str) {
        write(&self.share, path, content);
    }

    /// Writes a file that looks as if it had been written long ago, so that a look needn't come back to it.
    pub fn write_old(&self, path: &str, content: &str) {
        self.write(path, content);
        set_old(&self.at(path));
    }

    pub fn crawl(&self) -> Looked {
        self.ep.crawl(RelPath::ROOT, now_ms(), &AtomicBool::new(false)).unwrap()
    }

    /// Makes files look as if they had been written long ago, so that a look needn't come back to them.
    pub fn settle(&self) {
        settle(&self.share);
    }

    /// Reads all files that nobody has read.
    pub fn read_all(&self) {
        let files: Vec<_> = self.known().into_keys().map(|at| path(&at)).collect();
        self.ep.read(&files, now_ms(), &AtomicBool::new(false)).unwrap();
    }

    pub fn check(&self, dirty: &[(&str, Look)]) -> Looked {
        self.try_check(dirty, now_ms()).unwrap()
    }

    pub fn try_check(&self, dirty: &[(&str, Look)], now_ms: u64) -> Result<Looked, LookError> {
        let dirty: Vec<_> = dirty.iter().map(|(at, look)| Dirty { path: path(at), look: *look }).collect();
        self.ep.check(&dirty, now_ms, &AtomicBool::new(false))
    }

    /// Checks paths as a watcher would have them checked after a change was complete.
    pub fn check_closed(&self, paths: &[&str]) -> Looked {
        let dirty: Vec<_> = paths.iter().map(|at| (*at, Look::Hint(Hint::ClosedAfterWrite))).collect();
        self.check(&dirty)
    }

    /// Checks what actions found different, until there is nothing more.
    pub fn check_dirty(&self) {
        for _ in 0..10 {
            let dirty = self.ep.take_dirty();
            if dirty.is_empty() {
                return;
            }
            self.ep.check(&dirty, now_ms(), &AtomicBool::new(false)).unwrap();
        }
        panic!("something stays dirty: {:?}", self.ep.take_dirty());
    }

    /// What has been told since the last call.
    pub fn told(&self) -> Vec<Change> {
        self.drain();
        std::mem::take(&mut self.told.lock().unwrap().1)
    }

    fn drain(&self) {
        let (upto, told) = &mut *self.told.lock().unwrap();
        loop {
            let window = self.ep.changes(*upto, 1000).unwrap();
            told.extend(window.changes);
            if window.upto == *upto {
                return;
            }
            *upto = window.upto;
            self.ep.acknowledge(*upto).unwrap();
        }
    }

    /// The same in short: `+path`, `-path`, `from>to`, `~path` for a forgotten one.
    pub fn told_short(&self) -> Vec<String> {
        let short = |change: Change| match change {
            Change::Now { path, entry: Some(_), .. } => format!("+{path}"),
            Change::Now { path, entry: None, .. } => format!("-{path}"),
            Change::Moved { from, to, .. } => format!("{from}>{to}"),
            Change::Forgotten { path } => format!("~{path}"),
        };
        let mut told: Vec<_> = self.told().into_iter().map(short).collect();
        told.sort();
        told
    }

    /// All that the index knows. Leaves no trace in what is told.
    pub fn known(&self) -> BTreeMap<String, Entry> {
        self.drain();
        let told = std::mem::take(&mut self.told.lock().unwrap().1);
        self.ep.relist(RelPath::ROOT).unwrap();
        self.drain();
        let listed = std::mem::replace(&mut self.told.lock().unwrap().1, told);
        let known = listed.into_iter().map(|change| match change {
            Change::Now { path, entry: Some(entry), .. } => (path.to_string(), entry),
            other => panic!("{other:?} in a list of what is known"),
        });
        known.filter(|(path, _)| !path.is_empty()).collect()
    }

    /// Checks that the index says what a walk of the whole tree says.
    #[track_caller]
    pub fn assert_known(&self) {
        let known: Vec<_> =
            self.known().into_iter().map(|(path, entry)| format!("{path} {}", describe(&entry))).collect();
        let tree = tree(&self.share);
        let odd: Vec<_> = known.iter().filter(|at| !tree.contains(at)).take(20).collect();
        let missing: Vec<_> = tree.iter().filter(|at| !known.contains(at)).take(20).collect();
        assert!(odd.is_empty() && missing.is_empty(), "only in the index: {odd:?}; only on the disk: {missing:?}");
    }

    pub fn entry(&self, path: &str) -> Option<Entry> {
        self.known().remove(path)
    }

    /// Carries out actions whose content `supplier` has, and gives what became of them.
    pub fn carry_out(&self, actions: Vec<Action>, supplier: Option<&Side>) -> Vec<Outcome> {
        let batch = Batch { id: BatchId(1), to: self.side, as_of: self.ep.seq(), actions };
        self.carry_out_batch(batch, supplier)
    }

    pub fn carry_out_batch(&self, batch: Batch, supplier: Option<&Side>) -> Vec<Outcome> {
        let mut applier = self.ep.applier();
        let id = batch.id;
        let mut signatures: Vec<_> = applier.begin(batch.clone()).unwrap();
        signatures.reverse();
        if let Some(supplier) = supplier {
            let applier = std::cell::RefCell::new(&mut applier);
            let mut ask = |number| {
                assert_eq!(signatures.pop(), Some(number));
                Ok(applier.borrow_mut().signature(number))
            };
            let mut take = |number, content: Content<'_>| {
                applier.borrow_mut().content(id, number, content).map_err(io::Error::other)
            };
            supplier.ep.supply(&batch, now_ms(), &mut ask, &mut take).unwrap();
        }
        let mut done = applier.flush(now_ms());
        assert_eq!(done.len(), 1, "the batch is complete");
        done.remove(0).1
    }

    /// Carries out one action without content.
    pub fn act(&self, at: &str, expect: Option<Entry>, operation: Operation) -> Outcome {
        let action = Action { path: path(at), expect, operation };
        self.carry_out(vec![action], None).remove(0)
    }

    /// Puts a file in place whose content crosses from a second side.
    pub fn put(&self, at: &str, expect: Option<Entry>, content: &str) -> Outcome {
        let supplier = Side::host_with(|share| write(share, at, content));
        self.put_from(&supplier, at, expect, false)
    }

    pub fn put_from(&self, supplier: &Side, at: &str, expect: Option<Entry>, delta: bool) -> Outcome {
        let file = supplier.file(at);
        let operation = Operation::File { file, source: Source::Transfer { delta } };
        let action = Action { path: path(at), expect, operation };
        self.carry_out(vec![action], Some(supplier)).remove(0)
    }

    /// A supplier: the host, crawled.
    pub fn host_with(fill: impl FnOnce(&Path)) -> Self {
        let making = Making { side: causeway_sync::Side::Host, ..Making::default() };
        let side = Self::make(making, |share| {
            fill(share);
            settle(share);
        });
        side.crawl();
        side
    }

    pub fn file(&self, at: &str) -> File {
        match self.entry(at) {
            Some(Entry::File(file)) => file,
            other => panic!("{at} is {other:?}"),
        }
    }

    /// The names in staging, and in the recycle bin with their content: `reason path content`.
    pub fn staged(&self) -> Vec<String> {
        let inside = fs::read_dir(&self.share).into_iter().flatten();
        let inside = inside
            .filter(|entry| entry.as_ref().unwrap().file_name().as_encoded_bytes().starts_with(b".causeway-tmp-"));
        let staging = fs::read_dir(self.private.join("staging")).into_iter().flatten();
        staging.chain(inside).map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    pub fn binned(&self) -> Vec<String> {
        let mut contents = HashMap::new();
        for hour in fs::read_dir(self.private.join("bin")).unwrap() {
            for entry in fs::read_dir(hour.unwrap().path()).into_iter().flatten() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                let id = name.splitn(3, '-').take(2).collect::<Vec<_>>().join("-");
                if entry.path().is_file() && !name.ends_with(".~path") {
                    contents.insert(id, fs::read_to_string(entry.path()).unwrap());
                }
            }
        }
        let items = self.ep.bin_items(None, 1_000_000).unwrap();
        let mut short: Vec<_> = items
            .iter()
            .map(|item| {
                let content = contents.get(&item.id.to_string()).map_or("", String::as_str);
                format!("{:?} {} {content}", item.reason, item.path).trim_end().to_owned()
            })
            .collect();
        short.sort();
        short
    }
}

pub fn write(share: &Path, path: &str, content: &str) {
    let at = share.join(path);
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    fs::write(at, content).unwrap();
}

/// Sets all files' times to a time long past.
pub fn settle(share: &Path) {
    for entry in fs::read_dir(share).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            settle(&entry.path());
        } else if kind.is_file() {
            set_old(&entry.path());
        }
    }
}

/// Sets a file's time to one long past, another one each time.
pub fn set_old(at: &Path) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let past = SystemTime::UNIX_EPOCH
        + Duration::from_secs(1_600_000_000)
        + Duration::from_millis(NEXT.fetch_add(1, Ordering::Relaxed));
    fs::File::options().append(true).open(at).unwrap().set_modified(past).unwrap();
}

pub fn set_executable(at: &Path, executable: bool) {
    fs::set_permissions(at, fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 })).unwrap();
}

fn describe(entry: &Entry) -> String {
    match entry {
        Entry::Directory => "dir".to_owned(),
        Entry::File(file) => {
            let digest = file.digest.map_or("unread".to_owned(), |digest| format!("{digest:?}"));
            format!("file {} {} {digest}", file.size, if file.executable { "x" } else { "-" })
        }
        Entry::Symlink(target) => format!("link {}", String::from_utf8_lossy(target.as_bytes())),
        Entry::Untracked => "untracked".to_owned(),
    }
}

/// The tree as an independent, slow walk sees it.
pub fn tree(share: &Path) -> Vec<String> {
    fn walk(at: &Path, prefix: &str, out: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(at).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            let stat = fs::symlink_metadata(entry.path()).unwrap();
            let shown = if stat.is_dir() {
                walk(&entry.path(), &format!("{path}/"), out);
                "dir".to_owned()
            } else if stat.is_file() {
                let content = fs::read(entry.path()).unwrap();
                let digest: causeway_sync::Digest = blake3::hash(&content).into();
                format!("file {} {} {digest:?}", stat.len(), if stat.mode() & 0o100 != 0 { "x" } else { "-" })
            } else if stat.is_symlink() {
                format!("link {}", fs::read_link(entry.path()).unwrap().display())
            } else {
                "untracked".to_owned()
            };
            out.push((path, shown));
        }
    }
    let mut all = Vec::new();
    walk(share, "", &mut all);
    all.sort();
    all.into_iter().map(|(path, shown)| format!("{path} {shown}")).collect()
}

pub fn symlink(target: &str) -> Entry {
    Entry::Symlink(Target::new(target.into()).unwrap())
}

/// What is done, without its number.
#[track_caller]
pub fn done(outcome: Outcome) -> Option<Entry> {
    match outcome {
        Outcome::Done { entry, .. } => entry,
        other => panic!("{other:?} instead of Done"),
    }
}
