//! One action from its announcement to its outcome.

use std::sync::{Arc, PoisonError};

use causeway_index::{DirId, Fingerprint, Journal, Row};
use causeway_sync::ignore::{Rules, SYNCIGNORE_NAME, Verdict};
use causeway_sync::{Action, Entry, NameBuf, Operation, Outcome, ProblemKind, RelPath, RelPathBuf, Seq, Source};

use super::receive::{Received, Receiving};
use super::staged::Staged;
use crate::dirs::Dirs;
use crate::endpoint::Endpoint;
use crate::fs::{self, Area, Fs, FsError, Stat};
use crate::hash::Buffer;
use crate::look;
use crate::problem;
use crate::seen;
use crate::settings::Look;

/// How an action's steps end early: with its outcome.
pub(super) type Step<T> = Result<T, Outcome>;

/// Batches being carried out.
pub(super) struct Act<'a, 'e, F: Fs> {
    pub(super) ep: &'e Endpoint<F>,
    pub(super) staging: F::Dir,
    pub(super) dirs: Dirs<'e, F>,
    pub(super) rules: Arc<Rules>,
    pub(super) now_ms: u64,
    /// [`Batch::as_of`](causeway_sync::Batch::as_of) of the present batch.
    pub(super) as_of: Seq,
    pub(super) buffer: &'a mut Buffer,
}

/// A path of the share, with the directory that holds it and what the index knows.
pub(super) struct Place<F: Fs> {
    pub path: RelPathBuf,
    pub name: NameBuf,
    pub dir: F::Dir,
    pub id: DirId,
    pub row: Option<Row>,
    /// The index's newest change when the row was read.
    pub seq: Seq,
}

/// How sure it is that what stands in place is what was put there.
pub(super) enum Landed {
    /// It looks like this, and is ours.
    As(Stat),
    /// Somebody has written there since: the index gets what was put there, and the path is looked at again.
    Overwritten,
}

impl<'a, 'e, F: Fs> Act<'a, 'e, F> {
    pub(super) fn begin(ep: &'e Endpoint<F>, staging: F::Dir, now_ms: u64, buffer: &'a mut Buffer) -> fs::Result<Self> {
        let dirs = Dirs::new(&ep.fs, ep.fs.root(Area::Share)?);
        let rules = Arc::clone(&ep.lock().rules);
        Ok(Self { ep, staging, dirs, rules, now_ms, as_of: Seq(0), buffer })
    }

    /// Carries out a batch; one outcome for each action.
    pub(super) fn batch(&mut self, receiving: Receiving<F>) -> Vec<Outcome> {
        let Receiving { batch, received, mut trees, .. } = receiving;
        self.as_of = batch.as_of;
        let mut received: Vec<_> = received.into_iter().map(Some).collect();
        let mut outcomes = vec![None; batch.actions.len()];
        for (number, action) in batch.actions.iter().enumerate() {
            if outcomes[number].is_some() {
                continue;
            }
            if self.put_tree(&trees, &batch.actions[number..], &received[number..], &mut outcomes[number..]) {
                trees.forget_top(&action.path);
                continue;
            }
            let received = received[number].take().unwrap_or(Received::Nothing);
            outcomes[number] = Some(self.action(action, received));
        }
        trees.names().for_each(|name| self.throw_away(name));
        outcomes.into_iter().flatten().collect()
    }

    fn action(&mut self, action: &Action, received: Received<F>) -> Outcome {
        let staged = match received {
            Received::Failed(outcome) => return outcome,
            Received::File(staged) => match self.by_itself(staged) {
                Ok(staged) => Some(staged),
                Err(error) => return self.problem(&error),
            },
            Received::Nothing => None,
        };
        let name = staged.as_ref().map(|staged| staged.name().to_owned());
        let to = match &action.operation {
            Operation::Rename { to } => Some(&**to),
            _ => None,
        };
        self.depart(&action.path, to);
        let outcome = self.in_flight(action, staged).unwrap_or_else(|outcome| outcome);
        self.land(&action.path, to);
        if let Some(name) = name
            && !matches!(outcome, Outcome::Done { .. })
        {
            // Where it was put in place after all, nothing of this name is left.
            let _ = self.ep.fs.remove_file(&self.staging, &name);
        }
        outcome
    }

    /// Takes a file out of a tree that could not be put in place.
    fn by_itself(&self, staged: Staged<F>) -> fs::Result<Staged<F>> {
        if !staged.is_in_tree() {
            return Ok(staged);
        }
        let above = self.ep.fs.open_path(&self.staging, staged.at.parent().unwrap_or(RelPath::ROOT))?;
        let name = self.ep.staged_name();
        self.ep.fs.rename(&above, staged.name(), &self.staging, &name, fs::Rename::NoReplace)?;
        Ok(Staged { at: RelPath::ROOT.join(&name), stat: None, ..staged })
    }

    /// Announces the action, once no other one under way has to do with its paths.
    pub(super) fn depart(&self, path: &RelPath, to: Option<&RelPath>) {
        let mut state = self.ep.lock();
        while state.flights.is_busy(path) || to.is_some_and(|to| state.flights.is_busy(to)) {
            state = self.ep.landed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.flights.depart(path);
        if let Some(to) = to {
            state.flights.depart(to);
        }
    }

    pub(super) fn land(&self, path: &RelPath, to: Option<&RelPath>) {
        let mut state = self.ep.lock();
        state.flights.land(path);
        if let Some(to) = to {
            state.flights.land(to);
        }
        drop(state);
        self.ep.landed.notify_all();
    }

    fn in_flight(&mut self, action: &Action, staged: Option<Staged<F>>) -> Step<Outcome> {
        let is_directory = match &action.operation {
            Operation::Directory => true,
            Operation::Remove | Operation::Rename { .. } => action.expect == Some(Entry::Directory),
            Operation::File { .. } | Operation::Symlink(_) | Operation::Attributes(_) => false,
        };
        self.refuse_ignored(&action.path, is_directory)?;
        let place = self.place(&action.path)?;
        let stat = self.stat(&place)?;
        if let Some(outcome) = self.already(&place, stat.as_ref(), action)? {
            return Ok(outcome);
        }
        if let Some(stat) = stat.filter(|stat| self.is_unseen_parent(&place, stat, action)) {
            return self.record(&place, Entry::Directory, &Landed::As(stat));
        }
        self.expect(&place, stat.as_ref(), action.expect.as_ref())?;
        match &action.operation {
            Operation::Directory => self.make_directory(&place, stat.as_ref()),
            Operation::File { file, source } => {
                let staged = match (staged, source) {
                    (Some(staged), _) => self.durable(&place, stat.as_ref(), staged)?,
                    (None, Source::Copy { from }) => self.copy_now(file, from)?,
                    (None, Source::Transfer { .. }) => return Err(Outcome::SourceChanged),
                };
                self.put_file(&place, stat.as_ref(), staged)
            }
            Operation::Symlink(target) => self.make_symlink(&place, stat.as_ref(), target),
            Operation::Attributes(file) => self.set_attributes(&place, stat.as_ref(), file),
            Operation::Remove => self.remove(&place, stat.as_ref()),
            Operation::Rename { to } => self.rename(&place, stat.as_ref(), to),
        }
    }

    /// Waits until a received file is durable, and looks once more at the place that was looked at meanwhile.
    fn durable(&mut self, place: &Place<F>, stat: Option<&Stat>, staged: Staged<F>) -> Step<Staged<F>> {
        let Some(file) = &staged.file else { return Ok(staged) };
        self.ep.fs.sync_file(file).map_err(|error| self.problem(&error))?;
        if self.stat(place)?.as_ref() != stat {
            return Err(self.unexpected(&place.path));
        }
        Ok(staged)
    }

    /// Whether a directory is asked for that stands there, but has no row because the rules ignore it and nothing in it counted.
    fn is_unseen_parent(&self, place: &Place<F>, stat: &Stat, action: &Action) -> bool {
        matches!(action.operation, Operation::Directory)
            && (&place.row, &action.expect) == (&None, &None)
            && stat.kind == fs::Kind::Directory
            && self.rules.ignored(&place.path, true) == Verdict::IgnoredParent
    }

    /// A copy whose source only came to stand there by an earlier action.
    fn copy_now(&mut self, file: &causeway_sync::File, from: &RelPath) -> Step<Staged<F>> {
        let staged = self.ep.stage_copy(&self.staging, file, from, self.buffer)?;
        let synced =
            self.ep.fs.open_file(&self.staging, staged.name()).and_then(|opened| self.ep.fs.sync_file(&opened));
        if let Err(error) = synced {
            let _ = self.ep.fs.remove_file(&self.staging, staged.name());
            return Err(self.problem(&error));
        }
        Ok(staged)
    }

    /// Refuses paths that this side never synchronises.
    pub(super) fn refuse_ignored(&self, path: &RelPath, is_directory: bool) -> Step<()> {
        let is_own = path.names().next().is_some_and(fs::is_reserved);
        let above_ignored = path.ancestors().skip(1).any(|above| self.rules.ignored(above, true) == Verdict::Ignored);
        if is_own || above_ignored || self.rules.ignored(path, is_directory) == Verdict::Ignored {
            return Err(self.occupied("the path is ignored here"));
        }
        Ok(())
    }

    /// Opens the directory that holds a path, and reads the path's row.
    pub(super) fn place(&mut self, path: &RelPath) -> Step<Place<F>> {
        let (above, name) = path.split_last().expect("no action is at the root");
        let (id, inode, row, seq) = {
            let state = self.ep.lock();
            let found = state.index.dir(above).and_then(|id| {
                let Some(id) = id else { return Ok(None) };
                let inode = state.index.dir_row(id)?.map_or(0, |row| row.fingerprint.inode);
                Ok(Some((id, inode, state.index.get(id, name)?, state.index.seq())))
            });
            match found {
                Ok(found) => found.ok_or(Outcome::Unexpected)?,
                Err(error) => return Err(self.io(&error.to_string())),
            }
        };
        let (dir, opened_inode) = match self.dirs.dir_and_inode(above) {
            Ok(opened) => opened,
            Err(error) => return Err(self.failed(above, &error)),
        };
        // Until the first crawl nobody knows the root's inode.
        if inode != opened_inode && inode != 0 {
            self.dirs.forget(above);
            self.ep.dirty(above, Look::Again);
            return Err(Outcome::Unexpected);
        }
        Ok(Place { path: path.to_owned(), name: name.to_owned(), dir, id, row, seq })
    }

    pub(super) fn stat(&mut self, place: &Place<F>) -> Step<Option<Stat>> {
        self.ep.fs.stat(&place.dir, &place.name).map_err(|error| self.failed(&place.path, &error))
    }

    /// What becomes of an action after a failed call: something has changed there, or a problem.
    pub(super) fn failed(&mut self, path: &RelPath, error: &FsError) -> Outcome {
        if problem::is_stale(error) {
            let above = path.parent().unwrap_or(RelPath::ROOT);
            self.dirs.forget(above);
            self.ep.dirty(path, Look::Again);
            return Outcome::Unexpected;
        }
        self.problem(error)
    }

    pub(super) fn problem(&self, error: &FsError) -> Outcome {
        Outcome::Problem(problem::of_fs(self.ep.side, error))
    }

    pub(super) fn occupied(&self, detail: &str) -> Outcome {
        Outcome::Problem(problem::problem(self.ep.side, ProblemKind::Occupied, detail))
    }

    pub(super) fn io(&self, detail: &str) -> Outcome {
        Outcome::Problem(problem::problem(self.ep.side, ProblemKind::Io, detail))
    }

    /// Something else than expected stands at a path.
    pub(super) fn unexpected(&self, path: &RelPath) -> Outcome {
        self.ep.dirty(path, Look::Again);
        Outcome::Unexpected
    }

    /// Notes in the index what was put in place.
    pub(super) fn record(&mut self, place: &Place<F>, entry: Entry, landed: &Landed) -> Step<Outcome> {
        self.record_doing(place, entry, landed, Journal::Own)
    }

    /// Notes in the index what stands in place now, and whose content it is.
    pub(super) fn record_doing(
        &mut self,
        place: &Place<F>,
        entry: Entry,
        landed: &Landed,
        journal: Journal,
    ) -> Step<Outcome> {
        self.record_at(place.id, &place.path, entry, landed, journal)
    }

    /// The same for a path in a directory that the index knows by this number.
    pub(super) fn record_at(
        &mut self,
        above: DirId,
        path: &RelPath,
        entry: Entry,
        landed: &Landed,
        journal: Journal,
    ) -> Step<Outcome> {
        let (entry, fingerprint) = match landed {
            Landed::As(stat) => (self.as_kept(entry, stat), self.settled(path, stat)),
            Landed::Overwritten => (entry, Fingerprint::UNKNOWN),
        };
        if matches!(landed, Landed::Overwritten) {
            self.ep.dirty(path, Look::Again);
        }
        let (_, name) = path.split_last().expect("no action is at the root");
        let mut state = self.ep.lock();
        state.rules_changed |= path.as_bytes() == SYNCIGNORE_NAME.as_bytes();
        let put = state.index.put(above, name, entry, fingerprint, journal);
        match self.ep.check_write(&mut state, put).and_then(|row| state.wrote().map(|()| row)) {
            Ok(row) => Ok(Outcome::Done { entry: Some(row.entry), seq: row.seq }),
            Err(error) => Err(Outcome::Problem(self.ep.index_problem(&mut state, &error))),
        }
    }

    /// Notes in the index that nothing stands there any more.
    pub(super) fn record_gone(&self, place: &Place<F>) -> Step<Outcome> {
        let mut state = self.ep.lock();
        state.rules_changed |= place.path.as_bytes() == SYNCIGNORE_NAME.as_bytes();
        let removed = state.index.remove(place.id, &place.name, Journal::Own);
        match self.ep.check_write(&mut state, removed).and_then(|seq| state.wrote().map(|()| seq)) {
            Ok(seq) => Ok(Outcome::Done { entry: None, seq: seq.unwrap_or_else(|| state.index.seq()) }),
            Err(error) => Err(Outcome::Problem(self.ep.index_problem(&mut state, &error))),
        }
    }

    /// An entry with what the file system made of its time and its executable bit.
    fn as_kept(&self, entry: Entry, stat: &Stat) -> Entry {
        match entry {
            Entry::File(file) => Entry::File(causeway_sync::File {
                mtime_ns: stat.mtime_ns,
                executable: if self.ep.eyes.executable_bit { stat.executable } else { file.executable },
                ..file
            }),
            other => other,
        }
    }

    /// The fingerprint of something just put in place. A write right after it changes the modification time, unless the time that
    /// the file brought along is the present.
    fn settled(&mut self, path: &RelPath, stat: &Stat) -> Fingerprint {
        let age_ns = stat.ctime_ns.abs_diff(stat.mtime_ns);
        if stat.kind != fs::Kind::File || age_ns > u64::from(look::CLOCK_STEP_MS) * 1_000_000 {
            return seen::fingerprint(stat);
        }
        self.ep.lock().note_unsettled(path, self.now_ms + look::SETTLE_MS);
        seen::unsettled(stat)
    }
}
