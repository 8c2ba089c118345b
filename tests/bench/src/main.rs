//! Measures Causeway as its users meet it: real programs, real folders, timed from the outside, each row beside its physical limit
//! in the same run. Not a test: nothing here fails because a machine is slow.
//!
//! A row is measured at each size in turn; see [`rows`] for what they are. Results go to the terminal as a table and, with
//! `--json FILE`, to a file.

mod bare;
mod figures;
mod ground;
mod limits;
mod observe;
mod peers;
mod processes;
mod rows;
mod trees;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

use crate::figures::Figures;
use crate::ground::Ground;

/// Measures Causeway against physical limits and its peers.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Entries of the tree, more than one size by commas
    #[arg(long, value_delimiter = ',', default_value = "10000,100000")]
    entries: Vec<u64>,
    /// Only the row of this name; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How often each row is measured
    #[arg(long, default_value_t = 3)]
    repeats: u32,
    /// Where the trees are made: a directory on the disk that counts
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Writes the results to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Names the rows and ends
    #[arg(long)]
    list: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        rows::ALL.iter().for_each(|row| println!("{:<16} {}", row.name, row.what));
        return Ok(());
    }
    let wanted = rows::chosen(&arguments.only)?;
    let base = arguments.dir.unwrap_or_else(std::env::temp_dir);
    let mut figures = Figures::default();
    for &entries in &arguments.entries {
        let ground = Ground::new(&base, entries, arguments.repeats)?;
        for row in &wanted {
            eprintln!("--- {} at {entries} entries", row.name);
            let measured = (row.measure)(&ground).with_context(|| format!("{} at {entries} entries", row.name))?;
            measured.iter().for_each(|figure| eprintln!("    {figure}"));
            figures.add(row.name, entries, measured);
        }
    }
    print!("{figures}");
    if let Some(file) = arguments.json {
        std::fs::write(&file, figures.to_json()?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
