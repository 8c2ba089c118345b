//! The benchmarks: package `causeway-bench`, with the programs built as they are released.

use anyhow::Result;

use crate::cargo::{Workspace, must};
use crate::{image, setup};

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// Entries of the tree, more than one size by commas
    #[arg(long, default_value = "10000,100000")]
    entries: String,
    /// Only the row of this name; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Handed to the benchmarks as they are; `-- --help` lists them
    #[arg(last = true)]
    others: Vec<String>,
}

/// Installs what is compared with, builds, and measures.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    setup::to_bench(workspace)?;
    let packages = ["causeway-cli", "causeway-agent", "causeway-bench"];
    let mut build = workspace.cargo(&["build", "--release"]);
    must(build.args(packages.iter().flat_map(|package| ["-p", package])))?;
    image::make(workspace, &image::Arguments::to_run(false))?;
    let mut bench = workspace.command(workspace.program("release", "causeway-bench"));
    bench.args(["--entries", &arguments.entries]);
    bench.args(arguments.only.iter().flat_map(|name| ["--only", name]));
    must(bench.args(&arguments.others))
}
