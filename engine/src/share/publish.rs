//! How a share is shown: everything known about it, put together, at most four times a second.

use causeway_api::size;
use causeway_api::{
    Amount, ApiError, Bins, Entries, LastChange, PathBytes, Phase, PhaseTimes, Problem, Progress, Remedy, ShareInfo,
    Space, State, Stream, Timestamp, Watch, WatchKind, Watches,
};
use causeway_endpoint::serve::content_dir;
use causeway_sync::Side;
use causeway_sync::session::Status;
use causeway_wire::errand::Counts;
use causeway_wire::share::{WatchBy, WatchMode};

use super::actor::{Actor, Link};
use super::command::Reply;
use super::connect::wire_id;
use super::shown;
use super::state::Facts;
use crate::machine::Machine;
use crate::settings::ShareSettings;

/// Shortest time between two publications: what an eye can follow.
pub const PUBLISH_INTERVAL_MS: u64 = 250;
/// A share is prepared when the ledger, from which conflicts and problems are shown, knows what became of all that was found. Where
/// changes never cease it is so after this long.
const NOTED_AFTER_MS: u64 = 1_000;
/// A share that isn't Preparing shows its progress when this many files or bytes are on their way.
const LONG_WAY_FILES: u64 = 200;
const LONG_WAY_BYTES: u64 = 16 << 20;

/// What was found out and doesn't change with every input.
#[derive(Debug, Default)]
pub struct Known {
    /// The last counts of both sides.
    pub counts: [Option<Counts>; 2],
    /// When they were asked for, in milliseconds since 1970.
    pub counted_ms: u64,
    /// Whether an answer is awaited.
    pub counting: bool,
    /// How many sides have not answered yet.
    pub awaited: u8,
    /// Whether something has changed since they were asked for.
    pub uncounted: bool,
    /// Files and bytes that the session has to carry in all until both sides hold as many, as of its last counts; `None` while a side
    /// hasn't been looked at whole.
    pub goal: Option<(u64, u64)>,
    /// How long the first preparation took, until it is remembered with the next counts, in milliseconds.
    pub prepared_in_ms: Option<u64>,
    /// Who waits for them, to be shown a fresh account.
    pub waiting: Vec<Reply<ShareInfo>>,
    /// The last change that reached the other side.
    pub last_change: Option<LastChange>,
    /// Numbers of conflicts and problems at which the next two were looked up.
    pub looked_at: (u64, u64),
    /// Since when the oldest conflict waits.
    pub conflicts_since: Option<Timestamp>,
    /// The worst problem.
    pub worst_problem: Option<Problem>,
}

/// Where a share's copy stands in the machine, before the agent has said so.
pub fn guest_path(settings: &ShareSettings, machine: &dyn Machine) -> PathBytes {
    PathBytes::from(content_dir(machine.disk(), wire_id(settings)).as_path())
}

/// How a share is shown before its thread has said anything.
pub fn initial(settings: &ShareSettings, machine: &dyn Machine) -> ShareInfo {
    ShareInfo {
        id: settings.id.clone(),
        name: settings.name.clone(),
        host_path: PathBytes::from(settings.host_path.as_path()),
        guest_path: guest_path(settings, machine),
        mode: settings.mode,
        symlinks: settings.symlinks,
        patterns: settings.patterns.clone(),
        created: settings.created,
        state: if settings.paused { State::Paused } else { State::Preparing },
        state_since: Timestamp::now(),
        detail: None,
        remedy: None,
        progress: None,
        took: PhaseTimes::default(),
        streams: Vec::new(),
        space: Space::default(),
        entries: Entries::default(),
        bin: Bins::default(),
        containers: Vec::new(),
        conflicts: 0,
        conflicts_since: None,
        problems: 0,
        worst_problem: None,
        pending: 0,
        pending_to_guest: 0,
        pending_to_host: 0,
        last_change: None,
        halt: None,
        watch: None,
        prunable: Amount::default(),
        verified: None,
        verifying: None,
    }
}

impl Actor {
    /// Publishes if something may have changed and the last time is long enough ago; another state is published at once.
    pub(super) fn publish_when_due(&mut self) {
        let now_ms = self.clock.now_ms();
        let state_due = self.state.due_ms().is_some_and(|due| due <= now_ms);
        if !state_due && !self.unpublished {
            return;
        }
        let due = state_due || now_ms >= self.published_ms + PUBLISH_INTERVAL_MS;
        if due || self.state_differs(now_ms) {
            self.publish();
        }
    }

    fn state_differs(&mut self, now_ms: u64) -> bool {
        let status = self.status();
        let facts = self.facts(&status);
        self.state.clone().update(&facts, now_ms)
    }

    /// Publishes now, and returns what was published.
    pub(super) fn publish(&mut self) -> ShareInfo {
        let now_ms = self.clock.now_ms();
        self.unpublished = false;
        self.published_ms = now_ms;
        let status = self.status();
        self.look_up_worst(&status);
        let facts = self.facts(&status);
        if self.state.update(&facts, now_ms) {
            tracing::info!(share = %self.settings.name, state = ?self.state.state(), "is now");
        }
        if facts.prepared && !facts.halted {
            self.note_prepared(now_ms);
        }
        let info = self.info(&status, &facts, now_ms);
        self.around.feed.put_share(info.clone());
        info
    }

    fn status(&mut self) -> Status {
        let now_ms = self.clock.now_ms();
        let Link::Up(up) = &mut self.link else { return Status::default() };
        let mut status = up.session.status();
        if let Ok(status) = &mut status
            && status.prepared
        {
            let prepared_ms = *up.prepared_ms.get_or_insert(now_ms);
            up.milestones.copied(prepared_ms);
            up.noted |= up.session.is_at_rest();
            status.prepared = up.noted || now_ms >= prepared_ms + NOTED_AFTER_MS;
        }
        self.check_ledger(status).unwrap_or_default()
    }

    fn facts(&self, status: &Status) -> Facts {
        let (conflicts, problems) = match &self.link {
            Link::Up(_) => (status.holds.conflicts, self.problem_count(status)),
            _ => (0, 0),
        };
        Facts {
            halted: status.halted || matches!(self.link, Link::RootFault { .. }),
            paused: matches!(self.link, Link::Paused),
            disconnected: matches!(&self.link, Link::Down { reason, .. } if !reason.is_empty()),
            prepared: status.prepared,
            problems,
            conflicts,
            pending: status.pending,
        }
    }

    fn problem_count(&self, status: &Status) -> u64 {
        status.holds.problems + self.unseen_count()
    }

    fn info(&mut self, status: &Status, facts: &Facts, now_ms: u64) -> ShareInfo {
        let (detail, remedy) = self.detail(facts);
        let halt = self.halt().map(|halt| shown::halt(&halt, &self.settings.name, self.halted_since(now_ms)));
        let [to_host, to_guest] = Side::BOTH.map(|side| self.in_flight(side).min(status.pending));
        let progress = self.progress(status, now_ms);
        let base = initial(&self.settings, &*self.around.machine);
        let guest_path = self.guest_path.clone().unwrap_or_else(|| base.guest_path.clone());
        ShareInfo {
            containers: self.around.usage.containers_at(&guest_path),
            guest_path,
            state: self.state.state(),
            state_since: shown::time(self.state.since_ms()),
            detail,
            remedy,
            progress,
            took: match &self.link {
                Link::Up(up) => up.milestones.times(),
                _ => PhaseTimes::default(),
            },
            streams: if progress.is_some() { self.streams() } else { Vec::new() },
            conflicts: facts.conflicts,
            conflicts_since: self.known.conflicts_since,
            problems: facts.problems,
            worst_problem: self.known.worst_problem.clone(),
            pending: status.pending,
            pending_to_guest: to_guest,
            pending_to_host: to_host,
            last_change: self.known.last_change.clone(),
            halt,
            watch: self.watches(),
            verified: self.verified,
            verifying: self.verifying.as_ref().map(|underway| underway.progress),
            ..self.with_counts(base)
        }
    }

    fn halted_since(&self, now_ms: u64) -> Timestamp {
        shown::time(match &self.link {
            Link::Up(up) => up.halted_since_ms.unwrap_or(now_ms),
            Link::RootFault { since_ms, .. } => *since_ms,
            _ => now_ms,
        })
    }

    fn in_flight(&self, to: Side) -> u64 {
        let Link::Up(up) = &self.link else { return 0 };
        up.flights.values().filter(|flight| flight.to() == to).map(|flight| flight.actions).sum()
    }

    /// What crosses at this moment.
    fn streams(&self) -> Vec<Stream> {
        let Link::Up(up) = &self.link else { return Vec::new() };
        let flights = up.lanes.moving().filter_map(|(batch, sent)| Some(up.flights.get(&batch)?.stream(sent)));
        flights.collect()
    }

    fn with_counts(&self, info: ShareInfo) -> ShareInfo {
        let [host, guest] = self.known.counts.map(|counts| counts.unwrap_or_default());
        let free = |counts: Option<Counts>| counts.map(|counts| counts.space.free_bytes);
        ShareInfo {
            space: Space {
                host_bytes: host.bytes,
                guest_bytes: guest.bytes,
                host_free_bytes: free(self.known.counts[0]),
                guest_free_bytes: free(self.known.counts[1]),
            },
            entries: Entries {
                files: host.files,
                directories: host.directories,
                symlinks: host.symlinks,
                untracked: host.untracked,
            },
            bin: Bins {
                host: Amount { entries: host.bin_items, bytes: host.bin_bytes },
                guest: Amount { entries: guest.bin_items, bytes: guest.bin_bytes },
            },
            prunable: Amount { entries: guest.prunable, bytes: guest.prunable_bytes },
            ..info
        }
    }

    fn detail(&self, facts: &Facts) -> (Option<String>, Option<Remedy>) {
        let name = &self.settings.name;
        let command =
            |sentence: &str, verb: &str| Some(Remedy::command(sentence, format!("causeway share {verb} {name}")));
        match self.state.state() {
            State::Halted => {
                let halt = self.halt().map(|halt| shown::halt(&halt, name, Timestamp::from_ns(0)));
                match halt {
                    Some(halt) => (Some(halt.sentence), halt.remedies.into_iter().next()),
                    None => (None, None),
                }
            }
            State::Paused => (None, command("Let it go on.", "resume")),
            State::Disconnected => match &self.link {
                Link::Down { reason, remedy, .. } => (Some(reason.clone()), remedy.clone()),
                _ => (None, None),
            },
            State::Problem => match &self.known.worst_problem {
                Some(problem) if problem.path.as_bytes().is_empty() => {
                    (Some(problem.sentence.clone()), problem.remedy.clone())
                }
                Some(problem) => {
                    (Some(format!("{}: {}", problem.path, problem.sentence)), command("See all problems.", "problems"))
                }
                None => (None, command("See them.", "problems")),
            },
            State::Conflict => {
                let detail = match facts.conflicts {
                    1 => "1 path was changed on both sides and waits for a decision.".to_owned(),
                    n => format!("{n} paths were changed on both sides and wait for a decision."),
                };
                (Some(detail), command("See them.", "conflicts"))
            }
            State::Preparing | State::Syncing | State::Watching => self.prunable_detail(),
        }
    }

    fn prunable_detail(&self) -> (Option<String>, Option<Remedy>) {
        let counts = self.known.counts[Side::Guest as usize].unwrap_or_default();
        if counts.prunable == 0 {
            return (None, None);
        }
        let detail = format!(
            "{} entries ({}) that are excluded now still have copies in the guest.",
            counts.prunable,
            size::bytes(counts.prunable_bytes)
        );
        let command = format!("causeway share prune {}", self.settings.name);
        (Some(detail), Some(Remedy::command("Delete these copies.", command)))
    }

    fn progress(&mut self, status: &Status, now_ms: u64) -> Option<Progress> {
        let (left_files, left_bytes) = self.left_to_carry(status);
        let phase = match &self.link {
            Link::Paused | Link::Down { .. } | Link::RootFault { .. } => return None,
            Link::Connecting => Phase::Connecting,
            Link::Up(_) if status.halted => return None,
            Link::Up(_) if status.prepared => Phase::Copying,
            // Of a large tree all has been told only shortly before all has been carried.
            Link::Up(up) if up.crawled != [true; 2] && status.carried_files == 0 => Phase::Scanning,
            Link::Up(up) if up.crawled == [true; 2] && left_files == 0 => Phase::Finishing,
            Link::Up(_) => Phase::Copying,
        };
        let (files, bytes) = (status.carried_files, status.carried_bytes);
        self.meter.note(now_ms, files, bytes);
        if phase == Phase::Finishing
            && let Link::Up(up) = &mut self.link
        {
            up.milestones.copied(now_ms);
        }
        let long = left_files >= LONG_WAY_FILES || left_bytes >= LONG_WAY_BYTES;
        if status.prepared && !long {
            return None;
        }
        let is_counted = status.prepared || self.known.goal.is_some();
        let known = is_counted && !matches!(phase, Phase::Connecting | Phase::Scanning);
        let scanned = self.known.counts[Side::Host as usize].unwrap_or_default();
        let scanned = scanned.files + scanned.directories + scanned.symlinks;
        Some(Progress {
            phase,
            files_done: if phase == Phase::Scanning { scanned } else { files },
            files_total: known.then_some(files + left_files),
            bytes_done: bytes,
            bytes_total: known.then_some(bytes + left_bytes),
            bytes_per_second: self.meter.bytes_per_second(),
            left_ms: self.meter.left_ms(left_files, left_bytes).filter(|_| known),
        })
    }

    /// What the session has decided to carry; while a share is being prepared, what the counts of both sides differ by, if that is more:
    /// of a large tree the session knows only what is next.
    fn left_to_carry(&self, status: &Status) -> (u64, u64) {
        let (files, bytes) = self.known.goal.filter(|_| !status.prepared).unwrap_or_default();
        let left = |goal: u64, carried: u64, decided: u64| goal.saturating_sub(carried).max(decided);
        (
            left(files, status.carried_files, status.remaining_files),
            left(bytes, status.carried_bytes, status.remaining_bytes),
        )
    }

    /// Both sides have been counted anew.
    pub(super) fn set_goal(&mut self) {
        let Link::Up(up) = &self.link else { return };
        let (Ok(status), [Some(host), Some(guest)]) = (up.session.status(), self.known.counts) else { return };
        if !(host.crawled && guest.crawled) {
            return;
        }
        let files = status.carried_files + host.files.abs_diff(guest.files);
        let bytes = status.carried_bytes + host.bytes.abs_diff(guest.bytes);
        self.known.goal = Some((files, bytes));
        self.note_preparation(&host, &status);
    }

    fn watches(&self) -> Option<Watches> {
        if !matches!(self.link, Link::Up(_)) {
            return None;
        }
        let of = |side: Side| self.news[side as usize].watch.as_ref().map(watch);
        Some(Watches { host: of(Side::Host)?, guest: of(Side::Guest)? })
    }

    /// Answers with a fresh account, once the counts are fresh too.
    pub(super) fn show(&mut self, reply: Reply<ShareInfo>) {
        if !matches!(self.link, Link::Up(_)) {
            let info = self.publish();
            let _ = reply.send(Ok(info));
            return;
        }
        self.known.waiting.push(reply);
        self.count();
    }

    /// Answers with how the share is after a request that changed it.
    pub(super) fn reply_shown(&mut self, reply: Reply<ShareInfo>, result: Result<(), ApiError>) {
        let info = self.publish();
        let _ = reply.send(result.map(|()| info));
    }
}

fn watch(mode: &WatchMode) -> Watch {
    let polls = !mode.polling_because.is_empty() || mode.by == WatchBy::Polling;
    let by = match mode.by {
        WatchBy::Fanotify => "fanotify",
        WatchBy::Inotify => "inotify",
        WatchBy::Native => "the system's own events",
        WatchBy::Polling => "polling",
    };
    Watch {
        kind: if polls { WatchKind::Polling } else { WatchKind::Native },
        by: by.to_owned(),
        reason: polls.then(|| mode.polling_because.clone()),
        polled_directories: mode.polled,
        remedy: polls.then(|| Remedy::command("See which limit to raise.", "causeway doctor")),
    }
}
