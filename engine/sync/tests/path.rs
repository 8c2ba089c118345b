//! Names and paths: what is one, their order, and how they are taken apart and put together.

#![allow(clippy::unwrap_used)]

use std::cmp::Ordering;
use std::collections::BTreeSet;

use causeway_sync::path::{InvalidPath, NAME_BYTES_MAX, PATH_BYTES_MAX, PATH_DEPTH_MAX};
use causeway_sync::{Name, NameBuf, RelPath, RelPathBuf};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

fn path(text: &str) -> &RelPath {
    RelPath::new(text.as_bytes()).unwrap()
}

#[test]
fn what_is_a_name() {
    let longest = "n".repeat(NAME_BYTES_MAX);
    let too_long = "n".repeat(NAME_BYTES_MAX + 1);
    for (bytes, is) in [
        (b"a".as_slice(), Ok(())),
        (b" ", Ok(())),
        (b"\n", Ok(())),
        (b"\\", Ok(())),
        (b"\xff\xfe", Ok(())),
        (b"...", Ok(())),
        (b".a", Ok(())),
        (b"..a", Ok(())),
        (longest.as_bytes(), Ok(())),
        (b"", Err(InvalidPath::EmptyName)),
        (b".", Err(InvalidPath::DotName)),
        (b"..", Err(InvalidPath::DotName)),
        (b"a/b", Err(InvalidPath::ForbiddenByte)),
        (b"/", Err(InvalidPath::ForbiddenByte)),
        (b"a\0", Err(InvalidPath::ForbiddenByte)),
        (too_long.as_bytes(), Err(InvalidPath::NameTooLong)),
    ] {
        assert_eq!(Name::new(bytes).map(|name| assert_eq!(name.as_bytes(), bytes)), is, "{bytes:?}");
        assert_eq!(NameBuf::new(bytes.to_vec()).map(|name| assert_eq!(name.as_bytes(), bytes)), is, "{bytes:?}");
    }
}

#[test]
fn what_is_a_path() {
    let deepest = vec!["d"; PATH_DEPTH_MAX].join("/");
    let too_deep = vec!["d"; PATH_DEPTH_MAX + 1].join("/");
    let name = "n".repeat(NAME_BYTES_MAX);
    let longest = vec![name.as_str(); PATH_BYTES_MAX / (NAME_BYTES_MAX + 1)].join("/");
    let too_long = vec![name.as_str(); PATH_BYTES_MAX / (NAME_BYTES_MAX + 1) + 1].join("/");
    let with_long_name = format!("a/{name}n/b");
    for (text, is) in [
        ("", Ok(())),
        ("a", Ok(())),
        ("a/b/c", Ok(())),
        (".a/..b/...", Ok(())),
        (&deepest, Ok(())),
        (&longest, Ok(())),
        ("/", Err(InvalidPath::EmptyName)),
        ("/a", Err(InvalidPath::EmptyName)),
        ("a/", Err(InvalidPath::EmptyName)),
        ("a//b", Err(InvalidPath::EmptyName)),
        (".", Err(InvalidPath::DotName)),
        ("..", Err(InvalidPath::DotName)),
        ("a/..", Err(InvalidPath::DotName)),
        ("a/../b", Err(InvalidPath::DotName)),
        ("./a", Err(InvalidPath::DotName)),
        ("a\0/b", Err(InvalidPath::ForbiddenByte)),
        (&with_long_name, Err(InvalidPath::NameTooLong)),
        (&too_deep, Err(InvalidPath::TooLong)),
        (&too_long, Err(InvalidPath::TooLong)),
    ] {
        let shown = &text[..text.len().min(40)];
        assert_eq!(RelPath::new(text.as_bytes()).map(|_| ()), is, "{shown}");
        assert_eq!(RelPathBuf::new(text.into()).map(|_| ()), is, "{shown}");
        // What a peer sends is checked in the same way.
        let read = RelPathBuf::try_from(serde_bytes::ByteBuf::from(text));
        assert_eq!(read.map(|path| assert_eq!(path.as_bytes(), text.as_bytes())), is, "{shown}");
    }
}

#[test]
fn the_root() {
    let root = RelPath::ROOT;
    assert!(root.is_root() && path("").is_root() && !path("a").is_root());
    assert_eq!((root.split_last(), root.parent(), root.file_name()), (None, None, None));
    assert_eq!((root.names().count(), root.ancestors().count()), (0, 0));
    assert_eq!(&*root.join(Name::new(b"a").unwrap()), path("a"));
    assert_eq!(&*RelPathBuf::default(), root);
    assert!(path("a").starts_with(root) && root.starts_with(root) && !root.starts_with(path("a")));
}

#[test]
fn taken_apart() {
    let abc = path("a/b/c");
    let names: Vec<_> = abc.names().map(Name::as_bytes).collect();
    assert_eq!(names, [b"a", b"b", b"c"]);
    assert_eq!(abc.ancestors().collect::<Vec<_>>(), [RelPath::ROOT, path("a"), path("a/b")]);
    assert_eq!(abc.split_last(), Some((path("a/b"), Name::new(b"c").unwrap())));
    assert_eq!(path("a").split_last(), Some((RelPath::ROOT, Name::new(b"a").unwrap())));
    assert_eq!(abc.to_string(), "a/b/c");
    assert_eq!(RelPath::new(b"\xff").unwrap().to_string(), "\u{fffd}");
}

#[test]
fn prefixes_are_whole_names() {
    for (whole, base, rest) in [
        ("a/b/c", "", Some("a/b/c")),
        ("a/b/c", "a", Some("b/c")),
        ("a/b/c", "a/b/c", Some("")),
        ("ab", "a", None),
        ("ab/c", "a", None),
        ("a", "a/b", None),
        ("a/b", "b", None),
        ("", "a", None),
    ] {
        assert_eq!(path(whole).strip_prefix(path(base)), rest.map(path), "{whole} {base}");
        assert_eq!(path(whole).starts_with(path(base)), rest.is_some(), "{whole} {base}");
    }
}

#[test]
fn rebased() {
    for (whole, from, to, rebased) in [
        ("a/b", "a", "x", Some("x/b")),
        ("a/b", "a", "x/y", Some("x/y/b")),
        ("a", "a", "x", Some("x")),
        ("a/b", "a", "", Some("b")),
        ("a", "a", "", Some("")),
        ("a/b", "", "x", Some("x/a/b")),
        ("", "", "x", Some("x")),
        ("ab", "a", "x", None),
    ] {
        let expected = rebased.map(|text| path(text).to_owned());
        assert_eq!(path(whole).rebase(path(from), path(to)), expected, "{whole} {from} {to}");
    }
}

/// A slash is the smallest byte, smaller than any that a name can hold.
#[test]
fn order() {
    let sorted =
        ["", "\u{1}", "a", "a/\u{1}", "a/b", "a/b/c", "a/c", "a\u{1}", "a\u{1}/b", "a b", "a!", "a-", "a.", "ab", "b"];
    for (at, left) in sorted.iter().enumerate() {
        for (other, right) in sorted.iter().enumerate() {
            assert_eq!(path(left).cmp(path(right)), at.cmp(&other), "{left:?} {right:?}");
        }
    }
}

/// Names of few bytes, some of them smaller than a slash, so that paths are often near each other.
fn some_name() -> impl Strategy<Value = NameBuf> {
    vec(prop_oneof![Just(1), Just(b'!'), Just(b'.'), Just(b'a'), Just(b'b'), Just(0xff)], 1..4)
        .prop_filter_map("is no name", |bytes| NameBuf::new(bytes).ok())
}

fn some_path() -> impl Strategy<Value = RelPathBuf> {
    vec(some_name(), 0..5).prop_map(|names| names.iter().fold(RelPathBuf::default(), |path, name| path.join(name)))
}

/// A path of so many names.
fn deep(names: usize) -> RelPathBuf {
    RelPathBuf::new(vec!["a"; names].join("/").into_bytes()).unwrap()
}

proptest! {
    #[test]
    fn ordered_by_names(left in some_path(), right in some_path()) {
        prop_assert_eq!(left.cmp(&right), left.names().cmp(right.names()));
        prop_assert_eq!(left == right, left.cmp(&right) == Ordering::Equal);
    }

    /// Deep ones, which have most in common.
    #[test]
    fn long_ones_are_ordered_by_names(above in 0_usize..70, left in some_path(), right in some_path()) {
        let long = |path: &RelPath| path.rebase(RelPath::ROOT, &deep(above));
        let (left, right) = (long(&left).unwrap(), long(&right).unwrap());
        prop_assert_eq!(left.cmp(&right), left.names().cmp(right.names()));
    }

    /// Sorted, everything at and below a path stands together, the path first.
    #[test]
    fn a_subtree_is_one_unbroken_range(paths in btree_set(some_path(), 1..40), top in some_path()) {
        let mut paths: BTreeSet<RelPathBuf> = paths;
        paths.insert(top.clone());
        let subtree: Vec<_> = paths.iter().filter(|path| path.starts_with(&top)).collect();
        let run: Vec<_> = paths.range(top.clone()..).take_while(|path| path.starts_with(&top)).collect();
        prop_assert_eq!(&subtree, &run);
        prop_assert_eq!(subtree[0], &top);
    }

    #[test]
    fn put_together_again(path in some_path()) {
        let rebuilt = path.names().fold(RelPathBuf::default(), |path, name| path.join(name));
        prop_assert_eq!(&rebuilt, &path);
        prop_assert_eq!(RelPath::new(path.as_bytes()), Ok(&*path));
        if let Some((parent, name)) = path.split_last() {
            prop_assert_eq!(&parent.join(name), &path);
            prop_assert_eq!((path.parent(), path.file_name()), (Some(parent), Some(name)));
        }
    }

    /// The proper ancestors are exactly the paths, other than it, that it starts with; each holds the next.
    #[test]
    fn ancestors_are_the_proper_prefixes(path in some_path(), other in some_path()) {
        let ancestors: Vec<_> = path.ancestors().collect();
        prop_assert_eq!(ancestors.len(), path.names().count());
        prop_assert_eq!(path.starts_with(&other), ancestors.contains(&&*other) || path == other);
        for (ancestor, next) in ancestors.iter().zip(ancestors.iter().skip(1).copied().chain([&*path])) {
            prop_assert_eq!(next.parent(), Some(*ancestor));
        }
    }

    #[test]
    fn rebasing_is_stripping_and_joining(base in some_path(), below in some_path(), to in some_path()) {
        let path = below.names().fold(base.clone(), |path, name| path.join(name));
        prop_assert_eq!(path.strip_prefix(&base), Some(&*below));
        let moved = below.names().fold(to.clone(), |path, name| path.join(name));
        prop_assert_eq!(path.rebase(&base, &to), Some(moved.clone()));
        prop_assert_eq!(moved.rebase(&to, &base), Some(path));
    }
}
