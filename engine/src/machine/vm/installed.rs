//! What is installed with this program: beside it, or where packages put what isn't a command.

use std::path::{Path, PathBuf};

/// From the directory of the program.
const PACKAGED: &str = "../lib/causeway";

/// The directories, the nearest first.
pub fn places() -> [PathBuf; 2] {
    let program = std::env::current_exe().unwrap_or_default();
    let beside = program.parent().unwrap_or(Path::new("")).to_owned();
    let packaged = beside.join(PACKAGED);
    [beside, packaged]
}
