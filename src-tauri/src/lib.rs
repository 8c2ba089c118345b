//! The desktop app: nothing yet but its place, for the configuration of Tauri has to stand at the top of the repository.
