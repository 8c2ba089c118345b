//! Desktop notifications: one when a conflict, a problem or a halt persists, none for what passes by itself; and one when a container
//! wants a folder that no share covers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_api::feed::Snapshot;
use causeway_api::{AutoShare, PathBytes, ShareId, ShareInfo, State, Timestamp, WantedFolder};
use tauri::{AppHandle, Manager};
use tauri_plugin_notification::NotificationExt;

use crate::App;
use crate::shown::Shown;

/// A conflict or problem that is gone sooner is told to nobody.
const PERSISTS_AFTER: Duration = Duration::from_secs(10);

/// A container that wants a folder again is told of again after this.
const TOLD_AGAIN_AFTER_MS: u64 = 60_000;

/// Something to tell a person.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Notice {
    title: String,
    body: String,
}

/// Remembers what needs a person and since when, and what of it was told.
#[derive(Debug, Default)]
struct Watcher {
    waiting: BTreeMap<ShareId, Waiting>,
    /// The folders that containers wanted, and when each was when it was told.
    wanted: Vec<(PathBytes, Timestamp)>,
}

#[derive(Debug)]
struct Waiting {
    state: State,
    since: Instant,
    told: bool,
}

impl Watcher {
    /// Takes in how the shares are at `now`. Returns what has become due to be told.
    fn look(&mut self, shares: &[ShareInfo], now: Instant) -> Vec<Notice> {
        self.waiting.retain(|id, waiting| shares.iter().any(|share| share.id == *id && share.state == waiting.state));
        let mut notices = Vec::new();
        for share in shares {
            if !matches!(share.state, State::Conflict | State::Problem | State::Halted) {
                continue;
            }
            let fresh = || Waiting { state: share.state, since: now, told: false };
            let waiting = self.waiting.entry(share.id.clone()).or_insert_with(fresh);
            if !waiting.told && (now >= waiting.since + PERSISTS_AFTER || share.state == State::Halted) {
                waiting.told = true;
                notices.extend(notice(share));
            }
        }
        notices
    }

    /// Takes in what containers wanted. Returns what is new: a container that tries again and again within a while is told of once.
    fn look_at_wanted(&mut self, wanted: &[WantedFolder]) -> Vec<Notice> {
        self.wanted.retain(|(folder, _)| wanted.iter().any(|now| now.folder == *folder));
        let mut notices = Vec::new();
        for WantedFolder { folder, project, at, .. } in wanted {
            let known = self.wanted.iter_mut().find(|(known, _)| known == folder);
            let told_ms = known.as_ref().map(|(_, told)| told.ms_until(*at));
            if told_ms.is_some_and(|since_ms| since_ms < TOLD_AGAIN_AFTER_MS) {
                continue;
            }
            match known {
                Some((_, told)) => *told = *at,
                None => self.wanted.push((folder.clone(), *at)),
            }
            notices.push(Notice {
                title: format!("{project} wants a share"),
                body: format!(
                    "A container wants {folder}, which no share covers, and didn’t start. Create the share in Causeway."
                ),
            });
        }
        notices
    }

    /// When something will become due though nothing changes.
    fn due(&self) -> Option<Instant> {
        self.waiting.values().filter(|waiting| !waiting.told).map(|waiting| waiting.since + PERSISTS_AFTER).min()
    }
}

fn notice(share: &ShareInfo) -> Option<Notice> {
    let body = match share.state {
        State::Conflict if share.conflicts == 1 => "1 path was changed on both sides. Choose which to keep.".into(),
        State::Conflict => format!("{} paths were changed on both sides. Choose which to keep.", share.conflicts),
        State::Problem => share.worst_problem.as_ref()?.sentence.clone(),
        State::Halted => share.halt.as_ref()?.sentence.clone(),
        _ => return None,
    };
    Some(Notice { title: format!("{}: {}", share.name, share.state.words()), body })
}

/// Tells what persists, until the app ends.
pub fn follow(app: &AppHandle, shown: &Arc<Shown>) {
    let (app, shown) = (app.clone(), Arc::clone(shown));
    tauri::async_runtime::spawn(async move {
        let mut watcher = Watcher::default();
        let mut changes = shown.changes();
        loop {
            let (shares, wanted) = shown.look(|_, snapshot| snapshot.map(of_interest).unwrap_or_default());
            let mut notices = watcher.look(&shares, Instant::now());
            notices.extend(watcher.look_at_wanted(&wanted));
            for notice in notices {
                tell(&app, &notice);
            }
            let changed = match watcher.due() {
                Some(due) => tokio::time::timeout_at(due.into(), changes.changed()).await.unwrap_or(Ok(())),
                None => changes.changed().await,
            };
            if changed.is_err() {
                return;
            }
        }
    });
}

/// The shares, and the folders that a person is to be asked for.
fn of_interest(snapshot: &Snapshot) -> (Vec<ShareInfo>, Vec<WantedFolder>) {
    let asks = snapshot.docker.as_ref().filter(|docker| docker.settings.compose_auto_share == AutoShare::Ask);
    (snapshot.shares.clone(), asks.map(|docker| docker.wanted.clone()).unwrap_or_default())
}

fn tell(app: &AppHandle, notice: &Notice) {
    if !app.state::<App>().preferences.get().notifications {
        return;
    }
    if let Err(error) = app.notification().builder().title(&notice.title).body(&notice.body).show() {
        tracing::warn!(%error, "no notification could be shown");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use causeway_api::{Mode, Patterns};
    use serde_json::json;

    use super::*;

    /// A share in a state, by its JSON: it has a field for everything.
    pub(crate) fn share(name: &str, state: State) -> ShareInfo {
        serde_json::from_value(json!({
            "id": name, "name": name, "host_path": format!("/h/{name}"), "guest_path": format!("/g/{name}"),
            "mode": "two-way-safe", "symlinks": "raw", "patterns": {}, "created": "2026-11-03T14:20:11Z",
            "state": state, "state_since": "2026-11-03T14:20:11Z",
            "space": { "host_bytes": 0, "guest_bytes": 0 },
            "entries": { "files": 0, "directories": 0, "symlinks": 0, "untracked": 0 },
            "bin": { "host": { "entries": 0, "bytes": 0 }, "guest": { "entries": 0, "bytes": 0 } },
            "containers": [], "conflicts": 2, "problems": 0, "pending": 0, "pending_to_guest": 0, "pending_to_host": 0,
            "prunable": { "entries": 0, "bytes": 0 },
            "worst_problem": { "path": "a", "side": "host", "code": "no_space", "sentence": "12 MB are free.", "since": "2026-11-03T14:20:11Z" },
            "halt": { "code": "root_emptied", "side": "host", "sentence": "Nothing was deleted.", "deletes": 3, "since": "2026-11-03T14:20:11Z", "remedies": [] },
        }))
        .unwrap()
    }

    /// A snapshot of shares.
    pub(crate) fn snapshot(shares: Vec<ShareInfo>) -> Snapshot {
        let machine = json!({
            "kind": "local", "state": "running", "state_since": "2026-11-03T14:20:11Z", "restarts": 0,
            "chosen_because": "Chosen.",
        });
        Snapshot { seq: 1, machine: serde_json::from_value(machine).unwrap(), docker: None, shares }
    }

    fn titles(notices: &[Notice]) -> Vec<&str> {
        notices.iter().map(|notice| notice.title.as_str()).collect()
    }

    #[test]
    fn what_persists_is_told_once() {
        let mut watcher = Watcher::default();
        let start = Instant::now();
        let shares = [share("web", State::Conflict), share("api", State::Watching)];
        assert!(watcher.look(&shares, start).is_empty());
        assert_eq!(watcher.due(), Some(start + PERSISTS_AFTER));
        let later = start + PERSISTS_AFTER;
        assert_eq!(titles(&watcher.look(&shares, later)), ["web: Conflict"]);
        assert_eq!(watcher.due(), None);
        assert!(watcher.look(&shares, later + PERSISTS_AFTER).is_empty());
    }

    #[test]
    fn what_passes_is_not_told_and_begins_anew() {
        let mut watcher = Watcher::default();
        let start = Instant::now();
        watcher.look(&[share("web", State::Problem)], start);
        assert!(watcher.look(&[share("web", State::Watching)], start + PERSISTS_AFTER / 2).is_empty());
        assert!(watcher.look(&[share("web", State::Problem)], start + PERSISTS_AFTER).is_empty());
        let told = watcher.look(&[share("web", State::Problem)], start + PERSISTS_AFTER * 2);
        assert_eq!((titles(&told), told[0].body.as_str()), (vec!["web: Problem"], "12 MB are free."));
    }

    #[test]
    fn a_wanted_folder_is_told_once_in_a_while() {
        let mut watcher = Watcher::default();
        let wanted = |at_ms| WantedFolder {
            folder: "/h/shop".into(),
            project: "shop".into(),
            at: Timestamp::from_ns(at_ms * 1_000_000),
            mode: Mode::default(),
            patterns: Patterns::default(),
        };
        assert_eq!(titles(&watcher.look_at_wanted(&[wanted(0)])), ["shop wants a share"]);
        assert!(watcher.look_at_wanted(&[wanted(1_000)]).is_empty());
        let later_ms = i64::try_from(TOLD_AGAIN_AFTER_MS).unwrap();
        assert_eq!(watcher.look_at_wanted(&[wanted(later_ms)]).len(), 1);
        assert!(watcher.look_at_wanted(&[]).is_empty());
        assert_eq!(watcher.look_at_wanted(&[wanted(later_ms + 1)]).len(), 1, "it was dismissed, and wanted again");
    }

    #[test]
    fn a_halt_is_told_at_once() {
        let mut watcher = Watcher::default();
        assert_eq!(titles(&watcher.look(&[share("web", State::Halted)], Instant::now())), ["web: Halted"]);
    }
}
