//! The VM's disks, told apart by their serial numbers.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a disk may take to appear.
const APPEARANCE_LIMIT: Duration = Duration::from_secs(10);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// The device of the disk with this serial number.
pub fn find(serial: &str) -> Result<PathBuf> {
    let deadline = Instant::now() + APPEARANCE_LIMIT;
    loop {
        for block in fs::read_dir("/sys/block")? {
            let block = block?;
            let is_it = fs::read_to_string(block.path().join("serial")).is_ok_and(|found| found.trim() == serial);
            let device = PathBuf::from("/dev").join(block.file_name());
            if is_it && device.exists() {
                return Ok(device);
            }
        }
        if Instant::now() > deadline {
            bail!("there is no disk {serial}");
        }
        std::thread::sleep(LOOK);
    }
}
