//! Folders of this computer: choosing one, and showing one.

use causeway_api::{ApiError, PathBytes};
use tauri::{AppHandle, State};
use tauri_plugin_dialog::DialogExt;
use tauri_plugin_opener::OpenerExt;
use tokio::sync::oneshot;

use super::system_error;
use crate::App;

/// Answers [`choose_folder`] in place of a person, so that a test can: the system's dialog isn't part of the window.
const CHOSEN_VARIABLE: &str = "CAUSEWAY_APP_CHOOSE_FOLDER";

/// Lets a person choose a folder in the system's own dialog; `None` where they don't.
#[tauri::command]
pub async fn choose_folder(app: AppHandle) -> Result<Option<PathBytes>, ApiError> {
    if let Some(chosen) = std::env::var_os(CHOSEN_VARIABLE) {
        return Ok(Some(PathBytes::from(std::path::Path::new(&chosen))));
    }
    let (reply, chosen) = oneshot::channel();
    app.dialog().file().set_title("Choose a folder to share").pick_folder(move |folder| {
        // Nobody waits any more where the page was loaded again.
        let _ = reply.send(folder);
    });
    let chosen = chosen.await.map_err(|error| system_error("choosing a folder", error))?;
    match chosen.map(|folder| folder.into_path()).transpose() {
        Ok(folder) => Ok(folder.map(|folder| PathBytes::from(folder.as_path()))),
        Err(error) => Err(system_error("choosing a folder", error)),
    }
}

/// Shows a share's folder on the host in the system's file manager. The window names a share, never a path.
#[tauri::command]
pub fn open_folder(app: AppHandle, state: State<'_, App>, share: String) -> Result<(), ApiError> {
    let folder = state.shown.look(|_, snapshot| {
        let share = snapshot?.shares.iter().find(|known| known.id.0 == share)?;
        share.host_path.to_path()
    });
    let folder = folder.ok_or_else(|| ApiError::no_such_share(&share))?;
    app.opener()
        .open_path(folder.to_string_lossy(), None::<&str>)
        .map_err(|error| system_error("opening the folder", error))
}
