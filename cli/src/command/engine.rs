//! `causeway engine start|stop|status`.

use causeway_api::{Client, EngineStatus, Home, Nothing, Timestamp};
use serde_json::json;

use crate::{
    connect,
    exit::Exit,
    show::{facts::Facts, numbers, paths, screen::Screen, state, times},
};

/// Starts the engine, unless it runs.
pub async fn start(home: &Home, screen: Screen) -> anyhow::Result<Exit> {
    let client = connect::reach(home).await?;
    show(&client, screen).await
}

/// Stops the engine. That none runs is as good.
pub async fn stop(home: &Home, screen: Screen) -> anyhow::Result<Exit> {
    let Some(client) = connect::connect(home).await? else {
        return not_running(screen, Exit::Done);
    };
    connect::stop(home, client).await?;
    if screen.json {
        screen.json(&json!({"running": false}))?;
    } else {
        screen.line("The engine has stopped.")?;
    }
    Ok(Exit::Done)
}

/// How the engine is.
pub async fn status(home: &Home, screen: Screen) -> anyhow::Result<Exit> {
    match connect::connect(home).await? {
        Some(client) => show(&client, screen).await,
        None => not_running(screen, Exit::NotRunning),
    }
}

fn not_running(screen: Screen, exit: Exit) -> anyhow::Result<Exit> {
    if screen.json {
        screen.json(&json!({"running": false}))?;
    } else {
        screen.line("No engine runs.")?;
    }
    Ok(exit)
}

#[derive(serde::Serialize)]
struct Running {
    running: bool,
    #[serde(flatten)]
    status: EngineStatus,
}

async fn show(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    let status = client.engine_status(&Nothing {}).await?;
    screen.show(&Running { running: true, status }, |running| lines(&running.status, Timestamp::now()))?;
    Ok(Exit::Done)
}

fn lines(status: &EngineStatus, now: Timestamp) -> Vec<String> {
    let mut facts = Facts::default();
    facts.add("Engine", format!("Running. {}", times::since(status.started, now)));
    facts.add("Version", format!("{}, process {}", status.version, status.pid));
    facts.add("Data", paths::on_host(&status.home));
    facts.add("Shares", numbers::count(status.shares));
    let (mark, style) = state::machine_mark(status.machine.state);
    facts.add("Machine", format!("{style}{mark}{style:#} {}", status.machine.state.words()));
    facts.lines()
}
