//! Trees of files to measure with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use causeway_e2e::Random;

/// Files in a directory, as in source trees.
pub const FILES_PER_DIRECTORY: u64 = 10;
/// Directories in a directory.
const DIRECTORIES_PER_DIRECTORY: u64 = 10;

/// From so many entries on, files are an eighth as long: three copies of a million files are to fit on a disk.
const SHORT_FROM: u64 = 500_000;

/// A tree like one of source code: files of 2 KB in the median, a few of them long, ten to a directory, directories ten to a directory.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Where it stands.
    pub root: PathBuf,
    /// Paths of its files, relative.
    pub files: Vec<PathBuf>,
}

impl Tree {
    /// Makes a tree of so many entries at `root`, the same one for the same seed.
    pub fn make(root: &Path, entries: u64, seed: u64) -> io::Result<Self> {
        let mut random = Random::new(seed);
        let filler = random.bytes(1 << 20);
        let directories = (entries / (FILES_PER_DIRECTORY + 1)).max(1);
        let count = entries.saturating_sub(directories);
        let shorter = if entries < SHORT_FROM { 1 } else { 8 };
        let mut files = Vec::new();
        for number in 0..directories {
            let at = directory(number);
            fs::create_dir_all(root.join(&at))?;
            let here = count / directories + u64::from(number < count % directories);
            for file in 0..here {
                let path = at.join(format!("file{file}.rs"));
                fs::write(root.join(&path), &filler[..size(&mut random) / shorter])?;
                files.push(path);
            }
        }
        Ok(Self { root: root.to_owned(), files })
    }
}

/// The directory of a number: every one but the first is inside an earlier one.
fn directory(number: u64) -> PathBuf {
    if number == 0 {
        return PathBuf::from("d0");
    }
    let above = (number - 1) / DIRECTORIES_PER_DIRECTORY;
    directory(above).join(format!("d{number}"))
}

/// Half of the files are below 2 KB, a tenth above 12 KB, one in a thousand above 200 KB.
fn size(random: &mut Random) -> usize {
    let part = random.below(1000);
    let below = match part {
        0..500 => 2_000,
        500..900 => 12_000,
        900..999 => 60_000,
        _ => 400_000,
    };
    usize::try_from(random.below(below) + 20).unwrap_or(20)
}
