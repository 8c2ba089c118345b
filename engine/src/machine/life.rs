//! Child processes that don't outlive this one, whichever way it ends.

use std::process::Command;

/// Has the system kill the process when the thread that starts it ends, and so with this process. The thread has to live as long as
/// the process is wanted.
#[cfg(target_os = "linux")]
pub fn end_with_this_process(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

    let parent = getpid();
    let ask = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have ended before it was asked.
        if getppid() == Some(parent) { Ok(()) } else { Err(std::io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec only two system calls are made, and nothing is allocated: an error of this kind is a number.
    unsafe { command.pre_exec(ask) };
}

/// Other systems know no such wish: there the process has to notice by itself that its console is gone.
#[cfg(not(target_os = "linux"))]
pub fn end_with_this_process(_: &mut Command) {}
