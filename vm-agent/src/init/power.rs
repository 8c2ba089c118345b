//! The end of the guest.

use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags, mount_remount, unmount};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::system::{RebootCommand, reboot};

use super::data_disk::MOUNTED_AT;

/// How long what still runs may take to end after it was asked.
const END_LIMIT: Duration = Duration::from_millis(500);

/// Ends every process, writes out what is to be written, and switches off.
pub fn off() -> ! {
    for signal in [Signal::TERM, Signal::KILL] {
        // The group 1 stands for every process but this one: kill(2) of -1. There may be none left.
        let _ = kill_process_group(Pid::INIT, signal);
        std::thread::sleep(END_LIMIT);
    }
    rustix::fs::sync();
    if unmount(MOUNTED_AT, UnmountFlags::empty()).is_err() {
        // Something still has it open: what it holds is whole all the same.
        let _ = mount_remount(MOUNTED_AT, MountFlags::RDONLY, c"");
    }
    let refused = reboot(RebootCommand::PowerOff);
    eprintln!("the guest can't be switched off: {refused:?}");
    // PID 1 must not end: the kernel would panic. The host ends the VM in the end.
    loop {
        std::thread::park();
    }
}
