//! The workspace, and the commands that are run in it.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The desktop app's package: the only one that needs GUI libraries.
pub const APP: &str = "causeway-app";

/// Where the sources are and where the builds go.
pub struct Workspace {
    root: PathBuf,
    cargo: OsString,
    target: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    pub fn open() -> Result<Self> {
        let mut workspace = Self {
            root: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).canonicalize()?,
            cargo: env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
            target: PathBuf::new(),
        };
        let metadata = workspace.metadata(&["--no-deps"])?;
        workspace.target = text(&metadata, "target_directory")?.into();
        Ok(workspace)
    }

    /// The top of the repository.
    pub fn root(&self) -> &PathBuf {
        &self.root
    }

    /// The directory of all builds.
    pub fn target(&self) -> &PathBuf {
        &self.target
    }

    /// A program that was built with `profile`.
    pub fn program(&self, profile: &str, name: &str) -> PathBuf {
        let directory = if profile == "dev" { "debug" } else { profile };
        self.target.join(directory).join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// `program` at the top of the repository, without what `cargo run` told this program about itself: build scripts that
    /// look at such variables would run again each time.
    pub fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let ours = name.to_str().is_some_and(|name| {
                ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
            });
            if ours {
                command.env_remove(name);
            }
        }
        command
    }

    /// `cargo` with `arguments`.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.cargo);
        command.args(arguments);
        command
    }

    /// The version of Causeway.
    pub fn version(&self) -> Result<String> {
        let metadata = self.metadata(&["--no-deps"])?;
        let packages = array(&metadata, "packages")?;
        let agent = packages.iter().find(|package| package["name"] == "causeway-agent");
        Ok(text(agent.context("there is no agent")?, "version")?.to_owned())
    }

    /// What `cargo metadata` says of the workspace.
    pub fn metadata(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.cargo(&["metadata", "--format-version=1"]);
        command.args(arguments);
        let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata failed ({})", output.status);
        }
        serde_json::from_slice(&output.stdout).context("cargo metadata said something that isn't JSON")
    }
}

/// Runs `command` to its end; anything but success is an error that names it.
pub fn must(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Whether `command` can be run and succeeds, quietly.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// `command` as a person would type it.
pub fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_stem().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}

/// The string `key` of a JSON object.
pub fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("cargo metadata has no {key}"))
}

/// The array `key` of a JSON object.
pub fn array<'a>(value: &'a Value, key: &str) -> Result<&'a [Value]> {
    value[key].as_array().map(Vec::as_slice).with_context(|| format!("cargo metadata has no {key}"))
}
