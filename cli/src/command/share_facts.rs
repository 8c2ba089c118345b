//! Everything about one share.

use anstyle::Style;
use causeway_api::{Amount, Patterns, ShareInfo, Symlinks, Timestamp, WatchKind, Watches};
use unicode_width::UnicodeWidthStr;

use crate::show::{
    facts::{Facts, remedy_lines},
    numbers, paths, state,
    state::COMMAND,
    times,
};

/// The lines of `causeway share show`.
pub fn lines(share: &ShareInfo, now: Timestamp) -> Vec<String> {
    let (_, style) = state::mark(share.state);
    let bold = Style::new().bold();
    let mut lines = vec![
        format!("{bold}{}{bold:#}", share.name),
        format!("{style}{}{style:#}", state::words(share)),
        format!("  {}.", times::since(share.state_since, now)),
    ];
    let line = state::line(share, now);
    if !line.is_empty() && share.halt.is_none() {
        lines.push(format!("  {line}"));
    }
    lines.extend(share.remedy.iter().flat_map(|remedy| remedy_lines(remedy, 2)));
    lines.extend(attention(share));
    lines.push(String::new());
    lines.extend(sides(share));
    lines.push(String::new());
    lines.extend(facts(share, now).lines());
    lines
}

/// What waits for a person, and the ways on.
fn attention(share: &ShareInfo) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(halt) = &share.halt {
        lines.push(format!("  {}", paths::safe(&halt.sentence)));
        lines.extend(halt.remedies.iter().flat_map(|remedy| remedy_lines(remedy, 2)));
    }
    if let Some(worst) = &share.worst_problem {
        let title = worst.code.title();
        lines.push(format!("  {title}: {}. {}", paths::in_share(&worst.path), paths::safe(&worst.sentence)));
        lines.extend(worst.remedy.iter().flat_map(|remedy| remedy_lines(remedy, 2)));
    }
    if let Some(watch) = &share.watch {
        for side in [&watch.host, &watch.guest] {
            lines.extend(side.reason.iter().map(|reason| format!("  {}", paths::safe(reason))));
            lines.extend(side.remedy.iter().flat_map(|remedy| remedy_lines(remedy, 2)));
        }
    }
    let next = |count: u64, one: &str, many: &str, command: &str| {
        let line = format!(
            "  {}  {COMMAND}causeway share {command} {}{COMMAND:#}",
            numbers::counted(count, one, many),
            share.name
        );
        (count > 0).then_some(line)
    };
    lines.extend(next(share.conflicts, "conflict", "conflicts", "conflicts"));
    lines.extend(next(share.problems, "problem", "problems", "problems"));
    if share.prunable.entries > 0 {
        lines.push(format!(
            "  Newly ignored paths left {} in the guest.  {COMMAND}causeway share prune {}{COMMAND:#}",
            amount(share.prunable),
            share.name
        ));
    }
    lines
}

fn amount(amount: Amount) -> String {
    format!("{}, {}", numbers::entries(amount.entries), numbers::bytes(amount.bytes))
}

/// What both sides have, side by side.
fn sides(share: &ShareInfo) -> Vec<String> {
    let space = |bytes: u64, free: Option<u64>| match free {
        Some(free) => format!("{} · {} free", numbers::bytes(bytes), numbers::bytes(free)),
        None => numbers::bytes(bytes),
    };
    let mut rows = vec![
        ("", "Host".to_owned(), "Guest".to_owned()),
        ("Place", paths::on_host(&share.host_path), paths::shown(&share.guest_path)),
        (
            "Space",
            space(share.space.host_bytes, share.space.host_free_bytes),
            space(share.space.guest_bytes, share.space.guest_free_bytes),
        ),
        ("Recycle bin", amount(share.bin.host), amount(share.bin.guest)),
    ];
    if let Some(Watches { host, guest }) = &share.watch {
        let by = |watch: &causeway_api::Watch| match watch.kind {
            WatchKind::Native => watch.by.clone(),
            WatchKind::Polling => {
                let polled = numbers::counted(watch.polled_directories, "directory", "directories");
                format!("{}, {polled} polled", watch.by)
            }
        };
        rows.push(("Watched by", by(host), by(guest)));
    }
    let width = rows.iter().map(|(_, host, _)| host.width()).max().unwrap_or_default();
    let dim = Style::new().dimmed();
    let line = |(label, host, guest): &(&str, String, String)| {
        let pad = " ".repeat(width - host.width());
        format!("{dim}{label:<12}{dim:#}  {host}{pad}  {guest}")
    };
    rows.iter().map(line).collect()
}

fn facts(share: &ShareInfo, now: Timestamp) -> Facts {
    let mut facts = Facts::default();
    facts.add("Files", numbers::count(share.entries.files));
    facts.add("Directories", numbers::count(share.entries.directories));
    facts.add("Symlinks", numbers::count(share.entries.symlinks));
    facts.add("Untracked", numbers::count(share.entries.untracked));
    facts.add("Mode", share.mode.words());
    facts.add_some(
        "Symlinks are",
        match share.symlinks {
            Symlinks::Raw => None,
            Symlinks::Portable => Some("kept where they are relative and stay inside"),
            Symlinks::Ignore => Some("left out"),
        },
    );
    let Patterns { exclude, upload_exclude, download_exclude } = &share.patterns;
    for (label, patterns) in
        [("Excluded", exclude), ("Not to the guest", upload_exclude), ("Not to the host", download_exclude)]
    {
        facts.add_some(label, (!patterns.is_empty()).then(|| paths::safe(&patterns.join("  "))));
    }
    facts.add_some("Pending", (share.pending > 0).then(|| numbers::count(share.pending)));
    if let Some(change) = &share.last_change {
        let together = match change.paths {
            0 | 1 => String::new(),
            n => format!(", and {} more", numbers::counted(n - 1, "path", "paths")),
        };
        facts.add(
            "Last change",
            format!(
                "{} {}, {}{together}, {}",
                paths::in_share(&change.path),
                change.kind.words(),
                state::direction(change.to),
                times::ago(change.at, now)
            ),
        );
    }
    if let Some(verified) = share.verified {
        let found = match verified.differ {
            0 => "no differences".to_owned(),
            n => numbers::counted(n, "difference", "differences"),
        };
        facts.add("Verified", format!("{}, {found}", times::ago(verified.at, now)));
    }
    for container in &share.containers {
        let read_only = if container.read_only { " read-only" } else { "" };
        let behind =
            container.behind_since.map(|at| format!(", begun {} without the latest changes", times::ago(at, now)));
        facts.add(
            "Container",
            paths::safe(&format!(
                "{} ({}, {}) at {}{read_only}{}",
                container.name,
                container.image,
                container.state,
                container.mounted_at,
                behind.unwrap_or_default()
            )),
        );
    }
    facts.add("Created", times::clock(share.created, now));
    facts.add("Id", share.id.0.clone());
    facts
}

#[cfg(test)]
mod tests {
    use causeway_api::{Halt, HaltCode, Remedy, Side, State, Verified, Watch};

    use super::*;
    use crate::command::share_table::tests::{at, problem, share};

    fn plain(share: &ShareInfo) -> String {
        let text = lines(share, at(7200)).join("\n");
        anstream::adapter::strip_str(&text).to_string().replace('\u{202f}', " ")
    }

    #[test]
    fn a_halt_shows_each_way_on_whole() {
        let info = share("storefront");
        let halt = Halt {
            code: HaltCode::RootEmptied,
            side: Side::Host,
            sentence: "The host folder was emptied. Nothing was deleted in the guest.".into(),
            deletes: 133_919,
            since: at(0),
            remedies: HaltCode::RootEmptied.ways_on(&info.name, Side::Host),
        };
        let shown = plain(&ShareInfo { state: State::Halted, halt: Some(halt), ..info });
        assert_eq!(shown.matches("The host folder was emptied.").count(), 1, "{shown}");
        for command in [
            "    causeway share reset storefront\n",
            "    causeway share resume storefront --accept root_emptied\n",
            "    causeway share resume storefront\n",
        ] {
            assert!(shown.contains(command), "{command}: {shown}");
        }
    }

    #[test]
    fn what_waits_is_there_with_what_to_do() {
        let watch = |reason: Option<&str>| Watch {
            kind: if reason.is_some() { WatchKind::Polling } else { WatchKind::Native },
            by: "inotify".into(),
            reason: reason.map(str::to_owned),
            polled_directories: 41_208,
            remedy: reason.map(|_| Remedy::command("Raise the limit.", "sudo sysctl x")),
        };
        let info = ShareInfo {
            state: State::Problem,
            conflicts: 2,
            problems: 1,
            worst_problem: Some(problem("models/base.onnx")),
            prunable: Amount { entries: 41_702, bytes: 812_000_000 },
            watch: Some(Watches { host: watch(Some("All 65 536 watches are taken.")), guest: watch(None) }),
            verified: Some(Verified { at: at(0), differ: 0 }),
            verifying: None,
            ..share("firmware")
        };
        let shown = plain(&info);
        for part in [
            "Disk full: models/base.onnx. 212 MB are free on the machine's disk.",
            "All 65 536 watches are taken.",
            "    sudo sysctl x",
            "2 conflicts  causeway share conflicts firmware",
            "1 problem  causeway share problems firmware",
            "Newly ignored paths left 41 702 entries, 812 MB in the guest.  causeway share prune firmware",
            "inotify, 41 208 directories polled",
            "2.31 GB",
            "2 h ago, no differences",
            "118 402",
        ] {
            assert!(shown.contains(part), "{part}:\n{shown}");
        }
    }
}
