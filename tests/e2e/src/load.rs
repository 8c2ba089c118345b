//! Load: a user who never stops. It works in a directory that nobody else changes, and remembers what it did.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Random;

/// Files by relative path, with what was last written to them.
pub type Written = BTreeMap<PathBuf, Vec<u8>>;

/// A user at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Written>,
}

impl Load {
    /// Begins to work in `dir`, going on from what stands there by `written`.
    pub fn start(dir: PathBuf, written: Written, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        let thread = std::thread::spawn(move || work(&dir, written, seed, &theirs));
        Self { stop, thread }
    }

    /// Stops. Returns what stands in the directory now, if nobody else changed it.
    pub fn stop(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn work(dir: &Path, mut written: Written, seed: u64, stop: &AtomicBool) -> Written {
    let mut random = Random::new(seed);
    fs::create_dir_all(dir).unwrap();
    let mut round = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        step(dir, &mut written, &mut random, round);
        std::thread::sleep(Duration::from_micros(random.below(4_000)));
    }
    written
}

fn step(dir: &Path, written: &mut Written, random: &mut Random, round: u64) {
    let place = |random: &mut Random| PathBuf::from(format!("d{}/f{}", random.below(5), random.below(12)));
    match random.below(20) {
        // Written in place.
        0..=8 => {
            let path = place(random);
            let bytes = content(random, round);
            fs::create_dir_all(dir.join(&path).parent().unwrap()).unwrap();
            fs::write(dir.join(&path), &bytes).unwrap();
            written.insert(path, bytes);
        }
        // Written aside and renamed, as editors do.
        9..=12 => {
            let path = place(random);
            let bytes = content(random, round);
            fs::create_dir_all(dir.join(&path).parent().unwrap()).unwrap();
            let aside = dir.join(&path).with_extension("tmp");
            fs::write(&aside, &bytes).unwrap();
            fs::rename(&aside, dir.join(&path)).unwrap();
            written.insert(path, bytes);
        }
        13..=15 => {
            let path = place(random);
            if written.remove(&path).is_some() {
                fs::remove_file(dir.join(&path)).unwrap();
            }
        }
        // A file is renamed.
        16..=17 => {
            let (from, to) = (place(random), place(random));
            if from != to && written.contains_key(&from) {
                fs::create_dir_all(dir.join(&to).parent().unwrap()).unwrap();
                fs::rename(dir.join(&from), dir.join(&to)).unwrap();
                let bytes = written.remove(&from).unwrap();
                written.insert(to, bytes);
            }
        }
        // A directory is renamed to where none stands, and later back.
        18 => {
            let (a, b) = (format!("d{}", random.below(5)), format!("e{}", random.below(5)));
            let (from, to) = if dir.join(&a).exists() { (a, b) } else { (b, a) };
            if dir.join(&from).exists() && !dir.join(&to).exists() {
                fs::rename(dir.join(&from), dir.join(&to)).unwrap();
                let moved: Vec<PathBuf> = written.keys().filter(|path| path.starts_with(&from)).cloned().collect();
                for path in moved {
                    let bytes = written.remove(&path).unwrap();
                    written.insert(Path::new(&to).join(path.strip_prefix(&from).unwrap()), bytes);
                }
            }
        }
        // A directory is removed with all that is in it.
        _ => {
            let gone = format!("d{}", random.below(5));
            if dir.join(&gone).exists() {
                remove_all(&dir.join(&gone));
                written.retain(|path, _| !path.starts_with(&gone));
            }
        }
    }
}

/// Removes a directory into which nobody else writes but, for moments, a synchronising program.
fn remove_all(dir: &Path) {
    crate::eventually(|| fs::remove_dir_all(dir).is_ok() || !dir.exists(), || format!("{} to go", dir.display()));
}

fn content(random: &mut Random, round: u64) -> Vec<u8> {
    let count = match random.below(40) {
        0 => 300_000,
        1..=4 => 20_000,
        _ => 200,
    };
    let mut bytes = format!("round {round}\n").into_bytes();
    let more = usize::try_from(random.below(count)).unwrap();
    bytes.extend(random.bytes(more));
    bytes
}

/// What of `written` doesn't stand in `dir` as it was written, and what stands there beside it.
pub fn missing(dir: &Path, written: &Written) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, bytes) in written {
        match fs::read(dir.join(path)) {
            Ok(found) if found == *bytes => {}
            Ok(found) => {
                lines.push(format!("{}: {} bytes, not the {} written", path.display(), found.len(), bytes.len()))
            }
            Err(error) => lines.push(format!("{}: {error}", path.display())),
        }
    }
    let stands = crate::snapshot(dir).unwrap_or_default();
    for (path, node) in stands {
        if matches!(node, crate::Node::File { .. }) && !written.contains_key(&path) {
            lines.push(format!("{}: nobody left it there", path.display()));
        }
    }
    lines
}
