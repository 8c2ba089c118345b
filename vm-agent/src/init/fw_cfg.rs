//! What the host tells the guest, the secret among it.

use std::fs::File;

use anyhow::{Context, Result};
use causeway_wire::boot::{self, Boot, FW_CFG_NAME};

use super::modules;

/// Reads it, and takes away the way to it: nothing that runs in the guest later finds the secret there.
pub fn take() -> Result<Boot> {
    let path = format!("/sys/firmware/qemu_fw_cfg/by_name/{FW_CFG_NAME}/raw");
    let file = File::open(&path).with_context(|| format!("cannot open {path}"))?;
    let told = boot::read(file).context("the image and Causeway don't fit")?;
    modules::unload("qemu_fw_cfg")?;
    Ok(told)
}
