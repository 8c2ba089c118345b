//! The app: the engine in this process, or the one that already runs, and what is to be seen of it: for now a line in the terminal
//! for every state that a share comes to.
//!
//! Absent by design: anything that the command couldn't do as well. Both speak to the engine through the control API alone.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use causeway_api::feed::Snapshot;
use causeway_api::{CallError, Client, EngineLock, Home, ShareId};

/// How often to look whether an engine that is starting listens already.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Runs until the engine ends, or a person ends the program.
pub fn run() -> anyhow::Result<()> {
    let home = Home::locate()?;
    home.prepare()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if EngineLock::is_taken(&home) {
        println!("An engine runs already; this shows what it does.");
        return runtime.block_on(async { follow(&Client::connect(&home).await?).await });
    }
    let theirs = home.clone();
    let engine = thread::Builder::new().name("engine".to_owned()).spawn(move || causeway_engine::run(theirs))?;
    let shown = runtime.block_on(async {
        while !engine.is_finished() {
            match Client::connect(&home).await {
                Ok(client) => return follow(&client).await,
                Err(CallError::NotRunning { .. }) => tokio::time::sleep(LOOK_AGAIN).await,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    });
    // It ends by the signal that ends this program, or by a request; if it could not start, it says why.
    engine.join().map_err(|_| anyhow::anyhow!("the engine broke down"))??;
    shown
}

/// Shows what happens until the engine closes the connection, as it does when it ends.
async fn follow(client: &Client) -> anyhow::Result<()> {
    let mut follower = client.follow().await.context("the engine can't be followed")?;
    let mut said = BTreeMap::new();
    say_what_is_new(follower.current(), &mut said);
    loop {
        match follower.changed().await {
            Ok(snapshot) => say_what_is_new(snapshot, &mut said),
            Err(CallError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A line for each share whose state, or whose account of it, is another one than was said last.
fn say_what_is_new(snapshot: &Snapshot, said: &mut BTreeMap<ShareId, String>) {
    said.retain(|id, _| snapshot.shares.iter().any(|share| share.id == *id));
    for share in &snapshot.shares {
        let detail = share.detail.as_deref().unwrap_or_default();
        let line = format!("{}: {}. {detail}", share.name, share.state.words());
        if said.get(&share.id) != Some(&line) {
            println!("{}", line.trim_end());
            said.insert(share.id.clone(), line);
        }
    }
}
