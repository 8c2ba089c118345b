//! Where rows are measured: a source tree per size, fresh directories for everything else, all removed at the end.

use std::cell::{Cell, OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use causeway_e2e::Place;
use tempfile::TempDir;

use crate::limits::ms_since;
use crate::processes::Processes;
use crate::trees::Tree;

/// Limit for commands of `causeway` that wait for the whole tree.
const PATIENCE_S: u64 = 1_800;

/// A share that is Watching, for the rows that change something in it. They leave as many entries as they found.
pub struct Shared {
    /// Where it runs.
    pub place: Place,
    /// The host's folder.
    pub host: Tree,
    /// The copy in the guest.
    pub guest: PathBuf,
}

impl Shared {
    /// Waits until everything that stands on either side stands on both.
    pub fn flush(&self) -> Result<()> {
        let args = ["share", "flush", "bench", "--timeout", "600"].map(ToOwned::to_owned);
        let ran = self.place.run_for(&args, Duration::from_secs(PATIENCE_S));
        if ran.code != 0 {
            bail!("share flush: {}{}", ran.out, ran.err);
        }
        Ok(())
    }

    /// The engine and the agent of the moment.
    pub fn processes(&self) -> Processes {
        Processes::of(&self.place)
    }

    /// The state that is shown.
    pub fn state(&self) -> String {
        self.place.json(&["share", "show", "bench"])["state"].as_str().unwrap_or_default().to_owned()
    }
}

/// The ground for one size.
pub struct Ground {
    /// Entries of the trees.
    pub entries: u64,
    /// How often a row is to be measured.
    pub repeats: u32,
    next: Cell<u32>,
    shared: OnceCell<Shared>,
    /// Places whose work is done. Removing a tree slows down what is created soon after it on ext4: they stay to the end.
    done: RefCell<Vec<Place>>,
    /// Dropped after all that runs in it.
    dir: TempDir,
}

impl Ground {
    /// An empty ground in `base`.
    pub fn new(base: &Path, entries: u64, repeats: u32) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("causeway-bench").tempdir_in(base)?;
        Ok(Self { entries, repeats, next: Cell::new(0), shared: OnceCell::new(), done: RefCell::new(Vec::new()), dir })
    }

    /// A path at which nothing stands yet.
    pub fn fresh(&self, what: &str) -> PathBuf {
        self.next.set(self.next.get() + 1);
        self.dir.path().join(format!("{what}-{}", self.next.get()))
    }

    /// A new tree of the ground's size.
    pub fn tree(&self) -> Result<Tree> {
        Ok(Tree::make(&self.fresh("tree"), self.entries, 1)?)
    }

    /// A place with an engine that runs and has no share yet.
    pub fn place(&self) -> Result<Place> {
        let place = Place::in_directory(self.dir.path());
        place.ok(&["engine", "start"]);
        place.ok(&["machine", "start"]);
        Ok(place)
    }

    /// Shares a folder; gives how long that took until both sides were the same, in milliseconds, and where the copy is.
    pub fn share(&self, place: &Place, folder: &Path) -> Result<(f64, PathBuf)> {
        let begun = Instant::now();
        let args = ["share", "create", "--name", "bench", &folder.to_string_lossy()].map(ToOwned::to_owned);
        let ran = place.run_for(&args, Duration::from_secs(PATIENCE_S));
        let took = ms_since(begun);
        if ran.code != 0 {
            bail!("share create: {}{}", ran.out, ran.err);
        }
        let shown = place.json(&["share", "show", "bench"]);
        let Some(guest) = shown["guest_path"].as_str() else { bail!("no guest_path in {shown}") };
        Ok((took, PathBuf::from(guest)))
    }

    /// The share that rows use together.
    pub fn shared(&self) -> Result<&Shared> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared);
        }
        let host = self.tree()?;
        let place = self.place()?;
        let (_, guest) = self.share(&place, &host.root)?;
        let shared = Shared { place, host, guest };
        shared.flush()?;
        Ok(self.shared.get_or_init(|| shared))
    }

    /// The work in a place is done: ends what runs there.
    pub fn retire(&self, place: Place) {
        place.ok(&["engine", "stop"]);
        self.done.borrow_mut().push(place);
    }
}
