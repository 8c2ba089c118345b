//! Errands: what people want of the two sides beside the session. Each runs on a short-lived thread of its own, so that the share goes on
//! meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use causeway_api::{
    Amount, ApiError, BinEmpty, BinItem, BinReason, ErrorCode, ListOf, Nothing, Page, PathBytes, Refused, RenamePath,
    Restored, WhichItems,
};
use causeway_endpoint::runner::ShareSide;
use causeway_sync::{Name, RelPath, RelPathBuf, Side};
use causeway_wire::agent::{Failure, FailureKind};
use causeway_wire::errand::{self, BinId, Counts, Errand, ErrandReply, PAGE_ITEMS_MAX};

use super::actor::{Actor, Input, Link};
use super::command::Reply;
use super::shown;

/// Counts are asked for at most this often while things change.
const COUNT_INTERVAL_MS: u64 = 1_000;
/// And so long after a share began to be joined, while not everything has been looked at.
const COUNT_LOOKING_MS: u64 = 3_000;
/// What came to the bin from below a directory at most this long before the directory itself was removed with it.
const REMOVED_TOGETHER_MS: u64 = 60_000;

/// How often somebody who reads a side asks whether that is wanted still.
pub(super) const WANTED_INTERVAL: Duration = Duration::from_millis(100);

/// Counts of one side.
pub struct Counted {
    /// Of which session.
    pub generation: u64,
    /// Of which side.
    pub side: Side,
    /// What it says.
    pub result: Result<ErrandReply, Failure>,
}

/// Both sides of a share that is joined, to be asked from another thread.
#[derive(Clone)]
pub struct Sides {
    host: Arc<dyn ShareSide>,
    guest: Arc<dyn ShareSide>,
}

impl Sides {
    fn of(&self, side: Side) -> &dyn ShareSide {
        match side {
            Side::Host => &*self.host,
            Side::Guest => &*self.guest,
        }
    }

    /// A page of what stands on a side; `None` as soon as it isn't wanted any more, and then nothing is read there any more either.
    pub fn read(
        &self,
        side: Side,
        errand: Errand,
        is_wanted: impl Fn() -> bool,
    ) -> Option<Result<ErrandReply, Failure>> {
        let (answer, answered) = mpsc::channel();
        // The asker waits right below, as in `ask`.
        self.of(side).ask(errand, Box::new(move |reply| drop(answer.send(reply))));
        loop {
            match answered.recv_timeout(WANTED_INTERVAL) {
                Ok(reply) => return is_wanted().then_some(reply),
                Err(RecvTimeoutError::Timeout) if is_wanted() => {}
                Err(RecvTimeoutError::Timeout) => {
                    self.of(side).stop_verifying();
                    let _ = answered.recv();
                    return None;
                }
                Err(RecvTimeoutError::Disconnected) => return Some(Err(lost())),
            }
        }
    }

    /// Has a side do something, and waits for it.
    pub fn ask(&self, side: Side, errand: Errand) -> Result<ErrandReply, Failure> {
        let (answer, answered) = mpsc::channel();
        // The asker waits right below; if it is gone, so is the process.
        self.of(side).ask(errand, Box::new(move |reply| drop(answer.send(reply))));
        answered.recv().unwrap_or_else(|_| Err(lost()))
    }
}

fn lost() -> Failure {
    Failure::new(FailureKind::Closing, "the connection between the two sides was lost meanwhile")
}

/// A failed errand as an error.
pub fn error(failure: &Failure) -> ApiError {
    let code = match failure.kind {
        FailureKind::NotOpen | FailureKind::Closing => ErrorCode::ShareDisconnected,
        FailureKind::NoSpace => ErrorCode::NoSpace,
        FailureKind::PermissionDenied => ErrorCode::PermissionDenied,
        FailureKind::InvalidRules => ErrorCode::InvalidPattern,
        FailureKind::TimedOut => ErrorCode::TimedOut,
        FailureKind::NotFound
        | FailureKind::Occupied
        | FailureKind::Index
        | FailureKind::Io
        | FailureKind::Unsupported => ErrorCode::Io,
    };
    ApiError::new(code, format!("{failure}."))
}

/// A side answered something else than it was asked.
pub fn misanswered() -> ApiError {
    ApiError::new(ErrorCode::Internal, "One of the sides answered something else than it was asked.")
}

impl Actor {
    /// Both sides, or why they can't be asked.
    pub(super) fn sides(&self) -> Result<Sides, ApiError> {
        match &self.link {
            Link::Up(up) => Ok(Sides { host: Arc::clone(&up.host), guest: Arc::clone(&up.guest) }),
            _ => Err(self.not_up()),
        }
    }

    /// Runs work that asks the sides on a thread of its own, and answers with what it comes to.
    pub(super) fn run_errand<T: Send + 'static>(
        &mut self,
        reply: Reply<T>,
        work: impl FnOnce(&Sides, &Sender<Input>) -> Result<T, ApiError> + Send + 'static,
    ) {
        let sides = match self.sides() {
            Ok(sides) => sides,
            Err(error) => return drop(reply.send(Err(error))),
        };
        let inbox = self.sender.clone();
        start(move || {
            let result = work(&sides, &inbox);
            drop(sides);
            let _ = reply.send(result);
            // What an errand did shows in the counts.
            let _ = inbox.send(Input::Done(Box::new(|actor| actor.known.uncounted = true)));
        });
    }

    /// Asks both sides for their counts, unless an answer is awaited.
    pub(super) fn count(&mut self) {
        let Link::Up(up) = &self.link else { return };
        if self.known.counting {
            self.known.uncounted = true;
            return;
        }
        let generation = self.generation;
        for side in Side::BOTH {
            let inbox = self.sender.clone();
            let answer = move |result| drop(inbox.send(Input::Counted(Counted { generation, side, result })));
            up.side(side).ask(Errand::Counts, Box::new(answer));
        }
        self.known.counting = true;
        self.known.uncounted = false;
        self.known.awaited = 2;
        self.known.counted_ms = self.clock.now_ms();
    }

    pub(super) fn count_due_ms(&self) -> Option<u64> {
        let Link::Up(up) = &self.link else { return None };
        if !self.known.uncounted || self.known.counting {
            return None;
        }
        // Counting walks through the recycle bins, which is in the way of those who look at everything.
        let looking_ms = if up.crawled == [true; 2] { 0 } else { self.began_ms + COUNT_LOOKING_MS };
        Some(looking_ms.max(self.known.counted_ms + COUNT_INTERVAL_MS))
    }

    pub(super) fn count_when_due(&mut self, now_ms: u64) {
        if self.count_due_ms().is_some_and(|due| due <= now_ms) {
            self.count();
        }
    }

    pub(super) fn handle_counted(&mut self, counted: Counted) {
        if counted.generation != self.generation {
            return;
        }
        match counted.result {
            Ok(ErrandReply::Counts(counts)) => self.known.counts[counted.side as usize] = Some(counts),
            Ok(_) => tracing::warn!(share = %self.settings.name, "counts were asked for, and something else came"),
            Err(failure) => tracing::warn!(share = %self.settings.name, %failure, "no counts"),
        }
        self.known.awaited = self.known.awaited.saturating_sub(1);
        if self.known.awaited == 0 {
            self.known.counting = false;
            self.set_goal();
            self.answer_shows();
        }
    }

    /// Answers those who wait to see the share.
    pub(super) fn answer_shows(&mut self) {
        let waiting = std::mem::take(&mut self.known.waiting);
        if !waiting.is_empty() {
            let info = self.publish();
            for reply in waiting {
                let _ = reply.send(Ok(info.clone()));
            }
        }
    }

    pub(super) fn prune(&mut self, reply: Reply<Amount>) {
        self.run_errand(reply, |sides, _| remove_all(sides, Side::Guest, &Errand::Prune));
    }

    pub(super) fn rename_path(&mut self, rename: &RenamePath, reply: Reply<Nothing>) {
        let side = shown::side_of(rename.side);
        match renamed(rename) {
            Err(error) => drop(reply.send(Err(error))),
            Ok((path, to)) => self.run_errand(reply, move |sides, _| {
                match sides.ask(side, Errand::Rename { path, to }).map_err(|failure| error(&failure))? {
                    ErrandReply::Done => Ok(Nothing {}),
                    _ => Err(misanswered()),
                }
            }),
        }
    }

    pub(super) fn bin_empty(&mut self, which: &BinEmpty, reply: Reply<Amount>) {
        let wanted: Vec<Side> = Side::BOTH
            .into_iter()
            .filter(|side| which.side.is_none_or(|wanted| wanted == shown::side(*side)))
            .collect();
        self.run_errand(reply, move |sides, _| {
            let mut all = Amount::default();
            for side in wanted {
                let gone = remove_all(sides, side, &Errand::BinEmpty { before_ms: u64::MAX })?;
                all.entries += gone.entries;
                all.bytes += gone.bytes;
            }
            Ok(all)
        });
    }

    pub(super) fn bin_list(&mut self, list: ListOf, reply: Reply<Page<BinItem>>) {
        let total: u64 = self.known.counts.iter().flatten().map(|counts: &Counts| counts.bin_items).sum();
        self.run_errand(reply, move |sides, _| page_of_bins(sides, &list, total));
    }

    pub(super) fn bin_restore(&mut self, which: WhichItems, reply: Reply<Restored>) {
        self.run_errand(reply, move |sides, _| restore(sides, which));
    }
}

/// Runs an errand on a thread of its own. Where there can be none it is dropped, and whoever waits for it is told so.
pub(super) fn start(errand: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name("errand".to_owned()).spawn(errand) {
        tracing::warn!(%error, "no thread could be started");
    }
}

/// The two paths of a request to rename.
fn renamed(rename: &RenamePath) -> Result<(RelPathBuf, RelPathBuf), ApiError> {
    let invalid =
        |what: &str, why: &dyn std::fmt::Display| ApiError::new(ErrorCode::InvalidParams, format!("{what}: {why}."));
    let path = RelPathBuf::new(rename.path.as_bytes().to_vec())
        .map_err(|error| invalid(&format!("\"{}\" is no path in the share", rename.path), &error))?;
    let name = Name::new(rename.name.as_bytes())
        .map_err(|error| invalid(&format!("\"{}\" can't be a name", rename.name), &error))?;
    let parent = path.parent().ok_or_else(|| invalid("Nothing is renamed", &"the share's root keeps its name"))?;
    let to = parent.join(name);
    Ok((path, to))
}

/// Repeats an errand that removes a page at a time until nothing is left.
fn remove_all(sides: &Sides, side: Side, errand: &Errand) -> Result<Amount, ApiError> {
    let mut amount = Amount::default();
    loop {
        match sides.ask(side, errand.clone()).map_err(|failure| error(&failure))? {
            ErrandReply::Removed { entries, bytes, more } => {
                amount.entries += entries;
                amount.bytes += bytes;
                if !more {
                    return Ok(amount);
                }
            }
            _ => return Err(misanswered()),
        }
    }
}

/// An item's id as the control API shows it: its side, its time and its number.
fn id_text(side: Side, id: BinId) -> String {
    format!("{}-{}-{}", shown::side(side).word(), id.at_ms, id.number)
}

fn id_of(text: &str) -> Option<(Side, BinId)> {
    let mut parts = text.split('-');
    let side = match parts.next()? {
        "host" => Side::Host,
        "guest" => Side::Guest,
        _ => return None,
    };
    let id = BinId { at_ms: parts.next()?.parse().ok()?, number: parts.next()?.parse().ok()? };
    parts.next().is_none().then_some((side, id))
}

fn bin_page(
    sides: &Sides,
    side: Side,
    after: Option<BinId>,
    limit: usize,
) -> Result<(Vec<errand::BinItem>, bool), ApiError> {
    let limit = u32::try_from(limit.clamp(1, PAGE_ITEMS_MAX)).expect("a page's length fits");
    match sides.ask(side, Errand::BinList { after, limit }).map_err(|failure| error(&failure))? {
        ErrandReply::Bin { items, more } => Ok((items, more)),
        _ => Err(misanswered()),
    }
}

/// The host's items come first, then the guest's, the oldest of each first.
fn page_of_bins(sides: &Sides, list: &ListOf, total: u64) -> Result<Page<BinItem>, ApiError> {
    let (mut side, mut after) = match &list.cursor {
        None => (Side::Host, None),
        Some(cursor) => id_of(cursor).map(|(side, id)| (side, Some(id))).ok_or_else(|| {
            ApiError::new(ErrorCode::InvalidParams, format!("\"{cursor}\" is no cursor of this list."))
        })?,
    };
    let mut items: Vec<BinItem> = Vec::new();
    let mut last = None;
    while items.len() < list.items_max() {
        let (found, more) = bin_page(sides, side, after, list.items_max() - items.len())?;
        after = found.last().map(|item| item.id);
        last = after.map(|id| id_text(side, id)).or(last);
        let empty = found.is_empty();
        items.extend(found.into_iter().map(|item| shown_item(side, item)));
        if more && !empty {
            continue;
        }
        if side == Side::Guest {
            return Ok(Page { items, next: None, total });
        }
        (side, after) = (Side::Guest, None);
    }
    Ok(Page { items, next: last, total })
}

fn shown_item(side: Side, item: errand::BinItem) -> BinItem {
    let bytes = item.entry.as_file().map_or(0, |file| file.size);
    BinItem {
        id: id_text(side, item.id),
        side: shown::side(side),
        path: shown::path(item.path.as_deref().unwrap_or(RelPath::ROOT)),
        entry: shown::entry(Some(&item.entry)),
        amount: Amount { entries: 1, bytes },
        at: shown::time(item.id.at_ms),
        reason: match item.reason {
            errand::BinReason::Removed => BinReason::Deleted,
            errand::BinReason::Pruned => BinReason::Pruned,
            errand::BinReason::Replaced | errand::BinReason::Raced | errand::BinReason::Recovered => {
                BinReason::Replaced
            }
        },
    }
}

fn restore(sides: &Sides, which: WhichItems) -> Result<Restored, ApiError> {
    let mut wanted = Vec::new();
    let mut refused = Vec::new();
    let refuse = |path: PathBytes, why: &str| Refused { path, sentence: why.to_owned() };
    match which {
        WhichItems::Ids(ids) => {
            for id in ids {
                match id_of(&id) {
                    Some(item) => wanted.push((PathBytes::from(id.as_str()), item)),
                    None => refused.push(refuse(PathBytes::from(id.as_str()), "This is no item of the recycle bin.")),
                }
            }
        }
        WhichItems::Paths(paths) => {
            for path in paths {
                let found = with_what_it_held(sides, &path)?;
                if found.is_empty() {
                    refused.push(refuse(path, "Nothing in the recycle bin stood at this path."));
                }
                wanted.extend(found);
            }
        }
    }
    let mut restored = 0;
    for (path, (side, item)) in wanted {
        match sides.ask(side, Errand::BinRestore { item, to: None }) {
            Ok(ErrandReply::Restored(_)) => restored += 1,
            Ok(_) => return Err(misanswered()),
            Err(failure) => refused.push(refuse(path, &format!("{failure}."))),
        }
    }
    Ok(Restored { restored, refused })
}

/// An item and what it is asked for by.
type Wanted = (PathBytes, (Side, BinId));

/// The item of either bin that came last from a path; and what came from below it not long before, for a directory that is
/// removed file by file arrives in the bin file by file. The upper come first.
fn with_what_it_held(sides: &Sides, path: &PathBytes) -> Result<Vec<Wanted>, ApiError> {
    let Ok(top) = RelPath::new(path.as_bytes()) else { return Ok(Vec::new()) };
    let mut latest: BTreeMap<RelPathBuf, (Side, BinId)> = BTreeMap::new();
    for side in Side::BOTH {
        for_each_item(sides, side, |item| {
            let Some(at) = item.path.filter(|at| at.starts_with(top)) else { return };
            let newer = latest.get(&at).is_none_or(|(_, known)| *known < item.id);
            if newer {
                latest.insert(at, (side, item.id));
            }
        })?;
    }
    let Some((_, last)) = latest.get(top).copied() else { return Ok(Vec::new()) };
    let since_ms = last.at_ms.saturating_sub(REMOVED_TOGETHER_MS);
    let together = latest.into_iter().filter(|(_, (_, id))| id.at_ms >= since_ms);
    Ok(together.map(|(at, item)| (shown::path(&at), item)).collect())
}

fn for_each_item(sides: &Sides, side: Side, mut each: impl FnMut(errand::BinItem)) -> Result<(), ApiError> {
    let mut after = None;
    loop {
        let (found, more) = bin_page(sides, side, after, PAGE_ITEMS_MAX)?;
        after = found.last().map(|item| item.id);
        let empty = found.is_empty();
        found.into_iter().for_each(&mut each);
        if !more || empty {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_is_one_name_in_the_same_directory() {
        let rename = |path: &str, name: &str| {
            let (path, name) = (PathBytes::from(path), PathBytes::from(name));
            renamed(&RenamePath { share: "web".into(), side: causeway_api::Side::Guest, path, name })
        };
        let (path, to) = rename("docs/setup.md", "setup-2.md").unwrap();
        assert_eq!((path.to_string().as_str(), to.to_string().as_str()), ("docs/setup.md", "docs/setup-2.md"));
        for (path, name) in [("", "a"), ("../a", "b"), ("a", ""), ("a", ".."), ("a", "b/c"), ("a", "b\0"), ("/a", "b")]
        {
            assert_eq!(rename(path, name).unwrap_err().code, ErrorCode::InvalidParams, "{path} {name}");
        }
    }

    #[test]
    fn ids_of_items_read_back() {
        let id = BinId { at_ms: 12, number: 3 };
        for side in Side::BOTH {
            assert_eq!(id_of(&id_text(side, id)), Some((side, id)));
        }
        for nonsense in ["", "host", "host-1", "host-1-2-3", "here-1-2", "host-x-1"] {
            assert_eq!(id_of(nonsense), None);
        }
    }
}
