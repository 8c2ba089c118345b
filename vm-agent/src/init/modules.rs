//! The kernel's modules that are needed before the root file system is there.

use std::ffi::{CString, c_int};
use std::fs::File;

use anyhow::{Context, Result};
use rustix::io::Errno;

/// Where the initrd holds them, and the list that names them in their order.
const PLACE: &str = "/modules";
const ORDER: &str = "/modules/order";

/// The kernel is to unpack the module itself: `MODULE_INIT_COMPRESSED_FILE` (linux/module.h).
const COMPRESSED: c_int = 4;

/// Loads all of them in the order that the list has.
pub fn load() -> Result<()> {
    let order = std::fs::read_to_string(ORDER).context("cannot read their list")?;
    for name in order.lines() {
        let file = File::open(format!("{PLACE}/{name}")).with_context(|| format!("cannot open {name}"))?;
        let flags = if name.ends_with(".ko") { 0 } else { COMPRESSED };
        match rustix::system::finit_module(&file, c"", flags) {
            // It is built in, or another one has brought it along.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot load {name}")),
        }
    }
    Ok(())
}

/// Takes a module out again.
pub fn unload(name: &str) -> Result<()> {
    rustix::system::delete_module(&CString::new(name)?, 0).with_context(|| format!("cannot unload {name}"))
}
