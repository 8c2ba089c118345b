//! Leaving a session in good order: what is on its way comes to its end, and what both sides agree on is noted. What changes after
//! that is then told from what was so before, instead of looking like a conflict.

use causeway_api::ShareInfo;
use causeway_sync::Side;

use super::actor::{Actor, Link};
use super::command::Reply;

/// How long a session may take to its end. What is cut off then, a large file on its way, is begun anew by the next session.
const LEAVE_MS_MAX: u64 = 2_000;

/// What comes after the session.
#[derive(Debug)]
pub enum Leave {
    /// The share rests, and whoever asked for that hears of it.
    Pause(Reply<ShareInfo>),
    /// The root of this side may be empty: both are opened anew.
    AcceptEmptied(Side),
    /// What was agreed on is forgotten, and both sides are compared afresh; whoever asked for that hears of it.
    Afresh(Reply<ShareInfo>),
    /// Both sides are joined anew, and whoever asked for that hears of it.
    Rejoin(Reply<ShareInfo>),
    /// The share's thread ends.
    Stop,
}

/// A session on its way to its end.
#[derive(Debug)]
pub struct Leaving {
    until_ms: u64,
    then: Vec<Leave>,
}

impl Leaving {
    /// When the session ends at the latest, in milliseconds since 1970.
    pub fn due_ms(&self) -> u64 {
        self.until_ms
    }
}

impl Actor {
    /// Brings the session, if there is one, to its end.
    pub(super) fn leave(&mut self, then: Leave) {
        let now_ms = self.clock.now_ms();
        let leaving = self.leaving.get_or_insert(Leaving { until_ms: now_ms + LEAVE_MS_MAX, then: Vec::new() });
        leaving.then.push(then);
        if let Link::Up(up) = &mut self.link {
            let result = up.session.leave(now_ms);
            self.check_ledger(result);
        }
    }

    /// Goes on to what comes after the session, once that is at its end.
    pub(super) fn leave_when_done(&mut self, now_ms: u64) {
        let Some(leaving) = &self.leaving else { return };
        let at_work = matches!(&self.link, Link::Up(up) if !up.session.is_at_rest());
        if at_work && leaving.until_ms > now_ms {
            return;
        }
        for then in self.leaving.take().into_iter().flat_map(|leaving| leaving.then) {
            match then {
                Leave::Stop => self.end(),
                Leave::Afresh(reply) => {
                    let result = self.begin_afresh();
                    self.reply_shown(reply, result);
                }
                Leave::Rejoin(reply) => {
                    // Somebody may have wanted it to rest meanwhile.
                    if !self.settings.paused {
                        self.look_again();
                    }
                    self.reply_shown(reply, Ok(()));
                }
                Leave::AcceptEmptied(side) => {
                    self.rest();
                    self.accept_emptied[side as usize] = true;
                    self.look_again();
                }
                Leave::Pause(reply) => {
                    // Somebody may have wanted it to go on meanwhile.
                    if self.settings.paused {
                        self.rest();
                        self.link = Link::Paused;
                    }
                    self.reply_shown(reply, Ok(()));
                }
            }
        }
    }
}
