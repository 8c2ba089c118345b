//! Every developer task: `cargo xtask run | test | check | image | sim | bench | frames | fuzz | dist | types | pictures | setup`.
//!
//! It depends on little, so that it starts soon on a machine where nothing is built yet, and it knows nothing of what it
//! builds but package names and command lines.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bench;
mod cargo;
mod checks;
mod cross;
mod direction;
mod dist;
mod fuzz;
mod image;
mod node;
mod run;
mod setup;
mod sim;
mod step;
mod tests;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cargo::Workspace;
use crate::step::Step;

/// Developer tasks of Causeway.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what is missing, build, and open the app; without a display the engine, and its live status in the terminal
    Run {
        /// Build without optimisation: sooner built, slower at work
        #[arg(long)]
        debug: bool,
        /// No window: the engine, and its live status in the terminal
        #[arg(long)]
        terminal: bool,
    },
    /// Install what is missing and run every check and test, or only the named steps
    Test {
        /// Steps to run, in the order of the full run; all when none is named
        steps: Vec<Step>,
    },
    /// The checks that run nothing of Causeway: formatting, lints, dependencies, documentation, other systems
    Check,
    /// Make the image of the VM's guest, unless it is as it should be
    Image(image::Arguments),
    /// Simulate the whole system under many seeds, or again under one that failed
    Sim(sim::Arguments),
    /// Measure Causeway beside physical limits and its peers
    Bench(bench::Arguments),
    /// Measure how evenly the window is drawn while 200 shares change
    Frames {
        /// Handed on as they are: `--shares N`, `--seconds S`, `--json`
        #[arg(last = true)]
        others: Vec<String>,
    },
    /// Replay the fuzz corpus and try random input on the stable toolchain
    Fuzz(fuzz::Arguments),
    /// Make packages of the app, the command, the agent and the VM's image: .deb and .rpm
    Dist(dist::Arguments),
    /// Write the interface's types as those of the engine and the app are
    Types,
    /// Write the pictures of the README
    Pictures,
    /// Install what the other tasks need: system packages, Rust targets, cargo tools
    Setup,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = Workspace::open().and_then(|workspace| match arguments.task {
        Task::Run { debug, terminal } => run::run(&workspace, debug, terminal),
        Task::Test { steps } if steps.is_empty() => step::run_all(&workspace, Step::ALL),
        Task::Test { steps } => step::run_all(&workspace, &Step::in_order(&steps)),
        Task::Check => step::run_all(&workspace, Step::CHECKS),
        Task::Image(arguments) => image::make(&workspace, &arguments),
        Task::Sim(arguments) => sim::run(&workspace, &arguments),
        Task::Bench(arguments) => bench::run(&workspace, &arguments),
        Task::Frames { others } => ui::frames(&workspace, &others),
        Task::Fuzz(arguments) => fuzz::run(&workspace, &arguments),
        Task::Dist(arguments) => dist::run(&workspace, &arguments),
        Task::Types => ui::types(&workspace),
        Task::Pictures => ui::pictures(&workspace),
        Task::Setup => setup::everything(&workspace),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
