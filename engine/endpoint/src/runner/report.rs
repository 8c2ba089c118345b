//! What the session is told unasked, and told again when the next one begins.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_sync::session::RootFault;
use causeway_sync::{Problem, RelPathBuf};
use causeway_wire::share::{Event, WatchBy, WatchMode};

use super::side::Events;

/// What is the matter on this side, and who is told. Events are told under a lock, so that they come in order.
#[derive(Default)]
pub(super) struct Report {
    state: Mutex<State>,
}

struct State {
    events: Option<Events>,
    fault: Option<RootFault>,
    mode: WatchMode,
    problems: BTreeMap<RelPathBuf, Problem>,
}

impl Default for State {
    fn default() -> Self {
        let mode = WatchMode { by: WatchBy::Polling, polling_because: String::new(), polled: 0 };
        Self { events: None, fault: None, mode, problems: BTreeMap::new() }
    }
}

impl Report {
    /// A session begins: it is told how things are.
    pub(super) fn begin(&self, events: Events) {
        let mut state = self.state();
        events(Event::Watching(state.mode.clone()));
        if let Some(fault) = state.fault {
            events(Event::RootFault(fault));
        }
        for (path, problem) in &state.problems {
            events(Event::ScanProblem { path: path.clone(), problem: problem.clone() });
        }
        state.events = Some(events);
    }

    /// The session has ended.
    pub(super) fn end(&self) {
        self.state().events = None;
    }

    pub(super) fn fault(&self, fault: Option<RootFault>) {
        let mut state = self.state();
        if state.fault != fault {
            state.fault = fault;
            state.tell(fault.map_or(Event::RootRestored, Event::RootFault));
        }
    }

    pub(super) fn mode(&self, mode: WatchMode) {
        let mut state = self.state();
        if state.mode != mode {
            state.mode = mode.clone();
            state.tell(Event::Watching(mode));
        }
    }

    pub(super) fn syncignore(&self, text: Option<Vec<u8>>) {
        self.state().tell(Event::Syncignore(text));
    }

    /// A verification has read so much in all.
    pub(super) fn verify_read(&self, bytes: u64) {
        self.state().tell(Event::VerifyRead { bytes });
    }

    /// What can't be looked at now; tells what has come and gone since the last time.
    pub(super) fn problems(&self, now: Vec<(RelPathBuf, Problem)>) {
        let now: BTreeMap<_, _> = now.into_iter().collect();
        let mut state = self.state();
        let before = std::mem::take(&mut state.problems);
        for path in before.keys().filter(|path| !now.contains_key(*path)) {
            state.tell(Event::ScanProblemGone { path: path.clone() });
        }
        for (path, problem) in now.iter().filter(|(path, problem)| before.get(*path) != Some(problem)) {
            state.tell(Event::ScanProblem { path: path.clone(), problem: problem.clone() });
        }
        state.problems = now;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tell(&self, event: Event) {
        if let Some(events) = &self.events {
            events(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_sync::{ProblemKind, Side};

    use super::*;

    fn problem(at: &str, kind: ProblemKind) -> (RelPathBuf, Problem) {
        (RelPathBuf::new(at.into()).unwrap(), Problem { side: Side::Guest, kind, detail: String::new() })
    }

    #[test]
    fn only_differences_are_told_and_a_new_session_hears_all() {
        let report = Report::default();
        let told = Arc::new(Mutex::new(Vec::new()));
        let events = || -> Events {
            let told = Arc::clone(&told);
            Arc::new(move |event| told.lock().unwrap().push(event))
        };
        let take = || std::mem::take(&mut *told.lock().unwrap());

        report.begin(events());
        assert_eq!(take().len(), 1);
        let (a, why) = problem("a", ProblemKind::PermissionDenied);
        report.problems(vec![(a.clone(), why.clone())]);
        report.problems(vec![(a.clone(), why.clone())]);
        assert_eq!(take(), [Event::ScanProblem { path: a.clone(), problem: why.clone() }]);
        report.fault(None);
        report.fault(Some(RootFault::Missing));
        assert_eq!(take(), [Event::RootFault(RootFault::Missing)]);

        report.end();
        let (_, io) = problem("a", ProblemKind::Io);
        report.problems(vec![(a.clone(), io.clone())]);
        assert_eq!(take(), []);
        report.begin(events());
        let all = take();
        assert_eq!(
            all[1..],
            [Event::RootFault(RootFault::Missing), Event::ScanProblem { path: a.clone(), problem: io }]
        );
        report.problems(Vec::new());
        report.fault(None);
        assert_eq!(take(), [Event::ScanProblemGone { path: a }, Event::RootRestored]);
    }
}
