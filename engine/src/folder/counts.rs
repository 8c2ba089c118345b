//! Counts that are under way: each on a thread of its own, as long as somebody asks for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causeway_api::{FolderTally, Patterns};

use super::counter::{Counter, told};
use super::walk::walk;
use crate::share::rules;

/// A request is answered after so long, with what was found so far.
const ANSWERED_AFTER: Duration = Duration::from_millis(200);
/// A count that nobody asked for so long ends, and one that is done is forgotten.
const ABANDONED_AFTER: Duration = Duration::from_secs(10);
/// Counts at the same time; for one more the oldest ends.
const COUNTS_MAX: usize = 4;

/// The counts under way, and those just done.
#[derive(Default)]
pub struct FolderCounts {
    counts: Mutex<Vec<Arc<Count>>>,
}

struct Count {
    folder: PathBuf,
    patterns: Patterns,
    began: Instant,
    state: Mutex<State>,
    done: Condvar,
}

struct State {
    tally: FolderTally,
    asked: Instant,
    ends: bool,
}

impl FolderCounts {
    /// What was found in `folder` so far, where `patterns` hold beside its `.syncignore`. The first request begins the count.
    pub fn ask(&self, folder: &Path, patterns: &Patterns) -> FolderTally {
        let count = self.find_or_begin(folder, patterns);
        let state = count.lock();
        let (state, _) = count
            .done
            .wait_timeout_while(state, ANSWERED_AFTER, |state| !state.tally.done)
            .unwrap_or_else(PoisonError::into_inner);
        state.tally.clone()
    }

    fn find_or_begin(&self, folder: &Path, patterns: &Patterns) -> Arc<Count> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|count| !count.is_abandoned());
        if let Some(count) = counts.iter().find(|count| count.folder == folder && count.patterns == *patterns) {
            count.lock().asked = Instant::now();
            return Arc::clone(count);
        }
        if counts.len() == COUNTS_MAX {
            counts.remove(0).lock().ends = true;
        }
        let now = Instant::now();
        let state = State { tally: FolderTally::default(), asked: now, ends: false };
        let count = Arc::new(Count {
            folder: folder.to_path_buf(),
            patterns: patterns.clone(),
            began: now,
            state: Mutex::new(state),
            done: Condvar::new(),
        });
        let theirs = Arc::clone(&count);
        let began = std::thread::Builder::new().name("count a folder".into()).spawn(move || theirs.run());
        if let Err(error) = began {
            // The next request tries again.
            tracing::warn!(%error, "a folder can't be counted");
            return count;
        }
        counts.push(Arc::clone(&count));
        count
    }
}

impl Count {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_abandoned(&self) -> bool {
        let state = self.lock();
        state.ends || state.asked.elapsed() > ABANDONED_AFTER
    }

    fn run(&self) {
        let (rules, fault) = match rules::read(&self.folder) {
            Ok(syncignore) => match rules::compile(&rules::texts(&self.patterns, syncignore)) {
                Ok(rules) => (rules, None),
                Err(error) => (Default::default(), Some(format!("{error}."))),
            },
            Err(error) => (Default::default(), Some(format!("{error}."))),
        };
        let mut told_at = Instant::now();
        let goes_on = |look: &dyn Fn() -> FolderTally| {
            // More often nobody asks.
            if told_at.elapsed() > ANSWERED_AFTER / 2 {
                told_at = Instant::now();
                self.tell(look(), fault.clone(), false);
            }
            !self.is_abandoned()
        };
        let mut counter = Counter::new(rules, goes_on);
        walk(&self.folder, counter.root(), &mut counter);
        let tally = told(&counter);
        self.tell(tally, fault.clone(), true);
        self.done.notify_all();
    }

    fn tell(&self, tally: FolderTally, syncignore_fault: Option<String>, done: bool) {
        let took_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.lock().tally = FolderTally { done, took_ms, syncignore_fault, ..tally };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_goes_on_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..50 {
            std::fs::create_dir(dir.path().join(n.to_string())).unwrap();
        }
        let counts = FolderCounts::default();
        let deadline = Instant::now() + Duration::from_secs(60);
        let tally = loop {
            let tally = counts.ask(dir.path(), &Patterns::default());
            assert!(tally.found.entries <= 50 && Instant::now() < deadline);
            if tally.done {
                break tally;
            }
        };
        assert_eq!(tally.found.entries, 50);
        let patterns = Patterns { exclude: vec!["1*".into()], ..Patterns::default() };
        let ignored = loop {
            let tally = counts.ask(dir.path(), &patterns);
            assert!(Instant::now() < deadline);
            if tally.done {
                break tally.ignored.entries;
            }
        };
        assert_eq!(ignored, 11, "1 and 10 to 19");
    }

    #[test]
    fn a_fault_in_syncignore_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".syncignore"), "a\n[b").unwrap();
        let counts = FolderCounts::default();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !counts.ask(dir.path(), &Patterns::default()).done {
            assert!(Instant::now() < deadline);
        }
        assert!(counts.ask(dir.path(), &Patterns::default()).syncignore_fault.unwrap().contains("line 2"));
    }
}
