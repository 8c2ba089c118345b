//! What the sides tell, and what the session wants of them.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;

use causeway_api::LastChange;
use causeway_endpoint::runner::{Answer, Events};
use causeway_sync::ignore::SYNCIGNORE_NAME;
use causeway_sync::session::{Output, RootFault};
use causeway_sync::{Batch, BatchId, Changes, Lane, Operation, Outcome, Problem, RelPath, RelPathBuf, Seq, Side};
use causeway_wire::errand::{Errand, ErrandReply};
use causeway_wire::share::{Event, WatchMode};

use super::actor::{Actor, Input, Link};
use super::last_change::Flight;

/// Entries of a renamed directory that are counted, at most: some tenths of a second.
const ENTRIES_COUNTED_MAX: u64 = 200_000;

/// What a side tells.
#[derive(Debug)]
pub enum Report {
    /// What has changed.
    Changes(Changes),
    /// Whether all is durable; with the token of the request.
    Synced(u64, Result<(), Problem>),
    /// All that was changed before the request with this token is at or before this.
    Barriered(u64, Seq),
    /// What became of a batch, whichever side it was for.
    Outcomes(BatchId, Vec<Outcome>),
    /// What was not asked for.
    Event(Event),
    /// The side answers no more.
    Closed(String),
}

/// Where a side's reports of one session go.
#[derive(Clone)]
pub struct Reporter {
    /// The share's inbox.
    pub inbox: Sender<Input>,
    /// The session.
    pub generation: u64,
    /// The side.
    pub side: Side,
}

impl Reporter {
    /// Hands a report in. A thread that has ended needs none.
    pub fn report(&self, report: Report) {
        let _ = self.inbox.send(Input::Report(self.generation, self.side, report));
    }

    /// For events.
    pub fn events(&self) -> Events {
        let reporter = self.clone();
        std::sync::Arc::new(move |event| reporter.report(Report::Event(event)))
    }

    /// For one answer.
    pub fn answer<T: Send + 'static>(&self, make: impl FnOnce(T) -> Report + Send + 'static) -> Answer<T> {
        let reporter = self.clone();
        Box::new(move |answer| reporter.report(make(answer)))
    }
}

/// What a side has told of itself in this session.
#[derive(Debug, Default)]
pub struct SideNews {
    /// How changes are noticed.
    pub watch: Option<WatchMode>,
    /// What can't be looked at, and since when, in milliseconds since 1970.
    pub unseen: BTreeMap<RelPathBuf, (Problem, u64)>,
    /// Something is wrong with the root.
    pub root_fault: Option<RootFault>,
    /// When it last told of changes, in milliseconds since 1970.
    pub heard_ms: u64,
}

impl Actor {
    pub(super) fn reporter(&self, side: Side) -> Reporter {
        Reporter { inbox: self.sender.clone(), generation: self.generation, side }
    }

    /// Takes in what a side of the present session tells.
    pub(super) fn handle_report(&mut self, side: Side, report: Report) {
        tracing::trace!(share = %self.settings.name, ?side, ?report, "hears");
        let now_ms = self.clock.now_ms();
        let report = match report {
            // These may come before the attempt that made the session has been taken in.
            Report::Event(event) => return self.handle_event(side, event, now_ms),
            Report::Closed(reason) if matches!(self.link, Link::Up(_)) => return self.go_down(reason),
            Report::Closed(reason) => {
                self.lost = Some(reason);
                return;
            }
            other => other,
        };
        let Link::Up(up) = &mut self.link else { return };
        self.known.uncounted = true;
        let result = match report {
            Report::Changes(changes) => {
                up.crawled[side as usize] |= changes.crawled;
                if up.crawled == [true; 2] {
                    up.milestones.scanned(now_ms);
                }
                // All of it has been looked at, and it isn't empty: nor may it be one day for what was said now.
                self.accept_emptied[side as usize] &= !changes.crawled;
                self.news[side as usize].heard_ms = now_ms;
                up.session.handle_changes(side, changes, now_ms)
            }
            Report::Synced(token, result) => return self.handle_synced(side, token, result, now_ms),
            Report::Barriered(token, seq) => up.session.handle_barrier(side, token, seq, now_ms),
            Report::Outcomes(batch, outcomes) => return self.handle_outcomes(batch, outcomes, now_ms),
            Report::Event(_) | Report::Closed(_) => return,
        };
        self.check_ledger(result);
    }

    fn handle_outcomes(&mut self, batch: BatchId, outcomes: Vec<Outcome>, now_ms: u64) {
        let Link::Up(up) = &mut self.link else { return };
        let flight = up.flights.remove(&batch);
        let rules = flight.as_ref().is_some_and(|flight| flight.rules);
        if let Some(flight) = flight
            && let Some(change) = flight.landed(&outcomes, now_ms)
        {
            self.around.activity.note(&self.settings.id, &change);
            if let Some(directory) = flight.renamed_directory() {
                self.count_renamed(&change, directory);
            }
            self.known.last_change = Some(change);
        }
        let Link::Up(up) = &mut self.link else { return };
        let result = up.session.handle_outcomes(batch, outcomes, now_ms);
        self.check_ledger(result);
        if rules {
            self.reload_rules();
        }
    }

    /// Has the host count what is in a directory that was renamed, beside everything else.
    fn count_renamed(&self, change: &LastChange, directory: &RelPath) {
        let Link::Up(up) = &self.link else { return };
        let errand = Errand::CountBelow { directory: directory.to_owned(), limit: ENTRIES_COUNTED_MAX };
        let (inbox, at, path) = (self.sender.clone(), change.at, change.path.clone());
        let answer = move |counted| {
            let Ok(ErrandReply::Below { entries }) = counted else { return };
            let take = move |actor: &mut Actor| {
                actor.around.activity.count(&actor.settings.id, at, &path, entries);
                if let Some(last) = &mut actor.known.last_change
                    && (last.at, &last.path) == (at, &path)
                {
                    last.entries = entries;
                }
            };
            // A thread that has ended shows nothing any more.
            drop(inbox.send(Input::Done(Box::new(take))));
        };
        up.host.ask(errand, Box::new(answer));
    }

    fn handle_event(&mut self, side: Side, event: Event, now_ms: u64) {
        let news = &mut self.news[side as usize];
        match event {
            // The host's file counts. What the guest wrote into its own counts when it has crossed.
            Event::Syncignore(_) if side == Side::Host => self.reload_rules(),
            Event::Syncignore(_) => {}
            Event::Watching(mode) => news.watch = Some(mode),
            Event::ScanProblem { path, problem } => {
                let since_ms = news.unseen.get(&path).map_or(now_ms, |(_, since_ms)| *since_ms);
                news.unseen.insert(path, (problem, since_ms));
            }
            Event::ScanProblemGone { path } => {
                news.unseen.remove(&path);
            }
            Event::VerifyRead { bytes } => self.show_verify_read(side, bytes),
            Event::RootRestored => {
                // The session stays halted all the same, until a person says how to go on.
                news.root_fault = None;
            }
            Event::RootFault(fault) => {
                news.root_fault = Some(fault);
                self.handle_root_fault(side, fault);
            }
        }
    }

    /// Halts the session, unless a person has said that the root may be empty.
    pub(super) fn handle_root_fault(&mut self, side: Side, fault: RootFault) {
        let Link::Up(up) = &mut self.link else { return };
        let emptied = matches!(fault, RootFault::Emptied { .. });
        if emptied && std::mem::take(&mut self.accept_emptied[side as usize]) {
            let now_ms = self.clock.now_ms();
            // It shows in the feed, or in another fault.
            up.side(side).ask(Errand::AcceptEmptied, Box::new(drop));
            return up.session.accept_deletions(side, now_ms);
        }
        up.session.handle_root_fault(side, fault);
    }

    /// Carries out what the session wants.
    pub(super) fn carry_out(&mut self) {
        loop {
            let Link::Up(up) = &mut self.link else { return };
            let Some(output) = up.session.poll_output() else { return };
            self.carry_out_one(output);
        }
    }

    fn carry_out_one(&mut self, output: Output) {
        tracing::trace!(share = %self.settings.name, ?output, "wants");
        let [host, guest] = Side::BOTH.map(|side| self.reporter(side));
        let of = |side| if side == Side::Host { &host } else { &guest };
        let now_ms = self.clock.now_ms();
        let Link::Up(up) = &mut self.link else { return };
        match output {
            Output::Pull { side, after, limit } => {
                up.side(side).pull(after, limit, of(side).answer(Report::Changes));
            }
            Output::Acknowledge { side, seq } => up.acknowledgements.note(side, seq, now_ms),
            Output::Recheck { side, path } => up.side(side).recheck(path),
            Output::Relist { side, path } => up.side(side).relist(path),
            Output::Read { side, paths } => up.side(side).read(paths),
            Output::Sync { side, token } => {
                up.side(side).sync(of(side).answer(move |result| Report::Synced(token, result)));
            }
            Output::Barrier { side, token } => {
                up.side(side).barrier(of(side).answer(move |seq| Report::Barriered(token, seq)));
            }
            Output::Run { batch, lane } => self.start_batch(batch, lane),
            Output::Flushed { token, holds } => self.finish_flush(token, holds),
            Output::Halted(halt) => {
                up.halted_since_ms = Some(now_ms);
                tracing::warn!(share = %self.settings.name, ?halt, "halted");
            }
        }
    }

    fn start_batch(&mut self, batch: Batch, lane: Lane) {
        let now_ms = self.clock.now_ms();
        let Link::Up(up) = &mut self.link else { return };
        if up.prepared_ms.is_none() {
            up.milestones.copying(now_ms);
        }
        let heard_ms = self.news[batch.to.other() as usize].heard_ms;
        let rules = batch.to == Side::Host
            && batch.actions.iter().any(|action| {
                is_rules(&action.path) || matches!(&action.operation, Operation::Rename { to } if is_rules(to))
            });
        up.flights.insert(batch.id, Flight::of(&batch, rules, heard_ms));
        up.lanes.run(batch, lane);
    }
}

fn is_rules(path: &RelPath) -> bool {
    path.as_bytes() == SYNCIGNORE_NAME.as_bytes()
}
