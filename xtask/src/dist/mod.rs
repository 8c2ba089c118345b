//! Packages for Debian and Ubuntu, and for Fedora and its kin.

mod trial;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::cargo::{APP, Workspace, must, shown};
use crate::{node, setup, ui};

/// What makes packages of the programs. Kept out of `ui/package.json`: its lock file would name one kind of computer alone.
const TAURI_CLI: &str = "@tauri-apps/cli@2.12.5";
const BUNDLES: &str = "deb,rpm";

/// What to make.
#[derive(clap::Args)]
pub struct Arguments {
    /// Without optimisation: sooner built, to try the packages themselves
    #[arg(long)]
    debug: bool,
    /// Then install, start and remove each package on a clean Debian of its own
    #[arg(long = "try")]
    trial: bool,
}

/// Builds the app, the command and the agent as they are released, or without optimisation, and packages of all three.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let debug = arguments.debug;
    setup::to_build_app(workspace)?;
    ui::build(workspace)?;
    let profile = if debug { "dev" } else { "release" };
    let programs = ["-p", APP, "-p", "causeway-cli", "-p", "causeway-agent"];
    must(workspace.cargo(&["build", "--locked", "--profile", profile]).args(programs))?;

    let beside = |name: &str| (format!("/usr/bin/{name}"), workspace.program(profile, name));
    let files: serde_json::Map<_, _> =
        ["causeway", "causeway-agent"].map(beside).into_iter().map(|(to, from)| (to, json!(from))).collect();
    let config = json!({ "bundle": { "linux": { "deb": { "files": files }, "rpm": { "files": files } } } });

    let mut bundle = node::command(workspace, "npx")?;
    bundle.args(["--yes", TAURI_CLI, "bundle", "--bundles", BUNDLES, "--config"]).arg(config.to_string());
    if debug {
        bundle.arg("--debug");
    }
    println!("--- {}", shown(&bundle));
    must(bundle.env("CARGO_TARGET_DIR", workspace.target()))?;
    let directory = workspace.program(profile, APP).with_file_name("bundle");
    for kind in BUNDLES.split(',') {
        list(&directory.join(kind))?;
    }
    if arguments.trial {
        setup::for_image(workspace)?;
        trial::run(workspace, &directory)?;
    }
    Ok(())
}

fn list(directory: &Path) -> Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("no packages in {}", directory.display()))?;
    for entry in entries.flatten().filter(|entry| entry.path().is_file()) {
        println!("{} ({} MB)", entry.path().display(), entry.metadata()?.len().div_ceil(1_000_000));
    }
    Ok(())
}
