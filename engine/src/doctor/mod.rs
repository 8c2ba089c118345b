//! `causeway doctor`: looks at everything that Causeway needs, and says what to do about what is missing.

pub mod system;
#[cfg(unix)]
mod vm;

use std::path::{Path, PathBuf};

use causeway_api::{Check, MachineInfo, MachineState, PathBytes, Remedy, Verdict, size};

use crate::machine::process::find_agent;

/// Below this a disk is called full.
const FREE_BYTES_BAD: u64 = 100 << 20;
/// Below this a disk is called nearly full.
const FREE_BYTES_WARNING: u64 = 2 << 30;
/// Fewer open files than this are too few for a few shares with their streams and stores.
const OPEN_FILES_MIN: u64 = 1024;

/// What is looked at beside the computer itself.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// Causeway's own directory.
    pub home: PathBuf,
    /// The machine.
    pub machine: Option<MachineInfo>,
    /// The shares.
    pub shares: Vec<SharedFolder>,
}

/// What is looked at of a share.
#[derive(Clone, Debug)]
pub struct SharedFolder {
    /// Its name.
    pub name: String,
    /// Its folder on the host.
    pub folder: PathBuf,
    /// Whether changes go to the host.
    pub writes_to_host: bool,
    /// Directories on the host, each of which takes a watch.
    pub directories: u64,
}

/// Looks at everything. Blocks on the file systems for a moment.
pub fn examine(subject: &Subject) -> Vec<Check> {
    let mut checks = vec![check_agent(), check_open_files()];
    checks.extend(check_watches(subject));
    checks.push(check_instances());
    checks.push(check_space("home_space", "Space for Causeway's data", &subject.home));
    if let Some(machine) = &subject.machine {
        checks.push(check_machine(machine));
        #[cfg(unix)]
        checks.extend(vm::examine(machine, &subject.home));
        if let Some(disk) = machine.disk_path.as_ref().and_then(PathBytes::to_path) {
            checks.push(check_space("machine_space", "Space for the machine", &disk));
            checks.push(check_kind("machine_file_system", "File system of the machine", &disk));
        }
    }
    for share in &subject.shares {
        let title = |what: &str| format!("{what} of \"{}\"", share.name);
        checks.push(check_folder(share));
        checks.push(check_space("share_space", &title("Space for the folder"), &share.folder));
        checks.push(check_kind("share_file_system", &title("File system"), &share.folder));
    }
    checks
}

fn check(code: &str, title: &str, verdict: Verdict, sentence: String) -> Check {
    Check { code: code.to_owned(), title: title.to_owned(), verdict, sentence, remedy: None }
}

fn check_agent() -> Check {
    let title = "The agent's program";
    match find_agent() {
        Ok(path) => check("agent_binary", title, Verdict::Good, format!("It is at {}.", path.display())),
        Err(missing) => Check {
            remedy: Some(Remedy::sentence("Install causeway-agent beside this program.")),
            ..check("agent_binary", title, Verdict::Bad, format!("{missing}."))
        },
    }
}

fn check_machine(machine: &MachineInfo) -> Check {
    let verdict = match machine.state {
        MachineState::Running => Verdict::Good,
        MachineState::Starting | MachineState::Stopping => Verdict::Warning,
        MachineState::Stopped | MachineState::Failed => Verdict::Bad,
    };
    let mut sentence = format!("It is {}.", machine.state.words().to_lowercase());
    if let Some(detail) = &machine.detail {
        sentence.push(' ');
        sentence.push_str(detail);
    }
    Check { remedy: machine.remedy.clone(), ..check("machine", "The machine", verdict, sentence) }
}

fn check_open_files() -> Check {
    let title = "Open files";
    match system::open_files_max() {
        Some(limit) if limit < OPEN_FILES_MIN => Check {
            remedy: Some(Remedy::command("Raise the limit before the engine starts.", "ulimit -n 65536")),
            ..check(
                "open_files",
                title,
                Verdict::Warning,
                format!("The engine may open {limit} files at once, which is little."),
            )
        },
        Some(limit) => check("open_files", title, Verdict::Good, format!("The engine may open {limit} files at once.")),
        None => check("open_files", title, Verdict::Good, "The system sets no limit.".to_owned()),
    }
}

fn check_watches(subject: &Subject) -> Option<Check> {
    let limit = system::inotify_limit("max_user_watches")?;
    let needed: u64 = subject.shares.iter().map(|share| share.directories).sum();
    let title = "Watched directories";
    let sentence = format!(
        "The shares have {needed} directories, and the system's limit is {limit} watches for all your programs."
    );
    // Editors watch the same folders with watches of their own.
    if needed.saturating_mul(2) <= limit {
        return Some(check("inotify_watches", title, Verdict::Good, sentence));
    }
    let verdict = if needed > limit { Verdict::Bad } else { Verdict::Warning };
    let wanted = needed.saturating_mul(4).next_power_of_two().max(524_288);
    Some(Check {
        remedy: Some(Remedy::command(
            "Raise the limit; what is over it is polled meanwhile.",
            format!(
                "echo fs.inotify.max_user_watches={wanted} | sudo tee /etc/sysctl.d/60-causeway.conf && sudo sysctl --system"
            ),
        )),
        ..check("inotify_watches", title, verdict, sentence)
    })
}

fn check_instances() -> Check {
    let title = "Watchers";
    match system::inotify_limit("max_user_instances") {
        Some(limit) if limit < 128 => Check {
            remedy: Some(Remedy::command("Raise the limit.", "sudo sysctl fs.inotify.max_user_instances=1024")),
            ..check(
                "inotify_instances",
                title,
                Verdict::Warning,
                format!("The system's limit is {limit} watchers for all your programs."),
            )
        },
        Some(limit) => {
            check("inotify_instances", title, Verdict::Good, format!("The system's limit is {limit} watchers."))
        }
        None => check("inotify_instances", title, Verdict::Good, "The system sets no limit.".to_owned()),
    }
}

fn check_space(code: &str, title: &str, path: &Path) -> Check {
    let Some(space) = system::space_at(path) else {
        return check(
            code,
            title,
            Verdict::Warning,
            format!("The system doesn't tell the space at {}.", path.display()),
        );
    };
    let sentence = format!(
        "{} of {} are free at {}.",
        size::bytes(space.free_bytes),
        size::bytes(space.total_bytes),
        path.display()
    );
    let verdict = match space.free_bytes {
        free if free < FREE_BYTES_BAD => Verdict::Bad,
        free if free < FREE_BYTES_WARNING => Verdict::Warning,
        _ => return check(code, title, Verdict::Good, sentence),
    };
    Check { remedy: Some(Remedy::sentence("Free space on that disk.")), ..check(code, title, verdict, sentence) }
}

fn check_kind(code: &str, title: &str, path: &Path) -> Check {
    let at = path.display();
    match system::kind_at(path) {
        Some(kind) if kind.network => Check {
            remedy: Some(Remedy::sentence("Keep the folder on a disk of this computer.")),
            ..check(
                code,
                title,
                Verdict::Warning,
                format!("{at} is on {}, where changes made elsewhere may raise no events here.", kind.name),
            )
        },
        Some(kind) => check(code, title, Verdict::Good, format!("{at} is on {}.", kind.name)),
        None => check(code, title, Verdict::Good, format!("{at} is on a file system of no known peculiarity.")),
    }
}

fn check_folder(share: &SharedFolder) -> Check {
    let title = format!("Folder of \"{}\"", share.name);
    let folder = share.folder.display();
    let bad = |sentence: String, remedy: &str| Check {
        remedy: Some(Remedy::sentence(remedy)),
        ..check("share_folder", &title, Verdict::Bad, sentence)
    };
    if let Err(error) = std::fs::read_dir(&share.folder) {
        return bad(
            format!("{folder} can't be read: {error}."),
            "Put the folder back, or give your user the right to read it.",
        );
    }
    if share.writes_to_host
        && let Err(error) = crate::share::check::may_write(&share.folder)
    {
        return bad(
            format!("{folder} can't be written to: {error}."),
            "Give your user the right to write to the folder.",
        );
    }
    let what = if share.writes_to_host { "read and written" } else { "read" };
    check("share_folder", &title, Verdict::Good, format!("{folder} can be {what}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_gone_is_bad_and_names_the_way_on() {
        let dir = tempfile::tempdir().unwrap();
        let shares = vec![SharedFolder {
            name: "gone".to_owned(),
            folder: dir.path().join("gone"),
            writes_to_host: true,
            directories: 3,
        }];
        let checks = examine(&Subject { home: dir.path().into(), machine: None, shares });
        let folder = checks.iter().find(|check| check.code == "share_folder").unwrap();
        assert_eq!(folder.verdict, Verdict::Bad);
        assert!(folder.remedy.is_some());
        assert!(checks.iter().any(|check| check.code == "home_space"));
        assert!(
            checks
                .iter()
                .all(|check| check.verdict == Verdict::Good || check.remedy.is_some() || check.code.ends_with("space"))
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn too_few_watches_name_the_setting() {
        let shares = vec![SharedFolder {
            name: "huge".to_owned(),
            folder: "/".into(),
            writes_to_host: false,
            directories: u64::from(u32::MAX),
        }];
        let check = check_watches(&Subject { shares, ..Subject::default() }).unwrap();
        assert_eq!(check.verdict, Verdict::Bad);
        assert!(check.remedy.unwrap().command.unwrap().contains("fs.inotify.max_user_watches="));
    }
}
