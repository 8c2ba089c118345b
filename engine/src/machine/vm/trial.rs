//! Whether the processor can run the guest: tried, because a device that opens isn't enough. On some hosts that are guests themselves
//! an ordinary kernel hangs.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use causeway_wire::boot::STAGE_MARK;
use serde::{Deserialize, Serialize};

use super::hypervisor::{Acceleration, Hypervisor, Unaccelerated};
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
            return unaccelerated(format!("{VARIABLE} demands it."));
        }
        _ => {}
    }
    // What the system refuses it may grant a moment later, and tells at once: only a guest's boot is worth a note.
    let command = match hypervisor.trial(image) {
        Ok(command) => command,
        Err(refused) => return Acceleration::Emulation(refused),
    };
    let host = rustix::system::uname().release().to_string_lossy().into_owned();
    let version = hypervisor.version();
    let of = |refused| Shown { host: host.clone(), hypervisor: version.clone(), guest: image.release.clone(), refused };
    let known = fs::read(noted).ok().and_then(|text| serde_json::from_slice::<Shown>(&text).ok());
    let known = known.filter(|known| of(known.refused.clone()) == *known);
    let shown = known.unwrap_or_else(|| {
        let shown = of(try_out(hypervisor.name(), command).err());
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
        Some(because) => unaccelerated(because),
    }
}

/// Forgets what a trial showed: the next one is a new one.
pub fn forget(noted: &Path) -> std::io::Result<()> {
    match fs::remove_file(noted) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unaccelerated(because: String) -> Acceleration {
    Acceleration::Emulation(Unaccelerated { because, remedy: None })
}

fn try_out(hypervisor: &str, mut command: Command) -> Result<(), String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("{hypervisor} can't be started: {e}."))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    use crate::machine::settings::Size;
    use crate::machine::vm::hypervisor::Plan;

    /// A hypervisor of some version whose guest says something, or ends in silence.
    struct Tried {
        version: &'static str,
        says: &'static str,
        refuses: bool,
        /// A file that gets a line from each trial.
        trials: PathBuf,
    }

    impl Hypervisor for Tried {
        fn name(&self) -> &'static str {
            "it"
        }

        fn version(&self) -> String {
            self.version.to_owned()
        }

        fn fit(&self, size: Size, _: &Acceleration) -> (Size, Option<String>) {
            (size, None)
        }

        fn command(&self, _: &Plan<'_>) -> Command {
            unreachable!("a trial starts no whole machine")
        }

        fn trial(&self, _: &Image) -> Result<Command, Unaccelerated> {
            if self.refuses {
                return Err(Unaccelerated { because: "not now.".to_owned(), remedy: None });
            }
            let mut command = Command::new("/bin/sh");
            command.args(["-c", "echo >>\"$1\"; echo \"$2\"", "sh"]).arg(&self.trials).arg(self.says);
            Ok(command)
        }
    }

    #[test]
    fn it_is_tried_once_for_each_version() {
        let dir = tempfile::tempdir().unwrap();
        let noted = dir.path().join("noted/trial.json");
        let at = |name: &str| PathBuf::from(name);
        let image = |release: &str| Image {
            directory: at("image"),
            kernel: at("vmlinuz"),
            initrd: at("initrd"),
            root: at("root.erofs"),
            release: release.to_owned(),
        };
        let refused = "refused";
        for (version, says, release, tried, runs) in [
            ("7.2", refused, "6.12.1", 0, false),
            ("7.2", "causeway-stage: loading", "6.12.1", 1, true),
            ("7.2", "nothing", "6.12.1", 0, true),
            // What worked once doesn't where the system refuses it now, and does again when it no longer does.
            ("7.2", refused, "6.12.1", 0, false),
            ("7.2", "nothing", "6.12.1", 0, true),
            ("7.3", "nothing", "6.12.1", 1, false),
            ("7.3", "causeway-stage: loading", "6.12.1", 0, false),
            ("7.3", "causeway-stage: loading", "6.12.2", 1, true),
        ] {
            let trials = dir.path().join("trials");
            fs::write(&trials, "").unwrap();
            let hypervisor = Tried { version, says, refuses: says == refused, trials: trials.clone() };
            let shown = acceleration(&hypervisor, &image(release), &noted);
            assert_eq!(shown == Acceleration::Hardware, runs, "{version} {release}: {shown:?}");
            assert_eq!(fs::read_to_string(&trials).unwrap().lines().count(), tried, "{version} {release}");
        }
        forget(&noted).unwrap();
        forget(&noted).unwrap();
        assert!(!noted.exists());
    }
}
