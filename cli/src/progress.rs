//! Progress of long work, on standard error and only where that is a terminal.

use std::time::Duration;

use causeway_api::{ShareInfo, State, Timestamp, Verifying};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::show::{numbers, state};

/// A line that shows how far something is. Disappears when dropped.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// Silent where standard error is no terminal, and with `--json`.
    pub fn new(json: bool) -> Self {
        let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(8) };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(spinner());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar }
    }

    /// What is waited for, where its end isn't known.
    pub fn say(&self, text: impl Into<String>) {
        self.bar.set_message(text.into());
    }

    /// How a share is.
    pub fn share(&self, share: &ShareInfo) {
        let whole = share.progress.filter(|_| share.state == State::Preparing).and_then(|progress| {
            let bytes = progress.bytes_total.filter(|total| *total > 0).map(|total| (progress.bytes_done, total));
            bytes.or_else(|| Some((progress.files_done, progress.files_total.filter(|total| *total > 0)?)))
        });
        let line = state::line(share, Timestamp::now());
        self.part(whole, if line.is_empty() { share.state.words().to_owned() } else { line });
    }

    /// How far a verification is.
    pub fn verifying(&self, at: &Verifying) {
        let whole =
            if at.bytes_total > 0 { (at.bytes_done, at.bytes_total) } else { (at.entries_done, at.entries_total) };
        let line = format!(
            "{}{} of {}, {} of {}",
            if at.again { "Again, because they differ: " } else { "" },
            numbers::count(at.entries_done),
            numbers::entries(at.entries_total.max(at.entries_done)),
            numbers::bytes(at.bytes_done),
            numbers::bytes(at.bytes_total.max(at.bytes_done)),
        );
        self.part(Some(whole).filter(|(_, total)| *total > 0), line);
    }

    fn part(&self, whole: Option<(u64, u64)>, line: String) {
        match whole {
            Some((done, total)) => {
                self.bar.set_style(meter());
                self.bar.set_length(total);
                self.bar.set_position(done.min(total));
            }
            None => self.bar.set_style(spinner()),
        }
        self.bar.set_message(line);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is a constant")
}

fn meter() -> ProgressStyle {
    ProgressStyle::with_template("{bar:24} {percent:>3} %  {wide_msg}")
        .expect("the template is a constant")
        .progress_chars("━━─")
}
