//! The end of the app: asked for where containers use shares, at once where a signal wants it.

use causeway_api::feed::Snapshot;
use tauri::{AppHandle, Manager};

use crate::events::{AppEvent, EngineState};
use crate::{App, window};

/// A person wants to quit. Where that would take shares from running containers, the window asks first.
pub fn ask(app: &AppHandle) {
    let shown = &app.state::<App>().shown;
    let shares = shown.look(|engine, snapshot| match engine {
        EngineState::Running { embedded: true } => snapshot.map(in_use).unwrap_or_default(),
        // An engine of its own goes on.
        _ => Vec::new(),
    });
    if shares.is_empty() {
        return now(app);
    }
    window::show(app);
    shown.say(AppEvent::QuitAsked { shares });
}

/// Quits. The engine of this process ends with it; see `Link::end`.
pub fn now(app: &AppHandle) {
    app.exit(0);
}

/// The names of the shares that running containers use.
fn in_use(snapshot: &Snapshot) -> Vec<String> {
    let used = snapshot.shares.iter().filter(|share| share.containers.iter().any(|used_by| used_by.state == "running"));
    used.map(|share| share.name.to_string()).collect()
}

/// Quits when the system, or a person at the terminal, wants it.
#[cfg(unix)]
pub fn on_signals(app: &AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            // Without handlers the signals end the process as they always do.
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        now(&app);
    });
}

/// On Windows the end of the session closes the window.
#[cfg(not(unix))]
pub fn on_signals(_: &AppHandle) {}
