//! Crawls: comparing a whole subtree of the disk with its rows, a page of a directory at a time.

use std::cmp::Ordering;
use std::sync::atomic::AtomicBool;

use causeway_index::{DirId, Row};
use causeway_sync::ignore::{DirState, Verdict};
use causeway_sync::path::{PATH_BYTES_MAX, PATH_DEPTH_MAX};
use causeway_sync::{Entry, Name, NameBuf, RelPath, RelPathBuf};

use super::Scan;
use super::examine::Finding;
use super::write::{Found, What, Written};
use crate::endpoint::Endpoint;
use crate::error::LookError;
use crate::fs::{self, Fs, FsErrorKind, Kind, Stat};
use crate::names::Names;
use crate::problem;
use crate::settings::{Dirty, Look, Looked};

/// Rows read, and findings written, under one lock.
const PAGE: usize = 1024;

/// A directory on the way.
struct Frame {
    path: RelPathBuf,
    /// Its number; `None` while it is ignored itself and nothing in it has been found that isn't.
    id: Option<DirId>,
    state: DirState,
    ignored_parent: bool,
    inode: u64,
    subdirs: std::vec::IntoIter<SubDir>,
}

struct SubDir {
    name: NameBuf,
    id: Option<DirId>,
    ignored_parent: bool,
    inode: u64,
}

impl<F: Fs> Endpoint<F> {
    /// Compares everything at and below `subtree` with the index, and journals what differs; new files aren't read. After the
    /// first crawl of the root the endpoint counts as crawled. `now_ms` is in milliseconds since 1970.
    pub fn crawl(&self, subtree: &RelPath, now_ms: u64, stop: &AtomicBool) -> Result<Looked, LookError> {
        let mut scan = Scan::begin(self, now_ms, stop)?;
        if !subtree.is_root() {
            let complete = scan.check(&[Dirty { path: subtree.to_owned(), look: Look::Below }])?;
            return Ok(scan.finish(complete));
        }
        scan.confirm_not_emptied()?;
        let complete = scan.crawl_root()? && scan.remove_vanished()?;
        if complete {
            let mut state = self.lock();
            state.emptied_is_right = false;
            let seq = state.index.seq();
            state.crawled.get_or_insert(seq);
            state.commit(causeway_index::Durability::Process)?;
            drop(state);
            self.tell_news();
        }
        Ok(scan.finish(complete))
    }
}

impl<F: Fs> Scan<'_, F> {
    pub(super) fn crawl_root(&mut self) -> Result<bool, LookError> {
        let fingerprint =
            causeway_index::Fingerprint { inode: self.root_inode, ..causeway_index::Fingerprint::UNKNOWN };
        {
            let mut state = self.ep.lock();
            if state.index.dir_row(DirId::ROOT)?.is_none_or(|row| row.fingerprint != fingerprint) {
                let written = state.index.refresh_root(fingerprint);
                self.ep.check_write(&mut state, written)?;
            }
        }
        self.crawl_tree(RelPath::ROOT, Some(DirId::ROOT), false, self.root_inode)
    }

    /// Crawls what the directory at `path` holds; false when it was stopped.
    pub(super) fn crawl_tree(
        &mut self,
        path: &RelPath,
        id: Option<DirId>,
        ignored_parent: bool,
        inode: u64,
    ) -> Result<bool, LookError> {
        let mut dir_state = self.rules.root();
        for name in path.names() {
            dir_state = self.rules.enter(&dir_state, name);
        }
        let top = Frame {
            path: path.to_owned(),
            id,
            state: dir_state,
            ignored_parent,
            inode,
            subdirs: Vec::new().into_iter(),
        };
        let mut frames = vec![top];
        self.crawl_directory(&mut frames)?;
        while let Some(frame) = frames.last_mut() {
            if self.is_stopped() {
                return Ok(false);
            }
            let Some(sub) = frame.subdirs.next() else {
                let left = frames.pop().expect("it was just looked at");
                self.leave(&left)?;
                continue;
            };
            let below = Frame {
                path: frame.path.join(&sub.name),
                id: sub.id,
                state: self.rules.enter(&frame.state, &sub.name),
                ignored_parent: sub.ignored_parent,
                inode: sub.inode,
                subdirs: Vec::new().into_iter(),
            };
            frames.push(below);
            self.crawl_directory(&mut frames)?;
        }
        Ok(true)
    }

    /// A directory that is ignored itself leaves the index when it holds nothing that isn't.
    fn leave(&mut self, frame: &Frame) -> Result<(), LookError> {
        if frame.ignored_parent && !self.is_stopped() { self.drop_bare_parent(&frame.path) } else { Ok(()) }
    }

    /// Removes the row of a directory that the rules ignore, if it holds no rows.
    pub(super) fn drop_bare_parent(&mut self, path: &RelPath) -> Result<(), LookError> {
        self.renew();
        let bare = {
            let state = self.ep.lock();
            match (state.index.lookup(path)?, path.file_name()) {
                (Some((dir, row)), Some(name)) => match row.id {
                    Some(id) if state.index.list(id, None, 1)?.is_empty() => Some((dir, name, row)),
                    _ => None,
                },
                _ => None,
            }
        };
        if let Some((dir, name, row)) = bare {
            let (name, path) = (name.to_owned(), path.to_owned());
            self.write(&Found { dir, name, path, row: Some(row), what: What::Gone })?;
        }
        Ok(())
    }

    /// Compares one directory, the last of `frames`, and finds the directories in it.
    fn crawl_directory(&mut self, frames: &mut [Frame]) -> Result<(), LookError> {
        let frame = frames.last().expect("the caller has pushed it");
        let path = frame.path.clone();
        let (dir, names) = match self.list(&path) {
            Ok(listed) => listed,
            Err(error) => {
                self.could_not_enter(&path, &error);
                return Ok(());
            }
        };
        let mut subdirs = Vec::new();
        let mut found = Vec::new();
        let mut after: Option<NameBuf> = None;
        let mut at = 0;
        loop {
            self.renew();
            let rows = match frames.last().and_then(|frame| frame.id) {
                Some(id) => self.ep.lock().index.list(id, after.as_deref(), PAGE)?,
                None => Vec::new(),
            };
            let until = if rows.len() < PAGE { None } else { rows.last().map(|(name, _)| name.clone()) };
            let mut rows = rows.into_iter().peekable();
            loop {
                let name = (at < names.len())
                    .then(|| names.get(at).0)
                    .filter(|name| until.as_deref().is_none_or(|until| *name <= until));
                let order = match (name, rows.peek()) {
                    (None, None) => break,
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (Some(name), Some((row, _))) => name.cmp(row),
                };
                let name = name.map(ToOwned::to_owned);
                let row = if order == Ordering::Less { None } else { rows.next() };
                at += usize::from(order != Ordering::Greater);
                let name = if order == Ordering::Greater { row.as_ref().map(|(name, _)| name.clone()) } else { name };
                let name = name.expect("one of the two is there");
                let is_listed = order != Ordering::Greater;
                self.compare(frames, &dir, name, is_listed, row.map(|(_, row)| row), &mut found, &mut subdirs)?;
                if found.len() >= PAGE {
                    self.write_page(&path, &mut found)?;
                    self.renew();
                }
                if self.is_stopped() {
                    break;
                }
            }
            self.write_page(&path, &mut found)?;
            after = until;
            if after.is_none() || self.is_stopped() {
                break;
            }
        }
        let frame = frames.last_mut().expect("the caller has pushed it");
        frame.subdirs = subdirs.into_iter();
        Ok(())
    }

    fn list(&mut self, path: &RelPath) -> fs::Result<(F::Dir, Names)> {
        let dir = self.dirs.dir(path)?;
        let mut names = Names::list(&self.ep.fs, &dir)?;
        if path.is_root() {
            names.retain(|name, _| !fs::is_reserved(name));
        }
        let mut state = self.ep.lock();
        if !state.problems.is_empty() {
            state.problems.remove(path);
        }
        drop(state);
        Ok((dir, names))
    }

    fn could_not_enter(&mut self, path: &RelPath, error: &fs::FsError) {
        if problem::is_stale(error) {
            // It may have been renamed: what it holds hasn't been looked at, wherever it stands now.
            self.ep.dirty(path, Look::Below);
        } else if error.kind == FsErrorKind::CrossDevice {
            self.ep.dirty(path, Look::Again);
        } else {
            self.fail_at(path, error);
        }
    }

    fn write_page(&mut self, path: &RelPath, found: &mut Vec<Found>) -> Result<(), LookError> {
        if found.iter().any(|found| matches!(found.what, What::Gone)) {
            self.confirm_root()?;
            if path.is_root() {
                self.confirm_not_emptied()?;
            }
        }
        self.write_all(found)?;
        self.ep.tell_news();
        Ok(())
    }

    /// Compares one name of a directory, `is_listed` or only known from its row, with that.
    #[allow(clippy::too_many_arguments)]
    fn compare(
        &mut self,
        frames: &mut [Frame],
        dir: &F::Dir,
        name: NameBuf,
        is_listed: bool,
        row: Option<Row>,
        found: &mut Vec<Found>,
        subdirs: &mut Vec<SubDir>,
    ) -> Result<(), LookError> {
        let frame = frames.last().expect("the caller has pushed it");
        let path = frame.path.join(&name);
        let stat = if is_listed { self.ep.fs.stat(dir, &name) } else { self.stat(&frame.path, dir, &name) };
        let stat = match stat {
            Ok(stat) => stat,
            Err(error) => {
                self.fail_at(&path, &error);
                return Ok(());
            }
        };
        let Some(stat) = stat else {
            if let (Some(row), Some(id)) = (row, frame.id) {
                self.compare_absent(id, name, path, row, found);
            }
            return Ok(());
        };
        let is_directory = stat.kind == Kind::Directory;
        if is_directory && (path.as_bytes().len() > PATH_BYTES_MAX || path.names().count() > PATH_DEPTH_MAX) {
            let error = fs::FsError::of_kind("go deeper than", &path, FsErrorKind::InvalidName);
            self.fail_at(&path, &error);
            return Ok(());
        }
        match self.rules.judge(&frame.state, &name, is_directory) {
            Verdict::Ignored => {
                if let (Some(_), Some(id)) = (&row, frame.id) {
                    found.push(Found { dir: id, name, path, row, what: What::Ignored });
                }
            }
            Verdict::IgnoredParent => {
                let id = row.as_ref().and_then(|row| row.id);
                if let (Some(row), Some(dir), None) = (row, frame.id, id) {
                    let (name, path) = (name.clone(), path);
                    found.push(Found { dir, name, path, row: Some(row), what: What::Gone });
                }
                subdirs.push(SubDir { name, id, ignored_parent: true, inode: stat.inode });
            }
            Verdict::Included => {
                let Some(id) = self.ensure_id(frames)? else { return Ok(()) };
                self.compare_included((id, dir), name, path, row, &stat, found, subdirs)?;
            }
        }
        Ok(())
    }

    fn compare_absent(&mut self, dir: DirId, name: NameBuf, path: RelPathBuf, row: Row, found: &mut Vec<Found>) {
        if row.entry.is_directory() {
            self.vanished.push(path);
        } else {
            found.push(Found { dir, name, path, row: Some(row), what: What::Gone });
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn compare_included(
        &mut self,
        (id, dir): (DirId, &F::Dir),
        name: NameBuf,
        path: RelPathBuf,
        mut row: Option<Row>,
        stat: &Stat,
        found: &mut Vec<Found>,
        subdirs: &mut Vec<SubDir>,
    ) -> Result<(), LookError> {
        if stat.kind != Kind::Directory {
            if row.is_none() && self.is_fresh(stat) {
                self.look_again_at(&path, self.now_ms + super::check::QUIET_MS);
                return Ok(());
            }
            let what = What::Finding(self.examine(dir, &path, &name, row.as_ref(), stat));
            if !matches!(what, What::Finding(Finding::Same | Finding::Undecided)) {
                found.push(Found { dir: id, name, path, row, what });
            }
            return Ok(());
        }
        if row.is_none()
            && let Some(moved) = self.adopt_moved((id, &name), &path, stat)?
        {
            row = Some(moved.row);
        }
        let finding = self.examine(dir, &path, &name, row.as_ref(), stat);
        let found = Found { dir: id, name, path, row, what: What::Finding(finding) };
        if let Written::Row(Some(row)) = self.write(&found)?
            && row.entry == Entry::Directory
        {
            subdirs.push(SubDir { name: found.name, id: row.id, ignored_parent: false, inode: stat.inode });
        }
        Ok(())
    }

    /// The number of the last directory of `frames`; a row is made for it, and for those above it, where there is none yet. `None`
    /// where something has come between.
    fn ensure_id(&mut self, frames: &mut [Frame]) -> Result<Option<DirId>, LookError> {
        let known = frames.iter().rposition(|frame| frame.id.is_some());
        for at in known.map_or(0, |known| known + 1)..frames.len() {
            let above = match at.checked_sub(1).and_then(|above| frames[above].id) {
                Some(id) => id,
                // The crawl began with a directory that has no row itself; the one that holds it has.
                None => match self.ep.lock().index.dir(frames[at].path.parent().unwrap_or(RelPath::ROOT))? {
                    Some(id) => id,
                    None => return Ok(None),
                },
            };
            let (path, inode) = (frames[at].path.clone(), frames[at].inode);
            let name: &Name = path.file_name().expect("only the root has no name, and has a number");
            let Some(id) = self.put_parent(above, name, &path, inode)? else { return Ok(None) };
            frames[at].id = Some(id);
        }
        Ok(frames.last().and_then(|frame| frame.id))
    }

    /// Removes the rows of directories that vanished and didn't turn up elsewhere; false when stopped.
    pub(super) fn remove_vanished(&mut self) -> Result<bool, LookError> {
        for path in std::mem::take(&mut self.vanished) {
            if self.is_stopped() {
                return Ok(false);
            }
            self.remove_if_gone(&path)?;
        }
        Ok(true)
    }

    /// Looks once more whether nothing stands at a path that has a row, and removes the row.
    pub(super) fn remove_if_gone(&mut self, path: &RelPath) -> Result<(), LookError> {
        self.renew();
        let Some((above, name)) = path.split_last() else { return Ok(()) };
        let Some((dir, row)) = self.ep.lock().index.lookup(path)? else { return Ok(()) };
        let stands = match self.dirs.dir(above) {
            Ok(opened) => self.stat(above, &opened, name),
            Err(error) if problem::is_stale(&error) => {
                self.was_renamed_above(path);
                return Ok(());
            }
            Err(error) => Err(error),
        };
        match stands {
            // It was elsewhere when this look came here: nobody has looked at what it holds.
            Ok(Some(_)) => self.ep.dirty(path, Look::Below),
            Err(error) => self.fail_at(path, &error),
            Ok(None) => {
                self.confirm_root()?;
                if above.is_root() {
                    self.confirm_not_emptied()?;
                }
                let (name, path) = (name.to_owned(), path.to_owned());
                self.write(&Found { dir, name, path, row: Some(row), what: What::Gone })?;
            }
        }
        Ok(())
    }
}
