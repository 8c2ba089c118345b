//! Counting what is in a folder that may become a share.

use std::collections::BTreeMap;

use causeway_api::folder::EXAMPLES_MAX;
use causeway_api::{Amount, FolderTally, HeavyFolder, PathBytes};
use causeway_sync::ignore::{DirState, Rules, Verdict};

use super::known::{self, Known};
use super::walk::{Entry, Kind, Visitor};

/// A group of folders is told only if it holds as much, one or the other.
const HEAVY_ENTRIES_MIN: u64 = 100;
const HEAVY_BYTES_MIN: u64 = 1_000_000;
/// Groups that are told at most.
const HEAVY_MAX: usize = 8;
/// A folder of the person's own is told only if it has as large a part of what would be shared, in percent, and at least so much.
const OWN_PERCENT_MIN: u64 = 10;
const OWN_BYTES_MIN: u64 = 50_000_000;
/// How many of these are told at most.
const OWN_MAX: usize = 3;
/// Where there are more places than this, a line for each would be too many.
const LINES_MAX: usize = 4;
/// What an entry weighs beside its bytes when groups are compared: about what handling a small file costs.
const ENTRY_BYTES: u64 = 16_000;

/// The counts so far.
pub struct Counter<F> {
    rules: Rules,
    tally: FolderTally,
    groups: BTreeMap<(&'static str, &'static str), Group>,
    /// Folders at the top, with what isn't in a group.
    tops: BTreeMap<Vec<u8>, Top>,
    /// Called after each directory with a way to look at the counts; says whether to go on.
    goes_on: F,
}

struct Group {
    known: &'static Known,
    amount: Amount,
    places: u64,
    /// The first of them.
    paths: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Top {
    amount: Amount,
    /// Whether a group has a part of it, so that leaving it out would leave out more than is counted here.
    mixed: bool,
}

/// What is known of a directory on the way.
pub struct Dir {
    rules: DirState,
    ignored: bool,
    group: Option<(&'static str, &'static str)>,
    top: Option<Vec<u8>>,
}

impl<F: FnMut(&dyn Fn() -> FolderTally) -> bool> Counter<F> {
    /// Nothing counted yet.
    pub fn new(rules: Rules, goes_on: F) -> Self {
        Self { rules, tally: FolderTally::default(), groups: BTreeMap::new(), tops: BTreeMap::new(), goes_on }
    }

    /// What is known of the folder itself.
    pub fn root(&self) -> Dir {
        Dir { rules: self.rules.root(), ignored: false, group: None, top: None }
    }

    fn group_of(&mut self, entry: &Entry<'_>) -> Option<(&'static str, &'static str)> {
        let known = known::folder(entry.name.as_bytes(), entry.place)?;
        let key = (known.name, known.origin);
        let fresh = || Group { known, amount: Amount::default(), places: 0, paths: Vec::new() };
        let group = self.groups.entry(key).or_insert_with(fresh);
        group.places += 1;
        if group.paths.len() <= LINES_MAX {
            group.paths.push(entry.path.to_vec());
        }
        Some(key)
    }

    fn note_example(&mut self, entry: &Entry<'_>) {
        let (list, total) = match entry.kind {
            Kind::Special => (&mut self.tally.special, &mut self.tally.special_total),
            Kind::File if known::is_secret(entry.name.as_bytes()) => {
                (&mut self.tally.secrets, &mut self.tally.secrets_total)
            }
            _ => return,
        };
        *total += 1;
        if list.len() < EXAMPLES_MAX {
            list.push(PathBytes::from(entry.path));
        }
    }
}

/// The counts as they are told.
pub fn told<F>(counter: &Counter<F>) -> FolderTally {
    tell(&counter.tally, &counter.groups, &counter.tops)
}

fn tell(
    tally: &FolderTally,
    groups: &BTreeMap<(&'static str, &'static str), Group>,
    tops: &BTreeMap<Vec<u8>, Top>,
) -> FolderTally {
    let mut heavy: Vec<_> = groups.values().filter(|group| is_heavy(group.amount)).map(told_group).collect();
    heavy.sort_by_key(|group| std::cmp::Reverse(weight(group.amount)));
    heavy.truncate(HEAVY_MAX);
    heavy.extend(told_tops(tally, tops));
    FolderTally { heavy, ..tally.clone() }
}

fn is_heavy(amount: Amount) -> bool {
    amount.entries >= HEAVY_ENTRIES_MIN || amount.bytes >= HEAVY_BYTES_MIN
}

fn weight(amount: Amount) -> u64 {
    amount.bytes + amount.entries * ENTRY_BYTES
}

fn told_group(group: &Group) -> HeavyFolder {
    let single = (group.places == 1).then(|| group.paths.first()).flatten();
    let lines = if group.paths.len() > LINES_MAX || (group.known.everywhere && group.places > 1) {
        vec![format!("**/{}", group.known.name)]
    } else {
        group.paths.iter().map(|path| line_for(path)).collect()
    };
    HeavyFolder {
        name: single.map_or_else(|| group.known.name.into(), |path| String::from_utf8_lossy(path).into_owned()),
        places: group.places,
        origin: group.known.origin.into(),
        amount: group.amount,
        lines,
        suggested: group.known.suggested,
    }
}

fn told_tops(tally: &FolderTally, tops: &BTreeMap<Vec<u8>, Top>) -> Vec<HeavyFolder> {
    let all = tally.found.bytes.saturating_sub(tally.ignored.bytes);
    let large = |top: &Top| top.amount.bytes >= OWN_BYTES_MIN && top.amount.bytes * 100 >= all * OWN_PERCENT_MIN;
    let mut own: Vec<_> = tops.iter().filter(|(_, top)| !top.mixed && large(top)).collect();
    own.sort_by_key(|(_, top)| std::cmp::Reverse(top.amount.bytes));
    own.truncate(OWN_MAX);
    let told = own.into_iter().map(|(path, top)| HeavyFolder {
        name: String::from_utf8_lossy(path).into_owned(),
        places: 1,
        origin: "your own files".into(),
        amount: top.amount,
        lines: vec![line_for(path)],
        suggested: false,
    });
    told.collect()
}

/// A line of `.syncignore` that matches just this path and all below it.
pub fn line_for(path: &[u8]) -> String {
    let mut line = String::new();
    for c in String::from_utf8_lossy(path).chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') || (line.is_empty() && matches!(c, '#' | '!')) {
            line.push('\\');
        }
        line.push(c);
    }
    line
}

impl<F: FnMut(&dyn Fn() -> FolderTally) -> bool> Visitor for Counter<F> {
    type Dir = Dir;

    fn entry(&mut self, dir: &Dir, entry: &Entry<'_>) -> Option<Dir> {
        let is_directory = entry.kind == Kind::Directory;
        let verdict = self.rules.judge(&dir.rules, entry.name, is_directory);
        let ignored = dir.ignored || verdict == Verdict::Ignored;
        let group = match dir.group {
            None if is_directory && !ignored => self.group_of(entry),
            known => known,
        };
        let top = match &dir.top {
            None if is_directory && group.is_none() && !ignored => Some(entry.path.to_vec()),
            top => top.clone(),
        };
        let one = |amount: &mut Amount| {
            amount.entries += 1;
            amount.bytes += entry.bytes;
        };
        one(&mut self.tally.found);
        if verdict != Verdict::Included || ignored {
            one(&mut self.tally.ignored);
        } else if let Some(group) = group.and_then(|key| self.groups.get_mut(&key)) {
            one(&mut group.amount);
        } else {
            self.note_example(entry);
            if let Some(top) = &top {
                one(&mut self.tops.entry(top.clone()).or_default().amount);
            }
        }
        if let (Some(top), Some(_)) = (&dir.top, group) {
            self.tops.entry(top.clone()).or_default().mixed = true;
        }
        is_directory.then(|| Dir {
            rules: if ignored { dir.rules.clone() } else { self.rules.enter(&dir.rules, entry.name) },
            ignored,
            group,
            top,
        })
    }

    fn unreadable(&mut self) {
        self.tally.unreadable += 1;
    }

    fn ends(&mut self) -> bool {
        let (tally, groups, tops) = (&self.tally, &self.groups, &self.tops);
        !(self.goes_on)(&|| tell(tally, groups, tops))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use causeway_sync::ignore::RuleTexts;

    use super::*;
    use crate::folder::walk::walk;

    fn count(files: &[(&str, usize)], syncignore: &str) -> FolderTally {
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let place = dir.path().join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, vec![0; *bytes]).unwrap();
        }
        let texts = RuleTexts { syncignore: Some(syncignore.into()), ..RuleTexts::default() };
        let mut counter = Counter::new(Rules::new(&texts).unwrap(), |_: &dyn Fn() -> FolderTally| true);
        walk(dir.path(), counter.root(), &mut counter);
        told(&counter)
    }

    #[test]
    fn all_is_found_and_what_is_ignored_is_told_apart() {
        let tally = count(&[("a", 10), ("b/c", 20), ("b/d/e", 30)], "b/d");
        assert_eq!(tally.found, Amount { entries: 5, bytes: 60 });
        assert_eq!(tally.ignored, Amount { entries: 2, bytes: 30 });
    }

    #[test]
    fn folders_that_tools_make_are_grouped_without_counting_twice() {
        let million = 1_000_000;
        let tally = count(
            &[
                ("web/node_modules/a/node_modules/b", million),
                ("api/node_modules/c", million),
                ("core/Cargo.toml", 1),
                ("core/target/debug/core", 2 * million),
                ("src/main.rs", 5),
            ],
            "",
        );
        let told: Vec<_> =
            tally.heavy.iter().map(|h| (h.name.as_str(), h.places, h.amount.bytes, &h.lines[..])).collect();
        let both = 2 * million as u64;
        assert_eq!(
            told,
            [
                ("node_modules", 2, both, &["**/node_modules".to_owned()][..]),
                ("core/target", 1, both, &["core/target".to_owned()][..])
            ]
        );
        assert!(tally.heavy.iter().all(|heavy| heavy.suggested));
    }

    #[test]
    fn secrets_are_named_but_not_where_they_stay_out() {
        let tally = count(&[(".env", 1), ("a/.env.local", 1), ("node_modules/x/test.pem", 1), ("out/.env", 1)], "out");
        assert_eq!(tally.secrets_total, 2);
    }

    #[test]
    fn a_large_folder_of_ones_own_is_told_and_not_suggested() {
        let tally = count(&[("media/film", 60_000_000), ("src/a", 1)], "");
        assert_eq!(tally.heavy.len(), 1);
        assert_eq!((tally.heavy[0].name.as_str(), tally.heavy[0].suggested), ("media", false));
    }

    #[test]
    fn a_line_means_just_its_path() {
        for (path, line) in [("a/b", "a/b"), ("a*[x]", "a\\*\\[x\\]"), ("#x", "\\#x"), ("!y/!z", "\\!y/!z")] {
            assert_eq!(line_for(path.as_bytes()), line);
        }
    }
}
