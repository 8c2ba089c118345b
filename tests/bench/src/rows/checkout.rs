//! `git checkout` between distant commits.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use causeway_e2e::Random;

use crate::figures::{Figure, Unit};
use crate::ground::{Ground, Shared};
use crate::limits::{ms, timed};

/// One file in so many is changed, one removed, one added between the commits.
const EVERY: usize = 10;

/// Counts from the end of the checkout until a flush is done; beside the checkout itself.
pub fn distant(ground: &Ground) -> Result<Vec<Figure>> {
    let tree = ground.tree()?;
    commits(&tree.root, &tree.files)?;
    let place = ground.place()?;
    let (_, guest) = ground.share(&place, &tree.root)?;
    let shared = Shared { place, host: tree, guest };
    shared.flush()?;
    let (mut after, mut checkout) = (vec![], vec![]);
    for repeat in 0..ground.repeats * 2 {
        let commit = if repeat % 2 == 0 { "first" } else { "second" };
        checkout.push(timed(git(&shared.host.root).args(["checkout", "-q", commit]))?);
        let begun = Instant::now();
        shared.flush()?;
        after.push(ms(begun.elapsed()));
    }
    let Shared { place, .. } = shared;
    ground.retire(place);
    let limit = Figure::new("the checkout itself", Unit::Ms, checkout);
    Ok(vec![Figure::new("flush after a checkout", Unit::Ms, after).against(&limit, None)])
}

fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0"]);
    git
}

/// Makes a repository of a tree, with all of it in its first commit.
pub fn first_commit(root: &Path) -> Result<()> {
    timed(git(root).args(["init", "-q"]))?;
    timed(git(root).args(["add", "-A"]))?;
    timed(git(root).args(["commit", "-q", "-m", "first"]))?;
    Ok(())
}

fn commits(root: &Path, files: &[std::path::PathBuf]) -> Result<()> {
    first_commit(root)?;
    timed(git(root).args(["tag", "first"]))?;
    let mut random = Random::new(8);
    for three in files.chunks(EVERY) {
        fs::write(root.join(&three[0]), random.bytes(3_000))?;
        if let Some(gone) = three.get(1) {
            fs::remove_file(root.join(gone))?;
        }
        if let Some(beside) = three.get(2) {
            fs::write(root.join(beside).with_extension("new"), random.bytes(2_000))?;
        }
    }
    timed(git(root).args(["add", "-A"]))?;
    timed(git(root).args(["commit", "-q", "-m", "second"]))?;
    timed(git(root).args(["tag", "second"]))?;
    Ok(())
}
