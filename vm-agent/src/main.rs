//! The agent: the guest's side of every share.
//!
//! On the `local` machine it is a child process of the engine, started as `causeway-agent --socket PATH --disk DIR`. It reads the
//! machine's secret, 32 bytes, from its standard input, and dials the engine at the socket. Standard input stays open: when it
//! ends, the engine has, and so does the agent, in good order. It logs to standard error; `CAUSEWAY_LOG` filters.
//!
//! In a VM it is PID 1 first ([`init`]), which starts it again as `causeway-agent --vsock PORT --disk DIR`, with the same standard
//! input.
//!
//! Absent by design: deciding, and listening: all connections are the agent's to dial.
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(unix)]
mod arguments;
#[cfg(unix)]
mod channel;
#[cfg(unix)]
mod clock;
#[cfg(unix)]
mod control;
#[cfg(unix)]
mod datagrams;
#[cfg(unix)]
mod dial;
#[cfg(unix)]
mod disk;
#[cfg(target_os = "linux")]
mod init;
#[cfg(unix)]
mod life_line;
#[cfg(target_os = "linux")]
mod parcels;
#[cfg(unix)]
mod remove;
#[cfg(unix)]
mod session;
#[cfg(unix)]
mod shares;
#[cfg(target_os = "linux")]
mod shell;

/// Exit code of an agent that ended because the engine asked for it.
#[cfg(unix)]
const ENDED_AS_ASKED: u8 = 0;
/// Exit code of an agent whose engine is gone.
#[cfg(unix)]
const ENGINE_GONE: u8 = 3;

// Most of what a large share costs beside the disk's work is in small pieces of memory; see docs/performance.md.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(unix)]
fn main() -> anyhow::Result<std::process::ExitCode> {
    #[cfg(target_os = "linux")]
    if init::is_first() {
        init::run();
    }
    let arguments = arguments::parse(std::env::args_os().skip(1))?;
    let filter = tracing_subscriber::EnvFilter::try_from_env("CAUSEWAY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        // A line for which the disk has no room is lost: to say so there would be a panic.
        .log_internal_errors(false)
        .init();
    // Out of the terminal's process group: what interrupts the engine there is the engine's to pass on. Fails where the agent
    // leads a group already, which serves as well.
    let _ = rustix::process::setsid();
    serve(arguments).map(std::process::ExitCode::from)
}

/// Serves the engine until either ends; returns the exit code.
#[cfg(unix)]
fn serve(arguments: arguments::Arguments) -> anyhow::Result<u8> {
    use std::sync::Arc;

    use anyhow::Context;
    use causeway_wire::greeting::Purpose;

    // What is created in a share gets the permissions that the share demands in one call; the agent's own files say theirs.
    rustix::process::umask(rustix::fs::Mode::empty());

    let secret = life_line::read_secret().context("the secret could not be read from standard input")?;
    let disk = disk::Disk::open(&arguments.disk)?;
    let dialler = dial::Dialler::new(arguments.engine.connect(), secret)?;
    let stream = dialler
        .dial(Purpose::Agent)
        .with_context(|| format!("the engine could not be reached at {}", arguments.engine))?;
    life_line::watch(stream.try_clone()?)?;

    tracing::info!(disk = %disk.root().display(), "the agent is connected");
    let shares = Arc::new(shares::Shares::new(disk)?);
    let served = control::serve(stream, &shares, &Arc::new(dialler));
    life_line::limit_the_end();
    shares.close_all();
    match served {
        Ok(control::End::Asked) => {
            tracing::info!("the agent ends");
            Ok(ENDED_AS_ASKED)
        }
        Ok(control::End::Closed) => {
            tracing::info!("the agent ends: the engine closed the connection");
            Ok(ENGINE_GONE)
        }
        Err(error) => {
            tracing::warn!(%error, "the agent ends: the control connection broke");
            Ok(ENGINE_GONE)
        }
    }
}

/// The engine has no agent on systems that aren't Unix: there it runs in a virtual machine, or somewhere else.
#[cfg(not(unix))]
fn main() {
    eprintln!("causeway-agent runs on Linux and macOS, in a machine that the engine reaches");
    std::process::exit(1);
}
