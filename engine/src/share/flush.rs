//! Flushes: everything that stood on either side before the call stands on both, or a clear answer why not, in time.
//!
//! One that is asked for while the share isn't joined yet, or whose session breaks, waits for the next session: what it asks
//! for can still be had in time.

use causeway_api::{ApiError, ErrorCode, Flushed, Remedy};
use causeway_sync::ledger::Holds;

use super::actor::{Actor, Link};
use super::command::Reply;

/// A flush that hasn't been answered.
#[derive(Debug)]
pub struct WaitingFlush {
    began_ms: u64,
    /// When it is answered at the latest, in milliseconds since 1970.
    pub deadline_ms: u64,
    reply: Reply<Flushed>,
    /// Its number in the present session; `None` while there is no session.
    token: Option<u64>,
}

impl Actor {
    pub(super) fn flush(&mut self, timeout_ms: u64, reply: Reply<Flushed>) {
        if let Some(error) = self.never_flushes() {
            let _ = reply.send(Err(error));
            return;
        }
        let began_ms = self.clock.now_ms();
        let deadline_ms = began_ms.saturating_add(timeout_ms);
        self.flushes.push(WaitingFlush { began_ms, deadline_ms, reply, token: None });
        self.begin_flushes();
    }

    /// Why waiting would be in vain.
    fn never_flushes(&self) -> Option<ApiError> {
        match &self.link {
            Link::Paused | Link::RootFault { .. } => Some(self.not_up()),
            Link::Up(up) if up.session.halted().is_some() => Some(
                ApiError::new(ErrorCode::ShareHalted, format!("The share \"{}\" is halted.", self.settings.name))
                    .with_remedy(Remedy::command(
                        "See why, and the ways on.",
                        format!("causeway share show {}", self.settings.name),
                    )),
            ),
            _ => None,
        }
    }

    /// Hands the session all flushes that it doesn't know yet.
    pub(super) fn begin_flushes(&mut self) {
        let now_ms = self.clock.now_ms();
        for at in 0..self.flushes.len() {
            let Link::Up(up) = &mut self.link else { return };
            if self.flushes[at].token.is_none() {
                let result = up.session.flush(now_ms);
                let Some(token) = self.check_ledger(result) else { return };
                self.flushes[at].token = Some(token);
            }
        }
    }

    /// The session is over: the next one has to begin all flushes anew.
    pub(super) fn forget_flush_tokens(&mut self) {
        for flush in &mut self.flushes {
            flush.token = None;
        }
    }

    pub(super) fn finish_flush(&mut self, token: u64, holds: Holds) {
        let now_ms = self.clock.now_ms();
        let problems = holds.problems + self.unseen_count();
        if let Some(at) = self.flushes.iter().position(|flush| flush.token == Some(token)) {
            let flush = self.flushes.swap_remove(at);
            let took_ms = now_ms.saturating_sub(flush.began_ms);
            let _ = flush.reply.send(Ok(Flushed { took_ms, conflicts: holds.conflicts, problems }));
        }
    }

    /// Answers those whose time is over or that can't succeed any more, and drops those that nobody waits for.
    pub(super) fn end_late_flushes(&mut self, now_ms: u64) {
        let never = if self.flushes.is_empty() { None } else { self.never_flushes() };
        let mut at = 0;
        while at < self.flushes.len() {
            let flush = &self.flushes[at];
            let late = flush.deadline_ms <= now_ms;
            if never.is_none() && !late && !flush.reply.is_closed() {
                at += 1;
                continue;
            }
            let flush = self.flushes.swap_remove(at);
            if let (Link::Up(up), Some(token)) = (&mut self.link, flush.token) {
                up.session.cancel_flush(token);
            }
            let error = never.clone().unwrap_or_else(|| self.too_late(now_ms.saturating_sub(flush.began_ms)));
            let _ = flush.reply.send(Err(error));
        }
    }

    fn too_late(&self, after_ms: u64) -> ApiError {
        let what = match &self.link {
            Link::Up(up) => match up.session.status() {
                Ok(status) if status.pending > 0 => format!("{} changes are still on their way", status.pending),
                Ok(status) if !status.prepared => "the share is still preparing".to_owned(),
                _ => "one of the sides has not caught up with its latest changes".to_owned(),
            },
            _ => "the share has no connection to the agent".to_owned(),
        };
        let seconds = after_ms as f64 / 1000.0;
        ApiError::new(ErrorCode::TimedOut, format!("After {seconds:.1} s {what}.")).with_remedy(Remedy::command(
            "Wait longer.",
            format!("causeway share flush {} --timeout {}", self.settings.name, (after_ms / 1000 * 4).max(60)),
        ))
    }
}
