//! Runs seeds of the whole-system simulation, and tells of those that break a rule.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use causeway_sim::faults::Level;
use causeway_sim::run::{Outcome, mode_of, run};
use causeway_sync::Mode;
use clap::{Parser, ValueEnum};

/// Failing seeds whose story is told; of more only the seed is.
const STORIES_MAX: usize = 1;
/// Failing seeds at which no more are tried.
const FAILED_MAX: usize = 20;

/// Tries seeds of the whole-system simulation.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to try
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The mode of all shares, where it isn't to follow from the seed
    #[arg(long, value_parser = parse_mode)]
    mode: Option<Mode>,
    /// Up to which class of faults
    #[arg(long, value_enum, default_value_t = Level::None)]
    level: Level,
    /// Tell what happens, also where all is well
    #[arg(long)]
    verbose: bool,
    /// Seeds tried at once; as many as there are processors if none is given
    #[arg(long)]
    jobs: Option<usize>,
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    Ok(match text {
        "two-way-safe" => Mode::TwoWaySafe,
        "two-way-resolved" => Mode::TwoWayResolved,
        "one-way-safe" => Mode::OneWaySafe,
        "one-way-replica" => Mode::OneWayReplica,
        _ => return Err("two-way-safe, two-way-resolved, one-way-safe or one-way-replica".to_owned()),
    })
}

impl Arguments {
    fn mode(&self, seed: u64) -> Mode {
        self.mode.unwrap_or_else(|| mode_of(seed))
    }

    /// What else the command that replays a seed has to say.
    fn others(&self) -> String {
        let mode = std::env::args().skip_while(|argument| !argument.starts_with("--mode")).take(2).collect::<Vec<_>>();
        let mode = if self.mode.is_some() { format!(" {}", mode.join(" ")) } else { String::new() };
        match (self.level, self.mode) {
            (Level::None, None) => String::new(),
            (level, _) => {
                let level = level.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
                format!(" -- --level {level}{mode}")
            }
        }
    }

    fn try_seed(&self, seed: u64, home: &Path, tells: bool) -> Result<Outcome> {
        let home = tempfile::tempdir_in(home).context("no temporary directory")?;
        let tried = std::panic::catch_unwind(|| run(seed, self.mode(seed), self.level, home.path(), tells));
        Ok(tried.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Outcome { violations: vec![format!("panicked: {}", text.unwrap_or("?"))], story: Vec::new() }
        }))
    }
}

/// In memory where the system has such a place.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let home =
        tempfile::Builder::new().prefix("causeway-sim-").tempdir_in(scratch()).context("no temporary directory")?;
    let jobs = arguments.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let next = AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    let passed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= arguments.seeds || failed.lock().expect("no thread panics").len() >= FAILED_MAX {
                        return;
                    }
                    let seed = arguments.seed + number;
                    match arguments.try_seed(seed, home.path(), arguments.verbose) {
                        Ok(outcome) if outcome.violations.is_empty() => {
                            passed.fetch_add(1, Ordering::Relaxed);
                            outcome.story.iter().for_each(|line| println!("{line}"));
                        }
                        Ok(outcome) => failed.lock().expect("no thread panics").push((seed, outcome)),
                        Err(error) => {
                            eprintln!("{error:#}");
                            return;
                        }
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().expect("no thread panics");
    failed.sort_by_key(|(seed, _)| *seed);
    for (number, (seed, outcome)) in failed.iter().enumerate() {
        if number < STORIES_MAX {
            let told = arguments.try_seed(*seed, home.path(), true)?;
            told.story.iter().for_each(|line| println!("{line}"));
        }
        println!("seed {seed} ({:?}) failed:", arguments.mode(*seed));
        outcome.violations.iter().take(5).for_each(|violation| println!("  {violation}"));
        println!("  replay: cargo xtask sim --seed {seed} --seeds 1{}", arguments.others());
    }
    println!("{} passed, {} failed", passed.load(Ordering::Relaxed), failed.len());
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
