//! The kernel's own vsock on the host: AF_VSOCK, which all guests of this computer share, whosever they are. Used only where the
//! device for guests of one's own is there.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use vsock::{VMADDR_CID_ANY, VMADDR_CID_HOST, VsockAddr, VsockListener};

use crate::remote::Door;

/// `VMADDR_PORT_ANY` (linux/vm_sockets.h): the kernel chooses.
const ANY_PORT: u32 = u32::MAX;
/// Addresses below are taken (vsock(7)).
const GUEST_MIN: u32 = 3;
/// How soon the end of this is noticed.
const LOOK_MS: i64 = 500;
/// How long to wait after an accept that failed: descriptors may have run out.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Takes one guest's connections. Dropping it ends that.
pub struct KernelListener {
    port: u32,
    guest: u32,
    quit: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl KernelListener {
    /// Listens at a free port, and chooses an address for the guest.
    pub fn bind(door: Door) -> io::Result<Self> {
        let listener = VsockListener::bind(&VsockAddr::new(VMADDR_CID_ANY, ANY_PORT))?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        let guest = free_address()?;
        let quit = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&quit);
        let accept = move || {
            while !stop.load(Ordering::Acquire) {
                if !comes(&listener) {
                    continue;
                }
                match listener.accept() {
                    // Other guests of this computer find the port too: they aren't heard.
                    Ok((stream, peer)) if peer.cid() == guest && stream.set_nonblocking(false).is_ok() => {
                        door.enter(Box::new(stream));
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => std::thread::sleep(ACCEPT_AGAIN),
                }
            }
        };
        let thread = std::thread::Builder::new().name("vsock".to_owned()).spawn(accept)?;
        Ok(Self { port, guest, quit, thread: Some(thread) })
    }

    /// Its port.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// The guest's address.
    pub fn guest(&self) -> u32 {
        self.guest
    }
}

/// Waits for a connection, for a while.
fn comes(listener: &VsockListener) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use std::os::fd::AsFd;
    let fd = listener.as_fd();
    let limit = Timespec { tv_sec: 0, tv_nsec: LOOK_MS * 1_000_000 };
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit)).is_ok_and(|ready| ready > 0)
}

/// An address that most likely no other guest has: chosen at random out of four billion.
fn free_address() -> io::Result<u32> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)?;
    let random = u32::from_ne_bytes(bytes) & (u32::MAX >> 1);
    Ok(random.max(GUEST_MIN.max(VMADDR_CID_HOST + 1)))
}

impl Drop for KernelListener {
    fn drop(&mut self) {
        self.quit.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
