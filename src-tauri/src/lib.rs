//! The desktop app: a window and a tray icon over the engine, which runs in this process unless one runs already.
//!
//! ```text
//!   window (ui/) ──commands──► commands ──► control API ──► engine: this process's own, or the one that ran before
//!      ▲                                        │
//!      └───────── AppEvent ◄── shown ◄── link ◄─┘ snapshot, then deltas
//!                                │
//!                                └──► tray icon, notifications
//! ```
//!
//! Absent by design: anything that the command couldn't do as well. Both speak to the engine through the control API alone.
//! The window reaches nothing but the commands: no file system, no shell, no network.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod commands;
#[cfg(target_os = "linux")]
mod drawing;
mod events;
mod link;
mod logs;
mod notices;
mod preferences;
mod quit;
mod shown;
mod tray;
#[cfg(test)]
mod typescript;
mod window;

use std::sync::Arc;

use causeway_api::Home;
use tauri::{Manager, RunEvent};
use tauri_plugin_autostart::MacosLauncher;

use crate::link::Link;
use crate::preferences::Preferences;
use crate::shown::Shown;

/// The argument of a start that shows no window: at login.
pub const HIDDEN: &str = "--hidden";

/// What the commands work with.
pub(crate) struct App {
    pub home: Home,
    pub shown: Arc<Shown>,
    pub link: Arc<Link>,
    pub preferences: Preferences,
}

/// Runs until a person quits, the session ends, or a signal comes.
pub fn run() -> anyhow::Result<()> {
    let home = Home::locate()?;
    home.prepare()?;
    let preferences = Preferences::open(&home);
    let app = tauri::Builder::default()
        // First, so that a second start touches nothing: it shows this one's window, and ends.
        .plugin(tauri_plugin_single_instance::init(|app, _, _| window::show(app)))
        .plugin(tauri_plugin_autostart::init(MacosLauncher::LaunchAgent, Some(vec![HIDDEN])))
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        .plugin(tauri_plugin_window_state::Builder::new().with_state_flags(window::REMEMBERED).build())
        .invoke_handler(commands::handler())
        .setup(move |app| {
            let shown = Arc::new(Shown::default());
            let link = Link::new(home.clone(), Arc::clone(&shown));
            app.manage(App { home, shown: Arc::clone(&shown), link: Arc::clone(&link), preferences });
            tray::make(app.handle(), &shown)?;
            notices::follow(app.handle(), &shown);
            window::make(app.handle(), std::env::args().any(|argument| argument == HIDDEN))?;
            quit::on_signals(app.handle());
            link.start();
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|app, event| match event {
        // The last window closed: the tray icon and the engine go on. `quit` exits with a code.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        RunEvent::Exit => app.state::<App>().link.end(),
        _ => {}
    });
    Ok(())
}
