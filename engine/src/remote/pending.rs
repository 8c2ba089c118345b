//! Requests that wait for their answers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use causeway_wire::agent::RequestId;

/// Requests by number. Each answer is taken once; a number that nobody waits for is the peer's fault.
pub(super) struct Pending<T> {
    inner: Mutex<Inner<T>>,
    max: usize,
}

struct Inner<T> {
    next: u32,
    waiting: HashMap<RequestId, T>,
    closed: bool,
}

impl<T> Pending<T> {
    /// At most `max` at once; more are refused.
    pub(super) fn new(max: usize) -> Self {
        Self { inner: Mutex::new(Inner { next: 1, waiting: HashMap::new(), closed: false }), max }
    }

    /// Notes a request; `None` when the connection is over, or too many wait.
    pub(super) fn add(&self, waiting: T) -> Option<RequestId> {
        let mut inner = self.lock();
        if inner.closed || inner.waiting.len() >= self.max {
            return None;
        }
        let id = RequestId(inner.next);
        // 2^32 requests of one connection would take years; one that is still waiting then would be answered wrongly.
        inner.next = inner.next.checked_add(1)?;
        inner.waiting.insert(id, waiting);
        Some(id)
    }

    /// Takes the request that a reply belongs to.
    pub(super) fn take(&self, id: RequestId) -> Option<T> {
        self.lock().waiting.remove(&id)
    }

    /// Puts a request back that isn't answered completely.
    pub(super) fn put_back(&self, id: RequestId, waiting: T) {
        let mut inner = self.lock();
        if !inner.closed {
            inner.waiting.insert(id, waiting);
        }
    }

    /// Drops all, and takes no more.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        let dropped = std::mem::take(&mut inner.waiting);
        drop(inner);
        drop(dropped);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
