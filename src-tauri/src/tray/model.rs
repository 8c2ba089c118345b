//! What the tray icon shows, worked out from what is known: pure, so that tables can test it.

use causeway_api::feed::Snapshot;
use causeway_api::{ShareId, ShareInfo, State};

use crate::events::EngineState;

/// Shares that the menu lists. More are counted; the window has them all.
const SHARES_MAX: usize = 15;

/// The icon's five states, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Icon {
    /// All is well.
    Idle,
    /// Preparing or Syncing.
    Working,
    /// Nothing is synchronised: no engine, or all shares Paused or Disconnected.
    Stopped,
    /// Conflicts wait.
    Conflict,
    /// Problems, or a halt.
    Problem,
}

/// What the tray icon shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The icon.
    pub icon: Icon,
    /// The overall state in words.
    pub line: String,
    /// The shares, as far as the menu lists them: what to write, and which one it is.
    pub shares: Vec<(String, ShareId)>,
    /// How many more there are.
    pub more: usize,
    /// What the entry for all shares does; `None` without shares.
    pub all: Option<All>,
}

/// What can be done with all shares at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum All {
    /// Pause those that aren't.
    Pause,
    /// Resume all: every one is Paused.
    Resume,
}

impl Model {
    /// Of what is known.
    pub fn of(engine: &EngineState, snapshot: Option<&Snapshot>) -> Self {
        let shares = snapshot.map(|snapshot| snapshot.shares.as_slice()).unwrap_or_default();
        let listed = shares.iter().take(SHARES_MAX).map(|share| (line_of(share), share.id.clone())).collect();
        Self {
            icon: icon(engine, shares),
            line: overall(engine, shares),
            shares: listed,
            more: shares.len().saturating_sub(SHARES_MAX),
            all: all(shares),
        }
    }
}

fn line_of(share: &ShareInfo) -> String {
    format!("{}: {}", share.name, share.state.words())
}

fn icon(engine: &EngineState, shares: &[ShareInfo]) -> Icon {
    match engine {
        EngineState::Stopped => return Icon::Stopped,
        EngineState::Failed { .. } => return Icon::Problem,
        EngineState::Starting => return Icon::Working,
        EngineState::Running { .. } => {}
    }
    let rests = |share: &ShareInfo| matches!(share.state, State::Paused | State::Disconnected);
    if !shares.is_empty() && shares.iter().all(rests) {
        return Icon::Stopped;
    }
    let icon_of = |share: &ShareInfo| match share.state {
        State::Halted | State::Problem => Icon::Problem,
        State::Conflict => Icon::Conflict,
        State::Preparing | State::Syncing => Icon::Working,
        State::Watching | State::Paused | State::Disconnected => Icon::Idle,
    };
    shares.iter().map(icon_of).max().unwrap_or(Icon::Idle)
}

fn overall(engine: &EngineState, shares: &[ShareInfo]) -> String {
    match engine {
        EngineState::Starting => return "The engine is starting".into(),
        EngineState::Stopped => return "The engine is stopped".into(),
        EngineState::Failed { .. } => return "The engine can’t be started".into(),
        EngineState::Running { .. } => {}
    }
    if shares.is_empty() {
        return "No shares".into();
    }
    let words: [(&str, &[State]); 6] = [
        ("halted", &[State::Halted]),
        ("with problems", &[State::Problem]),
        ("in conflict", &[State::Conflict]),
        ("disconnected", &[State::Disconnected]),
        ("at work", &[State::Preparing, State::Syncing]),
        ("paused", &[State::Paused]),
    ];
    let parts = words.iter().filter_map(|(words, states)| {
        let count = shares.iter().filter(|share| states.contains(&share.state)).count();
        (count > 0).then(|| format!("{count} {words}"))
    });
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { "All up to date".into() } else { parts.join(", ") }
}

fn all(shares: &[ShareInfo]) -> Option<All> {
    if shares.is_empty() {
        None
    } else if shares.iter().all(|share| share.state == State::Paused) {
        Some(All::Resume)
    } else {
        Some(All::Pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::tests::{share, snapshot};

    #[test]
    fn the_worst_is_shown() {
        use State::*;
        let running = EngineState::Running { embedded: true };
        for (states, icon, line) in [
            (&[][..], Icon::Idle, "No shares"),
            (&[Watching, Watching], Icon::Idle, "All up to date"),
            (&[Watching, Paused], Icon::Idle, "1 paused"),
            (&[Paused, Paused], Icon::Stopped, "2 paused"),
            (&[Paused, Disconnected], Icon::Stopped, "1 disconnected, 1 paused"),
            (&[Watching, Disconnected], Icon::Idle, "1 disconnected"),
            (&[Watching, Syncing, Preparing], Icon::Working, "2 at work"),
            (&[Syncing, Conflict, Paused], Icon::Conflict, "1 in conflict, 1 at work, 1 paused"),
            (&[Conflict, Problem], Icon::Problem, "1 with problems, 1 in conflict"),
            (&[Halted, Conflict], Icon::Problem, "1 halted, 1 in conflict"),
        ] {
            let shares = states.iter().enumerate().map(|(n, state)| share(&format!("s{n}"), *state)).collect();
            let model = Model::of(&running, Some(&snapshot(shares)));
            assert_eq!((model.icon, model.line.as_str()), (icon, line), "{states:?}");
        }
    }

    #[test]
    fn without_an_engine_it_says_so() {
        assert_eq!(Model::of(&EngineState::Stopped, None).icon, Icon::Stopped);
        assert_eq!(Model::of(&EngineState::Starting, None).icon, Icon::Working);
        assert_eq!(Model::of(&EngineState::Failed { sentence: "No.".into() }, None).icon, Icon::Problem);
    }

    #[test]
    fn many_shares_are_counted() {
        let shares = (0..SHARES_MAX + 3).map(|n| share(&format!("s{n:02}"), State::Watching)).collect();
        let model = Model::of(&EngineState::Running { embedded: true }, Some(&snapshot(shares)));
        assert_eq!((model.shares.len(), model.more, model.all), (SHARES_MAX, 3, Some(All::Pause)));
    }
}
