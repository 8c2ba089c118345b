//! `causeway`: does from a terminal all that the app does, by asking a running engine.
//!
//! [`args`] is what can be typed, [`command`] what each command asks the engine, [`show`] how answers look. It knows
//! nothing of synchronising; the one tie to the engine's crate is [`engine_run`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod args;
mod command;
mod connect;
mod engine_run;
mod exit;
mod progress;
mod show;

use std::process::ExitCode;

use causeway_api::Home;
use clap::Parser;

use crate::{
    args::{Cli, Command, EngineCommand},
    exit::Exit,
    show::screen::Screen,
};

// Most of what a large share costs beside the disk's work is in small pieces of memory; see docs/performance.md.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    match run(cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) if exit::reader_left(&error) => ExitCode::SUCCESS,
        Err(error) => {
            exit::report(&error, json);
            ExitCode::from(exit::code_of(&error))
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let screen = Screen { json: cli.json };
    match cli.command {
        Command::Completions { shell } => command::completions::write(shell),
        Command::Engine(EngineCommand::Run { background, without_machine }) => {
            engine_run::run(Home::locate()?, background, without_machine)?;
            Ok(Exit::Done)
        }
        Command::Logs(logs) => command::logs::show(&Home::locate()?.log_file(), screen, &logs),
        command => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(command::run(command, &Home::locate()?, screen))
        }
    }
}
