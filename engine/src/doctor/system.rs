//! What the system can be asked about itself: space, file-system kinds, limits. Each answer may be missing.

use std::path::Path;

/// Space of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// What this user may still use.
    pub free_bytes: u64,
    /// All there is.
    pub total_bytes: u64,
}

/// The space of the file system that `path` stands on.
#[cfg(unix)]
pub fn space_at(path: &Path) -> Option<DiskSpace> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(DiskSpace {
        free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
    })
}

/// The space of the file system that `path` stands on.
#[cfg(not(unix))]
pub fn space_at(path: &Path) -> Option<DiskSpace> {
    let disks = sysinfo::Disks::new_with_refreshed_list();
    let disk = disks
        .iter()
        .filter(|disk| path.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len())?;
    Some(DiskSpace { free_bytes: disk.available_space(), total_bytes: disk.total_space() })
}

/// Memory of this computer in bytes: all there is, and what can be had without swapping.
pub fn memory() -> (u64, u64) {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    (system.total_memory(), system.available_memory())
}

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystemKind {
    /// Its name, as in `/proc/filesystems`.
    pub name: &'static str,
    /// Other computers may change it, without events on this one.
    pub network: bool,
}

/// Magic numbers of `linux/magic.h` and of the file systems' own headers.
#[cfg(target_os = "linux")]
const KINDS: &[(u32, FileSystemKind)] = &[
    (0xef53, FileSystemKind { name: "ext4", network: false }),
    (0x9123_683e, FileSystemKind { name: "btrfs", network: false }),
    (0x5846_5342, FileSystemKind { name: "xfs", network: false }),
    (0x2fc1_2fc1, FileSystemKind { name: "zfs", network: false }),
    (0xf2f5_2010, FileSystemKind { name: "f2fs", network: false }),
    (0xca45_1a4e, FileSystemKind { name: "bcachefs", network: false }),
    (0x0102_1994, FileSystemKind { name: "tmpfs", network: false }),
    (0x794c_7630, FileSystemKind { name: "overlay", network: false }),
    (0x2011_bab0, FileSystemKind { name: "exfat", network: false }),
    (0x4d44, FileSystemKind { name: "vfat", network: false }),
    (0x7366_746e, FileSystemKind { name: "ntfs3", network: false }),
    (0x6573_5546, FileSystemKind { name: "fuse", network: true }),
    (0x0102_1997, FileSystemKind { name: "9p", network: true }),
    (0x6969, FileSystemKind { name: "nfs", network: true }),
    (0xff53_4d42, FileSystemKind { name: "cifs", network: true }),
    (0xfe53_4d42, FileSystemKind { name: "smb2", network: true }),
    (0x00c3_6400, FileSystemKind { name: "ceph", network: true }),
];

/// The kind of the file system that `path` stands on, where it is a well-known one.
#[cfg(target_os = "linux")]
pub fn kind_at(path: &Path) -> Option<FileSystemKind> {
    // The width of the field differs from one processor to another; its numbers have 32 bits.
    let magic = rustix::fs::statfs(path).ok()?.f_type as u32;
    KINDS.iter().find(|(number, _)| *number == magic).map(|(_, kind)| *kind)
}

/// The kind of the file system that `path` stands on: not asked here.
#[cfg(not(target_os = "linux"))]
pub fn kind_at(_: &Path) -> Option<FileSystemKind> {
    None
}

/// A limit of inotify by its name in `/proc/sys/fs/inotify`; `None` on systems without inotify.
pub fn inotify_limit(name: &str) -> Option<u64> {
    std::fs::read_to_string(Path::new("/proc/sys/fs/inotify").join(name)).ok()?.trim().parse().ok()
}

/// How many files this process may have open at once; `None` where there is no such limit.
#[cfg(unix)]
pub fn open_files_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// How many files this process may have open at once; `None` where there is no such limit.
#[cfg(not(unix))]
pub fn open_files_max() -> Option<u64> {
    None
}

/// Raises the limit of open files as far as this process may, since every watched or opened directory takes one. An engine
/// that is started from a shell begins with 1024.
#[cfg(unix)]
pub fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Other systems have no such limit, or a high one.
#[cfg(not(unix))]
pub fn raise_open_files() {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_root_has_space_and_memory_is_there() {
        let space = space_at(Path::new("/")).unwrap();
        assert!(space.total_bytes > 0 && space.free_bytes <= space.total_bytes);
        assert_eq!(space_at(Path::new("/nonexistent")), None);
        let (total, available) = memory();
        assert!(total >= available && available > 0);
    }
}
