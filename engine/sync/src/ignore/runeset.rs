//! Sets of runes: what a class, a wildcard or a literal character of a pattern matches.

use super::runes::Rune;

/// Ranges of runes, the ends included; negated: all but those.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RuneSet {
    ranges: Vec<(Rune, Rune)>,
    negated: bool,
    /// Which runes of ASCII are in the set, a bit each.
    ascii: u128,
}

impl RuneSet {
    pub fn one(rune: Rune) -> Self {
        let mut set = Self::default();
        set.add(rune, rune);
        set
    }

    /// The complement.
    pub fn negated(self) -> Self {
        Self { negated: !self.negated, ascii: !self.ascii, ..self }
    }

    /// The only rune in it, if it was made of one.
    pub fn as_one(&self) -> Option<Rune> {
        match (self.ranges.as_slice(), self.negated) {
            ([(low, high)], false) if low == high => Some(*low),
            _ => None,
        }
    }

    pub fn contains(&self, rune: Rune) -> bool {
        if rune < u128::BITS {
            return self.ascii >> rune & 1 == 1;
        }
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&rune)) != self.negated
    }

    /// Adds a range. For sets that aren't negated.
    pub fn add(&mut self, low: Rune, high: Rune) {
        debug_assert!(!self.negated);
        self.ranges.push((low, high));
        (low..=high.min(u128::BITS - 1)).for_each(|rune| self.ascii |= 1 << rune);
    }

    /// Adds all that `other` holds. For sets that aren't negated.
    pub fn add_set(&mut self, other: &Self) {
        let mut ranges = other.ranges.clone();
        if !other.negated {
            ranges.into_iter().for_each(|(low, high)| self.add(low, high));
            return;
        }
        ranges.sort_unstable();
        let mut next = 0;
        for (low, high) in ranges {
            if next < low {
                self.add(next, low - 1);
            }
            next = next.max(high.saturating_add(1));
        }
        self.add(next, Rune::MAX);
    }

    /// Perl's classes as Go's regular expressions have them (ASCII alone): `\d`, `\s`, `\w` and their complements.
    pub fn perl(letter: u8) -> Option<Self> {
        let ranges: &[(u8, u8)] = match letter.to_ascii_lowercase() {
            b'd' => &[(b'0', b'9')],
            b's' => &[(b'\t', b'\n'), (b'\x0c', b'\r'), (b' ', b' ')],
            b'w' => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
            _ => return None,
        };
        let set = Self::ascii(ranges);
        Some(if letter.is_ascii_uppercase() { set.negated() } else { set })
    }

    /// The classes by name of POSIX (ASCII alone), a `^` before the name negating it.
    pub fn posix(name: &str) -> Option<Self> {
        let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let set = Self::ascii(match name {
            "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
            "alpha" => &[(b'A', b'Z'), (b'a', b'z')],
            "ascii" => &[(0, 0x7f)],
            "blank" => &[(b'\t', b'\t'), (b' ', b' ')],
            "cntrl" => &[(0, 0x1f), (0x7f, 0x7f)],
            "digit" => &[(b'0', b'9')],
            "graph" => &[(b'!', b'~')],
            "lower" => &[(b'a', b'z')],
            "print" => &[(b' ', b'~')],
            "punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
            "space" => &[(b'\t', b'\r'), (b' ', b' ')],
            "upper" => &[(b'A', b'Z')],
            "word" => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
            "xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
            _ => return None,
        });
        Some(if negated { set.negated() } else { set })
    }

    fn ascii(ranges: &[(u8, u8)]) -> Self {
        let mut set = Self::default();
        ranges.iter().for_each(|(low, high)| set.add((*low).into(), (*high).into()));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complement_can_be_added() {
        let mut set = RuneSet::one('x'.into());
        set.add_set(&RuneSet::perl(b'W').unwrap());
        for (rune, held) in
            [('x', true), ('y', false), ('_', false), ('0', false), ('/', true), ('é', true), ('\0', true)]
        {
            assert_eq!(set.contains(rune.into()), held, "{rune:?}");
        }
        assert!(set.contains(0x11_00ff), "a stray byte is no word character");
    }
}
