//! One side's process: an endpoint, and what a runner does around it, step by step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use causeway_endpoint::watch::{Hint, WatchEvent};
use causeway_endpoint::{Dirty, Endpoint, Inquiry, Look, LookError, Looked, Settings, Symlinks};
use causeway_index::{Identity, Index};
use causeway_sync::ignore::Rules;
use causeway_sync::session::RootFault;
use causeway_sync::{Changes, Epoch, Hello, RelPath, RelPathBuf, Replica, Seq, Side};

use crate::crossing;
use crate::files::Files;
use crate::ground::Ground;
use crate::sim_fs::SimFs;

/// How long after a failure everything is looked at again.
const AGAIN_MS: u64 = 1_000;

/// Files that containers may have bound.
fn bound() -> Vec<RelPathBuf> {
    let paths = ["a", "b", "c", "a/a", "a/b", "b/c", "d/e", "e/d"].map(|path| path.as_bytes().to_vec());
    paths.map(|path| RelPathBuf::new(path).expect("it is a path")).into()
}

/// What the session asks of a side, in its order.
#[derive(Debug)]
pub enum Asked {
    /// To forget.
    Acknowledge(Seq),
    /// To look again, and tell.
    Recheck(RelPathBuf),
    /// To tell everything.
    Relist(RelPathBuf),
    /// To read, and tell.
    Read(Vec<RelPathBuf>),
    /// To make durable.
    Sync(u64),
    /// To catch up.
    Barrier(u64),
}

/// What a side tells the session, in its order.
#[derive(Debug)]
pub enum Answer {
    /// A window.
    Changes(Changes),
    /// All is durable.
    Synced(u64),
    /// It has caught up.
    Barrier(u64, Seq),
    /// The root is not to be believed.
    Fault(RootFault),
}

/// One side's process.
pub struct Process {
    /// Which side.
    pub side: Side,
    ground: Arc<Ground>,
    /// The index's files.
    pub files: Files,
    endpoint: Option<Endpoint<SimFs>>,
    boots: u8,
    identities: u64,
    dirty: Vec<Dirty>,
    later: BTreeMap<RelPathBuf, u64>,
    cookies: BTreeMap<u64, u64>,
    reached: Vec<u64>,
    held: Vec<(u64, BTreeSet<RelPathBuf>)>,
    rechecks: Vec<RelPathBuf>,
    reads: Vec<RelPathBuf>,
    whole_due_ms: Option<u64>,
    settle_due_ms: Option<u64>,
    next_cookie: u64,
    /// The pull that waits.
    pub pull: Option<(Seq, u32)>,
    knows_crawled: bool,
    /// What the session has asked.
    pub asked: VecDeque<Asked>,
    /// What is on its way to the session.
    pub inbox: VecDeque<Answer>,
}

impl Process {
    /// Starts it for the first time.
    pub fn new(side: Side, ground: Arc<Ground>, home: &Path) -> Self {
        let name = if side == Side::Host { "host" } else { "guest" };
        let mut process = Self {
            side,
            ground,
            files: Files::new(home, name),
            endpoint: None,
            boots: 1,
            identities: 0,
            dirty: Vec::new(),
            later: BTreeMap::new(),
            cookies: BTreeMap::new(),
            reached: Vec::new(),
            held: Vec::new(),
            rechecks: Vec::new(),
            reads: Vec::new(),
            whole_due_ms: None,
            settle_due_ms: None,
            next_cookie: 0,
            pull: None,
            knows_crawled: false,
            asked: VecDeque::new(),
            inbox: VecDeque::new(),
        };
        process.start();
        process
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint<SimFs> {
        self.endpoint.as_ref().expect("the process runs")
    }

    fn start(&mut self) {
        let now_ms = {
            let mut real = self.ground.lock();
            real.dead[self.side as usize] = false;
            real.ends_in[self.side as usize] = None;
            real.disks[self.side as usize].full = false;
            real.watchers[self.side as usize].start();
            real.now_ms()
        };
        let path: PathBuf = self.files.path();
        self.identities += 1;
        let number = self.identities * 2 + self.side as u64;
        let identity = || Identity { replica: Replica([number as u8; 16]), epoch: Epoch(number) };
        let index = Index::open(&path, [self.boots; 16], identity).expect("the index opens");
        self.files.mark_durable();
        let settings = Settings { side: self.side, rules: Rules::default(), symlinks: Symlinks::Raw };
        let fs = SimFs::new(Arc::clone(&self.ground), self.side);
        let endpoint = Endpoint::open(fs, index, settings, now_ms).expect("the endpoint opens");
        if self.side == Side::Guest && self.ground.lock().binds {
            endpoint.pin(bound());
        }
        self.endpoint = Some(endpoint);
        self.dirty.clear();
        self.later.clear();
        self.cookies.clear();
        self.whole_due_ms = Some(0);
        self.settle_due_ms = None;
        self.end_session();
    }

    /// The process ends without notice, and starts again.
    pub fn restart(&mut self) {
        self.files.survive_end();
        self.endpoint = None;
        self.files.forget_old();
        self.start();
    }

    /// The process is ended in good order, and starts again.
    pub fn restart_well(&mut self) {
        self.endpoint().close().expect("the index closes");
        self.endpoint = None;
        self.start();
    }

    /// The power fails.
    pub fn lose_power(&mut self) {
        let (torn, before) = {
            let mut real = self.ground.lock();
            let before = real.standing(self.side);
            let side = self.side as usize;
            real.watchers[side].stop();
            real.drop_writes(self.side);
            let real = &mut *real;
            let torn = real.disks[side].cut_power(&mut real.random);
            self.files.survive_power_cut(&mut real.random);
            (torn, before)
        };
        let mut real = self.ground.lock();
        for path in torn {
            real.violate(format!(
                "{:?}: {} was visible before it was durable",
                self.side,
                String::from_utf8_lossy(&path)
            ));
        }
        real.after_power_cut(self.side, &before);
        drop(real);
        self.endpoint = None;
        self.files.forget_old();
        self.boots += 1;
        self.start();
    }

    /// What the session asked for is void.
    pub fn end_session(&mut self) {
        self.reached.clear();
        self.held.clear();
        self.cookies.clear();
        self.rechecks.clear();
        self.reads.clear();
        self.pull = None;
        self.knows_crawled = false;
        self.asked.clear();
        self.inbox.clear();
    }

    /// Begins a session.
    pub fn hello(&mut self) -> Hello {
        self.end_session();
        let hello = self.endpoint().hello().expect("the index can be read");
        if self.side == Side::Guest { crossing::hello(hello) } else { hello }
    }

    /// Takes what the watcher tells by now.
    pub fn take_events(&mut self) {
        loop {
            let mut real = self.ground.lock();
            let now_us = real.now_us;
            let Some(event) = real.watchers[self.side as usize].pop(now_us) else { return };
            drop(real);
            match event {
                WatchEvent::Dirty { path, hint, .. } => self.dirty.push(Dirty { path, look: Look::Hint(hint) }),
                WatchEvent::Renamed { from, to } => {
                    self.endpoint().renamed(&from, &to, now_us / 1_000);
                    self.dirty.extend([from, to].map(|path| Dirty { path, look: Look::Hint(Hint::Moved) }));
                }
                WatchEvent::Overflow { subtree } => {
                    self.dirty.push(Dirty { path: subtree, look: Look::Below });
                    self.reached.extend(std::mem::take(&mut self.cookies).into_values());
                }
                WatchEvent::CookieSeen(number) => self.reached.extend(self.cookies.remove(&number)),
                WatchEvent::RootGone | WatchEvent::Limit(_) => {}
            }
        }
    }

    /// Whether there is something to look at now.
    pub fn has_to_look(&self, now_ms: u64) -> bool {
        match self.whole_due_ms {
            Some(due_ms) => due_ms <= now_ms,
            None => {
                !self.dirty.is_empty()
                    || !self.reached.is_empty()
                    || !self.rechecks.is_empty()
                    || !self.reads.is_empty()
                    || self.later.values().any(|due_ms| *due_ms <= now_ms)
            }
        }
    }

    /// Paths that actions found different.
    pub fn take_dirty(&mut self) {
        let dirty = self.endpoint().take_dirty();
        self.dirty.extend(dirty);
    }

    /// When something will have to be looked at, if nothing happens before.
    pub fn due_ms(&self) -> Option<u64> {
        let later = self.later.values().copied().min();
        [self.whole_due_ms, later, self.settle_due_ms].into_iter().flatten().min()
    }

    /// Looks at what waits.
    pub fn look(&mut self) {
        let now_ms = self.ground.lock().now_ms();
        if self.whole_due_ms.is_some() {
            self.whole_due_ms = None;
            match self.endpoint().crawl(RelPath::ROOT, now_ms, &AtomicBool::new(false)) {
                Ok(looked) => self.looked(Vec::new(), &[], looked),
                Err(error) => self.failed(&error, now_ms),
            }
            return;
        }
        let again: Vec<RelPathBuf> =
            self.later.iter().filter(|(_, due_ms)| **due_ms <= now_ms).map(|(path, _)| path.clone()).collect();
        for path in &again {
            self.later.remove(path);
            self.dirty.push(Dirty { path: path.clone(), look: Look::Again });
        }
        let barriers = std::mem::take(&mut self.reached);
        match self.look_at(now_ms) {
            Ok(looked) => self.looked(barriers, &again, looked),
            Err(error) => {
                self.reached.extend(barriers);
                self.later.extend(again.into_iter().map(|path| (path, now_ms + AGAIN_MS)));
                self.failed(&error, now_ms);
            }
        }
    }

    fn look_at(&mut self, now_ms: u64) -> Result<Looked, LookError> {
        let stop = AtomicBool::new(false);
        let mut later = Vec::new();
        let dirty = std::mem::take(&mut self.dirty);
        if !dirty.is_empty() {
            later.extend(self.endpoint().check(&dirty, now_ms, &stop)?.later);
        }
        while let Some(path) = self.rechecks.first().cloned() {
            later.extend(self.endpoint().recheck(&path, now_ms)?.later);
            self.rechecks.remove(0);
        }
        if !self.reads.is_empty() {
            later.extend(self.endpoint().read(&self.reads.clone(), now_ms, &stop)?.later);
            self.reads.clear();
        }
        Ok(Looked { later, rules_changed: false, complete: true })
    }

    fn looked(&mut self, barriers: Vec<u64>, again: &[RelPathBuf], looked: Looked) {
        let still: BTreeSet<_> = looked.later.iter().map(|later| &later.path).collect();
        for (_, waits) in &mut self.held {
            for path in again.iter().filter(|path| !still.contains(path)) {
                waits.remove(path);
            }
        }
        for later in looked.later {
            let due_ms = self.later.entry(later.path).or_insert(later.due_ms);
            *due_ms = (*due_ms).min(later.due_ms);
        }
        self.settle_due_ms.get_or_insert(0);
        self.held.extend(barriers.into_iter().map(|barrier| (barrier, self.later.keys().cloned().collect())));
        let passed: Vec<u64> =
            self.held.iter().filter(|(_, waits)| waits.is_empty()).map(|(barrier, _)| *barrier).collect();
        self.held.retain(|(_, waits)| !waits.is_empty());
        for barrier in passed {
            let seq = self.endpoint().owe_changes();
            self.answer_pull();
            self.inbox.push_back(Answer::Barrier(barrier, seq));
        }
    }

    fn failed(&mut self, error: &LookError, now_ms: u64) {
        self.ground.lock().tell(|| format!("{:?} look failed: {error}", self.side));
        if let LookError::Root(fault) = error {
            self.inbox.push_back(Answer::Fault(*fault));
        }
        self.whole_due_ms = Some(now_ms + AGAIN_MS);
    }

    /// A person has agreed that everything was deleted.
    pub fn accept_emptied(&mut self) {
        self.endpoint().accept_emptied();
        self.whole_due_ms = Some(0);
    }

    /// Whether files are to be read once more by now.
    pub fn has_to_settle(&self, now_ms: u64) -> bool {
        self.settle_due_ms.is_some_and(|due_ms| due_ms <= now_ms) && self.whole_due_ms.is_none()
    }

    /// Reads files once more, and tidies up.
    pub fn settle(&mut self) {
        let now_ms = self.ground.lock().now_ms();
        match self.endpoint().settle(now_ms, &AtomicBool::new(false)) {
            Ok(due_ms) => self.settle_due_ms = due_ms,
            Err(error) => {
                self.settle_due_ms = None;
                self.failed(&error, now_ms);
            }
        }
        if !self.ground.lock().dead[self.side as usize] {
            self.endpoint().maintain().expect("the index can be tidied");
        }
    }

    /// Answers the pull if there is something to tell.
    pub fn feed(&mut self) -> bool {
        let Some((after, limit)) = self.pull else { return false };
        let told = self.endpoint().news(&mut Inquiry::new(after, limit as usize), self.knows_crawled);
        match told.expect("the index can be read") {
            Some(changes) => {
                self.send_changes(changes);
                true
            }
            None => false,
        }
    }

    /// Answers the pull whether there is something to tell or not.
    fn answer_pull(&mut self) {
        if let Some((after, limit)) = self.pull {
            let changes = self.endpoint().changes(after, limit as usize).expect("the index can be read");
            self.send_changes(changes);
        }
    }

    fn send_changes(&mut self, changes: Changes) {
        self.pull = None;
        self.knows_crawled = changes.crawled;
        let changes = if self.side == Side::Guest { crossing::changes(changes) } else { changes };
        self.ground.lock().tell(|| format!("{:?} tells {changes:?}", self.side));
        self.inbox.push_back(Answer::Changes(changes));
    }

    /// Does the next thing that the session asked for.
    pub fn serve(&mut self) {
        let Some(asked) = self.asked.pop_front() else { return };
        self.ground.lock().tell(|| format!("{:?} serves {asked:?}", self.side));
        if matches!(asked, Asked::Sync(_)) {
            self.answer_pull();
        }
        match asked {
            Asked::Acknowledge(seq) => self.endpoint().acknowledge(seq).expect("the index can be written"),
            Asked::Recheck(path) => self.rechecks.push(path),
            Asked::Relist(path) => self.endpoint().relist(&path).expect("the index can be written"),
            Asked::Read(paths) => self.reads.extend(paths),
            Asked::Sync(token) => match self.endpoint().sync() {
                Ok(()) => {
                    self.files.mark_durable();
                    self.inbox.push_back(Answer::Synced(token));
                }
                Err(_) => self.asked.push_front(Asked::Sync(token)),
            },
            Asked::Barrier(token) => {
                self.next_cookie += 1;
                let mut real = self.ground.lock();
                let now_us = real.now_us;
                real.watchers[self.side as usize].cookie(now_us, self.next_cookie);
                self.cookies.insert(self.next_cookie, token);
            }
        }
    }

    /// Whether nothing waits.
    pub fn is_idle(&self) -> bool {
        self.dirty.is_empty() && self.inbox.is_empty() && self.asked.is_empty() && self.whole_due_ms.is_none()
    }
}
