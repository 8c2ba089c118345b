//! Packages tried where nothing of Causeway ever was: in a new Debian, which mmdebstrap makes and throws away again.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cargo::{Workspace, must, shown};

/// Debian's release that they are tried on.
const SUITE: &str = "trixie";
/// What is done with a package in there.
const SCRIPT: &str = "xtask/src/dist/try.sh";

/// Installs, starts and removes each of the packages. `directory` holds one directory for each kind.
pub fn run(workspace: &Workspace, directory: &Path) -> Result<()> {
    let (deb, rpm) = (package(directory, "deb")?, package(directory, "rpm")?);
    let script = workspace.root().join(SCRIPT);
    let mut make = workspace.command("mmdebstrap");
    make.args(["--variant=apt", "--format=null", "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg"]);
    let hook = |command: String| format!("--customize-hook={command}");
    for file in [&deb, &rpm, &script] {
        make.arg(hook(format!("copy-in '{}' /root", file.display())));
    }
    // By the names of Debian's packages, for the package that knows them only by those of others.
    let depends = "dpkg-deb --field /root/*.deb Depends | sed 's/([^)]*)//g; s/,/ /g' >/root/libraries";
    make.arg(hook(format!("chroot \"$1\" sh -c \"{depends}\"")));
    for kind in super::BUNDLES.split(',') {
        make.arg(hook(format!("chroot \"$1\" sh /root/try.sh {kind}")));
        make.arg(hook(format!("copy-out /root/{kind}.xwd '{}'", directory.display())));
    }
    println!("--- {}", shown(&make));
    must(make.args([SUITE, "/dev/null"]))?;
    println!("What the screen showed is in {}.", directory.display());
    Ok(())
}

/// The one package of a kind.
fn package(directory: &Path, kind: &str) -> Result<PathBuf> {
    let within = directory.join(kind);
    let entries = std::fs::read_dir(&within).with_context(|| format!("no packages in {}", within.display()))?;
    let mut files = entries.flatten().map(|entry| entry.path());
    files
        .find(|file| file.extension().is_some_and(|extension| extension == kind))
        .with_context(|| format!("no .{kind} in {}", within.display()))
}
