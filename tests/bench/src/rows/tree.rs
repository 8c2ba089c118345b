//! A directory of as many entries as the share has: renamed, created, deleted.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::figures::{Figure, Unit};
use crate::ground::{Ground, Shared};
use crate::limits::{ms, tar_pipe, timed};
use crate::observe::until;
use crate::rows::edit::directions;
use crate::trees::Tree;

/// Renames count until the new name stands on the other side and the old one doesn't.
pub fn whole(ground: &Ground) -> Result<Vec<Figure>> {
    let shared = ground.shared()?;
    let mut figures = renames(ground, shared)?;
    let (mut created, mut deleted, mut tar, mut rm) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ground.repeats.min(2) {
        let made = Tree::make(&ground.fresh("new"), ground.entries, 4)?;
        tar.push(tar_pipe(&made.root, &ground.fresh("copy"))?);
        let (host, guest) = (shared.host.root.join("new"), shared.guest.join("new"));
        let begun = Instant::now();
        fs::rename(&made.root, &host)?;
        shared.flush()?;
        created.push(ms(begun.elapsed()));
        let begun = Instant::now();
        fs::rename(&host, ground.fresh("gone"))?;
        let gone = until(|| Ok(!guest.exists()))?;
        deleted.push(ms(gone.duration_since(begun)));
        shared.flush()?;
        let spare = Tree::make(&ground.fresh("spare"), ground.entries, 4)?;
        rm.push(timed(Command::new("rm").arg("-r").arg(&spare.root))?);
    }
    let tar = Figure::new("tar | tar", Unit::Ms, tar);
    let rm = Figure::new("rm -r", Unit::Ms, rm);
    figures.push(Figure::new("a directory is moved in, until a flush is done", Unit::Ms, created).against(&tar, None));
    figures.push(Figure::new("a directory is moved out, until it is gone", Unit::Ms, deleted).against(&rm, None));
    Ok(figures)
}

fn renames(ground: &Ground, shared: &Shared) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, from, to) in directions(shared) {
        let mut latencies = Vec::new();
        for _ in 0..ground.repeats {
            for (old, new) in [("d0", "renamed"), ("renamed", "d0")] {
                let begun = Instant::now();
                fs::rename(from.join(old), from.join(new))?;
                let done = until(|| Ok(to.join(new).exists() && !to.join(old).exists()))?;
                latencies.push(ms(done.duration_since(begun)));
                shared.flush()?;
            }
        }
        figures.push(Figure::new(format!("a directory of all is renamed, {name}"), Unit::Ms, latencies));
    }
    Ok(figures)
}
