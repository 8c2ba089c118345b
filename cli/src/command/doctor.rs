//! `causeway doctor`: what the engine finds, and what only shows from outside it.

use causeway_api::{Check, Home, Nothing, Remedy, Verdict};

use crate::{
    connect,
    exit::{Exit, Unreachable},
    progress::Bar,
    show::{facts::remedy_lines, numbers, paths, screen::Screen, state},
};

/// Looks at everything.
pub async fn run(home: &Home, screen: Screen) -> anyhow::Result<Exit> {
    let bar = Bar::new(screen.json);
    bar.say("Looking");
    let mut checks: Vec<_> = [check_home(home)].into_iter().chain(check_limits()).collect();
    match examine(home).await {
        Ok(found) => {
            checks.push(check("engine", "The engine", Verdict::Good, "It runs and answers.".into()));
            checks.push(check_socket(home));
            // What the engine looked at itself it knows better.
            checks.retain(|own| !found.iter().any(|check| check.code == own.code));
            checks.extend(found);
        }
        Err(error) => {
            let remedy = error.downcast_ref::<Unreachable>().and_then(|unreachable| unreachable.remedy.clone());
            checks.push(Check { remedy, ..check("engine", "The engine", Verdict::Bad, format!("{error:#}")) });
        }
    }
    drop(bar);
    screen.show(&checks, |checks| lines(checks))?;
    Ok(Exit::attention_if(checks.iter().any(|check| check.verdict == Verdict::Bad)))
}

async fn examine(home: &Home) -> anyhow::Result<Vec<Check>> {
    Ok(connect::reach(home).await?.doctor(&Nothing {}).await?)
}

fn lines(checks: &[Check]) -> Vec<String> {
    let mut lines = Vec::new();
    for check in checks {
        let (mark, style) = state::verdict_mark(check.verdict);
        lines.push(format!("{style}{mark}{style:#} {}: {}", paths::safe(&check.title), paths::safe(&check.sentence)));
        lines.extend(check.remedy.iter().flat_map(|remedy| remedy_lines(remedy, 2)));
    }
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count() as u64;
    let sum = match (count(Verdict::Bad), count(Verdict::Warning)) {
        (0, 0) => "All is as it should be.".to_owned(),
        (bad, warnings) => {
            format!(
                "{}, {}, {} in order.",
                numbers::counted(bad, "failure", "failures"),
                numbers::counted(warnings, "warning", "warnings"),
                numbers::count(count(Verdict::Good))
            )
        }
    };
    lines.extend([String::new(), sum]);
    lines
}

fn check(code: &str, title: &str, verdict: Verdict, sentence: String) -> Check {
    Check { code: code.into(), title: title.into(), verdict, sentence, remedy: None }
}

fn check_home(home: &Home) -> Check {
    let title = "Causeway's folder";
    let shown = home.root().display();
    let probe = home.run_dir().join(format!("doctor-{}", std::process::id()));
    let written = home.prepare().map_err(anyhow::Error::from).and_then(|()| Ok(std::fs::write(&probe, "")?));
    // Where it couldn't be written there is nothing to remove.
    let _ = std::fs::remove_file(&probe);
    match written {
        Ok(()) => check("home", title, Verdict::Good, format!("{shown} can be written.")),
        Err(error) => Check {
            remedy: Some(Remedy::sentence("Make it writable for you, or set CAUSEWAY_HOME to a folder that is.")),
            ..check("home", title, Verdict::Bad, format!("{shown} can't be written: {error:#}."))
        },
    }
}

/// Watches that a system for developers has; many distributions come with an eighth of it or less.
const WATCHES_WANTED: u64 = 524_288;

/// The limit on inotify watches, as long as the engine can't compare it with the shares (inotify(7)).
fn check_limits() -> Option<Check> {
    let limit: u64 = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok()?.trim().parse().ok()?;
    let title = "Watched directories";
    let sentence = format!("The system allows {} watches.", numbers::count(limit));
    if limit >= WATCHES_WANTED / 8 {
        return Some(check("inotify_watches", title, Verdict::Good, sentence));
    }
    let command = format!(
        "echo fs.inotify.max_user_watches={WATCHES_WANTED} | sudo tee /etc/sysctl.d/60-causeway.conf && sudo sysctl --system"
    );
    let remedy = Remedy::command("Raise the limit; directories over it are polled meanwhile.", command);
    Some(Check { remedy: Some(remedy), ..check("inotify_watches", title, Verdict::Warning, sentence) })
}

#[cfg(unix)]
fn check_socket(home: &Home) -> Check {
    use std::os::unix::fs::MetadataExt;
    let title = "The engine's socket";
    let path = home.engine_socket();
    let mode = |path: &std::path::Path| std::fs::metadata(path).map(|metadata| metadata.mode() & 0o777);
    match (mode(&path), mode(home.sockets_dir())) {
        (Ok(0o600), Ok(0o700)) => {
            check("socket", title, Verdict::Good, format!("{} is open to you alone.", path.display()))
        }
        (Ok(_), Ok(_)) => Check {
            remedy: Some(Remedy::command(
                "Close it.",
                format!("chmod 700 '{}' && chmod 600 '{}'", home.sockets_dir().display(), path.display()),
            )),
            ..check("socket", title, Verdict::Bad, format!("{} can be seen by other users.", path.display()))
        },
        (Err(error), _) | (_, Err(error)) => {
            check("socket", title, Verdict::Bad, format!("{} can't be looked at: {error}.", path.display()))
        }
    }
}

#[cfg(not(unix))]
fn check_socket(home: &Home) -> Check {
    check("socket", "The engine's pipe", Verdict::Good, format!("{} answers.", home.engine_socket().display()))
}
