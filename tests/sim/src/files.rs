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

/// What stands beside a ledger, and is never made durable.
const INTENTS: &str = "-intents";

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

    fn intents(&self) -> Vec<u8> {
        fs::read(self.path_of(self.generation, INTENTS)).unwrap_or_default()
    }

    fn write_next(&mut self, (file, log): (Vec<u8>, Vec<u8>), intents: Vec<u8>) {
        self.generation += 1;
        for (suffix, bytes) in [("", file), ("-wal", log), (INTENTS, intents)] {
            if !bytes.is_empty() {
                fs::write(self.path_of(self.generation, suffix), bytes)
                    .expect("the temporary directory can be written");
            }
        }
    }

    /// The process ends: what it wrote stays.
    pub fn survive_end(&mut self) {
        let (now, intents) = (self.read(), self.intents());
        self.write_next(now, intents);
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
        let mut intents = self.intents();
        intents.truncate(random.below(intents.len() + 1));
        self.write_next(left.clone(), intents);
        self.durable = Some(left);
    }

    /// Removes what the ended process left.
    pub fn forget_old(&self) {
        for suffix in ["", "-wal", "-shm", INTENTS] {
            let _ = fs::remove_file(self.path_of(self.generation - 1, suffix));
        }
    }
}
