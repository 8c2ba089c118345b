//! What the machine takes of this computer, now and lately.

use serde::{Deserialize, Serialize};

/// Samples of each [`UsageSpan`].
pub const SAMPLES: usize = 180;

/// How far back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum UsageSpan {
    /// The last 15 minutes.
    QuarterHour,
    /// The last hour.
    Hour,
    /// The last 24 hours.
    Day,
}

impl UsageSpan {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::QuarterHour, Self::Hour, Self::Day];

    /// Time between two samples, in milliseconds.
    pub fn interval_ms(self) -> u64 {
        let minutes = match self {
            Self::QuarterHour => 15,
            Self::Hour => 60,
            Self::Day => 24 * 60,
        };
        minutes * 60_000 / SAMPLES as u64
    }
}

/// Which part of the history is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct UsageOf {
    /// How far back.
    pub span: UsageSpan,
}

/// What the machine took of this computer. A VM is measured from outside: its process and the file of its data disk. Of a directory it is
/// the agent that is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Usage {
    /// Time between two samples, in milliseconds.
    pub interval_ms: u64,
    /// [`SAMPLES`] of them, the oldest first; `null` while the machine didn't run, or nothing is known.
    pub samples: Vec<Option<UsageSample>>,
    /// As it is now; `null` while the machine doesn't run, or where this system doesn't tell.
    pub now: Option<UsageSample>,
    /// Processors that it may take.
    pub cpus: u32,
    /// Memory that it may take at most; `null` for as much as there is.
    pub memory_bytes: Option<u64>,
    /// Space that it may take at most; `null` for as much as there is.
    pub disk_bytes: Option<u64>,
    /// Memory that it has given back: by how much it takes less now than at most since it started. `null` while that isn't known.
    #[serde(default)]
    pub given_back_bytes: Option<u64>,
}

/// One sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct UsageSample {
    /// Processor time, in thousandths of what all processors that it has could give.
    pub cpu_permille: u32,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Space on the disk, in bytes; `null` where nobody counts it.
    pub disk_bytes: Option<u64>,
}
