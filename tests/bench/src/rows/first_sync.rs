//! A new share.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use causeway_e2e::Random;

use crate::bare;
use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::limits::{tar_pipe, timed};
use crate::processes::Processes;

/// Files of [`huge_files`], and bytes of each.
const HUGE: (u64, usize) = (3, 1 << 30);

/// A tree like one of source code.
pub fn small_files(ground: &Ground) -> Result<Vec<Figure>> {
    let tree = ground.tree()?;
    let tar: Copy<'_> = ("tar | tar", &|to| tar_pipe(&tree.root, to));
    let bare: Copy<'_> = ("a bare copy that verifies and is durable", &|to| bare::copy(&tree.root, to));
    against(tar, Some(0.8), &[bare], ground, &tree.root)
}

/// All files in one directory, 200 000 at most.
pub fn one_directory(ground: &Ground) -> Result<Vec<Figure>> {
    let folder = ground.fresh("flat");
    fs::create_dir_all(folder.join("all"))?;
    let mut random = Random::new(2);
    for number in 0..ground.entries.min(200_000) {
        fs::write(folder.join(format!("all/file{number}")), random.bytes(200))?;
    }
    against(("tar | tar", &|to| tar_pipe(&folder, to)), None, &[], ground, &folder)
}

/// Packages as npm installs them, symlinks to programs included: those that the app's interface is built with.
pub fn node_modules(ground: &Ground) -> Result<Vec<Figure>> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/node_modules");
    ensure!(packages.is_dir(), "{} is missing; install it first: cargo xtask setup", packages.display());
    let folder = ground.fresh("packages");
    fs::create_dir_all(&folder)?;
    timed(Command::new("cp").arg("-a").arg(&packages).arg(&folder))?;
    against(("tar | tar", &|to| tar_pipe(&folder, to)), None, &[], ground, &folder)
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
    let cp: Copy<'_> = ("cp", &|to| timed(Command::new("cp").arg("-r").arg(&folder).arg(to)));
    against(cp, None, &[], ground, &folder)
}

/// Another way to copy the folder, and its name. Gives how long it took, in milliseconds.
type Copy<'a> = (&'static str, &'a dyn Fn(&Path) -> Result<f64>);

/// A new share of a folder beside a limit, and what else is held against that.
fn against(
    (what, limit): Copy<'_>,
    goal: Option<f64>,
    others: &[Copy<'_>],
    ground: &Ground,
    folder: &Path,
) -> Result<Vec<Figure>> {
    let mut others: Vec<_> = others.iter().map(|(what, copy)| (what, copy, vec![])).collect();
    let (mut wall, mut limits, mut cpu, mut engine, mut agent, mut written) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..ground.repeats {
        // Neither waits for what others left to be written.
        rustix::fs::sync();
        limits.push(limit(&ground.fresh("copy"))?);
        for (_, copy, took) in &mut others {
            rustix::fs::sync();
            took.push(copy(&ground.fresh("copy"))?);
        }
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
    let others = others.into_iter().map(|(what, _, took)| Figure::new(*what, Unit::Ms, took).against(&limit, None));
    let mut figures: Vec<_> = others.collect();
    figures.extend([
        Figure::new("until both sides are the same", Unit::Ms, wall).against(&limit, goal),
        Figure::new("engine and agent", Unit::CpuMs, cpu),
        Figure::new("written, engine and agent", Unit::Mb, written),
        Figure::new("peak memory, engine", Unit::Mb, engine),
        Figure::new("peak memory, agent", Unit::Mb, agent),
    ]);
    Ok(figures)
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
