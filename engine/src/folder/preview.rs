//! What each line of a `.syncignore` does, worked out on the folder as it stands.
//!
//! The last line that matches a path, or a directory above it, decides about it. So each line is made into rules of its own here,
//! which say what it matches; the one that decides is the last of those that do.

use std::collections::BTreeMap;
use std::path::Path;

use causeway_api::rules::SAMPLES_MAX;
use causeway_api::{Amount, PathBytes, RuleEffect, RuleLine, RulesPreview};
use causeway_sync::ignore::{DirState, RuleTexts, Rules, RulesError, Verdict};

use super::walk::{Entry, Kind, Visitor, walk};

/// Lines that are worked out. Each costs its share of the walk.
const LINES_MAX: usize = 300;

/// Works out what `text` would do as the `.syncignore` of `folder`, where `texts` holds now. `ends` says whether nobody waits any
/// more.
pub fn preview(folder: &Path, texts: &RuleTexts, text: &str, ends: impl FnMut() -> bool) -> RulesPreview {
    let mut lines: Vec<_> = text.split('\n').map(read_line).collect();
    for (number, line) in lines.iter_mut().enumerate().skip(LINES_MAX) {
        line.shown.fault =
            Some(format!("What line {} does isn’t worked out: there are more than {LINES_MAX}.", number + 1));
    }
    let now = Rules::new(texts).unwrap_or_default();
    let whole = RuleTexts { syncignore: Some(text.as_bytes().to_vec()), ..texts.clone() };
    let (then, fault) = match Rules::new(&whole) {
        Ok(then) => (then, None),
        // As a share does: what is wrong changes nothing.
        Err(error) => (now.clone(), Some(error)),
    };
    if let Some(RulesError::SyncIgnore(bad)) = &fault
        && let Some(line) = lines.get_mut(bad.line.saturating_sub(1))
    {
        line.shown.effect = RuleEffect::Faulty;
        line.shown.fault = Some(capital(&bad.fault.to_string()));
    }
    let ends = Box::new(ends);
    let mut visitor = Preview { lines, now, then, sums: Sums::default(), ends };
    if fault.is_none() {
        let root = visitor.root();
        walk(folder, root, &mut visitor);
    }
    RulesPreview {
        lines: visitor.lines.into_iter().map(Line::into_shown).collect(),
        leaves: visitor.sums.leaves,
        comes: visitor.sums.comes,
        remains: visitor.sums.remains,
        faulty: fault.is_some(),
    }
}

struct Line {
    shown: RuleLine,
    /// What the line matches, as rules of its own.
    matches: Option<Rules>,
    /// Which later line decided how often about what this one matches.
    overruled_by: BTreeMap<usize, u64>,
}

impl Line {
    fn into_shown(self) -> RuleLine {
        let most = self.overruled_by.iter().max_by_key(|(_, count)| **count).map(|(line, _)| *line as u64 + 1);
        RuleLine { overruled: self.overruled_by.values().sum(), overruled_by: most, ..self.shown }
    }
}

fn read_line(line: &str) -> Line {
    let trimmed = line.trim();
    let includes = trimmed.starts_with('!');
    let pattern = trimmed.trim_start_matches('!');
    let alone = RuleTexts { syncignore: Some(pattern.as_bytes().to_vec()), ..RuleTexts::default() };
    let blank = line.starts_with('#') || pattern.trim().is_empty();
    let effect = match (blank, includes) {
        (true, _) => RuleEffect::None,
        (false, true) => RuleEffect::Includes,
        (false, false) => RuleEffect::Ignores,
    };
    // Refused ones are told from the text as a whole, by the number of their line.
    let matches = (effect != RuleEffect::None).then(|| Rules::new(&alone).ok()).flatten();
    let shown = RuleLine {
        effect,
        amount: Amount::default(),
        places: 0,
        overruled: 0,
        overruled_by: None,
        samples: Vec::new(),
        fault: None,
    };
    Line { shown, matches, overruled_by: BTreeMap::new() }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

#[derive(Default)]
struct Sums {
    leaves: Amount,
    comes: Amount,
    remains: Amount,
}

struct Preview<'a> {
    lines: Vec<Line>,
    now: Rules,
    then: Rules,
    sums: Sums,
    ends: Box<dyn FnMut() -> bool + 'a>,
}

/// What is known of a directory.
struct Dir {
    now: DirState,
    then: DirState,
    /// For each line whether it matches the directory, or else what is known below it.
    lines: Vec<Option<Below>>,
    /// The line that decides about the directory.
    decider: Option<usize>,
}

enum Below {
    All,
    Some(DirState),
}

impl Preview<'_> {
    fn root(&self) -> Dir {
        let lines = self.lines.iter().take(LINES_MAX);
        let lines = lines.map(|line| line.matches.as_ref().map(|rules| Below::Some(rules.root()))).collect();
        Dir { now: self.now.root(), then: self.then.root(), lines, decider: None }
    }

    /// The lines that match the entry, in their order.
    fn matching(&self, dir: &Dir, entry: &Entry<'_>) -> Vec<usize> {
        let is_directory = entry.kind == Kind::Directory;
        let matches = |(number, below): (usize, &Option<Below>)| {
            let matched = match below {
                None => false,
                Some(Below::All) => true,
                Some(Below::Some(state)) => {
                    let rules = self.lines[number].matches.as_ref();
                    rules.is_some_and(|rules| rules.judge(state, entry.name, is_directory) != Verdict::Included)
                }
            };
            matched.then_some(number)
        };
        dir.lines.iter().enumerate().filter_map(matches).collect()
    }

    /// Notes an entry with the line that decides about it.
    fn note(&mut self, dir: &Dir, entry: &Entry<'_>, matching: &[usize]) -> Option<usize> {
        let (decider, others) = matching.split_last()?;
        let ignores = |number: usize| self.lines[number].shown.effect == RuleEffect::Ignores;
        // A line that takes back in does so only where another one left out.
        if !ignores(*decider) && !others.iter().any(|other| ignores(*other)) {
            return Some(*decider);
        }
        for other in others {
            let differs = self.lines[*other].shown.effect != self.lines[*decider].shown.effect;
            if differs {
                *self.lines[*other].overruled_by.entry(*decider).or_default() += 1;
            }
        }
        let shown = &mut self.lines[*decider].shown;
        add(&mut shown.amount, entry);
        if dir.decider != Some(*decider) {
            shown.places += 1;
            if shown.samples.len() < SAMPLES_MAX {
                shown.samples.push(PathBytes::from(entry.path));
            }
        }
        Some(*decider)
    }

    fn enter(&self, dir: &Dir, entry: &Entry<'_>, matching: &[usize], decider: Option<usize>) -> Dir {
        let below = |(number, below): (usize, &Option<Below>)| match below {
            None => None,
            Some(_) if matching.contains(&number) => Some(Below::All),
            Some(Below::All) => Some(Below::All),
            Some(Below::Some(state)) => {
                self.lines[number].matches.as_ref().map(|rules| Below::Some(rules.enter(state, entry.name)))
            }
        };
        Dir {
            now: self.now.enter(&dir.now, entry.name),
            then: self.then.enter(&dir.then, entry.name),
            lines: dir.lines.iter().enumerate().map(below).collect(),
            decider,
        }
    }
}

fn add(amount: &mut Amount, entry: &Entry<'_>) {
    amount.entries += 1;
    amount.bytes += entry.bytes;
}

impl Visitor for Preview<'_> {
    type Dir = Dir;

    fn entry(&mut self, dir: &Dir, entry: &Entry<'_>) -> Option<Dir> {
        let is_directory = entry.kind == Kind::Directory;
        let matching = self.matching(dir, entry);
        let decider = self.note(dir, entry, &matching);
        if entry.kind != Kind::Special {
            let is_in = |rules: &Rules, state| rules.judge(state, entry.name, is_directory) == Verdict::Included;
            match (is_in(&self.now, &dir.now), is_in(&self.then, &dir.then)) {
                (true, false) => add(&mut self.sums.leaves, entry),
                (false, true) => add(&mut self.sums.comes, entry),
                _ => {}
            }
            if is_in(&self.then, &dir.then) {
                add(&mut self.sums.remains, entry);
            }
        }
        is_directory.then(|| self.enter(dir, entry, &matching, decider))
    }

    fn unreadable(&mut self) {}

    fn ends(&mut self) -> bool {
        (self.ends)()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn made(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for path in files {
            let place = dir.path().join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, "12345").unwrap();
        }
        dir
    }

    fn preview_of(files: &[&str], now: &str, text: &str) -> RulesPreview {
        let dir = made(files);
        let texts = RuleTexts { syncignore: Some(now.into()), ..RuleTexts::default() };
        preview(dir.path(), &texts, text, || false)
    }

    #[test]
    fn each_line_says_what_it_decides() {
        let files = ["a/node_modules/x", "b/node_modules/y", "b/node_modules/@shop/z", "src/main.rs"];
        let told = preview_of(&files, "", "# installed\n**/node_modules\n\n!**/node_modules/@shop\nnothing");
        let rows: Vec<_> = told.lines.iter().map(|line| (line.effect, line.amount.entries, line.places)).collect();
        use RuleEffect::*;
        assert_eq!(rows, [(None, 0, 0), (Ignores, 4, 2), (None, 0, 0), (Includes, 2, 1), (Ignores, 0, 0)]);
        assert_eq!((told.lines[1].overruled, told.lines[1].overruled_by), (2, Some(4)));
        assert_eq!(told.leaves, Amount { entries: 4, bytes: 10 });
        assert_eq!(told.comes, Amount::default());
        assert_eq!(told.remains, Amount { entries: 6, bytes: 10 });
    }

    #[test]
    fn what_comes_back_in_is_told() {
        let told = preview_of(&["out/a", "b"], "out", "");
        assert_eq!((told.comes.entries, told.leaves.entries, told.remains.entries), (2, 0, 3));
    }

    #[test]
    fn a_fault_stands_on_its_line_and_changes_nothing() {
        let told = preview_of(&["a"], "", "a\nsrc/[a-");
        assert!(told.faulty);
        assert_eq!(told.lines[1].effect, RuleEffect::Faulty);
        assert!(told.lines[1].fault.as_ref().unwrap().ends_with('.'));
        assert_eq!(told.leaves, Amount::default());
    }
}
