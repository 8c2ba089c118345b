//! The checks that are one command each.

use anyhow::Result;

use crate::cargo::{Workspace, must};

/// `rustfmt` would change nothing.
pub fn fmt(workspace: &Workspace) -> Result<()> {
    must(&mut workspace.cargo(&["fmt", "--all", "--check"]))
}

/// Clippy and rustc have nothing to say, about tests and fuzz targets neither.
pub fn clippy(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo(&[
        "clippy",
        "--workspace",
        "--keep-going",
        "--all-targets",
        "--features",
        "causeway-fuzz/libfuzzer",
    ]);
    // Nothing is linked here: the C++ runtime of the fuzz targets need not be compiled.
    command.env("CUSTOM_LIBFUZZER_PATH", workspace.target().join("no-libfuzzer.a"));
    must(command.args(["--", "-D", "warnings"]))
}

/// The dependencies' licences, sources and bans, by `deny.toml`. Without advisories, whose database is fetched from elsewhere.
pub fn deny(workspace: &Workspace) -> Result<()> {
    must(&mut workspace.cargo(&["deny", "--all-features", "check", "licenses", "bans", "sources"]))
}

/// The documentation builds, every link in it leads somewhere.
pub fn docs(workspace: &Workspace) -> Result<()> {
    let mut command =
        workspace.cargo(&["doc", "--workspace", "--keep-going", "--no-deps", "--document-private-items", "--quiet"]);
    must(command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))
}
