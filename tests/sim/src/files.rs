//! The files of an index or a ledger, and what the end of a process or a power cut leaves of them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::random::Random;

/// A SQLite file with its log.
#[derive(Debug)]
pub struct Files {
    home: PathBuf,
    name: &'static str,
    generation: u32,
    /// Whether power cuts are to come.
    pub keeps: bool,
    durable: Option<(Vec<u8>, Vec<u8>)>,
}

impl Files {
    /// None yet.
    pub fn new(home: &Path, name: &'static str) -> Self {
        Self { home: home.to_owned(), name, generation: 0, keeps: false, durable: None }
    }

    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        self.path_of(self.generation, "")
    }

    fn path_of(&self, generation: u32, suffix: &str) -> PathBuf {
        self.home.join(format!("{}-{generation}.db{suffix}", self.name))
    }

    fn read(&self) -> (Vec<u8>, Vec<u8>) {
        let read = |suffix| fs::read(self.path_of(self.generation, suffix)).unwrap_or_default();
        (read(""), read("-wal"))
    }

    /// All commits so far are durable.
    pub fn mark_durable(&mut self) {
        if self.keeps {
            self.durable = Some(self.read());
        }
    }

    fn write_next(&mut self, (file, log): (Vec<u8>, Vec<u8>)) {
        self.generation += 1;
        for (suffix, bytes) in [("", file), ("-wal", log)] {
            if !bytes.is_empty() {
                fs::write(self.path_of(self.generation, suffix), bytes)
                    .expect("the temporary directory can be written");
            }
        }
    }

    /// The process ends: what it wrote stays.
    pub fn survive_end(&mut self) {
        let now = self.read();
        self.write_next(now);
    }

    /// The power fails: a beginning of the log stays that holds at least what was durable.
    pub fn survive_power_cut(&mut self, random: &mut Random) {
        let (file, log) = self.read();
        let left = match self.durable.take() {
            Some((before, durable)) if before == file && log.starts_with(&durable) => {
                let more = random.below(log.len() - durable.len() + 1);
                (file, log[..durable.len() + more].to_vec())
            }
            Some(durable) if random.one_in(2) => durable,
            _ => (file, log),
        };
        self.write_next(left.clone());
        self.durable = Some(left);
    }

    /// Removes what the ended process left.
    pub fn forget_old(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(self.path_of(self.generation - 1, suffix));
        }
    }
}
