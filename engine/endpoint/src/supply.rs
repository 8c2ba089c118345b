//! Supplying content: the files that a batch for the other side transfers, read in the order of its actions.
//!
//! A file is told as whole only if what was read has the digest that the action asks for, or, where nobody knows that yet, if it is
//! what the index says it is and looked the same before and after it was read. Otherwise it is told as changed, and looked at
//! again. So a log crosses while it is written: of a file that has grown, the part is told that it was when it was looked at.

use std::io::{self, Read};

use causeway_index::{DirId, Row};
use causeway_sync::content::{Content, PIECE_BYTES_MAX, Piece, Signature, Unavailable};
use causeway_sync::ledger::Intent;
use causeway_sync::{Action, Batch, Digest, File, Name, Operation, RelPath, Source};

use crate::delta;
use crate::dirs::Dirs;
use crate::endpoint::Endpoint;
use crate::fs::{Area, Fs, FsError, FsErrorKind, Stat};
use crate::hash::{self, Buffer, Part};
use crate::problem;
use crate::seen;
use crate::settings::Look;

/// Asks for the signature of an action with `delta`: what the receiver holds.
pub type AskSignature<'a> = dyn FnMut(u32) -> io::Result<Signature> + 'a;
/// Takes what is told of an action's content.
pub type TakeContent<'a> = dyn FnMut(u32, Content<'_>) -> io::Result<()> + 'a;

/// Why a file isn't told: what to tell instead.
enum Stop {
    Unavailable(Unavailable),
    /// The connection is of no use any more.
    Sink(io::Error),
}

/// What one action asks for, and what the index knows of it.
struct Wanted<'a> {
    number: u32,
    path: &'a RelPath,
    file: &'a File,
    delta: bool,
    known: Option<(DirId, Row)>,
}

/// A file's digest, found while it was told.
struct Found<'a> {
    dir: DirId,
    name: &'a Name,
    row: Row,
    digest: Digest,
    stat: Stat,
}

impl<F: Fs> Endpoint<F> {
    /// Tells the content of every action of `batch` that transfers a file from this side, in order. Of an action with `delta` the
    /// signature is asked for first. Fails only where `ask` or `take` does.
    pub fn supply(
        &self,
        batch: &Batch,
        now_ms: u64,
        ask: &mut AskSignature<'_>,
        take: &mut TakeContent<'_>,
    ) -> io::Result<()> {
        let wanted = self.wanted(batch);
        let mut dirs = self.fs.root(Area::Share).map(|root| Dirs::new(&self.fs, root));
        let mut buffer = Buffer::default();
        let (mut found, mut reads) = (Vec::new(), Vec::new());
        let last = wanted.last().map(|wanted| wanted.number);
        for wanted in wanted {
            let signature = if wanted.delta { Some(ask(wanted.number)?) } else { None };
            let told = match &mut dirs {
                Ok(dirs) => self.supply_file(dirs, &wanted, signature.as_ref(), &mut buffer, take),
                Err(error) => Err(Stop::Unavailable(Unavailable::Problem(problem::of_fs(self.side, error)))),
            };
            let end = match told {
                Ok((file, stat)) => {
                    reads.extend(Intent::read(batch.to, &batch.actions[wanted.number as usize], &file));
                    if let (Some(digest), Some(stat), Some((dir, row)), Some(name)) =
                        (file.digest, stat, wanted.known, wanted.path.file_name())
                    {
                        found.push(Found { dir, name, row, digest, stat });
                    }
                    Content::End(file)
                }
                Err(Stop::Sink(error)) => return Err(error),
                Err(Stop::Unavailable(why)) => {
                    if why == Unavailable::Changed {
                        self.dirty(wanted.path, Look::Again);
                    }
                    Content::Unavailable(why)
                }
            };
            if last == Some(wanted.number) {
                // Without this last end nothing of the batch is carried out.
                self.note_reads(&reads);
            }
            take(wanted.number, end)?;
        }
        self.note_digests(found, now_ms);
        Ok(())
    }

    fn wanted<'a>(&self, batch: &'a Batch) -> Vec<Wanted<'a>> {
        let state = self.lock();
        let transfers = batch.actions.iter().zip(0..).filter_map(|(action, number)| match action {
            Action { path, operation: Operation::File { file, source: Source::Transfer { delta } }, .. } => {
                // A row that can't be read is one that doesn't fit.
                let known = state.index.lookup(path).unwrap_or_default();
                Some(Wanted { number, path, file, delta: *delta, known })
            }
            _ => None,
        });
        transfers.collect()
    }

    /// Tells what is in one file, but not that this is its end. Gives the file, with its digest; where nobody knew that yet, also what
    /// the file looked like before and after it was read.
    fn supply_file(
        &self,
        dirs: &mut Dirs<'_, F>,
        wanted: &Wanted<'_>,
        signature: Option<&Signature>,
        buffer: &mut Buffer,
        take: &mut TakeContent<'_>,
    ) -> Result<(File, Option<Stat>), Stop> {
        let changed = || Stop::Unavailable(Unavailable::Changed);
        let row = wanted.known.as_ref().map(|(_, row)| row).ok_or_else(changed)?;
        let (mut opened, stat) = self.open_wanted(dirs, wanted.path).map_err(|error| self.stop(&error))?;
        let file = self.whole_file(wanted, row, &stat).ok_or_else(changed)?;
        let failed = |error| self.stop(&FsError::new("read", wanted.path, error));
        let mut sink_error = None;
        let mut tell = |piece: Piece<'_>| {
            take(wanted.number, Content::Piece(piece)).map_err(|error| {
                let kind = error.kind();
                sink_error = Some(error);
                io::Error::from(kind)
            })
        };
        let signature = signature.filter(|signature| delta::is_usable(signature));
        let is_worth_it = match signature {
            Some(_) => delta::is_worth_it(&self.fs, &mut opened, file.size).map_err(failed)?,
            None => false,
        };
        let read = match signature.filter(|_| is_worth_it) {
            Some(signature) => delta::tell(Read::take(&mut opened, file.size), signature, &mut tell)
                .map(|(digest, told)| (told == file.size).then(|| Digest::from(digest))),
            None => self.tell_whole(&mut opened, file.size, buffer, &mut tell),
        };
        if let Some(error) = sink_error {
            return Err(Stop::Sink(error));
        }
        let digest = read.map_err(failed)?.ok_or_else(changed)?;
        let expected = wanted.file.digest.or(file.digest);
        // Where nobody knows the digest yet, only its looks tell.
        let stood_still = file.digest.is_none()
            && hash::ends_at(&mut opened, file.size).map_err(failed)?
            && self.fs.stat_file(&opened).map_err(|error| self.stop(&error))? == stat;
        if expected.map_or(!stood_still, |expected| expected != digest) {
            return Err(changed());
        }
        Ok((File { digest: Some(digest), ..file.clone() }, stood_still.then_some(stat)))
    }

    /// What is told where all of it can be read: the index's file, if it still looks so and is the one that is wanted. Of one that
    /// has grown since, the one that is wanted, whose digest tells whether the part is what the whole was.
    fn whole_file<'a>(&self, wanted: &'a Wanted<'_>, row: &'a Row, stat: &Stat) -> Option<&'a File> {
        let known = row.entry.as_file().filter(|known| self.is_wanted(known, wanted.file));
        known.filter(|_| seen::looks_unchanged(row, stat)).or_else(|| {
            let has_grown = stat.inode == row.fingerprint.inode && stat.size > wanted.file.size;
            Some(wanted.file).filter(|file| has_grown && file.digest.is_some())
        })
    }

    fn tell_whole(
        &self,
        file: &mut F::File,
        size: u64,
        buffer: &mut Buffer,
        tell: &mut dyn FnMut(Piece<'_>) -> io::Result<()>,
    ) -> io::Result<Option<Digest>> {
        let mut hasher = blake3::Hasher::new();
        let whole = hash::read_parts(&self.fs, file, size, buffer, |part| {
            hash::feed(&mut hasher, &part);
            match part {
                Part::Bytes(bytes) => bytes.chunks(PIECE_BYTES_MAX).try_for_each(|bytes| tell(Piece::Data(bytes))),
                Part::Hole(bytes) => tell(Piece::Hole(bytes)),
            }
        })?;
        Ok(whole.then(|| hasher.finalize().into()))
    }

    fn open_wanted(&self, dirs: &mut Dirs<'_, F>, path: &RelPath) -> Result<(F::File, Stat), FsError> {
        let (above, name) = path.split_last().ok_or_else(|| FsError::of_kind("read", path, FsErrorKind::NotAFile))?;
        let dir = dirs.dir(above)?;
        let file = self.fs.open_file(&dir, name)?;
        let stat = self.fs.stat_file(&file)?;
        Ok((file, stat))
    }

    /// Whether the index's file is the one that the action is to transfer.
    fn is_wanted(&self, known: &File, wanted: &File) -> bool {
        let same_digest = match (&known.digest, &wanted.digest) {
            (Some(known), Some(wanted)) => known == wanted,
            // The session learned it from a row that was written anew since: the digest found while reading decides.
            _ => true,
        };
        same_digest
            && known.size == wanted.size
            && known.executable == wanted.executable
            && self.eyes.same_time(known.mtime_ns, wanted.mtime_ns)
    }

    fn stop(&self, error: &FsError) -> Stop {
        Stop::Unavailable(match problem::is_stale(error) {
            true => Unavailable::Changed,
            false => Unavailable::Problem(problem::of_fs(self.side, error)),
        })
    }

    /// Notes digests that were found while supplying. The index can do without.
    fn note_digests(&self, found: Vec<Found<'_>>, now_ms: u64) {
        for Found { dir, name, row, digest, stat } in found {
            if let Err(error) = self.note_digest(dir, name, &row.fingerprint, digest, &stat, now_ms) {
                tracing::warn!(%error, "a digest could not be noted");
                return;
            }
        }
    }
}
