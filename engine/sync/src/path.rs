//! Paths inside a share: bytes, relative to the share's root, validated once.
//!
//! A path is a list of names joined by `/`; the root is the empty path. There is no `.`, no `..`, no empty name, no NUL,
//! so a [`RelPath`] can't leave the share by itself. (It can still name a symlink: whoever opens it must not follow one.)

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use bstr::ByteSlice;
use ref_cast::{RefCastCustom, ref_cast_custom};
use serde::{Deserialize, Serialize};

/// Longest name, in bytes: `NAME_MAX` of Linux (limits.h).
pub const NAME_BYTES_MAX: usize = 255;
/// Longest path, in bytes. Room for a depth of 500 with names of 255 bytes; longer than `PATH_MAX`, so paths are walked in steps.
pub const PATH_BYTES_MAX: usize = 128 * 1024;
/// Deepest path, in names. Bounds recursion on input that a peer chose.
pub const PATH_DEPTH_MAX: usize = 4096;

/// Why bytes are not a name or a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// An empty name, a doubled or a trailing slash.
    #[error("a name is empty")]
    EmptyName,
    /// `.` or `..`.
    #[error("a name is \".\" or \"..\"")]
    DotName,
    /// A NUL byte, or a slash inside a name.
    #[error("a name holds a NUL byte or a slash")]
    ForbiddenByte,
    /// A name over [`NAME_BYTES_MAX`].
    #[error("a name is longer than {NAME_BYTES_MAX} bytes")]
    NameTooLong,
    /// A path over [`PATH_BYTES_MAX`] or deeper than [`PATH_DEPTH_MAX`].
    #[error("the path is longer than {PATH_BYTES_MAX} bytes or deeper than {PATH_DEPTH_MAX} names")]
    TooLong,
}

fn check_name(bytes: &[u8]) -> Result<(), InvalidPath> {
    match bytes {
        b"" => Err(InvalidPath::EmptyName),
        b"." | b".." => Err(InvalidPath::DotName),
        _ if bytes.len() > NAME_BYTES_MAX => Err(InvalidPath::NameTooLong),
        _ if bytes.iter().any(|b| matches!(b, 0 | b'/')) => Err(InvalidPath::ForbiddenByte),
        _ => Ok(()),
    }
}

fn check_path(bytes: &[u8]) -> Result<(), InvalidPath> {
    if bytes.is_empty() {
        return Ok(());
    }
    if bytes.len() > PATH_BYTES_MAX {
        return Err(InvalidPath::TooLong);
    }
    let mut depth = 0;
    for name in bytes.split(|b| *b == b'/') {
        check_name(name)?;
        depth += 1;
    }
    if depth > PATH_DEPTH_MAX { Err(InvalidPath::TooLong) } else { Ok(()) }
}

/// One component of a path.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash, RefCastCustom)]
#[repr(transparent)]
pub struct Name([u8]);

impl Name {
    #[ref_cast_custom]
    const fn from_checked(bytes: &[u8]) -> &Self;

    /// Checks that `bytes` are a name.
    pub fn new(bytes: &[u8]) -> Result<&Self, InvalidPath> {
        check_name(bytes)?;
        Ok(Self::from_checked(bytes))
    }

    /// The name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_bstr(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_bstr(), f)
    }
}

impl ToOwned for Name {
    type Owned = NameBuf;
    fn to_owned(&self) -> NameBuf {
        NameBuf(self.0.to_vec())
    }
}

/// An owned [`Name`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameBuf(Vec<u8>);

impl NameBuf {
    /// Checks that `bytes` are a name.
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidPath> {
        check_name(&bytes)?;
        Ok(Self(bytes))
    }
}

impl Deref for NameBuf {
    type Target = Name;
    fn deref(&self) -> &Name {
        Name::from_checked(&self.0)
    }
}

impl Borrow<Name> for NameBuf {
    fn borrow(&self) -> &Name {
        self
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A path relative to a share's root. Ordered so that a directory comes before what it holds, and siblings by name.
#[derive(PartialEq, Eq, Hash, RefCastCustom)]
#[repr(transparent)]
pub struct RelPath([u8]);

impl RelPath {
    #[ref_cast_custom]
    const fn from_checked(bytes: &[u8]) -> &Self;

    /// The share's root.
    pub const ROOT: &'static Self = Self::from_checked(b"");

    /// Checks that `bytes` are a path.
    pub fn new(bytes: &[u8]) -> Result<&Self, InvalidPath> {
        check_path(bytes)?;
        Ok(Self::from_checked(bytes))
    }

    /// The path's bytes; empty for the root.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the share's root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The names from the root down. None for the root.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &Name> {
        self.0.split(|b| *b == b'/').filter(|n| !n.is_empty()).map(Name::from_checked)
    }

    /// The directory that holds this path, and the name in it. `None` for the root.
    pub fn split_last(&self) -> Option<(&Self, &Name)> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.rfind_byte(b'/') {
            Some(at) => (Self::from_checked(&self.0[..at]), Name::from_checked(&self.0[at + 1..])),
            None => (Self::ROOT, Name::from_checked(&self.0)),
        })
    }

    /// The directory that holds this path. `None` for the root.
    pub fn parent(&self) -> Option<&Self> {
        self.split_last().map(|(parent, _)| parent)
    }

    /// The last name. `None` for the root.
    pub fn file_name(&self) -> Option<&Name> {
        self.split_last().map(|(_, name)| name)
    }

    /// The proper ancestors, from the root down: for `a/b/c`: root, `a`, `a/b`.
    pub fn ancestors(&self) -> impl Iterator<Item = &Self> {
        let root = (!self.is_root()).then_some(Self::ROOT);
        root.into_iter().chain(self.0.find_iter(b"/").map(|at| Self::from_checked(&self.0[..at])))
    }

    /// This path with `name` below it.
    pub fn join(&self, name: &Name) -> RelPathBuf {
        if self.is_root() {
            return RelPathBuf(name.0.to_vec());
        }
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + name.0.len());
        bytes.extend_from_slice(&self.0);
        bytes.push(b'/');
        bytes.extend_from_slice(&name.0);
        RelPathBuf(bytes)
    }

    /// Whether this is `other` or stands below it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.strip_prefix(other).is_some()
    }

    /// This path as seen from `base`: `a/b/c` from `a` is `b/c`, from itself the root. `None` where it isn't below `base`.
    pub fn strip_prefix(&self, base: &Self) -> Option<&Self> {
        if base.is_root() {
            return Some(self);
        }
        match self.0.strip_prefix(&base.0)? {
            b"" => Some(Self::ROOT),
            [b'/', rest @ ..] => Some(Self::from_checked(rest)),
            _ => None,
        }
    }

    /// The path that takes this one's place when the directory `from` becomes `to`. `None` where it isn't below `from`.
    pub fn rebase(&self, from: &Self, to: &Self) -> Option<RelPathBuf> {
        let rest = self.strip_prefix(from)?;
        let mut bytes = to.0.to_vec();
        if !to.is_root() && !rest.is_root() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(&rest.0);
        Some(RelPathBuf(bytes))
    }
}

impl PartialOrd for RelPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RelPath {
    /// As if `/` were the smallest byte, so that a subtree is one unbroken range.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |b: &u8| if *b == b'/' { 0 } else { *b };
        let at = first_difference(&self.0, &other.0);
        match (self.0.get(at), other.0.get(at)) {
            (Some(a), Some(b)) => rank(a).cmp(&rank(b)),
            _ => self.0.len().cmp(&other.0.len()),
        }
    }
}

/// Where two strings of bytes begin to differ, or where the shorter one ends. Paths of one tree begin alike, and are compared all the
/// time: this goes word by word.
fn first_difference(a: &[u8], b: &[u8]) -> usize {
    let shorter = a.len().min(b.len());
    let (a, b) = (&a[..shorter], &b[..shorter]);
    let differing = |a: &[u8; 8], b: &[u8; 8]| match u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b) {
        0 => None,
        bits => Some(bits.trailing_zeros() as usize / 8),
    };
    for (number, (a, b)) in a.as_chunks().0.iter().zip(b.as_chunks().0).enumerate() {
        if let Some(at) = differing(a, b) {
            return 8 * number + at;
        }
    }
    match (a.last_chunk(), b.last_chunk()) {
        // The last word may begin with what was compared already.
        (Some(a), Some(b)) => differing(a, b).map_or(shorter, |at| shorter - 8 + at),
        _ => a.iter().zip(b).take_while(|(a, b)| a == b).count(),
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_bstr(), f)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_bstr(), f)
    }
}

impl ToOwned for RelPath {
    type Owned = RelPathBuf;
    fn to_owned(&self) -> RelPathBuf {
        RelPathBuf(self.0.to_vec())
    }
}

/// An owned [`RelPath`].
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "serde_bytes::ByteBuf", into = "serde_bytes::ByteBuf")]
pub struct RelPathBuf(Vec<u8>);

impl RelPathBuf {
    /// Checks that `bytes` are a path.
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidPath> {
        check_path(&bytes)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<serde_bytes::ByteBuf> for RelPathBuf {
    type Error = InvalidPath;
    fn try_from(bytes: serde_bytes::ByteBuf) -> Result<Self, InvalidPath> {
        Self::new(bytes.into_vec())
    }
}

impl From<RelPathBuf> for serde_bytes::ByteBuf {
    fn from(path: RelPathBuf) -> Self {
        Self::from(path.0)
    }
}

impl Deref for RelPathBuf {
    type Target = RelPath;
    fn deref(&self) -> &RelPath {
        RelPath::from_checked(&self.0)
    }
}

impl Borrow<RelPath> for RelPathBuf {
    fn borrow(&self) -> &RelPath {
        self
    }
}

impl AsRef<RelPath> for RelPathBuf {
    fn as_ref(&self) -> &RelPath {
        self
    }
}

impl PartialOrd for RelPathBuf {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RelPathBuf {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl fmt::Debug for RelPathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for RelPathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}
