//! What is known of the engine, for all who show it: the window, the tray icon, the notifications.

use std::sync::{Mutex, MutexGuard, PoisonError};

use causeway_api::Event;
use causeway_api::feed::Snapshot;
use tauri::ipc::Channel;
use tokio::sync::watch;

use crate::events::{AppEvent, EngineState};

/// A copy of what is. The window's channel is fed under the same lock, so that it misses nothing and hears nothing twice.
pub struct Shown {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    engine: EngineState,
    snapshot: Option<Snapshot>,
    window: Option<Channel<AppEvent>>,
}

impl Default for Shown {
    fn default() -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Feeds `window` from now on, in place of one before it: a window that was loaded again.
    pub fn attach(&self, window: Channel<AppEvent>) {
        let mut state = self.lock();
        state.window = Some(window);
        let engine = state.engine.clone();
        state.say(AppEvent::Engine { engine });
        if let Some(snapshot) = state.snapshot.clone() {
            state.say(AppEvent::Snapshot { snapshot });
        }
    }

    /// Tells the window something that isn't of the engine.
    pub fn say(&self, event: AppEvent) {
        self.lock().say(event);
    }

    /// The engine is reached, or not any more.
    pub fn set_engine(&self, engine: EngineState) {
        let mut state = self.lock();
        if state.engine == engine {
            return;
        }
        state.engine = engine.clone();
        if !matches!(engine, EngineState::Running { .. }) {
            state.snapshot = None;
        }
        state.say(AppEvent::Engine { engine });
        self.announce(state);
    }

    /// Takes in what the engine tells. `false` after a gap: the subscription has to begin anew.
    pub fn take(&self, event: Event) -> bool {
        let mut state = self.lock();
        let taken = match (&mut state.snapshot, event.clone()) {
            (Some(snapshot), event) => snapshot.apply(event),
            (none, Event::Snapshot(snapshot)) => {
                *none = Some(snapshot);
                true
            }
            (None, Event::Delta(_)) => false,
        };
        if taken {
            state.say(match event {
                Event::Snapshot(snapshot) => AppEvent::Snapshot { snapshot },
                Event::Delta(delta) => AppEvent::Delta { delta },
            });
            self.announce(state);
        }
        taken
    }

    /// How the engine is.
    pub fn engine(&self) -> EngineState {
        self.lock().engine.clone()
    }

    /// What `look` makes of what is known now.
    pub fn look<T>(&self, look: impl FnOnce(&EngineState, Option<&Snapshot>) -> T) -> T {
        let state = self.lock();
        look(&state.engine, state.snapshot.as_ref())
    }

    /// Becomes ready after each change.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn announce(&self, state: MutexGuard<'_, State>) {
        drop(state);
        self.changed.send_replace(());
    }
}

impl State {
    fn say(&mut self, event: AppEvent) {
        let heard = self.window.as_ref().is_none_or(|window| window.send(event).is_ok());
        if !heard {
            // The page is gone; the next one attaches itself.
            self.window = None;
        }
    }
}
