//! Names in the recycle bin: they tell when, why and from where an item came, so that no list beside the items can be lost.
//!
//! An item is called `<unix ms>-<number>-<reason>.<path>`, the path with `/`, `%` and what some file systems forbid as `%2F`.
//! Where that is longer than a name may be, it ends after the reason, and the path stands in a file
//! `<unix ms>-<number>-<reason>.~path` beside it.

use std::fmt;
use std::str::FromStr;

use causeway_sync::path::NAME_BYTES_MAX;
use causeway_sync::{NameBuf, RelPath, RelPathBuf};

/// Ends the name of the file with an item's path.
pub(super) const PATH_FILE: &[u8] = b".~path";
/// Longest name of an item, in bytes: with room for a prefix in staging.
const ITEM_BYTES_MAX: usize = NAME_BYTES_MAX - 8;

/// Why something rests in the recycle bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It was removed on the other side.
    Removed,
    /// Newer content of the other side took its place.
    Replaced,
    /// Somebody wrote it in the very moment in which Causeway acted on its path, and wrote over it at once.
    Raced,
    /// It was excluded, and removed by `prune`.
    Pruned,
    /// It was found half-way between the share and the bin after a crash. May be a part of what was being received.
    Recovered,
}

impl Reason {
    const ALL: [(Self, u8); 5] = [
        (Self::Removed, b'd'),
        (Self::Replaced, b'r'),
        (Self::Raced, b'c'),
        (Self::Pruned, b'p'),
        (Self::Recovered, b'l'),
    ];

    fn letter(self) -> u8 {
        Self::ALL.iter().find(|(reason, _)| *reason == self).expect("every reason has a letter").1
    }

    fn of_letter(letter: u8) -> Option<Self> {
        Self::ALL.iter().find(|(_, of)| *of == letter).map(|(reason, _)| *reason)
    }
}

/// Which item of a recycle bin. Ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BinId {
    /// When it came, in milliseconds since 1970.
    pub at_ms: u64,
    /// Tells items of one millisecond apart.
    pub number: u64,
}

impl fmt::Display for BinId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at_ms, self.number)
    }
}

/// The text names no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an item of the recycle bin is named by two numbers, as in 1763731624000-1")]
pub struct InvalidBinId;

impl FromStr for BinId {
    type Err = InvalidBinId;

    fn from_str(text: &str) -> Result<Self, InvalidBinId> {
        let number = |digits: &str| match digits.bytes().all(|b| b.is_ascii_digit()) {
            true => digits.parse().map_err(|_| InvalidBinId),
            false => Err(InvalidBinId),
        };
        let (at_ms, count) = text.split_once('-').ok_or(InvalidBinId)?;
        Ok(Self { at_ms: number(at_ms)?, number: number(count)? })
    }
}

/// What an item's name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemName {
    pub id: BinId,
    pub reason: Reason,
    /// `None` when the path is too long and stands in a file of its own.
    pub path: Option<RelPathBuf>,
}

/// What a name in the bin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Item(ItemName),
    /// The file with an item's path.
    PathFile,
    /// Not of the bin.
    Foreign,
}

/// The name of an item, and where its path is too long for it the name of the file that holds the path.
pub(crate) fn item_name(id: BinId, reason: Reason, path: &RelPath) -> (NameBuf, Option<NameBuf>) {
    let mut name = head(id, reason);
    let head_bytes = name.len();
    name.push(b'.');
    escape(path.as_bytes(), &mut name);
    if name.len() <= ITEM_BYTES_MAX {
        return (NameBuf::new(name).expect("short, without slashes, begins with a digit"), None);
    }
    name.truncate(head_bytes);
    let mut path_file = name.clone();
    path_file.extend_from_slice(PATH_FILE);
    let valid = "short, without slashes, begins with a digit";
    (NameBuf::new(name).expect(valid), Some(NameBuf::new(path_file).expect(valid)))
}

fn head(id: BinId, reason: Reason) -> Vec<u8> {
    let mut head = id.to_string().into_bytes();
    head.extend_from_slice(&[b'-', reason.letter()]);
    head
}

/// Reads a name that stands in the bin.
pub(crate) fn parse(name: &[u8]) -> Parsed {
    if name.ends_with(PATH_FILE) {
        return Parsed::PathFile;
    }
    parse_item(name).map_or(Parsed::Foreign, Parsed::Item)
}

fn parse_item(name: &[u8]) -> Option<ItemName> {
    let (head, path) = match name.iter().position(|b| *b == b'.') {
        Some(at) => (&name[..at], Some(RelPathBuf::new(unescape(&name[at + 1..])?).ok()?)),
        None => (name, None),
    };
    let (letter, id) = head.split_last()?;
    let id = std::str::from_utf8(id.strip_suffix(b"-")?).ok()?.parse().ok()?;
    Some(ItemName { id, reason: Reason::of_letter(*letter)?, path })
}

/// Bytes that a name on Windows or exFAT can't hold, and the escape itself.
fn is_forbidden(byte: u8) -> bool {
    byte < 0x20 || br#"/\%<>:"|?*"#.contains(&byte)
}

fn escape(path: &[u8], into: &mut Vec<u8>) {
    for byte in path {
        if is_forbidden(*byte) {
            into.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            into.push(*byte);
        }
    }
}

fn unescape(escaped: &[u8]) -> Option<Vec<u8>> {
    let mut path = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let (digits, after) = tail.split_at_checked(2)?;
            path.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            path.push(*first);
            rest = tail;
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_name_tells_its_origin() {
        let id = BinId { at_ms: 1_763_731_624_123, number: 42 };
        for path in ["a", "src/main.rs", "100%/wei:rd?", "a.b/c~", "tab\there"] {
            let path = RelPath::new(path.as_bytes()).unwrap();
            for (reason, _) in Reason::ALL {
                let (name, beside) = item_name(id, reason, path);
                assert_eq!(beside, None);
                let item = ItemName { id, reason, path: Some(path.to_owned()) };
                assert_eq!(parse(name.as_bytes()), Parsed::Item(item), "{name:?}");
            }
        }
    }

    #[test]
    fn a_long_path_stands_beside_its_item() {
        let id = BinId { at_ms: 7, number: 1 };
        let path = RelPathBuf::new(vec![b'n'; 255]).unwrap();
        let (name, beside) = item_name(id, Reason::Removed, &path);
        assert_eq!(name.as_bytes(), b"7-1-d");
        assert_eq!(parse(name.as_bytes()), Parsed::Item(ItemName { id, reason: Reason::Removed, path: None }));
        assert_eq!(parse(beside.unwrap().as_bytes()), Parsed::PathFile);
    }

    #[test]
    fn foreign_names_are_no_items() {
        for name in ["", "x", "1-2", "1-2-z.a", "1--d.a", "1-2-d.", "1-2-d.a//b", "1-2-d.%2", "1-2-d...", "+1-2-d.a"] {
            let parsed = parse(name.as_bytes());
            assert!(
                parsed == Parsed::Foreign
                    || matches!(&parsed, Parsed::Item(i) if i.path.as_ref().is_some_and(|p| p.is_root())),
                "{name}: {parsed:?}"
            );
        }
    }
}
