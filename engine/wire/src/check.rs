//! Ranges that the types of `causeway-sync` don't hold by themselves.

use causeway_sync::ignore::RuleTexts;
use causeway_sync::{Action, Change, Entry, File, Hello, Operation, Outcome, Problem};

use crate::agent::rules_fit;
use crate::frame::Malformed;

/// Longest text for a person, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 1024;

pub(crate) fn text(text: &str) -> Result<(), Malformed> {
    if text.len() > TEXT_BYTES_MAX { Err(Malformed::OutOfRange("the length of a text")) } else { Ok(()) }
}

/// Offsets and sizes must fit the system's signed `off_t`.
pub(crate) fn offset(bytes: u64) -> Result<(), Malformed> {
    if i64::try_from(bytes).is_err() { Err(Malformed::OutOfRange("a file's size")) } else { Ok(()) }
}

pub(crate) fn range(offset_bytes: u64, len_bytes: u64) -> Result<(), Malformed> {
    offset(offset_bytes.checked_add(len_bytes).ok_or(Malformed::OutOfRange("a file's size"))?)
}

pub(crate) fn file(file: &File) -> Result<(), Malformed> {
    offset(file.size)
}

pub(crate) fn entry(entry: Option<&Entry>) -> Result<(), Malformed> {
    entry.and_then(Entry::as_file).map_or(Ok(()), file)
}

pub(crate) fn change(change: &Change) -> Result<(), Malformed> {
    match change {
        Change::Now { entry: now, .. } => entry(now.as_ref()),
        Change::Moved { entry: now, .. } => entry(Some(now)),
        Change::Forgotten { .. } => Ok(()),
    }
}

pub(crate) fn action(action: &Action) -> Result<(), Malformed> {
    entry(action.expect.as_ref())?;
    match &action.operation {
        Operation::File { file: put, .. } => file(put),
        Operation::Attributes(put) => file(put),
        Operation::Directory | Operation::Symlink(_) | Operation::Remove | Operation::Rename { .. } => Ok(()),
    }
}

pub(crate) fn problem(problem: &Problem) -> Result<(), Malformed> {
    text(&problem.detail)
}

pub(crate) fn outcome(outcome: &Outcome) -> Result<(), Malformed> {
    match outcome {
        Outcome::Done { entry: now, .. } => entry(now.as_ref()),
        Outcome::Problem(found) => problem(found),
        Outcome::Kept | Outcome::Unexpected | Outcome::SourceChanged => Ok(()),
    }
}

pub(crate) fn hello(hello: &Hello) -> Result<(), Malformed> {
    if hello.capabilities.mtime_step_ns < 1 {
        return Err(Malformed::OutOfRange("the step of modification times"));
    }
    Ok(())
}

pub(crate) fn rules(rules: &RuleTexts) -> Result<(), Malformed> {
    if rules_fit(rules) { Ok(()) } else { Err(Malformed::OutOfRange("the length of the rules")) }
}
