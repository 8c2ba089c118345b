//! Answering pulls.
//!
//! Whoever brings news answers the pull that waits for it, on the way: a change waits for no other thread.

use causeway_sync::{Changes, Seq};

use super::boot::now_ms;
use super::core::{AGAIN_MS, Core, lock};
use super::side::Answer;
use crate::feed::Inquiry;
use crate::fs::Fs;

/// The session's pull.
#[derive(Default)]
pub(super) struct Feed {
    pull: Option<Pull>,
    /// Whether the session has been told that all has been looked at.
    knows_crawled: bool,
}

/// A pull that waits for changes.
struct Pull {
    asked: Inquiry,
    answer: Answer<Changes>,
}

/// Answers the pull, if there is one and something to tell.
pub(super) fn tell<F: Fs>(core: &Core<F>) {
    // Held while the answer is looked for: what comes meanwhile is found by the next call, which waits here.
    let mut feed = lock(&core.feed);
    let knows_crawled = feed.knows_crawled;
    let Some(pull) = &mut feed.pull else { return };
    match core.endpoint.news(&mut pull.asked, knows_crawled) {
        Ok(Some(changes)) => {
            feed.knows_crawled = changes.crawled;
            let pull = feed.pull.take();
            drop(feed);
            if let Some(pull) = pull {
                (pull.answer)(changes);
            }
        }
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(%error, "changes can't be read");
            drop(feed);
            core.plan(|agenda| agenda.tell_due_ms = Some(now_ms() + AGAIN_MS));
        }
    }
}

/// Notes a pull of a session, unless that is over, and answers it if there is something to tell.
pub(super) fn pull<F: Fs>(core: &Core<F>, number: u64, after: Seq, limit: u32, answer: Answer<Changes>) {
    let session = core.session();
    if session.number != number {
        return;
    }
    lock(&core.feed).pull = Some(Pull { asked: Inquiry::new(after, limit as usize), answer });
    drop(session);
    tell(core);
}

/// Withdraws the pull. None is being looked for then.
pub(super) fn withdraw<F: Fs>(core: &Core<F>) {
    let dropped = std::mem::take(&mut *lock(&core.feed));
    drop(dropped);
}
