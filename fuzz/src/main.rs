//! Runs the fuzz targets on the stable toolchain: the corpus first, then random input made from it.

mod mutate;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use causeway_fuzz::{TARGETS, Target};
use clap::Parser;

use crate::mutate::Random;

/// An input that takes longer is a failure: what a peer sends must not keep the engine busy.
const INPUT_MS_MAX: u128 = 2_000;

/// Replays the fuzz corpus and tries random input.
#[derive(Parser)]
struct Arguments {
    /// Targets to run; all when none is named
    targets: Vec<String>,
    /// Seconds of random input for each target
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Seed of the random input
    #[arg(long)]
    seed: Option<u64>,
    /// Run this input alone
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let chosen = chosen(&arguments.targets)?;
    if let Some(file) = &arguments.input {
        let input = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        return chosen.iter().try_for_each(|target| run(target, &input));
    }
    let seed = arguments.seed.map_or_else(getrandom::u64, Ok).context("there is no randomness for a seed")?;
    for target in chosen {
        let corpus = corpus(target)?;
        corpus.iter().try_for_each(|input| run(target, input))?;
        let mut random = Random::new(seed);
        let begun = Instant::now();
        let mut tried = 0_u64;
        while begun.elapsed() < Duration::from_secs(arguments.seconds) {
            run(target, &mutate::input(&mut random, &corpus)).with_context(|| format!("seed {seed}"))?;
            tried += 1;
        }
        println!("{}: {} inputs of the corpus, {tried} random ones (seed {seed})", target.name, corpus.len());
    }
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Target>> {
    if names.is_empty() {
        return Ok(TARGETS.iter().collect());
    }
    let find = |name: &String| {
        let known = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
        TARGETS
            .iter()
            .find(|target| target.name == name)
            .with_context(|| format!("no target {name}; there are {}", known()))
    };
    names.iter().map(find).collect()
}

fn corpus(target: &Target) -> Result<Vec<Vec<u8>>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    files.iter().map(|file| fs::read(file).with_context(|| format!("cannot read {}", file.display()))).collect()
}

/// Runs one input. One that panics or takes too long is saved, and named with the command that runs it again.
fn run(target: &Target, input: &[u8]) -> Result<()> {
    let begun = Instant::now();
    let panicked = catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err();
    let took_ms = begun.elapsed().as_millis();
    if !panicked && took_ms <= INPUT_MS_MAX {
        return Ok(());
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(target.name);
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let file = directory.join(format!("{}-{}", if panicked { "panic" } else { "slow" }, std::process::id()));
    fs::write(&file, input).with_context(|| format!("cannot write {}", file.display()))?;
    let what = if panicked { "panicked".to_owned() } else { format!("took {took_ms} ms") };
    bail!("{} {what}; again: cargo xtask fuzz {} --input {}", target.name, target.name, file.display())
}
