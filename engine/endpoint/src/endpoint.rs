//! The endpoint: one side's file system with its index.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use causeway_index::{Counts, DirId, Durability, Fingerprint, Index, IndexError, IntentLog};
use causeway_sync::ignore::Rules;
use causeway_sync::ledger::Intent;
use causeway_sync::{Capabilities, Digest, Hello, Name, Problem, RelPath, RelPathBuf, Seq, Side};

use crate::apply::original;
use crate::error::OpenError;
use crate::flights::Flights;
use crate::fs::{self, Area, Fs};
use crate::left_aside::LeftAside;
use crate::look;
use crate::names::Names;
use crate::problem;
use crate::recycle_bin::{self, Bin, Reason};
use crate::renames::Renames;
use crate::seen::{self, Eyes};
use crate::settings::{Dirty, Look, Settings};
use crate::syncs::Syncs;
use crate::walk;

/// Files that wait to be read once more, at most: at some 100 bytes each, 10 MB.
const UNSETTLED_MAX: usize = 100_000;
/// Rows written between two commits of the index, at most, when nobody commits before.
const UNCOMMITTED_MAX: u32 = 8192;

/// One side's file system with its index. All calls block, and may come from several threads; one at a time looks
/// ([`Self::crawl`], [`Self::check`]).
///
/// The index stands behind one lock, which is never held during a call to the file system. How looks and actions keep out of
/// each other's way is told in the module `flights`.
pub struct Endpoint<F: Fs> {
    pub(crate) fs: F,
    pub(crate) side: Side,
    pub(crate) eyes: Eyes,
    pub(crate) can: fs::Capabilities,
    pub(crate) bin: Bin<F>,
    state: Mutex<State>,
    /// A flight has landed.
    pub(crate) landed: Condvar,
    /// Whom to tell that the feed has grown, or that the endpoint has become crawled.
    pub(crate) listener: Mutex<Option<Listener>>,
    /// Whom to tell that something waits for [`Endpoint::take_dirty`].
    dirtied: Mutex<Option<Listener>>,
    /// Where digests are noted that the session doesn't know.
    reads: Mutex<Option<IntentLog>>,
    /// Numbers for names in staging.
    pub(crate) staged_next: AtomicU64,
    /// How many have something in staging.
    pub(crate) staging_users: Mutex<usize>,
    pub(crate) syncs: Syncs,
    /// What was taken out and could not be put where it belongs. Bounded.
    pub(crate) left_aside: Mutex<Vec<LeftAside<F>>>,
}

/// Whom to tell of something.
type Listener = Arc<dyn Fn() + Send + Sync>;

/// What is kept under the endpoint's lock.
pub(crate) struct State {
    pub index: Index,
    pub rules: Arc<Rules>,
    pub flights: Flights,
    /// Paths to be looked at again, found by others than the watcher.
    pub again: Vec<Dirty>,
    /// The endpoint's own changes after this are left out of the feed.
    pub own_after: Option<Seq>,
    /// Askers have to be told of everything up to here, though it be by an empty window.
    pub owed: Seq,
    /// Whether the index knew entries when it was opened.
    pub knew_entries: bool,
    /// The newest change when all had been looked at for the first time.
    pub crawled: Option<Seq>,
    /// Directories that were moved lately.
    pub renames: Renames,
    /// What was moved away and not seen elsewhere yet, and when it counts as gone, in milliseconds since 1970.
    pub departed: HashMap<RelPathBuf, u64>,
    /// What could not be looked at.
    pub problems: BTreeMap<RelPathBuf, Problem>,
    /// Files that somebody is writing.
    pub writing: HashMap<RelPathBuf, Writing>,
    /// Files to be read once more, and when, in milliseconds since 1970: oldest first.
    pub unsettled: VecDeque<(u64, RelPathBuf)>,
    /// Files that are updated in place.
    pub pinned: HashSet<RelPathBuf>,
    /// Files of which an update in place was cut off and couldn't be undone yet, with the number of what they held before.
    pub half_written: HashMap<RelPathBuf, u64>,
    /// A person has agreed that the root is empty.
    pub emptied_is_right: bool,
    /// Rows written since the last commit.
    pub uncommitted: u32,
    /// Such rows were taken back, because the index could not be written.
    pub taken_back: bool,
    /// Something was done or told since the last [`Endpoint::sync`].
    pub unsynced: bool,
    /// The file with the rules has changed since the last look.
    pub rules_changed: bool,
}

/// A file that somebody is writing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    /// When it was first seen to be written, in milliseconds since 1970.
    pub first_ms: u64,
    /// When it was last seen to be written.
    pub last_ms: u64,
    /// How often a read of it was disturbed.
    pub disturbed: u32,
}

impl State {
    /// Counts a written row, and commits when many have collected.
    pub(crate) fn wrote(&mut self) -> Result<(), IndexError> {
        self.unsynced = true;
        self.uncommitted += 1;
        if self.uncommitted >= UNCOMMITTED_MAX { self.commit(Durability::Process) } else { Ok(()) }
    }

    pub(crate) fn commit(&mut self, durability: Durability) -> Result<(), IndexError> {
        if self.uncommitted > 0 || durability == Durability::Power {
            self.index.commit(durability)?;
            self.uncommitted = 0;
        }
        Ok(())
    }

    /// What is remembered of a file that somebody is writing.
    pub(crate) fn writing(&mut self, path: &RelPath, now_ms: u64) -> &mut Writing {
        let new = Writing { first_ms: now_ms, last_ms: now_ms, disturbed: 0 };
        self.writing.entry(path.to_owned()).or_insert(new)
    }

    /// Remembers a file that is to be read once more. Where too many wait, the next crawl reads the file.
    pub(crate) fn note_unsettled(&mut self, path: &RelPath, due_ms: u64) {
        if self.unsettled.len() < UNSETTLED_MAX {
            self.unsettled.push_back((due_ms, path.to_owned()));
        }
    }

    /// A directory has moved, with all that it holds: what is remembered by path goes along.
    pub(crate) fn moved(&mut self, from: &RelPath, to: &RelPath, now_ms: u64) {
        self.renames.note(from, to, now_ms);
        self.departed.remove(from);
        let below: Vec<_> = self.problems.extract_if(.., |path, _| path.starts_with(from)).collect();
        self.problems.extend(below.into_iter().filter_map(|(path, problem)| Some((path.rebase(from, to)?, problem))));
        let below: Vec<_> = self.writing.extract_if(|path, _| path.starts_with(from)).collect();
        self.writing.extend(below.into_iter().filter_map(|(path, writing)| Some((path.rebase(from, to)?, writing))));
        for (_, path) in &mut self.unsettled {
            if let Some(moved) = path.rebase(from, to) {
                *path = moved;
            }
        }
    }
}

impl<F: Fs> Endpoint<F> {
    /// Opens an endpoint. What a crash left in staging is removed, or moved to the recycle bin where it may be somebody's.
    /// The share itself isn't looked at: a missing root shows in the first crawl. `now_ms` is in milliseconds since 1970.
    pub fn open(fs: F, index: Index, settings: Settings, now_ms: u64) -> Result<Self, OpenError> {
        let bin = Bin::new();
        let mut half_written = HashMap::new();
        let tried = clean_staging(&fs, &bin, now_ms, &mut half_written).and_then(|()| fs.probe());
        let can = match tried.and_then(|can| fs.release_staging().map(|()| can)) {
            // It can be looked at all the same; what is to be changed there shows the reason, path by path.
            Err(error) if matches!(error.kind, fs::FsErrorKind::ReadOnly | fs::FsErrorKind::PermissionDenied) => {
                tracing::warn!(%error, "what the file system can do is assumed");
                fs::Capabilities::ASSUMED
            }
            tried => tried.map_err(OpenError::Staging)?,
        };
        let staged_next = half_written.values().max().map_or(1, |number| number + 1);
        let state = State {
            knew_entries: index.counts() != Counts::default(),
            index,
            rules: Arc::new(settings.rules),
            flights: Flights::default(),
            again: Vec::new(),
            own_after: None,
            owed: Seq::default(),
            crawled: None,
            renames: Renames::default(),
            departed: HashMap::new(),
            problems: BTreeMap::new(),
            writing: HashMap::new(),
            unsettled: VecDeque::new(),
            pinned: HashSet::new(),
            half_written,
            emptied_is_right: false,
            uncommitted: 0,
            taken_back: false,
            unsynced: true,
            rules_changed: false,
        };
        Ok(Self {
            fs,
            side: settings.side,
            eyes: Eyes::new(settings.symlinks, &can),
            can,
            bin,
            state: Mutex::new(state),
            landed: Condvar::new(),
            listener: Mutex::new(None),
            dirtied: Mutex::new(None),
            reads: Mutex::new(None),
            staged_next: AtomicU64::new(staged_next),
            staging_users: Mutex::new(0),
            syncs: Syncs::default(),
            left_aside: Mutex::new(Vec::new()),
        })
    }

    /// Begins a session: what the endpoint itself changes from now on is left out of [`Self::changes`].
    pub fn hello(&self) -> Result<Hello, OpenError> {
        let is_bare = self.is_bare().map_err(OpenError::Share)?;
        let mut state = self.lock();
        let seq = state.index.seq();
        state.own_after = Some(seq);
        Ok(Hello {
            replica: state.index.replica(),
            epoch: state.index.epoch(),
            acknowledged: state.index.acknowledged(),
            empty: is_bare && state.index.counts() == Counts::default(),
            rebooted: state.index.rebooted(),
            stale: state.knew_entries && state.crawled.is_none(),
            capabilities: self.capabilities(),
        })
    }

    /// What this side's file system can hold.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            case_sensitive: self.can.case_sensitive,
            normalization_sensitive: !self.can.normalizes_unicode,
            symlinks: self.can.symlinks,
            executable: self.can.executable_bit,
            mtime_step_ns: seen::mtime_step_ns(&self.can),
        }
    }

    /// Whether the file system takes some names for others: those that differ only in case or in Unicode normalisation.
    pub(crate) fn takes_names_for_others(&self) -> bool {
        !self.can.case_sensitive || self.can.normalizes_unicode
    }

    /// Whether nothing at all stands in the share.
    fn is_bare(&self) -> fs::Result<bool> {
        let root = match self.fs.root(Area::Share) {
            Err(error) if problem::is_stale(&error) => return Ok(true),
            opened => opened?,
        };
        Ok(Names::list(&self.fs, &root)?.iter().all(|(name, _)| fs::is_reserved(name)))
    }

    /// Which side this is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The file system.
    pub fn fs(&self) -> &F {
        &self.fs
    }

    /// The index's newest change.
    pub fn seq(&self) -> Seq {
        self.lock().index.seq()
    }

    /// How many entries there are of each kind. Costs nothing.
    pub fn counts(&self) -> Counts {
        self.lock().index.counts()
    }

    /// Whether everything has been looked at since this was opened.
    pub fn is_crawled(&self) -> bool {
        self.lock().crawled.is_some()
    }

    /// Free and total space of the share's file system.
    pub fn space(&self) -> fs::Result<fs::Space> {
        self.fs.space()
    }

    /// What can't be looked at, by path. What is known there is kept, and not told as removed.
    pub fn scan_problems(&self) -> Vec<(RelPathBuf, Problem)> {
        self.lock().problems.iter().map(|(path, problem)| (path.clone(), problem.clone())).collect()
    }

    /// Lets `wake` be called whenever something waits for [`Self::take_dirty`]. It must return quickly and call nothing here.
    pub fn on_dirty(&self, wake: impl Fn() + Send + Sync + 'static) {
        *self.dirtied.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(wake));
    }

    /// Notes in this log from now on what is read of files whose digest the session doesn't know, before any of them can be put in
    /// place: should the process end then, the next session knows them again.
    pub fn note_reads_in(&self, log: IntentLog) {
        *self.reads.lock().unwrap_or_else(PoisonError::into_inner) = Some(log);
    }

    /// What could not be noted is taken for somebody's edit if the process ends now.
    pub(crate) fn note_reads(&self, reads: &[Intent]) {
        if let Some(log) = &*self.reads.lock().unwrap_or_else(PoisonError::into_inner)
            && !reads.is_empty()
            && let Err(error) = log.append(reads)
        {
            tracing::warn!(%error, "what was read could not be noted");
        }
    }

    /// Paths at which an action or a read found something else than the index says: to be passed to the next check.
    pub fn take_dirty(&self) -> Vec<Dirty> {
        std::mem::take(&mut self.lock().again)
    }

    /// Whether what was known has been taken back since the last call, because the index could not be written: then everything has
    /// to be looked at again, after a while. Told as [`Self::on_dirty`] says.
    pub fn was_taken_back(&self) -> bool {
        std::mem::take(&mut self.lock().taken_back)
    }

    /// The watcher has told a rename of a directory from one end to the other, at its place among the dirty paths of the next check. What
    /// the directory holds isn't looked at then: what changed there was, or will be, told by itself. Times as for [`Self::check`].
    pub fn renamed(&self, from: &RelPath, to: &RelPath, now_ms: u64) {
        self.lock().renames.tell(from, to, now_ms);
    }

    /// Has a path looked at again.
    pub(crate) fn dirty(&self, path: &RelPath, look: Look) {
        let mut state = self.lock();
        self.dirty_locked(&mut state, path, look);
    }

    pub(crate) fn dirty_locked(&self, state: &mut State, path: &RelPath, look: Look) {
        state.again.push(Dirty { path: path.to_owned(), look });
        self.wake_for_dirty();
    }

    fn wake_for_dirty(&self) {
        if let Some(wake) = &*self.dirtied.lock().unwrap_or_else(PoisonError::into_inner) {
            wake();
        }
    }

    /// These files, and no others, are updated in place from now on: somebody holds on to what stands there, not to its name.
    pub fn pin(&self, paths: Vec<RelPathBuf>) {
        self.lock().pinned = paths.into_iter().collect();
    }

    /// Undoes an update in place that was cut off, if there was one at the path. Tells whether it has.
    pub(crate) fn undo_half_written(&self, path: &RelPath, now_ms: u64) -> fs::Result<bool> {
        let Some(number) = self.lock().half_written.get(path).copied() else { return Ok(false) };
        let staging = self.enter_staging()?;
        original::undo(&self.fs, &self.bin, staging.dir(), number, now_ms)?;
        self.lock().half_written.remove(path);
        Ok(true)
    }

    /// A person has agreed that the root was emptied: the next crawl tells the deletions.
    pub fn accept_emptied(&self) {
        self.lock().emptied_is_right = true;
    }

    /// Makes durable all that was done or told so far, and commits the index.
    pub fn sync(&self) -> Result<(), Problem> {
        let failures = self.sync_failures();
        let mark = {
            let mut state = self.lock();
            if !state.unsynced {
                return Ok(());
            }
            state.unsynced = false;
            state.index.begin_sync().map_err(|error| self.index_problem(&mut state, &error))?
        };
        let synced = self.sync_fs(failures);
        let mut state = self.lock();
        let made_durable = match synced {
            Ok(()) => state
                .index
                .mark_synced(mark)
                .and_then(|()| state.commit(Durability::Power))
                .map_err(|error| self.index_problem(&mut state, &error)),
            Err(problem) => Err(problem),
        };
        state.unsynced |= made_durable.is_err();
        made_durable
    }

    /// Does a slice (some milliseconds) of what can wait; tells whether there is more. For idle moments.
    pub fn maintain(&self) -> Result<bool, IndexError> {
        let mut state = self.lock();
        let committed = state.commit(Durability::Process);
        self.check_write(&mut state, committed)?;
        state.index.maintain()
    }

    /// Commits durably and notes that all is in order. The endpoint goes on working.
    pub fn close(&self) -> Result<(), IndexError> {
        let mut state = self.lock();
        state.uncommitted = 0;
        state.index.close()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the digest of a file that was unread, if its row is still the one that `fingerprint` belongs to. `stat` is what it
    /// looked like before and after it was read, at `now_ms` or later.
    pub(crate) fn note_digest(
        &self,
        dir: DirId,
        name: &Name,
        fingerprint: &Fingerprint,
        digest: Digest,
        stat: &fs::Stat,
        now_ms: u64,
    ) -> Result<(), IndexError> {
        let mut state = self.lock();
        let noted = match state.index.set_digest(dir, name, fingerprint, digest) {
            Ok(true) if look::is_unsettled(stat, now_ms) => {
                state.index.refresh(dir, name, seen::unsettled(stat)).map(|_| ())
            }
            noted => noted.map(|_| ()),
        };
        let noted = noted.and_then(|()| state.wrote());
        self.check_write(&mut state, noted)
    }

    /// Keeps what was carried out from being lost with this process: found again by a crawl it would look like somebody's own doing.
    pub(crate) fn commit_own(&self) {
        let mut state = self.lock();
        let committed = state.commit(Durability::Process);
        if let Err(error) = self.check_write(&mut state, committed) {
            tracing::warn!(%error, "what was carried out could not be noted");
        }
    }

    /// After a failed write all since the last commit is taken back, so everything is looked at again.
    pub(crate) fn check_write<T>(&self, state: &mut State, written: Result<T, IndexError>) -> Result<T, IndexError> {
        if let Err(IndexError::Store(_)) = &written {
            state.uncommitted = 0;
            state.taken_back = true;
            self.wake_for_dirty();
        }
        written
    }

    /// What a failed write of the index means: all since the last commit is taken back, so everything is looked at again.
    pub(crate) fn index_problem(&self, state: &mut State, error: &IndexError) -> Problem {
        state.taken_back = true;
        self.wake_for_dirty();
        problem::of_index(self.side, error)
    }
}

/// Removes what a crash left in staging; what had been taken out of the share goes to the bin, and updates in place are undone.
fn clean_staging<F: Fs>(
    fs: &F,
    bin: &Bin<F>,
    now_ms: u64,
    half_written: &mut HashMap<RelPathBuf, u64>,
) -> fs::Result<()> {
    let staging = fs.root(Area::Staging)?;
    half_written.extend(original::undo_all(fs, bin, &staging, now_ms)?);
    for (name, _) in Names::list(fs, &staging)?.iter() {
        if half_written.values().any(|number| original::belongs_to(name, *number)) {
            continue;
        }
        match recycle_bin::taken_origin(name) {
            Some(origin) => {
                bin.put(fs, (&staging, name), &origin.unwrap_or_default(), Reason::Recovered, now_ms)?;
            }
            None => walk::remove_tree(fs, &staging, name)?,
        }
    }
    Ok(())
}
