//! Reaches the engine, and starts it in the background where none runs.

use std::{
    fs::{self, File},
    io::{Seek, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;
use causeway_api::{
    CallError, Client, EngineLock, EngineStatus, Home, Nothing, PROTOCOL_VERSION, Remedy, home::HOME_VARIABLE,
};

use crate::exit::Unreachable;

/// How long an engine may take until it listens.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// How long an engine that closes connections may take until it is gone.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// How long an engine may take to end after it was asked to.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Without so much room an engine isn't started: it writes a log, its lock and what it remembers.
const ROOM_BYTES_MIN: usize = 256 << 10;

/// How often to look meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The engine of `home`; started, if none runs.
pub async fn reach(home: &Home) -> anyhow::Result<Client> {
    match connect(home).await? {
        Some(client) => Ok(client),
        None => start(home, &[]).await,
    }
}

/// The engine of `home`; `None` if none runs.
pub async fn connect(home: &Home) -> anyhow::Result<Option<Client>> {
    let deadline = Instant::now() + END_PATIENCE;
    loop {
        match greet(home).await {
            Ok((client, status)) => {
                check_version(&status)?;
                return Ok(Some(client));
            }
            Err(CallError::NotRunning { .. }) => return Ok(None),
            // It was just ending.
            Err(CallError::Closed) if Instant::now() < deadline => tokio::time::sleep(LOOK_AGAIN).await,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn greet(home: &Home) -> Result<(Client, EngineStatus), CallError> {
    let client = Client::connect(home).await?;
    let status = client.engine_status(&Nothing {}).await?;
    Ok((client, status))
}

fn check_version(status: &EngineStatus) -> anyhow::Result<()> {
    if status.protocol == PROTOCOL_VERSION {
        return Ok(());
    }
    Err(Unreachable {
        message: format!(
            "The engine that runs is version {}, this command is version {}, and they don't understand each other.",
            status.version,
            env!("CARGO_PKG_VERSION")
        ),
        remedy: Some(Remedy::command(
            "Stop the engine; the next command starts its own.",
            format!("kill {}", status.pid),
        )),
    }
    .into())
}

/// An engine of `home` that hasn't begun with its machine, for what is to be said before; `None` if one runs already.
pub async fn start_without_machine(home: &Home) -> anyhow::Result<Option<Client>> {
    match connect(home).await? {
        Some(_) => Ok(None),
        None => start(home, &["--without-machine"]).await.map(Some),
    }
}

/// Starts the engine in the background and waits until it listens.
async fn start(home: &Home, options: &[&str]) -> anyhow::Result<Client> {
    home.prepare()?;
    let mut engine = spawn(home, options)?;
    let deadline = Instant::now() + START_PATIENCE;
    loop {
        if let Some(client) = connect(home).await? {
            return Ok(client);
        }
        // One that ended because another command's engine was faster is no failure.
        if let Some(status) = engine.try_wait()?
            && !EngineLock::is_taken(home)
        {
            return Err(failed(home, &format!("The engine ended at once ({status}).")));
        }
        if Instant::now() > deadline {
            return Err(failed(home, &format!("The engine doesn't listen after {} s.", START_PATIENCE.as_secs())));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn spawn(home: &Home, options: &[&str]) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("finding this program")?;
    let output =
        make_output(&home.stderr_file()).with_context(|| format!("writing {}", home.stderr_file().display()))?;
    let mut command = Command::new(program);
    command
        .args(["engine", "run", "--background"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    // So that it keeps no other file system from being unmounted.
    command.current_dir(home.root());
    if std::env::var_os(HOME_VARIABLE).is_some_and(|value| !value.is_empty()) {
        // The value may be relative to where this command runs.
        command.env(HOME_VARIABLE, home.root());
    }
    apart(&mut command);
    command.spawn().context("starting the engine")
}

/// The file for what the engine says before it can write its log. On a disk that is full the engine couldn't say even that.
fn make_output(path: &Path) -> std::io::Result<File> {
    let mut output = File::create(path)?;
    output.write_all(&[0; ROOM_BYTES_MIN])?;
    output.set_len(0)?;
    output.rewind()?;
    Ok(output)
}

/// On Unix the engine leaves the terminal's session itself; see `engine run`.
#[cfg(not(windows))]
fn apart(_: &mut Command) {}

#[cfg(windows)]
fn apart(command: &mut Command) {
    use std::os::windows::process::CommandExt;
    /// `CREATE_NEW_PROCESS_GROUP | DETACHED_PROCESS`, by "Process Creation Flags".
    const FLAGS: u32 = 0x0000_0200 | 0x0000_0008;
    command.creation_flags(FLAGS);
}

/// Says what the engine said last.
fn failed(home: &Home, message: &str) -> anyhow::Error {
    let last = last_lines(&home.stderr_file(), 8);
    let message = if last.is_empty() { message.to_owned() } else { format!("{message} It said:\n{last}") };
    let remedy = Remedy::command("See the log.", "causeway logs");
    Unreachable { message, remedy: Some(remedy) }.into()
}

fn last_lines(path: &Path, count: usize) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Asks the engine to stop and waits until it has.
pub async fn stop(home: &Home, client: Client) -> anyhow::Result<()> {
    client.engine_stop(&Nothing {}).await?;
    drop(client);
    let deadline = Instant::now() + STOP_PATIENCE;
    while EngineLock::is_taken(home) {
        if Instant::now() > deadline {
            return Err(failed(home, &format!("The engine still runs after {} s.", STOP_PATIENCE.as_secs())));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
