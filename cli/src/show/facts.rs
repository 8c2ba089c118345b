//! Facts: a label and what it says, aligned.

use anstyle::Style;
use causeway_api::Remedy;
use unicode_width::UnicodeWidthStr;

use super::{paths, state::COMMAND};

/// Labels and what they say, in a line each.
#[derive(Debug, Default)]
pub struct Facts {
    facts: Vec<(String, String)>,
}

impl Facts {
    /// Adds a fact.
    pub fn add(&mut self, label: impl Into<String>, says: impl Into<String>) {
        self.facts.push((label.into(), says.into()));
    }

    /// Adds a fact, if there is one.
    pub fn add_some(&mut self, label: &str, says: Option<impl Into<String>>) {
        if let Some(says) = says {
            self.add(label, says);
        }
    }

    /// The lines.
    pub fn lines(&self) -> Vec<String> {
        let width = self.facts.iter().map(|(label, _)| label.width()).max().unwrap_or_default();
        let dim = Style::new().dimmed();
        let line = |(label, says): &(String, String)| {
            let pad = " ".repeat(width - label.width());
            format!("{dim}{label}{dim:#}{pad}  {says}")
        };
        self.facts.iter().map(line).collect()
    }
}

/// A remedy as lines: the sentence, and the command whole on a line of its own, so that it can be copied.
pub fn remedy_lines(remedy: &Remedy, indent: usize) -> Vec<String> {
    let pad = " ".repeat(indent);
    let mut lines = vec![format!("{pad}{}", paths::safe(&remedy.sentence))];
    if let Some(command) = &remedy.command {
        lines.push(format!("{pad}  {COMMAND}{}{COMMAND:#}", paths::safe(command)));
    }
    lines
}
