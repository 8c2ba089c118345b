//! A bundle for whoever is to help: what Causeway knows of itself, in one file. It holds names and paths, and no content.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use causeway_api::{ApiError, Nothing, PathBytes, Timestamp};
use serde_json::json;
use tauri::{AppHandle, State};
use tauri_plugin_dialog::DialogExt;
use tokio::sync::oneshot;

use super::system_error;
use crate::App;
use crate::logs;

/// Where [`save_bundle`] saves in place of asking a person, so that a test can: the system's dialog isn't part of the window.
const SAVE_VARIABLE: &str = "CAUSEWAY_APP_SAVE_BUNDLE";

/// Asks where, and saves the bundle there; `None` where a person doesn't want it after all.
#[tauri::command]
pub async fn save_bundle(app: AppHandle, state: State<'_, App>) -> Result<Option<PathBytes>, ApiError> {
    let text = bundle(&state).await?;
    let path = match std::env::var_os(SAVE_VARIABLE) {
        Some(path) => path.into(),
        None => match ask(&app).await? {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    fs::write(&path, text).map_err(|error| system_error("saving the bundle", error))?;
    Ok(Some(PathBytes::from(path.as_path())))
}

async fn ask(app: &AppHandle) -> Result<Option<std::path::PathBuf>, ApiError> {
    let (reply, chosen) = oneshot::channel();
    app.dialog().file().set_title("Save a bundle").set_file_name("causeway-bundle.json").save_file(move |file| {
        let _ = reply.send(file);
    });
    let chosen = chosen.await.map_err(|error| system_error("asking where to save", error))?;
    chosen.map(|file| file.into_path()).transpose().map_err(|error| system_error("asking where to save", error))
}

async fn bundle(app: &App) -> Result<String, ApiError> {
    // Each part that there is: a bundle matters most where something is broken.
    let (status, checks) = match app.link.client() {
        Ok(client) => (client.engine_status(&Nothing {}).await.ok(), client.doctor(&Nothing {}).await.ok()),
        Err(_) => (None, None),
    };
    let snapshot = app.shown.look(|_, snapshot| snapshot.cloned());
    let parts = json!({
        "made": Timestamp::now(),
        "app": env!("CARGO_PKG_VERSION"),
        "engine_state": app.shown.engine(),
        "engine": status,
        "doctor": checks,
        "shares": snapshot,
        "log": logs::tail(&app.home.log_file()).unwrap_or_default(),
        "engine_stderr": last_words(&app.home.stderr_file()),
    });
    let mut text = serde_json::to_string_pretty(&parts).map_err(|error| system_error("writing the bundle", error))?;
    let _ = writeln!(text);
    Ok(text)
}

fn last_words(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
