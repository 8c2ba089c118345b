//! How fast something moves and how long it will take, from the last few seconds.

use std::collections::VecDeque;

/// Rates are taken over this long: long enough to be steady, short enough to follow a change.
const WINDOW_MS: u64 = 4_000;
/// Before this nothing is foretold.
const STEADY_MS_MIN: u64 = 2_000;
/// Samples closer than this are merged: bounds the memory.
const STEP_MS: u64 = 200;

/// Watches two counters that only grow.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at_ms: u64,
    files: u64,
    bytes: u64,
}

impl Meter {
    /// Notes where the counters are. A counter that went back begins anew.
    pub fn note(&mut self, at_ms: u64, files: u64, bytes: u64) {
        let sample = Sample { at_ms, files, bytes };
        if self.samples.back().is_some_and(|last| last.files > files || last.bytes > bytes) {
            self.samples.clear();
        }
        let count = self.samples.len();
        if count >= 2 && at_ms.saturating_sub(self.samples[count - 2].at_ms) < STEP_MS {
            self.samples.pop_back();
        }
        self.samples.push_back(sample);
        while self.samples.len() > 2 && at_ms.saturating_sub(self.samples[1].at_ms) >= WINDOW_MS {
            self.samples.pop_front();
        }
    }

    /// Bytes a second, over the last seconds.
    pub fn bytes_per_second(&self) -> u64 {
        self.rate(|sample| sample.bytes)
    }

    fn rate(&self, of: impl Fn(&Sample) -> u64) -> u64 {
        match (self.samples.front(), self.samples.back()) {
            (Some(first), Some(last)) if last.at_ms > first.at_ms => {
                (of(last) - of(first)).saturating_mul(1000) / (last.at_ms - first.at_ms)
            }
            _ => 0,
        }
    }

    /// Milliseconds until this much more has moved; `None` while that can't be told. Small files cost by their number, large
    /// ones by their bytes: the slower of the two counts.
    pub fn left_ms(&self, files: u64, bytes: u64) -> Option<u64> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        if last.at_ms - first.at_ms < STEADY_MS_MIN {
            return None;
        }
        let left = |remaining: u64, rate: u64| match (remaining, rate) {
            (0, _) => Some(0),
            (_, 0) => None,
            (remaining, rate) => Some(remaining.saturating_mul(1000) / rate),
        };
        Some(left(files, self.rate(|s| s.files))?.max(left(bytes, self.rate(|s| s.bytes))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_and_memory_is_bounded() {
        let mut meter = Meter::default();
        for ms in (0..60_000).step_by(10) {
            meter.note(ms, ms / 10, ms * 100);
        }
        assert!(meter.samples.len() < 30);
        assert!(meter.bytes_per_second().abs_diff(100_000) < 2_000);
        let left = meter.left_ms(1_000, 100_000).unwrap();
        assert!(left.abs_diff(10_000) < 300, "{left}");
    }

    #[test]
    fn nothing_is_foretold_early_or_when_nothing_moves() {
        let mut meter = Meter::default();
        meter.note(0, 0, 0);
        meter.note(1_000, 10, 10);
        assert_eq!(meter.left_ms(5, 5), None);
        let mut stuck = Meter::default();
        stuck.note(0, 5, 5);
        stuck.note(10_000, 5, 5);
        assert_eq!(stuck.left_ms(1, 0), None);
        assert_eq!(stuck.left_ms(0, 0), Some(0));
    }

    #[test]
    fn a_new_session_begins_anew() {
        let mut meter = Meter::default();
        meter.note(0, 100, 100);
        meter.note(5_000, 200, 200);
        meter.note(6_000, 0, 0);
        assert_eq!(meter.bytes_per_second(), 0);
    }
}
