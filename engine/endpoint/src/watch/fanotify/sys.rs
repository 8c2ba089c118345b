//! The four system calls that no safe crate has.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Longest file handle: `MAX_HANDLE_SZ` of Linux (exportfs.h).
const HANDLE_BYTES_MAX: usize = 128;

/// What is listened to: what changes names, content or attributes, of directories too. Renames are left to [`RENAMES`].
const EVENTS: u64 =
    libc::FAN_CREATE | libc::FAN_DELETE | libc::FAN_CLOSE_WRITE | libc::FAN_MODIFY | libc::FAN_ATTRIB | libc::FAN_ONDIR;
/// Renames: both ends in one event, since Linux 5.17; before that, two events that nothing connects.
const RENAMES: [u64; 2] = [libc::FAN_RENAME, libc::FAN_MOVED_FROM | libc::FAN_MOVED_TO];

/// `struct file_handle` of name_to_handle_at(2), with room for any handle.
#[repr(C)]
struct RawHandle {
    handle_bytes: libc::c_uint,
    handle_type: libc::c_int,
    handle: [u8; HANDLE_BYTES_MAX],
}

/// A directory on one file system, whatever its name: the kernel's `struct file_handle` without its length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Handle {
    pub(super) kind: i32,
    pub(super) bytes: Box<[u8]>,
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A descriptor that tells of events by directory and name. Without a bound on the queue: what isn't read yet is merged by the kernel,
/// per process and name, and is memory of the machine alone.
pub(super) fn init() -> io::Result<OwnedFd> {
    let flags = libc::FAN_CLASS_NOTIF
        | libc::FAN_REPORT_DFID_NAME
        | libc::FAN_UNLIMITED_QUEUE
        | libc::FAN_UNLIMITED_MARKS
        | libc::FAN_CLOEXEC
        | libc::FAN_NONBLOCK;
    let event_flags = libc::O_RDONLY | libc::O_LARGEFILE | libc::O_CLOEXEC;
    // SAFETY: takes two numbers.
    let fd = check(unsafe { libc::fanotify_init(flags, event_flags.cast_unsigned()) })?;
    // SAFETY: a new descriptor that nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Listens to the whole file system that `dir` is on; once more changes nothing.
pub(super) fn mark_file_system(fanotify: BorrowedFd<'_>, dir: BorrowedFd<'_>) -> io::Result<()> {
    let flags = libc::FAN_MARK_ADD | libc::FAN_MARK_FILESYSTEM;
    let path = CString::new(format!("/proc/self/fd/{}", dir.as_raw_fd())).expect("it holds no NUL");
    let mark = |events: u64| {
        // SAFETY: `path` is a string with its NUL that lives as long as the call.
        check(unsafe { libc::fanotify_mark(fanotify.as_raw_fd(), flags, events, libc::AT_FDCWD, path.as_ptr()) })
    };
    match mark(EVENTS | RENAMES[0]) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => mark(EVENTS | RENAMES[1])?,
        marked => marked?,
    };
    Ok(())
}

/// The handle of an opened directory.
pub(super) fn handle_of(dir: BorrowedFd<'_>) -> io::Result<Handle> {
    let mut raw = RawHandle { handle_bytes: HANDLE_BYTES_MAX as u32, handle_type: 0, handle: [0; HANDLE_BYTES_MAX] };
    let mut mount_id = 0;
    // SAFETY: `raw` is laid out as `struct file_handle` with as many bytes behind it as it says; all pointers live.
    check(unsafe {
        libc::name_to_handle_at(
            dir.as_raw_fd(),
            c"".as_ptr(),
            (&raw mut raw).cast::<libc::file_handle>(),
            &raw mut mount_id,
            libc::AT_EMPTY_PATH,
        )
    })?;
    let bytes = raw.handle.get(..raw.handle_bytes as usize).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Handle { kind: raw.handle_type, bytes: bytes.into() })
}

/// Opens a directory by its handle, for its path only. `mount` is any descriptor on the same file system.
pub(super) fn open(mount: BorrowedFd<'_>, handle: &Handle) -> io::Result<OwnedFd> {
    let mut raw = RawHandle { handle_bytes: 0, handle_type: handle.kind, handle: [0; HANDLE_BYTES_MAX] };
    let room = raw.handle.get_mut(..handle.bytes.len()).ok_or(io::ErrorKind::InvalidData)?;
    room.copy_from_slice(&handle.bytes);
    raw.handle_bytes = u32::try_from(handle.bytes.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: `raw` is laid out as `struct file_handle` with as many bytes behind it as it says, and lives.
    let fd = check(unsafe {
        libc::open_by_handle_at(mount.as_raw_fd(), (&raw mut raw).cast::<libc::file_handle>(), flags)
    })?;
    // SAFETY: a new descriptor that nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
