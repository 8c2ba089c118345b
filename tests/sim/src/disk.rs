//! A disk in memory: inodes with one name each, three trees, and what of it survives a power cut.
//!
//! Absent by design: chance, users, watchers. Every operation takes the time that stamps what it changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_endpoint::fs::Area;

use crate::random::Random;

/// Number of an inode.
pub type Ino = u64;

/// Content of a file.
pub type Bytes = Arc<Vec<u8>>;

/// Names in a directory, by what the file system compares: as they are written, with their inodes.
pub type Names = BTreeMap<Vec<u8>, (Vec<u8>, Ino)>;

/// What an inode is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// What it holds.
    Directory(Names),
    /// A file's content.
    File(Bytes),
    /// A symlink's target.
    Symlink(Vec<u8>),
}

/// An inode.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub body: Body,
    /// The directory that holds it, and its name there. `None` for roots and for what was removed.
    pub place: Option<(Ino, Vec<u8>)>,
    /// Modification time.
    pub mtime_ns: i64,
    /// Change time.
    pub ctime_ns: i64,
    /// Whether it may be executed.
    pub executable: bool,
    /// Whether a user has written its content last.
    pub by_user: bool,
    /// What was made durable of the content.
    pub durable: Option<Bytes>,
}

/// Inodes and how they hang together.
pub type Nodes = BTreeMap<Ino, Arc<Node>>;

/// One side's disk.
#[derive(Debug)]
pub struct Disk {
    /// All inodes, removed ones too: somebody may have them open.
    pub nodes: Nodes,
    /// Whether `a` and `A` are two names.
    pub case_sensitive: bool,
    /// Whether writes fail.
    pub full: bool,
    /// The trees after each operation since the last sync, the oldest first; empty where no power cuts are to come.
    kept: Vec<Nodes>,
    keeps: bool,
    next: Ino,
}

/// Area roots.
pub fn root_of(area: Area) -> Ino {
    match area {
        Area::Share => 1,
        Area::Staging => 2,
        Area::Bin => 3,
    }
}

impl Disk {
    /// An empty disk. `keeps`: power cuts are to come.
    pub fn new(case_sensitive: bool, keeps: bool, now_ns: i64) -> Self {
        let mut disk = Self { nodes: Nodes::new(), case_sensitive, full: false, kept: Vec::new(), keeps, next: 1 };
        for _ in 0..3 {
            disk.make(Body::Directory(BTreeMap::new()), false, now_ns);
        }
        disk.sync_names();
        disk
    }

    /// What the file system compares.
    pub fn key(&self, name: &[u8]) -> Vec<u8> {
        if self.case_sensitive { name.to_vec() } else { name.to_ascii_lowercase() }
    }

    /// Makes an inode without a name.
    pub fn make(&mut self, body: Body, by_user: bool, now_ns: i64) -> Ino {
        let ino = self.next;
        self.next += 1;
        let node =
            Node { body, place: None, mtime_ns: now_ns, ctime_ns: now_ns, executable: false, by_user, durable: None };
        self.nodes.insert(ino, Arc::new(node));
        ino
    }

    /// An inode.
    pub fn node(&self, ino: Ino) -> &Node {
        self.nodes.get(&ino).expect("inodes are never removed while the disk runs")
    }

    /// An inode, to be changed.
    pub fn node_mut(&mut self, ino: Ino) -> &mut Node {
        Arc::make_mut(self.nodes.get_mut(&ino).expect("inodes are never removed while the disk runs"))
    }

    /// The names in a directory; nothing of anything else.
    pub fn children(&self, dir: Ino) -> Option<&Names> {
        match &self.node(dir).body {
            Body::Directory(names) => Some(names),
            _ => None,
        }
    }

    fn children_mut(&mut self, dir: Ino) -> &mut Names {
        match &mut self.node_mut(dir).body {
            Body::Directory(names) => names,
            _ => panic!("inode {dir} is no directory"),
        }
    }

    /// What stands at a name.
    pub fn lookup(&self, dir: Ino, name: &[u8]) -> Option<Ino> {
        self.children(dir)?.get(&self.key(name)).map(|(_, ino)| *ino)
    }

    /// Whether a directory can still be reached.
    pub fn is_linked(&self, ino: Ino) -> bool {
        self.locate(ino).is_some()
    }

    /// The tree in which an inode stands, and its path there.
    pub fn locate(&self, ino: Ino) -> Option<(Area, Vec<u8>)> {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut at = ino;
        loop {
            match (&self.node(at).place, at) {
                (Some((above, name)), _) => {
                    names.push(name);
                    at = *above;
                }
                (None, 1..=3) => {
                    names.reverse();
                    let area = [Area::Share, Area::Staging, Area::Bin][at as usize - 1];
                    return Some((area, names.join(&b'/')));
                }
                (None, _) => return None,
            }
        }
    }

    /// The inode at a path in the share.
    pub fn resolve(&self, path: &[u8]) -> Option<Ino> {
        let mut at = root_of(Area::Share);
        for name in path.split(|b| *b == b'/').filter(|name| !name.is_empty()) {
            at = self.lookup(at, name)?;
        }
        Some(at)
    }

    /// Gives an inode a name.
    pub fn attach(&mut self, dir: Ino, name: &[u8], ino: Ino, now_ns: i64) {
        let key = self.key(name);
        self.children_mut(dir).insert(key, (name.to_vec(), ino));
        self.node_mut(dir).mtime_ns = now_ns;
        let node = self.node_mut(ino);
        node.place = Some((dir, name.to_vec()));
        node.ctime_ns = now_ns;
    }

    /// Takes an inode's name.
    pub fn detach(&mut self, ino: Ino, now_ns: i64) {
        if let Some((dir, name)) = self.node_mut(ino).place.take() {
            let key = self.key(&name);
            self.children_mut(dir).remove(&key);
            self.node_mut(dir).mtime_ns = now_ns;
            self.node_mut(ino).ctime_ns = now_ns;
        }
    }

    /// Moves an inode to a name at which nothing stands.
    pub fn relocate(&mut self, ino: Ino, dir: Ino, name: &[u8], now_ns: i64) {
        self.detach(ino, now_ns);
        self.attach(dir, name, ino, now_ns);
    }

    /// Writes a file's content.
    pub fn write(&mut self, ino: Ino, content: Bytes, by_user: bool, now_ns: i64) {
        let node = self.node_mut(ino);
        node.body = Body::File(content);
        node.by_user = by_user;
        node.mtime_ns = now_ns;
        node.ctime_ns = now_ns;
    }

    /// A file's content.
    pub fn content(&self, ino: Ino) -> Option<&Bytes> {
        match &self.node(ino).body {
            Body::File(content) => Some(content),
            _ => None,
        }
    }

    /// An operation is complete: a power cut may fall before or after it.
    pub fn step(&mut self) {
        if self.keeps {
            self.kept.push(self.nodes.clone());
        }
    }

    /// Makes all names durable, in all trees.
    pub fn sync_names(&mut self) {
        if self.keeps {
            self.kept.clear();
            self.kept.push(self.nodes.clone());
        }
    }

    /// Makes a file's content durable.
    pub fn sync_content(&mut self, ino: Ino) {
        if let Body::File(content) = &self.node(ino).body {
            let content = content.clone();
            self.node_mut(ino).durable = Some(content);
        }
    }

    /// Makes everything durable.
    pub fn sync_all(&mut self) {
        let files: Vec<Ino> = self.nodes.keys().copied().collect();
        files.into_iter().for_each(|ino| self.sync_content(ino));
        self.sync_names();
    }

    /// The power fails: names go back to some moment since the last sync, contents that weren't made durable may be torn. Gives the
    /// files of the share that were torn though no user wrote them.
    pub fn cut_power(&mut self, random: &mut Random) -> Vec<Vec<u8>> {
        let at = random.below(self.kept.len().max(1));
        let contents: BTreeMap<Ino, (Option<Bytes>, bool)> =
            self.nodes.iter().map(|(ino, node)| (*ino, (node.durable.clone(), node.by_user))).collect();
        if let Some(nodes) = self.kept.get(at) {
            self.nodes = nodes.clone();
        }
        self.full = false;
        let mut torn = Vec::new();
        let all: Vec<Ino> = self.nodes.keys().copied().collect();
        for ino in all {
            let Body::File(now) = &self.node(ino).body else { continue };
            let (durable, by_user) = contents.get(&ino).cloned().unwrap_or_default();
            if durable.as_ref() == Some(now) || now.is_empty() {
                continue;
            }
            let now = now.clone();
            let left = match (random.below(4), durable) {
                (0, _) => now.clone(),
                (1, Some(durable)) => durable,
                (2, _) => Arc::new(now[..random.below(now.len())].to_vec()),
                _ => Bytes::default(),
            };
            if left != now
                && !by_user
                && let Some((Area::Share, path)) = self.locate(ino)
            {
                torn.push(path);
            }
            self.node_mut(ino).body = Body::File(left);
        }
        self.sync_all();
        torn
    }
}
