//! Intents: what batches would leave where, noted in the ledger before they go.
//!
//! A process can end when an action has been carried out and before anybody was told so. What its side tells afterwards would pass for
//! somebody's edit, and make conflicts or bring back what is gone; the note says whose doing it is.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::change::Seq;
use crate::ledger::{Intent, LedgerError};
use crate::plan::{Action, Operation};
use crate::session::Session;
use crate::session::items::Told;
use crate::{Digest, Entry, File, Ledger, RelPath, RelPathBuf, Side};

/// Intents in the ledger at which those are taken out that it takes account of: some 8 MB.
const NOTED_MAX: usize = 65_536;

/// What is noted.
#[derive(Debug, Default)]
pub(super) struct Intents {
    /// What sessions before this one may have left, by path: of several at one path any may have come last.
    earlier: BTreeMap<RelPathBuf, Noted>,
    /// The move of a directory that was sent last, if nothing was noted after it.
    unfinished_move: Option<UnfinishedMove>,
    /// How many the ledger holds.
    noted: usize,
}

/// See [`Intent::Leave`].
#[derive(Clone, Debug)]
struct Left {
    side: Side,
    entry: Option<Entry>,
    as_of: Seq,
}

/// What may have been left at a path.
#[derive(Debug, Default)]
struct Noted {
    /// In the order in which it was noted.
    left: Vec<Left>,
    /// What each side told last, once it had looked at everything: as of which change, and how many of those on this side are void for
    /// what it tells as of later ones. (A window tells of what was made anew that it has gone first.)
    told: [Option<(Seq, usize)>; 2],
}

impl Noted {
    fn on(&self, side: Side) -> impl Iterator<Item = &Left> {
        self.left.iter().filter(move |left| left.side == side)
    }

    /// Keeps what a side may still have been left from the `n`th on.
    fn keep_from(&mut self, side: Side, n: usize) {
        let mut at = 0..;
        self.left.retain(|left| left.side != side || at.next().is_some_and(|at| at >= n));
    }
}

/// See [`Intent::Move`].
#[derive(Debug)]
pub(super) struct UnfinishedMove {
    pub side: Side,
    pub from: RelPathBuf,
    pub to: RelPathBuf,
    pub as_of: Seq,
}

fn is_unread(entry: Option<&Entry>) -> bool {
    entry.and_then(Entry::as_file).is_some_and(|file| file.digest.is_none())
}

impl Intents {
    pub fn take_unfinished_move(&mut self) -> Option<UnfinishedMove> {
        self.unfinished_move.take()
    }

    fn recall(&mut self, path: RelPathBuf, left: impl IntoIterator<Item = Left>) {
        self.earlier.entry(path).or_default().left.extend(left);
    }

    /// Something is to be left on a side because the other holds it: whatever else was to be left there before, it isn't there now, and
    /// what looks like it later is somebody's doing.
    fn overtake(&mut self, side: Side, path: &RelPath, entry: &Option<Entry>) {
        if let Some(noted) = self.earlier.get_mut(path) {
            noted.left.retain(|left| left.side == side || left.entry == *entry);
        }
    }

    /// A batch of this session has been carried out at a path of a side: what is told as of later is somebody's doing.
    pub fn carried_out(&mut self, side: Side, path: &RelPath, seq: Seq) {
        if let Some(noted) = self.earlier.get_mut(path)
            && noted.told[side as usize].is_none_or(|(as_of, _)| as_of < seq)
        {
            noted.told[side as usize] = Some((seq, usize::MAX));
        }
    }

    /// The file that was to be left last at a path of a side has been read.
    fn complete(&mut self, side: Side, path: &RelPath, digest: Digest) {
        let Some(noted) = self.earlier.get_mut(path) else { return };
        let last = noted.left.iter_mut().rfind(|left| left.side == side);
        if let Some(Left { entry: Some(Entry::File(file)), .. }) = last {
            file.digest.get_or_insert(digest);
        }
    }

    /// A directory may have been moved on a side, and with it what was left in it there.
    fn carry(&mut self, side: Side, from: &RelPath, to: &RelPath) {
        let below = self.earlier.range::<RelPath, _>((Bound::Excluded(from), Bound::Unbounded));
        let below = below.take_while(|(at, _)| at.starts_with(from));
        let of_side = |noted: &Noted| noted.on(side).cloned().collect::<Vec<_>>();
        let carried: Vec<_> = below.filter_map(|(at, noted)| Some((at.rebase(from, to)?, of_side(noted)))).collect();
        for (path, left) in carried {
            self.recall(path, left);
        }
    }
}

impl<L: Ledger> Session<L> {
    /// Reads what earlier sessions intended.
    pub(super) fn recall_intents(&mut self) -> Result<(), LedgerError> {
        let intents = self.ledger.intents()?;
        let all = intents.len();
        let valid: Vec<_> = intents.into_iter().filter(|intent| self.is_valid(intent)).collect();
        self.intents.noted = valid.len();
        if valid.len() < all {
            // The sessions after this one don't hear of the power cut.
            let left: Vec<_> = valid.iter().filter(|intent| !matches!(intent, Intent::Read { .. })).cloned().collect();
            self.ledger.retain_intents(&left)?;
        }
        for intent in valid {
            if !matches!(intent, Intent::Read { .. }) {
                self.intents.unfinished_move = None;
            }
            match intent {
                Intent::Leave { side, path, entry, as_of } => {
                    self.intents.overtake(side, &path, &entry);
                    self.intents.recall(path, [Left { side, entry, as_of }]);
                }
                Intent::Move { side, from, to, as_of } => {
                    self.intents.carry(side, &from, &to);
                    self.intents.unfinished_move = Some(UnfinishedMove { side, from, to, as_of });
                }
                Intent::Read { side, path, digest } => self.intents.complete(side, &path, digest),
            }
        }
        Ok(())
    }

    /// Nothing is concluded from content that came from a side which a power cut may have led back to something older; nor from the
    /// notes themselves after the host's.
    fn is_valid(&self, intent: &Intent) -> bool {
        let rebooted = |side: Side| self.sides[side as usize].rebooted;
        let came_from_older = matches!(intent, Intent::Leave { side, .. } if rebooted(side.other()));
        !rebooted(Side::Host) && !came_from_older
    }

    /// Notes what a batch would leave.
    pub(super) fn intend(&mut self, to: Side, actions: &[Action]) -> Result<(), LedgerError> {
        let as_of = self.sides[to as usize].newest();
        let intents: Vec<_> = actions.iter().flat_map(|action| self.intents_of(to, action, as_of)).collect();
        self.intents.noted += intents.len();
        for intent in &intents {
            match intent {
                Intent::Leave { side, path, entry, .. } => self.intents.overtake(*side, path, entry),
                Intent::Move { side, from, to, .. } => self.intents.carry(*side, from, to),
                Intent::Read { .. } => {}
            }
        }
        if intents.is_empty() { Ok(()) } else { self.ledger.intend(&intents) }
    }

    fn intents_of(&self, side: Side, action: &Action, as_of: Seq) -> Vec<Intent> {
        let intent = |path: &RelPathBuf, entry| Intent::Leave { side, path: path.clone(), entry, as_of };
        let entry = match &action.operation {
            Operation::Rename { to } if self.follows_rename(&action.path, to) => {
                return vec![intent(&action.path, None), intent(to, action.expect.clone())];
            }
            Operation::Rename { to } => {
                let Some(as_of) = self.directory_moved(&action.path) else { return Vec::new() };
                return vec![Intent::Move { side, from: action.path.clone(), to: to.clone(), as_of }];
            }
            _ if !self.gives_what_both_held(action) => return Vec::new(),
            Operation::Directory => Some(Entry::Directory),
            Operation::File { file, .. } | Operation::Attributes(file) => Some(Entry::File(file.clone())),
            Operation::Symlink(target) => Some(Entry::Symlink(target.clone())),
            Operation::Remove => None,
        };
        vec![intent(&action.path, entry)]
    }

    /// Whether what an action leaves is what the other side held; a new executable bit on what somebody wrote is both sides' doing.
    pub(super) fn gives_what_both_held(&self, action: &Action) -> bool {
        !matches!(action.operation, Operation::Attributes(_))
            || self.items.get(&action.path).is_some_and(|item| !item.joins)
    }

    /// Whether the other side has renamed it just so; a version that is set aside is another matter.
    pub(super) fn follows_rename(&self, from: &RelPath, to: &RelPath) -> bool {
        self.items.get(to).is_some_and(|item| item.renamed_from.as_deref() == Some(from))
    }

    /// Whether what a side tells is what an earlier session intended there. Whatever that session noted before it is void then, and
    /// once something else is told, everything: what looks the same later is somebody's doing.
    pub(super) fn was_intended(&mut self, side: Side, path: &RelPath, news: &Told) -> bool {
        let told = news.entry.as_ref();
        if self.intents.earlier.is_empty() || is_unread(told) {
            return false;
        }
        let mut above = self.went_with_above(side, path, news.as_of);
        if above || self.intents.earlier.contains_key(path) {
            let noted = self.intents.earlier.entry(path.to_owned()).or_default();
            if let Some((_, void)) = noted.told[side as usize].filter(|(as_of, _)| *as_of < news.as_of) {
                noted.keep_from(side, void);
                above = false;
            }
        }
        let intended = self.last_intended(side, path, news);
        // Until it has looked at everything, a side may tell of what was there before.
        let has_crawled = self.sides[side as usize].has_crawled();
        let Some(noted) = self.intents.earlier.get_mut(path) else { return false };
        let went = told.is_none() && above;
        if has_crawled {
            let void = intended.unwrap_or(if went { 0 } else { usize::MAX });
            noted.told[side as usize] = Some((news.as_of, void));
        }
        intended.is_some() || went
    }

    /// The same, of an absence that isn't told but follows from what is: by what went around it, whatever was noted of the path itself,
    /// unless the side has told of the path since.
    pub(super) fn may_have_gone(&self, side: Side, path: &RelPath, as_of: Seq) -> bool {
        let was_told = self.intents.earlier.get(path).is_some_and(|noted| noted.told[side as usize].is_some());
        let by_above = !was_told && self.went_with_above(side, path, as_of);
        by_above || self.last_intended(side, path, &Told::gone(as_of)).is_some()
    }

    fn last_intended(&self, side: Side, path: &RelPath, told: &Told) -> Option<usize> {
        let left: Vec<_> = self.intents.earlier.get(path)?.on(side).collect();
        left.into_iter()
            .rposition(|left| left.as_of < told.as_of && self.is_left(side, left.entry.as_ref(), told.entry.as_ref()))
    }

    /// Whether what stands around the path may have been removed.
    fn went_with_above(&self, side: Side, path: &RelPath, as_of: Seq) -> bool {
        let goes = |noted: &Noted| {
            noted.on(side).any(|left| left.as_of < as_of && !left.entry.as_ref().is_some_and(Entry::is_directory))
        };
        path.ancestors().any(|above| self.intents.earlier.get(above).is_some_and(goes))
    }

    /// Whether a side tells of a file that may be what an earlier session intended there, once it has been read.
    pub(super) fn may_be_intended(&self, side: Side, path: &RelPath, told: Option<&Entry>) -> bool {
        let noted = self.intents.earlier.get(path);
        let is_read = |entry: Option<&Entry>| entry.is_some() && !is_unread(entry);
        is_unread(told) && noted.is_some_and(|noted| noted.on(side).any(|left| is_read(left.entry.as_ref())))
    }

    fn is_left(&self, side: Side, left: Option<&Entry>, told: Option<&Entry>) -> bool {
        let (Some(Entry::File(left)), Some(Entry::File(told))) = (left, told) else { return left == told };
        let step = |file: &File| {
            let steps = Side::BOTH.map(|side| self.capabilities(side).mtime_step_ns.max(1));
            file.mtime_ns.div_euclid(steps[0].max(steps[1]))
        };
        // Another file may have the same length and time.
        let same_digest = left.digest.is_some() && left.digest == told.digest;
        let same_bit = left.executable == told.executable || !self.capabilities(side).executable;
        same_digest && same_bit && left.size == told.size && step(left) == step(told)
    }

    /// Lets go of what the ledger takes account of by now.
    pub(super) fn let_go_of_intents(&mut self) -> Result<(), LedgerError> {
        if self.intents.noted == 0 {
            return Ok(());
        }
        let at_rest = self.items.is_empty() && self.idle() && self.is_at_rest();
        if at_rest && self.sides.iter().all(super::SideState::is_absorbed) {
            self.intents = Intents::default();
            return self.ledger.retain_intents(&[]);
        }
        if self.intents.noted <= NOTED_MAX || self.directory_move.is_some() {
            return Ok(());
        }
        let left = self.intents_left();
        self.intents.noted = left.len();
        self.ledger.retain_intents(&left)
    }

    fn intents_left(&self) -> Vec<Intent> {
        let intent = |path: &RelPathBuf, Left { side, entry, as_of }: Left| Intent::Leave {
            side,
            path: path.clone(),
            entry,
            as_of,
        };
        let earlier = self.intents.earlier.iter();
        let mut left: Vec<_> =
            earlier.flat_map(|(path, noted)| noted.left.iter().map(|left| intent(path, left.clone()))).collect();
        // Of these it isn't known any more as of when.
        let as_of = Seq(0);
        for (path, item) in self.items.below(RelPath::ROOT) {
            let holds = |side: &Side| {
                item.told[*side as usize].as_ref().is_some_and(|told| item.common.as_ref() == Some(&told.entry))
            };
            let of = |side| intent(path, Left { side, entry: item.common.clone().flatten(), as_of });
            left.extend(Side::BOTH.into_iter().filter(holds).map(of));
        }
        left.extend(self.lanes.on_their_way().flat_map(|(to, action)| self.intents_of(to, action, as_of)));
        left
    }
}
