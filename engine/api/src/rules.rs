//! A share's `.syncignore`: reading and writing it, and what each line of it does.

use serde::{Deserialize, Serialize};

use crate::{entry::Amount, path::PathBytes};

/// Places that a [`RuleLine`] names, the largest first; it counts them all.
pub const SAMPLES_MAX: usize = 4;

/// A share's `.syncignore`, as it stands on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RulesText {
    /// Its text; `null` where there is no such file.
    pub text: Option<String>,
}

/// Ask what a text would do as the share's `.syncignore`. Looks at the whole folder on the host: it takes as long as that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PreviewRules {
    /// Name or id of the share.
    pub share: String,
    /// The text.
    pub text: String,
}

/// Write a share's `.syncignore`. It takes effect at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct WriteRules {
    /// Name or id of the share.
    pub share: String,
    /// The text.
    pub text: String,
    /// The text that this replaces, as it was read. Refused where another one stands there by now.
    pub replaces: Option<String>,
}

/// What a text does as a share's `.syncignore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RulesPreview {
    /// Line by line.
    pub lines: Vec<RuleLine>,
    /// What leaves the share, as compared with the file that stands there now.
    pub leaves: Amount,
    /// What comes into it.
    pub comes: Amount,
    /// What is in it then.
    pub remains: Amount,
    /// Whether the text can't be a `.syncignore`, because of the line that says so.
    pub faulty: bool,
}

/// What one line does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RuleLine {
    /// What it is.
    pub effect: RuleEffect,
    /// The entries that it decides about.
    pub amount: Amount,
    /// How many of them stand on their own: what is below another one isn't counted.
    pub places: u64,
    /// Entries that it matches and that a later line decides about.
    pub overruled: u64,
    /// That later line, counted from 1.
    pub overruled_by: Option<u64>,
    /// What it decides about, the [`SAMPLES_MAX`] largest of the places.
    pub samples: Vec<RuleSample>,
    /// What is wrong with it, as a sentence.
    pub fault: Option<String>,
}

/// A place that a line decides about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RuleSample {
    /// Where.
    pub path: PathBytes,
    /// What the line decides about there: the place, and below it.
    pub amount: Amount,
}

/// Ask what a text would do with one path as the share's `.syncignore`. Costs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TryPath {
    /// Name or id of the share.
    pub share: String,
    /// The text.
    pub text: String,
    /// The path, relative to the share's root. It needn't be there; one that isn't is a directory if it ends in `/`.
    pub path: PathBytes,
}

/// What becomes of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TriedPath {
    /// Whether it is left out.
    pub ignored: bool,
    /// The line that decides about it, counted from 1; `null` where none does: it is in the share then, unless a pattern of the
    /// share's own leaves it out.
    pub line: Option<u64>,
    /// Whether something stands there on the host.
    pub exists: bool,
}

/// What a line of `.syncignore` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum RuleEffect {
    /// Nothing: blank, or a comment.
    None,
    /// It leaves out what it matches.
    Ignores,
    /// It takes back in what it matches.
    Includes,
    /// It is no pattern.
    Faulty,
}
