//! Commands about a share that ask once and show the answer.

use causeway_api::{
    Client, ConfigureShare, FlushShare, Flushed, Nothing, OfShare, RemoveShare, ResumeShare, ShareInfo, Timestamp,
};
use serde_json::json;

use super::{share_facts, share_table};
use crate::{
    args::{Flush, Remove, Resume, SetMode},
    exit::Exit,
    progress::Bar,
    show::{numbers, screen::Screen, state, times},
};

/// All shares.
pub async fn list(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    let shares = client.share_list(&Nothing {}).await?;
    screen.show(&shares, |shares| share_table::lines(shares, screen.columns(), Timestamp::now()))?;
    Ok(Exit::Done)
}

/// One share.
pub async fn show(client: &Client, screen: Screen, of: &OfShare) -> anyhow::Result<Exit> {
    let share = client.share_show(of).await?;
    screen.show(&share, |share| share_facts::lines(share, Timestamp::now()))?;
    Ok(Exit::Done)
}

/// Pauses.
pub async fn pause(client: &Client, screen: Screen, of: &OfShare) -> anyhow::Result<Exit> {
    became(screen, &client.share_pause(of).await?)
}

/// Resumes.
pub async fn resume(client: &Client, screen: Screen, resume: Resume) -> anyhow::Result<Exit> {
    let resume = ResumeShare { share: resume.share.name, accept: resume.accept };
    became(screen, &client.share_resume(&resume).await?)
}

/// Resets.
pub async fn reset(client: &Client, screen: Screen, of: &OfShare) -> anyhow::Result<Exit> {
    became(screen, &client.share_reset(of).await?)
}

/// Another mode.
pub async fn set_mode(client: &Client, screen: Screen, wish: SetMode) -> anyhow::Result<Exit> {
    let wish = ConfigureShare { share: wish.share.name, mode: wish.mode.0 };
    became(screen, &client.share_configure(&wish).await?)
}

/// Tries problems again.
pub async fn retry(client: &Client, screen: Screen, of: &OfShare) -> anyhow::Result<Exit> {
    became(screen, &client.share_retry(of).await?)
}

/// How a share is after a command.
fn became(screen: Screen, share: &ShareInfo) -> anyhow::Result<Exit> {
    screen.show(share, |share| vec![state_line(share, Timestamp::now())])?;
    Ok(Exit::Done)
}

/// `● storefront: Watching for filesystem changes. Last change 4 s ago, 6 ms`.
pub fn state_line(share: &ShareInfo, now: Timestamp) -> String {
    let (mark, style) = state::mark(share.state);
    let line = state::line(share, now);
    let words = state::words(share).replacen(mark, "", 1);
    let dot = if line.is_empty() { "" } else { ". " };
    format!("{style}{mark}{style:#} {}:{words}{dot}{line}", share.name)
}

/// Waits until both sides are the same.
pub async fn flush(client: &Client, screen: Screen, flush: Flush) -> anyhow::Result<Exit> {
    let bar = Bar::new(screen.json);
    bar.say(format!("Flushing {}", flush.share.name));
    let timeout_ms = u64::try_from(flush.timeout.as_millis()).unwrap_or(u64::MAX);
    let flushed = client.share_flush(&FlushShare { share: flush.share.name.clone(), timeout_ms }).await?;
    drop(bar);
    screen.show(&flushed, |flushed| flush_lines(&flush.share.name, flushed))?;
    Ok(Exit::attention_if(flushed.conflicts + flushed.problems > 0))
}

fn flush_lines(name: &str, flushed: &Flushed) -> Vec<String> {
    let took = times::duration(flushed.took_ms);
    let mut without = Vec::new();
    if flushed.conflicts > 0 {
        without.push(numbers::counted(flushed.conflicts, "conflict", "conflicts"));
    }
    if flushed.problems > 0 {
        without.push(numbers::counted(flushed.problems, "problem", "problems"));
    }
    let but = if without.is_empty() { String::new() } else { format!(", but for {}", without.join(" and ")) };
    vec![format!("Flushed {name} in {took}: all that stood on either side stands on both{but}.")]
}

/// Removes.
pub async fn remove(client: &Client, screen: Screen, remove: Remove) -> anyhow::Result<Exit> {
    let share = client.share_show(&OfShare { share: remove.share.name.clone() }).await?;
    let bar = Bar::new(screen.json);
    bar.say(format!("Removing {}", share.name));
    client.share_remove(&RemoveShare { share: remove.share.name, force: remove.force }).await?;
    drop(bar);
    screen.show(&json!({"removed": share.id, "name": share.name}), |_| {
        vec![format!("Removed the share {}. The folder stays as it is.", share.name)]
    })?;
    Ok(Exit::Done)
}

/// Deletes what newly ignored paths left in the guest.
pub async fn prune(client: &Client, screen: Screen, of: &OfShare) -> anyhow::Result<Exit> {
    let bar = Bar::new(screen.json);
    bar.say(format!("Pruning {}", of.share));
    let pruned = client.share_prune(of).await?;
    drop(bar);
    screen.show(&pruned, |pruned| {
        let line = match pruned.entries {
            0 => "Nothing to prune: newly ignored paths left nothing in the guest.".to_owned(),
            n => format!("Pruned {}, {}, in the guest.", numbers::entries(n), numbers::bytes(pruned.bytes)),
        };
        vec![line]
    })?;
    Ok(Exit::Done)
}

/// Removes shares that nothing uses.
pub async fn prune_unused(client: &Client, screen: Screen) -> anyhow::Result<Exit> {
    let bar = Bar::new(screen.json);
    bar.say("Removing what nothing uses");
    let removed = client.share_prune_unused(&Nothing {}).await?;
    drop(bar);
    screen.show(&removed, |removed| match removed.as_slice() {
        [] => vec!["Nothing to remove: each share was made by you, or a container has it.".to_owned()],
        removed => removed.iter().map(|name| format!("Removed the share {name}. The folder stays as it is.")).collect(),
    })?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use causeway_api::State;

    use super::*;
    use crate::command::share_table::tests::{at, share};

    #[test]
    fn lines_say_what_is() {
        let plain = |text: String| anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain(state_line(&share("web"), at(0))), "● web: Watching for filesystem changes");
        let paused = ShareInfo { state: State::Paused, ..share("web") };
        assert_eq!(plain(state_line(&paused, at(5))), "‖ web: Paused. For 5 s");
        let flushed = |conflicts, problems| Flushed { took_ms: 12, conflicts, problems };
        assert_eq!(
            flush_lines("web", &flushed(0, 0)),
            ["Flushed web in 12 ms: all that stood on either side stands on both."]
        );
        assert!(flush_lines("web", &flushed(1, 2))[0].ends_with("both, but for 1 conflict and 2 problems."));
    }
}
