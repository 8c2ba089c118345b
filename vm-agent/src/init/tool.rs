//! Programs of the guest that are run to their end.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// What programs find others by.
pub const PATH: &str = "/usr/sbin:/usr/bin";

/// Runs a program; returns its exit code and what it printed.
///
/// Only before [`super::services::Services::watch`], which takes in every child that ends.
pub fn run(program: &str, arguments: &[&str]) -> Result<(i32, String)> {
    let output = Command::new(program).args(arguments).env_clear().env("PATH", PATH).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    let Some(code) = output.status.code() else { bail!("{program} was ended: {}", output.status) };
    Ok((code, printed))
}

/// Runs a program that must succeed.
pub fn must(program: &str, arguments: &[&str]) -> Result<()> {
    let (code, printed) = run(program, arguments)?;
    if code != 0 {
        bail!("{program} {} failed with {code}: {}", arguments.join(" "), printed.trim());
    }
    Ok(())
}
