//! Ports that containers publish (`docker run -p`), at 127.0.0.1 and ::1 of the host.
//!
//! Docker's own API tells which there are; a list is asked for after each event of a container. A port is opened as soon as it is on the
//! list and closed when it isn't any more; connections that are open go on. What the guest says is bounded, and reaches no more
//! than ports of this computer's loopback.

mod datagrams;
mod published;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use causeway_api::{PortProtocol, PublishedPort};
use causeway_docker_proxy::DockerError;
use causeway_wire::channel::Target;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use self::published::Published;
use super::channels::Channels;
use crate::machine::presence::Presence;

/// Ports at once, at most; more aren't opened.
const PORTS_MAX: usize = 512;
/// How long to wait before Docker is asked again after it failed, and before a port is tried again that another program has.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a connection may wait for the container.
const PATIENCE: Duration = Duration::ZERO;
/// How long to wait after an accept that failed: descriptors may have run out.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Keeps the published ports open. Dropping it closes them.
pub struct Ports {
    shown: Arc<Mutex<Vec<PublishedPort>>>,
    quit: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

type Port = (u16, PortProtocol);

struct Forwarder {
    channels: Channels,
    presence: Arc<Presence>,
    docker: PathBuf,
    shown: Arc<Mutex<Vec<PublishedPort>>>,
    open: BTreeMap<Port, Vec<AbortHandle>>,
}

impl Ports {
    /// Follows the Docker whose API is at `docker`.
    pub fn follow(docker: PathBuf, channels: Channels, presence: Arc<Presence>) -> io::Result<Self> {
        let (shown, quit) = (Arc::<Mutex<Vec<PublishedPort>>>::default(), Arc::new(Notify::new()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut forwarder = Forwarder { channels, presence, docker, shown: Arc::clone(&shown), open: BTreeMap::new() };
        let ending = Arc::clone(&quit);
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = ending.notified() => {}
                    () = forwarder.run() => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("ports".to_owned()).spawn(run)?;
        Ok(Self { shown, quit, thread: Some(thread) })
    }

    /// The ports that are published now.
    pub fn shown(&self) -> Vec<PublishedPort> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        self.quit.notify_one();
        let Some(thread) = self.thread.take() else { return };
        // The last owner of the machine may be this thread itself.
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}

impl Forwarder {
    async fn run(&mut self) {
        let changed = Arc::new(Notify::new());
        let notify = Arc::clone(&changed);
        let _watching = self.presence.watch(Box::new(move || notify.notify_one()));
        loop {
            if self.presence.link().is_none() {
                self.apply(&BTreeSet::new()).await;
                changed.notified().await;
                continue;
            }
            if let Err(error) = self.follow(&changed).await {
                tracing::debug!(%error, "the published ports aren't known");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Follows one run of Docker, to its end.
    async fn follow(&mut self, changed: &Notify) -> Result<(), DockerError> {
        let mut published = Published::follow(&self.docker).await?;
        loop {
            let wanted = published.now().await?;
            let is_whole = self.apply(&wanted).await;
            let again = async { if is_whole { std::future::pending().await } else { tokio::time::sleep(AGAIN).await } };
            tokio::select! {
                changed = published.changed() => changed?,
                () = again => {}
                () = changed.notified() => if self.presence.link().is_none() { return Ok(()) },
            }
        }
    }

    /// Opens and closes ports. Returns whether all could be opened.
    async fn apply(&mut self, wanted: &BTreeSet<Port>) -> bool {
        self.open.retain(|port, listening| {
            let stays = wanted.contains(port);
            if !stays {
                listening.iter().for_each(AbortHandle::abort);
            }
            stays
        });
        let mut shown = Vec::new();
        for &(port, protocol) in wanted.iter().take(PORTS_MAX) {
            let problem = match self.open.contains_key(&(port, protocol)) {
                true => None,
                false => self.listen(port, protocol).await.err().map(|error| explain(port, &error)),
            };
            shown.push(PublishedPort { port, protocol, problem });
        }
        let is_whole = shown.iter().all(|port| port.problem.is_none());
        let mut before = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let differs = *before != shown;
        *before = shown;
        drop(before);
        if differs {
            self.presence.announce();
        }
        is_whole
    }

    /// Opens a port at both loopback addresses, or at neither. Where the computer has no IPv6, at the one.
    async fn listen(&mut self, port: u16, protocol: PortProtocol) -> io::Result<()> {
        let mut listening = Vec::new();
        for at in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let opened = match protocol {
                PortProtocol::Tcp => self.listen_tcp(at, port).await,
                PortProtocol::Udp => self.listen_udp(at, port).await,
            };
            match opened {
                Ok(handle) => listening.push(handle),
                Err(error) if at.is_ipv6() && error.kind() != io::ErrorKind::AddrInUse => {
                    tracing::debug!(port, %error, "a published port isn't reached at ::1");
                }
                Err(error) => {
                    listening.iter().for_each(AbortHandle::abort);
                    return Err(error);
                }
            }
        }
        self.open.insert((port, protocol), listening);
        Ok(())
    }

    async fn listen_tcp(&self, at: IpAddr, port: u16) -> io::Result<AbortHandle> {
        let listener = TcpListener::bind((at, port)).await?;
        let channels = self.channels.clone();
        let serve = async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => forward(stream, port, channels.clone()),
                    Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
                }
            }
        };
        Ok(tokio::spawn(serve).abort_handle())
    }

    async fn listen_udp(&self, at: IpAddr, port: u16) -> io::Result<AbortHandle> {
        let socket = UdpSocket::bind((at, port)).await?;
        Ok(tokio::spawn(datagrams::serve(socket, port, self.channels.clone())).abort_handle())
    }
}

/// Carries a connection into the guest, on threads of its own.
fn forward(stream: tokio::net::TcpStream, port: u16, channels: Channels) {
    let connect = move || -> io::Result<()> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        // One that can't be carried is closed, which tells the client as much as a container would.
        if let Err((_, error)) = channels.connect(stream, Target::Tcp(port), PATIENCE) {
            tracing::debug!(port, %error, "a connection to a published port was closed");
        }
        Ok(())
    };
    let spawned = std::thread::Builder::new().name("port".to_owned()).spawn(connect);
    if let Err(error) = spawned {
        tracing::warn!(%error, "a connection to a published port can't be served");
    }
}

fn explain(port: u16, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("Port {port} of this computer is taken by another program."),
        io::ErrorKind::PermissionDenied => format!("Your user may not open port {port} of this computer."),
        _ => format!("Port {port} of this computer can't be opened: {error}."),
    }
}
