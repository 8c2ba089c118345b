//! The path type.

use std::cmp::Ordering;

use causeway_sync::{Name, RelPath, RelPathBuf};

/// What is accepted as a path can be taken apart and put together again, stays inside, and is ordered by its names.
pub fn path(data: &[u8]) {
    let Ok(path) = RelPath::new(data) else { return };
    assert_eq!(path.as_bytes(), data);
    assert!(!data.starts_with(b"/") && !data.contains(&0));

    let rebuilt = path.names().fold(RelPathBuf::default(), |path, name| {
        assert!(Name::new(name.as_bytes()).is_ok_and(|name| name.as_bytes() != b".."));
        path.join(name)
    });
    assert_eq!(&*rebuilt, path);

    match path.split_last() {
        None => assert!(path.is_root()),
        Some((parent, name)) => {
            assert_eq!(&*parent.join(name), path);
            assert_eq!(parent.cmp(path), Ordering::Less);
        }
    }
    let mut above = 0;
    for ancestor in path.ancestors() {
        above += 1;
        assert!(RelPath::new(ancestor.as_bytes()).is_ok());
        assert!(path.starts_with(ancestor) && !ancestor.starts_with(path));
        let rest = path.strip_prefix(ancestor).expect("an ancestor is a prefix");
        assert_eq!(rest.names().count() + ancestor.names().count(), path.names().count());
        assert_eq!(path.rebase(ancestor, ancestor).as_deref(), Some(path));
    }
    assert_eq!(above, path.names().count());

    // Two paths from one input: the halves around the middle.
    let (left, right) = data.split_at(data.len() / 2);
    if let (Ok(left), Ok(right)) = (RelPath::new(left), RelPath::new(right)) {
        assert_eq!(left.cmp(right), left.names().cmp(right.names()));
        assert_eq!(left.cmp(right), right.cmp(left).reverse());
    }
}
