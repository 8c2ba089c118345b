//! The guest's Docker API on the host: a Unix socket whose connections are carried into the guest as they are.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use causeway_wire::channel::Target;

use super::channels::{ChannelError, Channels};
use crate::remote::Listener;

/// How long a client waits for a machine and a Docker that are on their way up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait for what a client says that is going to be refused.
const REQUEST_LIMIT: Duration = Duration::from_secs(1);

/// Listens at `path`. Dropping what is returned ends that; connections that are open go on.
pub fn listen(path: &Path, channels: Channels) -> io::Result<Listener> {
    Listener::bind_for(path, move |client| {
        let channels = channels.clone();
        let serve = move || {
            if let Err((client, error)) = channels.connect(client, Target::Docker, PATIENCE) {
                tracing::warn!(%error, "a client of Docker was turned away");
                // It may have left.
                let _ = refuse(client, &error);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("docker".to_owned()).spawn(serve) {
            tracing::warn!(%error, "a client of Docker can't be served");
        }
    })
}

/// Tells a client why, in the way in which Docker tells errors.
fn refuse(mut client: UnixStream, error: &ChannelError) -> io::Result<()> {
    client.set_read_timeout(Some(REQUEST_LIMIT))?;
    // An answer to what wasn't read is lost. What it is about doesn't matter.
    let _ = client.read(&mut [0; 16 * 1024])?;
    let body = serde_json::json!({ "message": format!("Causeway: {error}") }).to_string();
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}
