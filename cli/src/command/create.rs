//! `causeway share create`.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use causeway_api::{
    ApiError, Client, CreateShare, ErrorCode, PathBytes, Patterns, ShareId, ShareInfo, State, Timestamp,
};

use super::{share, share_facts};
use crate::{
    args::Create,
    exit::Exit,
    progress::Bar,
    show::{numbers, screen::Screen, state, times},
};

/// How long a share may be Disconnected before that is taken for the answer.
const DISCONNECTED_PATIENCE: Duration = Duration::from_secs(60);

/// Makes a share, and waits until it is ready.
pub async fn run(client: &Client, screen: Screen, create: Create) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let wish = CreateShare {
        host_path: absolute(&create.dir)?,
        name: create.name,
        mode: create.mode.0,
        symlinks: create.symlinks.0,
        patterns: Patterns {
            exclude: create.exclude,
            upload_exclude: create.upload_exclude,
            download_exclude: create.download_exclude,
        },
        force: create.force,
        ignore_lines: Vec::new(),
    };
    let made = client.share_create(&wish).await?;
    if create.no_wait {
        screen.show(&made, |made| vec![share::state_line(made, Timestamp::now())])?;
        return Ok(Exit::Done);
    }
    let ready = wait(client, screen, &made.id).await?;
    screen.show(&ready, |ready| lines(ready, began.elapsed()))?;
    Ok(Exit::attention_if(state::needs_a_person(ready.state)))
}

/// The folder's path from the root of the file system; whether it is a folder is for the engine to say.
fn absolute(dir: &Path) -> anyhow::Result<PathBytes> {
    let path = match fs::canonicalize(dir) {
        // Of the kind `\\?\`, which not every program can read.
        Ok(path) if !cfg!(windows) => path,
        _ => std::path::absolute(dir).with_context(|| format!("finding {}", dir.display()))?,
    };
    Ok(path.as_path().into())
}

/// Waits until the share is no longer Preparing.
async fn wait(client: &Client, screen: Screen, id: &ShareId) -> anyhow::Result<ShareInfo> {
    let bar = Bar::new(screen.json);
    let mut follower = client.follow().await?;
    let mut connected = Instant::now();
    loop {
        let Some(share) = follower.current().shares.iter().find(|share| share.id == *id) else {
            return Err(causeway_api::CallError::from(ApiError::new(
                ErrorCode::NoSuchShare,
                "The share was removed before it was ready.",
            ))
            .into());
        };
        bar.share(share);
        match share.state {
            State::Preparing | State::Syncing => connected = Instant::now(),
            State::Disconnected if connected.elapsed() < DISCONNECTED_PATIENCE => {}
            State::Disconnected => anyhow::bail!(
                "the share {} exists, but the agent can't be reached: {}",
                share.name,
                share.detail.as_deref().unwrap_or("the reason isn't known")
            ),
            _ => return Ok(share.clone()),
        }
        let patience = DISCONNECTED_PATIENCE.saturating_sub(connected.elapsed()).max(Duration::from_millis(100));
        // No news is news after that time.
        if let Ok(changed) = tokio::time::timeout(patience, follower.changed()).await {
            changed?;
        }
    }
}

fn lines(share: &ShareInfo, took: Duration) -> Vec<String> {
    let took = times::duration(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    let mut lines = vec![format!(
        "{} is shared: {}, {}, ready after {took}.",
        share.name,
        numbers::entries(share.entries.tracked()),
        numbers::bytes(share.space.host_bytes)
    )];
    if state::needs_a_person(share.state) {
        lines.extend(share_facts::lines(share, Timestamp::now()));
    } else {
        lines.push(share::state_line(share, Timestamp::now()));
    }
    lines
}
