//! Standard input: a pipe whose other end only the engine holds. However the engine ends, the pipe ends too.

use std::io::{self, Read};
use std::time::Duration;

use causeway_wire::Stream;
use causeway_wire::greeting::{SECRET_BYTES, Secret};

/// How long the agent may take to end in good order. Shares are closed in a moment, but for a disk that doesn't answer.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Reads the secret that the engine tells first.
pub fn read_secret() -> io::Result<Secret> {
    let mut secret = [0; SECRET_BYTES];
    io::stdin().lock().read_exact(&mut secret)?;
    Ok(Secret(secret))
}

/// Ends the control connection when standard input ends: the rest follows from that.
pub fn watch(control: Box<dyn Stream>) -> io::Result<()> {
    let wait = move || {
        let mut ignored = [0; 64];
        while let Ok(1..) = io::stdin().lock().read(&mut ignored) {}
        tracing::info!("the engine is gone");
        // It may have ended already.
        let _ = control.shutdown();
    };
    std::thread::Builder::new().name("life-line".to_owned()).spawn(wait)?;
    Ok(())
}

/// From now on the agent ends within a bounded time. What isn't committed by then is found again by the next one.
pub fn limit_the_end() {
    let end = || {
        std::thread::sleep(END_LIMIT);
        tracing::warn!("the shares could not be closed in time");
        std::process::exit(1);
    };
    if let Err(error) = std::thread::Builder::new().name("end".to_owned()).spawn(end) {
        tracing::warn!(%error, "the end has no limit");
    }
}
