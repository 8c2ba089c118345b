//! Long lists of a share, page by page: what waits for a person, and what is in the way. And settling conflicts.

use std::ops::Bound;

use causeway_api::{
    ApiError, Conflict, ErrorCode, Keep, ListOf, Page, PathBytes, Problem, Refused, Remedy, Resolve, Resolved,
    Timestamp, Which,
};
use causeway_sync::ledger::{Diverged, Hold, Ledger, LedgerError};
use causeway_sync::session::{self, Status};
use causeway_sync::{RelPath, RelPathBuf, Side};

use super::actor::{Actor, Link};
use super::command::Reply;
use super::{shown, space};

/// Rows that are read from the ledger at once.
const ROWS_AT_ONCE: usize = 512;
/// Rows that are looked through, at most, for what stands first in the share's account of itself.
const ROWS_LOOKED_THROUGH_MAX: usize = 20_000;

/// Diverged paths after `after`, in order, until `each` returns false.
fn for_each_diverged<L: Ledger>(
    ledger: &L,
    mut after: Option<RelPathBuf>,
    mut each: impl FnMut(RelPathBuf, Diverged) -> bool,
) -> Result<(), LedgerError> {
    loop {
        let rows = ledger.diverged_below(RelPath::ROOT, after.as_deref(), ROWS_AT_ONCE)?;
        let last = rows.len() < ROWS_AT_ONCE;
        for (path, diverged) in rows {
            after = Some(path.clone());
            if !each(path, diverged) {
                return Ok(());
            }
        }
        if last {
            return Ok(());
        }
    }
}

/// A place in a list: a path, and which of the things that can stand at one path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    path: RelPathBuf,
    rank: u8,
}

impl Place {
    /// As a cursor: the rank in two digits, then the path's bytes in hexadecimal.
    fn to_cursor(&self) -> String {
        let path: String = self.path.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{:02x}{path}", self.rank)
    }

    fn from_cursor(cursor: &str) -> Option<Self> {
        if !cursor.is_ascii() || !cursor.len().is_multiple_of(2) {
            return None;
        }
        let bytes: Option<Vec<u8>> =
            (0..cursor.len()).step_by(2).map(|at| u8::from_str_radix(&cursor[at..at + 2], 16).ok()).collect();
        let bytes = bytes?;
        let (rank, path) = bytes.split_first()?;
        Some(Self { path: RelPathBuf::new(path.to_vec()).ok()?, rank: *rank })
    }
}

fn read_cursor(list: &ListOf) -> Result<Option<Place>, ApiError> {
    let Some(cursor) = &list.cursor else { return Ok(None) };
    Place::from_cursor(cursor)
        .map(Some)
        .ok_or_else(|| ApiError::new(ErrorCode::InvalidParams, format!("\"{cursor}\" is no cursor of this list.")))
}

fn page<T>(items: Vec<(Place, T)>, more: bool, total: u64) -> Page<T> {
    let next = items.last().filter(|_| more).map(|(place, _)| place.to_cursor());
    Page { items: items.into_iter().map(|(_, item)| item).collect(), next, total }
}

/// Ranks of problems at one path.
const OF_SHARE: u8 = 0;
const OF_LEDGER: u8 = 3;

fn of_side(side: Side) -> u8 {
    1 + side as u8
}

impl Actor {
    pub(super) fn conflicts(&mut self, list: &ListOf, reply: Reply<Page<Conflict>>) {
        let answer = self.page_of_conflicts(list);
        let _ = reply.send(answer);
    }

    fn page_of_conflicts(&mut self, list: &ListOf) -> Result<Page<Conflict>, ApiError> {
        let after = read_cursor(list)?.map(|place| place.path);
        let Link::Up(up) = &self.link else { return Err(self.not_up()) };
        let ledger = up.session.ledger();
        let (mut items, mut more) = (Vec::new(), false);
        let read = for_each_diverged(ledger, after, |path, diverged| {
            if diverged.hold == Hold::Conflict {
                more = items.len() == list.items_max();
                if !more {
                    let conflict = shown::conflict(&path, &diverged);
                    items.push((Place { path, rank: OF_LEDGER }, conflict));
                }
            }
            !more
        });
        let total = read.and_then(|()| ledger.holds()).map_err(ledger_error)?.conflicts;
        Ok(page(items, more, total))
    }

    pub(super) fn problems(&mut self, list: &ListOf, reply: Reply<Page<Problem>>) {
        let answer = self.page_of_problems(list);
        let _ = reply.send(answer);
    }

    fn page_of_problems(&mut self, list: &ListOf) -> Result<Page<Problem>, ApiError> {
        let after = read_cursor(list)?;
        let Link::Up(up) = &self.link else { return Err(self.not_up()) };
        let wanted = list.items_max() + 1;
        let mut items = self.problems_beside_ledger(after.as_ref(), wanted);
        let ledger = up.session.ledger();
        // The path at the cursor is looked at again: its problem in the ledger comes last of those at one path.
        let again = after.as_ref().filter(|place| place.rank < OF_LEDGER).map(|place| &place.path);
        let mut read = Ok(());
        if let Some(path) = again {
            read = ledger.diverged(path).map(|found| items.extend(found.and_then(|found| of_ledger(path, &found))));
        }
        let mut found = 0;
        let read = read.and_then(|()| {
            for_each_diverged(ledger, after.map(|place| place.path), |path, diverged| {
                if let Some(item) = of_ledger(&path, &diverged) {
                    items.push(item);
                    found += 1;
                }
                found < wanted
            })
        });
        let holds = read.and_then(|()| ledger.holds()).map_err(ledger_error)?;
        items.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = items.len() >= wanted;
        items.truncate(list.items_max());
        let vm = self.around.machine.info().vm;
        items.iter_mut().for_each(|(_, problem)| space::name_command(problem, vm.as_ref()));
        Ok(page(items, more, holds.problems + self.unseen_count()))
    }

    /// Problems that the ledger doesn't know: of the share as a whole, and of what can't be looked at.
    fn problems_beside_ledger(&self, after: Option<&Place>, limit: usize) -> Vec<(Place, Problem)> {
        let mut items = Vec::new();
        if after.is_none() {
            items.extend(self.rules_problem().map(|problem| (share_place(), problem)));
        }
        for side in Side::BOTH {
            let rank = of_side(side);
            let place = Place { path: RelPath::ROOT.to_owned(), rank };
            if let Some(undurable) = self.undurable(side).filter(|_| after.is_none_or(|after| *after < place)) {
                items.push((place, shown::problem(RelPath::ROOT, &undurable.problem, undurable.since_ms)));
            }
            let from = match after {
                None => Bound::Unbounded,
                Some(place) if place.rank < rank => Bound::Included(place.path.clone()),
                Some(place) => Bound::Excluded(place.path.clone()),
            };
            let unseen = self.news[side as usize].unseen.range((from, Bound::Unbounded)).take(limit);
            items.extend(unseen.map(|(path, (problem, since_ms))| {
                (Place { path: path.clone(), rank }, shown::problem(path, problem, *since_ms))
            }));
        }
        items
    }

    /// How many problems the ledger doesn't know.
    pub(super) fn unseen_count(&self) -> u64 {
        let unseen: usize = self.news.iter().map(|news| news.unseen.len()).sum();
        let undurable = Side::BOTH.into_iter().filter(|side| self.undurable(*side).is_some()).count();
        (unseen + undurable) as u64 + u64::from(self.rules_problem().is_some())
    }

    /// What is wrong with `.syncignore`.
    fn rules_problem(&self) -> Option<Problem> {
        let Link::Up(up) = &self.link else { return None };
        let (fault, since_ms) = up.rules.fault.as_ref()?;
        Some(Problem {
            path: PathBytes::from(causeway_sync::ignore::SYNCIGNORE_NAME),
            other_path: None,
            side: causeway_api::Side::Host,
            code: causeway_api::ProblemCode::InvalidRules,
            sentence: format!("{fault}. The rules before stay in force."),
            remedy: Some(Remedy::sentence("Correct .syncignore; it takes effect at once.")),
            since: shown::time(*since_ms),
            next_try: None,
        })
    }

    /// Looks up what stands first in the share's account of itself, when the numbers have changed.
    pub(super) fn look_up_worst(&mut self, status: &Status) {
        let problems = status.holds.problems + self.unseen_count();
        let numbers = (status.holds.conflicts, problems);
        let Link::Up(up) = &self.link else {
            self.known.looked_at = (0, 0);
            self.known.conflicts_since = None;
            self.known.worst_problem = None;
            return;
        };
        if numbers == self.known.looked_at {
            return;
        }
        let mut worst =
            self.problems_beside_ledger(None, ROWS_AT_ONCE).into_iter().map(|(_, problem)| problem).collect();
        let mut oldest: Option<Timestamp> = None;
        let mut rows = 0;
        let read = for_each_diverged(up.session.ledger(), None, |path, diverged| {
            match &diverged.hold {
                Hold::Conflict => {
                    let since = shown::time(diverged.since_ms);
                    oldest = Some(oldest.map_or(since, |oldest| oldest.min(since)));
                }
                Hold::Problem(problem) => keep_worst(&mut worst, shown::problem(&path, problem, diverged.since_ms)),
                Hold::OneSided => {}
            }
            rows += 1;
            rows < ROWS_LOOKED_THROUGH_MAX
        });
        if self.check_ledger(read).is_some() {
            self.known.looked_at = numbers;
            self.known.conflicts_since = oldest;
            let vm = self.around.machine.info().vm;
            self.known.worst_problem = worst.into_iter().min_by_key(|problem| shown::severity(problem.code));
            if let Some(problem) = &mut self.known.worst_problem {
                space::name_command(problem, vm.as_ref());
            }
        }
    }

    pub(super) fn resolve(&mut self, resolve: &Resolve, reply: Reply<Resolved>) {
        let answer = match &resolve.which {
            Which::All => self.resolve_all(keep(resolve.keep)),
            Which::Paths(paths) => self.resolve_paths(paths, keep(resolve.keep)),
        };
        let _ = reply.send(answer);
    }

    fn resolve_all(&mut self, keep: session::Keep) -> Result<Resolved, ApiError> {
        let now_ms = self.clock.now_ms();
        let Link::Up(up) = &mut self.link else { return Err(self.not_up()) };
        let mut paths = Vec::new();
        for_each_diverged(up.session.ledger(), None, |path, diverged| {
            if diverged.hold == Hold::Conflict {
                paths.push(path);
            }
            true
        })
        .map_err(ledger_error)?;
        let mut resolved = 0;
        for path in paths {
            resolved += u64::from(up.session.resolve(&path, keep, now_ms).map_err(ledger_error)?);
        }
        Ok(Resolved { resolved, refused: Vec::new() })
    }

    fn resolve_paths(&mut self, paths: &[PathBytes], keep: session::Keep) -> Result<Resolved, ApiError> {
        let now_ms = self.clock.now_ms();
        let Link::Up(up) = &mut self.link else { return Err(self.not_up()) };
        let (mut resolved, mut refused) = (0, Vec::new());
        for path in paths {
            let sentence = match RelPath::new(path.as_bytes()) {
                Err(error) => format!("This is no path in the share: {error}."),
                Ok(at) if up.session.resolve(at, keep, now_ms).map_err(ledger_error)? => {
                    resolved += 1;
                    continue;
                }
                Ok(_) => "There is no conflict at this path.".to_owned(),
            };
            refused.push(Refused { path: path.clone(), sentence });
        }
        Ok(Resolved { resolved, refused })
    }
}

fn share_place() -> Place {
    Place { path: RelPathBuf::default(), rank: OF_SHARE }
}

fn of_ledger(path: &RelPath, diverged: &Diverged) -> Option<(Place, Problem)> {
    let Hold::Problem(problem) = &diverged.hold else { return None };
    Some((Place { path: path.to_owned(), rank: OF_LEDGER }, shown::problem(path, problem, diverged.since_ms)))
}

/// Keeps one problem of each severity: the first.
fn keep_worst(kept: &mut Vec<Problem>, problem: Problem) {
    if !kept.iter().any(|known| shown::severity(known.code) == shown::severity(problem.code)) {
        kept.push(problem);
    }
}

fn keep(keep: Keep) -> session::Keep {
    match keep {
        Keep::Host => session::Keep::Host,
        Keep::Guest => session::Keep::Guest,
        Keep::Both => session::Keep::Both,
    }
}

pub(super) fn ledger_error(error: LedgerError) -> ApiError {
    ApiError::new(ErrorCode::Io, format!("What both sides agreed on can't be read or written: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_nonsense_is_refused() {
        for path in [&b""[..], b"a/b", b"\xff\xfe/x"] {
            let place = Place { path: RelPathBuf::new(path.to_vec()).unwrap(), rank: 3 };
            assert_eq!(Place::from_cursor(&place.to_cursor()), Some(place));
        }
        for nonsense in ["", "0", "zz", "03é", "032e2e"] {
            assert_eq!(Place::from_cursor(nonsense), None, "{nonsense}");
        }
    }
}
