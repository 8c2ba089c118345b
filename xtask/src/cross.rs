//! Type-checks for the systems that Causeway isn't built on here.
//!
//! `cargo check` links nothing, so all it wants of another system is that no C code has to be compiled for it:
//! - SQLite: told that the system has one, `libsqlite3-sys` still takes the bindings of the version it bundles.
//! - BLAKE3: its feature `pure` leaves assembly and C out.

use anyhow::{Result, bail};

use crate::cargo::{APP, Workspace, must};

/// Rust targets: macOS, Windows, and the static agent inside the machine.
pub const TARGETS: &[&str] = &["aarch64-apple-darwin", "x86_64-pc-windows-msvc", "x86_64-unknown-linux-musl"];

/// Packages that can't be checked: the app, whose GUI libraries have to be there for the system in question, and what works with real
/// processes, which it kills and measures as Linux has it.
const EXCLUDED: &[&str] = &[APP, "causeway-bench", "causeway-e2e", "causeway-window"];

/// Checks every package but the excluded ones.
pub fn check(workspace: &Workspace) -> Result<()> {
    let mut failed = Vec::new();
    for target in TARGETS {
        println!("--- {target}");
        let mut command = workspace.cargo(&["check", "--workspace", "--keep-going", "--quiet", "--target", target]);
        command.args(EXCLUDED.iter().flat_map(|package| ["--exclude", package]));
        command.args(["--features", "blake3/pure"]);
        command.env("LIBSQLITE3_SYS_USE_PKG_CONFIG", "1").env("SQLITE3_LIB_DIR", workspace.target());
        if let Err(error) = must(command.env("RUSTFLAGS", "-D warnings")) {
            println!("error: {error:#}");
            failed.push(*target);
        }
    }
    if !failed.is_empty() {
        bail!("not as it should be for {}", failed.join(", "));
    }
    Ok(())
}
