//! The last change that reached the other side, as it is shown.

use causeway_api::{ChangeKind, LastChange};
use causeway_sync::{Batch, Operation, Outcome, RelPathBuf, Side};

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
        let sizes = batch.actions.iter().filter_map(|action| match &action.operation {
            Operation::File { file, .. } => Some(file.size),
            _ => None,
        });
        let bytes = sizes.reduce(u64::saturating_add);
        Self { to: batch.to, actions: batch.actions.len() as u64, path, from, kind, bytes, rules, heard_ms }
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
            bytes: self.bytes,
            latency_ms: Some(now_ms.saturating_sub(self.heard_ms)),
        })
    }
}
