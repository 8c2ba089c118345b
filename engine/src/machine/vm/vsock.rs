//! The host's end of vsock: by the kernel where it has a device for it, else by a program (vhost-user).
//!
//! The guest dials, always: a device of the second kind can hang for good when the host is first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use causeway_api::Home;

use super::hypervisor::find_program;
use crate::machine::life::end_with_this_process;
use crate::remote::{Door, Listener};

/// The kernel's device. Where it is there, AF_VSOCK is this computer's own.
pub const KERNEL_DEVICE: &str = "/dev/vhost-vsock";
/// The program, and the variable that names another.
const PROGRAM: &str = "vhost-device-vsock";
const VARIABLE: &str = "CAUSEWAY_VHOST_DEVICE_VSOCK";
/// The guest's address, with a program: no other guest is behind its sockets. 3 is the first that a guest may have (vsock(7)).
const PROGRAM_CID: u32 = 3;
/// The port at which the guest finds the engine, with a program.
const PORT: u32 = 1024;
/// The name of the program's sockets; for a port of the host's, `_PORT` follows.
const SOCKET_NAME: &str = "vsock";
/// Where the hypervisor finds the program.
const DEVICE_SOCKET_NAME: &str = "vsock-device.sock";
/// Bytes that may wait in the program, for each connection: its own choice.
const WAITING_BYTES: u32 = 64 * 1024;
/// How long the program may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How often it is looked whether it does.
const LOOK: Duration = Duration::from_millis(5);

/// Why there is no vsock.
#[derive(Debug, thiserror::Error)]
pub enum VsockError {
    /// Neither the device nor the program is there.
    #[error("there is neither {KERNEL_DEVICE} nor the program {PROGRAM}")]
    Missing,
    /// The system refused.
    #[error("vsock: could not {doing}: {source}")]
    Io {
        /// Completes "could not …".
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The program ended, or does nothing.
    #[error("the program {PROGRAM} {0}")]
    Program(String),
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> VsockError {
    move |source| VsockError::Io { doing, source }
}

/// What a hypervisor connects the guest's device with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestEnd {
    /// A vhost-user device of another program's.
    Program {
        /// Where that program listens.
        socket: PathBuf,
    },
    /// The kernel's device.
    Kernel {
        /// The guest's address.
        cid: u32,
    },
}

/// The way from a guest to a [`Door`]. Dropping it closes it.
pub enum Vsock {
    /// By a program, which is started with each VM.
    Program {
        /// The program.
        program: PathBuf,
        /// Its end on the host: a Unix socket.
        sockets: PathBuf,
        /// Where the hypervisor finds it.
        device: PathBuf,
        /// What takes the guest's connections.
        listener: Listener,
    },
    /// By the kernel.
    #[cfg(target_os = "linux")]
    Kernel(super::vsock_kernel::KernelListener),
}

/// What has to live as long as a VM does. Dropping it ends it.
pub struct Device {
    child: Option<Child>,
}

/// Whether there is a way, and which.
pub fn find() -> Result<Option<PathBuf>, VsockError> {
    if is_kernel() {
        return Ok(None);
    }
    find_program(PROGRAM, VARIABLE).map(Some).ok_or(VsockError::Missing)
}

fn is_kernel() -> bool {
    cfg!(target_os = "linux") && fs::OpenOptions::new().read(true).write(true).open(KERNEL_DEVICE).is_ok()
}

impl Vsock {
    /// Opens the way to a door.
    pub fn open(home: &Home, door: Door) -> Result<Self, VsockError> {
        let Some(program) = find()? else { return Self::open_kernel(door) };
        let sockets = home.socket(SOCKET_NAME);
        let mut listening = sockets.clone().into_os_string();
        listening.push(format!("_{PORT}"));
        let listener = Listener::bind(Path::new(&listening), door).map_err(failed("listen for the guest"))?;
        Ok(Self::Program { program, sockets, device: home.socket(DEVICE_SOCKET_NAME), listener })
    }

    #[cfg(target_os = "linux")]
    fn open_kernel(door: Door) -> Result<Self, VsockError> {
        let listener = super::vsock_kernel::KernelListener::bind(door).map_err(failed("listen for the guest"))?;
        Ok(Self::Kernel(listener))
    }

    #[cfg(not(target_os = "linux"))]
    fn open_kernel(_: Door) -> Result<Self, VsockError> {
        Err(VsockError::Missing)
    }

    /// The port at which the guest finds the engine.
    pub fn port(&self) -> u32 {
        match self {
            Self::Program { .. } => PORT,
            #[cfg(target_os = "linux")]
            Self::Kernel(listener) => listener.port(),
        }
    }

    /// Starts what a VM needs, on a thread that lives as long as the VM.
    pub fn start(&self) -> Result<(Device, GuestEnd), VsockError> {
        match self {
            Self::Program { program, sockets, device, .. } => {
                let child = start_program(program, sockets, device)?;
                Ok((Device { child: Some(child) }, GuestEnd::Program { socket: device.clone() }))
            }
            #[cfg(target_os = "linux")]
            Self::Kernel(listener) => Ok((Device { child: None }, GuestEnd::Kernel { cid: listener.guest() })),
        }
    }
}

fn start_program(program: &Path, sockets: &Path, device: &Path) -> Result<Child, VsockError> {
    for old in [sockets, device] {
        match fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove an old socket")(error)),
            _ => {}
        }
    }
    let mut command = Command::new(program);
    command.arg("--guest-cid").arg(PROGRAM_CID.to_string());
    command.arg("--tx-buffer-size").arg(WAITING_BYTES.to_string());
    command.arg("--uds-path").arg(sockets).arg("--socket").arg(device);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    end_with_this_process(&mut command);
    let mut child = command.spawn().map_err(failed("start its program"))?;
    let deadline = Instant::now() + START_LIMIT;
    while !device.exists() {
        let ended = child.try_wait().map_err(failed("look at its program"))?;
        let reason = match ended {
            Some(status) => format!("ended with {status}"),
            None if Instant::now() > deadline => "doesn't listen".to_owned(),
            None => {
                std::thread::sleep(LOOK);
                continue;
            }
        };
        end(&mut child);
        return Err(VsockError::Program(reason));
    }
    Ok(child)
}

fn end(child: &mut Child) {
    // It may have ended.
    let _ = child.kill();
    let _ = child.wait();
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}

impl Drop for Vsock {
    fn drop(&mut self) {
        match self {
            Self::Program { sockets, device, .. } => {
                let _ = fs::remove_file(sockets);
                let _ = fs::remove_file(device);
            }
            #[cfg(target_os = "linux")]
            Self::Kernel(_) => {}
        }
    }
}
