//! Many files changed at once.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use causeway_e2e::Random;

use crate::figures::{Figure, Unit};
use crate::ground::{Ground, Shared};
use crate::limits::{ms, tar_files};
use crate::observe::{Observer, until_whole};
use crate::rows::edit::directions;

/// Files of each burst.
const BURSTS: [usize; 2] = [2_000, 50_000];

/// Each burst that the tree has files for, both ways.
pub fn files(ground: &Ground) -> Result<Vec<Figure>> {
    let shared = ground.shared()?;
    let mut figures = Vec::new();
    for count in BURSTS.into_iter().filter(|count| *count <= shared.host.files.len()) {
        for (name, from, to) in directions(shared) {
            figures.extend(burst(ground, shared, count, (name, from, to))?);
        }
    }
    Ok(figures)
}

/// The time counts from the end of the writing, as it does for tar, which begins when all is there. The first file counts from its own.
fn burst(
    ground: &Ground,
    shared: &Shared,
    count: usize,
    (name, from, to): (&str, &Path, &Path),
) -> Result<Vec<Figure>> {
    let files = &shared.host.files[..count];
    let (mut wall, mut with_writing, mut first, mut cpu, mut limits) = (vec![], vec![], vec![], vec![], vec![]);
    for repeat in 0..ground.repeats {
        let mut random = Random::new(u64::from(repeat) + 100 * (count + name.len()) as u64);
        let contents: Vec<Vec<u8>> = files.iter().map(|_| random.bytes(2_000)).collect();
        let before = shared.processes().both()?.cpu_ms;
        rustix::fs::sync();
        let observer = Observer::of(&to.join(&files[0]))?;
        let begun = Instant::now();
        let (written, seen) = std::thread::scope(|scope| -> Result<_> {
            let seen = scope.spawn(|| until_whole(&observer, &to.join(&files[0]), &contents[0]));
            for (file, content) in files.iter().zip(&contents) {
                fs::write(from.join(file), content)?;
            }
            let written = Instant::now();
            Ok((written, seen.join().expect("it doesn't panic")?))
        })?;
        first.push(ms(seen.duration_since(begun)));
        let mut last = written;
        for (file, content) in files.iter().zip(&contents) {
            let file = to.join(file);
            if !fs::read(&file).is_ok_and(|now| now == *content) {
                last = until_whole(&Observer::of(&file)?, &file, content)?;
            }
        }
        wall.push(ms(last.duration_since(written)));
        with_writing.push(ms(last.duration_since(begun)));
        shared.flush()?;
        cpu.push((shared.processes().both()?.cpu_ms - before) / count as f64);
        let copy = ground.fresh("burst");
        fs::create_dir_all(&copy)?;
        limits.push(tar_files(from, &copy, files)?);
    }
    let limit = Figure::new("tar of them", Unit::Ms, limits);
    let what = |of: &str| format!("{count} files {name}, {of}");
    Ok(vec![
        Figure::new(what("after the last was written"), Unit::Ms, wall).against(&limit, Some(1.5)),
        Figure::new(what("from the first write"), Unit::Ms, with_writing),
        Figure::new(what("the first arrives"), Unit::Ms, first),
        Figure::new(what("each"), Unit::CpuMs, cpu),
    ])
}
