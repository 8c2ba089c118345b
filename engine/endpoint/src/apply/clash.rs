//! Something stands where nothing was expected: what it is.

use causeway_sync::ignore::Verdict;
use causeway_sync::{NameBuf, Outcome, ProblemKind};

use super::act::{Act, Place};
use crate::fs::{self, Fs, Kind, Stat};
use crate::names::Names;
use crate::problem;

impl<F: Fs> Act<'_, '_, F> {
    /// What becomes of an action at whose path nothing is known, but something stands: an untracked thing, another name that the
    /// file system takes for this one, or something new of which the index doesn't know yet.
    pub(super) fn clash(&mut self, place: &Place<F>, stat: &Stat) -> Outcome {
        if self.ep.takes_names_for_others() {
            match self.alias(place, stat) {
                Ok(Some(existing)) => {
                    let kind = ProblemKind::FileExists { existing: self.beside(place, &existing) };
                    return Outcome::Problem(problem::problem(self.ep.side, kind, ""));
                }
                Ok(None) => {}
                Err(error) => return self.failed(&place.path, &error),
            }
        }
        let is_directory = stat.kind == Kind::Directory;
        if !stat.kind.is_tracked() || self.rules.ignored(&place.path, is_directory) == Verdict::Ignored {
            return self.occupied("something untracked stands there");
        }
        self.unexpected(&place.path)
    }

    fn beside(&self, place: &Place<F>, name: &NameBuf) -> causeway_sync::RelPathBuf {
        place.path.parent().expect("no action is at the root").join(name)
    }

    /// The name under which what answers to the place's name really stands, if it isn't that name.
    pub(super) fn alias(&self, place: &Place<F>, stat: &Stat) -> fs::Result<Option<NameBuf>> {
        if !self.ep.takes_names_for_others() {
            return Ok(None);
        }
        let names = Names::list(&self.ep.fs, &place.dir)?;
        if names.contains(&place.name) {
            return Ok(None);
        }
        Ok(names.answering_to(&self.ep.fs, &place.dir, &place.name, stat.inode)?.map(ToOwned::to_owned))
    }
}
