//! The whole-system simulation: package `causeway-sim`.

use anyhow::Result;

use crate::cargo::{Workspace, must};

/// Seeds that the full test run tries.
const SEEDS_IN_TEST: u64 = 5_000;

/// Which seeds.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many seeds to try
    #[arg(long, default_value_t = SEEDS_IN_TEST)]
    seeds: u64,
    /// The first seed; with `--seeds 1`, the one to replay
    #[arg(long)]
    seed: Option<u64>,
    /// Handed to the simulation as they are
    #[arg(last = true)]
    others: Vec<String>,
}

impl Arguments {
    /// What the full test run tries.
    pub fn in_test() -> Self {
        Self { seeds: SEEDS_IN_TEST, seed: None, others: Vec::new() }
    }
}

/// Builds the simulation and runs it. It prints a failing seed with the command that replays it.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut command = workspace.cargo(&["run", "--profile", "sim", "-p", "causeway-sim", "--"]);
    command.args(["--seeds", &arguments.seeds.to_string()]);
    if let Some(seed) = arguments.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    must(command.args(&arguments.others))
}
