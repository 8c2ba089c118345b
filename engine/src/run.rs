//! An engine's life: from its lock to its end.

use std::sync::Arc;

use anyhow::Context;
use causeway_api::{EngineLock, Feed, Home, server, socket};

#[cfg(unix)]
use crate::docker;
use crate::doctor::system;
use crate::engine::Engine;
use crate::handler::Control;
use crate::logging;
use crate::machine::Machine;
use crate::machine::choose::choose;
use crate::settings::SettingsStore;

/// What a new engine does with its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineAtStart {
    /// Starts it.
    Started,
    /// Leaves it alone until it is asked to start it: for somebody who is to say first how it is set up.
    LeftAlone,
}

/// Runs an engine for `home` in this process until it is asked to stop: by the control API, by SIGTERM or SIGINT (Ctrl-C on
/// Windows). Fails at once where another engine runs.
///
/// The end is orderly and bounded: requests at work get 5 s, then all shares together 5 s, then the machine 5 s.
pub fn run(home: Home, machine: MachineAtStart) -> anyhow::Result<()> {
    home.prepare()?;
    let lock = EngineLock::take(&home)?;
    logging::start(&home).context("could not open the log")?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), home = %home.root().display(), "the engine starts");
    log_panics();
    system::raise_open_files();
    let ended = serve(home, lock, machine);
    match &ended {
        Ok(()) => tracing::info!("the engine has ended"),
        Err(error) => tracing::error!(error = format!("{error:#}"), "the engine could not go on"),
    }
    ended
}

fn serve(home: Home, lock: EngineLock, at_start: MachineAtStart) -> anyhow::Result<()> {
    std::fs::create_dir_all(home.shares_dir())?;
    let settings = SettingsStore::open(home.root())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("control")
        .enable_all()
        .build()
        .context("could not start the control API's threads")?;
    let listener = {
        let _entered = runtime.enter();
        socket::listen(&home).context("could not listen for the app and the command")?
    };
    let machine = choose(&home)?;
    let feed = Arc::new(Feed::new(machine.info()));
    let _shown = show_machine(&machine, &feed);
    if at_start == MachineAtStart::Started {
        machine.start();
    }
    let engine = Engine::start(home, lock, settings, machine, feed);
    #[cfg(unix)]
    let carrier = docker::Carrier::start().context("could not start the thread for Docker's clients")?;
    #[cfg(unix)]
    let docker =
        docker::listen(&engine, runtime.handle(), &carrier).context("could not listen for Docker's clients")?;
    let control = Arc::new(Control::new(Arc::clone(&engine)));
    let mut stopping = engine.stopping();
    runtime.block_on(async {
        let stop = async {
            tokio::select! {
                signal = end_of_process() => tracing::info!(signal, "asked to end"),
                _ = stopping.wait_for(|stopping| *stopping) => tracing::info!("asked to end by the control API"),
            }
        };
        server::serve(listener, control, stop).await;
    });
    engine.ask_to_stop();
    #[cfg(unix)]
    drop(docker);
    engine.stop();
    #[cfg(unix)]
    drop(carrier);
    // Work that still waits for a disk would hold this up.
    runtime.shutdown_background();
    Ok(())
}

/// Keeps what subscribers see of the machine up to date.
fn show_machine(machine: &Arc<dyn Machine>, feed: &Arc<Feed>) -> crate::machine::Watching {
    let (weak, feed) = (Arc::downgrade(machine), Arc::clone(feed));
    machine.watch(Box::new(move || {
        if let Some(machine) = weak.upgrade() {
            feed.put_machine(machine.info());
        }
    }))
}

/// Waits until the system, or a person at the terminal, wants the process to end.
#[cfg(unix)]
async fn end_of_process() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    match (terminate, interrupt) {
        (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        },
        // Without handlers the signals end the process as they always do.
        _ => std::future::pending().await,
    }
}

/// Waits until a person at the terminal wants the process to end.
#[cfg(not(unix))]
async fn end_of_process() -> &'static str {
    match tokio::signal::ctrl_c().await {
        Ok(()) => "Ctrl-C",
        Err(_) => std::future::pending().await,
    }
}

/// Panics go to the log too: standard error may be nowhere.
fn log_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("{panic}");
        before(panic);
    }));
}
