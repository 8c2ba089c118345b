//! vsock from inside a VM, in parcels that every device on the host takes.
//!
//! Of what is written at once the kernel makes one packet, up to 64 KiB of it. A packet of more than about 32 KiB is spread over several
//! buffers (linux/include/linux/virtio_vsock.h, `virtio_vsock_alloc_skb`), and vhost-device-vsock 0.3 takes packets of one buffer
//! alone: it drops others without a word, and their places in the queue with them. Bytes are missing then, and soon the device is
//! dead. So no more is written at once than fits one buffer.

use std::io::{self, Read, Write};
use std::time::Duration;

use causeway_wire::Stream;
use vsock::VsockStream;

/// Most that is written at once, in bytes: well below the kernel's largest single buffer, which is 32 KiB with what the kernel itself
/// puts into it (`SKB_WITH_OVERHEAD(PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER)`).
const PARCEL_BYTES_MAX: usize = 28 * 1024;

/// A vsock stream that is written to in parcels.
pub struct Parcels(pub VsockStream);

impl Read for Parcels {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Parcels {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(PARCEL_BYTES_MAX)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Stream for Parcels {
    fn try_clone(&self) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(Self(self.0.try_clone()?)))
    }

    fn shutdown(&self) -> io::Result<()> {
        Stream::shutdown(&self.0)
    }

    fn is_readable_within(&self, wait: Duration) -> io::Result<bool> {
        self.0.is_readable_within(wait)
    }

    fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.set_read_timeout(limit)
    }

    fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.set_write_timeout(limit)
    }
}
