//! The time that a share's thread goes by: milliseconds since 1970 that never run backwards.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Follows the computer's clock forwards (also over a suspension), but not when it is set back.
#[derive(Debug)]
pub struct Clock {
    base: Instant,
    base_ms: u64,
}

impl Clock {
    /// Begins with the computer's clock.
    pub fn new() -> Self {
        Self { base: Instant::now(), base_ms: wall_ms() }
    }

    /// Now.
    pub fn now_ms(&mut self) -> u64 {
        let elapsed = u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX);
        let steady = self.base_ms.saturating_add(elapsed);
        let wall = wall_ms();
        if wall > steady {
            *self = Self { base: Instant::now(), base_ms: wall };
        }
        steady.max(wall)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
