//! Which libraries a program names.

use std::path::Path;

use anyhow::{Context, Result};
use elf::ElfBytes;
use elf::abi::DT_NEEDED;
use elf::endian::AnyEndian;

/// The libraries that a program or a library needs, by name; none of what isn't ELF, and of static programs.
pub fn needed(path: &Path) -> Result<Vec<String>> {
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let Ok(elf) = ElfBytes::<AnyEndian>::minimal_parse(&content) else { return Ok(Vec::new()) };
    let parts = elf.find_common_data().with_context(|| format!("{} is damaged", path.display()))?;
    let (Some(dynamic), Some(names)) = (parts.dynamic, parts.dynsyms_strs) else { return Ok(Vec::new()) };
    let needed = dynamic.iter().filter(|entry| entry.d_tag == DT_NEEDED);
    needed.map(|entry| Ok(names.get(usize::try_from(entry.d_val())?)?.to_owned())).collect()
}
