//! Three-way reconcile of one path: what the ancestor says, what stands on the host, what stands in the guest → what to do.
//!
//! Pure, total, and in `two-way-safe` mirror-symmetric: swapping the sides swaps the decision. It looks at one path; what a
//! directory holds is the caller's to know, and it says so by [`Facts::survivors`].

use serde::{Deserialize, Serialize};

use crate::{Entry, File, Side};

/// How a share treats changes of the two sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Both directions; a path changed on both sides waits for a person, but an edit beats a deletion.
    #[default]
    TwoWaySafe,
    /// Both directions; where both changed, the host wins, deletions included.
    TwoWayResolved,
    /// Host to guest; content made in the guest stays there.
    OneWaySafe,
    /// The guest mirrors the host exactly.
    OneWayReplica,
}

/// What is known of one path.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What both sides last agreed on.
    pub ancestor: Option<&'a Entry>,
    /// What stands on the host.
    pub host: Option<&'a Entry>,
    /// What stands in the guest.
    pub guest: Option<&'a Entry>,
    /// Sides (host, guest) on which something below the path differs from the ancestor and would be lost if the directory went.
    pub survivors: [bool; 2],
    /// Step of modification times that both sides can hold, in nanoseconds; smaller differences are none.
    pub mtime_step_ns: i64,
}

/// What to do about one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Both sides hold the same: agree on it.
    Agree(Option<Entry>),
    /// Make this side hold what is given.
    Apply(Side, Option<Entry>),
    /// Leave both sides as they are; the mode wants it so. The ancestor becomes what is given.
    Hold(Option<Entry>),
    /// A person decides.
    Conflict,
    /// The contents must be read before anything can be said.
    Read,
}

impl<'a> Facts<'a> {
    fn on(&self, side: Side) -> Option<&'a Entry> {
        match side {
            Side::Host => self.host,
            Side::Guest => self.guest,
        }
    }

    fn survives_on(&self, side: Side) -> bool {
        self.survivors[side as usize]
    }

    /// Whether what stands on `side` differs from the ancestor, modification times aside.
    fn changed(&self, side: Side) -> bool {
        !same(self.ancestor, self.on(side)) || (self.survives_on(side) && self.loses_directory(side.other()))
    }

    /// Whether `side` says that the directory which the other side has is no more.
    fn loses_directory(&self, side: Side) -> bool {
        directory(self.on(side.other())) && !directory(self.on(side))
    }

    /// Whether an unread file stands in the way of a comparison.
    fn unread(&self) -> bool {
        let unread = |entry: Option<&Entry>| entry.and_then(Entry::as_file).is_some_and(|f| f.digest.is_none());
        let files = [self.ancestor, self.host, self.guest].into_iter().flatten().filter(|e| e.as_file().is_some());
        files.count() > 1 && (unread(self.host) || unread(self.guest))
    }
}

/// Decides about one path.
pub fn reconcile(facts: Facts<'_>, mode: Mode) -> Decision {
    if facts.unread() {
        return Decision::Read;
    }
    if same(facts.host, facts.guest) {
        return agree_on_time(facts, mode);
    }
    match mode {
        Mode::TwoWaySafe | Mode::TwoWayResolved => two_way(facts, mode),
        Mode::OneWaySafe => one_way_safe(facts),
        Mode::OneWayReplica => Decision::Apply(Side::Guest, facts.host.cloned()),
    }
}

fn two_way(facts: Facts<'_>, mode: Mode) -> Decision {
    let apply = |from: Side| Decision::Apply(from.other(), facts.on(from).cloned());
    match (facts.changed(Side::Host), facts.changed(Side::Guest)) {
        (_, false) => apply(Side::Host),
        (false, true) => apply(Side::Guest),
        (true, true) => {
            if let Some(merged) = merge_attributes(facts) {
                return merged;
            }
            match (facts.host, facts.guest) {
                _ if mode == Mode::TwoWayResolved => apply(Side::Host),
                (None, Some(_)) => apply(Side::Guest),
                (Some(_), None) => apply(Side::Host),
                _ => Decision::Conflict,
            }
        }
    }
}

fn directory(entry: Option<&Entry>) -> bool {
    entry.is_some_and(Entry::is_directory)
}

fn one_way_safe(facts: Facts<'_>) -> Decision {
    let push = Decision::Apply(Side::Guest, facts.host.cloned());
    if !facts.changed(Side::Guest) || facts.guest.is_none() {
        return push;
    }
    match facts.host {
        // What the guest made or edited stays; the host has no say in it any more, or has said nothing new.
        // A directory stays agreed, so that what else it held can follow the host.
        None if directory(facts.ancestor) && directory(facts.guest) => Decision::Hold(Some(Entry::Directory)),
        None => Decision::Hold(None),
        Some(_) if !facts.changed(Side::Host) => Decision::Hold(facts.ancestor.cloned()),
        Some(_) => Decision::Conflict,
    }
}

/// Both hold the same content; the modification time follows whoever changed it, the later one where both did.
fn agree_on_time(facts: Facts<'_>, mode: Mode) -> Decision {
    let (Some(Entry::File(host)), Some(Entry::File(guest))) = (facts.host, facts.guest) else {
        return Decision::Agree(facts.host.cloned());
    };
    let step = |ns: i64| ns.div_euclid(facts.mtime_step_ns.max(1));
    let (at_host, at_guest) = (step(host.mtime_ns), step(guest.mtime_ns));
    if at_host == at_guest {
        return Decision::Agree(facts.host.cloned());
    }
    let before = facts.ancestor.and_then(Entry::as_file).map(|f| step(f.mtime_ns));
    let from = match mode {
        Mode::OneWaySafe | Mode::OneWayReplica => Side::Host,
        _ if before == Some(at_guest) => Side::Host,
        _ if before == Some(at_host) => Side::Guest,
        _ if at_host > at_guest => Side::Host,
        _ => Side::Guest,
    };
    Decision::Apply(from.other(), facts.on(from).cloned())
}

/// One side changed the content and the other the executable bit: both changes stand.
fn merge_attributes(facts: Facts<'_>) -> Option<Decision> {
    let file = |entry: Option<&'_ Entry>| entry.and_then(Entry::as_file).cloned();
    let (ancestor, host, guest) = (file(facts.ancestor)?, file(facts.host)?, file(facts.guest)?);
    let content = |f: &File| f.digest != ancestor.digest;
    let (edited, other) = match (content(&host), content(&guest)) {
        (true, false) => (Side::Host, &guest),
        (false, true) => (Side::Guest, &host),
        _ => return None,
    };
    let mut merged = if edited == Side::Host { host.clone() } else { guest.clone() };
    merged.executable = other.executable;
    // The bit goes to the side with the new content first; after that only the content is left to cross.
    let settled = merged.executable == if edited == Side::Host { host.executable } else { guest.executable };
    Some(Decision::Apply(if settled { edited.other() } else { edited }, Some(Entry::File(merged))))
}

/// Whether two sides hold the same, modification times aside. Something untracked has no content that could be the same or cross:
/// it counts as nothing.
pub fn same(a: Option<&Entry>, b: Option<&Entry>) -> bool {
    let tracked = |entry: Option<&Entry>| entry.filter(|e| **e != Entry::Untracked).cloned();
    match (tracked(a), tracked(b)) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same_content(&b),
        _ => false,
    }
}
