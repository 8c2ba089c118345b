//! The command line. The engine writes it; there are no conveniences.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};

const USAGE: &str = "usage: causeway-agent --socket PATH --disk DIR < SECRET";

/// What the agent is told at its start.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The engine's socket.
    pub socket: PathBuf,
    /// The directory that holds the shares.
    pub disk: PathBuf,
}

/// Takes apart what follows the program's name.
pub fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Arguments> {
    let (mut socket, mut disk) = (None, None);
    while let Some(name) = arguments.next() {
        let place = match name.to_str() {
            Some("--socket") => &mut socket,
            Some("--disk") => &mut disk,
            Some("--version") => {
                println!("causeway-agent {}", env!("CARGO_PKG_VERSION"));
                std::process::exit(0);
            }
            _ => bail!("unknown argument {}\n{USAGE}", name.display()),
        };
        let Some(value) = arguments.next() else { bail!("{} needs a value\n{USAGE}", name.display()) };
        *place = Some(PathBuf::from(value));
    }
    match (socket, disk) {
        (Some(socket), Some(disk)) => Ok(Arguments { socket, disk }),
        _ => bail!("{USAGE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_paths_are_needed_and_nothing_else() {
        let parsed = |arguments: &[&str]| parse(arguments.iter().map(OsString::from)).ok();
        let whole = Arguments { socket: "/s".into(), disk: "/d".into() };
        assert_eq!(parsed(&["--disk", "/d", "--socket", "/s"]), Some(whole));
        for bad in [&["--disk", "/d"][..], &["--socket"], &["--socket", "/s", "--disk", "/d", "x"], &[]] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }
}
