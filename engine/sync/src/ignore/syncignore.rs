//! The patterns of a `.syncignore` file, and a walk down the tree with them.

use super::error::{BadPattern, Fault};
use super::expression::{Meaning, meaning};
use super::program::{Places, Program};
use super::runes::{Rune, runes};
use super::steps::{self, Step};
use super::{PATTERN_BYTES_MAX, PATTERNS_MAX, glob, lines};
use crate::path::{Name, RelPath};

/// The rules of a `.syncignore` file, which means what a `.dockerignore` file of the same text means.
///
/// - A pattern is matched against the whole path from the share's root, byte by byte but for the wildcards: case counts, on a
///   case-insensitive host too, and `\` escapes, on Windows too.
/// - A pattern that matches a path matches all below it. The last pattern that matches decides; `!` before it includes again,
///   under an ignored directory too.
/// - `*` and `?` stop at a slash; `**/` is any number of directories, none included; `dir/**` is all below `dir` but not `dir`.
/// - A line that begins with `#` is a comment. Blanks around a pattern, slashes around it, and `.` and `..` in it don't count.
///
/// The source of all this is moby's `patternmatcher` (`MatchesOrParentMatches`) and its `ignorefile`, its oddities included:
/// where there is a wildcard, `[^a]` matches a slash and `|` separates alternatives. Knowingly different: a byte that is no UTF-8
/// is only itself, `\p` and `\Q` are refused, and there are limits.
#[derive(Clone, Debug, Default)]
pub struct SyncIgnore {
    /// For each pattern, whether it includes again.
    includes: Vec<bool>,
    /// The steps of all patterns that can be cut into names, one pattern after the other.
    steps: Vec<Step>,
    /// The other patterns.
    programs: Vec<Program>,
    root: Trail,
}

/// A pattern's place in its file. The higher one decides.
type Rank = u32;

/// What is known of the patterns below one directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trail {
    /// The pattern that decides about the directory: the last that matches it or a parent.
    decider: Option<Rank>,
    /// Where the directory's path has led to in the patterns above the decider, the highest rank first. Nothing where
    /// nothing can change the decision any more.
    steps: Vec<AtStep>,
    programs: Vec<InProgram>,
    below_root: bool,
}

/// A step that an entry's name is to be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AtStep {
    rank: Rank,
    step: u32,
}

/// A program that goes on reading with an entry's name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct InProgram {
    rank: Rank,
    program: u32,
    places: Places,
}

impl Trail {
    /// Whether all below this directory is as the directory is.
    fn is_settled(&self) -> bool {
        self.steps.is_empty() && self.programs.is_empty()
    }

    /// The steps of patterns above the decider.
    fn steps_above(&self, decider: Option<Rank>) -> impl Iterator<Item = &AtStep> {
        self.steps.iter().take_while(move |at| Some(at.rank) > decider)
    }

    /// The programs above the decider.
    fn programs_above(&self, decider: Option<Rank>) -> impl Iterator<Item = &InProgram> {
        self.programs.iter().take_while(move |at| Some(at.rank) > decider)
    }

    /// Adds a step of the pattern whose steps are being added, unless it is there.
    fn add_step(&mut self, rank: Rank, step: u32) {
        let at = AtStep { rank, step };
        if !self.steps.iter().rev().take_while(|other| other.rank == rank).any(|other| *other == at) {
            self.steps.push(at);
        }
    }
}

/// What the patterns say of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Included,
    Ignored,
    /// Ignored, but something below may be included.
    IgnoredAndOpen,
}

impl SyncIgnore {
    /// Reads the bytes of the file.
    pub fn new(file: &[u8]) -> Result<Self, BadPattern> {
        let mut rules = Self::default();
        for line in lines::read(file)? {
            rules
                .add(line.includes, &line.pattern)
                .map_err(|fault| BadPattern::new(line.number, &line.pattern, fault))?;
        }
        rules.root.steps.reverse();
        rules.root.programs.reverse();
        Ok(rules)
    }

    fn add(&mut self, includes: bool, pattern: &[u8]) -> Result<(), Fault> {
        if self.includes.len() == PATTERNS_MAX {
            return Err(Fault::TooMany);
        }
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(Fault::TooLong);
        }
        let pattern_runes: Vec<Rune> = runes(pattern).collect();
        glob::check(&pattern_runes)?;
        match meaning(&pattern_runes)? {
            Meaning::Exact => self.add_steps(steps::exact(pattern)),
            Meaning::Prefix => self.add_steps(steps::prefix(&pattern[..pattern.len() - b"**".len()])),
            Meaning::Suffix => self.add_steps(steps::suffix(&pattern[b"**".len()..])),
            Meaning::Expression(alternatives) => {
                for pieces in alternatives {
                    match steps::expression(&pieces) {
                        Some(steps) => self.add_steps(steps),
                        None => self.add_program(Program::new(&pieces)),
                    }
                }
            }
        }
        self.includes.push(includes);
        Ok(())
    }

    fn add_steps(&mut self, steps: Vec<Step>) {
        self.root.steps.push(AtStep { rank: self.includes.len() as Rank, step: self.steps.len() as u32 });
        self.steps.extend(steps);
    }

    fn add_program(&mut self, program: Program) {
        self.root.programs.push(InProgram {
            rank: self.includes.len() as Rank,
            program: self.programs.len() as u32,
            places: program.start(),
        });
        self.programs.push(program);
    }

    /// Whether the path is ignored. The root never is.
    pub fn ignores(&self, path: &RelPath) -> bool {
        path.split_last()
            .is_some_and(|(parent, name)| self.judge(&self.trail(parent), name, false) != Judgement::Included)
    }

    /// What is known below the directory `path`.
    pub(super) fn trail(&self, path: &RelPath) -> Trail {
        let mut trail = self.root.clone();
        for name in path.names() {
            if trail.is_settled() {
                break;
            }
            trail = self.enter(&trail, name);
        }
        trail
    }

    pub(super) fn root(&self) -> Trail {
        self.root.clone()
    }

    /// Judges the entry `name` of the directory. What may be below it is looked at only if it is a directory.
    pub(super) fn judge(&self, trail: &Trail, name: &Name, is_directory: bool) -> Judgement {
        let name = name.as_bytes();
        let decider = self.decider(trail, name);
        if !self.ignores_by(decider) {
            Judgement::Included
        } else if is_directory && self.may_include_below(trail, name, decider) {
            Judgement::IgnoredAndOpen
        } else {
            Judgement::Ignored
        }
    }

    /// What is known below the directory `name` of the directory.
    pub(super) fn enter(&self, trail: &Trail, name: &Name) -> Trail {
        let name = name.as_bytes();
        let decider = self.decider(trail, name);
        let mut below = Trail { decider, below_root: true, ..Trail::default() };
        for at in trail.steps_above(decider) {
            let step = &self.steps[at.step as usize];
            if step.gap.holds(name) {
                below.add_step(at.rank, at.step);
            }
            if !step.last && step.name.matches(name) {
                below.add_step(at.rank, at.step + 1);
            }
        }
        for at in trail.programs_above(decider) {
            let places = self.programs[at.program as usize].enter(&at.places, !trail.below_root, name);
            if !places.is_empty() {
                below.programs.push(InProgram { places, ..*at });
            }
        }
        self.settle(&mut below);
        below
    }

    /// The last pattern that matches the entry or a parent.
    fn decider(&self, trail: &Trail, name: &[u8]) -> Option<Rank> {
        let matching = trail.steps.iter().find(|at| {
            let step = &self.steps[at.step as usize];
            step.last && step.name.matches(name)
        });
        let decider = matching.map(|at| at.rank).or(trail.decider);
        let matching = trail
            .programs_above(decider)
            .find(|at| self.programs[at.program as usize].matches(&at.places, !trail.below_root, name));
        matching.map(|at| at.rank).or(decider)
    }

    fn ignores_by(&self, decider: Option<Rank>) -> bool {
        decider.is_some_and(|rank| !self.includes[rank as usize])
    }

    /// Whether a pattern above the decider may include something below the directory `name`.
    fn may_include_below(&self, trail: &Trail, name: &[u8], decider: Option<Rank>) -> bool {
        let step_may = |at: &AtStep| {
            let step = &self.steps[at.step as usize];
            self.includes[at.rank as usize] && (step.gap.holds(name) || !step.last && step.name.matches(name))
        };
        let program_may = |at: &InProgram| {
            let program = &self.programs[at.program as usize];
            self.includes[at.rank as usize] && !program.enter(&at.places, !trail.below_root, name).is_empty()
        };
        trail.steps_above(decider).any(step_may) || trail.programs_above(decider).any(program_may)
    }

    /// Forgets the patterns where none can change the decision.
    fn settle(&self, trail: &mut Trail) {
        let ignored = self.ignores_by(trail.decider);
        let turns = |rank: Rank| self.includes[rank as usize] == ignored;
        let open = trail.steps.iter().any(|at| turns(at.rank)) || trail.programs.iter().any(|at| turns(at.rank));
        if !open {
            trail.steps.clear();
            trail.programs.clear();
        }
    }
}
