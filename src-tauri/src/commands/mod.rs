//! The commands: all that the window can call. `build.rs` and the capability name the same ones.

mod bundle;
mod editor;
mod engine;
mod folders;
pub(crate) mod settings;

use causeway_api::{ApiError, ErrorCode};
use tauri::Wry;
use tauri::ipc::Invoke;

/// Hands each call to its command.
pub fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        settings::about,
        engine::attach,
        engine::call,
        engine::start_engine,
        engine::read_log,
        engine::quit,
        folders::choose_folder,
        folders::open_folder,
        editor::open_in_editor,
        bundle::save_bundle,
        settings::read_preferences,
        settings::write_preferences,
    ]
}

/// An error of the system, while doing `what`: "reading the log".
fn system_error(what: &str, error: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::Io, format!("Causeway failed at {what}: {error}."))
}
