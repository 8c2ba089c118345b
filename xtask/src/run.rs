//! Causeway for a person: the app, or where there is no display the engine, and its live status in the terminal.

use std::env;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cargo::{APP, Workspace, must, succeeds};
use crate::{image, setup, ui};

/// How often the status program is looked at.
const LOOK_MS: u64 = 50;
/// How long the status program may take to end by itself after Ctrl-C, which the terminal sends to it as well.
const ENDING_MS_MAX: u64 = 2_000;

/// Set by Ctrl-C, and by a request to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Installs what is missing, builds, and opens the app or shows the status in the terminal.
pub fn run(workspace: &Workspace, debug: bool, terminal: bool) -> Result<()> {
    if terminal {
        return in_terminal(workspace, debug);
    }
    if !has_display() {
        println!("There is no display: no window can be opened. This is the status in the terminal.");
        return in_terminal(workspace, debug);
    }
    in_window(workspace, debug)
}

fn profile(debug: bool) -> &'static str {
    if debug { "dev" } else { "release" }
}

/// Whether windows can be opened. On other systems than those with X or Wayland they always can.
fn has_display() -> bool {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

/// Builds and opens the app, and waits for its end.
fn in_window(workspace: &Workspace, debug: bool) -> Result<()> {
    let profile = profile(debug);
    setup::to_build_app(workspace)?;
    ui::build(workspace)?;
    let programs = ["-p", APP, "-p", "causeway-cli", "-p", "causeway-agent"];
    must(workspace.cargo(&["build", "--profile", profile]).args(programs))?;
    let image = guest(workspace, debug);
    println!("Causeway opens. A terminal can use it too: {}", workspace.program(profile, "causeway").display());
    println!("Closing the window leaves it in the tray; Ctrl-C here, or Quit there, ends it.");
    // The app ends in good order by the signal that Ctrl-C sends to both.
    ctrlc::set_handler(|| ENDING.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")?;
    let mut app = workspace.command(workspace.program(profile, APP));
    must(app.envs(image.iter().map(|at| ("CAUSEWAY_IMAGE", at))))
}

/// Builds, starts the engine unless one runs, shows the status until Ctrl-C, and stops the engine if this is what started it.
fn in_terminal(workspace: &Workspace, debug: bool) -> Result<()> {
    let profile = profile(debug);
    setup::to_build(workspace)?;
    must(&mut workspace.cargo(&["build", "--profile", profile, "-p", "causeway-cli", "-p", "causeway-agent"]))?;
    let causeway = workspace.program(profile, "causeway");
    let image = guest(workspace, debug);

    ctrlc::set_handler(|| ENDING.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")?;
    let was_running = succeeds(workspace.command(&causeway).args(["engine", "status"]));
    if !was_running {
        must(
            workspace.command(&causeway).args(["engine", "start"]).envs(image.iter().map(|at| ("CAUSEWAY_IMAGE", at))),
        )?;
    }
    println!("Causeway runs. Another terminal can use it: {} share create DIR", causeway.display());
    println!(
        "Ctrl-C ends this{}.",
        if was_running { "; the engine ran before and goes on" } else { " and stops the engine" }
    );
    let shown = status(workspace, &causeway);
    if !was_running {
        must(workspace.command(&causeway).args(["engine", "stop"]))?;
    }
    shown
}

/// Makes the guest's image and installs what runs it, for a machine that is a VM. Without them the machine is a directory.
fn guest(workspace: &Workspace, debug: bool) -> Option<PathBuf> {
    let made = setup::to_run_vm(workspace).and_then(|()| image::make(workspace, &image::Arguments::to_run(debug)));
    match made {
        Ok(()) => Some(image::directory(workspace)),
        Err(error) => {
            println!("There will be no VM: {error:#}");
            None
        }
    }
}

/// Shows the live status until Ctrl-C.
fn status(workspace: &Workspace, causeway: &std::path::Path) -> Result<()> {
    let monitor = workspace.command(causeway).args(["share", "monitor"]).spawn();
    let ended = watch(monitor.context("cannot start the status program")?)?;
    if !ENDING.load(Ordering::Relaxed) && !ended.success() {
        bail!("the status program failed ({ended})");
    }
    Ok(())
}

/// Waits for `child`; once this program is to end, for a bounded time.
fn watch(mut child: Child) -> Result<ExitStatus> {
    let mut left_ms = ENDING_MS_MAX;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if ENDING.load(Ordering::Relaxed) {
            if left_ms == 0 {
                child.kill()?;
                return Ok(child.wait()?);
            }
            left_ms = left_ms.saturating_sub(LOOK_MS);
        }
        thread::sleep(Duration::from_millis(LOOK_MS));
    }
}
