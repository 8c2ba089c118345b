//! Content that this side already holds: copied into staging from another file of the share, and verified there.

use causeway_sync::{Action, File, NameBuf, Operation, Outcome, RelPath, Source};

use super::receive::{Received, Receiving};
use super::staged::Staged;
use crate::endpoint::Endpoint;
use crate::fs::{self, Area, Fs, FsErrorKind};
use crate::hash::{self, Buffer, Reading};
use crate::problem;

/// The copy that an action asks for.
pub(super) fn copied(action: &Action) -> Option<(&File, &RelPath)> {
    match &action.operation {
        Operation::File { file, source: Source::Copy { from } } => Some((file, from)),
        _ => None,
    }
}

impl<F: Fs> Endpoint<F> {
    /// Makes the copies that batches ask for, so that they become durable together with what was received. One whose source isn't there
    /// yet is tried again in its turn.
    pub(super) fn stage_copies(&self, staging: &F::Dir, batches: &mut [Receiving<F>], buffer: &mut Buffer) {
        for receiving in batches {
            for (action, received) in receiving.batch.actions.iter().zip(&mut receiving.received) {
                let Some((file, from)) = copied(action) else { continue };
                match self.stage_copy(staging, file, from, buffer) {
                    Ok(staged) => *received = Received::File(staged),
                    Err(Outcome::Problem(problem)) => *received = Received::Failed(Outcome::Problem(problem)),
                    Err(_) => {}
                }
            }
        }
    }

    /// Copies the file at `from` into staging, and checks that it is `file`.
    pub(super) fn stage_copy(
        &self,
        staging: &F::Dir,
        file: &File,
        from: &RelPath,
        buffer: &mut Buffer,
    ) -> Result<Staged<F>, Outcome> {
        let name = self.staged_name();
        let copied = self.copy_in(staging, &name, file, from, buffer);
        let outcome = match copied {
            Ok(true) => {
                let entry = file.clone();
                return Ok(Staged { at: RelPath::ROOT.join(&name), entry, file: None, stat: None });
            }
            Ok(false) => Outcome::SourceChanged,
            Err(error) if problem::is_stale(&error) || error.kind == FsErrorKind::InvalidInput => {
                Outcome::SourceChanged
            }
            Err(error) => Outcome::Problem(problem::of_fs(self.side, &error)),
        };
        // Nothing may stand there, if even the creation failed.
        let _ = self.fs.remove_file(staging, &name);
        Err(outcome)
    }

    /// False where the content isn't the one that is wanted.
    fn copy_in(
        &self,
        staging: &F::Dir,
        name: &NameBuf,
        file: &File,
        from: &RelPath,
        buffer: &mut Buffer,
    ) -> fs::Result<bool> {
        let Some((above, from_name)) = from.split_last() else { return Ok(false) };
        let root = self.fs.root(Area::Share)?;
        let source = self.fs.open_file(&self.fs.open_path(&root, above)?, from_name)?;
        if self.fs.stat_file(&source)?.size != file.size {
            return Ok(false);
        }
        let copy = self.fs.create_file(staging, name, file.executable)?;
        self.fs.copy_file(&source, &copy)?;
        self.fs.set_file_mtime(&copy, file.mtime_ns)?;
        let stat = self.fs.stat_file(&copy)?;
        drop(copy);
        let read = hash::read_digest(&self.fs, staging, name, &stat, buffer)?;
        Ok(file.digest.is_some_and(|wanted| read == Reading::Whole(wanted)))
    }
}
