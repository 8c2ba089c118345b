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
mod remembered;
pub mod settings;
#[cfg(unix)]
mod spellings;
pub mod usage;

#[cfg(unix)]
pub use listening::listen;

#[cfg(unix)]
mod listening {
    use std::io;
    use std::sync::Arc;

    use causeway_docker_proxy::Proxy;
    use tokio::runtime::Handle;

    use super::follow::follow;
    use super::host::EngineHost;
    use crate::engine::Engine;
    use crate::remote::Listener;

    /// Listens for programs. Dropping what is returned ends that; connections that are open go on.
    pub fn listen(engine: &Arc<Engine>, runtime: &Handle) -> io::Result<Listener> {
        let host = Arc::new(EngineHost::new(Arc::clone(engine)));
        drop(runtime.spawn(follow(Arc::clone(&host))));
        let proxy = Proxy::new(host);
        let runtime = runtime.clone();
        Listener::bind_for(&engine.home().docker_socket(), move |client| {
            let _entered = runtime.enter();
            let client = client.set_nonblocking(true).and_then(|()| tokio::net::UnixStream::from_std(client));
            match client {
                Ok(client) => drop(runtime.spawn(proxy.clone().serve(client))),
                Err(error) => tracing::warn!(%error, "a client of Docker can't be served"),
            }
        })
    }
}
