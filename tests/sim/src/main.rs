//! Runs seeds of the whole-system simulation, and tells of those that break a rule.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use causeway_sim::faults::Level;
use causeway_sim::run::{Outcome, level_of, mode_of, run};
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
    /// Up to which class of faults, where it isn't to follow from the seed
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Tell what happens, also where all is well
    #[arg(long)]
    verbose: bool,
    /// Seeds tried at once; as many as there are processors if none is given
    #[arg(long)]
    jobs: Option<usize>,
}

const MODES: [Mode; 4] = [Mode::TwoWaySafe, Mode::TwoWayResolved, Mode::OneWaySafe, Mode::OneWayReplica];

fn name_of(mode: Mode) -> &'static str {
    match mode {
        Mode::TwoWaySafe => "two-way-safe",
        Mode::TwoWayResolved => "two-way-resolved",
        Mode::OneWaySafe => "one-way-safe",
        Mode::OneWayReplica => "one-way-replica",
    }
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    let named = MODES.into_iter().find(|mode| name_of(*mode) == text);
    named.ok_or_else(|| MODES.map(name_of).join(", "))
}

impl Arguments {
    fn mode(&self, seed: u64) -> Mode {
        self.mode.unwrap_or_else(|| mode_of(seed))
    }

    fn level(&self, seed: u64) -> Level {
        self.level.unwrap_or_else(|| level_of(seed))
    }

    /// What else the command that replays a seed has to say.
    fn others(&self) -> String {
        let mode = self.mode.map(|mode| format!(" --mode {}", name_of(mode)));
        let level = self.level.and_then(|level| level.to_possible_value());
        let level = level.map(|level| format!(" --level {}", level.get_name()));
        let others: String = level.into_iter().chain(mode).collect();
        if others.is_empty() { others } else { format!(" --{others}") }
    }

    fn try_seed(&self, seed: u64, home: &Path, tells: bool) -> Result<Outcome> {
        let home = tempfile::tempdir_in(home).context("no temporary directory")?;
        let tried = std::panic::catch_unwind(|| run(seed, self.mode(seed), self.level(seed), home.path(), tells));
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
        println!("seed {seed} ({:?}, up to {:?}) failed:", arguments.mode(*seed), arguments.level(*seed));
        outcome.violations.iter().take(5).for_each(|violation| println!("  {violation}"));
        println!("  replay: cargo xtask sim --seed {seed} --seeds 1{}", arguments.others());
    }
    println!("{} passed, {} failed", passed.load(Ordering::Relaxed), failed.len());
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
