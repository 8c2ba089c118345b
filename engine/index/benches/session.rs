//! What the session costs with a real ledger: a first copy of 10 000 files, and one changed file after it. Both sides are as fast as can
//! be: they hold whatever they are told to hold.

use std::collections::VecDeque;

use causeway_index::LedgerStore;
use causeway_sync::ignore::{RuleTexts, Rules};
use causeway_sync::reconcile::Mode;
use causeway_sync::session::{Limits, Output, PULL_MAX, Session, Settings};
use causeway_sync::{
    Action, Capabilities, Change, Changes, Digest, Entry, Epoch, File, Hello, Operation, Outcome, RelPathBuf, Replica,
    Seq, Side,
};
use tempfile::TempDir;

const FILES: u64 = 10_000;
const FILES_PER_DIRECTORY: u64 = 10;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 10)]
fn first_copy(bencher: divan::Bencher) {
    bencher.with_inputs(Bench::new).bench_local_values(|mut bench| {
        bench.tell_tree();
        bench.run();
        bench
    });
}

#[divan::bench]
fn one_changed_file(bencher: divan::Bencher) {
    let mut bench = Bench::new();
    bench.tell_tree();
    bench.run();
    let mut version = 0;
    bencher.bench_local(|| {
        version += 1;
        let changed = file(version % FILES, version);
        bench.tell(vec![Change::Now { path: path_of(version % FILES), entry: Some(changed) }]);
        bench.run();
    });
}

fn path_of(number: u64) -> RelPathBuf {
    let directory = number / FILES_PER_DIRECTORY;
    RelPathBuf::new(format!("packages/d{}/d{directory}/file{number}.rs", directory / 10).into()).expect("a path")
}

fn file(number: u64, version: u64) -> Entry {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    digest[8..16].copy_from_slice(&version.to_le_bytes());
    let mtime_ns = i64::try_from(1_700_000_000_000_000_000 + version).expect("a time of these years");
    Entry::File(File { digest: Some(Digest(digest)), size: 2_000, executable: false, mtime_ns })
}

/// A session, and what its two sides have to say.
struct Bench {
    session: Session<LedgerStore>,
    /// The host's windows that haven't been pulled.
    windows: VecDeque<Changes>,
    told: Seq,
    /// The host's pull waits.
    pulled: bool,
    guest: Seq,
    now_ms: u64,
    _dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let ledger = LedgerStore::open(&dir.path().join("ledger")).expect("a ledger");
        let hello = |number: u8| Hello {
            replica: Replica([number; 16]),
            epoch: Epoch(1),
            acknowledged: Seq(0),
            empty: false,
            rebooted: false,
            stale: false,
            capabilities: Capabilities {
                case_sensitive: true,
                normalization_sensitive: true,
                symlinks: true,
                executable: true,
                mtime_step_ns: 1,
            },
        };
        let rules = Rules::new(&RuleTexts::default()).expect("no rules");
        let settings = Settings { mode: Mode::TwoWaySafe, rules, limits: Limits::default() };
        let session = Session::new(settings, ledger, &hello(1), &hello(2), 0).expect("a session");
        Self { session, windows: VecDeque::new(), told: Seq(0), pulled: false, guest: Seq(0), now_ms: 0, _dir: dir }
    }

    fn tell(&mut self, changes: Vec<Change>) {
        self.told.0 += changes.len() as u64;
        self.windows.push_back(Changes { changes, upto: self.told, as_of: self.told, crawled: true });
    }

    fn tell_tree(&mut self) {
        let mut changes = Vec::new();
        let mut made = std::collections::HashSet::new();
        for number in 0..FILES {
            let path = path_of(number);
            let mut above: Vec<_> = path.ancestors().skip(1).filter(|above| !above.is_root()).collect();
            above.reverse();
            for directory in above {
                if made.insert(directory.to_owned()) {
                    changes.push(Change::Now { path: directory.to_owned(), entry: Some(Entry::Directory) });
                }
            }
            changes.push(Change::Now { path: path.clone(), entry: Some(file(number, 0)) });
        }
        let last = changes.len().div_ceil(PULL_MAX as usize) - 1;
        for (number, window) in changes.chunks(PULL_MAX as usize).enumerate() {
            self.tell(window.to_vec());
            self.windows.back_mut().expect("just told").crawled = number == last;
        }
    }

    /// Goes on until the ledger knows all that was told.
    fn run(&mut self) {
        loop {
            self.answer_pull();
            while let Some(output) = self.session.poll_output() {
                self.answer(output);
            }
            if self.pulled && !self.windows.is_empty() {
                continue;
            }
            let status = self.session.status().expect("the ledger can be read");
            if status.prepared && status.pending == 0 && self.session.is_at_rest() && self.windows.is_empty() {
                return;
            }
            self.now_ms = self.session.poll_timeout().expect("it waits for something").max(self.now_ms);
            self.session.handle_timeout(self.now_ms).expect("the ledger can be written");
        }
    }

    fn answer_pull(&mut self) {
        if !self.pulled {
            return;
        }
        if let Some(window) = self.windows.pop_front() {
            self.pulled = false;
            self.session.handle_changes(Side::Host, window, self.now_ms).expect("the ledger can be written");
        }
    }

    fn answer(&mut self, output: Output) {
        let now_ms = self.now_ms;
        let answered = match output {
            Output::Pull { side: Side::Host, .. } => {
                self.pulled = true;
                Ok(())
            }
            Output::Pull { side: Side::Guest, after, .. } if after == Seq(0) && self.guest == Seq(0) => {
                self.guest = Seq(1);
                let nothing = Changes { changes: Vec::new(), upto: Seq(1), as_of: Seq(1), crawled: true };
                self.session.handle_changes(Side::Guest, nothing, now_ms)
            }
            Output::Run { batch, .. } => {
                let outcomes = batch.actions.iter().map(|action| self.carry_out(action)).collect();
                self.session.handle_outcomes(batch.id, outcomes, now_ms)
            }
            Output::Sync { side, token } => self.session.handle_synced(side, token, now_ms),
            Output::Pull { .. } | Output::Acknowledge { .. } => Ok(()),
            unexpected => panic!("{unexpected:?}"),
        };
        answered.expect("the ledger can be read and written");
    }

    fn carry_out(&mut self, action: &Action) -> Outcome {
        self.guest.0 += 1;
        let entry = match &action.operation {
            Operation::Directory => Entry::Directory,
            Operation::File { file, .. } => Entry::File(file.clone()),
            other => panic!("{other:?}"),
        };
        Outcome::Done { entry: Some(entry), seq: self.guest }
    }
}
