//! Named pipes.

use std::{
    io,
    path::{Path, PathBuf},
    ptr,
    time::Duration,
};

use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions};
use windows_sys::{
    Win32::{
        Foundation::{ERROR_PIPE_BUSY, LocalFree},
        Security::{
            Authorization::{ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1},
            PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES,
        },
    },
    core::w,
};

/// The engine's end of a connection.
pub type ServerStream = NamedPipeServer;

/// The client's end of a connection.
pub type ClientStream = NamedPipeClient;

/// How often, and after how long, a client tries again while all instances of the pipe are taken.
const BUSY_TRIES: u32 = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Takes connections.
#[derive(Debug)]
pub struct Listener {
    name: PathBuf,
    /// The instance that the next client will connect to.
    free: NamedPipeServer,
}

pub(super) fn listen(name: &Path) -> io::Result<Listener> {
    Ok(Listener { name: name.to_owned(), free: instance(name, true)? })
}

impl Listener {
    /// Waits for the next client. Loses none when dropped before it is ready.
    pub async fn accept(&mut self) -> io::Result<ServerStream> {
        self.free.connect().await?;
        let next = instance(&self.name, false)?;
        Ok(std::mem::replace(&mut self.free, next))
    }
}

pub(super) async fn connect(name: &Path) -> io::Result<ClientStream> {
    let mut tries = 0;
    loop {
        match ClientOptions::new().open(name) {
            Err(error) if error.raw_os_error() == Some(ERROR_PIPE_BUSY as i32) && tries < BUSY_TRIES => {
                tries += 1;
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            result => return result,
        }
    }
}

/// Makes an instance of the pipe that its owner alone may open, and no other computer.
fn instance(name: &Path, first: bool) -> io::Result<NamedPipeServer> {
    let descriptor = OwnerOnly::new()?;
    let mut attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: descriptor.0,
        bInheritHandle: 0,
    };
    let mut options = ServerOptions::new();
    options.first_pipe_instance(first).reject_remote_clients(true);
    // SAFETY: the pointer is to attributes that are filled in and that live, with their descriptor, beyond the call.
    unsafe { options.create_with_security_attributes_raw(name, ptr::from_mut(&mut attributes).cast()) }
}

/// A security descriptor with one entry: all rights for the owner (SDDL's `OW`, in "Security Descriptor String Format").
struct OwnerOnly(PSECURITY_DESCRIPTOR);

impl OwnerOnly {
    fn new() -> io::Result<Self> {
        let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
        // SAFETY: the string is a NUL-terminated constant, and the descriptor a place for one pointer.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                w!("D:P(A;;GA;;;OW)"),
                SDDL_REVISION_1,
                &mut descriptor,
                ptr::null_mut(),
            )
        };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(descriptor)) }
    }
}

impl Drop for OwnerOnly {
    fn drop(&mut self) {
        // SAFETY: the system allocated it, to be freed so, and nothing else keeps the pointer.
        unsafe { LocalFree(self.0) };
    }
}
