//! The initrd: a cpio archive of the agent as `/init`, and of the modules that it loads first.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cpio::newc::{Builder, trailer};

use super::recipe;

/// Types of entries, the directory's with its permissions (cpio(5), stat(2)).
const CHARACTER_DEVICE: u32 = 0o020_000;
const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_755;

/// The directory of the modules, and the list that says in which order they are loaded.
const PLACE: &str = "modules";
const ORDER: &str = "modules/order";

/// An archive of the boot modules, as they are packed, with the list of them; not closed yet.
pub fn with_modules(modules: &Path) -> Result<Vec<u8>> {
    let dependencies = fs::read_to_string(modules.join("modules.dep")).context("depmod wrote no list")?;
    let dependencies = parse(&dependencies);
    let mut order = Vec::new();
    for name in recipe::BOOT_MODULES {
        let paths = dependencies.get(*name).with_context(|| format!("the kernel has no module {name}"))?;
        // The module itself is named first, and what it depends on behind it, the deepest last.
        for path in paths.iter().rev() {
            if !order.contains(path) {
                order.push(*path);
            }
        }
    }
    let mut archive = Vec::new();
    add(&mut archive, PLACE, DIRECTORY, &[])?;
    let mut list = String::new();
    for path in order {
        let name = path.rsplit('/').next().unwrap_or(path);
        add(&mut archive, &format!("{PLACE}/{name}"), FILE | 0o444, &fs::read(modules.join(path))?)?;
        list.push_str(name);
        list.push('\n');
    }
    add(&mut archive, ORDER, FILE | 0o444, list.as_bytes())?;
    Ok(archive)
}

/// The initrd: an archive of modules, and the agent.
pub fn with_agent(modules: &[u8], agent: &[u8]) -> Result<Vec<u8>> {
    let mut archive = modules.to_vec();
    for directory in ["dev", "root"] {
        add(&mut archive, directory, DIRECTORY, &[])?;
    }
    // For the kernel to open as init's standard streams, before there is a file system of devices.
    let console = Builder::new("dev/console").mode(CHARACTER_DEVICE | 0o600).nlink(1).rdev_major(5).rdev_minor(1);
    console.mtime(recipe::EPOCH_S.parse()?).write(&mut archive, 0).finish()?;
    add(&mut archive, "init", FILE | 0o555, agent)?;
    trailer(&mut archive)?;
    Ok(archive)
}

fn add(archive: &mut Vec<u8>, name: &str, mode: u32, content: &[u8]) -> Result<()> {
    let builder = Builder::new(name).mode(mode).nlink(1).mtime(recipe::EPOCH_S.parse()?);
    let mut writer = builder.write(archive, u32::try_from(content.len())?);
    std::io::Write::write_all(&mut writer, content)?;
    writer.finish()?;
    Ok(())
}

/// `modules.dep`: each module's name, with the paths of itself and of what it depends on.
fn parse(dependencies: &str) -> BTreeMap<&str, Vec<&str>> {
    let modules = dependencies.lines().filter_map(|line| {
        let (path, needed) = line.split_once(':')?;
        let name = path.rsplit('/').next()?.split('.').next()?;
        Some((name, std::iter::once(path).chain(needed.split_whitespace()).collect()))
    });
    modules.collect()
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn what_a_module_depends_on_is_found() {
        let parsed = parse("kernel/a/x.ko.xz: kernel/b/y.ko.xz kernel/z.ko.xz\nkernel/z.ko.xz:\n");
        assert_eq!(parsed["x"], ["kernel/a/x.ko.xz", "kernel/b/y.ko.xz", "kernel/z.ko.xz"]);
        assert_eq!(parsed["z"], ["kernel/z.ko.xz"]);
    }

    #[test]
    fn an_archive_holds_what_was_added_and_ends_once() {
        let mut modules = Vec::new();
        add(&mut modules, "modules", DIRECTORY, &[]).unwrap();
        let archive = with_agent(&modules, b"program").unwrap();
        let mut rest = archive.as_slice();
        let mut names = Vec::new();
        loop {
            let reader = cpio::newc::Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            names.push(reader.entry().name().to_owned());
            rest = reader.finish().unwrap();
        }
        assert_eq!(names, ["modules", "dev", "root", "dev/console", "init"]);
    }
}
