//! `causeway share verify`.

use std::pin::pin;

use causeway_api::{Because, Client, Difference, OfShare, ShareInfo, Timestamp, Verification};

use super::conflicts::entry;
use crate::{
    exit::Exit,
    progress::Bar,
    show::{
        numbers, paths,
        screen::Screen,
        table::{Align, Table},
        times,
    },
};

/// Reads both sides whole, and compares. Who ends the command ends the reading: the engine notices that nobody waits any more.
pub async fn run(client: &Client, screen: Screen, of: &OfShare) -> anyhow::Result<Exit> {
    let bar = Bar::new(screen.json);
    bar.say(format!("Reading both sides of {}", of.share));
    let mut follower = client.follow().await?;
    let mut verification = pin!(client.share_verify(of));
    let found = loop {
        tokio::select! {
            found = &mut verification => break found?,
            changed = follower.changed() => drop(changed?),
        }
        let is_it = |share: &&ShareInfo| share.name.as_str() == of.share || share.id.0 == of.share;
        if let Some(at) = follower.current().shares.iter().find(is_it).and_then(|share| share.verifying.as_ref()) {
            bar.verifying(at);
        }
    };
    drop(bar);
    screen.show(&found, |found| lines(&of.share, found, screen.columns(), Timestamp::now()))?;
    Ok(Exit::attention_if(needs_a_person(&found)))
}

/// Ends the verification that is under way.
pub async fn stop(client: &Client, screen: Screen, of: &OfShare) -> anyhow::Result<Exit> {
    let stopped = client.share_stop_verifying(of).await?;
    screen.show(&stopped, |_| vec![format!("{} is not being verified any more.", of.share)])?;
    Ok(Exit::Done)
}

/// What the mode lets differ, and what is on its way, is as it should be.
fn needs_a_person(found: &Verification) -> bool {
    let waits = |difference: &Difference| matches!(difference.because, Because::Conflict | Because::Problem);
    found.unexplained > 0 || found.differences.iter().any(waits)
}

fn lines(share: &str, found: &Verification, columns: Option<usize>, now: Timestamp) -> Vec<String> {
    let compared = format!(
        "{}: compared {}, read {} in {}",
        share,
        numbers::entries(found.entries),
        numbers::bytes(found.bytes),
        times::duration(found.took_ms)
    );
    if found.differ == 0 {
        return vec![format!("{compared}. No differences.")];
    }
    let mut table =
        Table::new([("BECAUSE", Align::Left), ("HOST", Align::Left), ("GUEST", Align::Left), ("PATH", Align::Path)]);
    for difference in &found.differences {
        table.row(
            [
                because(difference.because).into(),
                entry(&difference.host, false, now).into(),
                entry(&difference.guest, false, now).into(),
                paths::in_share(&difference.path).into(),
            ],
            Vec::new(),
        );
    }
    let mut lines = vec![format!(
        "{compared}. {}, {} without a known reason.",
        numbers::counted(found.differ, "difference", "differences"),
        numbers::count(found.unexplained)
    )];
    lines.extend(table.lines(columns));
    let more = found.differ.saturating_sub(found.differences.len() as u64);
    if more > 0 {
        lines.push(format!("… and {} more.", numbers::count(more)));
    }
    lines
}

fn because(because: Because) -> &'static str {
    match because {
        Because::Conflict => "conflict",
        Because::Problem => "problem",
        Because::Mode => "the mode",
        Because::Pending => "changed meanwhile",
        Because::Unknown => "not known",
    }
}

#[cfg(test)]
mod tests {
    use causeway_api::SideEntry;

    use super::*;
    use crate::command::share_table::tests::at;

    fn found(because: &[Because]) -> Verification {
        let difference = |because: &Because| Difference {
            path: "a".into(),
            host: SideEntry::Directory,
            guest: SideEntry::Absent,
            because: *because,
        };
        let unexplained = because.iter().filter(|because| **because == Because::Unknown).count() as u64;
        Verification {
            at: at(0),
            took_ms: 1_900,
            entries: 133_919,
            bytes: 4_690_000_000,
            differ: because.len() as u64,
            unexplained,
            differences: because.iter().map(difference).collect(),
        }
    }

    #[test]
    fn only_what_waits_needs_a_person() {
        for (because, needs) in [
            (&[][..], false),
            (&[Because::Mode, Because::Pending], false),
            (&[Because::Mode, Because::Conflict], true),
            (&[Because::Problem], true),
            (&[Because::Unknown], true),
        ] {
            assert_eq!(needs_a_person(&found(because)), needs, "{because:?}");
        }
    }

    #[test]
    fn the_report_counts_and_lists() {
        let shown = |found: &Verification| lines("web", found, None, at(0)).join("\n").replace('\u{202f}', " ");
        assert_eq!(shown(&found(&[])), "web: compared 133 919 entries, read 4.69 GB in 1.9 s. No differences.");
        let many = Verification { differ: 5000, ..found(&[Because::Unknown]) };
        let shown = anstream::adapter::strip_str(&shown(&many)).to_string();
        assert!(shown.contains("5 000 differences, 1 without a known reason."), "{shown}");
        assert!(shown.contains("not known  Directory  Deleted  a\n"), "{shown}");
        assert!(shown.ends_with("… and 4 999 more."), "{shown}");
    }
}
