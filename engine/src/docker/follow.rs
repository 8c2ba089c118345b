//! Follows Docker's events, to know which containers use which share.

use std::sync::Arc;
use std::time::Duration;

use causeway_docker_proxy::{Docker, DockerError, Host};
use tokio::sync::Notify;

use super::host::EngineHost;
use super::usage::{Times, seen};
use crate::machine::Watching;

/// What of containers' events changes who uses what.
const EVENTS: &str = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22create%22%2C%22start%22%2C%22die%22%2C\
                      %22destroy%22%2C%22rename%22%2C%22pause%22%2C%22unpause%22%5D%7D";
const CONTAINERS: &str = "/containers/json?all=1";
const VOLUMES: &str = "/volumes";
/// Events that come together are answered by one look.
const TOGETHER: Duration = Duration::from_millis(50);
/// Docker's list may be later than its events, by as long as its disk takes: after the last of them it is asked for once more.
const LATE: Duration = Duration::from_secs(2);
/// How long to wait before Docker is tried again that couldn't be reached, unless somebody else reaches it meanwhile.
const AGAIN_MIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(30);

/// Why Docker isn't followed any more.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("{0}")]
    Unreachable(String),
    #[error(transparent)]
    Docker(#[from] DockerError),
}

/// Follows Docker for ever.
pub async fn follow(host: Arc<EngineHost>) {
    let _watching = wake_with_machine(&host);
    let mut again = AGAIN_MIN;
    loop {
        if !host.may_have_docker() {
            host.reached().notified().await;
            continue;
        }
        let mut was_followed = false;
        let Err(lost) = follow_once(&host, &mut was_followed).await;
        tracing::debug!(%lost, "which containers use shares isn't known");
        host.containers_are_unknown();
        again = if was_followed { AGAIN_MIN } else { (again * 2).min(AGAIN_MAX) };
        // Not at once, whoever has reached it.
        tokio::time::sleep(AGAIN_MIN).await;
        let _ = tokio::time::timeout(again, host.reached().notified()).await;
    }
}

/// A machine that comes up may have a Docker in it.
fn wake_with_machine(host: &Arc<EngineHost>) -> Watching {
    let reached: Arc<Notify> = Arc::clone(host.reached());
    host.machine().watch(Box::new(move || reached.notify_one()))
}

/// Follows one run of Docker, to its end.
async fn follow_once(host: &EngineHost, was_followed: &mut bool) -> Result<std::convert::Infallible, Lost> {
    // Before the list: what happens between the two isn't missed.
    let mut events = connect(host).await?.events(EVENTS).await?;
    let mut lists = connect(host).await?;
    let mut times = Times::default();
    let mut is_last = false;
    loop {
        let containers = lists.get(CONTAINERS).await?;
        let volumes = lists.get(VOLUMES).await?;
        let mut seen = seen(&containers, &volumes).map_err(|error| DockerError::Answer(error.to_string()))?;
        for id in times.tell(&mut seen) {
            // One that is gone meanwhile is told of by the next event.
            if let Ok(inspected) = lists.get(&format!("/containers/{id}/json")).await {
                times.learn(&inspected).map_err(|error| DockerError::Answer(error.to_string()))?;
            }
        }
        times.tell(&mut seen);
        host.containers_are(seen);
        *was_followed = true;
        let next = events.next();
        let happened = if is_last { Ok(next.await) } else { tokio::time::timeout(LATE, next).await };
        is_last = happened.is_err();
        let Ok(event) = happened else { continue };
        event?;
        let together = tokio::time::sleep(TOGETHER);
        tokio::pin!(together);
        loop {
            tokio::select! {
                () = &mut together => break,
                event = events.next() => event?,
            }
        }
    }
}

async fn connect(host: &EngineHost) -> Result<Docker, Lost> {
    let stream = host.connect().await.map_err(|refusal| Lost::Unreachable(refusal.message))?;
    Ok(Docker::on(stream).await?)
}
