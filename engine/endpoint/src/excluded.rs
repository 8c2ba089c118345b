//! Copies that newly excluded paths left behind: listed in a file beside the recycle bin's items, until they are pruned.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use causeway_sync::ignore::{Rules, Verdict};
use causeway_sync::{NameBuf, RelPath, RelPathBuf};

use crate::endpoint::Endpoint;
use crate::error::KeepError;
use crate::fs::{self, Area, Fs, FsError, FsErrorKind, Rename};
use crate::problem;
use crate::recycle_bin::{Reason, Usage};
use crate::walk;

/// The list: paths, each ended by a NUL byte.
const LIST: &str = "excluded";
/// The list while it is written.
const NEXT_LIST: &str = "excluded.next";

fn list_name(name: &str) -> NameBuf {
    NameBuf::new(name.into()).expect("letters and a dot are a name")
}

impl<F: Fs> Endpoint<F> {
    /// How many excluded copies stand in the share, and their length. Measures them.
    pub fn excluded(&self) -> Result<Usage, KeepError> {
        let mut usage = Usage::default();
        for path in self.read_excluded()? {
            let Some((dir, name)) = self.open_excluded(&path)? else { continue };
            let measure = walk::measure(&self.fs, &dir, &name)?;
            usage.items += u64::from(measure.entries > 0);
            usage.bytes += measure.bytes;
        }
        Ok(usage)
    }

    /// Moves excluded copies to the recycle bin. Gives how many, and their length.
    pub fn prune(&self, now_ms: u64) -> Result<Usage, KeepError> {
        let rules = self.lock().rules.clone();
        let mut pruned = Usage::default();
        let mut left = BTreeSet::new();
        for path in self.read_excluded()? {
            if !is_ignored(&rules, &path) {
                continue;
            }
            let Some((dir, name)) = self.open_excluded(&path)? else { continue };
            let measure = walk::measure(&self.fs, &dir, &name)?;
            match self.prune_one((&dir, &name), &path, now_ms) {
                Ok(()) => {
                    pruned.items += 1;
                    pruned.bytes += measure.bytes;
                }
                Err(error) if problem::is_stale(&error) => {}
                Err(error) => {
                    tracing::warn!(%path, %error, "an excluded copy could not be removed");
                    left.insert(path);
                }
            }
        }
        self.write_excluded(&left)?;
        Ok(pruned)
    }

    fn prune_one(&self, from: (&F::Dir, &NameBuf), path: &RelPath, now_ms: u64) -> fs::Result<()> {
        let taken = self.bin.take(&self.fs, (from.0, from.1), path, Reason::Pruned, now_ms)?;
        self.bin.keep(&self.fs, &taken, path, Reason::Pruned, now_ms)
    }

    /// Adds paths to the list; what the rules include again leaves it.
    pub(crate) fn exclude(&self, paths: Vec<RelPathBuf>, rules: &Rules) -> Result<(), KeepError> {
        let before = self.read_excluded()?;
        let after: BTreeSet<_> = before.iter().cloned().chain(paths).filter(|path| is_ignored(rules, path)).collect();
        if before == after { Ok(()) } else { self.write_excluded(&after) }
    }

    /// The directory that holds an excluded path; `None` where it doesn't stand there any more.
    fn open_excluded(&self, path: &RelPath) -> Result<Option<(F::Dir, NameBuf)>, KeepError> {
        let Some((above, name)) = path.split_last() else { return Ok(None) };
        let opened = self.fs.root(Area::Share).and_then(|root| self.fs.open_path(&root, above));
        let dir = match opened {
            Ok(dir) => dir,
            Err(error) if problem::is_stale(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stands = self.fs.stat(&dir, name)?.is_some();
        Ok(stands.then(|| (dir, name.to_owned())))
    }

    fn read_excluded(&self) -> Result<BTreeSet<RelPathBuf>, KeepError> {
        let root = self.fs.root(Area::Bin)?;
        let mut bytes = Vec::new();
        for name in [LIST, NEXT_LIST].map(list_name) {
            match self.fs.open_file(&root, &name) {
                Ok(mut file) => {
                    file.read_to_end(&mut bytes).map_err(|error| FsError::at("read", &name, error))?;
                    break;
                }
                // Between its removal and its renewal only the next one stands.
                Err(error) if error.kind == FsErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        let paths = bytes.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.filter_map(|path| RelPathBuf::new(path.to_vec()).ok()).collect())
    }

    /// Writes the list anew: the next one is complete and durable before the old one goes.
    fn write_excluded(&self, paths: &BTreeSet<RelPathBuf>) -> Result<(), KeepError> {
        let root = self.fs.root(Area::Bin)?;
        let (list, next) = (list_name(LIST), list_name(NEXT_LIST));
        let remove = |name: &NameBuf| match self.fs.remove_file(&root, name) {
            Err(error) if error.kind != FsErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        if self.fs.stat(&root, &list)?.is_some() {
            remove(&next)?;
        }
        let mut bytes = Vec::new();
        for path in paths {
            bytes.extend_from_slice(path.as_bytes());
            bytes.push(0);
        }
        let mut file = match self.fs.create_file(&root, &next, false) {
            Err(error) if error.kind == FsErrorKind::Exists => {
                self.fs.rename(&root, &next, &root, &list, Rename::NoReplace)?;
                self.fs.create_file(&root, &next, false)?
            }
            created => created?,
        };
        file.write_all(&bytes).map_err(|error| FsError::at("write", &next, error))?;
        self.fs.sync_file(&file)?;
        remove(&list)?;
        Ok(self.fs.rename(&root, &next, &root, &list, Rename::NoReplace)?)
    }
}

fn is_ignored(rules: &Rules, path: &RelPath) -> bool {
    path.ancestors().skip(1).any(|above| rules.ignored(above, true) == Verdict::Ignored)
        || rules.ignored(path, true) == Verdict::Ignored
        || rules.ignored(path, false) == Verdict::Ignored
}
