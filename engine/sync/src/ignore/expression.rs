//! What a pattern means: the regular expression that moby's `patternmatcher` makes of it, as a list of pieces.
//!
//! Docker rewrites a pattern, character by character, into the text of a Go regular expression, and leaves classes and escapes
//! to Go's parser; and it forgets to escape `|`, `{` and `}`. So `[^a]` matches a slash, `\d` a digit, `a|b*` what begins with
//! `a`, `^` the start, and a `*` in a class isn't what it seems. To ignore exactly what Docker ignores, this does the same two
//! steps: [`translate`], then [`parse`].
//!
//! Not supported, and refused: `\p`, `\P` (Unicode classes), `\Q` (quoting), and a repetition of the start itself (`{2}*`).
//! What Go's parser refuses is refused too.

use super::PATTERN_BYTES_MAX;
use super::error::Fault;
use super::runes::Rune;
use super::runeset::RuneSet;

/// Most repetitions of a piece (`regexp/syntax` of Go).
const REPETITIONS_MAX: usize = 1000;

/// How Docker matches a pattern.
pub(super) enum Meaning {
    /// The path is the pattern.
    Exact,
    /// The path begins with the pattern less its last two bytes (`**`).
    Prefix,
    /// The path ends with the pattern less its first two bytes (`**`), or is that less its slash.
    Suffix,
    /// The whole path matches one of these lists of pieces.
    Expression(Vec<Vec<Piece>>),
}

/// A part of a regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// One rune of the set.
    One(RuneSet),
    /// One rune of the set, or none.
    Maybe(RuneSet),
    /// Any number of runes of the set.
    Many(RuneSet),
    /// `(.*/)?`: nothing, or anything without a newline up to a slash.
    Directories,
    /// A place.
    At(Place),
}

/// A place that a regular expression can demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Start,
    End,
    /// Between a word character of ASCII and something else.
    WordBoundary,
    NoWordBoundary,
}

/// What the pattern means. Its syntax has been checked.
pub(super) fn meaning(pattern: &[Rune]) -> Result<Meaning, Fault> {
    match translate(pattern) {
        Translation::Exact => Ok(Meaning::Exact),
        Translation::Prefix => Ok(Meaning::Prefix),
        Translation::Suffix => Ok(Meaning::Suffix),
        Translation::Expression(text) => parse(&text).map(Meaning::Expression),
    }
}

enum Translation {
    Exact,
    Prefix,
    Suffix,
    Expression(Vec<Rune>),
}

const fn rune(byte: u8) -> Rune {
    byte as Rune
}

/// The text of the expression, without the `^` and `$` around it.
fn translate(pattern: &[Rune]) -> Translation {
    let mut text: Vec<Rune> = Vec::new();
    let append = |text: &mut Vec<Rune>, expression: &str| text.extend(expression.bytes().map(Rune::from));
    let mut kind = Translation::Exact;
    let mut rest = pattern.iter().copied().peekable();
    let mut first = true;
    while let Some(next) = rest.next() {
        match u8::try_from(next) {
            Ok(b'*') if rest.next_if_eq(&rune(b'*')).is_some() => {
                let _slash = rest.next_if_eq(&rune(b'/'));
                let last = rest.peek().is_none();
                append(&mut text, if last { ".*" } else { "(.*/)?" });
                kind = match kind {
                    _ if first => Translation::Suffix,
                    Translation::Exact if last => Translation::Prefix,
                    _ => Translation::Expression(Vec::new()),
                };
            }
            Ok(wild @ (b'*' | b'?')) => {
                append(&mut text, if wild == b'*' { "[^/]*" } else { "[^/]" });
                kind = Translation::Expression(Vec::new());
            }
            Ok(b'\\') => {
                text.push(next);
                text.extend(rest.next());
                kind = Translation::Expression(Vec::new());
            }
            Ok(b'[' | b']') => {
                text.push(next);
                kind = Translation::Expression(Vec::new());
            }
            Ok(b'.' | b'+' | b'(' | b')' | b'$') => text.extend([rune(b'\\'), next]),
            _ => text.push(next),
        }
        first = false;
    }
    if let Translation::Expression(_) = kind { Translation::Expression(text) } else { kind }
}

/// Parses the text of an expression by the rules of Go's `regexp/syntax`, as far as [`translate`] needs them.
///
/// The `^` before the text and the `$` behind it belong to the first and the last alternative. What they leave open is filled
/// with anything.
fn parse(text: &[Rune]) -> Result<Vec<Vec<Piece>>, Fault> {
    let anything = || Piece::Many(RuneSet::default().negated());
    let mut alternatives = Vec::new();
    let mut pieces = Vec::new();
    let mut parser = Parser { rest: text };
    // Whether the last piece may be repeated. What is a repetition may not.
    let mut repeatable = false;
    while let Some(next) = parser.next() {
        let piece = match u8::try_from(next) {
            Ok(b'|') => {
                pieces.push(anything());
                alternatives.push(std::mem::replace(&mut pieces, vec![anything()]));
                repeatable = false;
                continue;
            }
            Ok(b'{') if let Some((least, most)) = parser.repetition()? => {
                let piece = pieces.pop().filter(|_| repeatable).ok_or(Fault::NothingRepeated)?;
                repeat(&mut pieces, piece, least, most)?;
                repeatable = false;
                continue;
            }
            // An unescaped parenthesis or dot is always ours.
            Ok(b'(') => parser.skip(".*/)?", Piece::Directories),
            Ok(b'.') => parser.skip("*", Piece::Many(RuneSet::one(rune(b'\n')).negated())),
            Ok(b'[') => {
                let class = parser.class()?;
                if parser.next_if(b'*') { Piece::Many(class) } else { Piece::One(class) }
            }
            Ok(b'\\') => match parser.place() {
                Some(place) => Piece::At(place),
                None => Piece::One(parser.escape()?),
            },
            Ok(b'^') => Piece::At(Place::Start),
            _ => Piece::One(RuneSet::one(next)),
        };
        repeatable = matches!(piece, Piece::One(_) | Piece::At(_));
        pieces.push(piece);
    }
    alternatives.push(pieces);
    Ok(alternatives)
}

/// Adds the piece `least` to `most` times.
fn repeat(pieces: &mut Vec<Piece>, piece: Piece, least: usize, most: Option<usize>) -> Result<(), Fault> {
    let Piece::One(set) = piece else {
        // A place demanded twice is demanded once.
        pieces.extend((least > 0).then_some(piece));
        return Ok(());
    };
    let most_pieces = most.unwrap_or(least + 1);
    if pieces.len() + most_pieces > PATTERN_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    pieces.extend(std::iter::repeat_n(Piece::One(set.clone()), least));
    match most {
        Some(most) => pieces.extend(std::iter::repeat_n(Piece::Maybe(set), most - least)),
        None => pieces.push(Piece::Many(set)),
    }
    Ok(())
}

struct Parser<'a> {
    rest: &'a [Rune],
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Rune> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.rest.get(ahead).and_then(|next| u8::try_from(*next).ok())
    }

    fn next_if(&mut self, byte: u8) -> bool {
        let is = self.peek(0) == Some(byte);
        if is {
            self.rest = &self.rest[1..];
        }
        is
    }

    /// Skips the rest of what stands for the piece.
    fn skip(&mut self, rest: &str, piece: Piece) -> Piece {
        self.rest = &self.rest[rest.len()..];
        piece
    }

    /// The repetition behind an opening brace: least and most times. `None` where it is none, and the brace just a brace.
    fn repetition(&mut self) -> Result<Option<(usize, Option<usize>)>, Fault> {
        let mut ahead = Parser { rest: self.rest };
        let Some(least) = ahead.number() else { return Ok(None) };
        let mut most = Some(least);
        if ahead.next_if(b',') {
            most = ahead.number();
        }
        if !ahead.next_if(b'}') {
            return Ok(None);
        }
        self.rest = ahead.rest;
        if least > REPETITIONS_MAX || most.is_some_and(|most| most > REPETITIONS_MAX || most < least) {
            return Err(Fault::BadRepetition);
        }
        Ok(Some((least, most)))
    }

    /// A number without leading zeros, or anything over the most repetitions for one that is over that.
    fn number(&mut self) -> Option<usize> {
        let digits = (0..).take_while(|at| self.peek(*at).is_some_and(|b| b.is_ascii_digit())).count();
        if digits == 0 || digits > 1 && self.peek(0) == Some(b'0') {
            return None;
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let add = |sum: usize, digit: &Rune| sum.saturating_mul(10).saturating_add((digit - rune(b'0')) as usize);
        Some(number.iter().fold(0, add))
    }

    /// The place that the escape behind a backslash demands.
    fn place(&mut self) -> Option<Place> {
        let place = match self.peek(0)? {
            b'A' => Place::Start,
            b'z' => Place::End,
            b'b' => Place::WordBoundary,
            b'B' => Place::NoWordBoundary,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        Some(place)
    }

    /// The set that the escape behind a backslash means.
    fn escape(&mut self) -> Result<RuneSet, Fault> {
        if let Some(set) = self.peek(0).and_then(RuneSet::perl) {
            self.rest = &self.rest[1..];
            return Ok(set);
        }
        self.escaped_rune().map(RuneSet::one)
    }

    /// The rune that the escape behind a backslash means.
    fn escaped_rune(&mut self) -> Result<Rune, Fault> {
        let escaped = self.next().ok_or(Fault::NothingEscaped)?;
        let byte = u8::try_from(escaped).map_err(|_| Fault::UnknownEscape)?;
        Ok(match byte {
            b'a' => 0x07,
            b'f' => 0x0c,
            b'n' => rune(b'\n'),
            b'r' => rune(b'\r'),
            b't' => rune(b'\t'),
            b'v' => 0x0b,
            b'x' if self.next_if(b'{') => self.hexadecimal()?,
            b'x' => self.digit(16)? * 16 + self.digit(16)?,
            b'0' => self.octal(0),
            // A single digit but zero would refer back to a group.
            b'1'..=b'7' if matches!(self.peek(0), Some(b'0'..=b'7')) => self.octal(escaped - rune(b'0')),
            _ if byte.is_ascii() && !byte.is_ascii_alphanumeric() => escaped,
            _ => return Err(Fault::UnknownEscape),
        })
    }

    fn digit(&mut self, radix: u32) -> Result<Rune, Fault> {
        let digit = self.next().and_then(char::from_u32).and_then(|next| next.to_digit(radix));
        digit.ok_or(Fault::UnknownEscape)
    }

    /// The hexadecimal number up to a closing brace.
    fn hexadecimal(&mut self) -> Result<Rune, Fault> {
        let mut value = self.digit(16)?;
        while !self.next_if(b'}') {
            value = value * 16 + self.digit(16)?;
            if value > char::MAX.into() {
                return Err(Fault::UnknownEscape);
            }
        }
        Ok(value)
    }

    /// Up to two more octal digits.
    fn octal(&mut self, mut value: Rune) -> Rune {
        for _ in 0..2 {
            if !matches!(self.peek(0), Some(b'0'..=b'7')) {
                break;
            }
            value = value * 8 + (self.rest[0] - rune(b'0'));
            self.rest = &self.rest[1..];
        }
        value
    }

    /// The class behind an opening bracket.
    fn class(&mut self) -> Result<RuneSet, Fault> {
        let negated = self.next_if(b'^');
        let mut set = RuneSet::default();
        let mut first = true;
        while first || self.peek(0) != Some(b']') {
            first = false;
            if let Some(named) = self.named_class()? {
                set.add_set(&named);
                continue;
            }
            if self.peek(0) == Some(b'\\')
                && let Some(perl) = self.peek(1).and_then(RuneSet::perl)
            {
                self.rest = &self.rest[2..];
                set.add_set(&perl);
                continue;
            }
            let low = self.class_rune()?;
            let mut high = low;
            if self.peek(0) == Some(b'-') && self.rest.len() > 1 && self.peek(1) != Some(b']') {
                self.rest = &self.rest[1..];
                high = self.class_rune()?;
            }
            if high < low {
                return Err(Fault::BackwardRange);
            }
            set.add(low, high);
        }
        self.rest = &self.rest[1..];
        Ok(if negated { set.negated() } else { set })
    }

    fn class_rune(&mut self) -> Result<Rune, Fault> {
        match self.next().ok_or(Fault::UnclosedClass)? {
            backslash if backslash == rune(b'\\') => self.escaped_rune(),
            other => Ok(other),
        }
    }

    /// A class by name inside a class, like `[:alpha:]`.
    fn named_class(&mut self) -> Result<Option<RuneSet>, Fault> {
        let [open, colon, rest @ ..] = self.rest else { return Ok(None) };
        if [*open, *colon] != [rune(b'['), rune(b':')] {
            return Ok(None);
        }
        let Some(end) = rest.windows(2).position(|pair| pair == [rune(b':'), rune(b']')]) else { return Ok(None) };
        let name: Option<String> = rest[..end].iter().map(|next| char::from_u32(*next)).collect();
        let set = name.and_then(|name| RuneSet::posix(&name)).ok_or(Fault::MalformedClass)?;
        self.rest = &rest[end + 2..];
        Ok(Some(set))
    }
}
