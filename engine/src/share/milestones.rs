//! When a share that is being prepared had come how far.

use causeway_api::PhaseTimes;

/// Times in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Milestones {
    /// The sides began to be joined.
    pub began_ms: u64,
    joined_ms: u64,
    scanned_ms: Option<u64>,
    copying_ms: Option<u64>,
    copied_ms: Option<u64>,
}

impl Milestones {
    /// Both sides are joined.
    pub fn joined(began_ms: u64, now_ms: u64) -> Self {
        Self { began_ms, joined_ms: now_ms, scanned_ms: None, copying_ms: None, copied_ms: None }
    }

    /// Both sides have been looked at whole.
    pub fn scanned(&mut self, now_ms: u64) {
        self.scanned_ms.get_or_insert(now_ms);
    }

    /// Something begins to cross.
    pub fn copying(&mut self, now_ms: u64) {
        self.copying_ms.get_or_insert(now_ms);
        self.copied_ms = None;
    }

    /// Nothing is left to cross, unless more comes.
    pub fn copied(&mut self, now_ms: u64) {
        self.copied_ms.get_or_insert(now_ms);
    }

    /// How long the phases took that are over.
    pub fn times(&self) -> PhaseTimes {
        let between = |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?));
        PhaseTimes {
            connecting_ms: between(Some(self.began_ms), Some(self.joined_ms)),
            scanning_ms: between(Some(self.joined_ms), self.scanned_ms),
            copying_ms: between(self.copying_ms, self.copied_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_take_from_their_beginning_to_their_end() {
        let mut milestones = Milestones::joined(1_000, 1_100);
        let of = |connecting, scanning, copying| PhaseTimes {
            connecting_ms: connecting,
            scanning_ms: scanning,
            copying_ms: copying,
        };
        assert_eq!(milestones.times(), of(Some(100), None, None));
        milestones.copying(1_500);
        milestones.scanned(3_900);
        milestones.scanned(5_000);
        assert_eq!(milestones.times(), of(Some(100), Some(2_800), None));
        milestones.copied(6_000);
        milestones.copied(6_500);
        assert_eq!(milestones.times(), of(Some(100), Some(2_800), Some(4_500)));
        // There was more.
        milestones.copying(7_000);
        assert_eq!(milestones.times().copying_ms, None);
        milestones.copied(8_000);
        assert_eq!(milestones.times().copying_ms, Some(6_500));
    }
}
