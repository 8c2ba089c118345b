//! Running the program.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::script::Served;

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Fails the test unless the program ended with `code`.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// The program with `root` as its home, and nothing of this process's surroundings that would change what it shows.
pub fn command(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
    command.env("CAUSEWAY_HOME", root).env("TZ", "UTC").env("HOME", "/home/ada");
    for variable in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end, or fails after 60 s.
pub async fn finish(command: Command) -> Ran {
    let mut command = tokio::process::Command::from(command);
    let output = tokio::time::timeout(Duration::from_secs(60), command.kill_on_drop(true).output());
    let output = output.await.expect("the program ends").unwrap();
    Ran {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the program with these words.
pub async fn run<S: AsRef<OsStr>>(root: &Path, words: impl IntoIterator<Item = S>) -> Ran {
    let mut command = command(root);
    command.args(words);
    finish(command).await
}

impl Served {
    /// Runs the program with the words of `line`.
    pub async fn run(&self, line: &str) -> Ran {
        run(self.home.root(), line.split(' ')).await
    }
}
