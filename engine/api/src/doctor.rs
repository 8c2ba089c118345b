//! Checks of the installation.

use serde::{Deserialize, Serialize};

use crate::problem::Remedy;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Works, but worse than it could.
    Warning,
    /// Doesn't work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Check {
    /// What was looked at, stable, in snake_case: `agent_binary`, `inotify_watches`, …
    pub code: String,
    /// The same in a few words.
    pub title: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, as a sentence that names the numbers.
    pub sentence: String,
    /// What a person can do.
    pub remedy: Option<Remedy>,
}
