//! The last change that reached the other side, as it is shown.

use causeway_api::{ChangeKind, LastChange, Stream};
use causeway_sync::{Action, Batch, Entry, Operation, Outcome, RelPath, RelPathBuf, Side};

use super::shown;

/// What is remembered of a batch until its outcomes come.
#[derive(Clone, Debug)]
pub struct Flight {
    to: Side,
    /// How many actions it has.
    pub actions: u64,
    path: RelPathBuf,
    from: Option<RelPathBuf>,
    kind: ChangeKind,
    bytes: Option<u64>,
    /// Whether it does nothing but rename a directory.
    renames_directory: bool,
    /// How many files it puts, and the directory that they are all in.
    files: u64,
    below: RelPathBuf,
    /// Whether it touches `.syncignore` on the host.
    pub rules: bool,
    /// When the side that it comes from last told of changes.
    heard_ms: u64,
}

impl Flight {
    /// Of a batch that is about to be carried out.
    pub fn of(batch: &Batch, rules: bool, heard_ms: u64) -> Self {
        let last = batch.actions.last();
        let (path, kind) = match last {
            Some(action) => match &action.operation {
                Operation::Rename { to } => (to.clone(), ChangeKind::Renamed),
                Operation::Remove => (action.path.clone(), ChangeKind::Deleted),
                Operation::Attributes(_) => (action.path.clone(), ChangeKind::Modified),
                _ if action.expect.is_none() => (action.path.clone(), ChangeKind::Created),
                _ => (action.path.clone(), ChangeKind::Modified),
            },
            None => (RelPathBuf::default(), ChangeKind::Modified),
        };
        let renamed = last.filter(|action| matches!(action.operation, Operation::Rename { .. }));
        let from = renamed.map(|action| action.path.clone());
        let files = || {
            batch.actions.iter().filter_map(|action| match &action.operation {
                Operation::File { file, .. } => Some((&*action.path, file.size)),
                _ => None,
            })
        };
        let bytes = files().map(|(_, size)| size).reduce(u64::saturating_add);
        let below = files().map(|(path, _)| path).reduce(common).unwrap_or(RelPath::ROOT).to_owned();
        let is_directory = |action: &Action| action.expect.as_ref().is_some_and(Entry::is_directory);
        let renames_directory = batch.actions.len() == 1 && renamed.is_some_and(is_directory);
        let (to, actions, files) = (batch.to, batch.actions.len() as u64, files().count() as u64);
        Self { to, actions, path, from, kind, bytes, renames_directory, files, below, rules, heard_ms }
    }

    /// It as a stream, of whose content so much has been sent.
    pub fn stream(&self, sent: u64) -> Stream {
        let bytes_total = self.bytes.unwrap_or_default();
        Stream {
            to: shown::side(self.to),
            path: shown::path(&self.below),
            files: self.files,
            bytes_done: sent.min(bytes_total),
            bytes_total,
        }
    }

    /// The directory that it does nothing but rename, by its new path.
    pub fn renamed_directory(&self) -> Option<&RelPath> {
        self.renames_directory.then_some(&*self.path)
    }

    /// The side that it goes to.
    pub fn to(&self) -> Side {
        self.to
    }

    /// What it came to; `None` where nothing was changed.
    pub fn landed(&self, outcomes: &[Outcome], now_ms: u64) -> Option<LastChange> {
        let paths = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Done { .. } | Outcome::Kept)).count();
        (paths > 0).then(|| LastChange {
            at: shown::time(now_ms),
            to: shown::side(self.to),
            path: shown::path(&self.path),
            from: self.from.as_ref().map(|from| shown::path(from)),
            kind: self.kind,
            paths: paths as u64,
            entries: None,
            bytes: self.bytes,
            latency_ms: Some(now_ms.saturating_sub(self.heard_ms)),
        })
    }
}

/// The longest path that both stand at or below.
fn common<'a>(a: &'a RelPath, b: &'a RelPath) -> &'a RelPath {
    let mut at = a;
    while !b.starts_with(at) {
        at = at.parent().unwrap_or(RelPath::ROOT);
    }
    at
}

#[cfg(test)]
mod tests {
    use causeway_sync::{BatchId, File, Seq, Source};

    use super::*;

    #[test]
    fn a_stream_names_the_file_or_the_directory_of_all() {
        let put = |path: &str| {
            let file = File { digest: None, size: 10, executable: false, mtime_ns: 0 };
            let operation = Operation::File { file, source: Source::Transfer { delta: false } };
            Action { path: RelPathBuf::new(path.as_bytes().to_vec()).unwrap(), expect: None, operation }
        };
        let directory = |path: &str| Action { operation: Operation::Directory, ..put(path) };
        let removed = |path: &str| Action { expect: Some(Entry::Directory), operation: Operation::Remove, ..put(path) };
        for (actions, path, files) in [
            (vec![put("a/b/c")], "a/b/c", 1),
            (vec![directory("z"), put("a/b/c"), put("a/b/d")], "a/b", 2),
            (vec![put("a/b/c"), put("a/bb")], "a", 2),
            (vec![put("a/b"), put("c")], "", 2),
            (vec![removed("a")], "", 0),
        ] {
            let batch = Batch { id: BatchId(1), to: Side::Guest, as_of: Seq(0), actions };
            let stream = Flight::of(&batch, false, 0).stream(15);
            let bytes = files * 10;
            assert_eq!((stream.path, stream.files, stream.bytes_total), (path.into(), files, bytes));
            assert_eq!(stream.bytes_done, bytes.min(15));
        }
    }

    #[test]
    fn a_directory_that_is_renamed_alone_is_told() {
        let renamed = |expect: Entry| Action {
            path: RelPathBuf::new(b"a".to_vec()).unwrap(),
            expect: Some(expect),
            operation: Operation::Rename { to: RelPathBuf::new(b"b".to_vec()).unwrap() },
        };
        let file = Entry::File(File { digest: None, size: 1, executable: false, mtime_ns: 0 });
        for (actions, told) in [
            (vec![renamed(Entry::Directory)], Some("b")),
            (vec![renamed(file.clone())], None),
            (vec![renamed(file), renamed(Entry::Directory)], None),
        ] {
            let flight = Flight::of(&Batch { id: BatchId(1), to: Side::Guest, as_of: Seq(0), actions }, false, 0);
            assert_eq!(flight.renamed_directory().map(RelPath::to_string).as_deref(), told);
        }
    }
}
