//! `causeway share monitor`: what happens, as it happens.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use causeway_api::{ApiError, CallError, Client, ShareId, ShareInfo, Snapshot, Timestamp};
use serde_json::json;

use super::{share, share_facts, share_table};
use crate::{
    exit::Exit,
    show::{screen::Screen, state, times},
};

/// How often ages such as "4 s ago" are brought up to date.
const REDRAW: Duration = Duration::from_secs(1);

/// Follows one share, or all, until Ctrl C or until the one is removed.
pub async fn run(client: &Client, screen: Screen, name: Option<&str>) -> anyhow::Result<Exit> {
    let mut follower = client.follow().await?;
    let only = match name {
        None => None,
        Some(name) => Some(find(follower.current(), name)?),
    };
    let mut view: Box<dyn View> = if screen.json || !io::stdout().is_terminal() {
        Box::new(Lines { screen, shown: BTreeMap::new(), machine: None })
    } else {
        Box::new(Drawing::begin(screen, only.is_some())?)
    };
    loop {
        let current = follower.current();
        let shares: Vec<_> =
            current.shares.iter().filter(|share| only.as_ref().is_none_or(|id| share.id == *id)).cloned().collect();
        let gone = only.is_some() && shares.is_empty();
        view.show(current, shares)?;
        if gone {
            return Ok(Exit::Done);
        }
        tokio::select! {
            changed = follower.changed() => { changed?; }
            () = tokio::time::sleep(REDRAW), if view.ages() => {}
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                return Ok(Exit::Done);
            }
        }
    }
}

fn find(current: &Snapshot, name: &str) -> Result<ShareId, CallError> {
    let is_it = |share: &&ShareInfo| share.name.as_str() == name || share.id.0 == name;
    match current.shares.iter().find(is_it) {
        Some(share) => Ok(share.id.clone()),
        None => Err(ApiError::no_such_share(name).into()),
    }
}

/// A way to show what is.
trait View {
    fn show(&mut self, current: &Snapshot, shares: Vec<ShareInfo>) -> anyhow::Result<()>;

    /// Whether it shows times that grow while nothing happens.
    fn ages(&self) -> bool;
}

/// A line for every change: text where a share's state changes, JSON where anything does.
struct Lines {
    screen: Screen,
    shown: BTreeMap<ShareId, ShareInfo>,
    machine: Option<causeway_api::MachineInfo>,
}

impl View for Lines {
    fn show(&mut self, current: &Snapshot, shares: Vec<ShareInfo>) -> anyhow::Result<()> {
        if self.screen.json && self.machine.as_ref() != Some(&current.machine) {
            self.screen.json_line(&json!({"event": "machine", "machine": current.machine}))?;
            self.machine = Some(current.machine.clone());
        }
        let gone: Vec<_> =
            self.shown.keys().filter(|id| !shares.iter().any(|share| share.id == **id)).cloned().collect();
        for id in gone {
            let Some(share) = self.shown.remove(&id) else { continue };
            if self.screen.json {
                self.screen.json_line(&json!({"event": "removed", "id": share.id, "name": share.name}))?;
            } else {
                self.screen.line(stamped(&format!("{}: Removed", share.name)))?;
            }
        }
        for share in shares {
            let before = self.shown.get(&share.id);
            if before == Some(&share) {
                continue;
            }
            if self.screen.json {
                self.screen.json_line(&json!({"event": "share", "share": share}))?;
            } else if before.is_none_or(|before| tells_apart(before, &share)) {
                self.screen.line(stamped(&share::state_line(&share, Timestamp::now())))?;
            }
            self.shown.insert(share.id.clone(), share);
        }
        Ok(())
    }

    fn ages(&self) -> bool {
        false
    }
}

/// Whether the change is worth a line for a person who isn't at a terminal; that a number counts on isn't.
fn tells_apart(before: &ShareInfo, after: &ShareInfo) -> bool {
    let key = |share: &ShareInfo| {
        (
            share.state,
            share.conflicts,
            share.problems,
            share.detail.clone(),
            share.last_change.as_ref().map(|change| change.at),
        )
    };
    key(before) != key(after)
}

fn stamped(line: &str) -> String {
    let now = Timestamp::now();
    format!("{} {line}", times::clock(now, now))
}

/// The whole terminal, drawn anew with every change. Gives the terminal back when dropped.
struct Drawing {
    screen: Screen,
    one: bool,
}

/// Control sequences of ECMA-48 and xterm: the second screen, the cursor, and the end of a line and of the screen.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

impl Drawing {
    fn begin(screen: Screen, one: bool) -> io::Result<Self> {
        write!(io::stdout(), "{ENTER}")?;
        Ok(Self { screen, one })
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        // Nothing is left to do for a terminal that is gone.
        let _ = write!(io::stdout(), "{LEAVE}");
        let _ = io::stdout().flush();
    }
}

impl View for Drawing {
    fn show(&mut self, current: &Snapshot, shares: Vec<ShareInfo>) -> anyhow::Result<()> {
        let now = Timestamp::now();
        let lines = match shares.first() {
            Some(share) if self.one => share_facts::lines(share, now),
            _ => {
                let mut lines = share_table::lines(&shares, self.screen.columns(), now);
                lines.push(String::new());
                lines.push(format!("{}   {}", share_table::sum(&shares), state::machine_line(&current.machine)));
                lines
            }
        };
        let rows = terminal_size::terminal_size().map_or(24, |(_, rows)| usize::from(rows.0));
        let mut out = anstream::stdout().lock();
        write!(out, "{HOME}")?;
        for line in lines.iter().take(rows.saturating_sub(1)) {
            write!(out, "{line}{CLEAR_LINE}\r\n")?;
        }
        write!(out, "{CLEAR_BELOW}")?;
        Ok(out.flush()?)
    }

    fn ages(&self) -> bool {
        true
    }
}
