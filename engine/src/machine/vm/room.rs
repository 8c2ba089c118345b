//! Whether the computer has room for a VM: memory, and space where the data disk stands.
//!
//! The data disk is sparse, so that it may be larger than what is free; but where nothing is left at all, every write of the guest
//! fails.

use std::path::{Path, PathBuf};

use causeway_api::{Remedy, size};

use crate::doctor::system::{memory, space_at};
use crate::machine::settings::{MEMORY_MIB_MIN, Size};

/// Space that has to be free at a start: the journal, Docker's own files and what is written until somebody looks.
const SPACE_BYTES_MIN: u64 = 512 << 20;

/// Why there is no room.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// More memory was set than there is.
    #[error("the VM is set up with {wanted_mib} MiB of memory, and this computer has {total_mib} MiB")]
    Memory {
        /// What was set.
        wanted_mib: u64,
        /// What there is.
        total_mib: u64,
    },
    /// The disk is full.
    #[error(
        "{} are free where the VM's disk stands ({}), and {} are the least that it needs",
        size::bytes(*free_bytes),
        path.display(),
        size::bytes(SPACE_BYTES_MIN)
    )]
    Space {
        /// The directory of the data disk.
        path: PathBuf,
        /// What is free there.
        free_bytes: u64,
    },
}

impl RoomError {
    /// What a person can do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Memory { total_mib, .. } => less_memory(*total_mib),
            Self::Space { path, .. } => Remedy::sentence(format!("Free some space at {}.", path.display())),
        }
    }
}

/// Whether a VM of this size has room, with its disk in `directory`.
pub fn check(size: Size, directory: &Path) -> Result<(), RoomError> {
    let free = space_at(directory).map(|space| space.free_bytes);
    check_against(size, directory, memory().0, free)
}

/// Sets half of what there is.
fn less_memory(there_is_mib: u64) -> Remedy {
    let less = (there_is_mib / 2).max(MEMORY_MIB_MIN);
    Remedy::command("Give the VM less memory.", format!("causeway machine config --memory {less}"))
}

/// Whether the memory would have to come from other programs: the computer may then become slow, or end some.
pub fn presses(size: Size, available: u64) -> Option<(String, Remedy)> {
    let available_mib = available >> 20;
    (size.memory_mib > available_mib).then(|| {
        let sentence = format!(
            "The VM may use {} MiB of memory, and only {available_mib} MiB are to be had right now.",
            size.memory_mib
        );
        (sentence, less_memory(available_mib))
    })
}

fn check_against(size: Size, directory: &Path, total: u64, free: Option<u64>) -> Result<(), RoomError> {
    let total_mib = total >> 20;
    if size.memory_mib > total_mib {
        return Err(RoomError::Memory { wanted_mib: size.memory_mib, total_mib });
    }
    match free {
        Some(free_bytes) if free_bytes < SPACE_BYTES_MIN => {
            Err(RoomError::Space { path: directory.to_owned(), free_bytes })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let size = Size { cpus: 2, memory_mib: 2048, disk_bytes: 64 << 30 };
        let at = Path::new("/data");
        let judge = |total_mib: u64, free_mib: Option<u64>| {
            check_against(size, at, total_mib << 20, free_mib.map(|mib| mib << 20))
        };
        assert_eq!(judge(2048, Some(512)), Ok(()));
        assert_eq!(judge(2048, None), Ok(()));
        let memory = judge(2047, Some(512)).unwrap_err();
        assert!(memory.to_string().contains("2048 MiB") && memory.to_string().contains("2047 MiB"));
        assert_eq!(memory.remedy().command.as_deref(), Some("causeway machine config --memory 1023"));
        let space = judge(4096, Some(511)).unwrap_err();
        assert!(space.to_string().contains("536 MB are free") && space.to_string().contains("/data"));
        assert!(space.remedy().sentence.contains("/data"));
        assert_eq!(presses(size, 2048 << 20), None);
        assert!(presses(size, 2047 << 20).unwrap().0.contains("2047 MiB"));
    }
}
