//! The same work by others: rsync, Unison and lsyncd, as Debian has them. What isn't installed is named and left out.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use causeway_e2e::Random;

use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::limits::ms;
use crate::observe::{Observer, until, until_whole};
use crate::processes::Family;

/// Edits that lsyncd is given.
const EDITS: u64 = 20;
/// Files that are changed at once.
const BURST: usize = 2_000;

/// All that are installed.
pub fn all(ground: &Ground) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (program, measure) in
        [("rsync", rsync as fn(&Ground) -> Result<Vec<Figure>>), ("unison", unison), ("lsyncd", lsyncd)]
    {
        let is_there =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        if is_there {
            figures.extend(measure(ground)?);
        } else {
            eprintln!("    {program} is not installed");
        }
    }
    Ok(figures)
}

/// One run of a program after the other.
#[derive(Default)]
struct Runs {
    wall: Vec<f64>,
    cpu: Vec<f64>,
    peak: Vec<f64>,
}

impl Runs {
    /// Runs a command that has to succeed.
    fn run(&mut self, command: &mut Command) -> Result<()> {
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::null()).spawn()?;
        let family = Family::of(child.id());
        let status = child.wait()?;
        self.wall.push(ms(begun.elapsed()));
        let used = family.used();
        self.cpu.push(used.cpu_ms);
        self.peak.push(used.peak_mb);
        if status.success() { Ok(()) } else { bail!("{command:?} failed: {status}") }
    }

    fn figures(self, what: &str) -> [Figure; 3] {
        [
            Figure::new(what, Unit::Ms, self.wall),
            Figure::new(format!("{what}, all its processes"), Unit::CpuMs, self.cpu),
            Figure::new(format!("{what}, peak memory of all its processes"), Unit::Mb, self.peak),
        ]
    }
}

fn rsync(ground: &Ground) -> Result<Vec<Figure>> {
    let (tree, to) = (ground.tree()?, ground.fresh("rsync"));
    let run =
        |runs: &mut Runs| runs.run(Command::new("rsync").arg("-a").arg(format!("{}/", tree.root.display())).arg(&to));
    let (mut first, mut again) = (Runs::default(), Runs::default());
    run(&mut first)?;
    for _ in 0..ground.repeats {
        run(&mut again)?;
    }
    Ok([first.figures("rsync -a, first"), again.figures("rsync -a, nothing changed")].into_iter().flatten().collect())
}

fn unison(ground: &Ground) -> Result<Vec<Figure>> {
    let (tree, to, home) = (ground.tree()?, ground.fresh("unison"), ground.fresh("unison-home"));
    fs::create_dir_all(&to)?;
    let run = |runs: &mut Runs| {
        let options = ["-batch", "-silent", "-ui", "text", "-auto", "-times", "-confirmbigdel=false"];
        runs.run(Command::new("unison").arg(&tree.root).arg(&to).args(options).env("UNISON", &home))
    };
    let (mut first, mut each, mut burst) = (Runs::default(), Runs::default(), Runs::default());
    run(&mut first)?;
    let mut random = Random::new(12);
    for file in tree.files.iter().take(ground.repeats as usize) {
        fs::write(tree.root.join(file), random.bytes(2_000))?;
        run(&mut each)?;
    }
    for _ in 0..ground.repeats {
        for file in tree.files.iter().take(BURST) {
            fs::write(tree.root.join(file), random.bytes(2_000))?;
        }
        run(&mut burst)?;
    }
    let figures = [
        first.figures("Unison, first"),
        each.figures("Unison, one file changed"),
        burst.figures("Unison, 2 000 files changed"),
    ];
    Ok(figures.into_iter().flatten().collect())
}

fn lsyncd(ground: &Ground) -> Result<Vec<Figure>> {
    let (tree, to, settings) = (ground.tree()?, ground.fresh("lsyncd"), ground.fresh("lsyncd-settings"));
    fs::create_dir_all(&to)?;
    fs::write(&settings, lsyncd_settings(&tree.root, &to))?;
    let begun = Instant::now();
    let lsyncd =
        Command::new("lsyncd").arg("-nodaemon").arg(&settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let family = Family::of(lsyncd.id());
    let ends = Ends(lsyncd);
    let last = tree.files.last().map(|file| to.join(file));
    let Some(last) = last else { bail!("the tree is empty") };
    let first = ms(until(|| Ok(last.exists()))?.duration_since(begun));
    let mut random = Random::new(13);
    let mut each = Vec::new();
    for _ in 0..EDITS {
        let file = &tree.files[usize::try_from(random.below(tree.files.len() as u64))?];
        std::thread::sleep(Duration::from_millis(100));
        let (observer, content) = (Observer::of(&to.join(file))?, random.bytes(2_000));
        let begun = Instant::now();
        fs::write(tree.root.join(file), &content)?;
        each.push(ms(until_whole(&observer, &to.join(file), &content)?.duration_since(begun)));
    }
    let mut burst = Vec::new();
    for _ in 0..ground.repeats {
        std::thread::sleep(Duration::from_millis(500));
        let contents: Vec<_> = tree.files.iter().take(BURST).map(|_| random.bytes(2_000)).collect();
        for (file, content) in tree.files.iter().zip(&contents) {
            fs::write(tree.root.join(file), content)?;
        }
        let begun = Instant::now();
        for (file, content) in tree.files.iter().zip(&contents) {
            let file = to.join(file);
            if !fs::read(&file).is_ok_and(|now| now == *content) {
                until_whole(&Observer::of(&file)?, &file, content)?;
            }
        }
        burst.push(ms(begun.elapsed()));
    }
    let used = family.used();
    drop(ends);
    Ok(vec![
        Figure::new("lsyncd with rsync, first", Unit::Ms, vec![first]),
        Figure::new("lsyncd with rsync, one file changed", Unit::Ms, each),
        Figure::new("lsyncd with rsync, 2 000 files changed", Unit::Ms, burst),
        Figure::new("lsyncd with rsync, all of this, all its processes", Unit::CpuMs, vec![used.cpu_ms]),
        Figure::new("lsyncd with rsync, peak memory of all its processes", Unit::Mb, vec![used.peak_mb]),
    ])
}

fn lsyncd_settings(from: &Path, to: &Path) -> String {
    format!(
        "settings {{ nodaemon = true }}\nsync {{ default.rsync, source = {:?}, target = {:?}, delay = 0 }}\n",
        from.display().to_string(),
        to.display().to_string()
    )
}

/// A process that ends with its owner.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
