//! What is mounted where.

use std::fs;

use anyhow::{Context, Result};
use causeway_wire::boot::ROOT_SERIAL;
use rustix::mount::{MountFlags, mount, mount_move};

use super::disks;

const QUIET: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// The kernel's own file systems.
pub fn kernel() -> Result<()> {
    for (kind, at, flags) in
        [("proc", "/proc", QUIET), ("sysfs", "/sys", QUIET), ("devtmpfs", "/dev", MountFlags::NOSUID)]
    {
        fs::create_dir_all(at)?;
        put(kind, at, flags, "")?;
    }
    Ok(())
}

/// Mounts the root file system, and makes it the root of this process and of all to come.
pub fn enter_root() -> Result<()> {
    const NEW: &str = "/root";
    let device = disks::find(ROOT_SERIAL)?;
    mount(&device, NEW, "erofs", MountFlags::RDONLY, None).context("it can't be mounted")?;
    for at in ["dev", "proc", "sys"] {
        mount_move(format!("/{at}"), format!("{NEW}/{at}")).with_context(|| format!("/{at} can't be moved into it"))?;
    }
    rustix::process::chdir(NEW)?;
    mount_move(".", "/").context("it can't be made the root")?;
    rustix::process::chroot(".")?;
    rustix::process::chdir("/")?;
    Ok(())
}

/// What is writable beside the data disk, and gone at the end.
pub fn writable() -> Result<()> {
    put("tmpfs", "/run", MountFlags::NOSUID | MountFlags::NODEV, "mode=0755")?;
    put("tmpfs", "/tmp", MountFlags::NOSUID | MountFlags::NODEV, "mode=1777")?;
    put("tmpfs", "/etc/docker", QUIET, "mode=0755,size=1m")?;
    for (kind, at, flags, options) in [
        ("devpts", "/dev/pts", MountFlags::NOSUID | MountFlags::NOEXEC, "mode=0620,gid=0,ptmxmode=0666"),
        ("tmpfs", "/dev/shm", MountFlags::NOSUID | MountFlags::NODEV, "mode=1777"),
        ("mqueue", "/dev/mqueue", QUIET, ""),
    ] {
        fs::create_dir_all(at)?;
        put(kind, at, flags, options)?;
    }
    put("cgroup2", "/sys/fs/cgroup", QUIET, "nsdelegate")
}

fn put(kind: &str, at: &str, flags: MountFlags, options: &str) -> Result<()> {
    let options = std::ffi::CString::new(options)?;
    mount(kind, at, kind, flags, Some(options.as_c_str())).with_context(|| format!("cannot mount {kind} at {at}"))
}
