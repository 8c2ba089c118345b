//! The guest's clock, which is the machine's own only where it is a VM.

use causeway_wire::agent::{Failure, FailureKind};

/// Why the clock can't be set.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// It isn't the agent's to set.
    #[error("the clock of this machine isn't the agent's to set")]
    NotOurs,
    /// The system refuses.
    #[error("the clock can't be set: {0}")]
    Refused(std::io::Error),
}

impl From<ClockError> for Failure {
    fn from(error: ClockError) -> Self {
        let kind = match error {
            ClockError::NotOurs => FailureKind::Unsupported,
            ClockError::Refused(_) => FailureKind::Io,
        };
        Self::new(kind, error)
    }
}

/// Sets the clock to a time in nanoseconds since 1970, where it is the agent's and doesn't show that already.
#[cfg(target_os = "linux")]
pub fn set(unix_ns: u64, is_ours: bool) -> Result<(), ClockError> {
    use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

    /// What the way from the host takes at most, and what a clock may be off without harm.
    const OFF_MS_MAX: u64 = 200;

    if !is_ours {
        return Err(ClockError::NotOurs);
    }
    let now = clock_gettime(ClockId::Realtime);
    let now_ms = now.tv_sec.cast_unsigned() * 1_000 + now.tv_nsec.cast_unsigned() / 1_000_000;
    if now_ms.abs_diff(unix_ns / 1_000_000) <= OFF_MS_MAX {
        return Ok(());
    }
    let time =
        Timespec { tv_sec: (unix_ns / 1_000_000_000).cast_signed(), tv_nsec: (unix_ns % 1_000_000_000).cast_signed() };
    clock_settime(ClockId::Realtime, time).map_err(|error| ClockError::Refused(error.into()))?;
    tracing::info!("the clock was set");
    Ok(())
}

/// Only a VM has a clock of its own, and it runs Linux.
#[cfg(not(target_os = "linux"))]
pub fn set(_: u64, _: bool) -> Result<(), ClockError> {
    Err(ClockError::NotOurs)
}
