//! What comes from Debian: fetched, cut down to what the guest needs, and kept for the recipe that it was made by.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::{initrd, recipe, root};
use crate::cargo::{Workspace, must, shown};

/// The kernel.
pub const KERNEL: &str = "vmlinuz";
/// The root file system.
pub const ROOT: &str = "root.erofs";
/// The boot modules, as the beginning of the initrd.
pub const MODULES: &str = "modules.cpio";
/// The packages with their versions, one a line.
pub const PACKAGES: &str = "packages";
/// The kernel's release.
pub const RELEASE: &str = "release";

/// Where the names of the packages' files are noted while they are still there.
const FETCHED: &str = "packages.fetched";

/// Everything that decides what is made.
const SOURCES: &[&str] = &[
    include_str!("base.rs"),
    include_str!("elf.rs"),
    include_str!("initrd.rs"),
    include_str!("recipe.rs"),
    include_str!("root.rs"),
];

/// The directory of what was made by today's recipe; made where it isn't there.
pub fn find_or_make(workspace: &Workspace, directory: &Path, refresh: bool) -> Result<PathBuf> {
    let base = directory.join(format!("base-{:016x}", fingerprint(SOURCES)));
    if base.exists() && !refresh {
        return Ok(base);
    }
    let staged = directory.join("base.new");
    if staged.exists() {
        fs::remove_dir_all(&staged)?;
    }
    fs::create_dir_all(&staged)?;
    make(workspace, &staged)?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("base-")) {
            fs::remove_dir_all(&path)?;
        }
    }
    fs::rename(&staged, &base)?;
    Ok(base)
}

fn make(workspace: &Workspace, base: &Path) -> Result<()> {
    let debian = base.join("debian");
    fetch(workspace, base, &debian)?;
    fs::write(base.join(PACKAGES), packages(&debian)?)?;
    let release = release(&debian)?;
    fs::copy(debian.join(format!("boot/vmlinuz-{release}")), base.join(KERNEL))?;
    fs::write(base.join(RELEASE), &release)?;

    let chosen = base.join("root");
    root::choose(&debian, &chosen, &release)?;
    must(workspace.command("/usr/sbin/depmod").arg("-b").arg(&chosen).arg(&release))?;
    fs::write(base.join(MODULES), initrd::with_modules(&chosen.join("usr/lib/modules").join(&release))?)?;
    pack(workspace, &chosen, &base.join(ROOT))?;
    fs::remove_dir_all(&chosen)?;
    fs::remove_dir_all(&debian).context("cannot remove the unpacked packages")
}

/// Unpacks the packages, without running any of their scripts.
fn fetch(workspace: &Workspace, base: &Path, debian: &Path) -> Result<()> {
    let archive = base.join("debian.tar");
    let mut bootstrap = workspace.command("mmdebstrap");
    bootstrap.args(["--variant=extract", "--quiet"]);
    bootstrap.arg(format!("--extract-hook=ls \"$1/var/cache/apt/archives\" > \"$1/{FETCHED}\""));
    bootstrap.arg(format!("--include={}", recipe::PACKAGES.join(",")));
    bootstrap.arg("--keyring=/usr/share/keyrings/debian-archive-keyring.gpg");
    bootstrap.arg(recipe::SUITE).arg(&archive).args(recipe::SOURCES);
    println!("--- {}", shown(&bootstrap));
    must(bootstrap.env("SOURCE_DATE_EPOCH", recipe::EPOCH_S).stdin(Stdio::null()))?;
    fs::create_dir(debian)?;
    let mut unpack = workspace.command("tar");
    unpack.args(["--no-same-owner", "--exclude=./dev/*", "-xf"]).arg(&archive).arg("-C").arg(debian);
    must(&mut unpack)?;
    fs::remove_file(&archive).context("cannot remove the archive of packages")
}

/// The packages and their versions, from the names of their files: `NAME_VERSION_ARCHITECTURE.deb`, with `:` written as `%3a`.
fn packages(debian: &Path) -> Result<String> {
    let list = fs::read_to_string(debian.join(FETCHED)).context("cannot read what was fetched")?;
    let named = list.lines().filter_map(|file| file.strip_suffix(".deb")?.rsplit_once('_'));
    let mut packages: Vec<String> =
        named.map(|(package, _)| package.replacen('_', " ", 1).replace("%3a", ":") + "\n").collect();
    packages.sort();
    if packages.is_empty() { bail!("no packages were fetched") } else { Ok(packages.concat()) }
}

fn release(debian: &Path) -> Result<String> {
    let modules = debian.join("usr/lib/modules");
    let mut releases = fs::read_dir(&modules)?.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    match (releases.pop(), releases.is_empty()) {
        (Some(release), true) => Ok(release.to_string_lossy().into_owned()),
        _ => bail!("{} holds more or less than one kernel", modules.display()),
    }
}

/// Makes the root file system: everything is root's and of one time, whoever makes it and when.
fn pack(workspace: &Workspace, chosen: &Path, to: &Path) -> Result<()> {
    let mut pack = workspace.command("mkfs.erofs");
    pack.args(["--all-root", "-T", recipe::EPOCH_S, "-U", recipe::ROOT_UUID, "-x-1"]).arg(to).arg(chosen);
    must(pack.stdout(Stdio::null()))
}

/// 64 bits that stand for some texts (FNV-1a): tells one's few recipes apart.
fn fingerprint(texts: &[&str]) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    texts.iter().flat_map(|text| text.bytes()).fold(0xcbf2_9ce4_8422_2325, step)
}
