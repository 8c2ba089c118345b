//! How long to wait before something that ended is started again.

use std::time::Duration;

/// The first wait that isn't zero. Short enough that a second crash in a row is hardly felt.
const WAIT_MIN: Duration = Duration::from_millis(100);
/// The longest wait. Long enough that a program which always dies costs nothing.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// What ran this long before it ended is started again as if it had never failed.
const GOOD_RUN_MIN: Duration = Duration::from_secs(10);

/// At once the first time, then 100 ms, doubled each time up to 5 s.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait now that a run of this length has ended.
    pub fn after(&mut self, ran: Duration) -> Duration {
        if ran >= GOOD_RUN_MIN {
            self.failures = 0;
        }
        let wait = match self.failures {
            0 => Duration::ZERO,
            n => WAIT_MIN.saturating_mul(1 << (n - 1).min(16)).min(WAIT_MAX),
        };
        self.failures = self.failures.saturating_add(1);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_a_good_run_resets_them() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..9).map(|_| backoff.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.after(Duration::from_secs(11)), Duration::ZERO);
        assert_eq!(backoff.after(Duration::ZERO).as_millis(), 100);
        for _ in 0..1000 {
            assert!(backoff.after(Duration::ZERO) <= WAIT_MAX);
        }
    }
}
