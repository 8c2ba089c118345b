//! The root file system's files, chosen from the unpacked packages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{elf, recipe};

/// Makes the directory `chosen` of what the guest needs of `debian`.
pub fn choose(debian: &Path, chosen: &Path, release: &str) -> Result<()> {
    for directory in recipe::DIRECTORIES {
        fs::create_dir_all(chosen.join(directory))?;
    }
    for path in files(debian, release)? {
        copy(&debian.join(&path), &chosen.join(&path))?;
    }
    for (path, content) in recipe::FILES {
        write(&chosen.join(path), content.as_bytes())?;
    }
    let (certificates, joined) = recipe::CERTIFICATES;
    write(&chosen.join(joined), &join(&debian.join(certificates))?)?;
    for (path, target) in recipe::SYMLINKS {
        link(&chosen.join(path), target)?;
    }
    for applet in recipe::APPLETS {
        let path = chosen.join("usr/bin").join(applet);
        if fs::symlink_metadata(&path).is_err() {
            link(&path, "busybox")?;
        }
    }
    Ok(())
}

/// The files to take, as paths from the top.
fn files(debian: &Path, release: &str) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    for program in recipe::PROGRAMS {
        add_program(debian, Path::new(program), &mut files)?;
    }
    add_program(debian, Path::new(recipe::LINKER), &mut files)?;
    for whole in recipe::WHOLE {
        for file in below(debian, Path::new(whole))? {
            add_program(debian, &file, &mut files)?;
        }
    }
    let modules = Path::new("usr/lib/modules").join(release);
    for list in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
        files.insert(modules.join(list));
    }
    let kernel = modules.join("kernel");
    for file in below(debian, &kernel)? {
        let within = file.strip_prefix(&kernel)?.to_string_lossy();
        let is_wanted = |wanted: &&str| {
            within.strip_prefix(*wanted).is_some_and(|rest| rest.starts_with(['/', '.']) || rest.is_empty())
        };
        if recipe::MODULES.iter().any(is_wanted) {
            files.insert(file.clone());
        }
    }
    Ok(files)
}

/// Adds a file, what it links to, and the libraries that it needs.
fn add_program(debian: &Path, path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    let mut path = path.to_owned();
    loop {
        if !files.insert(path.clone()) {
            return Ok(());
        }
        let metadata = fs::symlink_metadata(debian.join(&path));
        if !metadata.with_context(|| format!("the packages lack {}", path.display()))?.is_symlink() {
            break;
        }
        path = target_of(debian, &path)?;
    }
    for library in elf::needed(&debian.join(&path))? {
        let found = recipe::LIBRARIES.iter().map(|place| Path::new(place).join(&library));
        let found = found.into_iter().find(|path| fs::symlink_metadata(debian.join(path)).is_ok());
        let Some(found) = found else { bail!("{} needs {library}, which no package has", path.display()) };
        add_program(debian, &found, files)?;
    }
    Ok(())
}

/// Where a symlink leads, as a path from the top.
fn target_of(debian: &Path, link: &Path) -> Result<PathBuf> {
    let target = fs::read_link(debian.join(link))?;
    let mut path = match target.strip_prefix("/") {
        Ok(_) => PathBuf::new(),
        Err(_) => link.parent().unwrap_or(Path::new("")).to_owned(),
    };
    for part in target.components() {
        match part {
            std::path::Component::Normal(name) => path.push(name),
            std::path::Component::ParentDir => drop(path.pop()),
            _ => {}
        }
    }
    // `/lib` and the like are links to what stands below `/usr`.
    let first = path.iter().next().unwrap_or_default();
    Ok(if ["bin", "sbin", "lib", "lib64"].iter().any(|top| first == *top) { Path::new("usr").join(path) } else { path })
}

/// The files below a directory, or the file itself, as paths from the top, in order.
fn below(debian: &Path, path: &Path) -> Result<Vec<PathBuf>> {
    let metadata = fs::symlink_metadata(debian.join(path));
    if !metadata.with_context(|| format!("the packages lack {}", path.display()))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut names = fs::read_dir(debian.join(path))?.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    names.sort();
    let mut files = Vec::new();
    for name in names {
        files.extend(below(debian, &path.join(name))?);
    }
    Ok(files)
}

fn join(directory: &Path) -> Result<Vec<u8>> {
    let mut joined = Vec::new();
    for file in below(directory, Path::new(""))? {
        joined.extend(fs::read(directory.join(file))?);
        joined.push(b'\n');
    }
    Ok(joined)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    make_parent(to)?;
    if fs::symlink_metadata(from)?.is_symlink() {
        return link(to, &fs::read_link(from)?.to_string_lossy());
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    make_parent(path)?;
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

fn link(path: &Path, target: &str) -> Result<()> {
    make_parent(path)?;
    symlink(target, path).with_context(|| format!("cannot link {}", path.display()))
}

#[cfg(unix)]
use std::os::unix::fs::symlink;

/// The tools that an image is made with are Linux's.
#[cfg(not(unix))]
fn symlink(_: &str, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

fn make_parent(path: &Path) -> Result<()> {
    fs::create_dir_all(path.parent().context("a file has a directory")?)?;
    Ok(())
}
