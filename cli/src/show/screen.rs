//! Standard output: text for a person, or JSON.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Whether JSON is wanted.
    pub json: bool,
}

impl Screen {
    /// Columns of the terminal; `None` where standard output is none, and nothing has to be shortened.
    pub fn columns(self) -> Option<usize> {
        if !io::stdout().is_terminal() {
            return None;
        }
        terminal_size::terminal_size_of(io::stdout()).map(|(columns, _)| usize::from(columns.0))
    }

    /// Writes lines of text; styles are left out where they can't be shown.
    pub fn lines<L: AsRef<str>>(self, lines: impl IntoIterator<Item = L>) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        for line in lines {
            writeln!(out, "{}", line.as_ref())?;
        }
        out.flush()
    }

    /// Writes one line of text.
    pub fn line(self, line: impl AsRef<str>) -> io::Result<()> {
        self.lines([line])
    }

    /// Writes JSON for people and programs to read.
    pub fn json(self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, value)?;
        writeln!(out)?;
        out.flush()
    }

    /// Writes JSON as one line of many.
    pub fn json_line(self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, value)?;
        writeln!(out)?;
        out.flush()
    }

    /// Writes `value` as JSON, or else the lines that `text` makes of it.
    pub fn show<T: Serialize, L: AsRef<str>>(self, value: &T, text: impl FnOnce(&T) -> Vec<L>) -> io::Result<()> {
        if self.json { self.json(value) } else { self.lines(text(value)) }
    }
}

/// An array of JSON that is written item by item, so that it may be longer than memory. Where its first item can't be had, nothing is
/// written.
#[derive(Debug, Default)]
pub struct JsonArray {
    begun: bool,
}

impl JsonArray {
    /// Writes an item.
    pub fn item(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "{}\n  ", if self.begun { "," } else { "[" })?;
        self.begun = true;
        Ok(serde_json::to_writer(&mut out, value)?)
    }

    /// Writes the array's end.
    pub fn end(self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", if self.begun { "\n]" } else { "[]" })?;
        out.flush()
    }
}
