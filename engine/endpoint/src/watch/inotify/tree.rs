//! The watched directories as a tree, keyed by watch descriptor: a renamed directory takes its subtree along in one step.
//!
//! The tree says where directories stand as far as events have been read; the disk is always ahead of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use causeway_sync::path::{Name, RelPathBuf};

/// A watch descriptor: never used again while its inotify instance lives (the kernel counts up, fs/notify/inotify).
pub(super) type Wd = i32;

/// Where a watched directory hangs.
struct Node {
    /// `None` for the root, and for what has been taken off the tree.
    parent: Option<Wd>,
    name: Arc<[u8]>,
}

/// The watched directories.
pub(super) struct Tree {
    root: Wd,
    nodes: HashMap<Wd, Node>,
    children: BTreeMap<(Wd, Arc<[u8]>), Wd>,
}

/// The tree is too far behind the disk to be repaired: all has to be watched anew.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lost;

impl Tree {
    pub(super) fn new(root: Wd) -> Self {
        let node = Node { parent: None, name: Arc::default() };
        Self { root, nodes: HashMap::from([(root, node)]), children: BTreeMap::new() }
    }

    pub(super) fn root(&self) -> Wd {
        self.root
    }

    pub(super) fn contains(&self, wd: Wd) -> bool {
        self.nodes.contains_key(&wd)
    }

    /// What is known at `name` in `parent`.
    pub(super) fn child(&self, parent: Wd, name: &Name) -> Option<Wd> {
        self.children.get(&(parent, name.as_bytes().into())).copied()
    }

    /// From a directory up to where it hangs: the root, or the top of what was taken off.
    fn upwards(&self, wd: Wd) -> impl Iterator<Item = Wd> {
        std::iter::successors(Some(wd), |wd| self.nodes.get(wd)?.parent)
    }

    /// Whether `wd` is `top` or hangs below it.
    pub(super) fn is_below(&self, wd: Wd, top: Wd) -> bool {
        self.upwards(wd).any(|at| at == top)
    }

    /// Path from the root. `None` for what is unknown or taken off the tree.
    pub(super) fn path(&self, wd: Wd) -> Option<RelPathBuf> {
        let mut names = Vec::new();
        let mut at = wd;
        while at != self.root {
            let node = self.nodes.get(&at)?;
            names.push(&node.name);
            at = node.parent?;
        }
        let names: Vec<&[u8]> = names.iter().rev().map(|name| &name[..]).collect();
        RelPathBuf::new(names.join(&b'/')).ok()
    }

    /// Hangs `wd` at `name` in `parent`, with all that hangs below it. Returns what hung there before, which is taken off. Fails
    /// where it would hang below itself.
    pub(super) fn attach(&mut self, wd: Wd, parent: Wd, name: &Name) -> Result<Option<Wd>, Lost> {
        if self.is_below(parent, wd) {
            return Err(Lost);
        }
        self.detach(wd);
        let replaced = self.child(parent, name);
        if let Some(replaced) = replaced {
            self.detach(replaced);
        }
        let name: Arc<[u8]> = name.as_bytes().into();
        self.children.insert((parent, name.clone()), wd);
        self.nodes.insert(wd, Node { parent: Some(parent), name });
        Ok(replaced)
    }

    /// Takes `wd` off the tree, with all that hangs below it; both stay known.
    pub(super) fn detach(&mut self, wd: Wd) {
        let Some(node) = self.nodes.get_mut(&wd) else { return };
        if let Some(parent) = node.parent.take() {
            self.children.remove(&(parent, node.name.clone()));
        }
    }

    /// Whether it was taken off the tree itself (not along with one above it).
    pub(super) fn is_detached(&self, wd: Wd) -> bool {
        wd != self.root && self.nodes.get(&wd).is_some_and(|node| node.parent.is_none())
    }

    fn children_of(&self, wd: Wd) -> Vec<Wd> {
        let from = (wd, Arc::default());
        self.children.range(from..).take_while(|((parent, _), _)| *parent == wd).map(|(_, child)| *child).collect()
    }

    /// Forgets one directory, whose watch is gone. Returns what hung in it, which is taken off.
    pub(super) fn forget(&mut self, wd: Wd) -> Vec<Wd> {
        self.detach(wd);
        let children = self.children_of(wd);
        for child in &children {
            self.detach(*child);
        }
        self.nodes.remove(&wd);
        children
    }

    /// Forgets a directory and all below it, and returns them.
    pub(super) fn forget_below(&mut self, top: Wd) -> Vec<Wd> {
        self.detach(top);
        let mut forgotten = vec![top];
        let mut next = 0;
        while let Some(wd) = forgotten.get(next).copied() {
            forgotten.extend(self.children_of(wd));
            next += 1;
        }
        for wd in &forgotten {
            self.forget(*wd);
        }
        forgotten
    }

    /// How many directories are known.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.nodes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &'static str) -> &'static Name {
        Name::new(name.as_bytes()).unwrap()
    }

    /// `1` is the root; `2` at `a`, `3` at `a/b`, `4` at `a/b/c`, `5` at `ab`.
    fn tree() -> Tree {
        let mut tree = Tree::new(1);
        for (wd, parent, at) in [(2, 1, "a"), (3, 2, "b"), (4, 3, "c"), (5, 1, "ab")] {
            assert_eq!(tree.attach(wd, parent, name(at)), Ok(None));
        }
        tree
    }

    fn path(tree: &Tree, wd: Wd) -> Option<String> {
        tree.path(wd).map(|path| path.to_string())
    }

    #[test]
    fn a_renamed_directory_takes_its_subtree_along() {
        let mut tree = tree();
        assert_eq!(path(&tree, 1).as_deref(), Some(""));
        assert_eq!(path(&tree, 4).as_deref(), Some("a/b/c"));
        assert_eq!(tree.attach(3, 5, name("moved")), Ok(None));
        assert_eq!(path(&tree, 4).as_deref(), Some("ab/moved/c"));
        assert_eq!((tree.child(2, name("b")), tree.child(5, name("moved"))), (None, Some(3)));
        assert!(tree.is_below(4, 5) && tree.is_below(4, 4) && !tree.is_below(4, 2));
    }

    #[test]
    fn what_is_taken_off_has_no_path_until_it_is_hung_up_again() {
        let mut tree = tree();
        tree.detach(2);
        assert!(tree.is_detached(2) && !tree.is_detached(3) && !tree.is_detached(1) && tree.contains(4));
        assert_eq!(path(&tree, 4), None);
        assert_eq!(tree.attach(2, 1, name("back")), Ok(None));
        assert_eq!(path(&tree, 4).as_deref(), Some("back/b/c"));
        assert_eq!(path(&tree, 99), None);
    }

    #[test]
    fn the_newer_takes_the_place_of_the_older() {
        let mut tree = tree();
        assert_eq!(tree.attach(6, 1, name("a")), Ok(Some(2)));
        assert_eq!((path(&tree, 6).as_deref(), path(&tree, 3)), (Some("a"), None));
        assert_eq!(tree.attach(6, 1, name("a")), Ok(None), "itself is no other");
    }

    #[test]
    fn nothing_hangs_below_itself() {
        let mut tree = tree();
        assert_eq!(tree.attach(2, 4, name("x")), Err(Lost));
        assert_eq!(tree.attach(2, 2, name("x")), Err(Lost));
        assert_eq!(path(&tree, 4).as_deref(), Some("a/b/c"));
    }

    #[test]
    fn forgetting_leaves_nothing_behind() {
        let mut tree = tree();
        assert_eq!(tree.forget(2), [3]);
        assert_eq!((tree.len(), path(&tree, 3), tree.is_detached(3)), (4, None, true));
        let mut forgotten = tree.forget_below(3);
        forgotten.sort_unstable();
        assert_eq!(forgotten, [3, 4]);
        assert_eq!((tree.len(), path(&tree, 5).as_deref()), (2, Some("ab")));
        tree.forget_below(1);
        assert!(tree.nodes.is_empty() && tree.children.is_empty());
    }
}
