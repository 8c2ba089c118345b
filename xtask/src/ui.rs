//! The interface: installed, checked, tested, built, looked at in a browser.

use std::path::PathBuf;

use anyhow::Result;

use crate::cargo::{Workspace, must};
use crate::node;

fn directory(workspace: &Workspace) -> PathBuf {
    workspace.root().join("ui")
}

fn script(workspace: &Workspace, name: &str, arguments: &[&str]) -> Result<()> {
    let mut command = node::command(workspace, "npm")?;
    command.args(["run", "--silent", name, "--"]).args(arguments);
    must(command.current_dir(directory(workspace)))
}

/// Installs what it is built with.
pub fn setup(workspace: &Workspace) -> Result<()> {
    node::setup(workspace)?;
    node::install(workspace, &directory(workspace))
}

/// Builds `ui/dist`, which is compiled into the app.
pub fn build(workspace: &Workspace) -> Result<()> {
    script(workspace, "build", &["--logLevel", "warn"])
}

/// Formatting, types, component tests, and the build.
pub fn test(workspace: &Workspace) -> Result<()> {
    script(workspace, "format:check", &["--log-level", "warn"])?;
    script(workspace, "check", &[])?;
    script(workspace, "test", &[])?;
    build(workspace)
}

/// Every view in every state in a real browser, with what engine and app say played by a typed double: pictures, and no
/// violation of WCAG.
pub fn browser(workspace: &Workspace) -> Result<()> {
    let pictures = workspace.target().join("ui-pictures");
    script(workspace, "browser", &["--pictures", &pictures.to_string_lossy()])?;
    println!("Pictures are in {}.", pictures.display());
    Ok(())
}

/// Measures how evenly the built interface is drawn while all shares change, in a browser.
pub fn frames(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    setup(workspace)?;
    build(workspace)?;
    script(workspace, "frames", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Writes the pictures of the README.
pub fn pictures(workspace: &Workspace) -> Result<()> {
    setup(workspace)?;
    build(workspace)?;
    let pictures = workspace.root().join("docs/pictures");
    script(workspace, "browser", &["--readme", &pictures.to_string_lossy()])
}

/// Writes the interface's types as the engine's and the app's are.
pub fn types(workspace: &Workspace) -> Result<()> {
    build_if_missing(workspace)?;
    let mut command =
        workspace.cargo(&["test", "--quiet", "-p", "causeway-app", "--lib", "typescript_is_as_the_types_are"]);
    must(command.env("CAUSEWAY_WRITE_TYPES", "1"))
}

/// The app can't be compiled without its interface, nor the interface checked without its types.
fn build_if_missing(workspace: &Workspace) -> Result<()> {
    if directory(workspace).join("dist/index.html").exists() {
        return Ok(());
    }
    setup(workspace)?;
    build(workspace)
}
