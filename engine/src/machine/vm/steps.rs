//! How far a start of the VM is: which steps have begun, and how long each took.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use causeway_api::{MachineStart, StartPhase, StartStep, Timestamp};
use causeway_wire::boot::STAGE_AGENT;

/// The steps of the present start, or of the last one.
#[derive(Debug, Default)]
pub struct Steps {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    begun: Vec<Step>,
    last_took_ms: Option<u64>,
}

#[derive(Debug)]
struct Step {
    phase: StartPhase,
    began: Timestamp,
    since: Instant,
    took_ms: Option<u64>,
    detail: Option<String>,
}

impl Steps {
    /// A start begins.
    pub fn begin(&self) {
        let mut state = self.state();
        state.begun.clear();
        state.reach(StartPhase::Prepare);
    }

    /// The start has come to this step. One that it has passed already changes nothing.
    pub fn reach(&self, phase: StartPhase) {
        self.state().reach(phase);
    }

    /// The guest says what it is at.
    pub fn follow(&self, stage: &str) {
        let mut state = self.state();
        state.reach(if stage == STAGE_AGENT { StartPhase::Agent } else { StartPhase::Guest });
        // What it does beside the agent's way up isn't the agent's.
        if let Some(step) = state.begun.last_mut().filter(|step| step.phase == StartPhase::Guest) {
            step.detail = Some(stage.to_owned());
        }
    }

    /// The agent answers.
    pub fn finish(&self) {
        let mut state = self.state();
        state.end_step();
        let took = state.begun.iter().map(|step| step.took_ms.unwrap_or(0)).sum();
        state.last_took_ms = (!state.begun.is_empty()).then_some(took);
    }

    /// As subscribers see it; `None` where none has begun.
    pub fn shown(&self) -> Option<MachineStart> {
        let state = self.state();
        let began = state.begun.first()?.began;
        let steps = state.begun.iter().map(|step| StartStep {
            phase: step.phase,
            began: step.began,
            took_ms: step.took_ms,
            detail: step.detail.clone(),
        });
        Some(MachineStart { began, last_took_ms: state.last_took_ms, steps: steps.collect() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reach(&mut self, phase: StartPhase) {
        if self.begun.last().is_some_and(|last| last.phase >= phase) {
            return;
        }
        self.end_step();
        self.begun.push(Step { phase, began: Timestamp::now(), since: Instant::now(), took_ms: None, detail: None });
    }

    fn end_step(&mut self) {
        if let Some(step) = self.begun.last_mut().filter(|step| step.took_ms.is_none()) {
            step.took_ms = Some(u64::try_from(step.since.elapsed().as_millis()).unwrap_or(u64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_what_the_guest_says_and_never_go_back() {
        let steps = Steps::default();
        assert_eq!(steps.shown(), None);
        steps.begin();
        steps.reach(StartPhase::Boot);
        steps.follow("loading modules");
        steps.follow("checking the data disk");
        steps.follow(STAGE_AGENT);
        steps.follow("starting Docker");
        let shown = steps.shown().unwrap();
        let phases: Vec<_> = shown.steps.iter().map(|step| step.phase).collect();
        assert_eq!(phases, StartPhase::ALL);
        assert_eq!(shown.steps[2].detail.as_deref(), Some("checking the data disk"));
        assert!(shown.steps[..3].iter().all(|step| step.took_ms.is_some()));
        assert_eq!((shown.steps[3].took_ms, shown.last_took_ms, &shown.steps[3].detail), (None, None, &None));
        steps.finish();
        assert!(steps.shown().unwrap().last_took_ms.is_some());
        steps.begin();
        let again = steps.shown().unwrap();
        assert_eq!((again.steps.len(), again.last_took_ms.is_some()), (1, true));
    }
}
