//! `causeway share conflicts|resolve`.

use causeway_api::{
    Client, Conflict, Keep, OfShare, PathBytes, Refused, Resolve, Resolved, SideEntry, Timestamp, Which,
};

use super::share_paths::{self, PATHS_AT_ONCE};
use crate::{
    args,
    exit::Exit,
    show::{
        numbers, paths,
        screen::{JsonArray, Screen},
        state::COMMAND,
        table::{Align, Table},
        times,
    },
};

/// Lists all conflicts.
pub async fn list(client: &Client, screen: Screen, share: &str) -> anyhow::Result<Exit> {
    let mut pages = client.pages::<Conflict>("share.conflicts", share);
    let mut array = screen.json.then(JsonArray::default);
    let mut count = 0;
    while let Some(page) = pages.next().await? {
        count += page.items.len();
        match &mut array {
            Some(array) => page.items.iter().try_for_each(|conflict| array.item(conflict))?,
            None if page.items.is_empty() => {}
            None => screen.lines(lines(&page.items, screen.columns(), Timestamp::now()))?,
        }
    }
    match array {
        Some(array) => array.end()?,
        None if count == 0 => screen.line("No conflicts.")?,
        None => screen.lines([
            String::new(),
            "The version you don't keep goes to the recycle bin.".into(),
            format!("  {COMMAND}causeway share resolve {share} PATH… --keep host|guest|both{COMMAND:#}"),
        ])?,
    }
    Ok(Exit::Done)
}

fn lines(conflicts: &[Conflict], columns: Option<usize>, now: Timestamp) -> Vec<String> {
    let mut table =
        Table::new([("HOST", Align::Left), ("GUEST", Align::Left), ("FOR", Align::Left), ("PATH", Align::Path)]);
    for conflict in conflicts {
        let newer = newer(&conflict.host, &conflict.guest);
        table.row(
            [
                entry(&conflict.host, newer == Some(Keep::Host), now).into(),
                entry(&conflict.guest, newer == Some(Keep::Guest), now).into(),
                times::coarse(conflict.since.ms_until(now)).into(),
                paths::in_share(&conflict.path).into(),
            ],
            Vec::new(),
        );
    }
    table.lines(columns)
}

/// `File, 4.2 KB, 14:20:11, newer`.
pub fn entry(entry: &SideEntry, newer: bool, now: Timestamp) -> String {
    let mut parts = vec![entry.word().to_owned()];
    match entry {
        SideEntry::File { size, mtime, executable, .. } => {
            parts.push(numbers::bytes(*size));
            parts.push(times::clock(*mtime, now));
            if *executable {
                parts.push("executable".into());
            }
        }
        SideEntry::Symlink { target } => parts.push(format!("to {}", paths::shown(target))),
        SideEntry::Absent | SideEntry::Directory | SideEntry::Untracked => {}
    }
    if newer {
        parts.push("newer".into());
    }
    parts.join(", ")
}

fn newer(host: &SideEntry, guest: &SideEntry) -> Option<Keep> {
    match (host, guest) {
        (SideEntry::File { mtime: host, .. }, SideEntry::File { mtime: guest, .. }) => match host.cmp(guest) {
            std::cmp::Ordering::Greater => Some(Keep::Host),
            std::cmp::Ordering::Less => Some(Keep::Guest),
            std::cmp::Ordering::Equal => None,
        },
        _ => None,
    }
}

/// Settles conflicts.
pub async fn resolve(client: &Client, screen: Screen, resolve: args::Resolve) -> anyhow::Result<Exit> {
    let share = client.share_show(&OfShare { share: resolve.share.name }).await?;
    let ask = |which| Resolve { share: share.id.0.clone(), which, keep: resolve.keep.0 };
    let mut done = Resolved { resolved: 0, refused: Vec::new() };
    if resolve.all {
        done = client.share_resolve(&ask(Which::All)).await?;
    } else {
        let typed = share_paths::in_share(&share, resolve.paths)?;
        for part in typed.chunks(PATHS_AT_ONCE) {
            let part = client.share_resolve(&ask(Which::Paths(part.to_vec()))).await?;
            done.resolved += part.resolved;
            done.refused.extend(part.refused);
        }
    }
    screen.show(&done, |done| {
        let kept = match resolve.keep.0 {
            Keep::Host => "the host's version is kept",
            Keep::Guest => "the guest's version is kept",
            Keep::Both => "both versions are kept",
        };
        let line = match done.resolved {
            0 => "Nothing was settled.".to_owned(),
            n => format!("Settled {}: {kept}.", numbers::counted(n, "conflict", "conflicts")),
        };
        [vec![line], refused(&done.refused)].concat()
    })?;
    Ok(Exit::attention_if(!done.refused.is_empty()))
}

/// What a request could do nothing for.
pub fn refused(refused: &[Refused]) -> Vec<String> {
    let line = |path: &PathBytes, sentence: &str| format!("  {}: {}", paths::in_share(path), paths::safe(sentence));
    refused.iter().map(|refused| line(&refused.path, &refused.sentence)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::share_table::tests::at;

    #[test]
    fn both_sides_are_described() {
        let file = |size, seconds| SideEntry::File { size, mtime: at(seconds), digest: None, executable: false };
        assert_eq!(newer(&file(1, 5), &file(1, 4)), Some(Keep::Host));
        assert_eq!(newer(&file(1, 5), &file(1, 5)), None);
        assert_eq!(newer(&file(1, 5), &SideEntry::Absent), None);
        let target = "../x\x1b".into();
        assert_eq!(entry(&SideEntry::Symlink { target }, false, at(0)), r"Symlink, to ../x\x1b");
        assert_eq!(entry(&SideEntry::Absent, false, at(0)), "Deleted");
        let conflict = Conflict {
            path: "src/rates/parse.ts".into(),
            host: file(4200, 30),
            guest: file(4100, 20),
            since: at(40),
            resolutions: vec![Keep::Host, Keep::Guest, Keep::Both],
        };
        let shown = anstream::adapter::strip_str(&lines(&[conflict], None, at(760)).join("\n")).to_string();
        let row = shown.lines().nth(1).unwrap();
        assert!(row.starts_with("File, 4.2 KB, ") && row.contains(", newer  File, 4.1 KB, "), "{row}");
        assert!(row.ends_with("12 min  src/rates/parse.ts"), "{row}");
    }
}
