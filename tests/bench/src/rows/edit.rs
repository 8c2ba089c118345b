//! One changed file: from the moment before it is written until it is whole on the other side.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use causeway_e2e::Random;

use crate::figures::{Figure, Unit};
use crate::ground::{Ground, Shared};
use crate::limits::{CopyLoop, ms};
use crate::observe::{Observer, until_whole};

/// Edits of each kind.
const EDITS: u64 = 500;
/// Bytes of the changed file.
const BYTES: usize = 2_000;
/// What a person's editor does at most.
const PAUSE: Duration = Duration::from_millis(10);

/// Which file is edited next.
#[derive(Clone, Copy)]
enum Choice {
    /// Always the same.
    Hot,
    /// Any.
    Random,
}

/// Both directions, the same file and random ones, beside a loop that does nothing but copy.
pub fn one_file(ground: &Ground) -> Result<Vec<Figure>> {
    let shared = ground.shared()?;
    let limit = bare_loop(ground, false)?;
    let mut figures = quantiles("a bare copy loop with fdatasync", bare_loop(ground, true)?.values, &limit, None);
    for (name, from, to) in directions(shared) {
        let before = shared.processes().both()?;
        let hot = edits(shared, from, to, Choice::Hot, EDITS)?;
        let random = edits(shared, from, to, Choice::Random, EDITS)?;
        shared.flush()?;
        let used = shared.processes().both()?;
        let each = 2.0 * EDITS as f64;
        figures.extend(quantiles(&format!("{name}, one file"), hot, &limit, Some(2.0)));
        figures.extend(quantiles(&format!("{name}, random files"), random, &limit, Some(2.0)));
        figures.push(Figure::new(
            format!("{name}, each edit"),
            Unit::CpuMs,
            vec![(used.cpu_ms - before.cpu_ms) / each],
        ));
        let written = vec![(used.written - before.written) / each];
        figures.push(Figure::new(format!("{name}, written for each"), Unit::Bytes, written));
    }
    Ok(figures)
}

/// While a program changes other files all the time.
pub fn while_busy(ground: &Ground) -> Result<Vec<Figure>> {
    let shared = ground.shared()?;
    let limit = bare_loop(ground, false)?;
    let stop = AtomicBool::new(false);
    let busy = &shared.host.root.join("busy");
    fs::create_dir_all(busy)?;
    let latencies = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random::new(9);
            for number in (0..50).cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                // A full disk shows in the edits.
                let _ = fs::write(busy.join(format!("{number}")), random.bytes(BYTES));
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let latencies = edits(shared, &shared.host.root, &shared.guest, Choice::Random, EDITS);
        stop.store(true, Ordering::Relaxed);
        latencies
    })?;
    fs::remove_dir_all(busy)?;
    shared.flush()?;
    Ok(quantiles("to the guest, 500 others a second", latencies, &limit, None))
}

/// Name, from and to of both directions.
pub fn directions(shared: &Shared) -> [(&'static str, &Path, &Path); 2] {
    [("to the guest", &shared.host.root, &shared.guest), ("to the host", &shared.guest, &shared.host.root)]
}

/// Latency of edits to random files from the host, in milliseconds.
pub fn to_the_guest(shared: &Shared, count: u64) -> Result<Vec<f64>> {
    edits(shared, &shared.host.root, &shared.guest, Choice::Random, count)
}

/// p50, p95, p99 and the maximum.
pub fn quantiles(what: &str, latencies: Vec<f64>, limit: &Figure, goal: Option<f64>) -> Vec<Figure> {
    let all = Figure::new(what, Unit::Ms, latencies);
    let one = |name: &str, part: f64| Figure::new(format!("{what}, {name}"), Unit::Ms, vec![all.quantile(part)]);
    vec![one("p50", 0.5).against(limit, goal), one("p95", 0.95), one("p99", 0.99), one("max", 1.0)]
}

/// A loop that copies the files of one directory, observed in the same way.
fn bare_loop(ground: &Ground, durable: bool) -> Result<Figure> {
    let (from, to) = (ground.fresh("loop-from"), ground.fresh("loop-to"));
    fs::create_dir_all(&from)?;
    fs::create_dir_all(&to)?;
    let copying = CopyLoop::start(&from, &to, durable)?;
    let mut random = Random::new(5);
    let observer = Observer::of(&to.join("file"))?;
    let latencies: Result<Vec<f64>> =
        (0..EDITS).map(|_| one_edit(&from.join("file"), &to.join("file"), &observer, &random.bytes(BYTES))).collect();
    drop(copying);
    Ok(Figure::new("a bare copy loop", Unit::Ms, latencies?))
}

fn edits(shared: &Shared, from: &Path, to: &Path, choice: Choice, count: u64) -> Result<Vec<f64>> {
    let files = &shared.host.files;
    let mut random = Random::new(7);
    let mut latencies = Vec::new();
    for _ in 0..count {
        let file: &PathBuf = match choice {
            Choice::Hot => &files[files.len() / 2],
            Choice::Random => &files[usize::try_from(random.below(files.len() as u64))?],
        };
        let observer = Observer::of(&to.join(file))?;
        latencies.push(one_edit(&from.join(file), &to.join(file), &observer, &unheard_of(&mut random))?);
    }
    Ok(latencies)
}

/// Content that no edit before has written: what the other side holds already would count as arrived at once.
fn unheard_of(random: &mut Random) -> Vec<u8> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let mut content = random.bytes(BYTES);
    content[..8].copy_from_slice(&WRITTEN.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    content
}

/// People edit files that stand on the disk: to cut one off takes longer than what only the page cache holds.
fn one_edit(from: &Path, to: &Path, observer: &Observer, content: &[u8]) -> Result<f64> {
    if from.exists() {
        fs::File::open(from)?.sync_data()?;
    }
    std::thread::sleep(PAUSE);
    let begun = Instant::now();
    fs::write(from, content)?;
    Ok(ms(until_whole(observer, to, content)?.duration_since(begun)))
}
