//! The thread that answers pulls.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use causeway_sync::Seq;

use super::core::{Core, Pull};
use crate::fs::Fs;

/// How long a wait for changes may last before it begins anew; it ends by a change, or by [`withdraw`].
const WAIT: Duration = Duration::from_secs(3600);
/// How long to wait after the index has failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Answers pulls until the runner ends.
pub(super) fn run<F: Fs>(core: &Core<F>) {
    while let Some((number, after, limit, knows_crawled)) = next_pull(core) {
        let told = core.endpoint.wait_for_changes(after, limit as usize, knows_crawled, WAIT);
        let mut session = core.session();
        session.feeding = false;
        core.pulled.notify_all();
        let answer = match &told {
            Ok(Some(changes)) if session.number == number => {
                session.knows_crawled = changes.crawled;
                session.pull.take().map(|pull| pull.answer)
            }
            _ => None,
        };
        drop(session);
        match (told, answer) {
            (Ok(Some(changes)), Some(answer)) => answer(changes),
            (Ok(_), _) => {}
            (Err(error), _) => {
                tracing::warn!(%error, "changes can't be read");
                std::thread::sleep(AGAIN);
            }
        }
    }
}

/// Waits for a pull; `None` when the runner ends.
fn next_pull<F: Fs>(core: &Core<F>) -> Option<(u64, Seq, u32, bool)> {
    let mut session = core.session();
    loop {
        if session.quit {
            return None;
        }
        if let Some(Pull { after, limit, .. }) = session.pull {
            session.feeding = true;
            return Some((session.number, after, limit, session.knows_crawled));
        }
        session = core.pulled.wait(session).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Notes a pull of a session, unless that is over.
pub(super) fn pull<F: Fs>(core: &Core<F>, number: u64, pull: Pull) {
    let mut session = core.session();
    if session.number == number {
        session.pull = Some(pull);
        core.pulled.notify_all();
    }
}

/// Withdraws the pull, and waits until the thread waits for no changes any more.
pub(super) fn withdraw<F: Fs>(core: &Arc<Core<F>>) {
    let mut session = core.session();
    let dropped = session.pull.take();
    while session.feeding {
        drop(session);
        // Once may be too early: the thread may be about to wait.
        core.endpoint.wake();
        session = core.session();
        if session.feeding {
            let waited = core.pulled.wait_timeout(session, Duration::from_millis(1));
            session = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    drop(session);
    drop(dropped);
}
