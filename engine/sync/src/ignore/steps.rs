//! A pattern as a list of steps, one for each name of the path: what nearly every pattern can be written as.
//!
//! A walk then compares an entry's name alone, and only with the steps that its directory's path has led to.

use bstr::{BString, ByteSlice};

use super::expression::Piece;
use super::program::{Places, Program};
use super::runes::{Rune, encode};

const NEWLINE: Rune = b'\n' as Rune;
const SLASH: Rune = b'/' as Rune;

/// One name of a pattern.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// What may stand between the name before (or the root) and this one.
    pub gap: Gap,
    /// What the name must be.
    pub name: NamePattern,
    /// Whether the pattern ends here.
    pub last: bool,
}

/// What may stand before a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing.
    None,
    /// Directories of any name.
    Directories,
    /// Directories whose names hold no newline: the dot of a regular expression stands for anything but that.
    DirectoriesOnOneLine,
}

impl Gap {
    /// Whether the directory `name` may be a part of the gap.
    pub fn holds(self, name: &[u8]) -> bool {
        match self {
            Self::None => false,
            Self::Directories => true,
            Self::DirectoriesOnOneLine => name.find_byte(b'\n').is_none(),
        }
    }
}

/// What a name must be.
#[derive(Clone, Debug)]
pub(super) enum NamePattern {
    Literal(BString),
    /// Begins and ends with these, which don't overlap.
    Affixes(BString, BString),
    Glob(Box<Glob>),
}

/// A name with more wildcards.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    /// The longest text that every matching name holds. Most names are told by it.
    text: BString,
    program: Program,
    start: Places,
}

impl Glob {
    fn new(pieces: &[Piece]) -> Self {
        let runs = pieces.split(|piece| !matches!(piece, Piece::One(set) if set.as_one().is_some()));
        let text = runs.filter_map(literal).max_by_key(|text| text.len()).unwrap_or_default();
        let program = Program::new(pieces);
        Self { text, start: program.start(), program }
    }

    fn matches(&self, name: &[u8]) -> bool {
        let holds = self
            .text
            .first()
            .is_none_or(|first| name.windows(self.text.len()).any(|window| window[0] == *first && self.text == window));
        holds && self.program.matches(&self.start, true, name)
    }
}

impl NamePattern {
    pub fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => *literal == name,
            Self::Affixes(prefix, suffix) => {
                // Comparing no bytes at all costs a fault inside some processors' memcmp: 40 ns.
                name.len() >= prefix.len() + suffix.len()
                    && (prefix.is_empty() || name.starts_with(prefix))
                    && (suffix.is_empty() || name.ends_with(suffix))
            }
            Self::Glob(glob) => glob.matches(name),
        }
    }

    /// For pieces none of which stands for a slash, but the last may stand for anything.
    fn new(pieces: &[Piece]) -> Self {
        if let Some(bytes) = literal(pieces) {
            return Self::Literal(bytes);
        }
        // Where all is UTF-8, comparing bytes is comparing runes.
        if let Some(star) = pieces.iter().position(is_star)
            && let (Some(prefix), Some(suffix)) = (literal(&pieces[..star]), literal(&pieces[star + 1..]))
            && prefix.is_utf8()
            && suffix.is_utf8()
        {
            return Self::Affixes(prefix, suffix);
        }
        Self::Glob(Box::new(Glob::new(pieces)))
    }
}

/// The bytes that the pieces stand for, if those are the only ones.
fn literal(pieces: &[Piece]) -> Option<BString> {
    let mut bytes = Vec::new();
    for piece in pieces {
        let Piece::One(set) = piece else { return None };
        encode(set.as_one()?, &mut bytes)?;
    }
    Some(bytes.into())
}

/// Whether the piece is `[^/]*`: within a name, anything.
fn is_star(piece: &Piece) -> bool {
    matches!(piece, Piece::Many(set) if set.clone().negated().as_one() == Some(SLASH))
}

/// A path compared whole, byte by byte.
pub(super) fn exact(pattern: &[u8]) -> Vec<Step> {
    literals(Gap::None, pattern, NamePattern::Literal)
}

/// Paths that begin with `prefix`: those whose first names are all but the last of it, and whose next begins with the last.
/// (What stands below such a path is matched through it.)
pub(super) fn prefix(prefix: &[u8]) -> Vec<Step> {
    literals(Gap::None, prefix, |last| NamePattern::Affixes(last, BString::default()))
}

/// Paths that end with `suffix`, which is a whole name, or several, if it begins with a slash.
pub(super) fn suffix(suffix: &[u8]) -> Vec<Step> {
    if let Some(path) = suffix.strip_prefix(b"/") {
        return literals(Gap::Directories, path, NamePattern::Literal);
    }
    let ends = |name: &[u8]| NamePattern::Affixes(BString::default(), name.into());
    let Some((first, path)) = suffix.split_once_str("/") else {
        return vec![Step { gap: Gap::Directories, name: ends(suffix), last: true }];
    };
    let mut steps = vec![Step { gap: Gap::Directories, name: ends(first), last: false }];
    steps.extend(exact(path));
    steps
}

fn literals(gap: Gap, path: &[u8], last: impl Fn(BString) -> NamePattern) -> Vec<Step> {
    let count = path.split_str("/").count();
    let steps = path.split_str("/").zip(1..).map(|(name, number)| {
        let is_last = number == count;
        let name = BString::from(name);
        Step {
            gap: if number == 1 { gap } else { Gap::None },
            name: if is_last { last(name) } else { NamePattern::Literal(name) },
            last: is_last,
        }
    });
    steps.collect()
}

/// The steps of an expression. `None` where a part of it can stand for more or less than whole names.
pub(super) fn expression(pieces: &[Piece]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut gap = Gap::None;
    let mut begin = 0;
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::At(_) => return None,
            Piece::Directories if begin == at => {
                gap = Gap::DirectoriesOnOneLine;
                begin = at + 1;
            }
            Piece::Directories => return None,
            Piece::One(set) if set.as_one() == Some(SLASH) => {
                steps.push(step(gap, &pieces[begin..at], false)?);
                gap = Gap::None;
                begin = at + 1;
            }
            // A path that this matches beyond a slash has a parent that it matches up to there, and is matched through it.
            Piece::Many(set) if at + 1 == pieces.len() && set.clone().negated().as_one() == Some(NEWLINE) => {}
            Piece::One(set) | Piece::Maybe(set) | Piece::Many(set) if set.contains(SLASH) => return None,
            Piece::One(_) | Piece::Maybe(_) | Piece::Many(_) => {}
        }
    }
    steps.push(step(gap, &pieces[begin..], true)?);
    Some(steps)
}

fn step(gap: Gap, pieces: &[Piece], last: bool) -> Option<Step> {
    (!pieces.is_empty()).then(|| Step { gap, name: NamePattern::new(pieces), last })
}
