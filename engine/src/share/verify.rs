//! Verification: both sides are read whole from their disks, and their digests compared.
//!
//! Both tell their entries in the same order, page by page, so that memory doesn't grow with the tree. What differs and isn't explained
//! is looked at a second time, after a moment: a change that was on its way has arrived by then.
//!
//! There is one at a time of a share: who asks while it is under way waits for the same one. It ends early when a person stops it, and
//! when nobody waits for it any more.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use causeway_api::verify::DIFFERENCES_MAX;
use causeway_api::{ApiError, Because, Difference, ErrorCode, Nothing, Timestamp, Verification, Verified, Verifying};
use causeway_sync::ledger::{Hold, Ledger};
use causeway_sync::{Entry, RelPathBuf, Side};
use causeway_wire::errand::{Errand, ErrandReply, PAGE_ITEMS_MAX, VerifiedEntry};

use super::actor::{Actor, Input, Link};
use super::command::Reply;
use super::errands::{self, Sides, WANTED_INTERVAL, error, misanswered};
use super::lists::ledger_error;
use super::meter::Meter;
use super::publish::PUBLISH_INTERVAL_MS;
use super::shown;

/// How long a change may take to cross before a difference counts as unexplained.
const SETTLE: Duration = Duration::from_secs(2);

/// A verification that is under way.
pub(super) struct Underway {
    /// How far it is.
    pub progress: Verifying,
    /// Bytes that each side has read, as it tells on the way.
    read: [u64; 2],
    meter: Meter,
    wish: Arc<Wish>,
    /// Who asked while it was being stopped: they want the next one.
    next: Vec<Reply<Verification>>,
}

impl Underway {
    fn new(progress: Verifying, wish: Arc<Wish>) -> Self {
        Self { progress, read: [0; 2], meter: Meter::default(), wish, next: Vec::new() }
    }

    /// What both sides are compared to by now. The bytes are as the sides have told.
    fn compared(&mut self, progress: Verifying, now_ms: u64) {
        if progress.again != self.progress.again {
            self.read = [0; 2];
        }
        self.progress = progress;
        self.measure(now_ms);
    }

    fn measure(&mut self, now_ms: u64) {
        let at = &mut self.progress;
        at.bytes_done = self.read[0].saturating_add(self.read[1]);
        self.meter.note(now_ms, at.entries_done, at.bytes_done);
        // Within a large file no entry is done for long.
        let entries = if at.bytes_total > 0 { 0 } else { at.entries_total.saturating_sub(at.entries_done) };
        at.left_ms = self.meter.left_ms(entries, at.bytes_total.saturating_sub(at.bytes_done));
    }
}

/// Who wants a verification.
struct Wish {
    waiting: Mutex<Vec<Reply<Verification>>>,
    /// A person wants it to end.
    stopped: AtomicBool,
}

impl Wish {
    fn of(reply: Reply<Verification>) -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::new(vec![reply]), stopped: AtomicBool::new(false) })
    }

    fn is_alive(&self) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        !self.stopped.load(Relaxed) && waiting.iter().any(|reply| !reply.is_closed())
    }

    fn join(&self, reply: Reply<Verification>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
    }

    fn answer(&self, result: &Result<Verification, ApiError>) {
        for reply in self.waiting.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // Who has left needs none.
            let _ = reply.send(result.clone());
        }
    }
}

/// What a verification's own thread works with.
struct Run {
    sides: Sides,
    inbox: Sender<Input>,
    wish: Arc<Wish>,
}

impl Run {
    fn tell(&self, then: impl FnOnce(&mut Actor) + Send + 'static) {
        // A thread that has ended shows nothing any more.
        let _ = self.inbox.send(Input::Done(Box::new(then)));
    }

    /// As long as anybody wants it.
    fn wait(&self, long: Duration) {
        let until = Instant::now() + long;
        while Instant::now() < until && self.wish.is_alive() {
            std::thread::sleep(WANTED_INTERVAL);
        }
    }
}

fn stopped() -> ApiError {
    ApiError::new(ErrorCode::Stopped, "The verification was stopped before both sides had been read whole.")
}

/// One side's entries, in order.
struct Walk<'a> {
    run: &'a Run,
    side: Side,
    page: std::vec::IntoIter<VerifiedEntry>,
    after: Option<RelPathBuf>,
    more: bool,
    next: Option<VerifiedEntry>,
}

impl<'a> Walk<'a> {
    fn new(run: &'a Run, side: Side) -> Result<Self, ApiError> {
        let mut walk = Self { run, side, page: Vec::new().into_iter(), after: None, more: true, next: None };
        walk.advance()?;
        Ok(walk)
    }

    /// Goes on to the next entry; the one before is returned.
    fn advance(&mut self) -> Result<Option<VerifiedEntry>, ApiError> {
        let mut next = self.page.next();
        while next.is_none() && self.more {
            let limit = u32::try_from(PAGE_ITEMS_MAX).expect("a page's length fits");
            let errand = Errand::Verify { after: self.after.clone(), limit };
            let wish = &self.run.wish;
            let page = self.run.sides.read(self.side, errand, || wish.is_alive()).ok_or_else(stopped)?;
            let ErrandReply::Verified { entries, more } = page.map_err(|failure| error(&failure))? else {
                return Err(misanswered());
            };
            // A side that says there is more but tells nothing would be asked for ever.
            self.more = more && !entries.is_empty();
            self.after = entries.last().map(|entry| entry.path.clone()).or(self.after.take());
            self.page = entries.into_iter();
            next = self.page.next();
        }
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// What both walks found at one path.
struct Pair {
    path: RelPathBuf,
    host: Option<VerifiedEntry>,
    guest: Option<VerifiedEntry>,
}

impl Pair {
    fn entry(found: Option<&VerifiedEntry>) -> Option<&Entry> {
        found.and_then(|found| found.found.as_ref().ok())
    }

    /// What can't be read is no difference; it is a problem that is listed as such. Times are not compared: they may be coarser on
    /// one side.
    fn differs(&self) -> bool {
        let unreadable = |found: &Option<VerifiedEntry>| found.as_ref().is_some_and(|found| found.found.is_err());
        if unreadable(&self.host) || unreadable(&self.guest) {
            return false;
        }
        match (Self::entry(self.host.as_ref()), Self::entry(self.guest.as_ref())) {
            (None | Some(Entry::Untracked), None | Some(Entry::Untracked)) => false,
            (Some(host), Some(guest)) => !host.same_content(guest),
            _ => true,
        }
    }

    fn bytes(&self) -> u64 {
        let of =
            |found: &Option<VerifiedEntry>| Self::entry(found.as_ref()).and_then(Entry::as_file).map_or(0, |f| f.size);
        of(&self.host) + of(&self.guest)
    }
}

/// Calls `each` for every path that stands on either side.
fn join(run: &Run, mut each: impl FnMut(Pair)) -> Result<(), ApiError> {
    let mut host = Walk::new(run, Side::Host)?;
    let mut guest = Walk::new(run, Side::Guest)?;
    loop {
        let order = match (&host.next, &guest.next) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.path.cmp(&b.path),
        };
        let on_host = if order.is_le() { host.advance()? } else { None };
        let on_guest = if order.is_ge() { guest.advance()? } else { None };
        let path = on_host.as_ref().or(on_guest.as_ref()).map(|found| found.path.clone());
        let path = path.expect("the order says that one of the two is there");
        each(Pair { path, host: on_host, guest: on_guest });
    }
}

/// Asks the share's thread why paths differ, as far as it knows.
fn explain(inbox: &Sender<Input>, paths: Vec<RelPathBuf>) -> Result<Vec<Option<Because>>, ApiError> {
    let (answer, answered) = mpsc::channel();
    let ask = move |actor: &mut Actor| drop(answer.send(actor.explain(&paths)));
    let gone = || ApiError::new(ErrorCode::ShareDisconnected, "The share stopped during the verification.");
    inbox.send(Input::Done(Box::new(ask))).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

impl Actor {
    pub(super) fn verify(&mut self, reply: Reply<Verification>) {
        if let Some(Underway { wish, next, .. }) = &mut self.verifying {
            return if wish.is_alive() { wish.join(reply) } else { next.push(reply) };
        }
        let sides = match self.sides() {
            Ok(sides) => sides,
            Err(error) => return drop(reply.send(Err(error))),
        };
        let wish = Wish::of(reply);
        let progress = self.nothing_verified(Timestamp::now());
        let run = Run { sides, inbox: self.sender.clone(), wish: Arc::clone(&wish) };
        self.verifying = Some(Underway::new(progress, wish));
        errands::start(move || {
            let result = verify(&run, progress);
            let wish = Arc::clone(&run.wish);
            run.tell(move |actor| actor.end_verification(&wish, &result));
        });
    }

    /// A verification that has read nothing yet of what both sides held when they were last counted.
    fn nothing_verified(&self, since: Timestamp) -> Verifying {
        let counts = self.known.counts.map(Option::unwrap_or_default);
        let entries = counts.map(|counts| counts.files + counts.directories + counts.symlinks);
        Verifying {
            since,
            again: false,
            entries_done: 0,
            entries_total: entries[0].max(entries[1]),
            bytes_done: 0,
            bytes_total: counts[0].bytes + counts[1].bytes,
            differ: 0,
            left_ms: None,
        }
    }

    fn end_verification(&mut self, wish: &Arc<Wish>, result: &Result<Verification, ApiError>) {
        if let Ok(found) = result {
            self.verified = Some(Verified { at: found.at, differ: found.differ });
        }
        wish.answer(result);
        if let Some(underway) = self.verifying.take_if(|underway| Arc::ptr_eq(&underway.wish, wish)) {
            for reply in underway.next {
                self.verify(reply);
            }
        }
    }

    fn show_verifying(&mut self, wish: &Arc<Wish>, progress: Verifying) {
        let now_ms = self.clock.now_ms();
        if let Some(underway) = self.verifying.as_mut().filter(|underway| Arc::ptr_eq(&underway.wish, wish)) {
            underway.compared(progress, now_ms);
        }
    }

    /// A side tells how much it has read.
    pub(super) fn show_verify_read(&mut self, side: Side, bytes: u64) {
        let now_ms = self.clock.now_ms();
        if let Some(underway) = &mut self.verifying {
            underway.read[side as usize] = bytes;
            underway.measure(now_ms);
        }
    }

    pub(super) fn stop_verifying(&mut self, reply: Reply<Nothing>) {
        if let Some(underway) = &self.verifying {
            underway.wish.stopped.store(true, Relaxed);
        }
        let _ = reply.send(Ok(Nothing {}));
    }

    fn explain(&mut self, paths: &[RelPathBuf]) -> Result<Vec<Option<Because>>, ApiError> {
        let Link::Up(up) = &self.link else { return Err(self.not_up()) };
        let ledger = up.session.ledger();
        let why = |path: &RelPathBuf| {
            // What stands below a held directory is explained by it.
            for at in path.ancestors().chain(std::iter::once(&**path)) {
                if let Some(diverged) = ledger.diverged(at)? {
                    return Ok(Some(match diverged.hold {
                        Hold::Conflict => Because::Conflict,
                        Hold::Problem(_) => Because::Problem,
                        Hold::OneSided => Because::Mode,
                    }));
                }
            }
            Ok(None)
        };
        paths.iter().map(why).collect::<Result<_, _>>().map_err(ledger_error)
    }
}

/// What differs, with the reasons, as far as it is listed.
#[derive(Default)]
struct Findings {
    explained: Vec<Difference>,
    unexplained: Vec<Difference>,
    differ: u64,
    unexplained_count: u64,
}

impl Findings {
    fn add(&mut self, pairs: Vec<Pair>, reasons: Vec<Option<Because>>) {
        for (pair, reason) in pairs.into_iter().zip(reasons) {
            self.differ += 1;
            self.unexplained_count += u64::from(reason.is_none());
            let list = if reason.is_some() { &mut self.explained } else { &mut self.unexplained };
            if list.len() < DIFFERENCES_MAX {
                list.push(Difference {
                    path: shown::path(&pair.path),
                    host: shown::entry(Pair::entry(pair.host.as_ref())),
                    guest: shown::entry(Pair::entry(pair.guest.as_ref())),
                    because: reason.unwrap_or(Because::Unknown),
                });
            }
        }
    }
}

fn verify(run: &Run, progress: Verifying) -> Result<Verification, ApiError> {
    let (at, began) = (progress.since, Instant::now());
    let (mut findings, mut entries, mut bytes) = look(run, progress)?;
    if findings.unexplained_count > 0 {
        run.wait(SETTLE);
        let (again, seen, read) = look(run, Verifying { again: true, ..progress })?;
        let before = std::mem::take(&mut findings.unexplained);
        let arrived = before.into_iter().filter(|old| !again.unexplained.iter().any(|new| new.path == old.path));
        let pending: Vec<_> = arrived.map(|old| Difference { because: Because::Pending, ..old }).collect();
        findings = again;
        findings.differ += pending.len() as u64;
        findings.explained.extend(pending);
        entries = entries.max(seen);
        bytes += read;
    }
    let mut differences = findings.unexplained;
    differences.extend(findings.explained);
    differences.truncate(DIFFERENCES_MAX);
    Ok(Verification {
        at,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        entries,
        bytes,
        differ: findings.differ,
        unexplained: findings.unexplained_count,
        differences,
    })
}

/// Reads both sides once: what differs, and how many entries and bytes were read. Tells how far it is on the way.
fn look(run: &Run, mut progress: Verifying) -> Result<(Findings, u64, u64), ApiError> {
    let mut findings = Findings::default();
    let mut differing = Vec::new();
    let mut failed = None;
    let mut bytes = 0;
    let mut told = Instant::now();
    join(run, |pair| {
        progress.entries_done += 1;
        bytes += pair.bytes();
        progress.differ += u64::from(pair.differs());
        if told.elapsed() >= Duration::from_millis(PUBLISH_INTERVAL_MS) {
            told = Instant::now();
            let wish = Arc::clone(&run.wish);
            run.tell(move |actor| actor.show_verifying(&wish, progress));
        }
        if pair.differs() {
            differing.push(pair);
        }
        if differing.len() == PAGE_ITEMS_MAX && failed.is_none() {
            failed = settle(&mut findings, &run.inbox, std::mem::take(&mut differing)).err();
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => settle(&mut findings, &run.inbox, differing).map(|()| (findings, progress.entries_done, bytes)),
    }
}

fn settle(findings: &mut Findings, inbox: &Sender<Input>, differing: Vec<Pair>) -> Result<(), ApiError> {
    let paths = differing.iter().map(|pair| pair.path.clone()).collect();
    let reasons = explain(inbox, paths)?;
    findings.add(differing, reasons);
    Ok(())
}
