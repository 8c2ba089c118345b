//! Making durable what was done and told. Where a side can't for want of space it is asked again until it can: the session waits, and
//! goes on where it stood. Ending it instead would lose what it knows of this side, which that side couldn't note either.

use causeway_sync::{Problem, ProblemKind, RelPath, Side};

use super::actor::{Actor, Link, Up};
use super::reports::Report;
use super::shown;

/// How long to wait before a side is asked again: at first, and at most.
const AGAIN_MS_MIN: u64 = 500;
const AGAIN_MS_MAX: u64 = 5_000;

/// What a side can't make durable at present.
#[derive(Clone, Debug)]
pub struct Undurable {
    /// Why not.
    pub problem: Problem,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// The session's request.
    token: u64,
    /// When the side is asked again; `None` while it is at it.
    again_ms: Option<u64>,
    /// How long was waited before.
    waited_ms: u64,
}

impl Up {
    /// When a side is to be asked again.
    pub(super) fn sync_due_ms(&self) -> Option<u64> {
        self.undurable.iter().flatten().filter_map(|undurable| undurable.again_ms).min()
    }
}

impl Actor {
    pub(super) fn handle_synced(&mut self, side: Side, token: u64, result: Result<(), Problem>, now_ms: u64) {
        let Link::Up(up) = &mut self.link else { return };
        let before = up.undurable[side as usize].take().filter(|before| before.token == token);
        let problem = match result {
            Ok(()) => {
                let result = up.session.handle_synced(side, token, now_ms);
                self.check_ledger(result);
                return;
            }
            Err(problem) => problem,
        };
        if problem.kind != ProblemKind::NoSpace {
            // The ancestor must not advance. A new session tells all again, and tries again.
            let words = shown::problem(RelPath::ROOT, &problem, now_ms).sentence;
            return self.go_down(format!("What was written can't be made durable. {words}"));
        }
        let since_ms = before.as_ref().map_or(now_ms, |before| before.since_ms);
        let waited_ms = before.map_or(AGAIN_MS_MIN, |before| (before.waited_ms * 2).min(AGAIN_MS_MAX));
        tracing::warn!(share = %self.settings.name, ?side, detail = problem.detail, "no space to make durable what was done");
        up.undurable[side as usize] =
            Some(Undurable { problem, since_ms, token, again_ms: Some(now_ms + waited_ms), waited_ms });
    }

    /// Asks again the sides that couldn't before.
    pub(super) fn sync_again_when_due(&mut self, now_ms: u64) {
        for side in Side::BOTH {
            let reporter = self.reporter(side);
            let Link::Up(up) = &mut self.link else { return };
            let Some(undurable) = &mut up.undurable[side as usize] else { continue };
            if undurable.again_ms.is_some_and(|again_ms| again_ms <= now_ms) {
                undurable.again_ms = None;
                let token = undurable.token;
                up.side(side).sync(reporter.answer(move |result| Report::Synced(token, result)));
            }
        }
    }

    /// What a side can't make durable, unless the side shows the same of itself.
    pub(super) fn undurable(&self, side: Side) -> Option<&Undurable> {
        let Link::Up(up) = &self.link else { return None };
        let shows_itself = self.news[side as usize].unseen.contains_key(RelPath::ROOT);
        up.undurable[side as usize].as_ref().filter(|_| !shows_itself)
    }
}
