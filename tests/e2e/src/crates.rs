//! Real content, of which every machine that has built this has hundreds of megabytes: the crates in cargo's cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::PATIENCE;
use crate::place::finish;

/// The `.crate` files in cargo's cache that are no larger than `bytes_max`, by name. Each is a tar archive, packed, with one directory `NAME-VERSION`.
pub fn archives(bytes_max: u64) -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).unwrap();
    let cache = home.join("registry/cache");
    let registries = fs::read_dir(&cache).unwrap_or_else(|error| panic!("{}: {error}", cache.display()));
    let files = registries.flatten().flat_map(|registry| fs::read_dir(registry.path()).unwrap().flatten());
    let is_crate = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "crate");
    let is_small = |path: &PathBuf| fs::metadata(path).unwrap().len() <= bytes_max;
    let mut archives: Vec<_> = files.map(|file| file.path()).filter(|path| is_crate(path) && is_small(path)).collect();
    archives.sort_by_key(|path| path.file_name().unwrap().to_owned());
    assert!(archives.len() > 100, "{} holds {} crates only", cache.display(), archives.len());
    archives
}

/// The name and the version of an archive.
pub fn name_and_version(archive: &Path) -> (String, String) {
    let stem = archive.file_stem().unwrap().to_str().unwrap();
    let is_version = |at: &usize| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    let at = stem.match_indices('-').map(|(at, _)| at).find(is_version).expect("a version follows the name");
    (stem[..at].to_owned(), stem[at + 1..].to_owned())
}

/// Unpacks an archive's files right into a folder.
pub fn unpack(archive: &Path, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    run(Command::new("tar").args(["--strip-components=1", "-xzf"]).arg(archive).arg("-C").arg(folder));
}

/// Runs a command, which has to succeed, and gives what it wrote.
pub fn run(command: &mut Command) -> String {
    use std::process::Stdio;
    let shown = format!("{command:?}");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let ran = finish(child, PATIENCE);
    assert_eq!(ran.code, 0, "{shown}: {}{}", ran.out, ran.err);
    ran.out
}
