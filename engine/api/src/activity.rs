//! What has crossed lately.

use serde::{Deserialize, Serialize};

use crate::{name::ShareId, share::LastChange};

/// Changes that are remembered for each share; older ones are forgotten. Forgotten as well when the engine ends.
pub const CHANGES_MAX: usize = 300;

/// Length of one [`Interval`], in milliseconds.
pub const INTERVAL_MS: u64 = 10_000;

/// Intervals that are remembered: ten minutes together.
pub const INTERVALS_MAX: usize = 60;

/// Ask for what has crossed lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ActivityOf {
    /// Name or id of one share; all shares where `null`.
    #[serde(default)]
    pub share: Option<String>,
}

/// What has crossed lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Activity {
    /// The changes, the latest first, at most [`CHANGES_MAX`].
    pub changes: Vec<ShareChange>,
    /// The last [`INTERVALS_MAX`] intervals, the earliest first; the last one is still under way.
    pub intervals: Vec<Interval>,
    /// Length of an interval, in milliseconds.
    pub interval_ms: u64,
    /// Half of the changes in these intervals took no longer, in milliseconds; `null` where none was measured.
    pub p50_ms: Option<u64>,
    /// 95 of 100 took no longer.
    pub p95_ms: Option<u64>,
}

/// A change, and the share that it happened in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ShareChange {
    /// The share.
    pub share: ShareId,
    /// The change; of several that crossed together the last.
    pub change: LastChange,
}

/// A short time, and what crossed in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Interval {
    /// Paths that changed in the guest.
    pub to_guest: u64,
    /// Paths that changed on the host.
    pub to_host: u64,
    /// Half of the changes took no longer, in milliseconds; `null` where none was measured.
    pub p50_ms: Option<u64>,
    /// 95 of 100 took no longer.
    pub p95_ms: Option<u64>,
}
