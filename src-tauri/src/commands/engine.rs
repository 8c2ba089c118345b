//! The engine, from the window.

use causeway_api::methods::METHODS;
use causeway_api::{ApiError, CallError, ErrorCode};
use serde_json::Value;
use tauri::ipc::Channel;
use tauri::{AppHandle, State};

use super::system_error;
use crate::events::AppEvent;
use crate::logs::{self, LogLine};
use crate::{App, quit};

/// Tells the window all there is, and from then on what happens.
#[tauri::command]
pub fn attach(app: State<'_, App>, events: Channel<AppEvent>) {
    app.shown.attach(events);
}

/// Asks the engine, by the control API's own methods, parameters and answers.
#[tauri::command]
pub async fn call(app: State<'_, App>, method: String, params: Value) -> Result<Value, ApiError> {
    if !METHODS.contains(&method.as_str()) {
        return Err(ApiError::new(ErrorCode::MethodNotFound, format!("There is no method \"{method}\".")));
    }
    let client = app.link.client()?;
    client.call(&method, &params).await.map_err(|error| match error {
        CallError::Api(error) => error,
        other => ApiError::new(ErrorCode::Io, sentence(&other.to_string())),
    })
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

/// Starts the engine again that a person stopped.
#[tauri::command]
pub fn start_engine(app: State<'_, App>) {
    app.link.want();
}

/// The last lines of the engine's log.
#[tauri::command]
pub async fn read_log(app: State<'_, App>) -> Result<Vec<LogLine>, ApiError> {
    let path = app.home.log_file();
    let read = tauri::async_runtime::spawn_blocking(move || logs::tail(&path)).await;
    read.map_err(|error| system_error("reading the log", error))?
        .map_err(|error| system_error("reading the log", error))
}

/// Quits; asks first, unless `force`, where running containers use shares.
#[tauri::command]
pub fn quit(app: AppHandle, force: bool) {
    if force { quit::now(&app) } else { quit::ask(&app) }
}
