//! Directories that came to a place with all that they hold, of which their side tells only the directory itself: what is in them is
//! asked for. Until that was told, nobody knows what would go with such a directory.

use crate::change::Seq;
use crate::session::{Output, Session};
use crate::{Ledger, RelPath, RelPathBuf, Side};

/// A directory whose content was asked for.
#[derive(Debug)]
pub(super) struct Relisting {
    side: Side,
    path: RelPathBuf,
    /// The barrier behind the question.
    token: u64,
    /// The newest change that has to be known.
    reached: Option<Seq>,
}

impl<L: Ledger> Session<L> {
    /// Asks a side for all that stands at and below a path.
    pub(super) fn relist(&mut self, side: Side, path: RelPathBuf) {
        self.forget_told();
        let token = self.token();
        self.outputs.push_back(Output::Relist { side, path: path.clone() });
        self.outputs.push_back(Output::Barrier { side, token });
        self.relistings.push(Relisting { side, path, token, reached: None });
    }

    /// Takes the answer to a barrier, if it was asked for here.
    pub(super) fn reach_relisting(&mut self, token: u64, seq: Seq) {
        if let Some(relisting) = self.relistings.iter_mut().find(|relisting| relisting.token == token) {
            relisting.reached = Some(seq);
        }
    }

    /// Whether it isn't known yet what stands at, below or around a path of a side.
    pub(super) fn is_relisting(&mut self, side: Side, path: &RelPath) -> bool {
        self.forget_told();
        let concerns = |one: &Relisting| one.path.starts_with(path) || path.starts_with(&one.path);
        self.relistings.iter().any(|one| one.side == side && concerns(one))
    }

    fn forget_told(&mut self) {
        let sides = &self.sides;
        let is_told = |one: &Relisting| one.reached.is_some_and(|seq| sides[one.side as usize].known() >= seq);
        self.relistings.retain(|one| !is_told(one));
    }
}
