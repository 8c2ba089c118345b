//! What was measured: medians with their spread, and the ratio to a limit.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Milliseconds of processor time, of all processes of a program.
    CpuMs,
    /// Megabytes (10^6 bytes).
    Mb,
    /// Bytes.
    Bytes,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ms => "ms",
            Self::CpuMs => "ms CPU",
            Self::Mb => "MB",
            Self::Bytes => "B",
        })
    }
}

/// One thing that was measured, as often as the row was repeated.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is.
    pub what: String,
    /// Its unit.
    pub unit: Unit,
    /// The values, sorted.
    pub values: Vec<f64>,
    /// What it is measured against, in the same unit and run.
    pub limit: Option<Limit>,
}

/// What a figure is measured against.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// What it is.
    pub what: String,
    /// Its median.
    pub value: f64,
    /// What the ratio should be at most, where there is a goal.
    pub goal: Option<f64>,
}

impl Figure {
    /// A figure from its values in any order; there is at least one.
    pub fn new(what: impl Into<String>, unit: Unit, mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Self { what: what.into(), unit, values, limit: None }
    }

    /// The same, measured against the median of `limit`.
    #[must_use]
    pub fn against(mut self, limit: &Self, goal: Option<f64>) -> Self {
        self.limit = Some(Limit { what: limit.what.clone(), value: limit.median(), goal });
        self
    }

    /// The value below which a part (0 to 1) of the values are.
    pub fn quantile(&self, part: f64) -> f64 {
        let last = self.values.len() - 1;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of the length")]
        let at = (part * last as f64).round() as usize;
        self.values[at.min(last)]
    }

    /// The middle value.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    fn ratio(&self) -> Option<f64> {
        self.limit.as_ref().map(|limit| self.median() / limit.value)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = (self.quantile(0.0), self.quantile(1.0));
        write!(f, "{:<44} {:>10} {:<6} ({}..{})", self.what, short(self.median()), self.unit, short(low), short(high))?;
        if let (Some(limit), Some(ratio)) = (&self.limit, self.ratio()) {
            write!(f, "  {ratio:.2} × {} ({})", limit.what, short(limit.value))?;
            if let Some(goal) = limit.goal {
                write!(f, "  goal {goal}: {}", if ratio <= goal { "met" } else { "MISSED" })?;
            }
        }
        Ok(())
    }
}

fn short(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 1.0 => format!("{v:.2}"),
        v => format!("{v:.3}"),
    }
}

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Figures {
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    row: &'static str,
    entries: u64,
    figures: Vec<Figure>,
}

impl Figures {
    /// Adds what a row gave at a size.
    pub fn add(&mut self, row: &'static str, entries: u64, figures: Vec<Figure>) {
        self.rows.push(Row { row, entries, figures });
    }

    /// For other programs.
    pub fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Row { row, entries, figures } in &self.rows {
            for figure in figures {
                writeln!(f, "{row:<14} {entries:>8}  {figure}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn medians_and_ratios() {
        let limit = Figure::new("tar", Unit::Ms, vec![4.0, 2.0, 3.0]);
        let figure = Figure::new("sync", Unit::Ms, vec![9.0, 3.0, 6.0]).against(&limit, Some(1.5));
        assert_eq!((figure.median(), figure.quantile(0.0), figure.quantile(1.0)), (6.0, 3.0, 9.0));
        let shown = figure.to_string();
        assert!(shown.contains("2.00 × tar (3.00)") && shown.ends_with("goal 1.5: MISSED"), "{shown}");
    }
}
