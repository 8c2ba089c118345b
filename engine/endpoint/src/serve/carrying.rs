//! What a lane has received is carried out on a thread of its own, while the lane goes on receiving.
//!
//! What is complete is made durable together, and each sync slows down whoever creates files meanwhile. So of a stream of files each
//! sync covers twice as many as the one before: the first of them are seen soon, and all of them cost few syncs.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_sync::{BatchId, Outcome};
use causeway_wire::{FrameReader, Stream};

use crate::apply::Complete;
use crate::fs::Fs;
use crate::runner::now_ms;

/// Files up to which nothing is waited for.
const AT_ONCE: usize = 32;
/// Files at which no more are waited for.
const TOGETHER_MAX: usize = 8192;
/// How long a stream may pause before what came of it is carried out.
const PAUSE: Duration = Duration::from_millis(10);

/// The complete batches of a lane, from the thread that receives them to the one that carries them out.
pub struct Carrying<'e, F: Fs> {
    state: Mutex<State<'e, F>>,
    changed: Condvar,
}

struct State<'e, F: Fs> {
    waiting: Option<Complete<'e, F>>,
    /// Files for which the next sync waits.
    portion: usize,
    is_busy: bool,
    is_over: bool,
}

impl<F: Fs> State<'_, F> {
    /// Whether more is waited for.
    fn is_gathering(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| (AT_ONCE..self.portion).contains(&waiting.files()))
    }
}

impl<F: Fs> Default for Carrying<'_, F> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State { waiting: None, portion: 0, is_busy: false, is_over: false }),
            changed: Condvar::new(),
        }
    }
}

impl<'e, F: Fs> Carrying<'e, F> {
    /// Has batches carried out after those before.
    pub fn push(&self, complete: Complete<'e, F>) {
        let mut state = self.lock();
        match &mut state.waiting {
            Some(waiting) => waiting.append(complete),
            None => state.waiting = Some(complete),
        }
        self.changed.notify_all();
    }

    /// Before the lane waits for input: has what waits carried out, if the input pauses.
    pub fn pause<S: Stream>(&self, input: &FrameReader<S>) {
        if self.lock().is_gathering() && !input.comes_within(PAUSE) {
            self.lock().portion = 0;
            self.changed.notify_all();
        }
    }

    /// Whether all that was pushed has been carried out.
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.waiting.is_none() && !state.is_busy
    }

    /// Carries out what is pushed, on the calling thread, until [`Self::end`] or until `tell`, which takes the outcomes, fails.
    pub fn run<E>(&self, mut tell: impl FnMut(Vec<(BatchId, Vec<Outcome>)>) -> Result<(), E>) -> Result<(), E> {
        while let Some(complete) = self.next() {
            tell(complete.carry_out(now_ms()))?;
        }
        Ok(())
    }

    /// Nothing more is carried out; what waits is thrown away.
    pub fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        let waiting = state.waiting.take();
        drop(state);
        self.changed.notify_all();
        drop(waiting);
    }

    fn next(&self) -> Option<Complete<'e, F>> {
        let mut state = self.lock();
        state.is_busy = false;
        loop {
            if state.is_over {
                return None;
            }
            if !state.is_gathering()
                && let Some(complete) = state.waiting.take()
            {
                state.portion = (2 * complete.files()).min(TOGETHER_MAX);
                state.is_busy = true;
                return Some(complete);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<'e, F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
