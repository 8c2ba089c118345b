//! `causeway completions`.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{args::Cli, exit::Exit};

/// Writes the script for `shell` to standard output.
pub fn write(shell: Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "causeway", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}
