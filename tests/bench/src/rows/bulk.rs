//! Edits beside a bulk copy.

use std::fs::{self, File};
use std::io::Write;

use anyhow::Result;
use causeway_e2e::Random;

use crate::figures::{Figure, Unit};
use crate::ground::Ground;
use crate::rows::edit;

/// Bytes of the file that is copied, in pieces of 1 MB.
const PIECES: u64 = 5_000;
const PIECE: usize = 1 << 20;
/// Edits beside it.
const EDITS: u64 = 200;

/// The latency of edits while a large file is on its way, beside that at rest.
pub fn edit_beside(ground: &Ground) -> Result<Vec<Figure>> {
    let shared = ground.shared()?;
    let idle = edit::to_the_guest(shared, EDITS)?;
    // Moved in, so that writing it isn't measured.
    let aside = ground.fresh("bulk");
    let mut random = Random::new(10);
    let piece = random.bytes(PIECE);
    let mut file = File::create(&aside)?;
    for number in 0..PIECES {
        file.write_all(&number.to_le_bytes())?;
        file.write_all(&piece[8..])?;
    }
    drop(file);
    let path = shared.host.root.join("bulk");
    fs::rename(&aside, &path)?;
    let beside = edit::to_the_guest(shared, EDITS)?;
    shared.flush()?;
    fs::remove_file(&path)?;
    shared.flush()?;
    let idle = Figure::new("the same at rest", Unit::Ms, idle);
    Ok(edit::quantiles("to the guest, beside 5 GB", beside, &idle, Some(5.0)))
}
