//! What only the system knows: the time, and which run of it this is.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time in milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Random number of this run of the operating system (proc_sys_kernel(5)): a new one means that the power may have been cut.
#[cfg(target_os = "linux")]
pub fn boot_id() -> io::Result<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let number =
        u128::from_str_radix(&digits, 16).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(number.to_be_bytes())
}

/// Not known on this system: each call counts as another run, so that nothing is trusted that a power cut may have taken. The
/// first crawl then reads again what was written shortly before.
#[cfg(not(target_os = "linux"))]
pub fn boot_id() -> io::Result<[u8; 16]> {
    Ok(u128::from(now_ms()).to_be_bytes())
}
