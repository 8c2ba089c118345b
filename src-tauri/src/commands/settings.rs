//! What a person set for the app.

use causeway_api::{ApiError, PathBytes};
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Manager, State};
use tauri_plugin_autostart::ManagerExt;

use super::system_error;
use crate::App;
use crate::preferences::{Theme, Values};

/// What doesn't change while the app runs.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AppAbout {
    /// The app's version.
    pub version: String,
    /// The person's home folder, which is shown as `~`; empty where there is none.
    pub home_folder: PathBytes,
    /// Where Causeway keeps its files.
    pub causeway_home: PathBytes,
    /// The engine's log.
    pub log_file: PathBytes,
}

/// What doesn't change while the app runs.
#[tauri::command]
pub fn about(app: AppHandle, state: State<'_, App>) -> AppAbout {
    AppAbout {
        version: env!("CARGO_PKG_VERSION").into(),
        home_folder: app.path().home_dir().map(|home| PathBytes::from(home.as_path())).unwrap_or_default(),
        causeway_home: PathBytes::from(state.home.root()),
        log_file: PathBytes::from(state.home.log_file().as_path()),
    }
}

/// All that can be set for the app itself.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AppPreferences {
    /// Whether the app starts when the person signs in. The system keeps this, not the app.
    pub start_at_login: bool,
    /// Whether a notification is shown when a conflict or problem persists.
    pub notifications: bool,
    /// How the window looks.
    pub theme: Theme,
    /// Whether first run is over.
    pub introduced: bool,
}

/// What is set.
#[tauri::command]
pub fn read_preferences(app: AppHandle, state: State<'_, App>) -> AppPreferences {
    let Values { notifications, theme, introduced } = state.preferences.get();
    // Where the system can't say, it isn't so.
    let start_at_login = app.autolaunch().is_enabled().unwrap_or(false);
    AppPreferences { start_at_login, notifications, theme, introduced }
}

/// Sets all.
#[tauri::command]
pub fn write_preferences(app: AppHandle, state: State<'_, App>, preferences: AppPreferences) -> Result<(), ApiError> {
    let AppPreferences { start_at_login, notifications, theme, introduced } = preferences;
    let at_login = app.autolaunch();
    if at_login.is_enabled().unwrap_or(false) != start_at_login {
        let done = if start_at_login { at_login.enable() } else { at_login.disable() };
        done.map_err(|error| system_error("setting what starts at login", error))?;
    }
    let values = Values { notifications, theme, introduced };
    state.preferences.set(values).map_err(|error| system_error("keeping the settings", error))
}
