//! Tells Tauri where its parts are, and which commands there are: each gets a permission, and the capability names those alone.

/// The commands of `src/commands/`, which are all that the window can call.
const COMMANDS: &[&str] = &[
    "about",
    "attach",
    "call",
    "start_engine",
    "choose_folder",
    "open_folder",
    "open_in_editor",
    "read_log",
    "save_bundle",
    "read_preferences",
    "write_preferences",
    "quit",
];

fn main() {
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(tauri_build::AppManifest::new().commands(COMMANDS));
    tauri_build::try_build(attributes).expect("tauri.conf.json and the capabilities are as Tauri wants them");
}
