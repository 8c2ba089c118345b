//! The command line: what there is to type, and nothing of what it does.

use std::{ffi::OsString, path::PathBuf};

use causeway_api::{AutoShare, HaltCode, Keep, MachineChoice, Mode, Setting, ShareName, Side, Symlinks};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint, builder::PossibleValue};
use clap_complete::Shell;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, and all is well
  1  it failed; standard error says why and what to do
  2  the command line is wrong
  3  there is no such share
  4  done, but not all is well: a flush or a new share has conflicts or
     problems, a share halted, a verification found differences, the doctor
     calls a check bad, a request could do nothing for some of its paths
  5  it took longer than allowed
  6  no engine runs, or it can't be started or reached

With --json, what is shown goes to standard output as JSON, and errors go to
standard error as {\"error\": {\"code\", \"message\", \"remedy\"}}. A path that isn't
UTF-8 is {\"bytes\": BASE64, \"text\": …} there, every other a string.

CAUSEWAY_HOME moves everything that Causeway keeps to another folder.";

/// Keeps a folder and its copy inside the machine that runs your containers the same.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    /// Show JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The process that does the work
    #[command(subcommand)]
    Engine(EngineCommand),
    /// Folders that are kept the same on both sides
    #[command(subcommand)]
    Share(ShareCommand),
    /// Where containers run
    #[command(subcommand)]
    Machine(MachineCommand),
    /// Docker's API on this computer, through which containers find shares
    #[command(subcommand)]
    Docker(DockerCommand),
    /// Let the docker command use the machine's Docker
    DockerContext,
    /// Look at everything that Causeway needs, and say what to do
    Doctor,
    /// Show the engine's log
    Logs(Logs),
    /// Write the completions for a shell to standard output
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub enum EngineCommand {
    /// Run the engine in this terminal, until Ctrl C
    Run {
        /// Leave the terminal's session, as an engine in the background does
        #[arg(long, hide = true)]
        background: bool,
        /// Leave the machine alone until it is asked for
        #[arg(long, hide = true)]
        without_machine: bool,
    },
    /// Start the engine in the background, unless it runs
    Start,
    /// Stop the engine; shares go on when it is started again
    Stop,
    /// How the engine is
    Status,
}

#[derive(Debug, Subcommand)]
pub enum ShareCommand {
    /// Keep a folder and its copy in the machine the same; waits until it is ready
    Create(Create),
    /// All shares
    List,
    /// Everything about a share
    Show(Name),
    /// Stop synchronising until resumed
    Pause(Name),
    /// Go on after a pause or a halt
    Resume(Resume),
    /// Wait until everything that stands on either side now stands on both
    Flush(Flush),
    /// Remove a share: the folder stays, the copy in the guest is deleted
    Remove(Remove),
    /// Forget what both sides last agreed on and compare them afresh; deletes nothing
    Reset(Name),
    /// Another mode; compares both sides afresh
    Mode(SetMode),
    /// Try all problems again at once
    Retry(Name),
    /// Delete the copies that newly ignored paths left in the guest; or shares that nothing uses
    Prune(Prune),
    /// Read both sides whole, and compare
    Verify(Verify),
    /// List the conflicts
    Conflicts(Name),
    /// Settle conflicts; what isn't kept goes to the recycle bin
    Resolve(Resolve),
    /// List the problems
    Problems(Name),
    /// Rename a path on one side, where the other can't hold its name
    RenamePath(RenamePath),
    /// What a share removed, and how to get it back
    Bin(Bin),
    /// Follow what happens, until Ctrl C
    Monitor(MaybeName),
}

#[derive(Debug, Args)]
pub struct Name {
    /// Name or id of the share
    pub name: String,
}

#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub share: Name,
    /// End the verification that is under way, whoever wanted it
    #[arg(long)]
    pub stop: bool,
}

#[derive(Debug, Args)]
pub struct SetMode {
    #[command(flatten)]
    pub share: Name,
    /// Which way changes go, and who wins
    #[arg(value_enum)]
    pub mode: ModeArg,
}

#[derive(Debug, Args)]
pub struct MaybeName {
    /// Name or id of the share; all where there is none
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct Create {
    /// The folder
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// What to call the share [default: after the folder]
    #[arg(long)]
    pub name: Option<ShareName>,
    /// Which way changes go, and who wins
    #[arg(long, value_enum, default_value_t = ModeArg(Mode::default()))]
    pub mode: ModeArg,
    /// Never synchronise what matches (syntax of .gitignore)
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Never from host to guest
    #[arg(long, value_name = "PATTERN")]
    pub upload_exclude: Vec<String>,
    /// Never from guest to host
    #[arg(long, value_name = "PATTERN")]
    pub download_exclude: Vec<String>,
    /// What becomes of symlinks
    #[arg(long, value_enum, default_value_t = SymlinksArg(Symlinks::default()))]
    pub symlinks: SymlinksArg,
    /// Return as soon as the share exists
    #[arg(long)]
    pub no_wait: bool,
    /// Share the home or root folder all the same
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    pub share: Name,
    /// Let happen what this halt held back; `causeway share show NAME` explains it
    #[arg(long, value_name = "HALT", value_parser = halts())]
    pub accept: Option<HaltCode>,
}

#[derive(Debug, Args)]
pub struct Flush {
    #[command(flatten)]
    pub share: Name,
    /// Longest wait in seconds
    #[arg(long, value_name = "S", default_value = "60", value_parser = seconds)]
    pub timeout: std::time::Duration,
}

#[derive(Debug, Args)]
pub struct Remove {
    #[command(flatten)]
    pub share: Name,
    /// Also where containers have it, and where the guest holds content that the host doesn't have or can't be reached
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Prune {
    /// Name or id of the share
    #[arg(required_unless_present = "unused", conflicts_with = "unused")]
    pub name: Option<String>,
    /// Remove the shares that were made for projects of Docker Compose and that no container has
    #[arg(long)]
    pub unused: bool,
}

#[derive(Debug, Args)]
pub struct Resolve {
    #[command(flatten)]
    pub share: Name,
    /// Paths in conflict, from the share's root or absolute
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "PATH")]
    pub paths: Vec<OsString>,
    /// All conflicts of the share
    #[arg(long)]
    pub all: bool,
    /// Whose version is kept; with both, the guest's is put beside the host's
    #[arg(long, value_enum)]
    pub keep: KeepArg,
}

#[derive(Debug, Args)]
pub struct RenamePath {
    #[command(flatten)]
    pub share: Name,
    /// The path, from the share's root or absolute
    pub path: OsString,
    /// Its new name, in the same directory; nothing may stand there
    pub new_name: OsString,
    /// On which side
    #[arg(long, value_enum)]
    pub side: SideArg,
}

#[derive(Debug, Args)]
pub struct Bin {
    #[command(flatten)]
    pub share: Name,
    #[command(subcommand)]
    pub command: BinCommand,
}

#[derive(Debug, Subcommand)]
pub enum BinCommand {
    /// List what rests in the recycle bins
    List,
    /// Bring things back to where they stood
    Restore {
        /// Paths, of which the latest comes back, from the share's root or absolute
        #[arg(required_unless_present = "ids", value_name = "PATH")]
        paths: Vec<OsString>,
        /// Ids, as the list shows them
        #[arg(long = "id", value_name = "ID", conflicts_with = "paths")]
        ids: Vec<String>,
    },
    /// Delete for good what rests in the recycle bins
    Empty {
        /// Only this side's
        #[arg(long, value_enum)]
        side: Option<SideArg>,
    },
}

#[derive(Debug, Subcommand)]
pub enum MachineCommand {
    /// How the machine is
    Status,
    /// Start the machine, and wait until it runs
    Start,
    /// Stop the machine; shares wait for it
    Stop,
    /// Stop the machine in good order and start it again
    Restart,
    /// A shell in the machine, or another program there; ends with its exit code
    Shell(MachineShell),
    /// Show what the machine has printed
    Logs(Logs),
    /// Show how the machine is set up, or change it
    Config(Config),
    /// Try again whether the processor runs VMs, after a change to the computer
    TryAcceleration,
    /// Delete the machine's disk: containers, images, volumes; shares are filled again from the host
    Reset {
        /// Don't ask
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum DockerCommand {
    /// How Docker's API is set up
    Status,
    /// Change how Docker's API is set up; takes effect at once
    Config(DockerConfig),
}

#[derive(Debug, Args)]
pub struct DockerConfig {
    /// Let containers have this folder, and all that is below it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub allow: Vec<PathBuf>,
    /// No longer let containers have this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub disallow: Vec<PathBuf>,
    /// Longest wait in seconds for changes on their way before a container starts; 0 for none
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub barrier: Option<std::time::Duration>,
    /// Whether folders of Docker Compose's projects become shares by themselves
    #[arg(long, value_enum, value_name = "WHEN")]
    pub compose_auto_share: Option<AutoShareArg>,
    /// The Docker Engine that runs the containers where the machine is a directory; empty for none
    #[arg(long, value_name = "SOCKET", value_hint = ValueHint::FilePath)]
    pub engine_socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct MachineShell {
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub words: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Config {
    /// What the machine is
    #[arg(long, value_enum)]
    pub kind: Option<KindArg>,
    /// Processors of the VM; `auto` for what suits this computer, as with all sizes
    #[arg(long, value_name = "N|auto")]
    pub cpus: Option<Setting>,
    /// Memory of the VM in MiB
    #[arg(long, value_name = "MIB|auto")]
    pub memory: Option<Setting>,
    /// Size of the VM's disk in GiB; it only grows
    #[arg(long, value_name = "GIB|auto")]
    pub disk: Option<Setting>,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// Go on with what is written from now on, until Ctrl C
    #[arg(short, long)]
    pub follow: bool,
    /// How many of the last lines; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 200)]
    pub lines: usize,
}

/// A value of the API that is typed on the command line as it stands in JSON.
macro_rules! value_enum {
    ($(#[doc = $doc:literal])+ $name:ident($api:ident) { $($variant:ident = $text:literal: $help:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $api);

        impl ValueEnum for $name {
            fn value_variants<'a>() -> &'a [Self] {
                &[$($name($api::$variant)),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(match self.0 {
                    $($api::$variant => PossibleValue::new($text).help($help),)+
                })
            }
        }
    };
}

value_enum! {
    /// A mode.
    ModeArg(Mode) {
        TwoWaySafe = "two-way-safe": "both ways; conflicts wait for you",
        TwoWayResolved = "two-way-resolved": "both ways; the host wins",
        OneWaySafe = "one-way-safe": "host to guest; what the guest makes stays there",
        OneWayReplica = "one-way-replica": "the guest mirrors the host",
    }
}

value_enum! {
    /// What becomes of symlinks.
    SymlinksArg(Symlinks) {
        Raw = "raw": "they cross as they are",
        Portable = "portable": "relative ones that stay inside cross, others are problems",
        Ignore = "ignore": "they don't cross",
    }
}

value_enum! {
    /// Whose version is kept.
    KeepArg(Keep) {
        Host = "host": "the host's",
        Guest = "guest": "the guest's",
        Both = "both": "the host's in place, the guest's beside it",
    }
}

value_enum! {
    /// What the machine is.
    KindArg(MachineChoice) {
        Auto = "auto": "a VM where the processor runs it, else a directory",
        Local = "local": "a directory on this computer",
        Vm = "vm": "a VM with Docker in it",
    }
}

value_enum! {
    /// Whether folders of Docker Compose's projects become shares.
    AutoShareArg(AutoShare) {
        Off = "off": "never by themselves",
        Ask = "ask": "you are told which are wanted",
        On = "on": "as soon as a container wants one",
    }
}

value_enum! {
    /// A side.
    SideArg(Side) {
        Host = "host": "the computer",
        Guest = "guest": "the inside of the machine",
    }
}

/// Accepts `mass-deletion` for `mass_deletion`: whichever of the two a hand types.
fn halts() -> impl clap::builder::TypedValueParser<Value = HaltCode> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    let values = HaltCode::ALL.map(|code| {
        let typed = match code {
            HaltCode::RootMissing => "root-missing",
            HaltCode::RootEmptied => "root-emptied",
            HaltCode::RootChangedType => "root-changed-type",
            HaltCode::ReplicaChanged => "replica-changed",
            HaltCode::MassDeletion => "mass-deletion",
        };
        PossibleValue::new(code.as_str()).alias(typed)
    });
    PossibleValuesParser::new(values).try_map(|text| text.replace('-', "_").parse::<HaltCode>())
}

fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if !(0.0..=1e9).contains(&seconds) {
        return Err("not a number of seconds".into());
    }
    Ok(std::time::Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_set_is_understood() {
        for line in [
            "engine run",
            "engine start",
            "engine stop",
            "engine status",
            "share create DIR",
            "share create DIR --name N --mode one-way-replica --exclude a --exclude b --upload-exclude c --download-exclude d --symlinks portable --no-wait --force",
            "share list",
            "--json share list",
            "share list --json",
            "share show web",
            "share pause web",
            "share resume web",
            "share resume web --accept mass_deletion",
            "share resume web --accept mass-deletion",
            "share flush web",
            "share flush web --timeout 0.5",
            "share remove web",
            "share remove web --force",
            "share reset web",
            "share prune web",
            "share prune --unused",
            "share verify web",
            "share verify web --stop",
            "share conflicts web",
            "share resolve web a b/c --keep host",
            "share resolve web --all --keep both",
            "share resolve web --keep guest -- -odd-name",
            "share problems web",
            "share rename-path web docs/setup.md setup-2.md --side guest",
            "share bin web list",
            "share bin web restore a",
            "share bin web restore --id 7 --id 8",
            "share bin web empty",
            "share bin web empty --side guest",
            "share monitor",
            "share monitor web",
            "machine status",
            "machine start",
            "machine stop",
            "machine restart",
            "machine logs -f -n 5",
            "machine config",
            "machine config --kind vm --cpus 2 --memory 2048 --disk 32",
            "machine config --cpus auto --memory auto --disk auto",
            "machine reset --force",
            "docker status",
            "docker config",
            "docker config --allow A --allow B --disallow C --barrier 0 --compose-auto-share on --engine-socket /run/docker.sock",
            "docker-context",
            "doctor",
            "logs",
            "logs -f",
            "logs -f -n 0",
            "completions bash",
            "completions zsh",
            "completions fish",
            "completions powershell",
        ] {
            let words = ["causeway"].into_iter().chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "",
            "share",
            "share create",
            "share create DIR --name a/b",
            "share create DIR --mode both",
            "share show",
            "share resume web --accept everything",
            "share flush web --timeout -1",
            "share flush web --timeout soon",
            "share resolve web --keep host",
            "share resolve web a",
            "share resolve web a --all --keep host",
            "share resolve web a --keep mine",
            "share rename-path web a b",
            "share bin web",
            "share bin web restore",
            "share bin web restore a --id 7",
            "completions tcl",
        ] {
            let words = ["causeway"].into_iter().chain(line.split(' ').filter(|word| !word.is_empty()));
            let error = Cli::try_parse_from(words).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn values_are_typed_as_they_stand_in_json() {
        for mode in ModeArg::value_variants() {
            let typed = mode.to_possible_value().unwrap().get_name().to_owned();
            assert_eq!(serde_json::to_value(mode.0).unwrap(), typed);
        }
        for symlinks in SymlinksArg::value_variants() {
            let typed = symlinks.to_possible_value().unwrap().get_name().to_owned();
            assert_eq!(serde_json::to_value(symlinks.0).unwrap(), typed);
        }
    }
}
