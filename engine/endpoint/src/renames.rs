//! Directories that were renamed lately: what late events by old names are about, and which renames the watcher has told from one end
//! to the other.

use std::collections::VecDeque;

use causeway_sync::{RelPath, RelPathBuf};

/// Renames that late events may still name by their old paths, at most; the oldest are forgotten.
const RENAMES_MAX: usize = 1024;
/// How late a watcher may tell of a change, in milliseconds. Overloaded ones take tenths of a second.
const LATE_MS_MAX: u64 = 10_000;
/// Renames told between two checks, at most; where there are more, none counts as told.
pub(crate) const TOLD_MAX: usize = 1024;
/// Paths that have gone astray, at most; where there are more, no rename counts as told for a while.
const ASTRAY_MAX: usize = 1024;

/// A directory that was moved.
#[derive(Clone, Debug)]
struct Renamed {
    from: RelPathBuf,
    to: RelPathBuf,
    at_ms: u64,
}

/// What is remembered of renames of directories from check to check.
#[derive(Default)]
pub(crate) struct Renames {
    /// Oldest first.
    lately: VecDeque<Renamed>,
    /// Those that the watcher has told since the last check.
    told: Vec<(RelPathBuf, RelPathBuf)>,
    /// Told paths at which nothing could be looked at, because the directory around them had gone somewhere that nobody knew yet; with
    /// the time in milliseconds since 1970, oldest first.
    astray: VecDeque<(u64, RelPathBuf)>,
    /// When one of them had to be forgotten.
    astray_lost_ms: Option<u64>,
    /// When the last check began, in milliseconds since 1970.
    checked_ms: u64,
}

/// The renames that the watcher has told between two checks, in the order in which they happened.
#[derive(Debug, Default)]
pub(crate) struct Told(Vec<(RelPathBuf, RelPathBuf)>);

impl Told {
    /// Whether they lead from one path to the other: then all that was changed meanwhile in what was renamed is told as well.
    pub(crate) fn lead(&self, from: &RelPath, to: &RelPath) -> bool {
        let step = |at: RelPathBuf, (from, to): &(RelPathBuf, RelPathBuf)| at.rebase(from, to).unwrap_or(at);
        !self.0.is_empty() && *self.0.iter().fold(from.to_owned(), step) == *to
    }

    /// Whether something was renamed to just this path.
    pub(crate) fn lead_to(&self, to: &RelPath) -> bool {
        self.0.iter().any(|(_, told)| **told == *to)
    }
}

impl Renames {
    /// A path, and those that it may have come to: each rename of a directory may have come before the path was spoken of or after.
    pub(crate) fn names_by_now(&self, path: &RelPath) -> Vec<RelPathBuf> {
        let mut names = vec![path.to_owned()];
        for Renamed { from, to, .. } in &self.lately {
            let moved: Vec<_> = names.iter().filter_map(|name| name.rebase(from, to)).collect();
            for name in moved {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// Remembers a moved directory for late events.
    pub(crate) fn note(&mut self, from: &RelPath, to: &RelPath, now_ms: u64) {
        if self.lately.len() == RENAMES_MAX {
            self.lately.pop_front();
        }
        self.lately.push_back(Renamed { from: from.to_owned(), to: to.to_owned(), at_ms: now_ms });
    }

    /// The watcher has told a rename of a directory from one end to the other.
    pub(crate) fn tell(&mut self, from: &RelPath, to: &RelPath, now_ms: u64) {
        self.note(from, to, now_ms);
        if self.told.len() <= TOLD_MAX {
            self.told.push((from.to_owned(), to.to_owned()));
        }
    }

    /// A check of all that was heard of begins: renames before those events need no longer be remembered. Gives the renames told
    /// since the last one, and where paths that had gone astray may be found now.
    pub(crate) fn begin_check(&mut self, now_ms: u64) -> (Told, Vec<RelPathBuf>) {
        let heard_ms = std::mem::replace(&mut self.checked_ms, now_ms);
        let is_late = |at_ms: u64| at_ms + LATE_MS_MAX < heard_ms;
        while self.lately.pop_front_if(|renamed| is_late(renamed.at_ms)).is_some() {}
        while self.astray.pop_front_if(|(at_ms, _)| is_late(*at_ms)).is_some() {}
        self.astray_lost_ms = self.astray_lost_ms.filter(|at_ms| !is_late(*at_ms));
        let told = std::mem::take(&mut self.told);
        if told.is_empty() {
            return (Told::default(), Vec::new());
        }
        // What went astray is found again where its directory has come to, or where it has come back to.
        let came_back = |path: &RelPath| told.iter().any(|(_, to)| path.starts_with(to));
        let names = |path: &RelPath| self.names_by_now(path).split_off(usize::from(!came_back(path)));
        let found = self.astray.iter().flat_map(|(_, path)| names(path)).collect();
        let counts = told.len() <= TOLD_MAX && self.astray_lost_ms.is_none();
        (if counts { Told(told) } else { Told::default() }, found)
    }

    /// Remembers a path at which nothing could be looked at, until its directory is heard of.
    pub(crate) fn lose(&mut self, path: RelPathBuf, now_ms: u64) {
        if self.astray.len() == ASTRAY_MAX {
            self.astray.pop_front();
            self.astray_lost_ms = Some(now_ms);
        }
        self.astray.push_back((now_ms, path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPathBuf {
        RelPathBuf::new(text.into()).unwrap()
    }

    fn tell(renames: &mut Renames, from: &str, to: &str) {
        renames.tell(&path(from), &path(to), 0);
    }

    #[test]
    fn told_renames_lead_where_all_of_them_together_lead() {
        let mut renames = Renames::default();
        for (from, to) in [("a", "b"), ("b/sub", "sub"), ("b", "c"), ("x", "y"), ("y", "x")] {
            tell(&mut renames, from, to);
        }
        let (told, _) = renames.begin_check(0);
        for (from, to, lead) in [
            ("a", "c", true),
            ("b", "c", true),
            ("a", "b", false),
            ("a/sub", "sub", true),
            ("a/other", "c/other", true),
            ("x", "y", false),
            ("x", "x", true),
            ("z", "c", false),
        ] {
            assert_eq!(told.lead(&path(from), &path(to)), lead, "{from} to {to}");
        }
        let (told, _) = renames.begin_check(1);
        assert!(!told.lead(&path("a"), &path("c")), "each counts for one check");
        assert_eq!(renames.names_by_now(&path("a/f")), [path("a/f"), path("b/f"), path("c/f")]);
    }

    #[test]
    fn what_has_gone_astray_is_found_when_its_directory_is_heard_of() {
        let mut renames = Renames::default();
        renames.lose(path("b/f"), 0);
        assert_eq!(renames.begin_check(0).1, []);
        tell(&mut renames, "a", "x");
        assert_eq!(renames.begin_check(1).1, []);
        tell(&mut renames, "x", "b");
        assert_eq!(renames.begin_check(1).1, [path("b/f")], "the directory came, or has come back");
        tell(&mut renames, "b", "c");
        assert_eq!(renames.begin_check(2).1, [path("c/f")]);
        // By the time of the check before: events of this one may have waited since then.
        renames.begin_check(20_000);
        renames.begin_check(20_001);
        tell(&mut renames, "c", "d");
        assert_eq!(renames.begin_check(20_002).1, []);
    }

    #[test]
    fn too_many_count_for_none() {
        let mut renames = Renames::default();
        (0..=TOLD_MAX).for_each(|_| tell(&mut renames, "a", "b"));
        assert!(!renames.begin_check(0).0.lead(&path("a"), &path("b")));
        tell(&mut renames, "a", "b");
        assert!(renames.begin_check(0).0.lead(&path("a"), &path("b")));
        (0..=ASTRAY_MAX).for_each(|_| renames.lose(path("q/f"), 0));
        tell(&mut renames, "a", "b");
        assert!(!renames.begin_check(0).0.lead(&path("a"), &path("b")));
    }
}
