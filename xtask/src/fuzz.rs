//! The fuzz targets without a fuzzer: package `causeway-fuzz` (see `fuzz/README.md`) on the stable toolchain.

use std::path::PathBuf;

use anyhow::Result;

use crate::cargo::{Workspace, must};

/// Seconds of random input for each target in the full test run.
const SECONDS_IN_TEST: u64 = 5;

/// What to run.
#[derive(clap::Args)]
pub struct Arguments {
    /// Targets to run; all when none is named
    targets: Vec<String>,
    /// Seconds of random input for each target, after its corpus
    #[arg(long, default_value_t = SECONDS_IN_TEST)]
    seconds: u64,
    /// Seed of the random input; another one each time when none is given
    #[arg(long)]
    seed: Option<u64>,
    /// Run this input alone
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

impl Arguments {
    /// What the full test run does.
    pub fn in_test() -> Self {
        Self { targets: Vec::new(), seconds: SECONDS_IN_TEST, seed: None, input: None }
    }
}

/// Builds the targets and runs them. The program prints the input that failed, and where it was saved.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut command = workspace.cargo(&["run", "--profile", "sim", "-p", "causeway-fuzz", "--"]);
    command.args(["--seconds", &arguments.seconds.to_string()]);
    if let Some(seed) = arguments.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(input) = &arguments.input {
        command.arg("--input").arg(std::path::absolute(input)?);
    }
    must(command.args(&arguments.targets))
}
