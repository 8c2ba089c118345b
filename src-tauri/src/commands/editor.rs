//! A text file of a share, in the program that the system has for text. Never in the program that its name asks for, and never run:
//! what stands in a share may come from the guest.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use causeway_api::{ApiError, ErrorCode, PathBytes};
use tauri::{AppHandle, State};

use super::system_error;
use crate::App;

/// Opens the file at `path` in the folder of `share` on the host.
#[tauri::command]
pub fn open_in_editor(app: AppHandle, state: State<'_, App>, share: String, path: PathBytes) -> Result<(), ApiError> {
    let root = state.shown.look(|_, snapshot| {
        let share = snapshot?.shares.iter().find(|known| known.id.0 == share)?;
        share.host_path.to_path()
    });
    let root = root.ok_or_else(|| ApiError::no_such_share(&share))?;
    let file = path.to_path().and_then(|path| file_below(&root, &path));
    let file = file.ok_or_else(|| {
        ApiError::new(ErrorCode::InvalidParams, format!("No file stands at {path} in the share's folder on the host."))
    })?;
    edit(&app, &file)
}

/// The plain file at `path` below `root`, to which no symlink leads.
fn file_below(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut place = root.to_path_buf();
    for step in path.components() {
        // Where a link stands, what follows isn't in the share.
        if place != root && !place.symlink_metadata().ok()?.is_dir() {
            return None;
        }
        place.push(plain(step)?);
    }
    place.symlink_metadata().ok()?.is_file().then_some(place)
}

fn plain(step: Component<'_>) -> Option<&OsStr> {
    match step {
        Component::Normal(name) => Some(name),
        _ => None,
    }
}

#[cfg(target_os = "linux")]
fn edit(_: &AppHandle, file: &Path) -> Result<(), ApiError> {
    use causeway_api::Remedy;
    use gio::prelude::AppInfoExt;

    let Some(editor) = gio::AppInfo::default_for_type("text/plain", false) else {
        let error = ApiError::new(ErrorCode::Io, "The system has no program for text files.");
        return Err(error.with_remedy(Remedy::command(
            "Say which one to use, by the name of its desktop file.",
            "xdg-mime default NAME.desktop text/plain",
        )));
    };
    editor
        .launch(&[gio::File::for_path(file)], None::<&gio::AppLaunchContext>)
        .map_err(|error| system_error(&format!("opening {} in {}", file.display(), editor.name()), error))
}

#[cfg(not(target_os = "linux"))]
fn edit(app: &AppHandle, file: &Path) -> Result<(), ApiError> {
    use tauri_plugin_opener::OpenerExt;

    let editor = if cfg!(target_os = "macos") { "TextEdit" } else { "notepad" };
    app.opener()
        .open_path(file.to_string_lossy(), Some(editor))
        .map_err(|error| system_error(&format!("opening {} in {editor}", file.display()), error))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_plain_file_in_the_share_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("share");
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(root.join("src/a.rs"), "a").unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        symlink("../secret", root.join("link")).unwrap();
        symlink("..", root.join("up")).unwrap();
        assert_eq!(file_below(&root, Path::new("src/a.rs")), Some(root.join("src/a.rs")));
        for path in
            ["", "src", "missing", "src/a.rs/b", "link", "up/secret", "../secret", "src/../../secret", "/etc/passwd"]
        {
            assert_eq!(file_below(&root, Path::new(path)), None, "{path}");
        }
    }
}
