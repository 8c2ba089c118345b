//! Whether the processor can run the guest: tried, because a device that opens isn't enough. On some hosts that are guests themselves
//! an ordinary kernel hangs.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use causeway_wire::boot::STAGE_MARK;
use serde::{Deserialize, Serialize};

use super::hypervisor::{Acceleration, Hypervisor};
use super::image::Image;

/// Names what is taken without a trial: `hardware` or `emulation`.
pub const VARIABLE: &str = "CAUSEWAY_ACCELERATION";
/// How long the guest's kernel may take until the agent says something. It takes less than a second where all is well.
const LIMIT: Duration = Duration::from_secs(8);

/// What a trial showed, and of what.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Shown {
    host: String,
    hypervisor: String,
    guest: String,
    /// Why not, where it doesn't work.
    refused: Option<String>,
}

/// How a VM is run on this computer: as the last trial with these versions showed, or a new one.
pub fn acceleration(hypervisor: &dyn Hypervisor, image: &Image, noted: &Path) -> Acceleration {
    match std::env::var(VARIABLE).as_deref() {
        Ok("hardware") => return Acceleration::Hardware,
        Ok("emulation") => {
            return Acceleration::Emulation { because: format!("{VARIABLE} demands it.") };
        }
        _ => {}
    }
    let host = rustix::system::uname().release().to_string_lossy().into_owned();
    let of = |refused| Shown {
        host: host.clone(),
        hypervisor: hypervisor.name().to_owned(),
        guest: image.release.clone(),
        refused,
    };
    let known = fs::read(noted).ok().and_then(|text| serde_json::from_slice::<Shown>(&text).ok());
    let known = known.filter(|known| of(known.refused.clone()) == *known);
    let shown = known.unwrap_or_else(|| {
        let shown = of(try_out(hypervisor, image).err());
        tracing::info!(refused = shown.refused, "hardware virtualisation was tried");
        if let Some(directory) = noted.parent() {
            let _ = fs::create_dir_all(directory);
        }
        let text = serde_json::to_vec(&shown).expect("texts always serialise");
        if let Err(error) = fs::write(noted, text) {
            tracing::warn!(%error, "the trial isn't noted, and will be repeated");
        }
        shown
    });
    match shown.refused {
        None => Acceleration::Hardware,
        Some(because) => Acceleration::Emulation { because },
    }
}

fn try_out(hypervisor: &dyn Hypervisor, image: &Image) -> Result<(), String> {
    let mut command = hypervisor.trial(image)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("{} can't be started: {e}.", hypervisor.name()))?;
    let booted = boots(&mut child);
    // It may have ended.
    let _ = child.kill();
    let _ = child.wait();
    if booted {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        // What can't be read isn't worth more words.
        let _ = stderr.take(2048).read_to_string(&mut said);
    }
    let first = said.lines().next().map(|line| format!(" ({})", line.trim())).unwrap_or_default();
    Err(format!("A guest was tried with hardware virtualisation, and its kernel didn't boot{first}."))
}

fn boots(child: &mut Child) -> bool {
    let Some(stdout) = child.stdout.take() else { return false };
    let (tell, told) = mpsc::channel();
    let read = move || {
        let lines = BufReader::new(stdout).split(b'\n').map_while(Result::ok);
        let booted = lines.into_iter().any(|line| line.starts_with(STAGE_MARK.as_bytes()));
        // Whoever waited may have given up.
        let _ = tell.send(booted);
    };
    let reads = std::thread::Builder::new().name("trial".to_owned()).spawn(read).is_ok();
    reads && told.recv_timeout(LIMIT).unwrap_or(false)
}
