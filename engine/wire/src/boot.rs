//! What a VM is told at its start, before there is a connection: a few bytes that the hypervisor hands to the guest's firmware
//! interface (QEMU's fw_cfg), where the guest's root alone can read them.
//!
//! They begin as a connection does, with the magic and the version, so that an image of another version is named as such.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::frame::{self, FrameError, FrameWriter, Malformed, Message};
use crate::greeting::{GreetingError, MAGIC, Secret, VERSION};

/// Name of the bytes in fw_cfg. Names of users begin with `opt/` (QEMU, docs/specs/fw_cfg.rst).
pub const FW_CFG_NAME: &str = "opt/causeway/boot";
/// Serial numbers by which the guest tells its disks apart; virtio takes 20 bytes.
pub const ROOT_SERIAL: &str = "causeway-root";
/// See [`ROOT_SERIAL`].
pub const DATA_SERIAL: &str = "causeway-data";
/// Begins a line on the console that says how far the boot is.
pub const STAGE_MARK: &str = "causeway-stage: ";
/// What the guest is at when all that the agent needs is there. What it says later is of no more concern to the agent.
pub const STAGE_AGENT: &str = "starting the agent";
/// Begins a line on the console that says why the boot can't go on.
pub const FAILURE_MARK: &str = "causeway-failure: ";
/// Longest frame, in bytes.
const BOOT_BYTES_MAX: usize = 1024;

/// What a VM is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// What the agent proves itself by.
    pub secret: Secret,
    /// The port of the host's at which the engine is reached by vsock.
    pub port: u32,
    /// What the data disk holds.
    pub data: DataDisk,
    /// The name that the guest calls itself by.
    #[serde(deserialize_with = "bounded::text::<_, 64>")]
    pub hostname: String,
}

/// What the data disk holds, as far as the host knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataDisk {
    /// Nothing was ever written to it: it is formatted.
    Blank,
    /// Something. It is never formatted.
    Used,
}

impl Message for Boot {
    fn check(&self) -> Result<(), Malformed> {
        Ok(())
    }
}

/// Writes it for the guest.
pub fn write(mut to: impl Write, boot: &Boot) -> Result<(), FrameError> {
    to.write_all(&MAGIC)?;
    to.write_all(&VERSION.to_le_bytes())?;
    FrameWriter::new(to).send(boot)
}

/// Reads it in the guest.
pub fn read(mut from: impl Read) -> Result<Boot, GreetingError> {
    let mut head = [0; MAGIC.len() + 2];
    from.read_exact(&mut head).map_err(|_| GreetingError::Closed)?;
    let (magic, version) = head.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(GreetingError::NotCauseway);
    }
    match u16::from_le_bytes([version[0], version[1]]) {
        VERSION => frame::read_single(&mut from, BOOT_BYTES_MAX)?.ok_or(GreetingError::Closed),
        theirs => Err(GreetingError::Version { theirs, ours: VERSION }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_another_version_is_named() {
        let boot = Boot { secret: Secret([7; 32]), port: 9, data: DataDisk::Used, hostname: "causeway".to_owned() };
        let mut bytes = Vec::new();
        write(&mut bytes, &boot).unwrap();
        assert_eq!(read(bytes.as_slice()).unwrap(), boot);
        bytes[6] ^= 0xff;
        assert!(matches!(read(bytes.as_slice()), Err(GreetingError::Version { .. })));
        bytes[0] = 0;
        assert!(matches!(read(bytes.as_slice()), Err(GreetingError::NotCauseway)));
        assert!(matches!(read(&b"CAUS"[..]), Err(GreetingError::Closed)));
    }
}
