//! Joining the two sides, and letting go of them: breaks, pauses, halts, and the end.
//!
//! The host's endpoint, which has looked at everything already, outlives a break.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use causeway_api::{ApiError, ErrorCode, HaltCode, Mode, Remedy, ShareInfo};
use causeway_sync::Side;
use causeway_sync::session::{Halt, Limits, RootFault, Session, Settings};
use causeway_wire::agent::ShareId;

use super::actor::{Actor, Input, Link, Up};
use super::attempt::{AGENT_LIMIT, Attempt, AttemptError, AttemptInput, LEDGER_NAME, Opened};
use super::command::{Command, Reply};
use super::leave::Leave;
use super::milestones::Milestones;
use super::rules;
use super::{shown, space};
use crate::settings::ShareSettings;

/// How long the deletion of the guest's copy may take.
const REMOVE_LIMIT: Duration = Duration::from_secs(600);

/// Numbers of attempts, over all shares and restarts of their threads: no two are the same.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

impl Actor {
    /// Begins an attempt, unless one is under way.
    pub(super) fn connect(&mut self) {
        if self.attempting {
            return;
        }
        self.generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        self.attempting = true;
        self.link = Link::Connecting;
        self.began_ms = self.clock.now_ms();
        self.news = Default::default();
        self.lost = None;
        let attempt = AttemptInput {
            settings: self.settings.clone(),
            around: self.around.clone(),
            dir: self.dir.clone(),
            reporters: Side::BOTH.map(|side| self.reporter(side)),
            now_ms: self.began_ms,
        };
        let (generation, sender, host) = (self.generation, self.sender.clone(), self.host.take());
        let run = move || {
            let result = attempt.run(host);
            // A thread that has ended drops what was joined, which closes it.
            let _ = sender.send(Input::Attempted(generation, result.map(Box::new).map_err(Box::new)));
        };
        if let Err(error) = std::thread::Builder::new().name("share attempt".to_owned()).spawn(run) {
            self.attempting = false;
            self.go_down(format!("No thread could be started: {error}."));
        }
    }

    pub(super) fn handle_attempt(&mut self, generation: u64, result: Result<Box<Opened>, Box<Attempt>>) {
        self.attempting = false;
        let wanted = generation == self.generation && matches!(self.link, Link::Connecting);
        match result {
            Ok(opened) if wanted => self.go_up(*opened),
            Err(attempt) if wanted => self.attempt_failed(*attempt),
            // What was joined is let go of, here where nothing waits for it. If it is wanted again, the next attempt begins.
            stale => drop(stale),
        }
    }

    fn go_up(&mut self, opened: Opened) {
        let now_ms = self.clock.now_ms();
        let Opened { host, guest, lanes, hello: [host_hello, guest_hello], ledger, rules, guest_path } = opened;
        let settings = Settings { mode: mode(&self.settings), rules: rules.rules.clone(), limits: Limits::default() };
        self.guest_path = Some(guest_path);
        let host_side = host.side();
        self.host = Some(host);
        let session = Session::new(settings, ledger, &host_hello, &guest_hello, now_ms);
        let Some(session) = self.check_ledger(session) else { return };
        tracing::info!(share = %self.settings.name, "joined");
        self.link = Link::Up(Box::new(Up {
            session,
            host: host_side,
            guest,
            lanes,
            rules,
            acknowledgements: Default::default(),
            pinned: None,
            flights: Default::default(),
            crawled: [false; 2],
            milestones: Milestones::joined(self.began_ms, now_ms),
            undurable: [None, None],
            prepared_ms: None,
            noted: false,
            halted_since_ms: None,
        }));
        self.known.counting = false;
        self.known.uncounted = true;
        self.known.goal = None;
        if let Some(reason) = self.lost.take() {
            return self.go_down(reason);
        }
        // What came before the session began.
        for side in Side::BOTH {
            if let Some(fault) = self.news[side as usize].root_fault {
                self.handle_root_fault(side, fault);
            }
        }
        self.pin();
        self.begin_flushes();
    }

    fn attempt_failed(&mut self, attempt: Attempt) {
        self.host = attempt.host;
        match attempt.failure {
            AttemptError::Root(fault) => {
                tracing::warn!(share = %self.settings.name, ?fault, "could not be joined");
                self.link = Link::RootFault { fault, since_ms: self.clock.now_ms() };
            }
            AttemptError::NoAgent(absent) => {
                tracing::info!(share = %self.settings.name, reason = absent.reason, "can't be joined yet");
                self.await_retry(absent.reason, absent.remedy);
                // The agent may have come while the attempt went without.
                self.handle_machine_change();
            }
            other => {
                tracing::warn!(share = %self.settings.name, error = %other, "could not be joined");
                self.await_retry(other.to_string(), space::remedy(&other));
            }
        }
    }

    /// The connection is of no use any more: another attempt is made, at once the first time.
    pub(super) fn go_down(&mut self, reason: String) {
        self.go_down_with(reason, None);
    }

    /// The same, and a person can do something about it.
    pub(super) fn go_down_with(&mut self, reason: String, remedy: Option<Remedy>) {
        tracing::warn!(share = %self.settings.name, reason, "not joined any more");
        self.await_retry(reason, remedy);
    }

    fn await_retry(&mut self, reason: String, remedy: Option<Remedy>) {
        let now_ms = self.clock.now_ms();
        self.disconnect();
        let ran = Duration::from_millis(now_ms.saturating_sub(self.began_ms));
        let wait = u64::try_from(self.backoff.after(ran).as_millis()).unwrap_or(u64::MAX);
        self.link = Link::Down { reason, remedy, retry_ms: now_ms.saturating_add(wait) };
    }

    /// Lets go of the session and of the guest. The host's endpoint goes on looking.
    pub(super) fn disconnect(&mut self) {
        // What the old session's sides still tell is void.
        self.generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        let down = Link::Down { reason: String::new(), remedy: None, retry_ms: u64::MAX };
        if let Link::Up(up) = std::mem::replace(&mut self.link, down) {
            up.guest.end();
            up.host.end();
            drop(up);
        }
        self.forget_flush_tokens();
        self.known.counting = false;
        self.answer_shows();
    }

    /// Lets go of everything, so that nothing is watched or held open.
    pub(super) fn rest(&mut self) {
        self.disconnect();
        self.host = None;
        if let Ok(agent) = self.around.machine.agent()
            && let Err(error) = agent.close_share(wire_id(&self.settings), AGENT_LIMIT)
        {
            tracing::warn!(share = %self.settings.name, %error, "the agent did not close its copy");
        }
    }

    pub(super) fn handle_machine_change(&mut self) {
        let agent = self.around.machine.agent();
        let now_ms = self.clock.now_ms();
        if let Link::Down { reason, remedy, retry_ms } = &mut self.link {
            match agent {
                Ok(_) => *retry_ms = (*retry_ms).min(now_ms),
                Err(absent) => (*reason, *remedy) = (absent.reason, absent.remedy),
            }
        }
    }

    pub(super) fn handle_command(&mut self, command: Command) {
        match command {
            Command::Show(reply) => self.show(reply),
            Command::Pause(reply) => self.pause(reply),
            Command::Resume { accept, reply } => {
                let result = self.resume(accept);
                self.reply_shown(reply, result);
            }
            Command::Flush { timeout_ms, reply } => self.flush(timeout_ms, reply),
            Command::Reset(reply) => {
                let result = self.reset();
                self.reply_shown(reply, result);
            }
            Command::SetMode { mode, reply } => self.set_mode(mode, reply),
            Command::Retry(reply) => self.retry(reply),
            Command::Prune(reply) => self.prune(reply),
            Command::Verify(reply) => self.verify(reply),
            Command::StopVerifying(reply) => self.stop_verifying(reply),
            Command::Conflicts(list, reply) => self.conflicts(&list, reply),
            Command::Resolve(resolve, reply) => self.resolve(&resolve, reply),
            Command::Problems(list, reply) => self.problems(&list, reply),
            Command::RenamePath(rename, reply) => self.rename_path(&rename, reply),
            Command::BinList(list, reply) => self.bin_list(list, reply),
            Command::BinRestore(which, reply) => self.bin_restore(which, reply),
            Command::BinEmpty(which, reply) => self.bin_empty(&which, reply),
            Command::Remove { force, reply } => self.remove(force, reply),
            Command::Edited => {
                if let Some(host) = &self.host {
                    host.endpoint().note_edit();
                    self.known.uncounted = true;
                }
            }
            Command::Republish => {
                self.unpublished = true;
                self.pin();
            }
            Command::Stop => self.leave(Leave::Stop),
        }
    }

    fn pause(&mut self, reply: Reply<ShareInfo>) {
        if self.settings.paused && self.leaving.is_none() {
            return self.reply_shown(reply, Ok(()));
        }
        self.settings.paused = true;
        self.leave(Leave::Pause(reply));
    }

    fn resume(&mut self, accept: Option<HaltCode>) -> Result<(), ApiError> {
        let halt = self.halt();
        match (accept, halt) {
            (Some(code), Some(halt)) if shown::halt_code(&halt) == code => self.accept(&halt),
            (Some(code), _) => Err(ApiError::new(
                ErrorCode::NotHalted,
                format!("The share \"{}\" is not halted for {code}.", self.settings.name),
            )),
            (None, Some(halt)) => {
                if matches!(halt, Halt::Root { .. }) {
                    // What stands there now may be another folder: everything is opened anew.
                    self.rest();
                }
                self.look_again();
                Ok(())
            }
            (None, None) => {
                if self.settings.paused {
                    self.settings.paused = false;
                    self.look_again();
                }
                Ok(())
            }
        }
    }

    /// Why the share is halted.
    pub(super) fn halt(&self) -> Option<Halt> {
        match &self.link {
            Link::Up(up) => up.session.halted().cloned(),
            Link::RootFault { fault, .. } => Some(Halt::Root { side: Side::Host, fault: *fault }),
            _ => None,
        }
    }

    /// Begins anew at once, with everything looked at again.
    pub(super) fn look_again(&mut self) {
        self.disconnect();
        self.link = Link::Down { reason: String::new(), remedy: None, retry_ms: self.clock.now_ms() };
    }

    /// Lets happen what a halt held back.
    fn accept(&mut self, halt: &Halt) -> Result<(), ApiError> {
        let now_ms = self.clock.now_ms();
        tracing::warn!(share = %self.settings.name, ?halt, "a person accepts the halt");
        match halt {
            Halt::ReplicaChanged | Halt::MassDeletion { .. } => {
                let Link::Up(up) = &mut self.link else { return Err(self.not_up()) };
                let result = up.session.accept_halt(now_ms);
                self.check_ledger(result);
            }
            Halt::Root { fault: RootFault::NotADirectory, .. } => {
                return Err(ApiError::new(
                    ErrorCode::ShareHalted,
                    "What isn't a folder any more can't be synchronised.",
                )
                .with_remedy(Remedy::sentence("Put the folder back and resume the share.")));
            }
            Halt::Root { side, .. } => {
                // The guest's is made where it is missing when it is opened anew.
                if *side == Side::Host {
                    make_missing(&self.settings.host_path)?;
                }
                self.leave(Leave::AcceptEmptied(*side));
            }
        }
        Ok(())
    }

    /// What was agreed on under one mode means something else under another: what a container deleted while that stayed in the guest
    /// isn't to be deleted on the host. So both sides are compared afresh.
    fn set_mode(&mut self, mode: Mode, reply: Reply<ShareInfo>) {
        if self.settings.mode == mode {
            return self.reply_shown(reply, Ok(()));
        }
        if self.halt().is_some() {
            let name = &self.settings.name;
            let error = ApiError::new(ErrorCode::ShareHalted, format!("The share \"{name}\" is halted."));
            let remedy = Remedy::command("See why, and the ways on.", format!("causeway share show {name}"));
            return drop(reply.send(Err(error.with_remedy(remedy))));
        }
        self.settings.mode = mode;
        tracing::info!(share = %self.settings.name, ?mode, "has another mode");
        self.leave(Leave::Afresh(reply));
    }

    /// Forgets what was agreed on, and goes on as the share is meant to: joined, or at rest. Unlike a reset it takes a root that is
    /// missing or empty for nothing else than that.
    pub(super) fn begin_afresh(&mut self) -> Result<(), ApiError> {
        self.rest();
        let forgotten = self.forget_agreed();
        if self.settings.paused {
            self.link = Link::Paused;
        } else {
            self.look_again();
        }
        forgotten
    }

    /// A session that begins tries all problems.
    fn retry(&mut self, reply: Reply<ShareInfo>) {
        match self.link {
            Link::Up(_) => self.leave(Leave::Rejoin(reply)),
            _ => drop(reply.send(Err(self.not_up()))),
        }
    }

    fn reset(&mut self) -> Result<(), ApiError> {
        if self.settings.paused {
            return Err(self.not_up());
        }
        self.rest();
        make_missing(&self.settings.host_path)?;
        self.forget_agreed()?;
        self.accept_emptied = [true; 2];
        tracing::info!(share = %self.settings.name, "was reset");
        self.look_again();
        Ok(())
    }

    fn forget_agreed(&self) -> Result<(), ApiError> {
        remove_stores(&self.dir, LEDGER_NAME)
            .map_err(|e| ApiError::new(ErrorCode::Io, format!("The ledger can't be removed: {e}.")))
    }

    fn remove(&mut self, force: bool, reply: Reply<()>) {
        let result = self.remove_now(force);
        if result.is_ok() {
            self.end();
        }
        let _ = reply.send(result);
    }

    fn remove_now(&mut self, force: bool) -> Result<(), ApiError> {
        if !force {
            self.check_nothing_is_lost()?;
        }
        self.disconnect();
        self.host = None;
        match self.around.machine.agent() {
            Ok(agent) => agent
                .remove_share(wire_id(&self.settings), REMOVE_LIMIT)
                .map_err(|e| ApiError::new(ErrorCode::Io, format!("The copy in the guest can't be deleted: {e}.")))
                .or_else(|error| if force { Ok(()) } else { Err(error) })?,
            Err(absent) if force => {
                tracing::warn!(share = %self.settings.name, reason = absent.reason, "the copy in the guest stays");
            }
            Err(_) => return Err(self.not_up()),
        }
        match fs::remove_dir_all(&self.dir) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(ApiError::new(ErrorCode::Io, format!("{} can't be deleted: {e}.", self.dir.display())))
            }
            _ => Ok(()),
        }
    }

    /// The guest's copy may go where the host holds all of it.
    fn check_nothing_is_lost(&mut self) -> Result<(), ApiError> {
        let name = self.settings.name.clone();
        let force = || Remedy::command("Remove it all the same.", format!("causeway share remove {name} --force"));
        let Link::Up(up) = &self.link else { return Err(self.not_up().with_remedy(force())) };
        let status = up.session.status();
        let Some(status) = self.check_ledger(status) else { return Err(self.not_up()) };
        let more = if !status.prepared || status.halted {
            "may hold content that the host doesn't have, for the share isn't prepared".to_owned()
        } else if status.pending > 0 {
            format!("may hold content that the host doesn't have: {} changes are on their way", status.pending)
        } else if status.holds.conflicts + status.holds.problems + status.holds.one_sided > 0 {
            let holds = status.holds;
            format!(
                "may hold content that the host doesn't have: {} conflicts, {} problems, {} paths on one side only",
                holds.conflicts, holds.problems, holds.one_sided
            )
        } else {
            return Ok(());
        };
        Err(ApiError::new(ErrorCode::GuestHasMore, format!("The copy of \"{name}\" in the guest {more}."))
            .with_remedy(force()))
    }

    /// Reads `.syncignore` again, and sets new rules everywhere.
    pub(super) fn reload_rules(&mut self) {
        let now_ms = self.clock.now_ms();
        let loaded = rules::load(&self.settings.host_path, &self.settings.patterns, &self.dir, now_ms);
        let Link::Up(up) = &mut self.link else { return };
        if loaded.fault.is_some() {
            // What is in force stays so, and what was wrong before stays wrong since then.
            up.rules.fault = up
                .rules
                .fault
                .take()
                .filter(|known| loaded.fault.as_ref().is_some_and(|new| new.0 == known.0))
                .or(loaded.fault);
            return;
        }
        let same = loaded.texts == up.rules.texts;
        up.rules = loaded;
        if same {
            return;
        }
        tracing::info!(share = %self.settings.name, "new rules are in force");
        // The session first: what the sides tell from now on is told by the new rules.
        let result = up.session.set_rules(up.rules.rules.clone(), now_ms);
        for side in Side::BOTH {
            up.side(side).set_rules(up.rules.texts.clone());
        }
        self.check_ledger(result);
    }
}

fn make_missing(folder: &Path) -> Result<(), ApiError> {
    match fs::create_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            Err(ApiError::new(ErrorCode::Io, format!("The folder {} can't be made: {e}.", folder.display())))
        }
        _ => Ok(()),
    }
}

/// Removes a store with the files that SQLite keeps beside it.
fn remove_stores(dir: &Path, name: &str) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        match fs::remove_file(dir.join(format!("{name}{suffix}"))) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// The share's id as the agent knows it.
pub(super) fn wire_id(settings: &ShareSettings) -> ShareId {
    let digits = settings.id.0.as_bytes();
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let pair = std::str::from_utf8(pair).unwrap_or_default();
        *byte = u8::from_str_radix(pair, 16).unwrap_or_default();
    }
    ShareId(bytes)
}

fn mode(settings: &ShareSettings) -> causeway_sync::reconcile::Mode {
    use causeway_sync::reconcile::Mode;
    match settings.mode {
        causeway_api::Mode::TwoWaySafe => Mode::TwoWaySafe,
        causeway_api::Mode::TwoWayResolved => Mode::TwoWayResolved,
        causeway_api::Mode::OneWaySafe => Mode::OneWaySafe,
        causeway_api::Mode::OneWayReplica => Mode::OneWayReplica,
    }
}
