//! The data disk: formatted once, checked at each start, grown with its device.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use causeway_wire::boot::{DATA_SERIAL, DataDisk};
use rustix::mount::{MountFlags, mount};

use super::{console, disks, tool};

/// Where it is mounted.
pub const MOUNTED_AT: &str = "/data";

/// What a look for traces of content reads at once.
const LOOK_BYTES: u64 = 1024 * 1024;
/// Where ext4 of 4 KiB blocks keeps its superblocks: the first MiB, and copies in the groups 1, 3, 5, 7, 9 of 128 MiB each
/// (ext4(5), sparse_super).
const LOOK_AT_MIB: [u64; 6] = [0, 128, 3 * 128, 5 * 128, 7 * 128, 9 * 128];

/// Mounts it. It is formatted only where the host says that nothing was ever written to it and nothing is found on it.
pub fn open(known: DataDisk) -> Result<()> {
    let device = disks::find(DATA_SERIAL)?;
    let path = device.to_str().context("devices have simple names")?;
    if is_blank(&device)? {
        if known == DataDisk::Used {
            bail!("it should hold data, and is empty");
        }
        console::stage("formatting the data disk");
        let lazy = "lazy_itable_init=1,lazy_journal_init=1,nodiscard";
        // Repositories are small files: twice as many inodes as usual.
        tool::must(
            "/usr/sbin/mke2fs",
            &["-q", "-t", "ext4", "-m", "0", "-i", "8192", "-L", "causeway", "-E", lazy, path],
        )?;
    } else {
        check(path)?;
        grow(&device, path)?;
    }
    mount(&device, MOUNTED_AT, "ext4", MountFlags::NOATIME, Some(c"discard,errors=remount-ro"))
        .context("it can't be mounted")
}

fn is_blank(device: &Path) -> Result<bool> {
    let file = File::open(device)?;
    let mut found = vec![0; usize::try_from(LOOK_BYTES)?];
    for at_mib in LOOK_AT_MIB {
        let read = file.read_at(&mut found, at_mib * 1024 * 1024).context("it can't be read")?;
        if found[..read].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Replays the journal, and mends what can be mended without asking.
fn check(path: &str) -> Result<()> {
    match tool::run("/usr/sbin/e2fsck", &["-p", path])? {
        (0 | 1, _) => Ok(()),
        (code, printed) => bail!("its file system is damaged (e2fsck: {code}): {}", printed.trim()),
    }
}

/// Grows the file system to the size of its device.
fn grow(device: &Path, path: &str) -> Result<()> {
    let mut file = File::open(device)?;
    let device_bytes = std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0))?;
    let mut superblock = [0; 1024];
    file.read_exact_at(&mut superblock, 1024)?;
    if file_system_bytes(&superblock) + LOOK_BYTES > device_bytes {
        return Ok(());
    }
    console::stage("growing the data disk");
    tool::must("/usr/sbin/e2fsck", &["-f", "-p", path]).or_else(|error| {
        // 1 says that something was mended, which is well.
        if error.to_string().contains("failed with 1:") { Ok(()) } else { Err(error) }
    })?;
    tool::must("/usr/sbin/resize2fs", &[path])
}

/// The size that an ext4 superblock states (linux/fs/ext4/ext4.h: s_blocks_count_lo, s_log_block_size, s_blocks_count_hi).
fn file_system_bytes(superblock: &[u8; 1024]) -> u64 {
    let number =
        |at: usize| u32::from_le_bytes([superblock[at], superblock[at + 1], superblock[at + 2], superblock[at + 3]]);
    let blocks = u64::from(number(0x4)) | u64::from(number(0x150)) << 32;
    let block_bytes = 1024_u64.checked_shl(number(0x18)).unwrap_or(u64::MAX);
    blocks.saturating_mul(block_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_file_system_is_read() {
        let mut superblock = [0; 1024];
        superblock[0x4..0x8].copy_from_slice(&262_144_u32.to_le_bytes());
        superblock[0x18..0x1c].copy_from_slice(&2_u32.to_le_bytes());
        assert_eq!(file_system_bytes(&superblock), 1 << 30);
        superblock[0x150..0x154].copy_from_slice(&1_u32.to_le_bytes());
        assert_eq!(file_system_bytes(&superblock), (1 << 30) + (1 << 44));
    }

    #[test]
    fn traces_anywhere_make_a_disk_not_blank() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk");
        let file = File::create(&path).unwrap();
        file.set_len(1 << 30).unwrap();
        assert!(is_blank(&path).unwrap());
        file.write_at(&[1], 384 << 20).unwrap();
        assert!(!is_blank(&path).unwrap());
    }
}
