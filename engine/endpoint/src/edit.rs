//! An edit of one file at a share's root that a person makes through Causeway. Needs no [`Endpoint`](crate::Endpoint): to one that is
//! at work it is an edit like any other.

use std::io::{Read, Write};

use causeway_sync::path::{Name, NameBuf, RelPath, RelPathBuf};

use crate::fs::{self, Area, Fs, FsError, FsErrorKind, Kind, Rename, Stat};
use crate::recycle_bin::{Bin, Reason};
use crate::seen;

/// How often something is put back when somebody replaces it in that very moment.
const PUT_BACK_MAX: u32 = 4;

/// What became of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// The new content stands there. The old rests in the recycle bin.
    Written,
    /// Something else stood there than expected, and still does. Where somebody wrote in that very moment, what can't stand there
    /// rests in the recycle bin.
    Changed,
}

/// Writes the file `name` whole or not at all, unless something else stands there than `expected`: a file with that content, or
/// nothing. Whatever anybody writes there meanwhile stays there, or rests in the recycle bin.
pub fn edit<F: Fs>(fs: &F, name: &Name, expected: Option<&[u8]>, content: &[u8], now_ms: u64) -> fs::Result<Edited> {
    let (share, staging) = (fs.root(Area::Share)?, fs.root(Area::Staging)?);
    let edit = Edit { fs, share, staging, name, path: RelPath::ROOT.join(name), bin: Bin::new(), now_ms };
    if !edit.holds((&edit.share, name), expected)? {
        return Ok(Edited::Changed);
    }
    let (fresh, ours) = edit.stage(content)?;
    let edited = match expected {
        None => edit.create(&fresh),
        Some(expected) => edit.replace(&fresh, &ours, expected),
    };
    match edited {
        Ok(Edited::Written) => edit.fs.sync_dir(&edit.share)?,
        // Where it stood in place for a moment, it rests in the bin already.
        Ok(Edited::Changed) | Err(_) => edit.throw_away(&fresh, &ours),
    }
    edited
}

struct Edit<'a, F: Fs> {
    fs: &'a F,
    share: F::Dir,
    staging: F::Dir,
    name: &'a Name,
    path: RelPathBuf,
    bin: Bin<F>,
    now_ms: u64,
}

impl<F: Fs> Edit<'_, F> {
    /// Whether a file with this content stands there, or nothing.
    fn holds(&self, (dir, name): (&F::Dir, &Name), expected: Option<&[u8]>) -> fs::Result<bool> {
        let Some(expected) = expected else { return Ok(self.fs.stat(dir, name)?.is_none()) };
        let file = match self.fs.open_file(dir, name) {
            Err(error) if is_other(&error) => return Ok(false),
            opened => opened?,
        };
        let mut found = Vec::new();
        let read = file.take(expected.len() as u64 + 1).read_to_end(&mut found);
        read.map_err(|error| FsError::at("read", name, error))?;
        Ok(found == expected)
    }

    /// Writes the content aside, under a name by which a crash loses neither it nor what it is exchanged with.
    fn stage(&self, content: &[u8]) -> fs::Result<(NameBuf, Stat)> {
        let (name, mut file) = loop {
            let name = self.bin.taken_name(&self.path, Reason::Replaced, self.now_ms);
            match self.fs.create_file(&self.staging, &name, false) {
                Err(error) if error.kind == FsErrorKind::Exists => {}
                created => break (name, created?),
            }
        };
        let written = file
            .write_all(content)
            .map_err(|error| FsError::at("write", &name, error))
            .and_then(|()| self.inherit(&file))
            .and_then(|()| self.fs.sync_file(&file))
            .and_then(|()| self.fs.stat_file(&file));
        if written.is_err() {
            // Nobody but this has seen it.
            let _ = self.fs.remove_file(&self.staging, &name);
        }
        Ok((name, written?))
    }

    /// Removes what was staged, if it still stands there and is untouched.
    fn throw_away(&self, fresh: &Name, ours: &Stat) {
        if let Ok(Some(now)) = self.fs.stat(&self.staging, fresh)
            && seen::same_but_name(ours, &now)
        {
            // What can't be removed goes to the bin when the share's endpoint is opened again.
            let _ = self.fs.remove_file(&self.staging, fresh);
        }
    }

    fn inherit(&self, file: &F::File) -> fs::Result<()> {
        match self.fs.stat(&self.share, self.name)? {
            Some(stat) if stat.kind == Kind::File => self.fs.inherit(file, &stat),
            _ => Ok(()),
        }
    }

    fn create(&self, fresh: &Name) -> fs::Result<Edited> {
        match self.fs.rename(&self.staging, fresh, &self.share, self.name, Rename::NoReplace) {
            Ok(()) => Ok(Edited::Written),
            Err(error) if error.kind == FsErrorKind::Exists => Ok(Edited::Changed),
            Err(error) => Err(error),
        }
    }

    /// Swaps the two, and checks what came out.
    fn replace(&self, out: &Name, ours: &Stat, expected: &[u8]) -> fs::Result<Edited> {
        match self.fs.rename(&self.share, self.name, &self.staging, out, Rename::Exchange) {
            Ok(()) => {}
            Err(error) if error.kind == FsErrorKind::NotFound => return Ok(Edited::Changed),
            Err(error) if error.kind == FsErrorKind::Unsupported => return self.swap(out, expected),
            Err(error) => return Err(error),
        }
        let is_right = self.holds((&self.staging, out), Some(expected));
        if matches!(is_right, Ok(true)) {
            self.keep(out, Reason::Replaced);
            return Ok(Edited::Written);
        }
        self.exchange_back(out, ours);
        is_right.map(|_| Edited::Changed)
    }

    /// Undoes an exchange. What somebody puts there meanwhile stays there. What comes out at last goes to the bin, even if it is what
    /// was put there by the exchange: somebody may have opened it and be about to write.
    fn exchange_back(&self, out: &Name, ours: &Stat) {
        for _ in 0..PUT_BACK_MAX {
            match self.fs.rename(&self.share, self.name, &self.staging, out, Rename::Exchange) {
                Ok(()) => {}
                // Somebody has removed what was put there.
                Err(error) if error.kind == FsErrorKind::NotFound => {
                    match self.fs.rename(&self.staging, out, &self.share, self.name, Rename::NoReplace) {
                        Ok(()) => return,
                        Err(error) if error.kind == FsErrorKind::Exists => continue,
                        Err(_) => break,
                    }
                }
                Err(_) => break,
            }
            if matches!(self.fs.stat(&self.staging, out), Ok(Some(now)) if seen::same_but_name(ours, &now)) {
                break;
            }
        }
        self.keep(out, Reason::Raced);
    }

    /// Where the file system can't exchange: takes out what stands there, checks it, and puts the new in place. For a moment nothing
    /// stands there.
    fn swap(&self, fresh: &Name, expected: &[u8]) -> fs::Result<Edited> {
        let out = self.bin.taken_name(&self.path, Reason::Replaced, self.now_ms);
        match self.fs.rename(&self.share, self.name, &self.staging, &out, Rename::NoReplace) {
            Err(error) if error.kind == FsErrorKind::NotFound => return Ok(Edited::Changed),
            taken => taken?,
        }
        let put = match self.holds((&self.staging, &out), Some(expected)) {
            Ok(true) => self.create(fresh),
            other => other.map(|_| Edited::Changed),
        };
        if matches!(put, Ok(Edited::Written)) {
            self.keep(&out, Reason::Replaced);
        } else if self.fs.rename(&self.staging, &out, &self.share, self.name, Rename::NoReplace).is_err() {
            self.keep(&out, Reason::Raced);
        }
        put
    }

    /// Lets what came out rest in the recycle bin. Where that can't be now, the next opening of the share's endpoint does it.
    fn keep(&self, out: &Name, reason: Reason) {
        if let Err(error) = self.bin.put(self.fs, (&self.staging, out), &self.path, reason, self.now_ms) {
            tracing::warn!(path = %self.path, %error, "what an edit replaced could not be moved to the recycle bin");
        }
    }
}

/// Whether nothing stands there, or no file.
fn is_other(error: &FsError) -> bool {
    use FsErrorKind::{IsSymlink, NotAFile, NotFound};
    matches!(error.kind, NotFound | IsSymlink | NotAFile)
}
