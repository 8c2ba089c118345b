//! Docker's API on the host: a socket for programs, in front of the Docker that runs the containers.
//!
//! How requests and answers are rewritten is in `causeway-docker-proxy`. Here is what it asks: where in the machine a path is, and when
//! the share there is up to date. And [`usage`]: which containers have what.

#[cfg(unix)]
mod compose;
#[cfg(unix)]
mod compose_file;
pub mod context;
#[cfg(unix)]
mod follow;
#[cfg(unix)]
mod host;
mod pins;
pub mod places;
pub mod projects;
pub mod removed;
pub mod settings;
#[cfg(unix)]
mod spellings;
pub mod usage;

#[cfg(unix)]
pub use listening::{Carrier, listen};

#[cfg(unix)]
mod listening {
    use std::io;
    use std::sync::Arc;

    use causeway_docker_proxy::Proxy;
    use tokio::net::UnixStream;
    use tokio::runtime::{Builder, Handle};
    use tokio::sync::oneshot;

    use super::follow::follow;
    use super::host::EngineHost;
    use crate::engine::Engine;
    use crate::remote::Listener;

    /// The thread that carries what goes between Docker and its clients.
    ///
    /// It is one, and its own: a request passes two connections on its way, and where these are served by threads that wake one another,
    /// that takes longer than the rest. Dropping it cuts the connections.
    pub struct Carrier {
        handle: Handle,
        _end: oneshot::Sender<()>,
    }

    impl Carrier {
        /// Starts it.
        pub fn start() -> io::Result<Self> {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let (end, ended) = oneshot::channel();
            std::thread::Builder::new().name("docker".to_owned()).spawn(move || {
                let _ = runtime.block_on(ended);
                // Work that still waits for a disk would hold this up.
                runtime.shutdown_background();
            })?;
            Ok(Self { handle, _end: end })
        }
    }

    /// Listens for programs. Dropping what is returned ends that; connections that are open go on as long as the carrier.
    pub fn listen(engine: &Arc<Engine>, runtime: &Handle, carrier: &Carrier) -> io::Result<Listener> {
        let host = Arc::new(EngineHost::new(Arc::clone(engine)));
        drop(runtime.spawn(follow(Arc::clone(&host))));
        let proxy = Proxy::new(host);
        let carrier = carrier.handle.clone();
        Listener::bind_for(&engine.home().docker_socket(), move |client| {
            let _entered = carrier.enter();
            match client.set_nonblocking(true).and_then(|()| UnixStream::from_std(client)) {
                Ok(client) => drop(carrier.spawn(proxy.clone().serve(client))),
                Err(error) => tracing::warn!(%error, "a client of Docker can't be served"),
            }
        })
    }
}
