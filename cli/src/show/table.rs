//! Tables: columns as wide as what stands in them.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::paths;

/// Columns between columns.
const GAP: &str = "  ";

/// Least room for a path, however narrow the terminal is.
const PATH_COLUMNS_MIN: usize = 12;

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
    /// A path, which is shortened in the middle where the terminal is too narrow. At most one, and the last.
    Path,
}

/// What stands in a column of a row.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// With a style, which doesn't count for the width.
    pub fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

/// Rows under a head.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    cells: Vec<Cell>,
    below: Vec<String>,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row, and lines that stand below it over all columns.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>, below: Vec<String>) {
        let cells: Vec<_> = cells.into_iter().collect();
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(Row { cells, below });
    }

    /// The lines of the table, in at most `columns` where the terminal has so many: only a path makes room.
    pub fn lines(&self, columns: Option<usize>) -> Vec<String> {
        let mut widths: Vec<usize> = self.columns.iter().map(|(head, _)| head.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.text.width());
            }
        }
        let path = self.columns.iter().position(|(_, align)| *align == Align::Path);
        if let (Some(path), Some(columns)) = (path, columns) {
            let others: usize = widths.iter().sum::<usize>() - widths[path] + GAP.len() * (widths.len() - 1);
            widths[path] = widths[path].min(columns.saturating_sub(others).max(PATH_COLUMNS_MIN));
        }
        let dim = Style::new().dimmed();
        let head = self.columns.iter().map(|(head, _)| Cell::styled(*head, dim)).collect::<Vec<_>>();
        let mut lines = vec![self.line(&head, &widths)];
        for row in &self.rows {
            lines.push(self.line(&row.cells, &widths));
            lines.extend(row.below.iter().cloned());
        }
        lines
    }

    fn line(&self, cells: &[Cell], widths: &[usize]) -> String {
        let mut line = String::new();
        for (at, ((cell, width), (_, align))) in cells.iter().zip(widths).zip(&self.columns).enumerate() {
            if at > 0 {
                line.push_str(GAP);
            }
            let text = if *align == Align::Path { paths::shorten(&cell.text, *width) } else { cell.text.clone() };
            let pad = " ".repeat(width.saturating_sub(text.width()));
            if *align == Align::Right {
                line.push_str(&pad);
            }
            let style = cell.style;
            line.push_str(&format!("{style}{text}{style:#}"));
            if *align != Align::Right && at + 1 < cells.len() {
                line.push_str(&pad);
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(lines: Vec<String>) -> Vec<String> {
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let mut table = Table::new([("NAME", Align::Left), ("ENTRIES", Align::Right), ("PATH", Align::Path)]);
        let bold = Style::new().bold();
        table.row([Cell::styled("web", bold), "12".into(), "~/src/web".into()], vec!["  3 conflicts".into()]);
        table.row(["日本".into(), "1\u{202f}204\u{202f}338".into(), "~/clients/harbour/platform/x".into()], vec![]);
        let all = plain(table.lines(None));
        assert_eq!(all[0], "NAME    ENTRIES  PATH");
        assert_eq!(all[1], "web          12  ~/src/web");
        assert_eq!(all[2], "  3 conflicts");
        assert_eq!(all[3], "日本  1\u{202f}204\u{202f}338  ~/clients/harbour/platform/x");
        assert_eq!(plain(table.lines(Some(38)))[3], "日本  1\u{202f}204\u{202f}338  ~/clients/harbour/…/x");
        assert!(table.lines(Some(5))[3].width() > 5, "numbers are never cut");
    }
}
