//! What happens, as subscribers learn it: a snapshot, then numbered deltas.
//!
//! ```text
//!  engine ── put_share, update_share, remove_share, put_machine ──▶ Feed (what is, and when each part last changed)
//!                                                                    │ each subscriber asks "what changed since n?"
//!                                                                    ▼
//!                           Snapshot{seq: n} ─▶ Delta{since: n, seq: m} ─▶ Delta{since: m, …} ─▶ …
//! ```
//!
//! A delta holds each changed share whole, as it is when the delta is made. So there is no queue that could grow: a
//! subscriber that is slow, or a share that changes a thousand times a second, makes deltas that skip what lies between,
//! at most [`DELTAS_PER_SECOND_MAX`] of them. A delta whose `since` is beyond the last `seq` that was seen means that one
//! is lost: subscribe again. The feed itself sends a new snapshot where it no longer remembers what was removed since.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};

use crate::{docker::DockerInfo, machine::MachineInfo, name::ShareId, share::ShareInfo};

/// The method that subscribes the connection; its answer is a [`Snapshot`]. Again on the same connection it begins anew.
pub const SUBSCRIBE: &str = "subscribe";

/// The notification that carries a [`Snapshot`].
pub const SNAPSHOT: &str = "snapshot";

/// The notification that carries a [`Delta`].
pub const DELTA: &str = "delta";

/// Most deltas that a subscriber gets in a second: what an eye can follow, and no more than four updates per share.
pub const DELTAS_PER_SECOND_MAX: u32 = 4;

/// Removals that the feed remembers. A subscriber that is further behind gets a new snapshot.
const REMOVED_MAX: usize = 256;

/// Everything there is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Snapshot {
    /// Number of the last change that it holds.
    pub seq: u64,
    /// The machine.
    pub machine: MachineInfo,
    /// Docker's API; `null` where nobody has told of it yet.
    #[serde(default)]
    pub docker: Option<DockerInfo>,
    /// The shares, by name.
    pub shares: Vec<ShareInfo>,
}

/// What changed after `since`, up to `seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Delta {
    /// `seq` of the snapshot or delta before.
    pub since: u64,
    /// Number of the last change that it holds.
    pub seq: u64,
    /// The machine, if it changed.
    pub machine: Option<MachineInfo>,
    /// Docker's API, if anything of it changed.
    #[serde(default)]
    pub docker: Option<DockerInfo>,
    /// The shares that are new or changed.
    pub shares: Vec<ShareInfo>,
    /// The shares that are gone.
    pub removed: Vec<ShareId>,
}

/// What a subscriber gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Begin anew from this.
    Snapshot(Snapshot),
    /// This changed.
    Delta(Delta),
}

impl Event {
    /// This event and then `later`, as one.
    pub fn then(self, later: Self) -> Self {
        match (self, later) {
            (_, Self::Snapshot(snapshot)) => Self::Snapshot(snapshot),
            (Self::Snapshot(mut snapshot), later @ Self::Delta(_)) => {
                // After a gap the later one shows it again.
                if snapshot.apply(later.clone()) { Self::Snapshot(snapshot) } else { later }
            }
            (Self::Delta(earlier), Self::Delta(later)) if later.since > earlier.seq => Self::Delta(later),
            (Self::Delta(earlier), Self::Delta(later)) => Self::Delta(earlier.then(later)),
        }
    }
}

impl Delta {
    fn then(self, later: Self) -> Self {
        let changed = |id: &ShareId| later.shares.iter().any(|share| share.id == *id);
        let mut shares = self.shares;
        shares.retain(|share| !changed(&share.id) && !later.removed.contains(&share.id));
        let mut removed = self.removed;
        removed.retain(|id| !changed(id) && !later.removed.contains(id));
        removed.extend(later.removed);
        shares.extend(later.shares);
        Self {
            since: self.since,
            seq: later.seq,
            machine: later.machine.or(self.machine),
            docker: later.docker.or(self.docker),
            shares,
            removed,
        }
    }
}

/// A subscriber's copy of what is, kept up to date by events.
impl Snapshot {
    /// Carries out `event`. `false` where a delta is missing in between: the copy is as it was, and has to be fetched again.
    #[must_use]
    pub fn apply(&mut self, event: Event) -> bool {
        match event {
            Event::Snapshot(snapshot) => *self = snapshot,
            // Left over from the subscription before.
            Event::Delta(delta) if delta.seq <= self.seq => {}
            Event::Delta(delta) if delta.since > self.seq => return false,
            Event::Delta(delta) => {
                self.seq = delta.seq;
                if let Some(machine) = delta.machine {
                    self.machine = machine;
                }
                if let Some(docker) = delta.docker {
                    self.docker = Some(docker);
                }
                self.shares.retain(|share| {
                    !delta.removed.contains(&share.id) && !delta.shares.iter().any(|changed| changed.id == share.id)
                });
                self.shares.extend(delta.shares);
                self.shares.sort_by(|a, b| a.name.cmp(&b.name));
            }
        }
        true
    }
}

/// What is, and when each part of it last changed. Made once by the engine, which tells it of every change.
#[derive(Debug)]
pub struct Feed {
    state: Mutex<State>,
    seq: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    seq: u64,
    machine: (u64, MachineInfo),
    docker: (u64, Option<DockerInfo>),
    shares: BTreeMap<ShareId, (u64, ShareInfo)>,
    /// Oldest first, at most [`REMOVED_MAX`].
    removed: VecDeque<(u64, ShareId)>,
    /// The removals up to this number are forgotten.
    forgotten: u64,
}

impl Feed {
    /// A feed without shares.
    pub fn new(machine: MachineInfo) -> Self {
        let state = State {
            seq: 1,
            machine: (1, machine),
            docker: (1, None),
            shares: BTreeMap::new(),
            removed: VecDeque::new(),
            forgotten: 0,
        };
        Self { state: Mutex::new(state), seq: watch::Sender::new(1) }
    }

    /// What is now.
    pub fn snapshot(&self) -> Snapshot {
        self.lock().snapshot()
    }

    /// What is known of a share.
    pub fn share(&self, id: &ShareId) -> Option<ShareInfo> {
        self.lock().shares.get(id).map(|(_, share)| share.clone())
    }

    /// What is known of the machine.
    pub fn machine(&self) -> MachineInfo {
        self.lock().machine.1.clone()
    }

    /// A share is new or has changed. Nothing happens where it is as before.
    pub fn put_share(&self, share: ShareInfo) {
        let mut state = self.lock();
        if state.shares.get(&share.id).is_some_and(|(_, known)| *known == share) {
            return;
        }
        let seq = state.next();
        state.removed.retain(|(_, id)| *id != share.id);
        state.shares.insert(share.id.clone(), (seq, share));
        self.announce(state);
    }

    /// Changes what is known of a share in place; cheap enough for every counter. Nothing happens where there is no such share.
    pub fn update_share(&self, id: &ShareId, change: impl FnOnce(&mut ShareInfo)) {
        let mut state = self.lock();
        let seq = state.seq + 1;
        let Some((changed, share)) = state.shares.get_mut(id) else { return };
        change(share);
        *changed = seq;
        state.seq = seq;
        self.announce(state);
    }

    /// A share is gone.
    pub fn remove_share(&self, id: &ShareId) {
        let mut state = self.lock();
        if state.shares.remove(id).is_none() {
            return;
        }
        let seq = state.next();
        state.removed.push_back((seq, id.clone()));
        if state.removed.len() > REMOVED_MAX
            && let Some((seq, _)) = state.removed.pop_front()
        {
            state.forgotten = seq;
        }
        self.announce(state);
    }

    /// The machine has changed. Nothing happens where it is as before.
    pub fn put_machine(&self, machine: MachineInfo) {
        let mut state = self.lock();
        if state.machine.1 != machine {
            state.machine = (state.next(), machine);
            self.announce(state);
        }
    }

    /// Docker's API has changed. Nothing happens where it is as before.
    pub fn put_docker(&self, docker: DockerInfo) {
        let mut state = self.lock();
        if state.docker.1.as_ref() != Some(&docker) {
            state.docker = (state.next(), Some(docker));
            self.announce(state);
        }
    }

    /// A snapshot, and what follows on it.
    pub fn subscribe(&self) -> (Snapshot, Subscription<'_>) {
        let snapshot = self.snapshot();
        let subscription =
            Subscription { feed: self, changed: self.seq.subscribe(), seq: snapshot.seq, next_at: Instant::now() };
        (snapshot, subscription)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a caller's closure leaves a share half changed at worst, and the next change puts it right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, state: MutexGuard<'_, State>) {
        self.seq.send_replace(state.seq);
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn snapshot(&self) -> Snapshot {
        let mut shares: Vec<_> = self.shares.values().map(|(_, share)| share.clone()).collect();
        shares.sort_by(|a, b| a.name.cmp(&b.name));
        Snapshot { seq: self.seq, machine: self.machine.1.clone(), docker: self.docker.1.clone(), shares }
    }

    fn since(&self, since: u64) -> Event {
        if since < self.forgotten {
            return Event::Snapshot(self.snapshot());
        }
        Event::Delta(Delta {
            since,
            seq: self.seq,
            machine: (self.machine.0 > since).then(|| self.machine.1.clone()),
            docker: self.docker.1.clone().filter(|_| self.docker.0 > since),
            shares: self.shares.values().filter(|(seq, _)| *seq > since).map(|(_, share)| share.clone()).collect(),
            removed: self.removed.iter().filter(|(seq, _)| *seq > since).map(|(_, id)| id.clone()).collect(),
        })
    }
}

/// One subscriber's place in a feed.
#[derive(Debug)]
pub struct Subscription<'a> {
    feed: &'a Feed,
    changed: watch::Receiver<u64>,
    seq: u64,
    next_at: Instant,
}

impl Subscription<'_> {
    /// Waits for the next event. Loses nothing when dropped before it is ready.
    pub async fn next(&mut self) -> Event {
        let since = self.seq;
        self.changed.wait_for(|seq| *seq > since).await.expect("the feed outlives what borrows it");
        tokio::time::sleep_until(self.next_at).await;
        let event = self.feed.lock().since(since);
        self.seq = match &event {
            Event::Snapshot(snapshot) => snapshot.seq,
            Event::Delta(delta) => delta.seq,
        };
        self.next_at = Instant::now() + Duration::from_secs(1) / DELTAS_PER_SECOND_MAX;
        event
    }
}
