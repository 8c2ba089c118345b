//! Receiving content aside: pieces into a file in staging, hashed while they come, and verified at the end.

use std::io::{self, Seek, SeekFrom, Write};

use causeway_sync::content::{Content, PIECE_BYTES_MAX, Piece, Signature, Unavailable};
use causeway_sync::{Action, Batch, File, Operation, Outcome, RelPath, RelPathBuf, Source};

use super::Applier;
use super::complete::SYNCED_SINGLY_MAX;
use super::staged::{Staged, Trees};
use crate::delta;
use crate::error::ProtocolError;
use crate::fs::{self, Area, Fs, FsError};
use crate::hash::{self, Buffer};
use crate::problem;
use crate::syncs::Failures;

/// Staged files kept open until the flush, for [`Fs::sync_file`]; the rest is synced with the file system.
const KEPT_OPEN_MAX: usize = SYNCED_SINGLY_MAX;

/// A batch on its way.
pub(super) struct Receiving<F: Fs> {
    pub batch: Batch,
    /// For each action what was received; shorter than the actions until all is there.
    pub received: Vec<Received<F>>,
    pub trees: Trees,
    /// As they were before anything of it came.
    pub failures: Failures,
    incoming: Option<Incoming<F>>,
}

/// What was received for an action.
pub(super) enum Received<F: Fs> {
    /// It needs nothing.
    Nothing,
    /// A file in staging, verified.
    File(Staged<F>),
    /// It can't be carried out; this becomes of it.
    Failed(Outcome),
}

/// Content in the middle of coming.
struct Incoming<F: Fs> {
    /// What was received so far; after a failure the rest is passed over.
    into: Result<Into<F>, Outcome>,
    /// Bytes so far.
    length: u64,
}

struct Into<F: Fs> {
    /// Where it stands, from staging's root.
    at: RelPathBuf,
    file: F::File,
    hasher: blake3::Hasher,
    /// The file that copies are taken from, and its length.
    base: Option<(F::File, u64)>,
    /// It ends in a hole, so that its length isn't what was written.
    ends_in_hole: bool,
}

impl<F: Fs> Receiving<F> {
    pub(super) fn new(batch: Batch, failures: Failures) -> Self {
        let trees = Trees::of(&batch);
        let mut receiving = Self { batch, received: Vec::new(), trees, failures, incoming: None };
        receiving.pass_over();
        receiving
    }

    /// Notes that the next actions need no content, up to one that does.
    fn pass_over(&mut self) {
        while let Some(action) = self.batch.actions.get(self.received.len())
            && transferred(action).is_none()
        {
            self.received.push(Received::Nothing);
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.received.len() == self.batch.actions.len()
    }

    /// Whether nothing of it stands in staging.
    pub(super) fn is_clean(&self) -> bool {
        self.incoming.is_none()
            && self.trees.is_empty()
            && !self.received.iter().any(|received| matches!(received, Received::File(_)))
    }

    /// Where the content stands that is just coming.
    pub(super) fn arriving_at(&self) -> Option<&RelPath> {
        match &self.incoming {
            Some(Incoming { into: Ok(into), .. }) => Some(&into.at),
            _ => None,
        }
    }

    fn end(&mut self, received: Received<F>) {
        self.incoming = None;
        self.received.push(received);
        self.pass_over();
    }
}

/// The file that an action transfers.
fn transferred(action: &Action) -> Option<&File> {
    match &action.operation {
        Operation::File { file, source: Source::Transfer { .. } } => Some(file),
        _ => None,
    }
}

impl<F: Fs> Applier<'_, F> {
    /// Takes content for the batch at `at`.
    pub(super) fn receive(&mut self, at: usize, action: u32, content: Content<'_>) -> Result<(), ProtocolError> {
        if self.batches[at].received.len() != action as usize {
            return Err(ProtocolError::WrongAction(action));
        }
        match content {
            Content::Piece(piece) => self.take_piece(at, piece).ok_or(ProtocolError::BadPiece(action)),
            Content::End(file) => {
                self.take_end(at, &file);
                Ok(())
            }
            Content::Unavailable(why) => {
                self.take_unavailable(at, why);
                Ok(())
            }
        }
    }

    /// `None` for a piece that no supplier would send.
    fn take_piece(&mut self, at: usize, piece: Piece<'_>) -> Option<()> {
        let length = match piece {
            Piece::Data(bytes) if bytes.len() > PIECE_BYTES_MAX => return None,
            Piece::Data(bytes) => bytes.len() as u64,
            Piece::Hole(bytes) | Piece::Copy { bytes, .. } => bytes,
        };
        let receiving = &self.batches[at];
        let action = &receiving.batch.actions[receiving.received.len()];
        let file = transferred(action).expect("only such actions are waited for");
        let may_copy = matches!(action.operation, Operation::File { source: Source::Transfer { delta: true }, .. });
        let so_far = receiving.incoming.as_ref().map_or(0, |incoming| incoming.length);
        let end = so_far.checked_add(length).filter(|end| length > 0 && *end <= file.size)?;
        if matches!(piece, Piece::Copy { .. }) && !may_copy {
            return None;
        }
        let path = action.path.clone();
        let mut incoming = self.incoming(at);
        incoming.length = end;
        let written = match &mut incoming.into {
            Ok(into) => self.write(into, &path, piece),
            Err(_) => Ok(()),
        };
        let stopped = written.err();
        if let (Some(stop), Ok(into)) = (&stopped, &incoming.into) {
            self.discard_one(&into.at);
            incoming.into = Err(stop.clone().unwrap_or(Outcome::SourceChanged));
        }
        self.batches[at].incoming = Some(incoming);
        if matches!(stopped, Some(None)) { None } else { Some(()) }
    }

    /// The content that is coming for the batch at `at`; begun now if it hasn't been.
    fn incoming(&mut self, at: usize) -> Incoming<F> {
        if let Some(incoming) = self.batches[at].incoming.take() {
            return incoming;
        }
        let action = self.batches[at].batch.actions[self.batches[at].received.len()].clone();
        let executable = transferred(&action).is_some_and(|file| file.executable);
        let into = self.stage(at, &action, executable).map_err(|error| self.failed(&action.path, &error));
        let new = |(at, file)| Into { at, file, hasher: blake3::Hasher::new(), base: None, ends_in_hole: false };
        Incoming { into: into.map(new), length: 0 }
    }

    fn failed(&self, path: &RelPath, error: &FsError) -> Outcome {
        tracing::debug!(%path, %error, "content can't be received");
        Outcome::Problem(problem::of_fs(self.ep.side, error))
    }

    /// Writes a piece. Fails with what becomes of the action; with `None` for a copy from outside of the file.
    fn write(&mut self, into: &mut Into<F>, path: &RelPath, piece: Piece<'_>) -> Result<(), Option<Outcome>> {
        into.ends_in_hole = matches!(piece, Piece::Hole(_));
        let written = match piece {
            Piece::Data(bytes) => {
                into.hasher.update(bytes);
                self.bytes += bytes.len() as u64;
                into.file.write_all(bytes)
            }
            Piece::Hole(bytes) => {
                hash::feed_zeros(&mut into.hasher, bytes);
                skip(&mut into.file, bytes)
            }
            Piece::Copy { offset, bytes } => {
                if into.base.is_none() {
                    // It was there when its signature was made.
                    into.base = Some(self.open_base(path).map_err(|_| Some(Outcome::Unexpected))?);
                }
                let (base, size) = into.base.as_mut().expect("it was just opened");
                if offset.checked_add(bytes).is_none_or(|end| end > *size) {
                    return Err(None);
                }
                self.bytes += bytes;
                let copied = copy(base, offset, bytes, &mut into.file, &mut into.hasher, &mut self.buffer);
                copied.map(|ends_in_hole| into.ends_in_hole = ends_in_hole)
            }
        };
        written.map_err(|error| Some(self.failed(path, &FsError::new("write", path, error))))
    }

    /// Opens what stands at a path of the share now, for copies.
    fn open_base(&self, path: &RelPath) -> fs::Result<(F::File, u64)> {
        let root = self.ep.fs.root(Area::Share)?;
        let (above, name) = path.split_last().expect("no action is at the root");
        let file = self.ep.fs.open_file(&self.ep.fs.open_path(&root, above)?, name)?;
        let size = self.ep.fs.stat_file(&file)?.size;
        Ok((file, size))
    }

    pub(super) fn sign(&self, path: &RelPath) -> Signature {
        let signed = self.open_base(path).map_err(|error| error.source).and_then(|(mut file, size)| {
            let is_worth_it = delta::is_worth_it(&self.ep.fs, &mut file, size)?;
            if is_worth_it { delta::sign(file, size) } else { Ok(delta::nothing()) }
        });
        signed.unwrap_or_else(|_| delta::nothing())
    }

    fn take_end(&mut self, at: usize, told: &File) {
        let incoming = self.incoming(at);
        let action = &self.batches[at].batch.actions[self.batches[at].received.len()];
        let wanted = transferred(action).expect("only such actions are waited for").clone();
        let path = action.path.clone();
        let received = match incoming.into {
            Err(outcome) => Received::Failed(outcome),
            Ok(into) => {
                let staged = into.at.clone();
                let ended = self.end_file(into, incoming.length, &path, told, &wanted);
                ended.map_or_else(
                    |outcome| {
                        self.discard_one(&staged);
                        Received::Failed(outcome)
                    },
                    Received::File,
                )
            }
        };
        self.batches[at].end(received);
    }

    /// Verifies what came, and finishes the staged file.
    fn end_file(
        &mut self,
        into: Into<F>,
        length: u64,
        path: &RelPath,
        told: &File,
        wanted: &File,
    ) -> Result<Staged<F>, Outcome> {
        let digest = into.hasher.finalize().into();
        let is_wanted = told.digest == Some(digest)
            && wanted.digest.is_none_or(|wanted| wanted == digest)
            && told.size == length
            && (told.size, told.executable) == (wanted.size, wanted.executable);
        if !is_wanted {
            return Err(Outcome::SourceChanged);
        }
        let sized = if into.ends_in_hole { self.ep.fs.set_len(&into.file, length) } else { Ok(()) };
        sized
            .and_then(|()| self.ep.fs.set_file_mtime(&into.file, wanted.mtime_ns))
            .map_err(|error| self.failed(path, &error))?;
        let entry = File { digest: Some(digest), ..wanted.clone() };
        let mut staged = Staged { at: into.at, entry, file: None, stat: None };
        if staged.is_in_tree() {
            staged.stat = Some(self.ep.fs.stat_file(&into.file).map_err(|error| self.failed(path, &error))?);
        }
        self.files += 1;
        staged.file = (self.files <= KEPT_OPEN_MAX).then_some(into.file);
        Ok(staged)
    }

    fn take_unavailable(&mut self, at: usize, why: Unavailable) {
        if let Some(Incoming { into: Ok(into), .. }) = self.batches[at].incoming.take() {
            self.discard_one(&into.at);
        }
        let outcome = match why {
            Unavailable::Changed => Outcome::SourceChanged,
            Unavailable::Problem(problem) => Outcome::Problem(problem),
        };
        self.batches[at].end(Received::Failed(outcome));
    }

    fn discard_one(&mut self, at: &RelPath) {
        if let Some(staging) = &mut self.staging {
            staging.discard_one(at);
        }
    }
}

fn skip(file: &mut impl Seek, bytes: u64) -> io::Result<()> {
    let bytes = i64::try_from(bytes).map_err(io::Error::other)?;
    file.seek(SeekFrom::Current(bytes)).map(|_| ())
}

/// Copies from what stood there before; zeros become holes. Tells whether the last of it is one.
fn copy<R: io::Read + Seek>(
    base: &mut R,
    offset: u64,
    bytes: u64,
    to: &mut (impl Write + Seek),
    hasher: &mut blake3::Hasher,
    buffer: &mut Buffer,
) -> io::Result<bool> {
    base.seek(SeekFrom::Start(offset))?;
    let mut left = bytes;
    let mut ends_in_hole = false;
    while left > 0 {
        let bytes = buffer.bytes(left);
        let got = hash::read_full(base, bytes)?;
        if got == 0 {
            // The file was cut short meanwhile: what came is told apart by its digest.
            return Ok(ends_in_hole);
        }
        let part = &bytes[..got];
        hasher.update(part);
        ends_in_hole = part.iter().all(|byte| *byte == 0);
        if ends_in_hole {
            skip(to, got as u64)?;
        } else {
            to.write_all(part)?;
        }
        left -= got as u64;
    }
    Ok(ends_in_hole)
}
