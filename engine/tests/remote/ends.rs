//! Two sides in temporary directories, and lanes between them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use causeway_endpoint::fs::{FileMode, OsFs, OsFsConfig};
use causeway_endpoint::runner::now_ms;
use causeway_endpoint::serve::{ServeError, serve_lane};
use causeway_endpoint::{Endpoint, Settings, Symlinks};
use causeway_engine::remote::{Lanes, Loss};
use causeway_index::{Identity, Index};
use causeway_sync::ignore::Rules;
use causeway_sync::{
    Action, Batch, BatchId, Change, Entry, Lane, Operation, Outcome, RelPath, RelPathBuf, Seq, Side, Source,
};
use causeway_wire::Stream;

/// Longest wait of a test for anything.
pub const LIMIT: Duration = Duration::from_secs(60);

pub fn path(text: &str) -> RelPathBuf {
    RelPathBuf::new(text.into()).unwrap()
}

/// One side: a share and its endpoint.
pub struct Ground {
    pub endpoint: Arc<Endpoint<OsFs>>,
    pub share: PathBuf,
    pub private: PathBuf,
    told: Mutex<Seq>,
    side: Side,
    _dir: tempfile::TempDir,
}

impl Ground {
    pub fn new(side: Side) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (share, private) = (dir.path().join("share"), dir.path().join("private"));
        fs::create_dir(&share).unwrap();
        let mode = if side == Side::Host { FileMode::User } else { FileMode::Everyone };
        let os = OsFs::open(OsFsConfig { share: share.clone(), private: private.clone(), mode }).unwrap();
        let index = Index::open(&dir.path().join("index.db"), [1; 16], Identity::random).unwrap();
        let settings = Settings { side, rules: Rules::default(), symlinks: Symlinks::Raw };
        let endpoint = Arc::new(Endpoint::open(os, index, settings, now_ms()).unwrap());
        endpoint.hello().unwrap();
        Self { endpoint, share, private, told: Mutex::default(), side, _dir: dir }
    }

    pub fn write(&self, at: &str, content: impl AsRef<[u8]>) {
        let file = self.share.join(at);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    /// Looks at everything, and gives the changes that weren't given before.
    pub fn changes(&self) -> Vec<Change> {
        self.endpoint.crawl(RelPath::ROOT, now_ms(), &AtomicBool::new(false)).unwrap();
        let mut all = Vec::new();
        let mut told = self.told.lock().unwrap();
        loop {
            let window = self.endpoint.changes(*told, 4096).unwrap();
            *told = window.upto;
            all.extend(window.changes);
            if window.upto == window.as_of {
                return all;
            }
        }
    }

    /// Actions that bring this side's changes to the other, where nothing is known to stand in their place.
    pub fn as_actions(&self) -> Vec<Action> {
        let action = |change| match change {
            Change::Now { path, entry: Some(entry), .. } => {
                let operation = match entry {
                    Entry::Directory => Operation::Directory,
                    Entry::File(file) => Operation::File { file, source: Source::Transfer { delta: false } },
                    Entry::Symlink(target) => Operation::Symlink(target),
                    Entry::Untracked => return None,
                };
                Some(Action { path, expect: None, operation })
            }
            _ => None,
        };
        self.changes().into_iter().filter_map(action).collect()
    }

    pub fn staged(&self) -> usize {
        fs::read_dir(self.private.join("staging")).map_or(0, Iterator::count)
    }
}

/// What stands in a tree: content of files, with a mark for executable ones.
pub fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let at = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                pending.push(entry.path());
                all.insert(at + "/", Vec::new());
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path()).unwrap();
                all.insert(at + "@", target.into_os_string().into_encoded_bytes());
            } else {
                let executable = entry.metadata().unwrap().permissions().mode() & 0o100 != 0;
                all.insert(if executable { at + "*" } else { at }, fs::read(entry.path()).unwrap());
            }
        }
    }
    all
}

/// Batches of at most `most` actions.
pub fn batches(to: Side, actions: &[Action], most: usize, first: u64) -> Vec<Batch> {
    let batch = |(id, actions): (u64, &[Action])| Batch {
        id: BatchId(id),
        to,
        as_of: Seq(u64::MAX),
        actions: actions.to_vec(),
    };
    (first..).zip(actions.chunks(most)).map(batch).collect()
}

/// The engine's lanes, with their outcomes.
pub struct EngineEnd {
    lanes: Option<Lanes>,
    outcomes: Receiver<(BatchId, Vec<Outcome>)>,
    pub losses: Receiver<Loss>,
    sent: HashMap<BatchId, Vec<Action>>,
}

impl EngineEnd {
    pub fn start(streams: Vec<(Lane, UnixStream)>, host: &Ground) -> Self {
        let (deliver, outcomes) = mpsc::channel();
        let (lose, losses) = mpsc::channel();
        let streams = streams.into_iter().map(|(lane, stream)| (lane, Box::new(stream) as Box<dyn Stream>)).collect();
        let delivery = Arc::new(move |batch, outcomes| drop(deliver.send((batch, outcomes))));
        let on_loss = Box::new(move |loss| drop(lose.send(loss)));
        let lanes = Lanes::start(streams, &host.endpoint, &(delivery as _), on_loss).unwrap();
        Self { lanes: Some(lanes), outcomes, losses, sent: HashMap::new() }
    }

    pub fn run(&mut self, batch: Batch, lane: Lane) {
        self.sent.insert(batch.id, batch.actions.clone());
        self.lanes.as_ref().unwrap().run(batch, lane);
    }

    /// Waits for the outcomes of all batches that were run, by batch.
    pub fn outcomes(&mut self) -> BTreeMap<BatchId, Vec<Outcome>> {
        let mut all = BTreeMap::new();
        while all.len() < self.sent.len() {
            let (batch, outcomes) = self.outcomes.recv_timeout(LIMIT).expect("outcomes come in time");
            assert_eq!(outcomes.len(), self.sent[&batch].len());
            assert!(all.insert(batch, outcomes).is_none(), "{batch:?} is told twice");
        }
        self.sent.clear();
        all
    }

    /// Waits for all, each of which must be done.
    pub fn all_done(&mut self) {
        for (batch, outcomes) in self.outcomes() {
            for outcome in outcomes {
                assert!(matches!(outcome, Outcome::Done { .. }), "{batch:?}: {outcome:?}");
            }
        }
    }

    pub fn end(&mut self) {
        self.lanes = None;
    }
}

/// Both ends of lanes between two sides.
pub struct Ends {
    pub host: Ground,
    pub guest: Ground,
    pub engine: EngineEnd,
    agents: Vec<JoinHandle<Result<(), ServeError>>>,
}

pub const LANES: [Lane; 3] = [Lane::Quick, Lane::Bulk(0), Lane::Bulk(1)];

impl Ends {
    pub fn new() -> Self {
        let (host, guest) = (Ground::new(Side::Host), Ground::new(Side::Guest));
        let mut streams = Vec::new();
        let mut agents = Vec::new();
        for lane in LANES {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let endpoint = Arc::clone(&guest.endpoint);
            agents.push(std::thread::spawn(move || serve_lane(Box::new(theirs), &endpoint)));
            streams.push((lane, ours));
        }
        let engine = EngineEnd::start(streams, &host);
        Self { host, guest, engine, agents }
    }

    pub fn side(&self, side: Side) -> &Ground {
        if side == Side::Host { &self.host } else { &self.guest }
    }

    /// Brings all changes of one side to the other, by two bulk lanes.
    pub fn bring(&mut self, from: Side) {
        let actions = self.side(from).as_actions();
        let (directories, rest): (Vec<_>, Vec<_>) =
            actions.into_iter().partition(|action| action.operation == Operation::Directory);
        let mut first = 1;
        for (actions, most) in [(directories, 1024), (rest, 100)] {
            for batch in batches(from.other(), &actions, most, first) {
                first = batch.id.0 + 1;
                let lane = LANES[1 + usize::from(most == 100 && batch.id.0.is_multiple_of(2))];
                self.engine.run(batch, lane);
            }
            self.engine.all_done();
        }
    }

    /// Ends the lanes, with nothing on its way; the agent's ends must find nothing wrong.
    pub fn finish(mut self) {
        self.engine.end();
        for agent in std::mem::take(&mut self.agents) {
            agent.join().unwrap().unwrap();
        }
        self.finish_cut();
    }

    /// Ends the lanes wherever they are.
    pub fn finish_cut(mut self) {
        self.engine.end();
        for agent in self.agents {
            // What it was writing or reading breaks off.
            drop(agent.join().unwrap());
        }
        assert!(self.engine.losses.try_recv().is_err(), "an end by the owner is no loss");
        for ground in [&self.host, &self.guest] {
            assert_eq!(ground.staged(), 0, "{:?}", ground.side);
        }
    }
}
