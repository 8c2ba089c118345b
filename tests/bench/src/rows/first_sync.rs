//! A new share.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use causeway_e2e::Random;

use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::limits::{tar_pipe, timed};
use crate::processes::Processes;

/// Files of [`huge_files`], and bytes of each.
const HUGE: (u64, usize) = (3, 1 << 30);

/// A tree like one of source code.
pub fn small_files(ground: &Ground) -> Result<Vec<Figure>> {
    let tree = ground.tree()?;
    against("tar | tar", Some(0.8), ground, &tree.root, |to| tar_pipe(&tree.root, to))
}

/// All files in one directory, 200 000 at most.
pub fn one_directory(ground: &Ground) -> Result<Vec<Figure>> {
    let folder = ground.fresh("flat");
    fs::create_dir_all(folder.join("all"))?;
    let mut random = Random::new(2);
    for number in 0..ground.entries.min(200_000) {
        fs::write(folder.join(format!("all/file{number}")), random.bytes(200))?;
    }
    against("tar | tar", None, ground, &folder, |to| tar_pipe(&folder, to))
}

/// Packages as npm installs them, symlinks to programs included: those that the app's interface is built with.
pub fn node_modules(ground: &Ground) -> Result<Vec<Figure>> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/node_modules");
    ensure!(packages.is_dir(), "{} is missing; install it first: cargo xtask setup", packages.display());
    let folder = ground.fresh("packages");
    fs::create_dir_all(&folder)?;
    timed(Command::new("cp").arg("-a").arg(&packages).arg(&folder))?;
    against("tar | tar", None, ground, &folder, |to| tar_pipe(&folder, to))
}

/// A few huge files.
pub fn huge_files(ground: &Ground) -> Result<Vec<Figure>> {
    let folder = ground.fresh("huge");
    fs::create_dir_all(&folder)?;
    let block = Random::new(3).bytes(1 << 20);
    for number in 0..HUGE.0 {
        let mut content = Vec::with_capacity(HUGE.1);
        for part in 0..HUGE.1 / block.len() {
            content.extend_from_slice(&block);
            let at = content.len() - block.len();
            content[at..at + 16].copy_from_slice(&((u128::from(number) << 64) + part as u128).to_le_bytes());
        }
        fs::write(folder.join(format!("huge{number}")), content)?;
    }
    against("cp", None, ground, &folder, |to| timed(Command::new("cp").arg("-r").arg(&folder).arg(to)))
}

fn against(
    what: &str,
    goal: Option<f64>,
    ground: &Ground,
    folder: &Path,
    limit: impl Fn(&Path) -> Result<f64>,
) -> Result<Vec<Figure>> {
    let (mut wall, mut limits, mut cpu, mut engine, mut agent, mut written) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..ground.repeats {
        // Neither waits for what others left to be written.
        rustix::fs::sync();
        limits.push(limit(&ground.fresh("copy"))?);
        let place = ground.place()?;
        rustix::fs::sync();
        let processes = Processes::of(&place);
        let before = processes.both()?;
        let (took, guest) = ground.share(&place, folder)?;
        let used = processes.both()?;
        ensure!(count(folder)? == count(&guest)?, "not everything has arrived");
        wall.push(took);
        cpu.push(used.cpu_ms - before.cpu_ms);
        written.push((used.written - before.written) / 1e6);
        engine.push(processes.engine()?.peak_mb);
        agent.push(processes.agent()?.peak_mb);
        ground.retire(place);
    }
    let limit = Figure::new(what, Unit::Ms, limits);
    Ok(vec![
        Figure::new("until both sides are the same", Unit::Ms, wall).against(&limit, goal),
        Figure::new("engine and agent", Unit::CpuMs, cpu),
        Figure::new("written, engine and agent", Unit::Mb, written),
        Figure::new("peak memory, engine", Unit::Mb, engine),
        Figure::new("peak memory, agent", Unit::Mb, agent),
    ])
}

/// Entries below a folder.
fn count(folder: &Path) -> Result<u64> {
    let mut entries = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries += 1;
        if entry.file_type()?.is_dir() {
            entries += count(&entry.path())?;
        }
    }
    Ok(entries)
}
