//! Which state a share shows, and since when.
//!
//! Pure: facts and the time go in. The first of these that holds is shown: halted, paused, disconnected, preparing, problem,
//! conflict, syncing, watching.

use causeway_api::State;

/// Changes on their way are shown as Syncing after this long, so that a keystroke doesn't flicker.
pub const SYNCING_SHOWN_AFTER_MS: u64 = 500;

/// What decides the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The session stopped itself, or can't begin because a root is gone.
    pub halted: bool,
    /// A person wants it to rest.
    pub paused: bool,
    /// There is no connection to the agent, and there was a reason to say so.
    pub disconnected: bool,
    /// Both sides have been looked at whole since the connection, and all that was found has been dealt with.
    pub prepared: bool,
    /// Problems.
    pub problems: u64,
    /// Conflicts.
    pub conflicts: u64,
    /// Changes on their way.
    pub pending: u64,
}

/// Remembers since when what is so.
#[derive(Clone, Debug)]
pub struct StateClock {
    state: State,
    since_ms: u64,
    pending_since_ms: Option<u64>,
}

impl StateClock {
    /// A share that begins to connect.
    pub fn new(now_ms: u64) -> Self {
        Self { state: State::Preparing, since_ms: now_ms, pending_since_ms: None }
    }

    /// What is shown now.
    pub fn state(&self) -> State {
        self.state
    }

    /// Since when, in milliseconds since 1970.
    pub fn since_ms(&self) -> u64 {
        self.since_ms
    }

    /// Takes in the facts as they are now. Returns whether the state is another one than before.
    pub fn update(&mut self, facts: &Facts, now_ms: u64) -> bool {
        self.pending_since_ms = match facts.pending {
            0 => None,
            _ => Some(self.pending_since_ms.unwrap_or(now_ms)),
        };
        let state = self.derive(facts, now_ms);
        let changed = state != self.state;
        if changed {
            self.state = state;
            self.since_ms = now_ms;
        }
        changed
    }

    fn derive(&self, facts: &Facts, now_ms: u64) -> State {
        if facts.halted {
            State::Halted
        } else if facts.paused {
            State::Paused
        } else if facts.disconnected {
            State::Disconnected
        } else if !facts.prepared {
            State::Preparing
        } else if facts.problems > 0 {
            State::Problem
        } else if facts.conflicts > 0 {
            State::Conflict
        } else if self.pending_since_ms.is_some_and(|since| now_ms >= since + SYNCING_SHOWN_AFTER_MS) {
            State::Syncing
        } else {
            State::Watching
        }
    }

    /// When the state will change though no fact does.
    pub fn due_ms(&self) -> Option<u64> {
        let pending_since = self.pending_since_ms.filter(|_| self.state == State::Watching)?;
        Some(pending_since + SYNCING_SHOWN_AFTER_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_holds_is_shown() {
        let all = Facts {
            halted: true,
            paused: true,
            disconnected: true,
            prepared: false,
            problems: 1,
            conflicts: 1,
            pending: 1,
        };
        type Next = fn(&mut Facts);
        let steps: [(State, Next); 8] = [
            (State::Halted, |f| f.halted = false),
            (State::Paused, |f| f.paused = false),
            (State::Disconnected, |f| f.disconnected = false),
            (State::Preparing, |f| f.prepared = true),
            (State::Problem, |f| f.problems = 0),
            (State::Conflict, |f| f.conflicts = 0),
            (State::Syncing, |f| f.pending = 0),
            (State::Watching, |_| ()),
        ];
        let (mut facts, mut clock) = (all, StateClock::new(0));
        for (at, (state, next)) in steps.into_iter().enumerate() {
            clock.update(&facts, 1_000 * (at as u64 + 1));
            assert_eq!(clock.state(), state);
            next(&mut facts);
        }
    }

    #[test]
    fn a_short_change_does_not_flicker() {
        let watching = Facts { prepared: true, ..Facts::default() };
        let busy = Facts { pending: 3, ..watching };
        let mut clock = StateClock::new(0);
        clock.update(&watching, 10);
        for round in 1..10 {
            let at = round * 1_000;
            assert!(!clock.update(&busy, at) && clock.due_ms() == Some(at + SYNCING_SHOWN_AFTER_MS));
            assert!(!clock.update(&watching, at + 499));
            assert_eq!((clock.state(), clock.since_ms(), clock.due_ms()), (State::Watching, 10, None));
        }
        clock.update(&busy, 20_000);
        assert!(clock.update(&busy, 20_500));
        assert_eq!((clock.state(), clock.since_ms(), clock.due_ms()), (State::Syncing, 20_500, None));
        assert!(clock.update(&watching, 20_600));
        assert_eq!(clock.since_ms(), 20_600);
    }
}
