//! Keeps a program from this computer's loopback, whatever it is made to send.
//!
//! A hypervisor's user-mode network connects for the guest, by sockets of its own: to the world, and to whatever listens on this
//! computer alone. The kernel therefore asks this process about each connection and each datagram of such a program before it
//! carries them out (`seccomp_unotify(2)`), and what would reach the loopback is refused. Nothing that the guest does can change that.
//!
//! ```text
//!  guest ─► hypervisor: connect(127.0.0.1:5432) ─► kernel ─► here: read the address; refuse, or let it go on
//! ```
//!
//! One thing of the loopback is let through: questions of names, to a resolver that `/etc/resolv.conf` names there.
//!
//! *Not* kept: code of the program itself that was broken into. It could change an address after it was looked at, or take another
//! call to send by. The hypervisor's own restrictions are for that.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// Where the system's resolvers are named (resolv.conf(5)).
const RESOLVERS: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;
/// Of `linux/audit.h`: calls of other kinds are refused, because their numbers mean something else.
const AUDIT_ARCH: u32 = if cfg!(target_arch = "aarch64") { 0xc000_00b7 } else { 0xc000_003e };
/// The longest address that is looked at: `sockaddr_in6`.
const ADDRESS_BYTES_MAX: usize = 28;
/// Room for one descriptor beside a message.
const ROOM: usize = rustix::cmsg_space!(ScmRights(1));

/// For the log, where this can't be done.
const BY_RULES_ALONE: &str = "the host's loopback is closed to the guest by the guest's own rules alone";

/// Has the kernel ask this process about the addresses that the command's program will use. Where the kernel can't, that is
/// logged, and the program runs without.
pub fn close_to(command: &mut Command) {
    if let Err(error) = prepare(command) {
        tracing::warn!(%error, "{BY_RULES_ALONE}");
    }
}

fn prepare(command: &mut Command) -> io::Result<()> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    std::thread::Builder::new().name("loopback".to_owned()).spawn(move || match take_listener(&ours) {
        Ok(listener) => answer(&listener),
        Err(error) => tracing::warn!(%error, "{BY_RULES_ALONE}"),
    })?;
    // A program that can't be asked about still runs: the other end then hears of no listener.
    let install = move || {
        let _ = install_filter().and_then(|listener| give_listener(&theirs, listener.as_fd()));
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made, on memory of the stack.
    unsafe { command.pre_exec(install) };
    Ok(())
}

/// Has each `connect`, and each `sendto` that names an address, wait for an answer; in this process and what it becomes.
fn install_filter() -> io::Result<OwnedFd> {
    /// Places in `struct seccomp_data` (linux/seccomp.h): the call's number, its kind, and the halves of its fifth argument.
    const NUMBER: u32 = 0;
    const ARCH: u32 = 4;
    const FIFTH: [u32; 2] = [16 + 4 * 8, 16 + 4 * 8 + 4];
    const CONNECT: u32 = libc::SYS_connect as u32;
    const SENDTO: u32 = libc::SYS_sendto as u32;
    let load = |at| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at, 0, 0);
    let equals = |value, then, otherwise| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, then, otherwise);
    let end = |with| step(libc::BPF_RET | libc::BPF_K, with, 0, 0);
    let mut steps = [
        load(ARCH),
        equals(AUDIT_ARCH, 0, 9),
        load(NUMBER),
        equals(CONNECT, 6, 0),
        equals(SENDTO, 0, 4),
        load(FIFTH[0]),
        equals(0, 0, 3),
        load(FIFTH[1]),
        equals(0, 0, 1),
        // Everything else, and what is sent to where the socket is connected to.
        end(libc::SECCOMP_RET_ALLOW),
        end(libc::SECCOMP_RET_USER_NOTIF),
        end(libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: the program is whole and lives until the call returns.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::c_long::from(libc::SECCOMP_SET_MODE_FILTER),
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    let listener = i32::try_from(listener).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the call has just made it.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}

/// A step of a filter; a comparison skips `then` or `otherwise` steps.
fn step(code: u32, operand: u32, then: u8, otherwise: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: then, jf: otherwise, k: operand }
}

/// Hands the descriptor on that the kernel's questions come from.
fn give_listener(to: &OwnedFd, listener: BorrowedFd<'_>) -> io::Result<()> {
    let mut room = [MaybeUninit::uninit(); ROOM];
    let mut beside = SendAncillaryBuffer::new(&mut room);
    let descriptors = [listener];
    beside.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(to, &[IoSlice::new(&[0])], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Takes it, once the program is about to start.
fn take_listener(from: &OwnedFd) -> io::Result<OwnedFd> {
    let mut room = [MaybeUninit::uninit(); ROOM];
    let mut beside = RecvAncillaryBuffer::new(&mut room);
    let mut said = [0];
    recvmsg(from, &mut [IoSliceMut::new(&mut said)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    let descriptors = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    descriptors
        .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "the kernel doesn't tell of connections (seccomp)"))
}

/// Answers the kernel's questions, until the program has ended.
fn answer(listener: &OwnedFd) {
    // One process asks, whichever of its threads it is.
    let mut memory = None;
    while wait(listener) {
        // SAFETY: plain numbers, of which zero is a value.
        let mut question: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel fills the structure that the call is defined with.
        if unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut question) } < 0 {
            // Whoever asked has ended, or was interrupted.
            continue;
        }
        let memory = memory.get_or_insert_with(|| open_memory(question.pid));
        let is_refused = memory.as_ref().is_some_and(|memory| leads_to_loopback(&question, memory));
        let mut reply = libc::seccomp_notif_resp { id: question.id, val: 0, error: 0, flags: 0 };
        if is_refused {
            reply.error = -libc::ECONNREFUSED;
        } else {
            reply.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        }
        // It fails where whoever asked has ended. SAFETY: as above.
        unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut reply) };
    }
}

/// Waits for a question; false when there will be none.
fn wait(listener: &OwnedFd) -> bool {
    loop {
        let mut watched = [PollFd::new(listener, PollFlags::IN)];
        match poll(&mut watched, None) {
            Ok(_) => return watched[0].revents().contains(PollFlags::IN),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// The memory of whoever asks. Some systems let nobody look into it (ptrace(2), `ptrace_scope`).
fn open_memory(process: u32) -> Option<File> {
    let opened = File::open(format!("/proc/{process}/mem"));
    opened.inspect_err(|error| tracing::warn!(%error, "{BY_RULES_ALONE}")).ok()
}

/// Whether a call is to be refused. One whose address can't be read is.
fn leads_to_loopback(question: &libc::seccomp_notif, memory: &File) -> bool {
    let args = question.data.args;
    let is_connect = i64::from(question.data.nr) == libc::SYS_connect;
    let (at, length) = if is_connect { (args[1], args[2]) } else { (args[4], args[5]) };
    let mut address = [0; ADDRESS_BYTES_MAX];
    let address = &mut address[..usize::try_from(length).unwrap_or(usize::MAX).min(ADDRESS_BYTES_MAX)];
    match memory.read_exact_at(address, at) {
        Ok(()) => parse(address).is_some_and(|address| is_closed(address, resolvers)),
        Err(_) => true,
    }
}

/// The address of the internet in a `sockaddr`; none in those of other kinds.
fn parse(address: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(address.first_chunk().copied()?));
    let port = u16::from_be_bytes(address.get(2..4)?.try_into().ok()?);
    let ip = match family {
        libc::AF_INET => IpAddr::from(<[u8; 4]>::try_from(address.get(4..8)?).ok()?),
        libc::AF_INET6 => IpAddr::from(<[u8; 16]>::try_from(address.get(8..24)?).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Whether an address is this computer's alone. That of no host leads there, too (ip(7)).
fn is_closed(address: SocketAddr, resolvers: impl FnOnce() -> Vec<IpAddr>) -> bool {
    let ip = address.ip().to_canonical();
    let is_own = match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.octets()[0] == 0,
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified(),
    };
    is_own && !(address.port() == DNS_PORT && resolvers().contains(&ip))
}

/// The resolvers of this computer, as they are now.
fn resolvers() -> Vec<IpAddr> {
    parse_resolvers(&std::fs::read_to_string(RESOLVERS).unwrap_or_default())
}

fn parse_resolvers(text: &str) -> Vec<IpAddr> {
    let named = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("nameserver")?.split_whitespace().next()?.parse().ok());
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn only_what_is_this_computers_alone_is_closed() {
        let resolvers =
            || parse_resolvers("# mine\nnameserver 127.0.0.53\nsearch home\n nameserver\t192.168.1.1 # router\n");
        for (address, closed) in [
            ("127.0.0.1:5432", true),
            ("127.255.0.7:80", true),
            ("0.0.0.0:80", true),
            ("[::1]:80", true),
            ("[::]:80", true),
            ("[::ffff:127.0.0.1]:80", true),
            ("127.0.0.1:53", true),
            ("127.0.0.53:53", false),
            ("127.0.0.53:80", true),
            ("192.168.1.1:53", false),
            ("192.168.1.7:80", false),
            ("93.184.216.34:443", false),
            ("[2606:2800::1]:443", false),
        ] {
            assert_eq!(is_closed(address.parse().unwrap(), resolvers), closed, "{address}");
        }
    }

    #[test]
    fn addresses_are_read_and_others_left_alone() {
        let of = |family: i32, rest: &[u8]| [&(family as u16).to_ne_bytes()[..], rest].concat();
        let four = of(libc::AF_INET, &[0x15, 0x38, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(parse(&four), Some("127.0.0.1:5432".parse().unwrap()));
        let six = [&[0, 80, 0, 0, 0, 0][..], &[0; 15], &[1, 0, 0, 0, 0]].concat();
        assert_eq!(parse(&of(libc::AF_INET6, &six)), Some("[::1]:80".parse().unwrap()));
        assert_eq!(parse(&of(libc::AF_UNIX, b"/run/socket")), None);
        for short in [&four[..1], &four[..6], &[]] {
            assert_eq!(parse(short), None);
        }
    }

    /// A real program, which connects to a real listener, by TCP and by UDP.
    #[test]
    fn a_program_is_kept_from_the_loopback() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (tcp_port, udp_port) = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
        let script = format!(
            "import socket, sys
try:
    socket.create_connection(('127.0.0.1', {tcp_port}))
    print('tcp')
except ConnectionRefusedError: pass
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp_port}))
    print('udp')
except ConnectionRefusedError: pass
one, other = socket.socketpair()
one.send(b'x')
listener = socket.socket(socket.AF_UNIX)
listener.bind('\\0causeway-test-' + str({tcp_port}))
listener.listen()
socket.socket(socket.AF_UNIX).connect(listener.getsockname())
print('unix')"
        );
        let run = |is_kept: bool| {
            let mut command = Command::new("/usr/bin/python3");
            command.arg("-c").arg(&script);
            if is_kept {
                close_to(&mut command);
            }
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(run(false), "tcp\nudp\nunix\n");
        assert_eq!(run(true), "unix\n");
    }
}
