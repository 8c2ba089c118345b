//! The table of shares.

use anstyle::Style;
use causeway_api::{ShareInfo, State, Timestamp};

use crate::show::{
    numbers, paths,
    state::{self, COMMAND},
    table::{Align, Cell, Table},
};

/// From so many columns on there is room for the counts of conflicts and problems; below, the line under a row has them.
const WIDE_COLUMNS: usize = 100;

/// The shares, those that need a person first.
pub fn lines(shares: &[ShareInfo], columns: Option<usize>, now: Timestamp) -> Vec<String> {
    if shares.is_empty() {
        return vec![
            "No shares yet. A share keeps a folder of yours and its copy inside the machine the same.".into(),
            format!("  {COMMAND}causeway share create ~/src/project{COMMAND:#}"),
        ];
    }
    let mut shares: Vec<_> = shares.iter().collect();
    shares.sort_by(|a, b| state::urgency(a.state).cmp(&state::urgency(b.state)).then_with(|| a.name.cmp(&b.name)));
    let wide = columns.is_none_or(|columns| columns >= WIDE_COLUMNS);
    let mut heads =
        vec![("STATE", Align::Left), ("NAME", Align::Left), ("ENTRIES", Align::Right), ("SPACE", Align::Right)];
    if wide {
        heads.extend([("CONFLICTS", Align::Right), ("PROBLEMS", Align::Right)]);
    }
    heads.push(("FOLDER", Align::Path));
    let mut table = Table::new(heads);
    for share in shares {
        let (_, style) = state::mark(share.state);
        let number = |n: u64, style: Style| {
            if n == 0 { Cell::styled("–", Style::new().dimmed()) } else { Cell::styled(numbers::count(n), style) }
        };
        let mut cells = vec![
            Cell::styled(state::words(share), style),
            Cell::styled(share.name.as_str(), Style::new().bold()),
            numbers::count(share.entries.tracked()).into(),
            numbers::bytes(share.space.host_bytes).into(),
        ];
        if wide {
            cells.push(number(share.conflicts, state::mark(State::Conflict).1));
            cells.push(number(share.problems, state::mark(State::Problem).1));
        }
        cells.push(paths::on_host(&share.host_path).into());
        table.row(cells, below(share, now));
    }
    table.lines(columns)
}

/// What stands under a share's row: nothing where all is well.
fn below(share: &ShareInfo, now: Timestamp) -> Vec<String> {
    if matches!(share.state, State::Watching) {
        return Vec::new();
    }
    let line = state::line(share, now);
    let next = match share.state {
        State::Halted => Some(format!("causeway share show {}", share.name)),
        State::Conflict => Some(format!("causeway share conflicts {}", share.name)),
        State::Problem => Some(format!("causeway share problems {}", share.name)),
        State::Paused => Some(format!("causeway share resume {}", share.name)),
        _ => share.remedy.as_ref().and_then(|remedy| remedy.command.clone()).map(|command| paths::safe(&command)),
    };
    match (line.is_empty(), next) {
        (true, None) => Vec::new(),
        (false, None) => vec![format!("  {line}")],
        (true, Some(next)) => vec![format!("  {COMMAND}{next}{COMMAND:#}")],
        (false, Some(next)) => vec![format!("  {line}  {COMMAND}{next}{COMMAND:#}")],
    }
}

/// `7 shares, 1 in conflict`: those that need attention or are at work.
pub fn sum(shares: &[ShareInfo]) -> String {
    let mut parts = vec![numbers::counted(shares.len() as u64, "share", "shares")];
    for (state, words) in [
        (State::Halted, "halted"),
        (State::Problem, "with problems"),
        (State::Conflict, "in conflict"),
        (State::Disconnected, "disconnected"),
        (State::Preparing, "preparing"),
        (State::Syncing, "syncing"),
    ] {
        let count = shares.iter().filter(|share| share.state == state).count() as u64;
        if count > 0 {
            parts.push(format!("{} {words}", numbers::count(count)));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
pub mod tests {
    use causeway_api::{
        Amount, Bins, ChangeKind, Entries, Halt, HaltCode, LastChange, Mode, PathBytes, Patterns, Phase, Problem,
        ProblemCode, Progress, ShareId, ShareName, Side, Space, Symlinks,
    };

    use super::*;

    pub fn share(name: &str) -> ShareInfo {
        ShareInfo {
            id: ShareId(name.into()),
            name: ShareName::new(name).unwrap(),
            host_path: format!("/srv/{name}").as_str().into(),
            guest_path: format!("/causeway/{name}").as_str().into(),
            mode: Mode::TwoWaySafe,
            symlinks: Symlinks::Raw,
            patterns: Patterns::default(),
            created: at(0),
            state: State::Watching,
            state_since: at(0),
            detail: None,
            remedy: None,
            progress: None,
            streams: Vec::new(),
            space: Space { host_bytes: 2_310_000_000, guest_bytes: 2_380_000_000, ..Space::default() },
            entries: Entries { files: 118_402, directories: 14_313, symlinks: 1_204, untracked: 307_261 },
            bin: Bins::default(),
            containers: Vec::new(),
            conflicts: 0,
            conflicts_since: None,
            problems: 0,
            worst_problem: None,
            pending: 0,
            pending_to_guest: 0,
            pending_to_host: 0,
            last_change: None,
            halt: None,
            watch: None,
            prunable: Amount::default(),
            verified: None,
            verifying: None,
            took: causeway_api::PhaseTimes::default(),
        }
    }

    pub fn at(seconds: i64) -> Timestamp {
        Timestamp::from_ns(seconds * 1_000_000_000)
    }

    pub fn problem(path: &str) -> Problem {
        Problem {
            path: path.into(),
            other_path: None,
            side: Side::Guest,
            code: ProblemCode::NoSpace,
            sentence: "212 MB are free on the machine's disk.".into(),
            remedy: None,
            since: at(0),
            next_try: None,
        }
    }

    fn plain(lines: Vec<String>) -> String {
        anstream::adapter::strip_str(&lines.join("\n")).to_string().replace('\u{202f}', " ")
    }

    #[test]
    fn every_state_has_its_line() {
        let now = at(720);
        let progress = |phase| Progress {
            phase,
            files_done: 48_212,
            files_total: Some(131_067),
            bytes_done: 1_200_000_000,
            bytes_total: Some(3_400_000_000),
            bytes_per_second: 0,
            left_ms: Some(41_000),
        };
        let scanning = Progress {
            files_total: None,
            bytes_total: None,
            bytes_done: 0,
            left_ms: None,
            ..progress(Phase::Scanning)
        };
        let halt = Halt {
            code: HaltCode::RootEmptied,
            side: Side::Host,
            sentence: "The host folder was emptied.".into(),
            deletes: 9,
            since: at(0),
            remedies: Vec::new(),
        };
        let change = LastChange {
            at: at(716),
            to: Side::Guest,
            path: "a".into(),
            from: None,
            kind: ChangeKind::Modified,
            paths: 1,
            entries: None,
            bytes: Some(4_200),
            latency_ms: Some(6),
        };
        let base = || share("x");
        for (share, line) in [
            (
                ShareInfo { state: State::Preparing, progress: Some(progress(Phase::Copying)), ..base() },
                "41 s left · 48 212 of 131 067 files · 1.2 of 3.4 GB",
            ),
            (
                ShareInfo { state: State::Preparing, progress: Some(scanning), ..base() },
                "Scanning, 48 212 entries so far",
            ),
            (base(), ""),
            (ShareInfo { last_change: Some(change), ..base() }, "Last change 4 s ago, 6 ms"),
            (
                ShareInfo { state: State::Syncing, pending: 214, pending_to_guest: 214, ..base() },
                "214 changes left, host to guest",
            ),
            (
                ShareInfo { state: State::Conflict, conflicts: 3, conflicts_since: Some(at(0)), ..base() },
                "3 conflicts, the oldest for 12 min",
            ),
            (
                ShareInfo { state: State::Problem, problems: 4, worst_problem: Some(problem("a")), ..base() },
                "Disk full, and 3 more",
            ),
            (
                ShareInfo { state: State::Problem, problems: 1, worst_problem: Some(problem("a\nb")), ..base() },
                r"Disk full: a\x0ab",
            ),
            (ShareInfo { state: State::Halted, halt: Some(halt), ..base() }, "The host folder was emptied."),
            (ShareInfo { state: State::Paused, pending: 14, ..base() }, "For 12 min, 14 changes wait"),
            (
                ShareInfo { state: State::Disconnected, detail: Some("The machine is stopped.".into()), ..base() },
                "The machine is stopped.",
            ),
        ] {
            assert_eq!(state::line(&share, now).replace('\u{202f}', " "), line, "{:?}", share.state);
        }
    }

    #[test]
    fn what_needs_a_person_comes_first() {
        let shares = [
            share("docs"),
            ShareInfo { state: State::Conflict, conflicts: 3, conflicts_since: Some(at(0)), ..share("billing") },
            ShareInfo { state: State::Paused, host_path: PathBytes::from("/srv/a/b/c/notebooks"), ..share("notes") },
            share("app"),
        ];
        let expected = "\
STATE                              NAME     ENTRIES    SPACE  CONFLICTS  PROBLEMS  FOLDER
◆ Conflict                         billing  133 919  2.31 GB          3         –  /srv/billing
  3 conflicts, the oldest for 12 min  causeway share conflicts billing
● Watching for filesystem changes  app      133 919  2.31 GB          –         –  /srv/app
● Watching for filesystem changes  docs     133 919  2.31 GB          –         –  /srv/docs
‖ Paused                           notes    133 919  2.31 GB          –         –  /srv/…/notebooks
  For 12 min  causeway share resume notes";
        let shown = plain(lines(&shares, Some(100), at(720)));
        assert_eq!(shown, expected);
        let narrow = plain(lines(&shares, Some(80), at(720)));
        for (shown, columns) in [(shown, 100), (narrow, 80)] {
            assert!(shown.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= columns), "{shown}");
        }
        assert_eq!(sum(&shares), "4 shares, 1 in conflict");
    }

    #[test]
    fn no_shares_say_how_to_make_one() {
        assert!(plain(lines(&[], None, at(0))).contains("causeway share create"));
    }
}
