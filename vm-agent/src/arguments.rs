//! The command line. The engine writes it, or PID 1; there are no conveniences.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::dial::{self, Connect};

const USAGE: &str = "usage: causeway-agent (--socket PATH | --vsock PORT) --disk DIR < SECRET";

/// What the agent is told at its start.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Where the engine is reached.
    pub engine: Place,
    /// The directory that holds the shares.
    pub disk: PathBuf,
}

/// Where an engine is reached.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// At a Unix socket.
    Socket(PathBuf),
    /// At a port of the host of this VM.
    #[cfg(target_os = "linux")]
    Vsock(u32),
}

impl Place {
    /// What reaches it.
    pub fn connect(&self) -> Box<dyn Connect> {
        match self {
            Self::Socket(path) => Box::new(dial::UnixSocket(path.clone())),
            #[cfg(target_os = "linux")]
            Self::Vsock(port) => Box::new(dial::Vsock(*port)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            #[cfg(target_os = "linux")]
            Self::Vsock(port) => write!(f, "port {port} of the host"),
        }
    }
}

/// Takes apart what follows the program's name.
pub fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Arguments> {
    let (mut engine, mut disk) = (None, None);
    while let Some(name) = arguments.next() {
        if name == "--version" {
            println!("causeway-agent {}", env!("CARGO_PKG_VERSION"));
            std::process::exit(0);
        }
        let Some(value) = arguments.next() else { bail!("{} needs a value\n{USAGE}", name.display()) };
        match name.to_str() {
            Some("--socket") => engine = Some(Place::Socket(value.into())),
            #[cfg(target_os = "linux")]
            Some("--vsock") => engine = Some(Place::Vsock(port(&value)?)),
            Some("--disk") => disk = Some(PathBuf::from(value)),
            _ => bail!("unknown argument {}\n{USAGE}", name.display()),
        }
    }
    match (engine, disk) {
        (Some(engine), Some(disk)) => Ok(Arguments { engine, disk }),
        _ => bail!("{USAGE}"),
    }
}

#[cfg(target_os = "linux")]
fn port(value: &std::ffi::OsStr) -> Result<u32> {
    use anyhow::Context;
    value.to_str().and_then(|value| value.parse().ok()).with_context(|| format!("{} is no port", value.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_and_the_disk_are_needed_and_nothing_else() {
        let parsed = |arguments: &[&str]| parse(arguments.iter().map(OsString::from)).ok();
        let whole = Arguments { engine: Place::Socket("/s".into()), disk: "/d".into() };
        assert_eq!(parsed(&["--disk", "/d", "--socket", "/s"]), Some(whole));
        for bad in [
            &["--disk", "/d"][..],
            &["--socket"],
            &["--vsock", "x", "--disk", "/d"],
            &["--socket", "/s", "--disk", "/d", "x"],
            &[],
        ] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }
}
