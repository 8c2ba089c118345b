//! A state in a mark, a word, a colour and a line.

use anstyle::{AnsiColor, Style};
use causeway_api::{MachineInfo, MachineState, Phase, Progress, ShareInfo, Side, State, Timestamp, Verdict};

use super::{numbers, paths, times};

/// Blue where something is at work, green where all is well, and so on; the word is always there too.
fn style(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}

/// The mark of a state. Each has its own outline.
pub fn mark(state: State) -> (&'static str, Style) {
    match state {
        State::Preparing => ("◔", style(AnsiColor::Blue)),
        State::Watching => ("●", style(AnsiColor::Green)),
        State::Syncing => ("◐", style(AnsiColor::Blue)),
        State::Conflict => ("◆", style(AnsiColor::Yellow)),
        State::Problem => ("▲", style(AnsiColor::Red)),
        State::Halted => ("■", style(AnsiColor::Red)),
        State::Paused => ("‖", Style::new().dimmed()),
        State::Disconnected => ("○", Style::new().dimmed()),
    }
}

/// The mark of the machine's state.
pub fn machine_mark(state: MachineState) -> (&'static str, Style) {
    match state {
        MachineState::Running => ("●", style(AnsiColor::Green)),
        MachineState::Starting | MachineState::Stopping => ("◐", style(AnsiColor::Blue)),
        MachineState::Failed => ("▲", style(AnsiColor::Red)),
        MachineState::Stopped => ("○", Style::new().dimmed()),
    }
}

/// The mark of a check.
pub fn verdict_mark(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Good => ("●", style(AnsiColor::Green)),
        Verdict::Warning => ("◆", style(AnsiColor::Yellow)),
        Verdict::Bad => ("▲", style(AnsiColor::Red)),
    }
}

/// What moves a state on stands beside it.
pub const COMMAND: Style = Style::new().bold();

/// Mark and word, with the percentage while Preparing.
pub fn words(share: &ShareInfo) -> String {
    let (mark, _) = mark(share.state);
    let percent = share.progress.as_ref().filter(|_| share.state == State::Preparing).and_then(percent);
    match percent {
        Some(percent) => format!("{mark} {} {percent}", share.state.words()),
        None => format!("{mark} {}", share.state.words()),
    }
}

/// How far it is, by bytes where they are known and by files where not.
pub fn percent(progress: &Progress) -> Option<String> {
    numbers::percent(progress.bytes_done, progress.bytes_total)
        .or_else(|| numbers::percent(progress.files_done, progress.files_total))
}

/// What there is to say about the state, in a line; empty where there is nothing.
pub fn line(share: &ShareInfo, now: Timestamp) -> String {
    let detail = || share.detail.clone().map(|text| paths::safe(&text));
    match share.state {
        State::Preparing => share.progress.as_ref().map(progress_line).or_else(detail).unwrap_or_default(),
        State::Watching => share.last_change.as_ref().map_or_else(
            || detail().unwrap_or_default(),
            |change| {
                let latency = change.latency_ms.map(|ms| format!(", {}", times::duration(ms))).unwrap_or_default();
                format!("Last change {}{latency}", times::ago(change.at, now))
            },
        ),
        State::Syncing => pending(share),
        State::Conflict => {
            let oldest = share
                .conflicts_since
                .map(|since| format!(", the oldest for {}", times::coarse(since.ms_until(now))))
                .unwrap_or_default();
            format!("{}{oldest}", numbers::counted(share.conflicts, "conflict", "conflicts"))
        }
        State::Problem => match &share.worst_problem {
            Some(worst) if share.problems > 1 => {
                format!("{}, and {} more", worst.code.title(), numbers::count(share.problems - 1))
            }
            Some(worst) => format!("{}: {}", worst.code.title(), paths::in_share(&worst.path)),
            None => numbers::counted(share.problems, "problem", "problems"),
        },
        State::Halted => {
            share.halt.as_ref().map(|halt| paths::safe(&halt.sentence)).or_else(detail).unwrap_or_default()
        }
        State::Paused => {
            let waits = match share.pending {
                0 => String::new(),
                n => format!(", {}", numbers::counted(n, "change waits", "changes wait")),
            };
            format!("For {}{waits}", times::coarse(share.state_since.ms_until(now)))
        }
        State::Disconnected => detail().unwrap_or_default(),
    }
}

/// Time left first, since the end is what a narrow place cuts.
pub fn progress_line(progress: &Progress) -> String {
    let mut parts = Vec::new();
    if let Some(ms) = progress.left_ms {
        parts.push(format!("{} left", times::coarse(ms)));
    }
    match (progress.phase, progress.files_total) {
        (Phase::Connecting, _) => parts.push("Connecting".into()),
        (Phase::Scanning, _) => {
            let entries = numbers::entries(progress.files_done);
            parts.push(format!("Scanning, {entries} so far"));
        }
        (Phase::Copying | Phase::Finishing, Some(total)) => {
            parts.push(format!(
                "{} of {}",
                numbers::count(progress.files_done),
                numbers::counted(total, "file", "files")
            ));
        }
        (Phase::Copying | Phase::Finishing, None) => {
            parts.push(numbers::counted(progress.files_done, "file", "files"));
        }
    }
    match progress.bytes_total {
        Some(total) if total > 0 => parts.push(numbers::bytes_of(progress.bytes_done, total)),
        _ if progress.bytes_done > 0 => parts.push(numbers::bytes(progress.bytes_done)),
        _ => {}
    }
    if progress.phase == Phase::Finishing {
        parts.push("Finishing".into());
    }
    parts.join(" · ")
}

fn pending(share: &ShareInfo) -> String {
    let direction = match (share.pending_to_guest, share.pending_to_host) {
        (_, 0) => ", host to guest",
        (0, _) => ", guest to host",
        _ => ", both ways",
    };
    match share.pending {
        0 => String::new(),
        n => format!("{}{direction}", numbers::counted(n, "change left", "changes left")),
    }
}

/// `to guest`, `to host`.
pub fn direction(to: Side) -> &'static str {
    match to {
        Side::Host => "to host",
        Side::Guest => "to guest",
    }
}

/// Whether a person has to look.
pub fn needs_a_person(state: State) -> bool {
    matches!(state, State::Conflict | State::Problem | State::Halted)
}

/// The worst first; alike ones keep their order.
pub fn urgency(state: State) -> u8 {
    match state {
        State::Halted => 0,
        State::Problem => 1,
        State::Conflict => 2,
        State::Disconnected => 3,
        State::Preparing => 4,
        State::Syncing | State::Watching => 5,
        State::Paused => 6,
    }
}

/// The machine in a line: `● Running, directory on this computer`.
pub fn machine_line(machine: &MachineInfo) -> String {
    let (mark, style) = machine_mark(machine.state);
    format!("{style}{mark}{style:#} Machine {}", machine.state.words().to_lowercase())
}
