//! Checks of dirty paths: all are looked at first, moves are matched, and then each is settled.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::AtomicBool;

use causeway_index::{DirId, IndexError, Row};
use causeway_sync::ignore::Verdict;
use causeway_sync::{Entry, NameBuf, RelPath, RelPathBuf};

use super::asked::{Asked, Wants};
use super::moves::Adopted;
use super::write::{Found, What, Written};
use super::{Budget, Scan};
use crate::endpoint::Endpoint;
use crate::error::LookError;
use crate::fs::{self, Fs, FsErrorKind, Kind, Stat};
use crate::problem;
use crate::seen;
use crate::settings::{Dirty, Look, Looked};

/// A file that is being written is read when nobody has written for so long, in milliseconds: a program that writes in steps
/// rarely pauses longer within one piece of work.
pub(super) const QUIET_MS: u64 = 300;
/// It is read after this many milliseconds at the latest, however busy: a log should not be further behind.
pub(crate) const WRITING_MS_MAX: u64 = 3_000;
/// What was moved away is looked for so long before it counts as gone, in milliseconds: the kernel tells of a rename in two events, and
/// they may be read apart.
const MOVED_MS: u64 = 10;
/// Removals written under one lock.
const GONE_PAGE: usize = 256;

/// Where a path belongs in the index.
enum Placed {
    At(Place),
    /// This one above it has no row yet.
    Missing(RelPathBuf),
    /// Never synchronised, by the rules or because it is Causeway's own.
    Ignored(Option<Place>),
}

struct Place {
    dir: DirId,
    name: NameBuf,
    row: Option<Row>,
}

/// What the first look at a dirty path showed.
struct Target {
    path: RelPathBuf,
    row: Option<Row>,
    stat: Option<Stat>,
}

impl<F: Fs> Endpoint<F> {
    /// Looks at paths that may have changed, and journals what differs. Call again with what the answer says, when it is due.
    /// `now_ms` is in milliseconds since 1970, of the clock that stamps the files.
    pub fn check(&self, dirty: &[Dirty], now_ms: u64, stop: &AtomicBool) -> Result<Looked, LookError> {
        let mut scan = Scan::begin(self, now_ms, stop)?;
        scan.eager = Some(Budget::default());
        let complete = scan.check(dirty)?;
        Ok(scan.finish(complete))
    }

    /// Looks at a path again, and puts it into the feed even if nothing differs.
    pub fn recheck(&self, path: &RelPath, now_ms: u64) -> Result<Looked, LookError> {
        let dirty = Dirty { path: path.to_owned(), look: Look::Again };
        let looked = self.check(&[dirty], now_ms, &AtomicBool::new(false))?;
        self.touch(path)?;
        Ok(looked)
    }

    pub(crate) fn touch(&self, path: &RelPath) -> Result<(), IndexError> {
        let mut state = self.lock();
        let touched = state.index.touch(path);
        self.check_write(&mut state, touched)?;
        state.wrote()?;
        drop(state);
        self.tell_news();
        Ok(())
    }
}

impl<F: Fs> Scan<'_, F> {
    /// False when it was stopped.
    pub(super) fn check(&mut self, dirty: &[Dirty]) -> Result<bool, LookError> {
        let mut todo = self.by_path(dirty);
        let mut asked = Asked::default();
        while !todo.is_empty() {
            todo = self.round(todo, &mut asked)?;
            self.follow_moves(&asked, &mut todo);
            if self.is_stopped() {
                return Ok(false);
            }
        }
        let complete = self.remove_vanished()?;
        self.remember_astray(asked);
        Ok(complete)
    }

    /// Looks at all paths and settles those that can be placed. Gives back those above which something had no row yet, to be tried
    /// again now that it has been looked at.
    fn round(
        &mut self,
        todo: BTreeMap<RelPathBuf, Wants>,
        asked: &mut Asked,
    ) -> Result<BTreeMap<RelPathBuf, Wants>, LookError> {
        let mut wants = BTreeMap::<RelPathBuf, Wants>::new();
        let mut next = BTreeMap::new();
        let mut targets = Vec::new();
        let mut queue = todo;
        let mut done = BTreeSet::new();
        while let Some((path, want)) = queue.pop_first() {
            if !done.insert(path.clone()) {
                continue;
            }
            asked.wants.entry(path.clone()).or_default().join(want);
            if path.is_root() {
                if want.below && !self.crawl_root()? {
                    return Ok(next);
                }
                continue;
            }
            match self.place(&path)? {
                Placed::Missing(missing) => {
                    if asked.above.insert(missing.clone()) {
                        queue.entry(missing.clone()).or_default().below = true;
                    }
                    // Looked at in an earlier round, and still without a row: nothing that counts stands there.
                    if queue.contains_key(&missing) || targets.iter().any(|target: &Target| target.path == missing) {
                        next.insert(path, want);
                    } else {
                        asked.nowhere.push(path);
                    }
                }
                Placed::Ignored(place) => self.forget_ignored(&path, place)?,
                Placed::At(place) => match self.stat_at(&path) {
                    Ok(stat) => {
                        // What has another name by now won't come back by its old one: no second half of a rename is awaited.
                        for other in self.other_names(&path) {
                            if done.contains(&other) {
                                wants.entry(other).and_modify(|wants| wants.moved = false);
                            } else {
                                let wants = queue.entry(other).or_insert(want);
                                (wants.below, wants.moved) = (wants.below | want.below, false);
                            }
                        }
                        wants.insert(path.clone(), want);
                        targets.push(Target { path, row: place.row, stat });
                    }
                    Err(error) if problem::is_stale(&error) => {
                        let above = path.parent().expect("the root was dealt with").to_owned();
                        if above.is_root() {
                            super::root::open(&self.ep.fs)?;
                        }
                        if !done.contains(&above) {
                            queue.entry(above).or_default();
                        }
                        asked.left.push(path);
                    }
                    Err(error) if error.kind == FsErrorKind::CrossDevice => {}
                    Err(error) => self.fail_at(&path, &error),
                },
            }
        }
        self.match_moves(&targets, &mut wants)?;
        self.settle_all(&targets, &wants)?;
        Ok(next)
    }

    /// Where a path belongs, and its row.
    fn place(&mut self, path: &RelPath) -> Result<Placed, LookError> {
        let mut names = path.names();
        if names.next().is_some_and(fs::is_reserved) {
            return Ok(Placed::Ignored(None));
        }
        let (above, name) = path.split_last().expect("the caller dealt with the root");
        let mut state = self.rules.root();
        let endpoint = self.ep.lock();
        let known = endpoint.index.dir(above)?;
        let mut id = DirId::ROOT;
        for step in path.ancestors().skip(1) {
            let step_name = step.file_name().expect("the root was skipped");
            if self.rules.judge(&state, step_name, true) == Verdict::Ignored {
                return Ok(Placed::Ignored(None));
            }
            state = self.rules.enter(&state, step_name);
            if known.is_none() {
                match endpoint.index.get(id, step_name)?.map(|row| row.id) {
                    Some(Some(below)) => id = below,
                    Some(None) | None => return Ok(Placed::Missing(step.to_owned())),
                }
            }
        }
        let id = known.unwrap_or(id);
        let row = endpoint.index.get(id, name)?;
        let place = Place { dir: id, name: name.to_owned(), row };
        // Whether it is a directory can matter to the rules: a directory is judged again when its kind is known.
        let is_ignored = |is_directory| self.rules.judge(&state, name, is_directory) == Verdict::Ignored;
        if is_ignored(true) && is_ignored(false) {
            return Ok(Placed::Ignored(Some(place)));
        }
        Ok(Placed::At(place))
    }

    fn stat_at(&mut self, path: &RelPath) -> fs::Result<Option<Stat>> {
        let (above, name) = path.split_last().expect("never asked of the root");
        let dir = self.dirs.dir(above)?;
        self.stat(above, &dir, name)
    }

    /// A row that the rules ignore by now leaves the index.
    fn forget_ignored(&mut self, path: &RelPath, place: Option<Place>) -> Result<(), LookError> {
        if let Some(Place { dir, name, row: row @ Some(_) }) = place {
            self.write(&Found { dir, name, path: path.to_owned(), row, what: What::Ignored })?;
        }
        Ok(())
    }

    /// Finds what was moved among the targets.
    fn match_moves(&mut self, targets: &[Target], wants: &mut BTreeMap<RelPathBuf, Wants>) -> Result<(), LookError> {
        let is_new_directory = |target: &&Target| {
            target.stat.is_some_and(|stat| {
                stat.kind == Kind::Directory
                    && target.row.as_ref().is_none_or(|row| row.fingerprint.inode != stat.inode)
            })
        };
        let mut directories: Vec<_> = targets.iter().filter(is_new_directory).collect();
        // One move can make room for another: rename a to b, then c to a.
        loop {
            let before = directories.len();
            let mut left = Vec::new();
            for target in directories {
                match self.adopt_directory(target)? {
                    Some(adopted) => {
                        let want = wants.entry(target.path.clone()).or_default();
                        (want.below, want.moved) = (want.below || !adopted.vouched, false);
                    }
                    None => left.push(target),
                }
            }
            if left.is_empty() || left.len() == before {
                break;
            }
            directories = left;
        }
        self.match_moved_files(targets)
    }

    fn adopt_directory(&mut self, target: &Target) -> Result<Option<Adopted>, LookError> {
        let Placed::At(place) = self.place(&target.path)? else { return Ok(None) };
        let (None, Some(stat)) = (&place.row, &target.stat) else { return Ok(None) };
        self.adopt_moved((place.dir, &place.name), &target.path, stat)
    }

    /// A file that turned up with the inode, length and time of one that vanished is that file.
    fn match_moved_files(&mut self, targets: &[Target]) -> Result<(), LookError> {
        let mut gone = HashMap::new();
        for target in targets {
            if let (Some(row), None) = (&target.row, &target.stat)
                && matches!(row.entry, Entry::File(_))
                && row.fingerprint.inode != 0
            {
                let looks = row.fingerprint;
                gone.insert((looks.inode, looks.size, looks.mtime_ns), target);
            }
        }
        for target in targets {
            let (None, Some(stat)) = (&target.row, &target.stat) else { continue };
            if stat.kind != Kind::File {
                continue;
            }
            let Some(from) = gone.remove(&(stat.inode, stat.size, stat.mtime_ns)) else { continue };
            let Placed::At(place) = self.place(&target.path)? else { continue };
            if place.row.is_some() || self.stat_at(&from.path).is_ok_and(|stat| stat.is_some()) {
                continue;
            }
            self.adopt_file(&from.path, &place, &target.path, stat)?;
        }
        Ok(())
    }

    fn adopt_file(&mut self, from: &RelPath, place: &Place, to: &RelPath, stat: &Stat) -> Result<(), LookError> {
        let Some(row) = self.move_row(from, (place.dir, &place.name), to)? else { return Ok(()) };
        // The rename has changed the ctime. Where the row wasn't settled before, the file is read again.
        if row.fingerprint.ctime_ns != 0 {
            let fingerprint = seen::fingerprint(stat);
            let what = What::Finding(super::examine::Finding::Refresh(fingerprint));
            let (name, path) = (place.name.clone(), to.to_owned());
            self.write(&Found { dir: place.dir, name, path, row: Some(row), what })?;
        }
        Ok(())
    }

    fn settle_all(&mut self, targets: &[Target], wants: &BTreeMap<RelPathBuf, Wants>) -> Result<(), LookError> {
        let mut gone = Vec::new();
        for Target { path, .. } in targets {
            if self.is_stopped() {
                return Ok(());
            }
            let want = wants.get(path).copied().unwrap_or_default();
            if !self.settle(path, want)? {
                gone.push(path);
            }
        }
        for page in gone.chunks(GONE_PAGE) {
            self.remove_gone(page)?;
        }
        Ok(())
    }

    /// Looks at a path anew and writes what differs. False where nothing stands there but a row does.
    fn settle(&mut self, path: &RelPath, want: Wants) -> Result<bool, LookError> {
        self.renew();
        let Placed::At(Place { dir: id, name, row }) = self.place(path)? else { return Ok(true) };
        let above = path.parent().expect("never the root");
        let looked = self.dirs.dir(above).and_then(|dir| Ok((self.stat(above, &dir, &name)?, dir)));
        let (stat, dir) = match looked {
            Ok((Some(stat), dir)) => {
                self.ep.lock().departed.remove(path);
                (stat, dir)
            }
            Ok((None, _)) => return Ok(row.is_none() || self.may_turn_up(path, want)),
            Err(error) if problem::is_stale(&error) => {
                self.was_renamed_above(path);
                return Ok(true);
            }
            Err(error) => {
                self.fail_at(path, &error);
                return Ok(true);
            }
        };
        let is_directory = stat.kind == Kind::Directory;
        let ignored_parent = match self.rules.ignored(path, is_directory) {
            Verdict::Ignored => {
                self.forget_ignored(path, Some(Place { dir: id, name, row }))?;
                return Ok(true);
            }
            verdict => verdict == Verdict::IgnoredParent,
        };
        if stat.kind == Kind::File && self.must_wait(path, &stat, want) {
            return Ok(true);
        }
        let known = row.as_ref().and_then(|row| row.id);
        if ignored_parent {
            self.crawl_tree(path, known, true, stat.inode)?;
            return Ok(true);
        }
        let finding = self.examine(&dir, path, &name, row.as_ref(), &stat);
        let was_directory = row.as_ref().is_some_and(|row| row.entry.is_directory());
        let same_inode = row.as_ref().is_some_and(|row| row.fingerprint.inode == stat.inode);
        let found = Found { dir: id, name, path: path.to_owned(), row, what: What::Finding(finding) };
        let written = self.write(&found)?;
        self.ep.tell_news();
        if let Written::Row(Some(Row { id: Some(id), .. })) = written
            && is_directory
            && (want.below || (want.moved && !self.told.lead_to(path)) || !was_directory || !same_inode)
        {
            self.crawl_tree(path, Some(id), false, stat.inode)?;
        }
        Ok(true)
    }

    /// A directory above a path has gone since the look began, perhaps to another place: nothing is known of the path before that is
    /// heard of.
    pub(super) fn was_renamed_above(&mut self, path: &RelPath) {
        self.look_again_at(path, self.now_ms);
    }

    /// Whether what has left a path may be on its way to another one. It is looked for again in a moment.
    fn may_turn_up(&mut self, path: &RelPath, want: Wants) -> bool {
        let mut state = self.ep.lock();
        if want.moved {
            state.departed.insert(path.to_owned(), self.now_ms + MOVED_MS);
        }
        let Some(due_ms) = state.departed.get(path).copied() else { return false };
        if due_ms <= self.now_ms {
            state.departed.remove(path);
            return false;
        }
        drop(state);
        self.look_again_at(path, due_ms);
        true
    }

    /// Whether a file is being written, and is better read later.
    fn must_wait(&mut self, path: &RelPath, stat: &Stat, want: Wants) -> bool {
        let now_ms = self.now_ms;
        let mut state = self.ep.lock();
        if want.complete {
            state.writing.remove(path);
            return false;
        }
        // A second name for an old file is complete when it is created.
        if want.written && stat.links < 2 {
            state.writing(path, now_ms).last_ms = now_ms;
        }
        let Some(writing) = state.writing.get_mut(path) else { return false };
        let due_ms = (writing.last_ms + QUIET_MS).min(writing.first_ms + WRITING_MS_MAX);
        if due_ms <= now_ms {
            if writing.disturbed == 0 {
                state.writing.remove(path);
            }
            return false;
        }
        drop(state);
        self.look_again_at(path, due_ms);
        true
    }

    /// Whether a file that a crawl within a check came upon was written just now, so that its own event is still to come.
    pub(super) fn is_fresh(&self, stat: &Stat) -> bool {
        let written_ms = u64::try_from(stat.mtime_ns / 1_000_000).unwrap_or(0);
        self.eager.is_some() && stat.kind == Kind::File && written_ms.abs_diff(self.now_ms) < QUIET_MS
    }

    /// Removes the rows of paths at which nothing stands any more.
    fn remove_gone(&mut self, paths: &[&RelPathBuf]) -> Result<(), LookError> {
        self.renew();
        let mut found = Vec::new();
        let mut at_top = false;
        let mut parents = BTreeSet::new();
        for path in paths {
            let Placed::At(Place { dir, name, row: Some(row) }) = self.place(path)? else { continue };
            if row.entry.is_directory() {
                self.vanished.push((*path).clone());
                continue;
            }
            match self.stat_at(path) {
                Ok(None) => {}
                Err(error) if problem::is_stale(&error) => {
                    self.was_renamed_above(path);
                    continue;
                }
                Ok(Some(_)) => {
                    self.ep.dirty(path, Look::Again);
                    continue;
                }
                Err(error) => {
                    self.fail_at(path, &error);
                    continue;
                }
            }
            let above = path.parent().expect("never the root");
            at_top |= above.is_root();
            if self.rules.ignored(above, true) == Verdict::IgnoredParent {
                parents.insert(above.to_owned());
            }
            found.push(Found { dir, name, path: (*path).clone(), row: Some(row), what: What::Gone });
        }
        if found.is_empty() {
            return Ok(());
        }
        self.confirm_root()?;
        if at_top {
            self.confirm_not_emptied()?;
        }
        self.write_all(&mut found)?;
        self.ep.tell_news();
        for parent in parents {
            self.drop_bare_parent(&parent)?;
        }
        Ok(())
    }
}
