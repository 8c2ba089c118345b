//! Packages for Debian and Ubuntu, and for Fedora and its kin.

mod trial;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::cargo::{APP, Workspace, must, shown};
use crate::{image, node, setup, ui};

/// What makes packages of the programs. Kept out of `ui/package.json`: its lock file would name one kind of computer alone.
const TAURI_CLI: &str = "@tauri-apps/cli@2.12.5";
const BUNDLES: &str = "deb,rpm";
/// Where packages put what isn't a command; the engine looks there.
const LIBRARY: &str = "/usr/lib/causeway";
/// What runs the VM, by the names of Debian and of Fedora. Causeway is of use without, where containers run elsewhere.
const HYPERVISOR: [&str; 2] = ["qemu-system-x86", "qemu-system-x86-core"];
/// What is packed by: the guest's image is most of a package, and a third smaller than by gzip.
const XZ_LEVEL: u32 = 6;

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

/// Builds the app, the command, the agent and the guest's image as they are released, or without optimisation, and packages of all.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let debug = arguments.debug;
    setup::to_build_app(workspace)?;
    ui::build(workspace)?;
    let profile = if debug { "dev" } else { "release" };
    let programs = ["-p", APP, "-p", "causeway-cli", "-p", "causeway-agent"];
    must(workspace.cargo(&["build", "--locked", "--profile", profile]).args(programs))?;

    image::make(workspace, &image::Arguments::to_run(debug))?;
    let files = files(workspace, profile)?;
    let [on_debian, on_fedora] = HYPERVISOR;
    let deb = json!({ "files": files, "recommends": [on_debian] });
    let rpm = json!({ "files": files, "recommends": [on_fedora], "compression": { "type": "xz", "level": XZ_LEVEL } });
    let config = json!({ "bundle": { "linux": { "deb": deb, "rpm": rpm } } });

    let mut bundle = node::command(workspace, "npx")?;
    bundle.args(["--yes", TAURI_CLI, "bundle", "--bundles", BUNDLES, "--config"]).arg(config.to_string());
    if debug {
        bundle.arg("--debug");
    }
    println!("--- {}", shown(&bundle));
    must(bundle.env("CARGO_TARGET_DIR", workspace.target()))?;
    let directory = workspace.program(profile, APP).with_file_name("bundle");
    for package in packages(&directory.join("deb"), "deb")? {
        pack_again(workspace, &package)?;
    }
    for kind in BUNDLES.split(',') {
        for package in packages(&directory.join(kind), kind)? {
            println!("{} ({} MB)", package.display(), fs::metadata(&package)?.len().div_ceil(1_000_000));
        }
    }
    if arguments.trial {
        setup::for_image(workspace)?;
        trial::run(workspace, &directory)?;
    }
    Ok(())
}

/// What is in a package beside the app: where it goes, and where it stands.
fn files(workspace: &Workspace, profile: &str) -> Result<Map<String, Value>> {
    let commands = ["causeway", "causeway-agent"];
    let mut files: Map<_, _> = commands
        .map(|name| (format!("/usr/bin/{name}"), json!(workspace.program(profile, name))))
        .into_iter()
        .collect();
    let image = image::directory(workspace);
    for name in image::FILES {
        files.insert(format!("{LIBRARY}/image/{name}"), json!(image.join(name)));
    }
    let vsock = setup::vsock_program(workspace)?;
    files.insert(format!("{LIBRARY}/{}", setup::VSOCK_PROGRAM), json!(vsock));
    Ok(files)
}

/// Packs a package of Debian's anew: Tauri does it by gzip alone.
fn pack_again(workspace: &Workspace, package: &Path) -> Result<()> {
    let unpacked = package.with_extension("unpacked");
    must(workspace.command("dpkg-deb").arg("--raw-extract").arg(package).arg(&unpacked))?;
    let mut pack = workspace.command("dpkg-deb");
    pack.args(["--root-owner-group", "-Zxz", &format!("-z{XZ_LEVEL}"), "--build"]).arg(&unpacked).arg(package);
    println!("--- {}", shown(&pack));
    must(&mut pack)?;
    fs::remove_dir_all(&unpacked).context("cannot remove the unpacked package")
}

/// The packages of a kind.
fn packages(directory: &Path, kind: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("no packages in {}", directory.display()))?;
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|is| is == kind))
        .collect())
}
