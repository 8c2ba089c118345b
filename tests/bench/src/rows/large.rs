//! A piece of a large file is changed.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::time::Instant;

use anyhow::Result;
use causeway_e2e::Random;

use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::limits::{ms, timed};

/// Bytes of the file, in pieces of 1 MB.
const PIECES: u64 = 2_048;
const PIECE: usize = 1 << 20;

/// From the write until a flush is done; beside a `cp` of the file.
pub fn piece(ground: &Ground) -> Result<Vec<Figure>> {
    let shared = ground.shared()?;
    let path = shared.host.root.join("large");
    let mut random = Random::new(6);
    let mut file = File::create(&path)?;
    for _ in 0..PIECES {
        file.write_all(&random.bytes(PIECE))?;
    }
    drop(file);
    shared.flush()?;
    let (mut wall, mut cpu, mut limits) = (vec![], vec![], vec![]);
    for repeat in 0..u64::from(ground.repeats) {
        let before = shared.processes().both()?.cpu_ms;
        let begun = Instant::now();
        let mut file = File::options().write(true).open(&path)?;
        file.seek(SeekFrom::Start((repeat * 500 + 100) * PIECE as u64))?;
        file.write_all(&random.bytes(PIECE))?;
        drop(file);
        shared.flush()?;
        wall.push(ms(begun.elapsed()));
        cpu.push(shared.processes().both()?.cpu_ms - before);
        limits.push(timed(std::process::Command::new("cp").arg(&path).arg(ground.fresh("copy")))?);
    }
    fs::remove_file(&path)?;
    shared.flush()?;
    let limit = Figure::new("cp of the file", Unit::Ms, limits);
    Ok(vec![
        Figure::new("until a flush is done", Unit::Ms, wall).against(&limit, None),
        Figure::new("engine and agent", Unit::CpuMs, cpu),
    ])
}
