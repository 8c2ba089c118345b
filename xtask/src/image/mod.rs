//! `cargo xtask image`: the guest's image, from Debian's packages and the agent.
//!
//! ```text
//! target/image/vmlinuz       Debian's kernel for clouds
//!             /initrd        the agent as /init, and the modules that it needs to reach the rest
//!             /root.erofs    programs, libraries and modules; read-only
//!             /image.json    versions and digests: what the engine checks before it boots
//! ```
//!
//! What comes from Debian is made once for a [recipe] and kept below `target/image/base-…`; the agent is added by each build. The
//! same packages and the same agent give the same bytes. Nothing here needs root: where this user isn't root, mmdebstrap works in a
//! user namespace.

mod base;
mod elf;
mod initrd;
mod recipe;
mod root;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use crate::cargo::{Workspace, must};
use crate::setup;

/// The agent's target: static, so that it runs before there are libraries.
const AGENT_TARGET: &str = "x86_64-unknown-linux-musl";
/// What an image consists of.
pub const FILES: [&str; 4] = [base::KERNEL, INITRD, base::ROOT, DESCRIPTION];
const INITRD: &str = "initrd";
const DESCRIPTION: &str = "image.json";
/// Version of the image's layout. The engine refuses others.
const LAYOUT: u32 = 1;

/// How an image is made.
#[derive(clap::Args)]
pub struct Arguments {
    /// Build the agent without optimisation: sooner built, slower at work
    #[arg(long)]
    debug: bool,
    /// Take Debian's packages as they are today, instead of those of the last build
    #[arg(long)]
    refresh: bool,
}

impl Arguments {
    /// For the tests: soon built.
    pub fn in_test() -> Self {
        Self { debug: true, refresh: false }
    }

    /// For a person.
    pub fn to_run(debug: bool) -> Self {
        Self { debug, refresh: false }
    }
}

/// Where the image is.
pub fn directory(workspace: &Workspace) -> PathBuf {
    workspace.target().join("image")
}

/// Installs what is missing, and makes the image unless it is as it should be.
pub fn make(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    setup::for_image(workspace)?;
    let directory = directory(workspace);
    fs::create_dir_all(&directory)?;
    let base = base::find_or_make(workspace, &directory, arguments.refresh)?;
    let agent = agent(workspace, &directory, if arguments.debug { "dev" } else { "release" })?;
    let modules = fs::read(base.join(base::MODULES))?;
    let initrd = initrd::with_agent(&modules, &agent)?;
    put(&directory.join(INITRD), &initrd)?;
    for name in [base::KERNEL, base::ROOT] {
        let (from, to) = (base.join(name), directory.join(name));
        if !same_file(&from, &to) {
            let aside = to.with_extension("new");
            fs::copy(&from, &aside)?;
            fs::rename(&aside, &to)?;
        }
    }
    describe(workspace, &base, &directory)
}

/// Builds the agent, and returns its program without debug information.
fn agent(workspace: &Workspace, directory: &Path, profile: &str) -> Result<Vec<u8>> {
    let mut build = workspace.cargo(&["build", "-p", "causeway-agent", "--profile", profile, "--target", AGENT_TARGET]);
    must(without_places(workspace, &mut build)?)?;
    let built = workspace.target().join(AGENT_TARGET);
    let built = built.join(if profile == "dev" { "debug" } else { profile }).join("causeway-agent");
    let stripped = directory.join("agent.stripped");
    must(workspace.command("strip").arg("-o").arg(&stripped).arg(&built))?;
    let agent = fs::read(&stripped)?;
    fs::remove_file(&stripped)?;
    Ok(agent)
}

/// Has a build keep to itself where this user has the sources, which panics name, and when it was: the same sources are to give the
/// same program, whoever builds it.
fn without_places<'a>(workspace: &Workspace, build: &'a mut Command) -> Result<&'a mut Command> {
    let cargo = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => env::home_dir().context("this user has no home")?.join(".cargo"),
    };
    let places = [
        (cargo.as_path(), "/cargo"),
        (workspace.target().as_path(), "/target"),
        (workspace.root().as_path(), "/causeway"),
    ];
    let flags = |option: &str, between: &str| {
        places.map(|(place, name)| format!("{option}={}={name}", place.display())).join(between)
    };
    // What C programs know as the time of their compilation (reproducible-builds.org, "SOURCE_DATE_EPOCH").
    build.env("SOURCE_DATE_EPOCH", recipe::EPOCH_S);
    // The separator that no path holds (cargo's documentation, "Environment variables").
    build.env("CARGO_ENCODED_RUSTFLAGS", flags("--remap-path-prefix", "\u{1f}"));
    Ok(build.env(format!("CFLAGS_{}", AGENT_TARGET.replace('-', "_")), flags("-ffile-prefix-map", " ")))
}

/// Writes the description, last of all: without it there is no image.
fn describe(workspace: &Workspace, base: &Path, directory: &Path) -> Result<()> {
    let mut files = serde_json::Map::new();
    let mut whole = Vec::new();
    for name in [base::KERNEL, INITRD, base::ROOT] {
        let path = directory.join(name);
        let digest = digest(workspace, &path)?;
        let bytes = fs::metadata(&path)?.len();
        println!("{name:<12} {bytes:>11} bytes  {digest}");
        whole.extend(digest.bytes());
        files.insert(name.to_owned(), json!({ "bytes": bytes, "sha256": digest }));
    }
    let packages = fs::read_to_string(base.join(base::PACKAGES))?;
    let packages: Vec<&str> = packages.lines().collect();
    let kernel = fs::read_to_string(base.join(base::RELEASE))?;
    let version = workspace.version()?;
    let image = json!({ "layout": LAYOUT, "version": version, "kernel": kernel, "files": files, "packages": packages });
    let mut text = serde_json::to_vec_pretty(&image)?;
    text.push(b'\n');
    put(&directory.join(DESCRIPTION), &text)?;
    println!("The image is at {}.", directory.display());
    Ok(())
}

/// The SHA-256 of a file, in hexadecimal digits.
fn digest(workspace: &Workspace, path: &Path) -> Result<String> {
    let output = workspace.command("sha256sum").arg(path).output().context("cannot run sha256sum")?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

/// Puts `content` at `path` whole or not at all, and leaves alone what is the same already.
fn put(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|found| found == content) {
        return Ok(());
    }
    let aside = path.with_extension("new");
    fs::write(&aside, content)?;
    fs::rename(&aside, path).with_context(|| format!("cannot replace {}", path.display()))
}

/// Whether two files have the same size, and the copy isn't older.
fn same_file(from: &Path, copy: &Path) -> bool {
    let (Ok(from), Ok(copy)) = (fs::metadata(from), fs::metadata(copy)) else { return false };
    from.len() == copy.len() && matches!((from.modified(), copy.modified()), (Ok(a), Ok(b)) if a <= b)
}
