//! The whole system: both processes, the session between them, and a driver that does one thing after another, in any order
//! that is allowed.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use causeway_endpoint::Complete;
use causeway_index::LedgerStore;
use causeway_sync::ignore::Rules;
use causeway_sync::session::{Limits, Output, Settings};
use causeway_sync::{Batch, BatchId, Lane, Ledger, Mode, Outcome, Session, Side};

use crate::crossing;
use crate::faults::Faults;
use crate::files::Files;
use crate::ground::{Ground, Real};
use crate::side::{Answer, Asked, Process};

/// Why a run ends early: a rule was broken.
pub type Broken = String;

/// What was asked for by a flush, to be compared when it is done.
struct Flushing {
    token: u64,
    edits: u64,
}

/// The whole system.
pub struct World {
    /// What is real.
    pub ground: Arc<Ground>,
    /// The mode of the share.
    pub mode: Mode,
    /// Host and guest.
    pub sides: [Process; 2],
    session: Option<Session<LedgerStore>>,
    ledger_files: Files,
    lanes: BTreeMap<(Side, Lane), VecDeque<Batch>>,
    outcomes: VecDeque<(BatchId, Vec<Outcome>)>,
    flushing: Option<Flushing>,
    /// Batches carried out since the run began.
    pub batches: u64,
}

/// What can be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Watch(Side),
    Look(Side),
    Serve(Side),
    Feed(Side),
    Deliver(Side),
    Settle(Side),
    Lane(Side, Lane),
    Outcomes,
    Timeout,
    Accept,
    EndWrite,
}

impl World {
    /// Everything begins: two shares, which users may have filled before.
    pub fn new(seed: u64, mode: Mode, faults: Faults, home: &Path, tells: bool) -> Self {
        let ground = Arc::new(Ground::new(seed, faults, tells));
        {
            let mut real = ground.lock();
            if real.faults.apart {
                real.keep_apart();
            }
            for side in Side::BOTH {
                let edits = real.random.below(8);
                (0..edits).for_each(|_| real.user_edit(side));
            }
            real.now_us += 1_000_000 * real.random.below(2) as u64;
        }
        let keeps = ground.lock().faults.power_cuts;
        let mut sides = Side::BOTH.map(|side| Process::new(side, Arc::clone(&ground), home));
        let mut ledger_files = Files::new(home, "ledger");
        ledger_files.keeps = keeps;
        sides.iter_mut().for_each(|side| side.files.keeps = keeps);
        let mut world = Self {
            ground,
            mode,
            sides,
            session: None,
            ledger_files,
            lanes: BTreeMap::new(),
            outcomes: VecDeque::new(),
            flushing: None,
            batches: 0,
        };
        world.sides.iter_mut().for_each(|side| side.files.mark_durable());
        world.connect(None);
        world
    }

    /// Everything that is real.
    pub fn real(&self) -> std::sync::MutexGuard<'_, Real> {
        self.ground.lock()
    }

    fn now_ms(&self) -> u64 {
        self.real().now_ms()
    }

    /// The session.
    pub fn session(&mut self) -> &mut Session<LedgerStore> {
        self.session.as_mut().expect("a session follows each")
    }

    /// What both sides agreed on.
    pub fn ledger(&self) -> &LedgerStore {
        self.session.as_ref().expect("a session follows each").ledger()
    }

    /// Begins a session.
    fn connect(&mut self, ledger: Option<LedgerStore>) {
        self.lanes.clear();
        self.outcomes.clear();
        self.flushing = None;
        let ledger = match ledger {
            Some(ledger) => ledger,
            None => {
                let ledger = LedgerStore::open(&self.ledger_files.path()).expect("the ledger opens");
                self.ledger_files.mark_durable();
                ledger
            }
        };
        // A process that has ended meanwhile is started again first.
        self.ground.lock().ends_in = [None; 2];
        for process in &mut self.sides {
            if self.ground.lock().dead[process.side as usize] {
                process.restart();
            }
        }
        let [host, guest] = &mut self.sides;
        host.endpoint().note_reads_in(ledger.intent_log());
        let (host, guest) = (host.hello(), guest.hello());
        let limits = Limits { deleted_part_max: [1.0, 1.0], deleted_min: 1_000_000 };
        let settings = Settings { mode: self.mode, rules: Rules::default(), limits };
        let now_ms = self.now_ms();
        self.real().tell(|| format!("a session begins: {host:?} {guest:?}"));
        self.session = Some(Session::new(settings, ledger, &host, &guest, now_ms).expect("the ledger can be read"));
    }

    /// The connection breaks, and another follows.
    pub fn reconnect(&mut self) {
        self.real().tell(|| "the connection breaks".to_owned());
        if self.real().dead[Side::Host as usize] {
            return self.restart(Side::Host);
        }
        let ledger = self.session.take().map(Session::into_ledger);
        self.connect(ledger);
    }

    /// A process ends without notice and starts again. The engine is on the host: its session ends too.
    pub fn restart(&mut self, side: Side) {
        self.real().tell(|| format!("{side:?} process starts again"));
        if side == Side::Host {
            self.ledger_files.survive_end();
            self.session = None;
            self.ledger_files.forget_old();
        }
        self.sides[side as usize].restart();
        let ledger = self.session.take().map(Session::into_ledger);
        self.connect(ledger);
    }

    /// Both processes are ended in good order, and start again.
    pub fn restart_well(&mut self) {
        self.real().tell(|| "everything is started again".to_owned());
        self.session = None;
        self.sides.iter_mut().for_each(Process::restart_well);
        self.connect(None);
    }

    /// The machine loses its power, and with the host's the whole computer.
    pub fn lose_power(&mut self, side: Side) {
        self.real().tell(|| format!("{side:?} loses power"));
        if side == Side::Host {
            let mut real = self.ground.lock();
            self.ledger_files.survive_power_cut(&mut real.random);
            drop(real);
            self.session = None;
            self.ledger_files.forget_old();
            self.sides[0].lose_power();
        }
        self.sides[1].lose_power();
        let ledger = self.session.take().map(Session::into_ledger);
        self.connect(ledger);
    }

    /// Starts processes again that have ended by themselves.
    pub fn start_ended(&mut self) {
        for side in Side::BOTH {
            if self.real().dead[side as usize] {
                self.restart(side);
            }
        }
    }

    /// Asks for a flush.
    pub fn flush(&mut self) {
        let now_ms = self.now_ms();
        let edits = self.real().history.edits;
        let token = self.session().flush(now_ms).expect("the ledger can be read");
        self.real().tell(|| format!("flush {token}"));
        self.flushing = Some(Flushing { token, edits });
        self.drain();
    }

    /// Whether a flush is under way.
    pub fn is_flushing(&self) -> bool {
        self.flushing.is_some()
    }

    /// Passes on what the session wants done.
    pub fn drain(&mut self) {
        while let Some(output) = self.session().poll_output() {
            self.real().tell(|| format!("session: {output:?}"));
            let (side, asked) = match output {
                Output::Pull { side, after, limit } => {
                    self.sides[side as usize].pull = Some((after, limit));
                    continue;
                }
                Output::Run { batch, lane } => {
                    self.lanes.entry((batch.to, lane)).or_default().push_back(batch);
                    continue;
                }
                Output::Flushed { token, .. } => {
                    if let Some(flushing) = self.flushing.take_if(|flushing| flushing.token == token) {
                        self.check_flush(flushing.edits);
                    }
                    continue;
                }
                Output::Halted(_) => continue,
                Output::Acknowledge { side, seq } => {
                    self.ledger().harden().expect("the ledger can be written");
                    self.ledger_files.mark_durable();
                    (side, Asked::Acknowledge(seq))
                }
                Output::Recheck { side, path } => (side, Asked::Recheck(path)),
                Output::Relist { side, path } => (side, Asked::Relist(path)),
                Output::Read { side, paths } => (side, Asked::Read(paths)),
                Output::Sync { side, token } => (side, Asked::Sync(token)),
                Output::Barrier { side, token } => (side, Asked::Barrier(token)),
            };
            self.sides[side as usize].asked.push_back(asked);
        }
    }

    fn possible(&mut self) -> Vec<Step> {
        let now_ms = self.now_ms();
        let mut steps = Vec::new();
        for side in Side::BOTH {
            let process = &mut self.sides[side as usize];
            process.take_dirty();
            let events = self.ground.lock().watchers[side as usize].due_us();
            if events.is_some_and(|at_us| at_us <= self.ground.lock().now_us) {
                steps.push(Step::Watch(side));
            }
            if process.has_to_look(now_ms) {
                steps.push(Step::Look(side));
            }
            if process.has_to_settle(now_ms) {
                steps.push(Step::Settle(side));
            }
            if !process.asked.is_empty() {
                steps.push(Step::Serve(side));
            }
            if !process.inbox.is_empty() {
                steps.push(Step::Deliver(side));
            }
            if process.pull.is_some() {
                steps.push(Step::Feed(side));
            }
        }
        steps.extend(
            self.lanes.iter().filter(|(_, batches)| !batches.is_empty()).map(|((to, lane), _)| Step::Lane(*to, *lane)),
        );
        if !self.outcomes.is_empty() {
            steps.push(Step::Outcomes);
        }
        if self.session().poll_timeout().is_some_and(|due_ms| due_ms <= now_ms) {
            steps.push(Step::Timeout);
        }
        if self.session().halted().is_some() {
            steps.push(Step::Accept);
        }
        let real = self.ground.lock();
        if real.pending.iter().any(|pending| pending.due_us <= real.now_us) {
            steps.push(Step::EndWrite);
        }
        steps
    }

    /// Does something. False where nothing is to be done now.
    pub fn step(&mut self) -> bool {
        self.drain();
        let mut steps = self.possible();
        while !steps.is_empty() {
            let chosen = {
                let mut real = self.ground.lock();
                real.now_us += real.random.below(300) as u64;
                let at = real.random.below(steps.len());
                steps.swap_remove(at)
            };
            if self.carry_out(chosen) {
                self.drain();
                return true;
            }
        }
        false
    }

    fn carry_out(&mut self, step: Step) -> bool {
        let now_ms = self.now_ms();
        match step {
            Step::Watch(side) => {
                {
                    let mut real = self.ground.lock();
                    let odds = real.faults.overflow_one_in;
                    if real.random.one_in(odds) {
                        real.tell(|| format!("{side:?} watcher loses events"));
                        let now_us = real.now_us;
                        real.watchers[side as usize].overflow(now_us);
                    }
                }
                self.sides[side as usize].take_events();
            }
            Step::Look(side) => self.sides[side as usize].look(),
            Step::Serve(side) => self.sides[side as usize].serve(),
            Step::Feed(side) => return self.sides[side as usize].feed(),
            Step::Settle(side) => self.sides[side as usize].settle(),
            Step::Deliver(side) => self.deliver(side),
            Step::Lane(to, lane) => self.run_batches(to, lane),
            Step::Outcomes => {
                let at = self.some_outcomes();
                if let Some((batch, outcomes)) = self.outcomes.remove(at) {
                    self.real().tell(|| format!("session hears outcomes of {batch:?}"));
                    self.session().handle_outcomes(batch, outcomes, now_ms).expect("the ledger can be written");
                }
            }
            Step::Timeout => self.session().handle_timeout(now_ms).expect("the ledger can be written"),
            Step::Accept => {
                self.real().tell(|| "a person accepts the halt".to_owned());
                self.sides.iter_mut().for_each(Process::accept_emptied);
                self.session().accept_halt(now_ms).expect("the ledger can be written");
            }
            Step::EndWrite => self.real().end_write(),
        }
        true
    }

    fn some_outcomes(&self) -> usize {
        let count = self.outcomes.len();
        self.real().random.below(count)
    }

    fn deliver(&mut self, side: Side) {
        let now_ms = self.now_ms();
        let Some(answer) = self.sides[side as usize].inbox.pop_front() else { return };
        self.real().tell(|| format!("session hears {side:?}: {answer:?}"));
        let session = self.session();
        let handled = match answer {
            Answer::Changes(changes) => session.handle_changes(side, changes, now_ms),
            Answer::Synced(token) => session.handle_synced(side, token, now_ms),
            Answer::Barrier(token, seq) => session.handle_barrier(side, token, seq, now_ms),
            Answer::Fault(fault) => {
                session.handle_root_fault(side, fault);
                Ok(())
            }
        };
        handled.expect("the ledger can be written");
    }

    /// Carries out the next batches of a lane.
    fn run_batches(&mut self, to: Side, lane: Lane) {
        let now_ms = self.now_ms();
        let many = 1 + self.real().random.below(3);
        let queue = self.lanes.entry((to, lane)).or_default();
        let batches: Vec<Batch> = queue.drain(..many.min(queue.len())).collect();
        self.batches += batches.len() as u64;
        let [host, guest] = &self.sides;
        let (receiver, supplier) = if to == Side::Host { (host, guest) } else { (guest, host) };
        let mut applier = receiver.endpoint().applier();
        let mut waiting: Option<Complete<'_, _>> = None;
        let mut done = Vec::new();
        let mut broke = false;
        for batch in batches {
            let batch = crossing::batch(&batch);
            let deltas = applier.begin(batch.clone()).expect("the session makes sound batches");
            let signatures: BTreeMap<u32, _> = deltas
                .into_iter()
                .map(|action| (action, crossing::signature(batch.id, action, applier.signature(action))))
                .collect();
            let supplied = supplier.endpoint().supply(
                &batch,
                now_ms,
                &mut |action| Ok(signatures[&action].clone()),
                &mut |action, content| {
                    let breaks = {
                        let mut real = self.ground.lock();
                        real.racing && real.faults.break_one_in > 0 && real.random.one_in(40)
                    };
                    if breaks {
                        return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
                    }
                    crossing::content(batch.id, action, content, |action, content| {
                        applier.content(batch.id, action, content).expect("the supplier keeps to the protocol");
                    });
                    Ok(())
                },
            );
            if supplied.is_err() {
                broke = true;
                break;
            }
            match (&mut waiting, applier.complete()) {
                (Some(waiting), Some(complete)) => waiting.append(complete),
                (waiting, complete) => *waiting = waiting.take().or(complete),
            }
            if self.ground.lock().random.one_in(2) {
                done.extend(waiting.take().into_iter().flat_map(|waiting| waiting.carry_out(now_ms)));
            }
        }
        if !broke {
            done.extend(waiting.take().into_iter().flat_map(|waiting| waiting.carry_out(now_ms)));
        }
        drop((applier, waiting));
        if Side::BOTH.iter().any(|side| self.ground.lock().dead[*side as usize]) {
            return;
        }
        for (batch, outcomes) in done {
            let outcomes = if to == Side::Guest { crossing::outcomes(batch, &outcomes) } else { outcomes };
            self.real().tell(|| format!("outcomes of {batch:?}: {outcomes:?}"));
            self.outcomes.push_back((batch, outcomes));
        }
        if broke {
            self.reconnect();
        }
    }

    /// Lets time pass until something is due. False where nothing will ever be, or only after `limit_ms`.
    pub fn pass_time(&mut self, limit_ms: u64) -> bool {
        let session_ms = self.session().poll_timeout();
        let sides_ms = self.sides.iter().filter_map(Process::due_ms).min();
        let mut real = self.ground.lock();
        let events_us = real.watchers.iter().filter_map(|watcher| watcher.due_us()).min();
        let pending_us = real.pending.iter().map(|pending| pending.due_us).min();
        let ms = |at: Option<u64>| at.map(|at| at * 1_000);
        let due_us = [ms(session_ms), ms(sides_ms), events_us, pending_us].into_iter().flatten().min();
        match due_us {
            Some(due_us) if due_us <= limit_ms * 1_000 => {
                real.now_us = real.now_us.max(due_us);
                true
            }
            _ => false,
        }
    }

    /// Whether the ledger holds problems.
    pub fn has_problems(&self) -> bool {
        self.ledger().holds().expect("the ledger can be read").problems > 0
    }
}
