//! A pattern as a machine that reads a path rune by rune, in time linear in the path whatever the pattern.
//!
//! All the places in the pattern that the runes read so far can have led to are held at once, one bit each (Thompson's
//! construction). What they are at the end of a directory's path can be kept, so that an entry costs its name alone.

use smallvec::SmallVec;

use super::expression::{Piece, Place};
use super::runes::{Rune, runes};
use super::runeset::RuneSet;

const NEWLINE: Rune = b'\n' as Rune;
const SLASH: Rune = b'/' as Rune;

/// Where in a program a path can have led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places(SmallVec<[u64; 2]>);

impl Places {
    fn none(instructions: usize) -> Self {
        Self(smallvec::smallvec![0; instructions / 64 + 1])
    }

    fn insert(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn contains(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Whether the path can't come to match any more, whatever follows.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Calls `visit` with each place, in rising order; it may add later ones, which are then visited too.
    fn visit(&mut self, mut visit: impl FnMut(usize, &mut Self)) {
        for word in 0..self.0.len() {
            let mut seen = 0;
            loop {
                let left = self.0[word] & !seen;
                if left == 0 {
                    break;
                }
                let bit = left.trailing_zeros();
                seen |= 1 << bit;
                visit(word * 64 + bit as usize, self);
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Instruction {
    /// Reads one rune.
    One(RuneSet),
    /// Reads one rune, or none.
    Maybe(RuneSet),
    /// Reads any number of runes.
    Many(RuneSet),
    /// Goes into the next instruction, or past it.
    TryDirectories,
    /// Reads anything but a newline, and may go on after a slash.
    Directories,
    /// Goes on where the place is one that is demanded.
    At(Place),
}

/// A compiled list of pieces.
#[derive(Clone, Debug)]
pub(super) struct Program {
    instructions: Vec<Instruction>,
}

/// What stands before and behind a place; `None` for the path's ends.
#[derive(Clone, Copy)]
struct Around {
    before: Option<Rune>,
    behind: Option<Rune>,
}

impl Program {
    pub fn new(pieces: &[Piece]) -> Self {
        let mut instructions = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Piece::One(set) => instructions.push(Instruction::One(set.clone())),
                Piece::Maybe(set) => instructions.push(Instruction::Maybe(set.clone())),
                Piece::Many(set) => instructions.push(Instruction::Many(set.clone())),
                Piece::Directories => {
                    instructions.extend([Instruction::TryDirectories, Instruction::Directories]);
                }
                Piece::At(place) => instructions.push(Instruction::At(*place)),
            }
        }
        Self { instructions }
    }

    /// The places before anything was read.
    pub fn start(&self) -> Places {
        let mut places = Places::none(self.instructions.len());
        places.insert(0);
        places
    }

    /// Whether the path ends as the pattern demands, `name` being its last name and `places` those of its directory.
    pub fn matches(&self, places: &Places, at_root: bool, name: &[u8]) -> bool {
        let (mut places, before) = self.read(places, at_root, name, None);
        self.follow(&mut places, Around { before, behind: None });
        places.contains(self.instructions.len())
    }

    /// The places below the directory `name`, `places` being those of the directory that holds it.
    pub fn enter(&self, places: &Places, at_root: bool, name: &[u8]) -> Places {
        let (mut places, before) = self.read(places, at_root, name, Some(SLASH));
        self.follow(&mut places, Around { before, behind: Some(SLASH) });
        let mut below = Places::none(self.instructions.len());
        self.step(&mut places, SLASH, &mut below);
        below
    }

    /// Reads a name, with `behind` standing after it. Gives the places, and the rune read last.
    fn read(&self, places: &Places, at_root: bool, name: &[u8], behind: Option<Rune>) -> (Places, Option<Rune>) {
        let mut places = places.clone();
        let mut next_places = Places::none(self.instructions.len());
        let mut before = (!at_root).then_some(SLASH);
        for rune in runes(name) {
            self.follow(&mut places, Around { before, behind: Some(rune) });
            self.step(&mut places, rune, &mut next_places);
            std::mem::swap(&mut places, &mut next_places);
            if places.is_empty() {
                return (places, behind);
            }
            before = Some(rune);
        }
        (places, before)
    }

    /// Adds the places that are reached without reading. They all lie further on.
    fn follow(&self, places: &mut Places, around: Around) {
        places.visit(|at, places| match self.instructions.get(at) {
            Some(Instruction::Maybe(_) | Instruction::Many(_)) => places.insert(at + 1),
            Some(Instruction::TryDirectories) => {
                places.insert(at + 1);
                places.insert(at + 2);
            }
            Some(Instruction::At(place)) if place.is_at(around) => places.insert(at + 1),
            _ => {}
        });
    }

    /// The places after reading `rune`.
    fn step(&self, places: &mut Places, rune: Rune, next_places: &mut Places) {
        next_places.clear();
        places.visit(|at, _| match self.instructions.get(at) {
            Some(Instruction::One(set) | Instruction::Maybe(set)) if set.contains(rune) => next_places.insert(at + 1),
            Some(Instruction::Many(set)) if set.contains(rune) => next_places.insert(at),
            Some(Instruction::Directories) if rune != NEWLINE => {
                next_places.insert(at);
                if rune == SLASH {
                    next_places.insert(at + 1);
                }
            }
            _ => {}
        });
    }
}

impl Place {
    fn is_at(self, around: Around) -> bool {
        let is_word = |rune: Option<Rune>| {
            rune.and_then(|rune| u8::try_from(rune).ok()).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let boundary = is_word(around.before) != is_word(around.behind);
        match self {
            Self::Start => around.before.is_none(),
            Self::End => around.behind.is_none(),
            Self::WordBoundary => boundary,
            Self::NoWordBoundary => !boundary,
        }
    }
}
