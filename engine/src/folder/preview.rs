//! What each line of a `.syncignore` does, worked out on the folder as it stands.
//!
//! The last line that matches a path, or a directory above it, decides about it. So each line is made into rules of its own here,
//! which say what it matches; the one that decides is the last of those that do.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use causeway_api::rules::SAMPLES_MAX;
use causeway_api::{Amount, PathBytes, RuleEffect, RuleLine, RuleSample, RulesPreview};
use causeway_sync::RelPath;
use causeway_sync::ignore::{DirState, RuleTexts, Rules, RulesError, Verdict};

use super::walk::{Entry, Kind, Visitor, walk};

/// Lines that are worked out. Each costs its share of the walk.
const LINES_MAX: usize = 300;
/// Places of a line that are measured, of which the largest are told; later ones are counted only.
const PLACES_MAX: usize = 1000;

/// Works out what `text` would do as the `.syncignore` of `folder`, where `texts` holds now. `ends` says whether nobody waits any
/// more.
pub fn preview(folder: &Path, texts: &RuleTexts, text: &str, ends: impl FnMut() -> bool) -> RulesPreview {
    let (mut visitor, faulty) = prepare(texts, text, ends);
    if !faulty {
        let root = visitor.root();
        walk(folder, root, &mut visitor);
    }
    RulesPreview {
        lines: visitor.lines.into_iter().map(Line::into_shown).collect(),
        leaves: visitor.sums.leaves,
        comes: visitor.sums.comes,
        remains: visitor.sums.remains,
        faulty,
    }
}

/// Whether `text` as the `.syncignore` would leave out `path`, and the line that decides about it, counted from 1. With a fault in
/// it what is now goes on, as in a share.
pub fn judge(texts: &RuleTexts, text: &str, path: &RelPath, is_directory: bool) -> (bool, Option<u64>) {
    let (rules, faulty) = prepare(texts, text, || false);
    let (mut dir, mut judged) = (rules.root(), (false, None));
    let mut names = path.names().peekable();
    while let Some(name) = names.next() {
        let kind = if is_directory || names.peek().is_some() { Kind::Directory } else { Kind::File };
        let entry = Entry { name, path: path.as_bytes(), place: Path::new(""), kind, bytes: 0 };
        let matching = rules.matching(&dir, &entry);
        let ignored = rules.then.judge(&dir.then, name, kind == Kind::Directory) != Verdict::Included;
        let line = matching.last().filter(|_| !faulty).map(|line| *line as u64 + 1);
        judged = (ignored, line);
        dir = rules.enter(&dir, &entry, &matching, None);
    }
    judged
}

/// What the lines of `text` match, and whether it can't be a `.syncignore`.
fn prepare<'a>(texts: &RuleTexts, text: &str, ends: impl FnMut() -> bool + 'a) -> (Preview<'a>, bool) {
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
    (Preview { lines, now, then, sums: Sums::default(), ends: Box::new(ends) }, fault.is_some())
}

struct Line {
    shown: RuleLine,
    /// What the line matches, as rules of its own.
    matches: Option<Rules>,
    /// Which later line decided how often about what this one matches.
    overruled_by: BTreeMap<usize, u64>,
    /// The first [`PLACES_MAX`] places that it decides about.
    places: Vec<RuleSample>,
}

impl Line {
    fn into_shown(mut self) -> RuleLine {
        let size = |place: &RuleSample| Reverse((place.amount.bytes, place.amount.entries));
        self.places.sort_by(|a, b| size(a).cmp(&size(b)).then_with(|| a.path.as_bytes().cmp(b.path.as_bytes())));
        self.places.truncate(SAMPLES_MAX);
        let most = self.overruled_by.iter().max_by_key(|(_, count)| **count).map(|(line, _)| *line as u64 + 1);
        RuleLine { overruled: self.overruled_by.values().sum(), overruled_by: most, samples: self.places, ..self.shown }
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
    Line { shown, matches, overruled_by: BTreeMap::new(), places: Vec::new() }
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
    /// The line that decides about the directory, and the place of it that the directory belongs to, if that is measured.
    decider: Option<(usize, Option<usize>)>,
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

    /// Notes an entry with the line that decides about it; gives that line, and its place that the entry belongs to.
    fn note(&mut self, dir: &Dir, entry: &Entry<'_>, matching: &[usize]) -> Option<(usize, Option<usize>)> {
        let (decider, others) = matching.split_last()?;
        let ignores = |number: usize| self.lines[number].shown.effect == RuleEffect::Ignores;
        // A line that takes back in does so only where another one left out.
        if !ignores(*decider) && !others.iter().any(|other| ignores(*other)) {
            return Some((*decider, None));
        }
        for other in others {
            let differs = self.lines[*other].shown.effect != self.lines[*decider].shown.effect;
            if differs {
                *self.lines[*other].overruled_by.entry(*decider).or_default() += 1;
            }
        }
        let line = &mut self.lines[*decider];
        add(&mut line.shown.amount, entry);
        let place = match dir.decider {
            Some((known, place)) if known == *decider => place,
            _ => {
                line.shown.places += 1;
                let sample = RuleSample { path: PathBytes::from(entry.path), amount: Amount::default() };
                (line.places.len() < PLACES_MAX).then(|| line.places.push(sample)).map(|()| line.places.len() - 1)
            }
        };
        if let Some(place) = place.and_then(|place| line.places.get_mut(place)) {
            add(&mut place.amount, entry);
        }
        Some((*decider, place))
    }

    fn enter(&self, dir: &Dir, entry: &Entry<'_>, matching: &[usize], decider: Option<(usize, Option<usize>)>) -> Dir {
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
        let places = |line: usize| {
            let samples = told.lines[line].samples.iter();
            samples.map(|sample| (sample.path.to_string(), sample.amount.bytes)).collect::<Vec<_>>()
        };
        assert_eq!(places(1), [("a/node_modules".to_owned(), 5), ("b/node_modules".to_owned(), 5)]);
        assert_eq!(places(3), [("b/node_modules/@shop".to_owned(), 5)]);
        assert_eq!((told.lines[1].overruled, told.lines[1].overruled_by), (2, Some(4)));
        assert_eq!(told.leaves, Amount { entries: 4, bytes: 10 });
        assert_eq!(told.comes, Amount::default());
        assert_eq!(told.remains, Amount { entries: 6, bytes: 10 });
    }

    #[test]
    fn one_path_is_judged_as_all_are() {
        let texts = RuleTexts { exclude: vec!["secret".into()], ..RuleTexts::default() };
        let text = "# built\n**/node_modules\n!**/node_modules/@shop\nout/\n*.log";
        for (path, is_directory, expected) in [
            ("src/main.rs", false, (false, None)),
            ("a/node_modules", true, (true, Some(2))),
            ("a/node_modules/x/y", false, (true, Some(2))),
            ("a/node_modules/@shop/z", false, (false, Some(3))),
            ("a.log", false, (true, Some(5))),
            ("a/b.log", false, (false, None)),
            ("a/secret/x", false, (true, None)),
        ] {
            let at = RelPath::new(path.as_bytes()).unwrap();
            assert_eq!(judge(&texts, text, at, is_directory), expected, "{path}");
        }
        let faulty = judge(&texts, "src\n[a-", RelPath::new(b"src").unwrap(), true);
        assert_eq!(faulty, (false, None), "what is now goes on");
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
